"""Changes end to end: from real sources, by sinks to files and brokers, at the terminal, and offline."""

import json
import random
import re
import shutil
import threading
import time

import pytest

from binbus import Binbus
from faults import assert_says, stream_status, wait_served
from process import free_port, wait_until, whole_lines

SOURCES = ("mysql97", "mysql56", "mariadb1011")


def sink(name="changes", **options):
    return {"name": name, "stream": "shop", "type": "file", "path": f"{name}.jsonl", "format": "maxwell", **options}


def sink_status(binbus, name="changes"):
    return next(each for each in stream_status(binbus)["sinks"] if each["name"] == name)


def wait_delivered(binbus, source, name="changes", seconds=120):
    """Until the sink has confirmed all that the source has written by now."""
    end = wait_served(binbus, source)

    def there():  # MariaDB may write on by itself
        file, _, offset = sink_status(binbus, name)["position"].rpartition(":")
        return (file, int(offset or 0)) >= (end["file"], end["offset"])

    wait_until(there,
               f"{name} has delivered up to {end}", seconds, lambda: f"{sink_status(binbus, name)}\n{binbus.log()[-3000:]}")


def lines_of(binbus, name="changes"):
    return [json.loads(line) for line in whole_lines(binbus.folder / f"{name}.jsonl")]


def rows_after(messages, table):
    """The table that a consumer has after these messages, by key."""
    rows = {}
    for message in messages:
        if message["table"] != table:
            continue
        if message["type"] == "delete":
            del rows[message["data"]["id"]]
        elif message["type"] in ("insert", "update"):
            rows[message["data"]["id"]] = message["data"]
    return rows


def rows_at(source, table, columns):
    rows = source.sql(f"SELECT id, {', '.join(columns)} FROM {table}")
    return {row[0]: dict(zip(("id", *columns), row)) for row in rows}


class Writer(threading.Thread):
    """Writes to a table, in transactions of a few rows, until the end of the block."""

    def __init__(self, source, seed=1, table="d.t"):
        super().__init__()
        self.source, self.table, self.random, self.ending, self.statements = source, table, random.Random(seed), threading.Event(), 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()

    def run(self):
        connection = self.source.connect()
        cursor = connection.cursor()
        number = 0
        while not self.ending.is_set():
            cursor.execute("BEGIN")
            for _ in range(self.random.randint(1, 5)):
                what = self.random.random()
                if what < 0.6:
                    number += 1
                    cursor.execute(f"INSERT INTO {self.table} VALUES (%s, %s)", (number, f"row {number}"))
                elif what < 0.8:
                    cursor.execute(f"UPDATE {self.table} SET v = concat(v, '+') WHERE id = %s", (self.random.randint(1, number or 1),))
                else:
                    cursor.execute(f"DELETE FROM {self.table} WHERE id = %s", (self.random.randint(1, number or 1),))
            cursor.execute("COMMIT")
            self.statements += 1
        connection.close()


TABLE = ("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(400))")


@pytest.mark.parametrize("name", SOURCES)
def test_file_has_each_change_once_across_kills(lab, name):
    source = lab.server(name, "--binlog-format=ROW")
    source.sql(*TABLE)
    binbus = lab.binbus(source, sinks=[sink()])
    moment = random.Random(7)
    with Writer(source) as writer:
        for _ in range(6):
            before = writer.statements
            wait_until(lambda: writer.statements > before + moment.randint(20, 200), "the writer goes on", 60)
            binbus.kill9()
            binbus.start()
    wait_delivered(binbus, source)
    messages = lines_of(binbus)
    ids = [(message["position"], message["xoffset"]) for message in messages]
    assert len(ids) == len(set(ids)), "doubled"
    assert rows_after(messages, "t") == rows_at(source, "d.t", ["v"])
    # Each transaction's rows stand together and end with its commit.
    transactions = []
    for message in messages:
        if not transactions or transactions[-1] != message["xid"]:
            transactions.append(message["xid"])
    assert len(transactions) == len(set(transactions))
    assert sum(message.get("commit", False) for message in messages) == len(transactions)

    # What was prepared before a kill comes with its XA COMMIT after it, or never.
    ends = {"COMMIT": -1, "ROLLBACK": -2}
    sessions = {end: source.connect().cursor() for end in ends}
    for end, key in ends.items():
        for statement in (f"XA START '{end}'", f"INSERT INTO d.t VALUES ({key}, 'xa')", f"XA END '{end}'", f"XA PREPARE '{end}'"):
            sessions[end].execute(statement)
    wait_delivered(binbus, source)
    assert lines_of(binbus) == messages
    binbus.kill9()
    binbus.start()
    for end, session in sessions.items():
        session.execute(f"XA {end} '{end}'")
    wait_delivered(binbus, source)
    assert [message["data"] for message in lines_of(binbus)[len(messages):]] == [{"id": -1, "v": "xa"}]


