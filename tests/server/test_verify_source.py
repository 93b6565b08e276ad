"""`binbus verify source`: kept rows are compared with the source's while both change; what is planted is found, and repaired."""

import json
import re
import signal
import subprocess

import pytest

from binbus import PROGRAM
from process import wait_until
from servers import FAST
from test_state import SERVERS, Changes, assert_kept, keep, keeper, make_tables, snapshot, wait_ready
from test_values import Session, declarations_for

EQUAL, FAILED, FOUND = 0, 1, 3


def verify(binbus, *words, status=EQUAL):
    """{table: what is said of it}, without those that are equal; and how many rows were compared"""
    ran = binbus.run("verify", "source", "-c", "binbus.toml", "--json", *words, check=False)
    assert ran.returncode == status, f"{ran.returncode}: {ran.stdout}{ran.stderr}{binbus.log()[-3000:]}"
    result = json.loads(ran.stdout)
    same = {"differ": 0, "missing": 0, "extra": 0, "repaired": 0, "not_comparable": None, "first": []}
    found = {table["table"]: table for table in result["tables"] if not same.items() <= table.items()}
    return found, sum(table["rows"] for table in result["tables"])


def refused(binbus, *words, status=FAILED):
    ran = binbus.run("verify", "source", "-c", "binbus.toml", *words, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr
    return ran.stderr


def differences(table):
    """(kind, values of the key, columns that differ) of each"""
    return sorted((each["kind"], *each["key"].values(), *each.get("columns", [])) for each in table["first"])


# What is done to a table behind the log's back, and how it shows.
PLANTED = {
    "plain (id INT PRIMARY KEY, v INT, t VARCHAR(20))": (
        ["UPDATE {t} SET v = -1, t = 'x' WHERE id = 7", "DELETE FROM {t} WHERE id = 8", "INSERT INTO {t} VALUES (99999, 1, 'y')"],
        [("differs", "7", "v", "t"), ("extra", "8"), ("missing", "99999")]),
    "cased (k VARCHAR(30) COLLATE utf8_general_ci PRIMARY KEY, v INT)": (
        ["UPDATE {t} SET k = UPPER(k) WHERE k = 'a10'", "UPDATE {t} SET v = -1 WHERE k = 'b11'", "DELETE FROM {t} WHERE k = 'é12'"],
        [("differs", "b11", "v"), ("extra", "a10"), ("extra", "é12"), ("missing", "A10")]),
    "composite (a INT, b VARCHAR(20), c DATETIME(3), v INT, PRIMARY KEY (b, a, c))": (
        ["UPDATE {t} SET v = NULL WHERE a = 5", "DELETE FROM {t} WHERE a = 6", "UPDATE {t} SET c = '2025-01-01' WHERE a = 7"],
        [("differs", "5", "w5", "2024-01-01 10:00:00.005", "v"), ("extra", "6", "w6", "2024-01-01 10:00:00.006"),
         ("extra", "7", "w7", "2024-01-01 10:00:00.007"), ("missing", "7", "w7", "2025-01-01 00:00:00.000")]),
    "bytes (k VARBINARY(20) PRIMARY KEY, v INT)": (
        ["DELETE FROM {t} WHERE v = 3"], [("extra", "0x000300")]),
    "none (a INT, v INT)": (
        ["DELETE FROM {t} WHERE a = 5 LIMIT 1", "UPDATE {t} SET v = -1 WHERE a = 6"],
        [("extra", "5", "5"), ("extra", "6", "6"), ("missing", "6", "-1")]),
}


def plant(source, count=400):
    """Tables of those, in planted, with rows; they are equal yet."""
    source.sql("CREATE DATABASE planted DEFAULT CHARACTER SET utf8", *[f"CREATE TABLE planted.{declaration}" for declaration in PLANTED])
    with source.connect() as connection, connection.cursor() as cursor:
        for i in range(count):
            for table, row in {"plain": (i, i, "t"), "cased": ({10: "a", 11: "b", 12: "é"}.get(i, "q") + str(i), i), "composite": (i, f"w{i}", f"2024-01-01 10:00:00.{i:03}", i),
                               "bytes": (bytes([0, i % 256, i // 256]), i), "none": (i, i)}.items():
                cursor.execute(f"INSERT INTO planted.{table} VALUES ({', '.join(['%s'] * len(row))})", row)
        connection.commit()


@pytest.mark.parametrize("name", SERVERS)
def test_what_is_planted_is_found_and_repaired_while_others_write(lab, name):
    source = lab.server(name, *FAST)
    make_tables(source)
    plant(source)
    binbus = keeper(lab, source, "app.*", "planted.*").start()
    wait_ready(binbus, source)
    expected = {}
    for declaration, (statements, shown) in PLANTED.items():
        table = "planted." + declaration.split()[0]
        source.sql("SET SESSION sql_log_bin = 0", *[statement.format(t=table) for statement in statements])
        expected[table] = sorted(shown)

    # MySQL must pause for a moment to have a table without a key compared: see docs/snapshots.md.
    with_key = [f"{schema}.{table}" for schema, tables in (("app", "composite cased latin bytes padded numbers floating labels moments unique_only"),
                                                           ("planted", "plain cased composite bytes")) for table in tables.split()]
    with Changes(source) as changes:
        found, rows = verify(binbus, "--tables", *with_key, status=FOUND)
        assert {table: differences(told) for table, told in found.items()} == {table: each for table, each in expected.items() if "none" not in table}
        assert rows > 20_000 and changes.done > 50
        found, _ = verify(binbus, "--repair", "--tables", *with_key, status=FOUND)
        assert all(told["repaired"] == len(expected[table]) for table, told in found.items()) and len(found) == 4
    # Whose log has parts of rows only.
    with Changes(source, on_connect="SET SESSION binlog_row_image = MINIMAL") as changes:
        found, _ = verify(binbus, "--tables", *with_key)
        assert not found and changes.done > 50
    found, _ = verify(binbus, status=FOUND)
    assert {table: differences(told) for table, told in found.items()} == {"planted.none": expected["planted.none"]}
    found, _ = verify(binbus, "--repair", status=FOUND)
    assert found["planted.none"]["repaired"] == 3
    assert verify(binbus)[0] == {}
    wait_ready(binbus, source)
    assert assert_kept(binbus, source, "planted") == len(PLANTED)
    # Also on disk.
    binbus.kill9()
    binbus.start()
    wait_ready(binbus, source)
    assert_kept(binbus, source, "planted")


@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011", "mariadb118"])
def test_equal_values_of_every_type_are_equal(lab, name):
    """Whether they were read or came by the log, and whatever formats they have there; a change of each is a difference."""
    source = lab.server(name, *FAST)
    session = Session(source)
    declarations = declarations_for(name, source)
    session.run("CREATE DATABASE v DEFAULT CHARACTER SET utf8")
    for number, declaration in enumerate(declarations):
        session.run(f"CREATE TABLE v.c{number} (id INT PRIMARY KEY, v {declaration})")

    def insert(first):
        for number, (declaration, values) in enumerate(declarations.items()):
            session.run("BEGIN")
            for place, value in enumerate([*values, "NULL"]):
                session.run(f"INSERT INTO v.c{number} (id, v) VALUES ({first + place}, {session.literal(declaration, value)})")
            session.run("COMMIT")

    insert(0)
    binbus = keeper(lab, source, "v.*").start()
    wait_ready(binbus, source)
    insert(100_000)
    wait_ready(binbus, source)
    found, rows = verify(binbus)
    assert not found and rows == 2 * sum(len(values) + 1 for values in declarations.values())

    def nulls():
        return {f"v.c{number}" for number in range(len(declarations)) if source.value(f"SELECT v IS NULL FROM v.c{number} WHERE id = 100000")}

    were_null = nulls()
    source.sql("SET SESSION sql_log_bin = 0", *[f"UPDATE v.c{number} SET v = NULL WHERE id = 100000" for number in range(len(declarations))])
    changed = nulls() - were_null
    assert len(changed) > len(declarations) / 2
    found, _ = verify(binbus, "--repair", status=FOUND)
    assert changed <= set(found) and all(differences(told) == [("differs", "100000", "v")] for told in found.values())
    assert verify(binbus)[0] == {}


def test_it_is_told_to_people_and_refused_with_a_reason(lab):
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY, v INT)", "INSERT INTO app.a VALUES (1, 1), (2, 2), (3, 3)",
               "CREATE TABLE app.b (id INT PRIMARY KEY)")
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    shown = binbus.run("verify", "source", "shop", "-c", "binbus.toml").stdout
    assert "3 rows compared, all equal" in shown and "app.b" in shown
    source.sql("SET SESSION sql_log_bin = 0", "UPDATE app.a SET v = 9 WHERE id = 2")
    shown = binbus.run("verify", "source", "-c", "binbus.toml", "--repair", "--tables", "app.a", check=False)
    assert shown.returncode == FOUND and "differs app.a  id=2: v" in shown.stdout and "1 differ, 1 repaired" in shown.stdout, shown
    assert re.search(r"state_rows_repaired.*table=app.a.*rows=1", binbus.log())

    assert "app.none is not one of the tables that are kept" in refused(binbus, "--tables", "app.none")
    assert "/(/" in refused(binbus, "--tables", "/(/")
    assert "no stream" in refused(binbus, "other")
    # A table that cannot be read any more does not hold the others up.
    source.sql("SET SESSION sql_log_bin = 0", "DROP TABLE app.b")
    found, rows = verify(binbus, status=FOUND)
    assert "app.b" in found["app.b"]["not_comparable"] and rows == 3, found
    source.sql("SET SESSION sql_log_bin = 0", "CREATE TABLE app.b (id INT PRIMARY KEY)")
    binbus.run("snapshot", "start", "app.b", "-c", "binbus.toml")
    wait_ready(binbus, source)
    assert verify(binbus)[0] == {}

    source.stop()
    assert re.search("connect|refused", refused(binbus)), binbus.log()[-2000:]
    binbus.stop()
    binbus.config.pop("state")
    binbus.start()
    assert "keeps no rows: it has no [[state]]" in refused(binbus)
    binbus.stop()
    assert "no binbus answers" in refused(binbus, status=4)


def test_one_at_a_time_throttled_and_ended_with_its_command(lab):
    """Statements meanwhile change its tables, and binbus stops under it."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO app.a (v) VALUES ('x')",
               *["INSERT INTO app.a (v) SELECT v FROM app.a"] * 13)
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    binbus.stop()
    keep(binbus, "app.*", rows_per_second=500)
    binbus.start()
    wait_ready(binbus, source)

    def start():
        return subprocess.Popen([PROGRAM, "verify", "source", "-c", "binbus.toml"], cwd=binbus.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def begun(times):
        wait_until(lambda: len(re.findall("state_verify_begun", binbus.log())) == times, "it has begun", 30)

    first = start()
    begun(1)
    assert "are being compared already" in refused(binbus)
    # The log is followed all the while.
    source.sql("UPDATE app.a SET v = 'y' WHERE id = 1")
    wait_until(lambda: '"v":"y"' in binbus.run("get", "-c", "binbus.toml", "app.a", "1").stdout, "the change is there", 30)
    first.send_signal(signal.SIGINT)
    first.wait(10)
    wait_until(lambda: "it was cancelled" in binbus.log(), "it has ended", 30)

    second = start()
    begun(2)
    source.sql("TRUNCATE app.a", "INSERT INTO app.a VALUES (1, 'new')")
    out, _ = second.communicate(timeout=60)
    assert second.returncode == EQUAL and "1 rows compared, all equal" in out, out

    source.sql("INSERT INTO app.a (v) SELECT a.v FROM app.a, (SELECT 1 FROM information_schema.columns LIMIT 2000) more")
    wait_ready(binbus, source)
    third = start()
    begun(3)
    source.sql("ALTER TABLE app.a ADD COLUMN w INT DEFAULT 5")
    out, _ = third.communicate(timeout=60)
    assert third.returncode in (EQUAL, FOUND) and ("being read at the source" in out) == (third.returncode == FOUND), out

    wait_until(lambda: all(table["phase"] == "ready" for table in snapshot(binbus)["tables"]), "it is read again", 60)
    fourth = start()
    begun(4)
    binbus.stop()
    _, error = fourth.communicate(timeout=30)
    assert fourth.returncode in (FAILED, 4) and re.search("stopping|ended", error), error


def test_in_a_cluster_it_is_about_the_node_that_is_asked(lab, cluster_of):
    source = lab.server("mysql97", *FAST)
    source.sql("GRANT SELECT ON *.* TO repl@'%'", "CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY, v INT)",
               "INSERT INTO app.a VALUES (1, 1), (2, 2)")
    cluster = cluster_of(source, state=["app.*"])
    for node in cluster.nodes:
        wait_ready(node, source)
        assert verify(node) == ({}, 2)
    source.sql("SET SESSION sql_log_bin = 0", "UPDATE app.a SET v = 9 WHERE id = 2")
    first, *others = cluster.nodes
    assert verify(first, "--repair", status=FOUND)[0]["app.a"]["repaired"] == 1
    assert verify(first) == ({}, 2)
    for node in others:
        assert differences(verify(node, status=FOUND)[0]["app.a"]) == [("differs", "2", "v")]
