"""What follows from a feed, and what is kept, are the source's tables: with every kind of key, and through statements that move them."""

import collections
import json

import pytest

from process import wait_until, whole_lines
from servers import FAST
from test_feed import client_of, feeding
from test_state import SERVERS, Changes, assert_kept, make_tables, wait_ready

# Those in which "a" and "a " are one key, and those in which they are two.
COLLATIONS = {"mysql56": (["utf8_general_ci", "utf8_bin", "latin1_swedish_ci"], []),
              "mysql97": (["utf8mb4_general_ci", "utf8mb4_bin", "latin1_german1_ci"], ["utf8mb4_0900_ai_ci", "utf8mb4_0900_bin"]),
              "mariadb1011": (["utf8mb4_general_ci", "utf8mb4_uca1400_ai_ci", "latin1_swedish_ci"],
                              ["utf8mb4_nopad_bin", "utf8mb4_general_nopad_ci"])}


class Copy:
    """Tables as a client makes them of changes. Every row that goes must be there to the last byte."""

    def __init__(self, changes):
        self.tables = {}
        for change in changes:
            self.take(change)

    def take(self, change):
        if change["op"] == "ddl":
            self.take_ddl(change)
            return
        rows = self.tables.setdefault(f"{change['database']}.{change['table']}", collections.Counter())
        if change["before"]:
            row = json.dumps(change["before"])
            assert rows[row] > 0, change
            rows[row] -= 1
        if change["after"]:
            rows[json.dumps(change["after"])] += 1

    def take_ddl(self, change):
        before, after = change["table_before"], change["table_after"]
        if change["truncate"]:
            self.tables[f"{change['database']}.{change['table']}"].clear()
        elif before != after:
            rows = self.tables.pop(before, None)
            if after:
                self.tables[after] = rows if rows is not None else collections.Counter()

    def rows(self):
        """Of tables that have some."""
        return {name: +rows for name, rows in self.tables.items() if +rows}


class Mark:
    def __init__(self, source):
        self.source, self.number = source, 0
        source.sql("CREATE TABLE app.zz_mark (id INT PRIMARY KEY, v INT)", "INSERT INTO app.zz_mark VALUES (1, 0)")

    def put(self):
        """Behind all that the source has written by now."""
        self.number += 1
        self.source.sql(f"UPDATE app.zz_mark SET v = {self.number}")

    def wait(self, client):
        """What came to the client up to there."""
        client.wait_change(lambda change: change["table"] == "zz_mark" and change["after"] == {"id": 1, "v": self.number}, "all has come", 120)
        return Copy(client.changes()).rows()


def followed(lab, source):
    """A binbus that keeps the tables, and a client that has had them."""
    mark = Mark(source)
    binbus = feeding(lab, source, "app.*").start()
    wait_ready(binbus, source)
    client = client_of(lab, binbus, tables=["app.*"], start="snapshot").start()
    client.wait_change(lambda change: change["op"] == "read", "the snapshot has come")
    return mark, binbus, client


def assert_same(lab, source, binbus, client, mark):
    """The rows that follow from changes, those of a snapshot, and the source's; how many tables they are of."""
    mark.put()
    followed = mark.wait(client)
    wait_ready(binbus, source)
    assert_kept(binbus, source, "app")
    fresh = client_of(lab, binbus, tables=["app.*"], start="snapshot").start()
    begun = mark.wait(fresh)
    fresh.kill9()
    for name in begun | followed:
        more, less = followed.get(name, collections.Counter()), begun.get(name, collections.Counter())
        assert more == less, f"{name}: followed, but not there: {list((more - less).items())[:5]}; there: {list((less - more).items())[:5]}"
    return len(followed)


