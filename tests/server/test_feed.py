"""The feed: all rows as of a place, then every change, each once, whatever happens on the way."""

import itertools
import json
import pathlib
import random
import re
import signal
import sqlite3
import threading

import pymysql
import pytest

import certificates
from binbus import Binbus
from feed import Client, Example, Tables, cursors, feed
from process import wait_until
from servers import FAST
from test_state import wait_ready

SERVERS = ["mysql97", "mariadb1011"]
ACCOUNTS = 400
BALANCE = 1000


class Bank:
    """Transfers between accounts: at every commit all balances together are what they were, and each thread's counter has no gap.
    Rows also come and go, empty ones. `through_kills`: it goes on when the source is there again."""

    def __init__(self, source, threads=2, pause_s=0.002, through_kills=False):
        self.source, self.pause_s, self.through_kills, self.commits, self.failed = source, pause_s, through_kills, 0, None
        self.stop = threading.Event()
        source.sql("CREATE DATABASE shop", "CREATE TABLE shop.accounts (id INT PRIMARY KEY, balance INT NOT NULL, note VARCHAR(200))",
                   "CREATE TABLE shop.aside (id INT PRIMARY KEY, v INT)",
                   "CREATE TABLE shop.counters (thread INT, number INT, PRIMARY KEY (thread, number))",
                   "INSERT INTO shop.accounts VALUES " + ", ".join(f"({i}, {BALANCE}, 'begun')" for i in range(ACCOUNTS)))
        self.threads = [threading.Thread(target=self.run, args=(random.Random(seed), seed)) for seed in range(threads)]

    def run(self, dice, number):
        extra = [100_000_000 * (number + 1)]  # the row that came last
        while not self.stop.is_set() and not self.failed:
            try:
                with self.source.connect_now(autocommit=False) as connection, connection.cursor() as cursor:
                    cursor.execute("SELECT COALESCE(MAX(number), 0) FROM shop.counters WHERE thread = %s", (number,))
                    count = cursor.fetchone()[0]
                    while not self.stop.wait(self.pause_s):
                        count += 1
                        self.transfer(cursor, dice, extra)
                        cursor.execute("INSERT INTO shop.counters VALUES (%s, %s)", (number, count))
                        connection.commit()
                        self.commits += 1
            except Exception as error:  # whoever waits for it is told
                if not (self.through_kills and isinstance(error, (pymysql.err.OperationalError, pymysql.err.InterfaceError))):
                    self.failed = error

    def transfer(self, cursor, dice, extra):
        a, b, amount = *sorted(dice.sample(range(ACCOUNTS), 2)), dice.randint(1, 50)
        cursor.execute("UPDATE shop.accounts SET balance = balance - %s WHERE id = %s", (amount, a))
        cursor.execute("UPDATE shop.accounts SET balance = balance + %s, note = %s WHERE id = %s", (amount, "x" * (a % 90), b))
        what = dice.random()
        if what < 0.2:
            extra[0] += 1
            cursor.execute("INSERT INTO shop.accounts VALUES (%s, 0, NULL)", (extra[0],))
        elif what < 0.3:
            cursor.execute("DELETE FROM shop.accounts WHERE id = %s", (extra[0],))
        elif what < 0.4:
            cursor.execute("UPDATE shop.accounts SET id = id + 500000 WHERE id = %s", (extra[0],))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def wait(self, more):
        goal = self.commits + more
        wait_until(lambda: self.failed or self.commits >= goal, f"{more} more transfers", 120)
        assert not self.failed, self.failed

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert not self.failed, self.failed


def feeding(lab, source, *tables, **more):
    """A binbus that feeds, and keeps these tables; not started."""
    source.sql("GRANT SELECT ON *.* TO repl@'%'")
    binbus = feed(lab.keep(Binbus(lab.new_folder("binbus"), source)), **more)
    if tables:
        binbus.config["state"] = [{"stream": "shop", "tables": list(tables)}]
    return binbus


def client_of(lab, *nodes, **options):
    return lab.keep(Client(lab.new_folder("client"), *nodes, **options))


def mark(source, value):
    source.sql(f"REPLACE INTO shop.aside VALUES (1, {value})")


def wait_mark(client, value, seconds=120):
    client.wait_change(lambda change: change["table"] == "aside" and change["after"] and change["after"]["v"] == value,
                       f"mark {value} has come", seconds)