def test_columns_of_minimal_metadata_come_from_the_schema_history(lab):
    source = lab.server("mysql97", "--binlog-row-metadata=MINIMAL", "--binlog-row-image=MINIMAL")
    source.sql(*TABLE, "INSERT INTO d.t VALUES (1, 'a')")
    binbus = lab.binbus(source, sinks=[sink()])
    wait_delivered(binbus, source)
    source.sql("ALTER TABLE d.t ADD n BIGINT UNSIGNED FIRST, CHANGE v w VARCHAR(400)",
               "INSERT INTO d.t VALUES (18446744073709551615, 2, 'b')",
               "CREATE TABLE d.other LIKE d.t", "RENAME TABLE d.t TO d.swap, d.other TO d.t, d.swap TO d.other",
               "INSERT INTO d.t VALUES (7, 3, 'c')", "UPDATE d.other SET w = 'bb' WHERE id = 2")
    wait_delivered(binbus, source)
    messages = lines_of(binbus)
    assert [(message["table"], message["type"], message["data"]) for message in messages] == [
        ("t", "insert", {"id": 1, "v": "a"}),
        ("t", "insert", {"n": 18446744073709551615, "id": 2, "w": "b"}),
        ("t", "insert", {"n": 7, "id": 3, "w": "c"}),
        ("other", "update", {"id": 2, "w": "bb"})]

    def shown(*words):
        return binbus.run("schema", "show", *words).stdout

    wait_until(lambda: "schema_baseline" in binbus.log(), "the tables are read", 60, lambda: binbus.log()[-3000:])
    assert_says(shown("d.t"), "CREATE TABLE", "`n` bigint unsigned", "`w` varchar(400)")
    assert "`v` varchar(400)" in shown("d.t", "--at", messages[0]["position"])
    refused = binbus.run("schema", "show", "d.none", check=False)
    assert refused.returncode == 1 and "no table d.none" in refused.stderr
    binbus.run("schema", "rebuild", "shop")
    wait_until(lambda: "reason=asked" in binbus.log(), "the tables are read again", 60, lambda: binbus.log()[-3000:])


def test_kafka_transactional_is_exactly_once_across_kills(lab):
    source, kafka = lab.server("mysql97"), lab.kafka()
    source.sql(*TABLE)
    orders = {"name": "orders", "stream": "shop", "type": "kafka", "brokers": [kafka.address], "format": "maxwell",
              "delivery": "transactional", "topic": "{database}.{table}", "key": ["id"]}
    binbus = lab.binbus(source, sinks=[orders])
    moment = random.Random(3)
    with Writer(source) as writer:
        for _ in range(4):
            before = writer.statements
            wait_until(lambda: writer.statements > before + moment.randint(50, 200), "the writer goes on", 60)
            binbus.kill9()
            binbus.start()
    wait_delivered(binbus, source, "orders", 180)
    records = kafka.read("d.t")
    messages = [json.loads(record.value()) for record in records]
    ids = [(message["position"], message["xoffset"]) for message in messages]
    assert len(ids) == len(set(ids)), "doubled"
    by_key = {}
    for record, message in zip(records, messages):
        by_key.setdefault(record.key(), []).append(message)
    rows = {}
    for history in by_key.values():
        rows |= rows_after(history, "t")
    assert rows == rows_at(source, "d.t", ["v"])


def test_a_dead_broker_holds_up_no_other_sink(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE, "INSERT INTO d.t VALUES (1, 'a')")
    dead = {"name": "dead", "stream": "shop", "type": "kafka", "brokers": [f"127.0.0.1:{free_port()}"]}
    binbus = lab.binbus(source, sinks=[sink(), dead])
    wait_delivered(binbus, source)
    wait_until(lambda: sink_status(binbus, "dead")["state"] == "retrying", "it is said", 60, lambda: binbus.log()[-3000:])
    text = binbus.run("sink", "list").stdout
    assert_says(text, "changes", "running", "dead", "retrying", dead["brokers"][0])
    assert sink_status(binbus)["messages"] == 1


