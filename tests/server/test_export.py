"""Snapshots on disk, and files of them: as of one place of the log, whatever the source and binbus do meanwhile."""

import csv
import fcntl
import gzip
import hashlib
import io
import json
import os
import signal
import subprocess

import pytest

from faults import assert_says
from process import wait_until
from servers import FAST, installed
from test_faults_disk import SmallDisk
from test_select import fill
from test_state import ACCOUNTS, TOTAL, Transfers, assert_kept, keep, keeper, snapshot, wait_ready, wait_table
from test_values import Session, declarations_for

CONFIG = ("-c", "binbus.toml")


def kept_source(lab, name="mysql97", rows=1000):
    """A source with rows of app.a, and a binbus that keeps them."""
    source = lab.server(name, *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY, v VARCHAR(100))",
               "CREATE TABLE app.b (id INT PRIMARY KEY, v VARCHAR(100))", "INSERT INTO app.b VALUES (1, 'one')")
    with source.connect() as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO app.a VALUES (%s, %s)", [(i, f"value {i}") for i in range(rows)])
        connection.commit()
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    return source, binbus


def create(binbus):
    """The name of a new snapshot."""
    return binbus.run("snapshot", "create", *CONFIG).stdout.split()[0]


def listed(binbus):
    return json.loads(binbus.run("snapshot", "list", *CONFIG, "--json").stdout)["streams"][0]["snapshots"]


def fails(binbus, *words, status=1):
    """What a command that cannot be done says."""
    ran = binbus.run(*words, check=False)
    assert ran.returncode == status, (ran.returncode, ran.stdout, ran.stderr)
    return ran.stderr


def test_snapshots_are_listed_and_removed_while_binbus_runs_or_not(lab):
    source, binbus = kept_source(lab)
    assert binbus.run("snapshot", "list", *CONFIG).stdout == "no snapshots\n"
    first = create(binbus)
    source.sql("DELETE FROM app.a WHERE id < 500", "DROP TABLE app.b")
    wait_ready(binbus, source)
    second = create(binbus)
    assert first != second
    binbus.stop()
    there = listed(binbus)
    assert [each["name"] for each in there] == [first, second]
    assert [each["tables"] for each in there] == [["app.a", "app.b"], ["app.a"]]
    assert all(each["purpose"] == "command" and each["bytes"] > 0 for each in there)
    file, offset = source.position()
    assert there[1]["position"] == f"{file}:{offset}"
    assert there[1]["gtid_executed"] == source.gtids() != there[0]["gtid_executed"]
    text = binbus.run("snapshot", "list", *CONFIG).stdout
    assert first in text and "app.a, app.b" in text and there[0]["position"] in text

    said = fails(binbus, "snapshot", "remove", *CONFIG, "nonsense")
    assert "no snapshot \"nonsense\"" in said and first in said and second in said
    assert "no binbus answers" in fails(binbus, "snapshot", "create", *CONFIG, status=4)
    binbus.run("snapshot", "remove", *CONFIG, first)
    assert [each["name"] for each in listed(binbus)] == [second]
    binbus.start()
    wait_ready(binbus, source)
    binbus.run("snapshot", "remove", *CONFIG, second)
    assert listed(binbus) == []
    assert os.listdir(binbus.segments / "snapshots") == []