def moved(change):
    """An update of a row's key, told apart from others."""
    if change["op"] == "update" and change["before"]["id"] != change["after"].get("id", change["before"]["id"]):
        return {**change, "key_names": ["id"]}
    return change


def assert_all_there(source, changes):
    """No change is missing or comes twice: rows are the source's, and balances fit at every commit."""
    ids = [(change["transaction"], change["event"], change["row"]) for change in changes
           if change["op"] in ("insert", "update", "delete", "ddl")]
    assert len(ids) == len(set(ids)), "a change came twice"
    tables = Tables(moved(change) for change in changes)
    rows = {json.loads(key)[0]: (row["balance"], row["note"]) for key, row in tables.rows["shop", "accounts"].items()}
    assert rows == {id: (balance, note) for id, balance, note in source.sql("SELECT id, balance, note FROM shop.accounts")}
    return tables


class Invariants:
    """What Bank keeps, by the changes that were taken."""

    def __init__(self):
        self.total, self.counters = 0, {}  # thread: [how many numbers, the highest]

    def take(self, change):
        for sign, row in ((-1, change["before"]), (1, change["after"])):
            if row and change["table"] == "accounts":
                self.total += sign * row["balance"]
            elif row and change["table"] == "counters":
                counter = self.counters.setdefault(row["thread"], [0, 0])
                counter[:] = counter[0] + sign, max(counter[1], row["number"])

    def check(self, where):
        assert self.total == ACCOUNTS * BALANCE, f"at {where}: {self.total}"
        assert all(count == highest for count, highest in self.counters.values()), f"at {where}: {self.counters}"


def assert_invariants(changes, at_least=50):
    """From the last row of the snapshot on, at every commit."""
    last_read = max(i for i, change in enumerate(changes) if change["op"] == "read")
    told, checked = Invariants(), 0
    for i, change in enumerate(changes):
        told.take(change)
        if i == last_read or (i > last_read and change["op"] == "commit"):
            told.check(change["position"])
            checked += 1
    assert checked > at_least


@pytest.mark.parametrize("name", [*SERVERS, "mysql56", "mariadb118"])
def test_snapshot_and_changes(lab, name):
    """Begun while others write; two clients, one of them asynchronous."""
    source = lab.server(name, *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source) as bank:
        bank.wait(50)
        binbus.start()
        wait_ready(binbus, source)
        clients = [client_of(lab, binbus, tables=["shop.*"], start="snapshot", transactions=True, asynchronous=each)
                   for each in (False, True)]
        for client in clients:
            client.start()
            client.wait_change(lambda change: change["op"] == "commit", "a change has come")
        bank.wait(150)
    mark(source, 7)
    for client in clients:
        wait_mark(client, 7)
        assert_all_there(source, client.changes())
        assert_invariants(client.changes())


@pytest.mark.parametrize("name", SERVERS)
def test_killed_on_the_way(lab, name):
    """binbus and the client are killed again and again, in the snapshot and behind it: each change comes once."""
    source = lab.server(name, *FAST)
    binbus = feeding(lab, source, "shop.*")
    dice = random.Random(5)
    with Bank(source) as bank:
        source.sql("INSERT INTO shop.accounts SELECT 1000000 + a.id * 400 + b.id, 0, REPEAT('y', 100) FROM shop.accounts a, "
                   "shop.accounts b "
                   "WHERE a.id < 100 AND b.id < 400")
        binbus.start()
        client = client_of(lab, binbus, tables=["shop.*"], start="snapshot", transactions=True).start()
        for kill in range(8):
            wait_until(lambda: len(client.file.read_bytes() if client.file.exists() else b"") > 1_000_000 * (kill + 1) or kill > 3,
                       "a part of the snapshot has come", 120, lambda: client.log()[-2000:])
            bank.wait(dice.randint(1, 40))
            for process in ([binbus], [client], [binbus, client])[kill % 3]:
                process.kill9()
                process.start()
        bank.wait(50)
    mark(source, 7)
    wait_mark(client, 7)
    assert "reset" not in [change["op"] for change in client.changes()]
    assert_all_there(source, client.changes())