def test_pause_resume_and_seek(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE, "INSERT INTO d.t VALUES (1, 'a')")
    binbus = lab.binbus(source, sinks=[sink()])
    wait_delivered(binbus, source)
    first, later = source.value("SELECT @@gtid_executed"), source.value("SELECT UNIX_TIMESTAMP()") + 1
    binbus.run("sink", "pause", "changes")
    wait_until(lambda: sink_status(binbus)["state"] == "paused", "it is paused", 30)
    wait_until(lambda: source.value("SELECT UNIX_TIMESTAMP()") >= later, "the next second has begun", 30)
    source.sql("INSERT INTO d.t VALUES (2, 'b')")
    wait_served(binbus, source)
    assert len(lines_of(binbus)) == 1
    binbus.run("sink", "resume", "changes")
    wait_delivered(binbus, source)
    assert [message["data"]["id"] for message in lines_of(binbus)] == [1, 2]
    binbus.run("sink", "seek", "changes", "--to", "earliest")
    wait_until(lambda: len(lines_of(binbus)) == 4, "all is delivered again", 30)
    assert [message["data"]["id"] for message in lines_of(binbus)] == [1, 2, 1, 2]
    for place in (f"gtid:{first}", time.strftime("time:%Y-%m-%dT%H:%M:%SZ", time.gmtime(later))):
        known = len(lines_of(binbus))
        binbus.run("sink", "seek", "changes", "--to", place)
        wait_until(lambda: len(lines_of(binbus)) > known, "the second row is delivered again", 30)
        wait_delivered(binbus, source)
        assert [message["data"]["id"] for message in lines_of(binbus)[known:]] == [2], place
    refused = binbus.run("sink", "pause", "none", check=False)
    assert refused.returncode == 1 and 'no sink "none"' in refused.stderr
    # A place that is none leaves the sink where it is.
    before = sink_status(binbus)
    file, offset = before["position"].split(":")
    for place, words in ((f"{file}:{int(offset) - 1}", f"which goes from \\d+ to {offset}"), ("garbage", "must be earliest, latest"),
                         (f"{file}:{int(offset) + 1}", "bytes of that file so far"), ("gtid:nonsense", "nonsense")):
        refused = binbus.run("sink", "seek", "changes", "--to", place, check=False)
        assert refused.returncode == 1 and re.search(words, refused.stderr), refused.stderr
    assert {key: sink_status(binbus)[key] for key in ("state", "position", "messages")} == {
        key: before[key] for key in ("state", "position", "messages")}


def test_retention_keeps_what_a_sink_has_not_delivered(lab):
    """Also across a restart, after which nothing reads for a sink that is paused or has no broker."""
    source = lab.server("mysql97", "--max-binlog-size=64K")
    numbers = iter(range(1, 1000))

    def write(rows):
        for _ in range(rows):
            source.sql(f"INSERT INTO d.t VALUES ({next(numbers)}, REPEAT('x', 20000))")

    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v TEXT)")
    write(8)
    binbus = lab.binbus(source, retain_bytes="256 KiB", sinks=[sink(), sink("careless", hold=False, start="latest")])
    wait_delivered(binbus, source)
    binbus.run("sink", "pause", "changes")
    binbus.run("sink", "pause", "careless")
    wait_until(lambda: all(sink_status(binbus, name)["state"] == "paused" for name in ("changes", "careless")), "both are paused", 30)
    needed = binbus.segments / sink_status(binbus)["position"].split(":")[0]
    write(40)
    wait_served(binbus, source)
    binbus.stop()
    for options in binbus.config["sink"]:
        options["paused"] = True
    binbus.start()
    wait_until(lambda: not (binbus.segments / source.binlogs()[0]).exists(), "what it has delivered is removed", 60, binbus.log)
    assert sink_status(binbus)["position"].startswith(needed.name)
    time.sleep(6)  # one more look
    assert needed.exists() and len(list(binbus.segments.glob("binlog.??????"))) > 8
    binbus.run("sink", "resume", "changes")
    wait_delivered(binbus, source)
    assert [message["data"]["id"] for message in lines_of(binbus)] == list(range(1, 49))
    wait_until(lambda: not needed.exists(), "what was kept for it is removed", 60, binbus.log)
    binbus.run("sink", "resume", "careless")
    wait_until(lambda: sink_status(binbus, "careless")["state"] == "stopped", "the other came too late", 30)
    assert_says(sink_status(binbus, "careless")["reason"], "is not in the log", needed.name)