@pytest.mark.parametrize("name", SERVERS)
def test_keys_of_every_kind(lab, name):
    """While rows and their keys change; tables without a key, too."""
    source = lab.server(name, *FAST)
    make_tables(source)
    mark = Mark(source)
    binbus = feeding(lab, source, "app.*")
    with Changes(source) as changes:
        binbus.start()
        wait_ready(binbus, source)
        client = client_of(lab, binbus, tables=["app.*"], start="snapshot").start()
        changes.wait(300)
        client.wait_change(lambda change: change["op"] == "update", "changes have come")
        changes.wait(100)
    assert assert_same(lab, source, binbus, client, mark) == 12


@pytest.mark.parametrize("name", SERVERS)
def test_rows_that_the_log_has_parts_of_are_filled(lab, name):
    """For a client that asks, and a sink, through a kill; keys change, too, and tables without a key."""
    source = lab.server(name, *FAST)
    make_tables(source)
    minimal = "SET SESSION binlog_row_image = MINIMAL"
    if name == "mysql97":
        minimal += ", binlog_row_value_options = PARTIAL_JSON"
        source.sql("CREATE TABLE app.documents (id INT PRIMARY KEY, doc JSON, t TEXT)",
                   *[f"INSERT INTO app.documents VALUES ({i}, JSON_OBJECT('a', {i}, 'long', REPEAT('x', 500)), REPEAT('t', {i}))" for i in range(9)])
    mark = Mark(source)
    binbus = feeding(lab, source, "app.*")
    binbus.config["state"][0]["fill_images"] = True
    delivered = binbus.folder / "delivered"
    binbus.config["sink"] = [{"name": "delivered", "stream": "shop", "type": "file", "format": "binbus", "path": str(delivered), "tables": ["app.*"],
                              "start": "latest", "full_rows": True}]
    binbus.start()
    wait_ready(binbus, source)
    client = client_of(lab, binbus, tables=["app.*"], start="snapshot", full_rows=True).start()
    client.wait_change(lambda change: change["op"] == "read", "the snapshot has come")
    plain = client_of(lab, binbus, tables=["app.composite"], start="now").start()
    wait_until(lambda: "connected" in plain.log(), "it is connected", 60, plain.log)
    with Changes(source, on_connect=minimal) as changes:
        changes.wait(150)
        if name == "mysql97":
            for i in range(3):
                source.sql(minimal, f"UPDATE app.documents SET doc = JSON_SET(doc, '$.a', {i + 100}, '$.b{i}', TRUE) WHERE id > {i}",
                           f"UPDATE app.documents SET t = 'u' WHERE id = {i}", "DELETE FROM app.documents WHERE id = 8")
        binbus.kill9()
        binbus.start()
        changes.wait(150)
    assert assert_same(lab, source, binbus, client, mark) == 12 + (name == "mysql97")
    columns = {change["table"]: set(change["after"]) for change in client.changes() if change["op"] == "read"}
    updates = [change for change in client.changes() if change["op"] == "update"]
    assert all(set(change["before"]) == set(change["after"]) == columns[change["table"]] for change in updates) and len(updates) > 100
    parts = [change for change in plain.changes() if change["op"] == "update"]
    assert parts and not any(set(change["after"]) == columns["composite"] for change in parts)
    messages = [json.loads(line) for line in whole_lines(delivered)]
    whole = [message for message in messages if message["op"] == "update"]
    assert whole and all(set(message["after"]) == columns[message["table"]] for message in whole)


def test_filling_what_is_not_kept_is_refused(lab):
    source = lab.server("mysql97", *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY)")
    binbus = feeding(lab, source, "app.*").start()
    code, message = client_of(lab, binbus, tables=["app.*"], start="earliest", full_rows=True).start().error()
    assert code == "INVALID_ARGUMENT" and "fill_images = true" in message