@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "asyncio"])
def test_transactions_come_whole(lab, asynchronous):
    """Through breaks, also of one that is longer than a message; and where the snapshot ends is told."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source) as bank:
        binbus.start()
        client = client_of(lab, binbus, tables=["shop.*"], start="snapshot", snapshot_end=True, transactions=True, grouped=True,
                           asynchronous=asynchronous, cursor="c", auto_commit=True, commit_interval=0.01).start()
        client.wait_change(lambda change: change["op"] == "commit", "it follows")
        filtered = client_of(lab, binbus, tables=["shop.*"], operations=["insert", "delete"], start="now", transactions=True,
                             grouped=True, asynchronous=asynchronous).start()
        filtered.wait_change(lambda change: change["op"] == "commit", "it follows")
        for kill in range(4):
            source.sql("INSERT INTO shop.accounts SELECT 1000000 + a.id * 400 + b.id, 0, REPEAT('y', 100) FROM shop.accounts a, "
                       "shop.accounts b WHERE a.id < 100 AND b.id < 400", "DELETE FROM shop.accounts WHERE id >= 1000000 AND id < 2000000")
            bank.wait(10)
            binbus.kill9()
            binbus.start()
        bank.wait(50)
    mark(source, 7)  # a new row
    for each in client, filtered:
        wait_mark(each, 7)
    changes = client.changes()
    assert_all_there(source, changes)
    assert_invariants(changes)
    ops = [change["op"] for change in changes]
    end = ops.index("snapshot_end")
    assert set(ops[:end]) == {"read"} and set(ops[end + 1:]) <= {"insert", "update", "delete", "commit"}
    assert_grouped(changes[end + 1:])
    assert_grouped(filtered.changes())
    assert {change["op"] for change in filtered.changes()} == {"insert", "delete", "commit"}


def assert_grouped(changes):
    """Each group is a transaction, whole as far as the filter goes."""
    for _, of_it in itertools.groupby(changes, lambda change: change["group"]):
        of_it = list(of_it)
        assert [change["op"] for change in of_it].index("commit") == len(of_it) - 1 > 0, of_it
        assert len({change["transaction"] for change in of_it}) == 1, of_it
        assert of_it[-1]["count"] == len(of_it) - 1, of_it


def kill_under(binbus, bank, program, kills, bytes_each):
    """Again and again while the program reads: its file grows so much in the snapshot before each of the first three."""
    dice = random.Random(5)
    for kill in range(kills):
        wait_until(lambda: kill > 2 or (program.file.exists() and program.file.stat().st_size > bytes_each * (kill + 1)),
                   "a part of the snapshot has come", 120, program.log)
        bank.wait(dice.randint(1, 30))
        binbus.kill9()
        binbus.start()


def wait_committed(binbus, client):
    """Until all that has come to the client is committed, by a cursor of the name my-app; returns the position."""
    position = client.changes()[-1]["position"]
    wait_until(lambda: position == (binbus.segments / "feed/my-app.cursor").read_text(), "it is committed", 30, client.log)
    return position


def test_cursor_resumes_and_passes_on(lab):
    """A client that died is followed by the one that waited, from what was committed."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        first = client_of(lab, binbus, tables=["shop.aside"], start="snapshot", cursor="my-app", commit=True).start()
        mark(source, 1)
        wait_mark(first, 1)
        second = client_of(lab, binbus, tables=["shop.aside"], start="snapshot", cursor="my-app", commit=True).start()
        wait_until(lambda: "waiting cursor my-app is leased to" in second.log(), "the second one waits", 30, second.log)
        mark(source, 2)
        wait_mark(first, 2)
        committed = wait_committed(binbus, first)
        assert not second.changes()
        served = binbus.run("feed", "status").stdout
        assert re.search(r"shop: 2 clients\n +CLIENT .*\n +[\w-]+ +127.0.0.1:\d+ +my-app +caught_up ", served), served
        assert re.search(r"my-app +waiting .*\n(.*\n)* +[\w-]+: cursor my-app is leased to", served), served
        listed = binbus.run("feed", "cursors").stdout
        assert re.search(rf"^my-app  {re.escape(committed)}  [\w-]+  0 s$", listed, re.M), listed
        refused = binbus.run("feed", "delete", "my-app", check=False)
        assert refused.returncode == 1 and "cursor my-app is leased to" in refused.stderr
        first.kill9()
        mark(source, 3)
        wait_mark(second, 3)
        assert [change["after"]["v"] for change in second.changes() if change["after"]] == [3]
        wait_committed(binbus, second)
        second.kill9()
        binbus.kill9()
        binbus.start()
        mark(source, 4)
        second.start()
        wait_mark(second, 4)
        assert [change["after"]["v"] for change in second.changes() if change["after"]] == [3, 4]
        second.kill9()
        wait_until(lambda: binbus.run("feed", "delete", "my-app", check=False).returncode == 0, "nobody is served with it", 30)
        assert binbus.run("feed", "cursors").stdout == "CURSOR  POSITION  CLIENT  LAG\n"