def test_retention_waits_for_the_first_baseline(lab):
    """What tables are is until then told by the log's statements alone, which go on being needed."""
    source = lab.server("mysql97", "--max-binlog-size=64K")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v TEXT)",
               *(f"INSERT INTO d.t VALUES ({number}, REPEAT('x', 20000))" for number in range(12)))
    binbus = Binbus(lab.new_folder("binbus"), source, retain_bytes="64 KiB")
    binbus.config["sink"] = [sink()]
    files = source.binlogs()
    for name in files:
        shutil.copy(source.data / name, binbus.folder)
    source.stop()
    binbus.run("import", "--data", "data", "--stream", "shop", *files)
    lab.keep(binbus).start()
    wait_until(lambda: sink_status(binbus)["position"].startswith(files[-1]), "all rows are delivered", 60, binbus.log)
    time.sleep(6)  # retention has looked
    assert all((binbus.segments / name).exists() for name in files)
    source.start()
    wait_until(lambda: not (binbus.segments / files[0]).exists(), "the oldest is removed", 60, binbus.log)


def write_numbered(source, table, count):
    source.sql(*(f"INSERT INTO {table} VALUES ({number}, 'x')" for number in range(1, count + 1)))


def test_settings_change_live_at_one_place(lab):
    """While rows go on coming to two tables: from one place on another table is delivered, and no row before or after it is lost."""
    source = lab.server("mysql97")
    source.sql(*TABLE, "CREATE TABLE d.u LIKE d.t")
    binbus = lab.binbus(source, sinks=[sink(tables=["d.t"])])
    with Writer(source) as writer, Writer(source, table="d.u", seed=2):
        settings = [['tables=["d.u"]'], ["--file", "both.toml"], ["tables=d.t", "where=v LIKE '%+'"], ["--unset", "where", "tables=d.*"]]
        (binbus.folder / "both.toml").write_text('tables = ["d.t", "d.u"]\n[[table]]\nmatch = "d.u"\noperations = "insert"\n')
        places = []
        for words in settings:
            before = writer.statements
            wait_until(lambda: writer.statements > before + 40, "the writer goes on", 60)
            places.append(binbus.run("sink", "set", "changes", *words).stdout)
        before = writer.statements
        wait_until(lambda: writer.statements > before + 40, "the writer goes on", 60)
    wait_delivered(binbus, source)
    offsets = [int(re.fullmatch(r"changes: from binlog\.000001:(\d+) on\n", place).group(1)) for place in places]
    assert offsets == sorted(offsets)

    def wanted(message):
        """By the settings that hold at its place."""
        in_t, inserted = message["table"] == "t", message["type"] == "insert"
        updated = any(row["v"].endswith("+") for row in (message["data"], message.get("old", {"v": ""})))
        place = int(message["position"].split(":")[1])
        return [in_t, not in_t, in_t or inserted, in_t and updated, in_t or inserted][sum(place >= offset for offset in offsets)]

    everything = [json.loads(line) for line in
                  binbus.run("tail", "shop", "--from", "earliest", "--to-end", "--no-ddl", "-f", "maxwell").stdout.splitlines()]

    def key(message):
        return message["table"], message["type"], message["data"]["id"], message["position"]

    assert [key(message) for message in lines_of(binbus)] == [key(message) for message in everything if wanted(message)]
    assert sum(message.get("commit", False) for message in lines_of(binbus)) == len({m["xid"] for m in lines_of(binbus)})


