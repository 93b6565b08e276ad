"""The schema history: at every place of the log where information_schema was asked, what binbus knows is the same.

binbus starts when tables are there already, reads them while statements run, is killed and goes on; afterwards `schema_at` reads
the log that it left behind.
"""

import json
import os
import pathlib
import re
import subprocess
import time

import pytest

from binbus import PROGRAM, Binbus
from faults import assert_says
from process import wait_until, whole_lines
from proxy import Proxy
from test_ddl import FAST, Recorder, describe, place, table_tracked

SCHEMA_AT = pathlib.Path(PROGRAM).parent / "src/changes/schema_at"
NAMES = ["mysql97", "mariadb1011"]
SYSTEM = {"mysql", "sys", "test"}

BEFORE = [
    "CREATE TABLE plain (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, a VARCHAR(20), b ENUM('x','y''z') CHARACTER SET latin1) CHARSET utf8mb4",
    "CREATE TABLE many (a INT, b INT, c DECIMAL(10,2) UNSIGNED, d TIMESTAMP(3) NULL, e BINARY(5), f SET('p','q'), g YEAR, PRIMARY KEY (c, a))",
    "CREATE TABLE computed (a INT, b INT AS (a + 1) VIRTUAL, c INT AS (a + 2) STORED, d TEXT CHARACTER SET ucs2) CHARACTER SET latin1",
    "CREATE TABLE `odd ``name` (`ä ö` INT, `b``c` CHAR(3) COLLATE utf8mb4_bin, hidden_one INT INVISIBLE)",
    "CREATE TABLE long_key (a VARCHAR(2000), b BLOB, UNIQUE (b), UNIQUE (a)) CHARACTER SET utf8mb4",
    "CREATE TABLE versioned (a INT) WITH SYSTEM VERSIONING", "CREATE SEQUENCE counter",
    "CREATE TABLE addresses (a INET6, b UUID, c INET4)", "CREATE TABLE shrunk (a TEXT COMPRESSED)",
    "CREATE TABLE vectors (a VECTOR(3))", "CREATE TABLE documents (a JSON, g POINT)",
    "CREATE TABLE key_to_be (a VARCHAR(2000), b INT, UNIQUE (a)) CHARACTER SET latin1",
    "CREATE TABLE functional (a INT, INDEX ((a + 1)))",
    "CREATE TABLE one_key (a INT NOT NULL, b VARCHAR(5) NOT NULL, UNIQUE u (b, a))",
    "CREATE TABLE keys_in_order (a INT, b INT NOT NULL, c INT NOT NULL, UNIQUE z (c), UNIQUE y (b), UNIQUE x (a))",
    "CREATE TABLE key_beside_primary (a INT NOT NULL, b INT NOT NULL, UNIQUE u (b), PRIMARY KEY (a))",
    "CREATE TABLE keys_beside_primary (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, UNIQUE z (c), UNIQUE y (b), PRIMARY KEY (a))",
    "CREATE TABLE part_of_key (a VARCHAR(5) NOT NULL, b INT PRIMARY KEY, UNIQUE u (a(3)))",
    "CREATE TABLE functional_key (a INT NOT NULL, UNIQUE u (a, (a + 1)))",
]
AFTER = [
    "ALTER TABLE plain ADD c INT FIRST", "ALTER TABLE many DROP a, DROP PRIMARY KEY", "ALTER TABLE computed ADD e TEXT",
    "RENAME TABLE plain TO swap, many TO plain, swap TO many", "CREATE TABLE made LIKE computed",
    "CREATE TABLE selected AS SELECT * FROM computed", "ALTER TABLE selected ADD z INT", "FLUSH LOGS",
    "ALTER TABLE versioned ADD b INT", "ALTER TABLE long_key ADD c INT", "ALTER TABLE key_to_be CONVERT TO CHARACTER SET utf8mb4",
    "ALTER TABLE addresses CHANGE b d UUID AFTER c", "DROP TABLE made", "CREATE TEMPORARY TABLE plain (x INT)",
    "ALTER TABLE plain ADD y INT", "DROP TEMPORARY TABLE plain", "ALTER TABLE plain ADD y INT", "FLUSH LOGS",
    "ALTER TABLE key_beside_primary DROP PRIMARY KEY", "ALTER TABLE keys_beside_primary DROP PRIMARY KEY",
    "ALTER TABLE part_of_key DROP PRIMARY KEY", "ALTER TABLE part_of_key MODIFY a CHAR(3) NOT NULL", "ALTER TABLE functional_key ADD UNIQUE v (a)",
    "ALTER TABLE keys_in_order DROP KEY z", "CREATE TABLE like_keys LIKE keys_in_order", "ALTER TABLE one_key MODIFY a INT",
    "ALTER TABLE `odd ``name` RENAME COLUMN `ä ö` TO `c d`", "CREATE TABLE last (a TEXT, b VARCHAR(5) CHARACTER SET utf8)",
]