def test_filters_and_ddl_in_place(lab):
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, kind VARCHAR(9), total DECIMAL(10,2), secret TEXT)",
               "CREATE TABLE shop.other (id INT PRIMARY KEY)", "CREATE TABLE shop.aside (id INT PRIMARY KEY, v INT)",
               "INSERT INTO shop.t VALUES (1, 'a', 1.50, 's'), (2, 'b', 2.50, 's')")
    binbus.start()
    wait_ready(binbus, source)
    some = client_of(lab, binbus, tables=["shop.t", "shop.aside"], start="snapshot", operations=["insert", "update"], 
                     columns=["total", "v"]).start()
    rich = client_of(lab, binbus, tables=["shop.t"], start="snapshot", where="total > 2").start()
    statements = client_of(lab, binbus, tables=["shop.*"], start="snapshot").start()
    for client in (some, rich, statements):
        client.wait_change(lambda change: change["op"] == "read", "the snapshot has come")
    source.sql("INSERT INTO shop.t VALUES (3, 'c', 3, 's')", "INSERT INTO shop.other VALUES (1)", "DELETE FROM shop.t WHERE id = 1",
               "ALTER TABLE shop.t ADD COLUMN more INT DEFAULT 5, DROP COLUMN kind", "UPDATE shop.t SET more = 6 WHERE id = 3",
               "TRUNCATE TABLE shop.t", "INSERT INTO shop.t VALUES (4, 4, 's', 1)")
    mark(source, 1)
    wait_mark(some, 1)
    told = [(change["op"], change["after"]) for change in some.changes() if change["table"] == "t"]
    assert told == [("read", {"id": 1, "total": {"Decimal": "1.50"}}), ("read", {"id": 2, "total": {"Decimal": "2.50"}}),
                    ("insert", {"id": 3, "total": {"Decimal": "3.00"}}), ("update", {"id": 3, "total": {"Decimal": "3.00"}}),
                    ("insert", {"id": 4, "total": {"Decimal": "4.00"}})]
    rich.wait_change(lambda change: change["op"] == "insert" and change["key"] == [4], "the last row has come")
    assert [(change["op"], change["key"]) for change in rich.changes() if change["op"] != "ddl"] == \
        [("read", [2]), ("insert", [3]), ("update", [3]), ("insert", [4])]
    ddl = [change for change in rich.changes() if change["op"] == "ddl"]
    assert [(change["statement"].split()[0], change["truncate"]) for change in ddl] == [("ALTER", False), ("TRUNCATE", True)]
    assert ddl[0]["columns"] == ["id", "total", "secret", "more"]

    source.sql("ALTER TABLE shop.t RENAME TO shop.u", "RENAME TABLE shop.u TO shop.t",
               "CREATE TABLE shop.n (id INT)", "DROP TABLE shop.n", "CREATE DATABASE beside", "DROP DATABASE beside")
    mark(source, 2)
    wait_mark(statements, 2)
    assert [(change["action"], change["table_before"], change["table_after"]) for change in statements.changes() if change["op"] == "ddl"] == [
        ("alter_table", "shop.t", "shop.t"), ("truncate_table", "shop.t", "shop.t"),
        ("rename_table", "shop.t", "shop.u"), ("rename_table", "shop.u", "shop.t"), ("create_table", None, "shop.n"),
        ("drop_table", "shop.n", None), ("create_database", None, None), ("drop_database", None, None)]