def test_settings_last_until_they_are_reset(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE, "INSERT INTO d.t VALUES (1, 'a')")
    binbus = lab.binbus(source, sinks=[sink(tables="none.*", hash_salt="secret")])
    wait_delivered(binbus, source)
    binbus.run("sink", "set", "changes", "tables=d.*", "mask.v=hidden")
    binbus.run("sink", "add", "added", "type=file", "path=added.jsonl", "format=maxwell")
    wait_delivered(binbus, source, "added")
    binbus.kill9()
    binbus.start()
    source.sql("INSERT INTO d.t VALUES (2, 'b')")
    wait_delivered(binbus, source)
    wait_delivered(binbus, source, "added")
    assert [m["data"] for m in lines_of(binbus)] == [{"id": 2, "v": "hidden"}]
    assert [m["data"]["id"] for m in lines_of(binbus, "added")] == [1, 2]
    assert_says(binbus.log(), "sink_was_set", "sink_was_added")
    shown = binbus.run("sink", "show", "changes").stdout
    assert_says(shown, "[[sink]]", "tables = 'd.*'", "v = 'hidden'", "hash_salt = '***'")
    assert "secret" not in shown

    def refused(*words):
        answer = binbus.run("sink", *words, check=False)
        assert answer.returncode == 1, answer
        return answer.stderr

    assert_says(refused("set", "changes", "tabels=x"), "tabels", "tables")
    assert_says(refused("set", "changes", "type=kafka"), "type")
    assert_says(refused("set", "none", "tables=x"), "none")
    assert_says(refused("add", "changes", "type=file", "path=x"), "already")
    assert_says(refused("add", "twice", "type=file", "path=added.jsonl"), "added", "path")
    assert_says(refused("remove", "changes"), "configuration file")
    assert_says(refused("reset", "added"), "remove")
    binbus.run("sink", "reset", "changes")
    binbus.run("sink", "remove", "added")
    assert [each["name"] for each in stream_status(binbus)["sinks"]] == ["changes"]
    source.sql("INSERT INTO d.t VALUES (3, 'c')")
    wait_delivered(binbus, source)
    binbus.kill9()
    binbus.start()
    source.sql("INSERT INTO d.t VALUES (4, 'd')")
    wait_delivered(binbus, source)
    assert [each["name"] for each in stream_status(binbus)["sinks"]] == ["changes"]
    assert len(lines_of(binbus)) == 1 and len(lines_of(binbus, "added")) == 2
    # Added once more it begins anew, and what `show` prints can be added.
    (binbus.folder / "again.toml").write_text(binbus.run("sink", "show", "changes").stdout.replace("***", "s"))
    assert_says(refused("add", "again", "--file", "again.toml"), "name")


FILTER_TABLE = ("CREATE DATABASE ops",
                "CREATE TABLE ops.monitored (db_name VARCHAR(64), tb_name VARCHAR(64), monitor_insert BIT(1), monitor_update BIT(1),"
                " monitor_delete BIT(1), PRIMARY KEY (db_name, tb_name))",
                "GRANT SELECT ON ops.* TO repl@'%'")


@pytest.mark.parametrize("name", SOURCES)
def test_a_filter_table_in_the_source(lab, name):
    """What its rows say holds for what the source did behind them, whenever that is read: now, after a kill, after a seek back."""
    source = lab.server(name, "--binlog-format=ROW")
    source.sql(*TABLE, "CREATE TABLE d.u LIKE d.t", *FILTER_TABLE, "INSERT INTO ops.monitored VALUES ('d', 't', 1, 0, 0)")
    # It begins here, and knows the row above although it never reads it in the log.
    file, offset = source.position()
    binbus = lab.binbus(source, sinks=[sink(filter_table="ops.monitored", start=f"{file}:{offset}")])
    wait_until(lambda: sink_status(binbus)["state"] == "running", "the table is read", 60, lambda: sink_status(binbus))
    both = "INSERT INTO d.t VALUES ({0}, 'a')", "INSERT INTO d.u VALUES ({0}, 'a')", "UPDATE d.t SET v = 'b' WHERE id = {0}"
    changes = ["INSERT INTO ops.monitored VALUES ('d', 'u', 1, 1, 0), ('ops', 'monitored', 1, 1, 1)",
               "UPDATE ops.monitored SET monitor_insert = 0, monitor_update = 1 WHERE tb_name = 't'",
               "DELETE FROM ops.monitored WHERE tb_name = 'u'",
               "UPDATE ops.monitored SET tb_name = 'u' WHERE tb_name = 't'"]
    places, wanted = [], ["t insert 0"]
    for number, change in enumerate(["DO 0", *changes]):
        places.append(source.position())
        source.sql(change, *(statement.format(number) for statement in both))
        if number == 1:
            wait_delivered(binbus, source)
            binbus.kill9()
            binbus.start()
    # The statement that lists the table itself is its first change that is delivered: with the rows behind it in the statement.
    wanted += ["monitored insert", "t insert 1", "u insert 1", "monitored update", "u insert 2", "t update 2",
               "monitored delete", "t update 3", "monitored update"]
    wait_delivered(binbus, source)

    def delivered():
        return [" ".join(str(part) for part in (m["table"], m["type"], m["data"].get("id")) if part is not None) for m in lines_of(binbus)]

    assert delivered() == wanted
    assert sum(message.get("commit", False) for message in lines_of(binbus)) == len({m["xid"] for m in lines_of(binbus)})
    binbus.run("sink", "seek", "changes", "--to", f"{places[1][0]}:{places[1][1]}")
    again = wanted + wanted[1:]
    wait_until(lambda: len(lines_of(binbus)) == len(again), "what came behind that place comes again", 30, delivered)
    assert delivered() == again


