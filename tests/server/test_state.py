"""Tables whose rows are kept: those of the source, whatever happens while they are read there and followed in the log."""

import json
import os
import signal
import threading
import time

import pymysql
import pytest
from pymysql.constants import CLIENT

from load import Load
from process import free_port, wait_until
from servers import FAST

SERVERS = ["mysql97", "mysql56", "mariadb1011"]
KINDS = ("small", "transaction", "savepoint", "rollback", "large_row")


def keep(binbus, *tables, **more):
    binbus.config["state"] = [{"stream": "shop", "tables": list(tables), **more}]


def keeper(lab, source, *tables, **more):
    """A binbus that keeps these tables, not started yet."""
    from binbus import Binbus
    source.sql("GRANT SELECT ON *.* TO repl@'%'")
    binbus = lab.keep(Binbus(lab.new_folder("binbus"), source))
    keep(binbus, *tables, **more)
    return binbus


def snapshot(binbus):
    return binbus.status()["streams"][0]["snapshot"]


def place(text):
    file, _, offset = text.rpartition(":")
    return file, int(offset or 0)


def wait_ready(binbus, source, seconds=120):
    """Until all tables are there as of what `source` has written by now."""
    to = source.position()

    def ready():
        kept = snapshot(binbus)
        return place(kept["position"]) >= to and all(table["phase"] == "ready" for table in kept["tables"])

    wait_until(ready, f"all rows as of {to}", seconds, lambda: json.dumps(snapshot(binbus), indent=1) + binbus.log()[-3000:])


def rows_sql(binbus, table):
    return binbus.run("get", "-c", "binbus.toml", table, "--format", "sql").stdout.splitlines()


def assert_kept(binbus, source, schema, tables=None):
    """Made of the kept rows, each table has the checksum of the source's."""
    names = tables or [name for (name,) in source.sql(f"SHOW TABLES IN {schema}")]
    assert names
    with source.connect(client_flag=CLIENT.MULTI_STATEMENTS) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_log_bin = 0")
        cursor.execute("CREATE DATABASE copy")
        try:
            for name in names:
                cursor.execute(f"CREATE TABLE copy.`{name}` LIKE `{schema}`.`{name}`")
                for statement in rows_sql(binbus, f"{schema}.{name}"):
                    cursor.execute(statement.replace(f"`{schema}`.`{name}`", f"`copy`.`{name}`", 1))
                connection.commit()
                cursor.execute(f"CHECKSUM TABLE `{schema}`.`{name}`, copy.`{name}`")
                theirs, ours = (row[1] for row in cursor.fetchall())
                cursor.execute(f"SELECT COUNT(*) FROM `{schema}`.`{name}` UNION ALL SELECT COUNT(*) FROM copy.`{name}`")
                counts = [row[0] for row in cursor.fetchall()]
                assert ours == theirs, f"{name}: {counts} rows at the source and kept\n{binbus.log()[-3000:]}"
        finally:
            cursor.execute("DROP DATABASE copy")
    return len(names)


@pytest.mark.parametrize("name", SERVERS)
def test_rows_are_the_sources(lab, name):
    """Read while others write, and followed from there, through a restart."""
    source = lab.server(name, *FAST)
    binbus = keeper(lab, source, "load_.*")
    with Load(source, KINDS) as load:
        load.wait_commits(200)
        binbus.start()
        load.wait_commits(100)
        wait_ready(binbus, source)
        load.wait_commits(100)
        binbus.kill9()
        load.wait_commits(50)
        binbus.start()
        load.wait_commits(50)
    wait_ready(binbus, source)
    assert assert_kept(binbus, source, "load_") > 4