def test_source_is_asked_nothing(lab):
    """Many clients begin with all rows: the source's general log has not one query more."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        mark(source, 1)
        first = client_of(lab, binbus, tables=["shop.*"], start="snapshot").start()
        wait_mark(first, 1)
        source.sql("SET GLOBAL log_output = 'TABLE'", "TRUNCATE TABLE mysql.general_log", "SET GLOBAL general_log = ON")
        clients = [client_of(lab, binbus, tables=["shop.*"], start="snapshot").start() for _ in range(10)]
        for client in clients:
            wait_mark(client, 1)
            assert len([change for change in client.changes() if change["op"] == "read"]) == ACCOUNTS + 1
        asked = source.sql("SELECT user_host, CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE user_host LIKE 'repl%'")
        assert not asked


@pytest.mark.parametrize("name", SERVERS)
def test_values_are_pythons(lab, name):
    """From the snapshot and from the log alike."""
    source = lab.server(name, *FAST)
    binbus = feeding(lab, source, "shop.*")
    source.sql("SET sql_mode = ''", "CREATE DATABASE shop", "CREATE TABLE shop.aside (id INT PRIMARY KEY, v INT)",
               "CREATE TABLE shop.v (id BIGINT UNSIGNED PRIMARY KEY, d DECIMAL(20,5), f DOUBLE, s VARCHAR(20) CHARACTER SET latin1, "
               "b VARBINARY(9), bits BIT(12), day DATE, zero DATE, moment DATETIME(3), stamp TIMESTAMP NULL, length TIME(2), y YEAR, "
               "e ENUM('x','y'), st SET('p','q','r'), j JSON, n INT)")
    row = ("(%d, -12.5, 0.1, 'Zo\u00eb', x'00ff', b'101000000001', '2024-02-29', '2024-00-00', '2024-02-29 12:00:00.5', "
           "'2024-02-29 12:00:00', '-101:02:03.5', 1999, 'y', 'r,p', '{\"a\": [1]}', NULL)")
    source.sql("SET time_zone = '+00:00'", "SET sql_mode = ''", "INSERT INTO shop.v VALUES " + row % (2**64 - 1))
    binbus.start()
    wait_ready(binbus, source)
    client = client_of(lab, binbus, tables=["shop.v"], start="snapshot").start()
    client.wait_change(lambda change: change["op"] == "read", "the snapshot has come")
    source.sql("SET time_zone = '+00:00'", "SET sql_mode = ''", "INSERT INTO shop.v VALUES " + row % 1)
    client.wait_change(lambda change: change["op"] == "insert", "the change has come")
    read, insert = (change["after"] for change in client.changes())
    assert {**read, "id": 1} == insert
    assert read == {"id": 2**64 - 1, "d": {"Decimal": "-12.50000"}, "f": 0.1, "s": "Zo\u00eb", "b": {"bytes": "00ff"}, "bits": 0xa01,
                    "day": {"date": "2024-02-29"}, "zero": "2024-00-00", "moment": {"datetime": "2024-02-29 12:00:00.500000"},
                    "stamp": {"datetime": "2024-02-29 12:00:00+00:00"}, "length": {"timedelta": "-5 days, 18:57:56.500000"}, "y": 1999,
                    "e": "y", "st": {"set": ["p", "r"]}, "j": '{"a": [1]}', "n": None}


def test_what_is_refused(lab):
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.a*", "shop.c*", token="sesame")
    with Bank(source, threads=0):
        binbus.start()
        right = {"token": "sesame"}
        cases = [
            (dict(start="now"), "UNAUTHENTICATED", "a token is needed"),
            (dict(start="now", connect={"token": "simsim"}), "UNAUTHENTICATED", "not the one in [feed] token"),
            (dict(start="now", stream="shoe", connect=right), "NOT_FOUND", "no stream \"shoe\"; there are: shop"),
            (dict(start="yesterday", connect=right), "INVALID_ARGUMENT", "yesterday: must be"),
            (dict(connect=right), "INVALID_ARGUMENT", "from: must be snapshot, now"),
            (dict(cursor="new", connect=right), "NOT_FOUND", "cursor new has no position yet"),
            (dict(start="now", cursor="../x", connect=right), "INVALID_ARGUMENT", "1 to 64 letters"),
            (dict(start="now", tables=["/(/"], connect=right), "INVALID_ARGUMENT", "(/"),
            (dict(start="now", where="total >", connect=right), "INVALID_ARGUMENT", "expected at character 8"),
            (dict(start="now", operations=["upsert"], connect=right), "INVALID_ARGUMENT", "there are: insert, update, delete, ddl"),
            (dict(start="earliest", commit=True, connect=right), "INVALID_ARGUMENT", "commit: the subscription has no cursor"),
            (dict(start="now", auto_commit=True, connect=right), "INVALID_ARGUMENT", "auto_commit: name a cursor"),
            (dict(start="now", position="here", connect=right), "INVALID_ARGUMENT", "\"here\" is no position"),
            (dict(start="snapshot", tables=["shop.*"], connect=right), None, None),
        ]
        clients = [client_of(lab, binbus, **options).start() for options, _, _ in cases]
        for client, (options, code, message) in zip(clients, cases):
            if code:
                got_code, got = client.error()
                assert got_code == code and message in got, (options, got_code, got)
        wait_until(lambda: len(clients[-1].changes()) == ACCOUNTS, "the right token opens", 60, clients[-1].log)
        source.sql("CREATE TABLE shop.b (id INT PRIMARY KEY)")
        code, message = client_of(lab, binbus, start="snapshot", tables=["shop.*"], connect=right).start().error()
        assert code == "FAILED_PRECONDITION" and "no snapshot of shop.b" in message and "[[state]]" in message


def test_purged_cursor(lab):
    """What is missing is named, and the mend works."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        client = client_of(lab, binbus, tables=["shop.aside"], start="now", cursor="old", commit=True).start()
        wait_until(lambda: "connected" in client.log(), "it is connected", 60, client.log)
        mark(source, 1)
        wait_mark(client, 1)
        cursor = binbus.segments / "feed/old.cursor"
        wait_until(cursor.exists, "it is committed", 30)
        client.kill9()
        binbus.stop()
        binbus.stream["retain_bytes"] = 1
        source.sql("FLUSH BINARY LOGS")
        mark(source, 2)
        binbus.start()
        place = cursor.read_text()
        gone = binbus.segments / place.partition(":")[0]
        wait_until(lambda: not gone.exists(), "its segment is removed", 60, binbus.log)
        code, message = client.start().error()
        assert code == "OUT_OF_RANGE" and place in message and "removed by retention" in message
        assert f"and {source.binlogs()[-1]}:4" in message and "delete the cursor" in message
        anew = client_of(lab, binbus, tables=["shop.aside"], start="snapshot").start()
        wait_mark(anew, 2)