def test_a_filter_table_that_cannot_be_read(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source, sinks=[sink(filter_table="ops.monitored")])
    wait_until(lambda: "monitored" in sink_status(binbus)["reason"], "it is said", 60, lambda: sink_status(binbus))
    assert_says(sink_status(binbus)["reason"], "ops.monitored", "db_name", "GRANT SELECT ON `ops`.`monitored`")
    source.sql(*FILTER_TABLE, "INSERT INTO ops.monitored VALUES ('d', 't', 1, 1, 1)", "INSERT INTO d.t VALUES (1, 'a')")
    wait_delivered(binbus, source)
    assert [message["data"]["id"] for message in lines_of(binbus)] == [1]


def test_transactions_of_versioned_tables_say_commit(lab):
    """What ends with a row of the past, which is no change."""
    source = lab.server("mariadb1011")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING",
               "INSERT INTO d.t VALUES (1, 1), (2, 1)", "UPDATE d.t SET v = 2", "BEGIN", "UPDATE d.t SET v = 3 WHERE id = 1",
               "DELETE FROM d.t WHERE id = 2", "COMMIT", "UPDATE d.t SET v = 4")
    binbus = lab.binbus(source, sinks=[sink()])
    wait_delivered(binbus, source)
    assert [(m["type"], m["data"]["id"], m.get("commit", False)) for m in lines_of(binbus)] == [
        ("insert", 1, False), ("insert", 2, True), ("update", 1, False), ("update", 2, True), ("update", 1, False), ("delete", 2, True),
        ("update", 1, True)]


def test_rewind(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE)
    write_numbered(source, "d.t", 3)
    binbus = lab.binbus(source, sinks=[sink()])
    wait_delivered(binbus, source)
    binbus.run("sink", "rewind", "changes", "1h")
    wait_until(lambda: len(lines_of(binbus)) == 6, "all is delivered again", 30)
    assert binbus.run("sink", "rewind", "changes", "often", check=False).returncode == 1


def test_rewind_of_a_sink_that_is_behind_leaves_nothing_out(lab):
    """Though the log tells after a restart only how old its newest transaction is."""
    source = lab.server("mysql97")
    source.sql(*TABLE, "INSERT INTO d.t VALUES (1, 'a')")
    binbus = lab.binbus(source, sinks=[sink()])
    wait_delivered(binbus, source)
    binbus.config["sink"] = [sink(paused=True)]
    binbus.restart()
    source.sql("INSERT INTO d.t VALUES (2, 'a')")
    time.sleep(4)
    source.sql("INSERT INTO d.t VALUES (3, 'a')")
    wait_served(binbus, source)
    binbus.restart()
    binbus.run("sink", "rewind", "changes", "1s")
    binbus.run("sink", "resume", "changes")
    wait_delivered(binbus, source)
    assert [message["data"]["id"] for message in lines_of(binbus)] == [1, 2, 3]


