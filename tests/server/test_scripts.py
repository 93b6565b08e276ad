"""Other people's scripts of types, defaults, zero dates and odd names: what each INSERT in them adds, as SELECT has it, is what is printed."""

import collections
import re

import pymysql
import pytest

import printed as formats
from servers import FAST
from test_ddl import scripts, split
from test_values import Session, columns, messages


class Inserts:
    """What the INSERTs of scripts added: [(script, "database.table", columns, rows as SELECT prints them, the log's end before, after)]."""

    def __init__(self, server):
        self.server = server
        self.reader = Session(server)
        self.steps = []

    def run(self, name, statements):
        database = f"d{len(self.steps)}_{re.sub(r'[^a-z]', '_', name)[:40]}"
        session = Session(self.server)
        session.run(f"CREATE DATABASE {database} DEFAULT CHARACTER SET utf8mb4")
        session.run(f"USE {database}")
        for statement in statements:
            self.step(name, session, statement)
        session.connection.close()

    def step(self, name, session, statement):
        into = re.match(r"(?is)(?:/\*.*?\*/|--[^\n]*\n|#[^\n]*\n|\s)*(?:INSERT|REPLACE)\s+(?:IGNORE\s+)?(?:INTO\s+)?((?:`(?:``|[^`])+`|[^\s(`])+)", statement)
        table = into and self.table(session, into[1])
        before = table and (self.rows(table), self.server.position())
        try:
            session.run(statement)
        except (pymysql.err.MySQLError, UnicodeEncodeError):
            return
        session.run("COMMIT")
        described = table and columns(self.reader, table[0]).get(".".join(table))
        if described:  # a temporary table is in nobody's log
            self.steps.append((name, table, described, self.rows(table) - before[0], before[1], self.server.position()))

    def table(self, session, name):
        parts = [part.replace("``", "`").strip("`") for part in re.findall(r"`(?:``|[^`])+`|[^.`]+", name)]
        if len(parts) == 1:
            parts.insert(0, session.run("SELECT DATABASE()")[0][0].decode())
        return tuple(parts)

    def rows(self, table):
        name = ".".join(f"`{part.replace('`', '``')}`" for part in table)
        try:
            return collections.Counter(self.reader.run(f"SELECT * FROM {name}"))
        except pymysql.err.MySQLError:  # no such table: its INSERT will say so, too
            return collections.Counter()


def place(position):
    file, offset = position if isinstance(position, tuple) else position.rsplit(":", 1)
    return int(file.rsplit(".", 1)[1]), int(offset)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_inserts_of_debeziums_scripts(lab, name):
    server = lab.server(name, *FAST)
    inserts = Inserts(server)
    files = scripts("debezium-sql")
    for file in files:
        inserts.run(file.name, [statement for statement in split(file.read_text()) if "sql_log_bin" not in statement.lower()])
    for format_name in ("binbus", "debezium"):
        wrong, rows = check(inserts.steps, format_name, messages(server, format_name))
        bad = {script for script, *_ in wrong}
        print(f"{name}, {format_name}: {len(files) - len(bad)} of {len(files)} scripts equal, {rows} rows of {len(inserts.steps)} INSERTs")
        assert not wrong, f"{len(wrong)} INSERTs, the first: {[str(case)[:600] for case in wrong[:8]]}"
        assert rows > 250


def check(steps, name, lines):
    """(script, table, printed, as SELECT has it) of the INSERTs that differ, and how many rows were compared."""
    found = collections.defaultdict(list)
    for line in lines:
        message = formats.loads(line)
        row = formats.images(name, message)
        if row is None or row[0] != "insert":
            continue
        position = f"{message['source']['file']}:{message['source']['pos']}" if name == "debezium" else message["position"]
        found[row[1:3]].append((place(position), row[4]))
    wrong, rows = [], 0
    for script, table, described, added, begin, end in steps:
        ours = [row for at, row in found[table] if place(begin) <= at < place(end)]
        theirs = [{column["name"]: None if data is None else formats.FORMATS[name](column, data) for column, data in zip(described, row)}
                  for row in added.elements()]
        rows += len(ours)
        if sorted(map(repr, ours)) != sorted(map(repr, theirs)):
            wrong.append((script, table, [row for row in ours if row not in theirs][:2], [row for row in theirs if row not in ours][:2], len(ours), len(theirs)))
    return wrong, rows