@pytest.mark.parametrize("gone", [False, True])
def test_who_has_caught_up_holds_no_segment(lab, gone):
    """Whether it is still there or gone: retention takes what it has read."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source)
    binbus.stream["retain_bytes"] = 1
    with Bank(source, threads=0):
        binbus.start()
        client = client_of(lab, binbus, tables=["shop.aside"], start="earliest").start()
        mark(source, 1)
        wait_mark(client, 1)
        read = source.binlogs()[-1]
        source.sql("FLUSH BINARY LOGS")
        mark(source, 2)
        wait_mark(client, 2)
        if gone:
            client.kill9()
        wait_until(lambda: not (binbus.segments / read).exists(), f"{read} is removed", 60, binbus.log)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "asyncio"])
def test_cursor_goes_on_while_nothing_comes(lab, asynchronous):
    """Who has committed all that came to it is not purged because other tables alone are written."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    binbus.stream["retain_bytes"] = 1
    with Bank(source, threads=0):
        binbus.start()
        client = client_of(lab, binbus, tables=["shop.aside"], start="now", cursor="idle", commit=True, asynchronous=asynchronous).start()
        wait_until(lambda: "connected" in client.log(), "it is connected", 60, client.log)
        mark(source, 1)
        wait_mark(client, 1)
        cursor = binbus.segments / "feed/idle.cursor"
        for others in (["UPDATE shop.accounts SET note = 'x'"], ["UPDATE shop.accounts SET note = 'y'"], []):
            segment = binbus.segments / source.binlogs()[-1]
            source.sql("FLUSH BINARY LOGS", *others)
            wait_until(lambda: not segment.exists() and cursor.read_text().startswith(source.binlogs()[-1]), "the cursor goes on", 60,
                       lambda: f"{cursor.read_text()}\n{client.log()}")
        client.kill9()
        mark(source, 2)
        client.start()
        wait_mark(client, 2)
        assert [change["after"]["v"] for change in client.changes()] == [1, 2]