def test_a_crash_while_one_is_made_leaves_none(lab):
    """Killed at any time, under load: what is listed is whole, and what is not goes at the next start."""
    source = lab.server("mysql97", *FAST)
    Transfers.prepare(source)
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    made = []
    with Transfers(source):
        for kill in range(4):
            asking = subprocess.Popen(["/bin/sh", "-c", "while $0 snapshot create -c binbus.toml; do :; done", binbus.command()[0]],
                                      cwd=binbus.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            lines = [asking.stdout.readline() for _ in range(1 + kill)]
            binbus.kill9()
            lines += asking.communicate(timeout=60)[0].splitlines()
            made += [line.split()[0] for line in lines]
            binbus.start()
            place = snapshot(binbus)["position"]
            wait_until(lambda: snapshot(binbus)["position"] not in ("", place), "the rows go on", 60,
                       lambda: json.dumps(snapshot(binbus)) + binbus.log()[-3000:])
    there = [each["name"] for each in listed(binbus)]
    assert set(made) <= set(there)
    assert sorted(os.listdir(binbus.segments / "snapshots")) == sorted(there)


def export(binbus, folder, *words, check=True):
    return binbus.run("snapshot", "export", *CONFIG, "--to", folder, *words, check=check)


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def read_parts(folder, table):
    """The bytes of each of a table's files, uncompressed; they are what the manifest says."""
    told = manifest(folder)
    expand = {"none": bytes, "gzip": gzip.decompress,
              "zstd": lambda data: subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout}[told["compress"]]
    out = []
    for part in next(each for each in told["tables"] if each["name"] == table)["parts"]:
        data = (folder / part["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (part["bytes"], part["sha256"]), part
        out.append(expand(data))
    return out


def load(server, folder, schema):
    """`mysql < file`, of every file."""
    client = "mysql97" if server.name == "mysql97" else "mariadb1011"  # which older servers came without
    for table in manifest(folder)["tables"]:
        for data in read_parts(folder, table["name"]):
            ran = subprocess.run([installed(client) / "bin/client", f"--socket={server.socket}", "-uroot", "--max-allowed-packet=64M", schema], input=data, capture_output=True)
            assert ran.returncode == 0, (table["name"], ran.stderr[-2000:])


def make_same_tables(source, target, schema):
    """The same tables without rows."""
    target.sql(f"CREATE DATABASE {schema}")
    with source.connect() as connection, connection.cursor() as cursor, target.connect() as other, other.cursor() as making:
        making.execute("SET sql_mode = ''")
        making.execute(f"USE {schema}")
        cursor.execute(f"SHOW TABLES IN {schema}")
        tables = [name for (name,) in cursor.fetchall()]
        for name in tables:
            cursor.execute(f"SHOW CREATE TABLE {schema}.`{name}`")
            making.execute(cursor.fetchone()[1])
    return tables


def make_target(source, server, schema):
    """A server with the same tables, and an account with what an export needs."""
    server.sql("CREATE USER loader@'%' IDENTIFIED BY 'sesame'", f"GRANT SELECT, INSERT ON {schema}.* TO loader@'%'",
               "GRANT ALL ON binbus_export.* TO loader@'%'")
    return make_same_tables(source, server, schema)


def into_server_words(server, *words):
    return ["snapshot", "export", *CONFIG, "--to", f"mysql://127.0.0.1:{server.port}", "--user", "loader", "--password", "sesame", *words]


def into_server(binbus, server, *words, check=True):
    return binbus.run(*into_server_words(server, *words), check=check)


def parts_done(server):
    """How many parts an export says there, that is under way."""
    there = server.value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'binbus_export' AND table_name = 'done'")
    return there and server.value("SELECT COUNT(*) FROM binbus_export.done")


def assert_equal_tables(source, target, schema, tables):
    names = ", ".join(f"{schema}.`{name}`" for name in tables)
    theirs, ours = (dict(server.sql(f"CHECKSUM TABLE {names}")) for server in (source, target))
    assert {name: checksum for name, checksum in ours.items() if theirs[name] != checksum} == {}
    assert len(ours) == len(tables) and None not in ours.values()


@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011"])
def test_sql_makes_equal_tables(lab, name):
    """Values of every type, loaded into another server by its own client."""
    source, target = lab.servers(name, name)
    declarations = {declaration: values for declaration, values in declarations_for(name, source).items()}
    session = Session(source)
    fill(session, declarations)
    session.run("CREATE TABLE v.made (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b INT AS (a + 1) STORED, c VARCHAR(20) AS (CONCAT('c', a)), d INT)"
                if name != "mysql56" else "CREATE TABLE v.made (id INT PRIMARY KEY AUTO_INCREMENT, a INT, d INT)")
    session.run("INSERT INTO v.made (a, d) VALUES (1, 2), (NULL, 3), (5, NULL)")
    session.run("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    session.run("INSERT INTO v.made (id, a) VALUES (0, 9)")
    session.run("CREATE TABLE v.keyless (a INT, t TEXT)")
    session.run("INSERT INTO v.keyless VALUES (1, 'x'), (1, 'x'), (2, NULL), (1, 'x')")
    session.run("COMMIT")
    binbus = keeper(lab, source, "v.*").start()
    wait_ready(binbus, source)
    folder = binbus.folder / "out"
    export(binbus, folder)
    make_target(source, target, "v")
    told = [table["name"] for table in manifest(folder)["tables"]]
    assert told == sorted(table["name"] for table in snapshot(binbus)["tables"]) and len(told) == len(declarations) + 2
    # Documents that a server made of SQL values have the values that their text reads as.
    documents = [f"v.c{number}" for number, declaration in enumerate(declarations) if declaration == "json" and not source.is_mariadb]

    def assert_equal():
        assert_equal_tables(source, target, "v", [table.removeprefix("v.") for table in told if table not in documents])
        for table in documents:
            theirs, ours = (server.sql(f"SELECT id, CAST(v AS CHAR) FROM {table} ORDER BY id") for server in (source, target))
            assert [(id, text and json.loads(text)) for id, text in theirs] == [(id, text and json.loads(text)) for id, text in ours]

    load(target, folder, "v")
    assert_equal()
    target.sql(*[f"TRUNCATE {table}" for table in told])
    into_server(binbus, target)
    assert_equal()
    made = next(table for table in manifest(folder)["tables"] if table["name"] == "v.keyless")
    assert made["rows"] == 4
    assert b"`b`" not in b"".join(read_parts(folder, "v.made"))


ROWS = [(1, "plain", b"\x00\xff", "2024-02-29"), (2, None, None, None), (3, "", b"", "0000-00-00"), (4, 'a,"b"\r\nc', b",\"", None),
        (5, "\\N", b"\\N", None), (6, "\U0001F600 ä", b"x" * 20, "9999-12-31")]


def test_csv_and_json_lines_are_what_was_stored(lab):
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app DEFAULT CHARACTER SET utf8mb4",
               "CREATE TABLE app.a (id INT PRIMARY KEY, t VARCHAR(50), b VARBINARY(50), d DATE, g INT AS (id * 2))")
    with source.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.executemany("INSERT INTO app.a (id, t, b, d) VALUES (%s, %s, %s, %s)", ROWS)
        connection.commit()
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    export(binbus, binbus.folder / "csv", "--format", "csv", "--compress", "gzip")
    (data,) = read_parts(binbus.folder / "csv", "app.a")
    head, *lines = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    assert head == ["id", "t", "b", "d", "g"]
    assert lines == [[str(id), "\\N" if text is None else text, "\\N" if data is None else data.hex().upper(), date or "\\N", str(id * 2)]
                     for id, text, data, date in ROWS]
    assert b'5,"\\N",' in data and b"2,\\N,\\N,\\N,4\r\n" in data  # the text, and NULL

    export(binbus, binbus.folder / "jsonl", "--format", "jsonl", "--compress", "zstd")
    (data,) = read_parts(binbus.folder / "jsonl", "app.a")
    messages = [json.loads(line) for line in data.decode().splitlines()]
    assert [message["after"]["t"] for message in messages] == [row[1] for row in ROWS]
    assert data.decode() == binbus.run("get", *CONFIG, "app.a").stdout


def test_parts_of_a_table_and_a_killed_export_goes_on(lab):
    """What was written stays; the snapshot stays until the export is finished, whatever becomes of the rows; binbus need not run for it."""
    source, binbus = kept_source(lab, rows=60_000)
    target = lab.server("mysql97", *FAST)
    tables = make_same_tables(source, target, "app")
    binbus.stop()  # so that all rows are sorted into files
    binbus.start()
    wait_ready(binbus, source)
    folder = binbus.folder / "out"
    words = ["--compress", "zstd", "--threads", "2", "--part-size", "8 KiB"]
    child = subprocess.Popen([binbus.command()[0], "snapshot", "export", *CONFIG, "--to", folder, *words], cwd=binbus.folder)

    def parts():
        return sorted(folder.glob("app.a.*.sql.zst"))

    wait_until(lambda: len(parts()) >= 5, "some parts are written", 60)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert not (folder / "manifest.json").exists()
    done = [json.loads(line)["part"] for line in (folder / "export.done").read_text().splitlines() if line.endswith("}")]
    before = {part: (folder / part).stat().st_ino for part in done}
    (own,) = listed(binbus)
    assert own["purpose"] == "export"

    binbus.stop()
    said = export(binbus, folder, "--format", "csv", check=False).stderr
    assert "--format sql, not csv" in said and "broken off" in said
    export(binbus, folder, *words)
    assert {part: (folder / part).stat().st_ino for part in done} == before
    assert len(parts()) > len(done) and listed(binbus) == []
    told = manifest(folder)
    assert [(table["name"], table["rows"]) for table in told["tables"]] == [("app.a", 60_000), ("app.b", 1)]
    assert (told["position"], told["gtid_executed"]) == (own["position"], own["gtid_executed"])
    assert sorted(os.listdir(folder)) == sorted([part["file"] for table in told["tables"] for part in table["parts"]] + ["manifest.json"])
    load(target, folder, "app")
    assert_equal_tables(source, target, "app", tables)


def test_an_export_into_a_server_goes_on(lab):
    """Killed itself, and with the server killed: each row comes once. As of a point, with binbus stopped."""
    source, binbus = kept_source(lab, rows=60_000)
    target = lab.server("mysql97", "--innodb-flush-log-at-trx-commit=2")  # one that is killed has what it said is done
    tables = make_target(source, target, "app")
    create(binbus)
    file, offset = source.position()
    source.sql("UPDATE app.a SET v = 'later'")
    wait_ready(binbus, source)
    name = binbus.run("snapshot", "create", *CONFIG, "--at", f"{file}:{offset}").stdout.split()[0]
    binbus.stop()  # so that all rows are sorted into files
    words = ["--threads", "2", "--part-size", "8 KiB", "--snapshot", name]
    for victim in ("export", "server"):
        done = parts_done(target)
        child = subprocess.Popen([binbus.command()[0], *into_server_words(target, *words)], cwd=binbus.folder, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: parts_done(target) >= done + 3, "some parts are done", 60)
        if victim == "export":
            child.kill()
            child.wait()
        else:
            target.kill9()
            _, said = child.communicate(timeout=60)
            assert child.returncode != 0 and "the same command goes on" in said, said
            target.start()
            target.value("SELECT 1")  # it answers
    said = into_server(binbus, target, "app.b", *words, check=False)
    assert said.returncode == 1 and "of all tables, not app.b" in said.stderr and "DROP DATABASE binbus_export" in said.stderr
    told = into_server(binbus, target, *words).stdout
    assert "2 tables, 60,001 rows" in told and f"as of {file}:{offset}" in told and "executed there: " in told
    assert target.sql("SHOW DATABASES LIKE 'binbus_export'") == ()
    source.sql("UPDATE app.a SET v = CONCAT('value ', id)")
    assert_equal_tables(source, target, "app", tables)


def test_a_server_that_does_not_fit_is_refused(lab):
    """With nothing done to it."""
    source, binbus = kept_source(lab)
    target = lab.server("mysql97", *FAST)

    def refused(*words, status=1):
        said = into_server(binbus, target, *words, check=False)
        assert said.returncode == status, said.stderr
        assert listed(binbus) == []
        return said.stderr

    make_target(source, target, "app")
    target.sql("DROP TABLE app.b")
    assert "has no table app.b; make it" in refused()
    target.sql("CREATE TABLE app.b LIKE app.a")
    target.sql("INSERT INTO app.a VALUES (1, 'theirs')")
    assert "has rows in app.a; TRUNCATE" in refused()
    assert "--format and --compress are of files" in refused("--format", "csv", status=2)
    (binbus.folder / "wrong").write_text("simsim")
    assert "Access denied" in refused("--password-file", "wrong")
    assert target.sql("SHOW DATABASES LIKE 'binbus_export'") == () and target.sql("SELECT * FROM app.a") == ((1, "theirs"),)
    target.sql("DELETE FROM app.a", "ALTER TABLE app.a MODIFY v VARCHAR(7)")
    said = into_server(binbus, target)
    assert "warned" in said.stderr and "first of app.a: Data truncated" in said.stderr and "compare the tables" in said.stderr


def test_an_export_is_of_one_place(lab):
    """While the rows change; and one of an older snapshot is of that one's place, with binbus stopped."""
    source = lab.server("mysql97", *FAST)
    Transfers.prepare(source)
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)

    def counted(folder):
        accounts, counters = ([json.loads(line)["after"] for data in read_parts(folder, table) for line in data.splitlines()]
                              for table in ("app.accounts", "app.counters"))
        assert len(accounts) == ACCOUNTS and sum(account["balance"] for account in accounts) == TOTAL
        return len(counters)

    with Transfers(source):
        wait_until(lambda: source.value("SELECT COUNT(*) FROM app.counters") > 50, "some transfers", 60)
        old = create(binbus)
        for number in range(3):
            export(binbus, binbus.folder / f"out{number}", "--format", "jsonl", "--threads", 4)
    binbus.stop()
    export(binbus, binbus.folder / "old", "--format", "jsonl", "--snapshot", old)
    counts = [counted(binbus.folder / name) for name in ("old", "out0", "out1", "out2")]
    assert counts == sorted(counts) and counts[0] < counts[-1]
    assert [each["name"] for each in listed(binbus)] == [old]  # those that were made for exports are gone


def test_what_cannot_be_exported_is_said(lab):
    source, binbus = kept_source(lab)
    name = create(binbus)
    folder = binbus.folder / "out"
    said = export(binbus, folder, "app.aa", check=False)
    assert said.returncode == 1 and "no table app.aa; did you mean app.a?" in said.stderr
    assert [each["name"] for each in listed(binbus)] == [name]  # and nothing is left of the attempt
    said = export(binbus, folder, "--snapshot", "nonsense", check=False)
    assert said.returncode == 1 and f"there are: {name}" in said.stderr
    said = export(binbus, folder, "--format", "xml", check=False)
    assert said.returncode == 2 and "jsonl" in said.stderr
    said = export(binbus, folder, "--part-size", "much", check=False)
    assert said.returncode == 2 and "a size such as" in said.stderr
    export(binbus, folder, "app.b")
    assert [table["name"] for table in manifest(folder)["tables"]] == ["app.b"]
    said = export(binbus, folder, check=False)
    assert said.returncode == 1 and "has a finished export" in said.stderr
    said = export(binbus, binbus.folder, check=False)
    assert said.returncode == 1 and "is not empty" in said.stderr
    binbus.stop()
    said = export(binbus, binbus.folder / "other", check=False)
    assert said.returncode == 4 and "--snapshot" in said.stderr


def test_a_full_disk_holds_an_export_up(lab):
    source, binbus = kept_source(lab, rows=60_000)
    folder = binbus.folder / "out"
    with SmallDisk(folder, 1) as disk:
        said = export(binbus, folder, "--threads", "2", "--part-size", "16 KiB", check=False)
        assert said.returncode == 1
        assert_says(said.stderr, str(folder), "o space left", "the same command goes on")
        disk.grow(64)
        export(binbus, folder)
        assert manifest(folder)["tables"][0]["rows"] == 60_000
        assert sum(data.count(b"\n(") for data in read_parts(folder, "app.a")) == 60_000
    assert listed(binbus) == []


def test_a_snapshot_that_is_read_is_not_removed(lab):
    source, binbus = kept_source(lab, rows=60_000)
    name = create(binbus)
    child = subprocess.Popen([binbus.command()[0], "snapshot", "export", *CONFIG, "--to", "out", "--snapshot", name, "--part-size", "8 KiB"],
                             cwd=binbus.folder)
    wait_until(lambda: (binbus.folder / "out/export.done").exists(), "it reads", 60)
    child.send_signal(signal.SIGSTOP)
    try:
        assert "is being read" in fails(binbus, "snapshot", "remove", *CONFIG, name)
    finally:
        child.kill()
        child.wait()
    binbus.run("snapshot", "remove", *CONFIG, name)  # the lock is gone with the reader
    said = export(binbus, binbus.folder / "out", "--snapshot", name, "--part-size", "8 KiB", check=False)
    assert said.returncode == 1 and "a snapshot that is gone" in said.stderr


@pytest.mark.parametrize("key", ["PRIMARY KEY", "NOT NULL"], ids=["key", "keyless"])
def test_a_reading_that_is_cancelled_stays_so(lab, key):
    """Through changes, TRUNCATE, ALTER and a restart, until it is started again; other tables are kept all the same."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.b (id INT PRIMARY KEY)", "INSERT INTO app.b VALUES (1)",
               f"CREATE TABLE app.a (id INT {key}, v VARCHAR(200))", "INSERT INTO app.a VALUES (1, REPEAT('x', 200))",
               *["INSERT INTO app.a SELECT id + (SELECT MAX(id) FROM app.a), v FROM app.a"] * 12)
    binbus = keeper(lab, source, "app.*", rows_per_second=100).start()
    if key == "PRIMARY KEY":
        wait_table(binbus, "app.a", lambda table: table["phase"] == "filling" and table["rows_read"] > 0, "it is being read")
    else:
        # It is read in one piece, too fast to be met at it; a pause holds for the next reading too, and not for one that is asked for.
        wait_table(binbus, "app.a", lambda table: table["phase"] == "ready", "it is read")
        binbus.run("snapshot", "pause", *CONFIG, "app.a")
        wait_table(binbus, "app.a", lambda table: table["paused"], "it is paused")
        source.sql("ALTER TABLE app.a ADD COLUMN x INT DEFAULT 5")
        wait_table(binbus, "app.a", lambda table: table["phase"] == "filling" and table["paused"], "it is to be read again, and waits")
    binbus.run("snapshot", "cancel", *CONFIG, "app.a")

    def cancelled():
        wait_table(binbus, "app.a", lambda table: table["phase"] == "cancelled" and table["rows_read"] == 0, "it is cancelled")

    cancelled()
    shown = binbus.run("snapshot", "status", *CONFIG).stdout
    assert "cancelled" in shown and "binbus snapshot start app.a" in shown
    wait_table(binbus, "app.b", lambda table: table["phase"] == "ready", "the other one is read")
    assert "app.a is not one of the tables that are kept" in fails(binbus, "get", *CONFIG, "app.a")
    source.sql("UPDATE app.a SET v = 'y' WHERE id = 1", "ALTER TABLE app.a ADD COLUMN w INT DEFAULT 5", "INSERT INTO app.b VALUES (2)")
    wait_until(lambda: binbus.run("get", *CONFIG, "app.b", 2, check=False).returncode == 0, "the log is followed", 60)
    cancelled()
    binbus.kill9()
    binbus.start()
    cancelled()
    assert "nothing of app.a is being read" in fails(binbus, "snapshot", "cancel", *CONFIG, "app.a")
    assert "no table of stream shop is being read" in fails(binbus, "snapshot", "cancel", *CONFIG)
    assert "not one of the tables" in fails(binbus, "snapshot", "cancel", *CONFIG, "app.nothing")

    source.sql("TRUNCATE app.a", "INSERT INTO app.a (id) VALUES (7)", "INSERT INTO app.b VALUES (3)")
    wait_until(lambda: binbus.run("get", *CONFIG, "app.b", 3, check=False).returncode == 0, "the log is followed", 60)
    cancelled()
    binbus.run("snapshot", "start", *CONFIG, "app.a")
    wait_table(binbus, "app.a", lambda table: table["phase"] == "ready", "it is read")
    assert_kept(binbus, source, "app")


def test_a_schedule_keeps_some(lab):
    """One at a time, also across a restart; the oldest go, but not while they are read, nor what was made otherwise."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY)", "INSERT INTO app.a VALUES (1)")
    binbus = keeper(lab, source, "app.*", snapshot_every="1s", snapshots_kept=2).start()
    wait_ready(binbus, source)
    own = create(binbus)

    def scheduled():
        return [each["name"] for each in listed(binbus) if each["purpose"] == "schedule"]

    first = wait_until(scheduled, "the first one", 60)[0]
    lock = open(binbus.segments / "snapshots" / first / "snapshot.json")
    fcntl.flock(lock, fcntl.LOCK_SH)  # as a reader does
    wait_until(lambda: len(scheduled()) >= 3 and first in scheduled() and scheduled()[-1] > first, "others are made beside it", 60)
    second = scheduled()[-1]
    wait_until(lambda: second not in scheduled() and first in scheduled(), "what nobody reads goes", 60)
    lock.close()
    wait_until(lambda: first not in scheduled(), "what was read goes", 60)
    assert own in [each["name"] for each in listed(binbus)] and len(scheduled()) <= 3
    binbus.stop()
    kept = scheduled()
    keep(binbus, "app.*", snapshot_every="7d", snapshots_kept=2)
    binbus.start()
    wait_ready(binbus, source)
    last = create(binbus)
    assert scheduled() == kept[-2:] and last in [each["name"] for each in listed(binbus)]


def rows_at(binbus, table, point):
    lines = binbus.run("get", *CONFIG, table, "--at", point).stdout.splitlines()
    return [tuple(json.loads(line)["after"].values()) for line in lines]


@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011"])
def test_rows_as_of_a_point(lab, name):
    """By place, GTID set and time: exactly what the source had there, from the snapshot before it on; through DDL and restarts."""
    source, binbus = kept_source(lab, name, rows=0)
    has_gtids = source.is_mariadb or source.value("SELECT @@GLOBAL.gtid_mode") == "ON"
    steps = []

    def step(*statements):
        source.sql(*statements)
        rows = source.sql("SELECT * FROM app.a ORDER BY id")
        steps.append((":".join(map(str, source.position())), source.gtids() if has_gtids else "", list(rows)))

    assert "no snapshot from which the log goes on" in fails(binbus, "get", *CONFIG, "app.a", "--at", ":".join(map(str, source.position())))
    for number in range(3):
        step(f"INSERT INTO app.a VALUES ({number}, 'early')")
    wait_ready(binbus, source)
    first = create(binbus)
    start = len(steps) - 1
    for number in range(10, 14):
        step("BEGIN", f"INSERT INTO app.a VALUES ({number}, 'late')", f"UPDATE app.a SET v = 'changed {number}' WHERE id < 3", "COMMIT")
    wait_ready(binbus, source)
    create(binbus)
    step("ALTER TABLE app.a ADD INDEX (v)")
    step("FLUSH BINARY LOGS")
    step("DELETE FROM app.a WHERE id = 11")
    step("RENAME TABLE app.a TO app.t, app.t TO app.a") if source.version >= (8,) and not source.is_mariadb else step("DO 0")
    moment = source.value("SELECT UTC_TIMESTAMP(6)")
    time = wait_until(lambda: (now := source.value("SELECT UTC_TIMESTAMP(6)")).second != moment.second and now, "a second has passed", 10)
    step("TRUNCATE app.a", "INSERT INTO app.a VALUES (1, 'new')")
    file = steps[-1][0].rsplit(":", 1)[0]
    within = [each[1] for each in source.sql(f"SHOW BINLOG EVENTS IN '{file}'") if each[2].startswith("Write_rows")][-1]
    source.sql("ALTER TABLE app.b ADD COLUMN w INT NOT NULL DEFAULT 5")
    wait_ready(binbus, source)
    binbus.stop()
    binbus.start()
    wait_ready(binbus, source)

    for place, gtids, rows in steps[start:]:
        assert rows_at(binbus, "app.a", place) == rows, place
        if has_gtids:
            assert rows_at(binbus, "app.a", gtids) == rows, gtids
    assert rows_at(binbus, "app.a", time.strftime("%Y-%m-%dT%H:%M:%SZ")) == steps[-2][2] != steps[-1][2]
    assert rows_at(binbus, "app.a", f"{file}:{within}") == []  # within the last INSERT: behind TRUNCATE, before it

    oldest = next(each["position"] for each in listed(binbus) if each["name"] == first)
    assert f"the oldest point that can be had is {oldest}" in fails(binbus, "get", *CONFIG, "app.a", "--at", steps[0][0])
    assert f"app.a has no row with that key at {steps[-1][0]}" in fails(binbus, "get", *CONFIG, "app.a", 99, "--at", steps[-1][0])
    assert "binlog.999999" in fails(binbus, "get", *CONFIG, "app.a", "--at", "binlog.999999:4")
    if has_gtids and not source.is_mariadb:
        uuid = steps[0][1].split(":")[0]
        assert f"exactly {uuid}:2 was executed" in fails(binbus, "get", *CONFIG, "app.a", "--at", f"{uuid}:2")

    # What the log does not tell is not made up.
    end = ":".join(map(str, source.position()))
    assert "app.b is not one of the tables that are kept, or not ready" in fails(binbus, "get", *CONFIG, "app.b", "--at", end)
    folder = binbus.folder / "out"
    said = export(binbus, folder, "--at", end, "--format", "jsonl")
    assert "without app.b" in said.stderr
    told = manifest(folder)
    assert told["position"] == end and told["not_ready"] == ["app.b"] and [table["name"] for table in told["tables"]] == ["app.a"]
    assert not has_gtids or told["gtid_executed"] == source.gtids()
    assert [each["purpose"] for each in listed(binbus)] == ["command", "command"]
    assert sorted(os.listdir(binbus.segments / "snapshots")) == [each["name"] for each in listed(binbus)]  # of no reader is anything left


def test_invariants_hold_at_points_of_the_past(lab):
    source = lab.server("mysql97", *FAST)
    Transfers.prepare(source)
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    create(binbus)
    with Transfers(source):
        points = [wait_until(lambda: source.position() > last and source.position(), "more transfers", 60)
                  for last in [source.position()] for _ in range(8)]
    wait_ready(binbus, source)
    for file, offset in points:
        accounts = rows_at(binbus, "app.accounts", f"{file}:{offset}")
        assert len(accounts) == ACCOUNTS and sum(balance for _, balance, _ in accounts) == TOTAL
        numbers = {}
        for thread, number in rows_at(binbus, "app.counters", f"{file}:{offset}"):
            numbers.setdefault(thread, []).append(number)
        assert all(sorted(each) == list(range(1, len(each) + 1)) for each in numbers.values())


def test_a_point_needs_a_snapshot_from_which_the_log_goes_on(lab):
    """Retention takes the log away: the snapshot can be read as it is, and points are had from the next one on."""
    source, binbus = kept_source(lab)
    binbus.stop()
    binbus.stream["retain_bytes"] = "1 MiB"
    binbus.start()
    wait_ready(binbus, source)
    old = create(binbus)
    place_of_old = listed(binbus)[0]["position"]
    for _ in range(3):
        source.sql("UPDATE app.a SET v = REPEAT('x', 100)", "FLUSH BINARY LOGS",
                   *["INSERT INTO app.b SELECT MAX(id) + 1, REPEAT('y', 100) FROM app.b"] * 3000, "FLUSH BINARY LOGS")
    wait_ready(binbus, source)
    wait_until(lambda: not (binbus.segments / place_of_old.split(":")[0]).exists(), "the log behind the snapshot goes", 60)
    create(binbus)
    newest = listed(binbus)[-1]["position"]
    rows = source.value("SELECT COUNT(*) FROM app.b")
    source.sql("DELETE FROM app.b")
    wait_ready(binbus, source)
    assert len(rows_at(binbus, "app.b", newest)) == rows
    oldest_file = binbus.status()["streams"][0]["oldest"]["file"]
    assert f"the oldest point that can be had is {newest}" in fails(binbus, "get", *CONFIG, "app.a", "--at", f"{oldest_file}:4")
    assert "not in the log" in fails(binbus, "get", *CONFIG, "app.a", "--at", place_of_old)
    export(binbus, binbus.folder / "out", "--snapshot", old)
    assert manifest(binbus.folder / "out")["position"] == place_of_old