def test_rows_logged_as_statements_stop_a_sink(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source, sinks=[sink(), sink("without", on_loss="skip")])
    source.sql("SET SESSION binlog_format = STATEMENT", "INSERT INTO d.t VALUES (1, 'a')")
    source.sql("INSERT INTO d.t VALUES (2, 'b')")
    wait_delivered(binbus, source, "without")
    assert [message["data"]["id"] for message in lines_of(binbus, "without")] == [2]
    wait_until(lambda: sink_status(binbus)["state"] == "stopped", "it stops", 30, lambda: sink_status(binbus))
    assert_says(sink_status(binbus)["reason"], "logged as a statement", "INSERT INTO d.t", "binlog_format = ROW", "on_loss")
    # The way out: behind it.
    place = sink_status(binbus)["reason"].split()[0]
    refused = binbus.run("sink", "seek", "changes", "--to", place, check=False)
    behind = re.search("which goes from \\d+ to (\\d+)", refused.stderr)[1]
    binbus.run("sink", "seek", "changes", "--to", f"{place.split(':')[0]}:{behind}")
    wait_delivered(binbus, source)
    assert [message["data"]["id"] for message in lines_of(binbus)] == [2]


def test_tail(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE, "CREATE TABLE d.u (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1, 'a')", "INSERT INTO d.u VALUES (5)",
               "UPDATE d.t SET v = 'b'", "DELETE FROM d.t")
    binbus = lab.binbus(source)
    wait_served(binbus, source)

    def tail(*words):
        return binbus.run("tail", "--to-end", *words).stdout.splitlines()

    rows = [json.loads(line) for line in tail("--from", "earliest", "--no-ddl", "--table", "d.t")]
    assert [(row["op"], row["table"]) for row in rows] == [("insert", "t"), ("update", "t"), ("delete", "t")]
    assert rows[1]["before"] == {"id": 1, "v": "a"} and rows[1]["after"] == {"id": 1, "v": "b"}
    update = rows[1]["position"]
    assert tail("--from", "latest") == []
    # From a transaction's end, by what was executed, and refused within a transaction.
    assert tail("--from", f"gtid:{source.gtids()}") == []
    file, offset = update.rsplit(":", 1)
    refused = binbus.run("tail", "shop", "--to-end", "--from", f"{file}:{int(offset) + 1}", check=False)
    assert refused.returncode == 1 and "within" in refused.stderr
    assert [line.split(" */ ")[1] for line in tail("--from", "earliest", "--no-ddl", "-f", "sql", "-t", "d.u")] == [
        "INSERT INTO `d`.`u` (`id`) VALUES (5);"]
    # Statements, too, and a transaction's bounds around what is told of it.
    assert [(row["op"], row["table"]) for row in map(json.loads, tail("--from", "earliest", "--table", "d.u"))] == [
        ("ddl", None), ("ddl", "u"), ("insert", "u")]
    bounds = [json.loads(line)["op"] for line in tail("--from", "earliest", "--no-ddl", "--transactions", "--table", "d.u")]
    assert bounds == ["begin", "insert", "commit"]
    assert any("\x1b[32m" in line for line in tail("--from", "earliest", "--color", "always"))
    refused = binbus.run("tail", "none", check=False)
    assert refused.returncode == 1 and "none" in refused.stderr


def test_decode_offline_with_a_dump(lab):
    source = lab.server("mysql56", "--binlog-format=ROW")
    source.sql(*TABLE, "FLUSH BINARY LOGS", "INSERT INTO d.t VALUES (1, 'a')", "UPDATE d.t SET v = NULL")
    binbus = lab.binbus(source)
    file = source.data / source.position()[0]
    (binbus.folder / "d.sql").write_text(f"CREATE DATABASE d;\nUSE `d`;\n{TABLE[1]};\n")
    with_dump = [json.loads(line) for line in binbus.run("decode", "--schema", "d.sql", file).stdout.splitlines()]
    assert [row["after"] for row in with_dump] == [{"id": 1, "v": "a"}, {"id": 1, "v": None}]
    without = [json.loads(line) for line in binbus.run("decode", file).stdout.splitlines()]
    # No charset is known, so text is bytes.
    assert [row["after"] for row in without] == [{"@1": 1, "@2": "YQ=="}, {"@1": 1, "@2": None}]
    (binbus.folder / "encrypted").write_bytes(b"\xfdbin" + bytes(1000))
    for name, words in (("d.sql", "not a binlog file"), ("encrypted", "binlog_encryption")):
        refused = binbus.run("decode", name, check=False)
        assert refused.returncode == 1 and name in refused.stderr and words in refused.stderr, refused.stderr