def test_cluster_feeds_from_any_node(lab, cluster_of):
    """A client of one address knows the others; its node is killed, and it goes on elsewhere, with its cursor."""
    source = lab.server("mysql97", *FAST)
    source.sql("GRANT SELECT ON *.* TO repl@'%'")
    with Bank(source) as bank:
        cluster = cluster_of(source, prepare=lambda node: feed(node).config.update(state=[{"stream": "shop", "tables": ["shop.*"]}]))
        follower = cluster.others(cluster.leader())[0]
        wait_ready(follower, source)
        client = client_of(lab, follower, tables=["shop.*"], start="snapshot", transactions=True, cursor="app").start()
        client.wait_change(lambda change: change["op"] == "commit", "a change has come")
        for _ in range(2):
            node = next(node for node in cluster.nodes if node.name == client.node())
            node.kill9()
            bank.wait(40)
            told = len(client.changes())
            wait_until(lambda: len(client.changes()) > told + 40, "it goes on elsewhere", 60, client.log)
            node.start()
        bank.wait(20)
    mark(source, 7)
    wait_mark(client, 7)
    assert_all_there(source, client.changes())
    assert_invariants(client.changes())
    # Committed at one node, known at the others.
    committing = client_of(lab, follower, tables=["shop.aside"], start="now", cursor="other", commit=True).start()
    wait_until(lambda: "connected" in committing.log(), "it is connected", 60, committing.log)
    mark(source, 8)
    wait_mark(committing, 8)
    position = committing.changes()[-1]["position"]
    wait_until(lambda: cursors(cluster.leader()).get("other", [""])[0] == position, "it is committed", 60, committing.log)
    committing.kill9()
    mark(source, 9)
    elsewhere = client_of(lab, cluster.leader(), tables=["shop.aside"], cursor="other", commit=True).start()
    wait_mark(elsewhere, 9)
    assert [change["after"]["v"] for change in elsewhere.changes()] == [9]


def cut_off(client, lines):
    """Ends the client, and makes it one that has taken so many changes."""
    client.wait_change(lambda change: change["op"] == "read", "the snapshot has begun")
    wait_until(lambda: len(client.changes()) >= lines, f"{lines} changes have come", 60, client.log)
    client.kill9()
    client.file.write_bytes(b"".join(client.file.read_bytes().splitlines(True)[:lines]))


