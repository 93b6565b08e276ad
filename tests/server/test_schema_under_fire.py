"""Columns come, go and change their names, tables swap theirs, under load and with row metadata MINIMAL: who is killed, or begins
anywhere in the log, reads the rows of who was there all the time."""

import base64
import bisect
import json
import random
import re
import threading

import pymysql
import pytest

from process import wait_until
from test_sinks import sink, wait_delivered
from watcher import SOAK

PLACES = 1000 if SOAK else 30
STATEMENTS = 400 if SOAK else 60
GTID, MARIADB_GTID = 33, 162  # event types
DEADLOCK = 1213
TYPES = ("INT", "BIGINT UNSIGNED", "VARCHAR(20)", "CHAR(7) CHARACTER SET utf8mb4", "DECIMAL(10,3)", "TEXT(20)", "DOUBLE", "BINARY(4)")


class Tables:
    """DDL for d.a and d.b, one statement after the other. Every column but id and v is called cN or rN, and its value is N in every
    row, so that each row tells whether its values are under the right names."""

    def __init__(self, dice):
        self.dice = dice
        self.columns = {"a": [], "b": []}  # but id and v
        self.number = 100

    def next(self):
        table = self.dice.choice("ab")
        columns = self.columns[table]
        what = self.dice.random()
        if what < 0.15:
            self.columns["a"], self.columns["b"] = self.columns["b"], self.columns["a"]
            return "RENAME TABLE d.a TO d.c, d.b TO d.a, d.c TO d.b"
        if what < 0.5 or len(columns) < 2:
            place = self.dice.choice(["", " FIRST", " AFTER id"] + [f" AFTER {each}" for each in columns])
            parts = [f"ADD {self.new(columns)}{place}"]
            if self.dice.random() < 0.3:
                parts.append(f"ADD {self.new(columns)}")
            return f"ALTER TABLE d.{table} " + ", ".join(parts)
        old = self.dice.choice(columns)
        if what < 0.7:
            columns.remove(old)
            return f"ALTER TABLE d.{table} DROP {old}"
        new = ("r" if old[0] == "c" else "c") + old[1:]
        columns[columns.index(old)] = new
        return f"ALTER TABLE d.{table} RENAME COLUMN {old} TO {new}"

    def new(self, columns):
        self.number += 1
        type = self.dice.choice(TYPES)
        name = f"c{self.number}"
        columns.append(name)
        default = f"(CAST({self.number} AS CHAR))" if type.startswith("TEXT") else f"'{self.number}'"
        return f"{name} {type} {self.dice.choice(['', 'NOT NULL '])}DEFAULT {default}"


class Writer(threading.Thread):
    """Inserts, updates and deletes rows of both tables by the columns that are always there."""

    def __init__(self, source, number, step):
        super().__init__(daemon=True)
        self.source, self.id, self.step = source, number, step
        self.dice = random.Random(number)
        self.ending = threading.Event()
        self.commits, self.error = 0, None

    def run(self):
        try:
            connection = self.source.connect()
            cursor = connection.cursor()
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")  # no gaps are locked
            while not self.ending.wait(0.001):
                try:
                    self.transaction(connection, cursor)
                except pymysql.err.OperationalError as error:
                    if error.args[0] != DEADLOCK:  # with a statement that changes both tables
                        raise
            connection.close()
        except Exception as error:
            self.error = error

    def transaction(self, connection, cursor):
        connection.begin()
        for _ in range(self.dice.randint(1, 4)):
            self.id += self.step
            table, old = self.dice.choice("ab"), self.id - self.step * self.dice.randint(1, 20)
            cursor.execute(f"INSERT INTO d.{table} (id, v) VALUES ({self.id}, 'row {self.id}')")
            cursor.execute(f"UPDATE d.{table} SET v = concat(v, '+') WHERE id = {old}")
            cursor.execute(f"DELETE FROM d.{table} WHERE id = {old - 7 * self.step}")
        connection.commit()
        self.commits += 1


def assert_names_fit(message):
    for image in (message.get("before"), message.get("after")):
        for name, value in (image or {}).items():
            if name in ("id", "v"):
                continue
            number = name[1:]
            text = str(value)
            if not isinstance(value, (int, float)) and not text.startswith(number):
                text = base64.b64decode(text).decode()  # BINARY
            assert re.fullmatch(number + r"(\.0+)?[ \0]*", text), (name, value, message)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_schema_under_fire(lab, name):
    minimal = "--binlog-row-metadata=" + ("MINIMAL" if name == "mysql97" else "NO_LOG")
    source = lab.server(name, minimal)
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    tables = Tables(dice)
    source.sql("CREATE DATABASE d", *(f"CREATE TABLE d.{table} (id INT PRIMARY KEY, v VARCHAR(400))" for table in "ab"))
    calm = lab.binbus(source, sinks=[sink("rows", format="binbus")])
    hunted = lab.binbus(source, sinks=[sink("rows", format="binbus")])
    writers = [Writer(source, number, 2) for number in range(2)]
    for writer in writers:
        writer.start()
    cursor = source.connect().cursor()
    for number in range(STATEMENTS):
        cursor.execute(tables.next())
        if number % 20 == 19:
            cursor.execute("FLUSH BINARY LOGS")
        until = sum(writer.commits for writer in writers) + dice.randint(0, 20)
        wait_until(lambda: sum(writer.commits for writer in writers) >= until or any(writer.error for writer in writers),
                   "the load goes on")
        if number % 15 == 7:
            hunted.kill9()
            hunted.start()
    for writer in writers:
        writer.ending.set()
        writer.join()
        if writer.error:
            raise writer.error
    for binbus in (calm, hunted):
        wait_delivered(binbus, source, "rows")
    text = (calm.folder / "rows.jsonl").read_text()
    assert (hunted.folder / "rows.jsonl").read_text() == text
    lines = text.splitlines()
    messages = [json.loads(line) for line in lines]
    for message in messages:
        assert_names_fit(message)

    # From anywhere: what is told is the rest of it.
    places = [place(message) for message in messages]
    for where, rest in dice.sample(list(beginnings(calm, messages, places)), PLACES):
        words = ["tail", "shop", "--from", where, "--to-end", "--no-ddl", "-f", "binbus"]
        assert calm.run(*words).stdout.splitlines() == lines[rest:], f"from {where}"
    print(f"{name}: {len(lines)} rows, {STATEMENTS} statements, {PLACES} places")


def place(message):
    file, offset = message["position"].rsplit(":", 1)
    return file, int(offset)


def beginnings(binbus, messages, places):
    """(where to begin, number of the first message that is then told), for every transaction: by its place and by GTID set."""
    for file in sorted(binbus.segments.glob("binlog.[0-9]*[0-9]")):
        data, at = file.read_bytes(), 4
        while at < len(data):
            type, size = data[at + 4], int.from_bytes(data[at + 9:at + 13], "little")
            if type in (GTID, MARIADB_GTID):
                yield f"{file.name}:{at}", bisect.bisect_left(places, (file.name, at))
            at += size
    for number in range(1, len(messages)):
        before, gtid = messages[number - 1]["gtid"], messages[number]["gtid"]
        if before != gtid:
            yield "gtid:" + (f"{before.split(':')[0]}:1-{before.split(':')[1]}" if ":" in before else before), number