# Who delivers nothing needs no history.
SINK = {"name": "rows", "stream": "shop", "type": "file", "path": "rows.jsonl"}



def reader(server):
    """What the baseline needs, and no more."""
    server.make_user("replica", "replica", "REPLICATION SLAVE, REPLICATION CLIENT, SELECT")
    return dict(user="replica", password="replica")


def baselines(binbus):
    return [line for line in binbus.log().splitlines() if "schema_baseline" in line and "failed" not in line]


def wait_for_baselines(binbus, count):
    wait_until(lambda: len(baselines(binbus)) >= count, "a schema baseline", why=lambda: binbus.log()[-4000:])


def at_places(binbus, places):
    ran = subprocess.run([SCHEMA_AT, binbus.segments, *places], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def differences(binbus, steps):
    """(statement, what) for every step in which the history and the server differ."""
    wrong = []
    places = [":".join(map(str, place(f"{file}:{offset}"))) for _, _, (file, offset), _ in steps]
    for (_, statement, _, tables), known in zip(steps, at_places(binbus, places)):
        if "error" in known:
            wrong.append((statement, known["error"]))
            continue
        state = {(t["database"], t["table"]): table_tracked(t) for t in known["tables"] if t["database"] not in SYSTEM}
        for key in sorted(set(state) | set(tables)):
            tracked, seen = state.get(key, "missing"), tables.get(key, "missing")
            if tracked != seen:
                wrong.append((statement, describe(key, tracked, seen)))
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_history_equals_the_source(lab, name):
    server = lab.server(name, *FAST, "--binlog-row-metadata=MINIMAL")
    recorder = Recorder(server)
    server.sql("CREATE DATABASE shop")
    cursor = server.connect(database="shop").cursor()
    cursor.execute("SET sql_mode = ''")
    for statement in BEFORE:
        recorder.step("before", cursor, statement)
    recorder.step("before", cursor, "FLUSH LOGS")
    recorder.steps.clear()
    binbus = lab.binbus(server, start="latest", sinks=[SINK], **reader(server))
    wait_for_baselines(binbus, 1)
    for number, statement in enumerate(AFTER):
        recorder.step("after", cursor, statement)
        if number % 7 == 3:
            binbus.wait_for(server)
            binbus.kill9()
            binbus.start()
    binbus.wait_for(server)
    binbus.stop()
    wrong = differences(binbus, recorder.steps)
    print(f"{name}: {len(recorder.steps)} places, {len({s for s, _ in wrong})} differ")
    assert not wrong, "\n".join(f"{statement}: {what}" for statement, what in wrong[:10])
    assert len(recorder.steps) >= 12


@pytest.mark.parametrize("name", NAMES)
def test_baseline_while_tables_change(lab, name):
    """Statements run all the time while tables are read; what is then known is right, or said to be not known."""
    server = lab.server(name, *FAST, "--binlog-row-metadata=MINIMAL")
    recorder = Recorder(server)
    server.sql("CREATE DATABASE shop", *(f"CREATE TABLE shop.t{i} (a INT PRIMARY KEY, b VARCHAR(10))" for i in range(200)))
    cursor = server.connect(database="shop").cursor()
    binbus = lab.binbus(server, sinks=[SINK], **reader(server))
    for number in range(60):
        recorder.step("changes", cursor, f"ALTER TABLE t{number % 7} ADD c{number} INT")
    wait_for_baselines(binbus, 1)
    recorder.step("changes", cursor, "ALTER TABLE t1 DROP b")
    binbus.wait_for(server)
    binbus.stop()
    last = differences(binbus, recorder.steps[-1:])
    assert not last, last[:3]
    for statement, what in differences(binbus, recorder.steps):
        assert "tracked None" in what, (statement, what)


@pytest.mark.parametrize("name", NAMES)
def test_many_tables(lab, name):
    count = 100_000 if os.environ.get("BINBUS_SOAK") else 3_000
    server = lab.server(name, *FAST, "--table-open-cache=2000", "--binlog-row-metadata=MINIMAL")
    cursor = server.connect().cursor()
    cursor.execute("SET sql_log_bin = 0")
    cursor.execute("CREATE DATABASE many")
    for number in range(count):
        cursor.execute(f"CREATE TABLE many.t{number} (id BIGINT PRIMARY KEY, a VARCHAR(20), b INT, c DATETIME, d TEXT) "
                       "ENGINE=MyISAM" if server.is_mariadb else
                       f"CREATE TABLE many.t{number} (id BIGINT PRIMARY KEY, a VARCHAR(20), b INT, c DATETIME, d TEXT)")
    began = time.monotonic()
    binbus = lab.binbus(server, sinks=[SINK], **reader(server))
    wait_for_baselines(binbus, 1)
    took = time.monotonic() - began
    print(f"{name}: {count} tables in {took:.1f} s: {baselines(binbus)[0]}")
    peak = int(next(line.split()[1] for line in open(f"/proc/{binbus.child.pid}/status") if line.startswith("VmHWM")))
    print(f"{name}: peak memory {peak // 1024} MiB")
    assert took < 60 and peak < 400 * 1024
    server.sql("ALTER TABLE many.t7 ADD e INT")
    binbus.wait_for(server)
    binbus.stop()
    file, offset = server.position()
    known, = at_places(binbus, [":".join(map(str, place(f"{file}:{offset}")))])
    tables = {t["table"]: t for t in known["tables"] if t["database"] == "many"}
    assert len(tables) == count
    assert [c["name"] for c in tables["t7"]["columns"]] == ["id", "a", "b", "c", "d", "e"]


def rows_of(binbus):
    return [tuple(json.loads(line)["data"].values()) for line in whole_lines(binbus.folder / "rows.jsonl")]


def sink_of(binbus):
    return binbus.status()["streams"][0]["sinks"][0]


def wait_for_rows(binbus, rows):
    wait_until(lambda: rows_of(binbus) == rows, f"{rows} are delivered", why=lambda: f"{sink_of(binbus)}\n{binbus.log()[-4000:]}")


def test_tables_that_the_history_does_not_know_stop_nothing_else(lab):
    """A statement that binbus does not understand, and then one that is not in the log at all."""
    source = lab.server("mysql97", "--binlog-row-metadata=MINIMAL", "--binlog-checksum=NONE")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "CREATE TABLE d.other (a INT)")
    with Proxy(source.port) as proxy:
        proxy.alter = {b"FORCE": b"FROBN"}
        sinks = [SINK | {"tables": ["d.t"], "format": "maxwell"}]
        binbus = lab.keep(Binbus(lab.new_folder("binbus"), proxy, tls="disabled", **reader(source)))
        binbus.config["sink"] = sinks
        binbus.start()
        wait_for_baselines(binbus, 1)
        source.sql("ALTER TABLE d.other FORCE", "INSERT INTO d.other VALUES (1)", "INSERT INTO d.t VALUES (1)", "FLUSH LOGS",
                   "INSERT INTO d.t VALUES (2)")
        wait_for_rows(binbus, [(1,), (2,)])
        assert "ddl_not_understood" in binbus.log() and "found 'FROBN'" in binbus.log()
        binbus.kill9()
        binbus.start()

        file, offset = source.position()
        source.sql("SET sql_log_bin = 0", "ALTER TABLE d.t ADD b INT FIRST", "SET sql_log_bin = 1", "INSERT INTO d.t VALUES (3, 4)")
        wait_until(lambda: sink_of(binbus)["state"] == "stopped", "the sink stops", why=lambda: binbus.log()[-4000:])
        assert_says(sink_of(binbus)["reason"], f"{file}:", "table d.t of the log is not as its schema here: 1 columns here, 2 in the log",
                    "binbus sink seek", "schema_baseline")
        # It has asked for the tables by itself; what came before they were read cannot be known.
        wait_until(lambda: "reason=reread" in binbus.log(), "the tables are read again", why=lambda: binbus.log()[-4000:])
        binbus.run("sink", "resume", "rows")
        wait_until(lambda: binbus.log().count("reason=reread") == 2, "the sink stops again", why=lambda: binbus.log()[-4000:])
        place = re.findall("schema_baseline.*place=(\\S+)", binbus.log())[-1]
        source.sql("INSERT INTO d.t VALUES (5, 6)")
        binbus.run("sink", "seek", "rows", "--to", place)
        wait_for_rows(binbus, [(1,), (2,), (5, 6)])