@pytest.mark.parametrize("name", SERVERS)
def test_snapshot_goes_on_where_it_was_cut_off(lab, name):
    """Rows move over the place, come and go on both sides of it: nothing is lost, and nothing comes twice."""
    source = lab.server(name, *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        wait_ready(binbus, source)
        client = client_of(lab, binbus, tables=["shop.*"], start="snapshot").start()
        cut_off(client, 100)
        source.sql("UPDATE shop.accounts SET id = 350000 WHERE id = 5", "UPDATE shop.accounts SET id = -5 WHERE id = 395",
                   "UPDATE shop.accounts SET note = 'known' WHERE id = 7", "UPDATE shop.accounts SET note = 'unknown' WHERE id = 300",
                   "DELETE FROM shop.accounts WHERE id IN (8, 301)",
                   "INSERT INTO shop.accounts VALUES (-1, 1, 'known'), (900, 1, 'unknown')",
                   "UPDATE shop.accounts SET id = 99999 WHERE id = 9", "UPDATE shop.accounts SET id = -9 WHERE id = 99999")
        if name == "mysql97":
            binbus.kill9()
            binbus.start()
        mark(source, 1)
        wait_ready(binbus, source)
        client.start()
        wait_mark(client, 1)
        assert_all_there(source, client.changes())
        told = [(change["op"], change["key"][0]) for change in client.changes()[100:]]
        assert told[:7] == [("delete", 5), ("insert", -5), ("update", 7), ("delete", 8), ("insert", -1), ("delete", 9), ("insert", -9)]
        assert [op for op, key in told[7:] if key in (350000, 300, 900)] == ["read"] * 3
        assert not {op for op, key in told[7:]} - {"read", "insert", "update"}


def test_snapshot_begins_anew(lab):
    """When its table is altered while it is cut off: the client is told that what it has is void."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        wait_ready(binbus, source)
        client = client_of(lab, binbus, tables=["shop.*"], start="snapshot").start()
        cut_off(client, 100)
        source.sql("ALTER TABLE shop.accounts ADD COLUMN more INT NOT NULL DEFAULT 3", "DELETE FROM shop.accounts WHERE id < 50")
        mark(source, 1)
        wait_ready(binbus, source)
        client.start()
        wait_mark(client, 1)
        assert [change["op"] for change in client.changes()].count("reset") == 1
        tables = assert_all_there(source, client.changes())
        assert all(row["more"] == 3 for row in tables.rows["shop", "accounts"].values())


def test_tls(lab):
    """With certificates on both sides: who has none, or does not trust the node's, gets nothing."""
    source = lab.server("mysql97", *FAST)
    authority, other = (certificates.Authority(lab.new_folder("pki"), name) for name in ("ours", "theirs"))
    cert, key = authority.sign("node")
    binbus = feeding(lab, source, tls_cert=str(cert), tls_key=str(key), tls_ca=str(authority.ca))
    with Bank(source, threads=0):
        binbus.start()
        cert, key = map(str, authority.sign("client"))
        good = client_of(lab, binbus, start="earliest", connect={"ca": str(authority.ca), "cert": cert, "key": key}).start()
        bad = [client_of(lab, binbus, start="earliest", connect=connect).start()
               for connect in ({}, {"ca": str(authority.ca)}, {"ca": str(other.ca), "cert": cert, "key": key})]
        mark(source, 1)
        wait_mark(good, 1)
        for client in bad:
            wait_until(lambda: client.log().count("broken") > 2, "it has tried", 60, client.log)
            assert "connected" not in client.log() and not client.changes()
        # A new certificate is taken without a restart.
        files = other.sign("node")
        trusting = client_of(lab, binbus, start="earliest", connect={"ca": str(other.ca), "cert": cert, "key": key}).start()
        for file, old in zip(files, ("tls_cert", "tls_key")):
            pathlib.Path(binbus.config["feed"][old]).write_bytes(file.read_bytes())
        wait_mark(trusting, 1)


def test_example_copy_is_exact(lab):
    """Killed at any time, with the position in the copy's own transactions."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source) as bank:
        binbus.start()
        example = lab.keep(Example(lab.new_folder("example"), binbus, "copy_to_sqlite.py", "copy.db"))
        for _ in range(6):
            example.start()
            bank.wait(25)
            example.kill9()
    example.start()
    wanted = source.sql("SELECT id, balance FROM shop.accounts ORDER BY id")

    def rows():
        with sqlite3.connect(example.folder / "copy.db") as copy:
            try:
                return tuple(copy.execute("SELECT id, balance FROM accounts ORDER BY id"))
            except sqlite3.OperationalError:
                return ()

    wait_until(lambda: rows() == wanted, "the copy is the source's table", 60, example.log)


def test_example_makes_a_frame(lab):
    """With pandas' types, and values as they are."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.orders (id INT PRIMARY KEY, total DECIMAL(20,2) NOT NULL, weight DOUBLE NOT NULL, "
               "made DATETIME(6) NOT NULL, paid TIMESTAMP NULL, took TIME NOT NULL, note VARCHAR(20))", "SET time_zone = '+00:00'",
               "INSERT INTO shop.orders VALUES (1, 12345678901234567.89, 0.1, '2026-02-03 04:05:06.000007', '2026-02-03 04:05:06', "
               "'25:00:00', 'x'), (2, 1, 2.5, '2026-02-04 00:00:00', NULL, '-00:00:01', NULL)")
    binbus.start()
    example = lab.keep(Example(lab.new_folder("example"), binbus, "frame.py")).start()
    assert example.child.wait(60) == 0, example.log()
    types, rows = example.log()[:-1].split("\n")[:7], example.log()[:-1].split("\n")[7:]
    assert dict(line.split(maxsplit=1) for line in types) == {
        "id": "int64", "total": "object", "weight": "float64", "made": "datetime64[ns]", "paid": "datetime64[ns, UTC]",
        "took": "timedelta64[ns]", "note": "object"}
    assert [" ".join(row.split()) for row in rows] == [
        "id total weight made paid took note",
        "1 12345678901234567.89 0.1 2026-02-03 04:05:06.000007 2026-02-03 04:05:06+00:00 1 days 01:00:00 x",
        "2 1.00 2.5 2026-02-04 00:00:00.000000 NaT -1 days +23:59:59 None"]


def test_example_goes_on_where_it_was_ended(lab):
    """By its cursor, which is committed when Ctrl-C ends it."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        mark(source, 1)
        example = lab.keep(Example(lab.new_folder("example"), binbus, "follow.py", "shop", "shop.aside")).start()
        wait_until(lambda: "{'id': 1, 'v': 1}" in example.log(), "the row has come", 60, example.log)
        example.child.send_signal(signal.SIGINT)
        assert example.child.wait(30) == 0, example.log()
        mark(source, 2)
        example.start()
        wait_until(lambda: "{'id': 1, 'v': 2}" in example.log(), "the change has come", 60, example.log)
        assert example.log().count("{'id': 1, 'v': 1}") == 1