@pytest.mark.parametrize("name", SERVERS)
def test_keys_that_are_equal_by_their_collation(lab, name):
    """Changes of case, accents and trailing spaces alone, and rows that come under a key that is equal to one that went."""
    source = lab.server(name, *FAST)
    padded, unpadded = COLLATIONS[name]
    tables = {f"app.t_{collation}": collation for collation in padded + unpadded}
    source.sql("CREATE DATABASE app", *[
        f"CREATE TABLE {table} (k VARCHAR(20) CHARACTER SET {collation.split('_')[0]} COLLATE {collation} PRIMARY KEY, v INT)"
        for table, collation in tables.items()])
    mark, binbus, client = followed(lab, source)
    steps = [
        ["INSERT INTO {t} VALUES ('anna', 1), ('Bert', 2), ('e', 3), ('o ', 4), ('z', 5)", "UPDATE {t} SET k = 'Anna' WHERE k = 'anna'"],
        ["UPDATE {t} SET k = CONCAT(k, '  ') WHERE k = 'z'", "UPDATE {t} SET k = 'o', v = v + 1 WHERE v = 4"],
        ["DELETE FROM {t} WHERE v = 2", "INSERT INTO {t} VALUES ('BERT ', 20)", "REPLACE INTO {t} VALUES ('\u00c9', 30), ('anna', 10)"],
        ["INSERT INTO {t} VALUES ('bert', 21) ON DUPLICATE KEY UPDATE k = VALUES(k), v = VALUES(v)"],
        ["BEGIN", "UPDATE {t} SET k = 'tmp' WHERE k = 'o'", "UPDATE {t} SET k = 'O' WHERE v = 30",
         "UPDATE {t} SET k = '\u00e9' WHERE k = 'tmp'", "COMMIT"],
    ]
    for step in steps:
        for table in tables:
            source.sql("SET NAMES utf8", *[statement.format(t=table) for statement in step])
        assert_same(lab, source, binbus, client, mark)
    for collation in unpadded:
        source.sql(f"INSERT INTO app.t_{collation} VALUES ('x', 1), ('x ', 2), ('x  ', 3)", f"DELETE FROM app.t_{collation} WHERE k = 'x '")
    assert_same(lab, source, binbus, client, mark)


@pytest.mark.parametrize("name", SERVERS)
def test_tables_that_move(lab, name):
    """RENAME, also of two into each other's place, TRUNCATE, DROP and CREATE again, with rows between."""
    source = lab.server(name, *FAST)
    source.sql("CREATE DATABASE app", "CREATE TABLE app.a (id INT PRIMARY KEY, v VARCHAR(20))", "CREATE TABLE app.b (id INT PRIMARY KEY, u INT)",
               "CREATE TABLE app.none (v INT)", "INSERT INTO app.a VALUES (1, 'one'), (2, 'two')", "INSERT INTO app.b VALUES (1, 10)",
               "INSERT INTO app.none VALUES (1), (1), (2)")
    mark, binbus, client = followed(lab, source)
    steps = [
        ["RENAME TABLE app.a TO app.t, app.b TO app.a, app.t TO app.b", "INSERT INTO app.b VALUES (3, 'three')", "UPDATE app.a SET u = 11"],
        ["RENAME TABLE app.none TO app.nothing", "DELETE FROM app.nothing WHERE v = 1 LIMIT 1", "ALTER TABLE app.nothing RENAME TO app.none"],
        ["TRUNCATE app.a", "INSERT INTO app.a VALUES (5, 5)", "TRUNCATE TABLE app.none", "INSERT INTO app.none VALUES (7), (7)"],
        ["DROP TABLE app.a, app.none", "CREATE TABLE app.a (k VARCHAR(5) PRIMARY KEY)", "INSERT INTO app.a VALUES ('x')"],
        ["CREATE TABLE app.b_new LIKE app.b", "INSERT INTO app.b_new SELECT id + 100, v FROM app.b",
         "RENAME TABLE app.b TO app.b_old, app.b_new TO app.b", "DROP TABLE app.b_old", "UPDATE app.b SET v = 'moved'"],
        ["DROP TABLE app.b", "CREATE TABLE app.b (id INT)", "INSERT INTO app.b VALUES (1), (1)",
         "RENAME TABLE app.b TO app.c, app.a TO app.b, app.c TO app.a"],
    ]
    for step in steps:
        source.sql(*step)
        assert_same(lab, source, binbus, client, mark)