def make_tables(source, schema="app"):
    """Tables with keys of all kinds, and none, each with some rows."""
    source.sql(f"CREATE DATABASE {schema} DEFAULT CHARACTER SET utf8", *[f"CREATE TABLE {schema}.{declaration}" for declaration in (
        "composite (a INT, b VARCHAR(20), c DATETIME(3), v INT, PRIMARY KEY (b, a, c))",
        "cased (k VARCHAR(30) COLLATE utf8_general_ci PRIMARY KEY, v INT)",
        "latin (k CHAR(10) CHARACTER SET latin1 PRIMARY KEY, v INT)",
        "bytes (k VARBINARY(20) PRIMARY KEY, p BINARY(4), v INT)",
        "padded (p BINARY(4) PRIMARY KEY, v INT)",
        "numbers (a BIGINT UNSIGNED, b DECIMAL(20,5), c TINYINT, v INT, PRIMARY KEY (c, b, a))",
        "floating (k DOUBLE PRIMARY KEY, v INT)",
        "labels (e ENUM('z','y','x'), s SET('a','b','c'), v INT, PRIMARY KEY (e, s))",
        "moments (d DATE, t TIME(2), y YEAR, v INT, PRIMARY KEY (y, d, t))",
        "unique_only (a INT NULL, b VARCHAR(20) NOT NULL, c INT NOT NULL, v INT, UNIQUE (a), UNIQUE KEY bc (b, c))",
        "none (a INT, b VARCHAR(20), v INT)",
    )])
    with source.connect() as connection, connection.cursor() as cursor:
        for i in range(2500):
            word = f"{'aAbBéZß'[i % 7]}{i * 7919 % 10007}"
            for table, row in {
                "composite": (i % 17, word, f"2024-01-{1 + i % 28:02} 10:00:{i % 60:02}.{i % 1000:03}", i),
                "cased": (word, i),
                "latin": (word[:10], i),
                "bytes": (bytes([i % 256, i // 256, 0]), bytes([i % 256]), i),
                "padded": (bytes([i % 256, i // 256]), i),
                "numbers": (2**64 - 1 - i, f"{i - 1000}.{i % 100000:05}", i % 250 - 125, i),
                "floating": (i / 7 - 100, i),
                "none": (i % 50, word if i % 3 else None, i % 5),
                "unique_only": (i if i % 2 else None, word, i, i),
            }.items():
                cursor.execute(f"INSERT INTO {schema}.{table} VALUES ({', '.join(['%s'] * len(row))})", row)
            if i < 24:
                cursor.execute(f"INSERT INTO {schema}.labels VALUES (%s, %s, %s)", (1 + i % 3, i // 3, i))
            cursor.execute(f"INSERT INTO {schema}.moments VALUES (%s, %s, %s, %s)",
                           (f"{2000 + i % 50}-01-01", f"{i % 800 - 400}:00:00.5", 1980 + i // 40 % 100, i))
            if i % 100 == 0:
                connection.commit()
        connection.commit()
    return schema


class Changes:
    """Changes rows of make_tables(), also their keys, until it is left."""

    def __init__(self, source, schema="app", on_connect="", statements=()):
        self.source, self.schema, self.on_connect, self.statements = source, schema, on_connect, statements
        self.stop, self.failed, self.done = threading.Event(), [], 0

    def run(self):
        statements = self.statements or [
            "UPDATE composite SET v = v + 1 WHERE a = {n} % 17 LIMIT 20",
            "UPDATE composite SET b = CONCAT(LEFT(b, 8), {n}) WHERE a = {n} % 17 ORDER BY b LIMIT 2",
            "UPDATE cased SET k = IF(BINARY k = BINARY UPPER(k), LOWER(k), UPPER(k)) WHERE v = {n} % 2500",
            "UPDATE latin SET v = v + 1 WHERE v % 100 = {n} % 100",
            "DELETE FROM bytes WHERE v = {n} % 2500",
            "INSERT IGNORE INTO bytes VALUES (CONCAT('n', {n}), 'b', {n} % 2500)",
            "UPDATE padded SET v = v + 1 WHERE v % 50 = {n} % 50",
            "UPDATE numbers SET c = -c - 1 WHERE v = {n} % 2500",
            "UPDATE floating SET k = k + 1000.1 WHERE v = {n} % 2500",
            "UPDATE labels SET v = v + 1",
            "DELETE FROM moments WHERE v = {n} % 2500",
            "UPDATE unique_only SET c = c + 10000 WHERE v = {n} % 2500",
            "UPDATE none SET v = v + 1 WHERE a = {n} % 50 LIMIT 3",
            "DELETE FROM none WHERE a = {n} % 50 LIMIT 1",
            "INSERT INTO none VALUES ({n} % 50, 'new', 1), ({n} % 50, 'new', 1)",
        ]
        try:
            with self.source.connect(autocommit=True) as connection, connection.cursor() as cursor:
                if self.on_connect:
                    cursor.execute(self.on_connect)
                cursor.execute(f"USE {self.schema}")
                while not self.stop.is_set():
                    cursor.execute(statements[self.done % len(statements)].format(n=self.done // len(statements) * 7919))
                    self.done += 1
        except Exception as error:  # whoever waits for it is told
            self.failed.append(error)

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def wait(self, more):
        goal = self.done + more
        wait_until(lambda: self.failed or self.done >= goal, f"{more} more changes", 120)
        assert not self.failed, self.failed

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert not self.failed, self.failed


@pytest.mark.parametrize("name", SERVERS)
def test_keys_of_every_kind(lab, name):
    """Read in chunks while rows and their keys change, and tables without a key; and minimal row images."""
    source = lab.server(name, *FAST)
    schema = make_tables(source)
    binbus = keeper(lab, source, f"{schema}.*")
    with Changes(source, schema) as changes:
        changes.wait(20)
        binbus.start()
        wait_until(lambda: all(table["phase"] == "ready" for table in snapshot(binbus)["tables"] or [{"phase": ""}]),
                   "all tables are read", 120, lambda: json.dumps(snapshot(binbus), indent=1) + binbus.log()[-3000:])
        changes.wait(200)
    wait_ready(binbus, source)
    assert assert_kept(binbus, source, schema) == 11
    with Changes(source, schema, on_connect="SET SESSION binlog_row_image = MINIMAL") as changes:
        changes.wait(200)
    wait_ready(binbus, source)
    assert_kept(binbus, source, schema)


def test_steps_of_documents(lab):
    """While the rows are read, in which some are done already, and afterwards; beside rows that are to be looked up."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.d (id INT PRIMARY KEY AUTO_INCREMENT, v INT DEFAULT 7, doc JSON)",
               """INSERT INTO app.d (doc) VALUES ('{"list": [], "n": 0, "long": "%s"}')""" % ("x" * 400),
               *["INSERT INTO app.d (doc) SELECT doc FROM app.d"] * 12)
    statements = ["UPDATE d SET doc = JSON_ARRAY_APPEND(doc, '$.list', {n}) WHERE id % 64 = {n} % 64",
                  "UPDATE d SET doc = JSON_REMOVE(JSON_ARRAY_INSERT(doc, '$.list[0]', {n}), '$.m') WHERE id % 64 = ({n} + 1) % 64",
                  "UPDATE d SET doc = JSON_SET(doc, '$.m', {n}, '$.n', {n}) WHERE id % 64 = {n} % 64",
                  "INSERT INTO d (doc) VALUES (JSON_OBJECT('list', JSON_ARRAY(), 'n', {n}, 'long', REPEAT('y', 400)))",
                  "UPDATE d SET id = -id WHERE id % 512 = {n} % 512"]
    binbus = keeper(lab, source, "app.*", rows_per_second=4000)
    with Changes(source, on_connect="SET SESSION binlog_row_image = MINIMAL, binlog_row_value_options = PARTIAL_JSON",
                 statements=statements) as changes:
        changes.wait(20)
        binbus.start()
        wait_table(binbus, "app.d", lambda table: table["phase"] == "ready", "it is read")
        changes.wait(100)
    wait_ready(binbus, source)
    assert_kept(binbus, source, "app")


def table_state(binbus, name):
    return next((table for table in snapshot(binbus)["tables"] if table["name"] == name), None)


def wait_table(binbus, name, check, what, seconds=60):
    wait_until(lambda: (table := table_state(binbus, name)) is not None and check(table), what, seconds,
               lambda: json.dumps(snapshot(binbus), indent=1) + binbus.log()[-3000:])


@pytest.mark.parametrize("name", SERVERS)
def test_statements_that_change_tables(lab, name):
    source = lab.server(name, *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY, v VARCHAR(20), w INT)",
               "CREATE TABLE app.b (id INT PRIMARY KEY, u INT)", "INSERT INTO app.a VALUES (1, 'one', 1), (2, 'two', 2)",
               "INSERT INTO app.b VALUES (1, 10)", "CREATE DATABASE other", "CREATE TABLE other.c (id INT PRIMARY KEY, x INT)",
               "INSERT INTO other.c VALUES (7, 7)")
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    assert assert_kept(binbus, source, "app") == 2
    steps = [
        ["RENAME TABLE app.a TO app.t, app.b TO app.a, app.t TO app.b", "INSERT INTO app.b VALUES (3, 'three', 3)"],
        ["ALTER TABLE app.b DROP COLUMN w", "UPDATE app.b SET v = 'zwei' WHERE id = 2"],
        ["ALTER TABLE app.b MODIFY id BIGINT, ADD INDEX (v)", "INSERT INTO app.b VALUES (99999999999, 'big')"],
        ["ALTER TABLE app.b ADD COLUMN d INT NOT NULL DEFAULT 5", "INSERT INTO app.b (id, v) VALUES (4, 'four')"],
        ["ALTER TABLE app.b MODIFY v VARCHAR(20) CHARACTER SET utf8mb4", "UPDATE app.b SET d = 6 WHERE id = 1"],
        ["TRUNCATE app.a", "INSERT INTO app.a VALUES (5, 5)"],
        ["DROP TABLE app.a", "CREATE TABLE app.a (k VARCHAR(5) PRIMARY KEY)", "INSERT INTO app.a VALUES ('x')"],
        ["CREATE TABLE app.new LIKE app.b", "INSERT INTO app.new SELECT * FROM app.b"],
        ["CREATE TABLE app.made (PRIMARY KEY (id)) AS SELECT * FROM app.new"] if name == "mysql97" else ["DO 0"],
        ["RENAME TABLE other.c TO app.c", "INSERT INTO app.c VALUES (8, 8)"],
        ["RENAME TABLE app.new TO other.new"],
        ["ALTER TABLE app.b DROP PRIMARY KEY, ADD UNIQUE KEY (d, id)", "UPDATE app.b SET d = 100 + id % 1000"],
    ]
    for number, step in enumerate(steps):
        source.sql(*step)
        wait_ready(binbus, source)
        assert_kept(binbus, source, "app")
        if number < 3:  # the rows could stay, and were not read again
            assert table_state(binbus, "app.b")["rows_read"] == 2
    kept = {table["name"] for table in snapshot(binbus)["tables"]}
    assert kept == {f"app.{table}" for (table,) in source.sql("SHOW TABLES IN app")}


@pytest.mark.parametrize("how", ["restarted", "told"])
def test_more_tables_without_reading_others_again(lab, how):
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY)", "CREATE TABLE app.b (id INT PRIMARY KEY)",
               "INSERT INTO app.a VALUES (1)", "INSERT INTO app.b VALUES (1), (2)")
    binbus = keeper(lab, source, "app.a").start()
    wait_ready(binbus, source)

    def keep_now(tables):
        if how == "told":
            return binbus.run("snapshot", "tables", "-c", "binbus.toml", tables)
        binbus.stop()
        keep(binbus, tables)
        binbus.start()

    def wait_tables(*names):
        wait_until(lambda: [table["name"] for table in snapshot(binbus)["tables"]] == list(names), f"{names} are kept", 30)

    source.sql("SET GLOBAL general_log = ON")
    keep_now("app.*")
    wait_tables("app.a", "app.b")
    wait_ready(binbus, source)
    assert_kept(binbus, source, "app")
    asked = source.value("SELECT @@general_log_file")
    log = (source.data / asked).read_text(errors="replace")
    assert "FROM `app`.`b`" in log and "FROM `app`.`a`" not in log.split("CREATE DATABASE copy")[0]
    keep_now("app.b")
    wait_tables("app.b")


def test_what_was_told_lasts(lab):
    """Across restarts, until it is taken back; what is no pattern changes nothing."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY)", "CREATE TABLE app.b (id INT PRIMARY KEY)")
    binbus = keeper(lab, source, "app.a").start()
    wait_ready(binbus, source)

    def tables(*words, check=True):
        return binbus.run("snapshot", "tables", "-c", "binbus.toml", *words, check=check)

    assert tables().stdout == "shop: app.a\n"
    tables("app.b", "crm.*")
    wrong = tables("/(/", check=False)
    assert wrong.returncode == 1 and "/(/" in wrong.stderr
    for _ in range(2):
        assert tables().stdout == "shop: app.b crm.* (told live, not those of binbus.toml)\n"
        wait_until(lambda: [table["name"] for table in snapshot(binbus)["tables"]] == ["app.b"], "only b is kept", 30)
        binbus.kill9()
        binbus.start()
    tables("--reset")
    wait_until(lambda: [table["name"] for table in snapshot(binbus)["tables"]] == ["app.a"], "only a is kept", 30)
    assert tables().stdout == "shop: app.a\n"
    binbus.stop()
    (binbus.segments / "state.tables").write_text("/(/\n")
    binbus.start()
    wait_until(lambda: "state.tables" in binbus.log() and "remove the file" in binbus.log(), "what is wrong is said", 30, binbus.log)


def test_a_node_that_cannot_keep_rows_has_no_part_in_the_stream(lab):
    """Its group ends with what failed: it leads nothing that nobody works on, and ends in peace."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY)")
    binbus = keeper(lab, source, "app.a")
    binbus.config["node"] = {"name": "n1", "listen": f"127.0.0.1:{free_port()}"}
    binbus.start()
    wait_ready(binbus, source)
    binbus.stop()
    (binbus.segments / "state.tables").write_text("/(/\n")
    binbus.start()
    wait_until(lambda: "remove the file" in binbus.log(), "what is wrong is said", 30, binbus.log)
    group = json.loads(binbus.run("cluster", "status", "--json").stdout)["streams"][0]
    assert not group["leader"], group
    assert binbus.stop() == 0
    (binbus.segments / "state.tables").unlink()
    binbus.start()
    wait_ready(binbus, source)


def test_a_quiet_source_is_read_at_once(lab):
    """Not with its first heartbeat, which would be later than this waits."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY)", "INSERT INTO app.a VALUES (1)")
    binbus = keeper(lab, source, "app.a")
    binbus.config["stream"][0]["heartbeat"] = "5min"
    binbus.start()
    wait_ready(binbus, source, 60)


def test_a_fill_that_is_killed_reads_little_twice(lab):
    """What was read stays read: a kill costs a chunk at most. The long form: a large table, killed all the time."""
    soak = os.environ.get("BINBUS_SOAK")
    rows, row_bytes = int(os.environ.get("BINBUS_SOAK_ROWS", 25_000_000)) if soak else 2**18, 200
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", f"CREATE TABLE app.a (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR({row_bytes}))", "SET sql_log_bin = 0",
               f"INSERT INTO app.a (v) VALUES (REPEAT('v', {row_bytes}))",
               *[f"INSERT INTO app.a (v) SELECT v FROM app.a LIMIT {max(0, min(2**power, rows - 2**power))}" for power in range(rows.bit_length())])
    assert source.value("SELECT COUNT(*) FROM app.a") == rows

    def read():
        return int(source.sql("SHOW GLOBAL STATUS LIKE 'Innodb_rows_read'")[0][1])

    before = read()
    binbus = keeper(lab, source, "app.*", **({} if soak else {"rows_per_second": 60_000})).start()

    def progress():
        """How many rows were read; none when all were."""
        table = table_state(binbus, "app.a") or {"phase": "", "rows_read": 0}
        return None if table["phase"] == "ready" else table["rows_read"]

    kills = 0
    for goal in [rows * part // 100 for part in (range(5, 100, 5) if soak else (40, 60, 80))]:
        wait_until(lambda: (count := progress()) is None or count >= goal, f"{goal} rows are read", 600, lambda: json.dumps(snapshot(binbus)))
        if progress() is None:
            break
        binbus.kill9()
        kills += 1
        binbus.start()
    wait_ready(binbus, source, 600)
    twice = read() - before - rows
    print(f"{rows} rows, {kills} kills: {1 + twice / rows:.4f} of the work")
    assert 0 <= twice <= kills * (9 << 20) // row_bytes, f"{twice} rows were read twice, with {kills} kills"
    assert kills > 0 and table_state(binbus, "app.a")["rows_read"] >= rows
    assert not soak or twice <= rows * 0.05


def test_what_is_wrong_is_said(lab):
    """Without the right to read, with a bad pattern, with statements instead of rows; each with the mend."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY)", "INSERT INTO app.a VALUES (1)")
    binbus = keeper(lab, source, "app.*")
    source.sql("REVOKE SELECT ON *.* FROM repl@'%'", "GRANT SELECT (id) ON app.a TO repl@'%'", "GRANT SELECT ON mysql.* TO repl@'%'")
    source.sql("CREATE TABLE app.secret (id INT PRIMARY KEY)")
    binbus.start()
    wait_table(binbus, "app.a", lambda table: table["phase"] == "ready", "the one that may be read is read")
    refused = binbus.run("get", "-c", "binbus.toml", "app.nothing", check=False)
    assert refused.returncode == 1 and "app.nothing is not one of the tables that are kept" in refused.stderr
    refused = binbus.run("get", "-c", "binbus.toml", "app.a", "1", "2", check=False)
    assert refused.returncode == 1 and "the key of app.a is id" in refused.stderr
    assert '"id":1' in binbus.run("get", "-c", "binbus.toml", "app.a", "1").stdout
    refused = binbus.run("get", "-c", "binbus.toml", "app.a", "2", check=False)
    assert refused.returncode == 1 and "app.a has no row with that key at binlog." in refused.stderr

    source.sql("SET SESSION binlog_format = STATEMENT", "INSERT INTO app.a VALUES (2)")
    wait_until(lambda: "rows were logged as a statement" in snapshot(binbus)["reason"], "statements are not passed over", 60,
               lambda: json.dumps(snapshot(binbus)))
    assert binbus.run("snapshot", "start", "-c", "binbus.toml").returncode == 0
    source.sql("INSERT INTO app.a VALUES (3)")
    wait_until(lambda: '"id":3' in binbus.run("get", "-c", "binbus.toml", "app.a", check=False).stdout, "all is read again", 60,
               lambda: json.dumps(snapshot(binbus), indent=1) + binbus.log()[-2000:])
    assert_kept(binbus, source, "app", ["a"])
    shown = binbus.run("snapshot", "status", "-c", "binbus.toml").stdout
    assert "app.a" in shown and "ready" in shown


def test_paused_and_gone_on(lab):
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(200))",
               "INSERT INTO app.a (v) VALUES (REPEAT('x', 200))", *["INSERT INTO app.a (v) SELECT v FROM app.a"] * 14)
    binbus = keeper(lab, source, "app.*", rows_per_second=300).start()
    wait_table(binbus, "app.a", lambda table: table["rows_read"] > 0, "it is being read")
    binbus.run("snapshot", "pause", "-c", "binbus.toml", "app.a")
    wait_table(binbus, "app.a", lambda table: table["paused"], "it is paused")
    read = table_state(binbus, "app.a")
    assert read["phase"] == "filling" and read["rows_expected"] > 10_000
    source.sql("UPDATE app.a SET v = 'changed' WHERE id % 100 = 0")
    binbus.kill9()
    keep(binbus, "app.*")
    binbus.start()
    wait_table(binbus, "app.a", lambda table: table["paused"], "it is still paused")
    # What was read is there, what was not is still to be read.
    assert read["rows_read"] <= table_state(binbus, "app.a")["rows_read"] < 2 ** 14
    binbus.run("snapshot", "resume", "-c", "binbus.toml")
    wait_ready(binbus, source)
    assert table_state(binbus, "app.a")["rows_read"] == 2 ** 14
    assert_kept(binbus, source, "app")


ACCOUNTS, TOTAL = 500, 500_000


class Transfers:
    """Moves money between accounts of app.accounts: the sum stays; a counter in app.counters has no gaps. Goes on after breaks."""

    def __init__(self, source, threads=2):
        self.source = source
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(threads)]

    @staticmethod
    def prepare(source):
        source.sql("CREATE DATABASE app", "CREATE TABLE app.accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL, pad VARCHAR(500))",
                   "CREATE TABLE app.counters (thread INT, number INT, PRIMARY KEY (thread, number))")
        with source.connect() as connection, connection.cursor() as cursor:
            cursor.executemany("INSERT INTO app.accounts VALUES (%s, %s, REPEAT('p', 500))",
                               [(i, TOTAL // ACCOUNTS) for i in range(ACCOUNTS)])

    def run(self, thread):
        number = 0
        while not self.stop.is_set():
            try:
                with self.source.connect_now() as connection, connection.cursor() as cursor:
                    cursor.execute(f"SELECT COALESCE(MAX(number), 0) FROM app.counters WHERE thread = {thread}")
                    number = cursor.fetchone()[0]
                    while not self.stop.is_set():
                        number += 1
                        a, b = sorted((number * 7 % ACCOUNTS, (number * 13 + thread * 101) % ACCOUNTS))
                        cursor.execute("BEGIN")
                        cursor.execute("UPDATE app.accounts SET balance = balance - 1 WHERE id = %s", a)
                        cursor.execute("UPDATE app.accounts SET balance = balance + 1 WHERE id = %s", b)
                        cursor.execute("INSERT INTO app.counters VALUES (%s, %s)", (thread, number))
                        cursor.execute("COMMIT")
            except pymysql.err.OperationalError:
                continue  # killed, or waited too long

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def rows_now(binbus, table):
    ran = binbus.run("get", "-c", "binbus.toml", table, check=False)
    return [json.loads(line)["after"] for line in ran.stdout.splitlines()] if ran.returncode == 0 else []


def assert_invariants(binbus):
    """As of whatever place the rows are shown. False: they are not there yet."""
    accounts = rows_now(binbus, "app.accounts")
    if not accounts:
        return False
    assert len(accounts) == ACCOUNTS
    assert sum(account["balance"] for account in accounts) == TOTAL
    counters = {}
    for row in rows_now(binbus, "app.counters"):
        counters.setdefault(row["thread"], []).append(row["number"])
    for thread, numbers in counters.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), thread
    return True


@pytest.mark.parametrize("name", SERVERS)
def test_invariants_hold_at_every_place(lab, name):
    """Whoever is killed: binbus, or the source, which must not lose what its log has."""
    source = lab.server(name, "--innodb-flush-log-at-trx-commit=2")
    Transfers.prepare(source)
    binbus = keeper(lab, source, "app.*", rows_per_second=3000)
    kills = 60 if os.environ.get("BINBUS_SOAK") else 6
    with Transfers(source):
        binbus.start()
        for kill in range(kills):
            deadline = time.monotonic() + 1 + kill % 3
            while time.monotonic() < deadline:
                assert_invariants(binbus)
            if kill % 3 == 2:
                source.kill9()
                source.start()
                source.sql("DO 0")
            else:
                binbus.kill9()
                binbus.start()
            if kill % 3 == 1:
                binbus.run("snapshot", "start", "-c", "binbus.toml", "app.accounts", check=False)
        wait_until(lambda: assert_invariants(binbus), "rows are shown", 120,
                   lambda: json.dumps(snapshot(binbus), indent=1) + binbus.log()[-3000:])
    wait_ready(binbus, source)
    assert_kept(binbus, source, "app")


def test_a_damaged_store_is_read_again(lab):
    """Noticed when it is opened, and when a reader meets it."""
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(200))",
               "INSERT INTO app.a (v) VALUES (REPEAT('x', 200))", *["INSERT INTO app.a (v) SELECT v FROM app.a"] * 12)
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    store = binbus.segments / "state"

    def damage(pattern):
        files = list(store.glob(pattern))
        assert files
        for file in files:
            data = bytearray(file.read_bytes())
            data[:len(data) - 60] = bytes(byte ^ 0x5a for byte in data[:len(data) - 60])
            file.write_bytes(data)

    binbus.stop()
    damage("MANIFEST-*")
    binbus.start()
    wait_ready(binbus, source)
    assert_kept(binbus, source, "app")
    assert binbus.log().count("state_damaged") == 1

    binbus.stop()  # what was read lies in files of sorted rows after two starts
    binbus.start()
    wait_ready(binbus, source)
    binbus.stop()
    damage("*.sst")
    binbus.start()
    binbus.run("get", "-c", "binbus.toml", "app.a", check=False)
    wait_until(lambda: binbus.log().count("state_damaged") == 2, "it is noticed", 60, lambda: binbus.log()[-3000:])
    wait_ready(binbus, source)
    assert_kept(binbus, source, "app")


def test_a_frozen_source_holds_up_no_stop(lab):
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY)", "INSERT INTO app.a VALUES (1)")
    binbus = keeper(lab, source, "app.*").start()
    wait_ready(binbus, source)
    source.child.send_signal(signal.SIGSTOP)
    try:
        binbus.run("snapshot", "start", "-c", "binbus.toml", "app.a")
        wait_table(binbus, "app.a", lambda table: table["phase"] == "filling", "it is to be read again")
        assert binbus.stop(30) == 0
    finally:
        source.child.send_signal(signal.SIGCONT)
    binbus.start()
    wait_ready(binbus, source)
    assert_kept(binbus, source, "app")


def test_every_node_of_a_cluster_keeps_rows(lab, cluster_of):
    source = lab.server("mysql97", *FAST)
    source.sql("GRANT SELECT ON *.* TO repl@'%'", "CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY, v INT)",
               "INSERT INTO app.a VALUES (1, 1), (2, 2)")
    cluster = cluster_of(source, state=["app.*"])
    for node in cluster.nodes:
        wait_ready(node, source)
    source.sql("UPDATE app.a SET v = v + 10", "INSERT INTO app.a VALUES (3, 3)")
    for node in cluster.nodes:
        wait_ready(node, source)
        assert_kept(node, source, "app")
    leader = cluster.leader()
    leader.kill9()
    source.sql("DELETE FROM app.a WHERE id = 1")
    for node in cluster.nodes:
        if node is not leader:
            wait_ready(node, source)
            assert_kept(node, source, "app")
