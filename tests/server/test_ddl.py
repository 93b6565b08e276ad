"""The schema history: after every statement that a server accepts, what binbus makes of the server's binary log is what
information_schema says.

Chains of statements run on one server, each in a database of its own; `ddl_track` then reads the whole binary log. Rows are
written to each table that changed, so that the log's table maps must agree too, hidden columns included, and with MINIMAL images the
columns by which the server finds a row again. With BINBUS_DDL_SHOW=1 every difference is printed.
"""

import json
import os
import pathlib
import re
import subprocess

import pymysql
import pytest

from binbus import PROGRAM
from ddl_chains import CHAINS
from servers import FAST, REPOSITORY

TRACKER = pathlib.Path(PROGRAM).parent / "src/schema/ddl_track"
ACCEPTANCE = REPOSITORY.parent / "shared/acceptance"
SYSTEM = "('mysql', 'sys', 'information_schema', 'performance_schema', 'test')"
TABLE_TYPES = "('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')"


def known(name):
    """A charset or collation as both sides say it: binary is none."""
    return None if name in (None, "", "binary") else name


def column_seen(name, kind, charset, collation, nullable, extra):
    return (name, kind, known(charset), known(collation), nullable == "YES",
            bool(re.search("(VIRTUAL|STORED|PERSISTENT)( GENERATED)?", extra)), "INVISIBLE" in extra, "auto_increment" in extra)


def column_tracked(column):
    return (column["name"], column["type"], known(column["charset"]), known(column["collation"]), column["nullable"],
            column["generated"], column["invisible"], column["auto_increment"])


def table_tracked(table):
    if table.get("reread"):
        return None
    return {"columns": [column_tracked(column) for column in table["columns"] if not column["hidden"]],
            "primary_key": table["primary_key"], "unique_key": table["unique_key"]}


class Recorder:
    """Runs statements, and remembers after each accepted one where the log ended and what information_schema said."""

    def __init__(self, server):
        self.server = server
        self.watch = server.connect().cursor()
        self.rows = server.connect(autocommit=False).cursor()
        self.rows.execute("SET sql_mode = '', foreign_key_checks = 0")
        # MySQL 9.7's purge crashes now and then on rows deleted before an ALTER: as long as this view is open, it leaves them alone.
        self.view = server.connect(autocommit=False)
        self.view.cursor().execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        self.steps = []  # (chain, statement, end of the log, tables)
        self.tables = {}

    def run(self, chain, statements, databases=()):
        """One chain in a session and a database of its own."""
        name = f"d{len(self.steps)}"
        connection = self.server.connect()
        cursor = connection.cursor()
        try:
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"USE {name}")
            for statement in statements:
                self.step(chain, cursor, statement.replace("{db}", name))
        finally:
            connection.close()
        for database in self.databases():
            self.watch.execute(f"DROP DATABASE `{database.replace('`', '``')}`")
        self.tables = {}

    def step(self, chain, cursor, statement):
        try:
            cursor.execute(statement)
        except (pymysql.err.MySQLError, UnicodeEncodeError):
            return
        if names := re.fullmatch("SET NAMES (\\w+)", statement):
            cursor.connection.encoding = {"latin1": "cp1252", "sjis": "shift_jis", "utf8mb4": "utf8"}.get(names[1], names[1])
        if re.match(r"(?is)\s*(insert|update|delete|set (?!statement)|select|use )", statement):
            return
        before, self.tables = self.tables, self.snapshot()
        self.steps.append((chain, statement, self.position(), self.tables))
        for key, table in self.tables.items():
            if table != before.get(key):
                self.write_row(*key)

    def write_row(self, database, table):
        """A row that comes and goes: its table maps stay in the log."""
        name = ".".join(f"`{part.replace('`', '``')}`" for part in (database, table))
        for statement in (f"INSERT INTO {name} () VALUES ()", f"DELETE FROM {name}"):
            try:
                self.rows.execute(statement)
            except pymysql.err.MySQLError:
                pass
        self.rows.connection.commit()

    def position(self):
        self.watch.execute("SHOW BINARY LOG STATUS" if self.server.name == "mysql97" else "SHOW MASTER STATUS")
        return self.watch.fetchone()[:2]

    def databases(self):
        self.watch.execute(f"SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN {SYSTEM}")
        return [name for name, in self.watch.fetchall()]

    def snapshot(self):
        tables = {}
        self.watch.execute(f"SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN {SYSTEM} "
                           f"AND table_type IN {TABLE_TYPES}")
        for key in self.watch.fetchall():
            tables[key] = {"columns": [], "primary_key": [], "unique_key": []}
        if not tables:
            return tables
        self.watch.execute("SELECT table_schema, table_name, column_name, column_type, character_set_name, collation_name, "
                           f"is_nullable, extra FROM information_schema.columns WHERE table_schema NOT IN {SYSTEM} "
                           "ORDER BY table_schema, table_name, ordinal_position")
        for database, table, *column in self.watch.fetchall():
            if (database, table) in tables:
                tables[database, table]["columns"].append(column_seen(*column))
        self.watch.execute("SELECT table_schema, table_name, column_name FROM information_schema.statistics "
                           f"WHERE table_schema NOT IN {SYSTEM} AND index_name = 'PRIMARY' "
                           "ORDER BY table_schema, table_name, seq_in_index")
        for database, table, column in self.watch.fetchall():
            tables[database, table]["primary_key"].append(column)
        for key in self.without_primary_key(tables):
            tables[key]["unique_key"] = self.unique_key(*key)
        return tables

    def without_primary_key(self, tables):
        """Those that have unique keys."""
        self.watch.execute("SELECT DISTINCT table_schema, table_name FROM information_schema.statistics "
                           f"WHERE table_schema NOT IN {SYSTEM} AND non_unique = 0")
        return [key for key in self.watch.fetchall() if not tables[key]["primary_key"]]

    def unique_key(self, database, table):
        """The first one that SHOW CREATE TABLE prints of which all columns are NOT NULL, whole and not virtual."""
        self.watch.execute("SELECT s.index_name, s.column_name, s.column_name IS NOT NULL AND c.is_nullable = 'NO' "
                           "AND c.extra NOT LIKE '%%VIRTUAL%%' AND (s.sub_part IS NULL OR s.sub_part * m.maxlen = c.character_octet_length "
                           "OR c.data_type = 'tinyblob' AND s.sub_part = 255) FROM information_schema.statistics s "
                           "LEFT JOIN information_schema.columns c USING (table_schema, table_name, column_name) "
                           "LEFT JOIN information_schema.character_sets m ON m.character_set_name = c.character_set_name "
                           "WHERE s.table_schema = %s AND s.table_name = %s AND s.non_unique = 0 ORDER BY s.index_name, s.seq_in_index",
                           (database, table))
        keys = {}
        for name, column, usable in self.watch.fetchall():
            keys.setdefault(name, []).append((column, usable))
        self.watch.execute("SHOW CREATE TABLE " + ".".join(f"`{part.replace('`', '``')}`" for part in (database, table)))
        statement = self.watch.fetchone()[1]
        hashed = self.server.is_mariadb and "ENGINE=MEMORY" not in statement
        for name, rest in re.findall(r"(?m)^  UNIQUE KEY `((?:[^`]|``)+)` (.*)$", statement):
            columns = keys[name.replace("``", "`")]
            if all(usable for _, usable in columns) and not (hashed and "USING HASH" in rest):
                return [column for column, _ in columns]
        return []

    def track(self, *options):
        files = [self.server.data / name for name in self.server.binlogs()]
        ran = subprocess.run([TRACKER, *options, *files], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in ran.stdout.splitlines()]


def place(text):
    file, offset = text.rsplit(":", 1)
    return int(file.rsplit(".", 1)[1]), int(offset)


def differences(recorder, *options, unknown_allowed=False):
    """(chain, statement, what) for everything in which tracker and server differ."""
    *lines, end = recorder.track(*options)
    wrong, state, at = [], {}, 0
    for chain, statement, (file, offset), tables in recorder.steps:
        while at < len(lines) and place(lines[at]["at"]) < place(f"{file}:{offset}"):
            line = lines[at]
            at += 1
            if "error" in line or "mismatch" in line:
                wrong.append((chain, statement, line.get("error") or line["mismatch"]))
            for change in line.get("changes", []):
                if "before" in change:
                    state.pop((change["before"]["database"], change["before"]["table"]), None)
                if "after" in change:
                    after = change["after"] | {"reread": change.get("reread")}
                    state[after["database"], after["table"]] = table_tracked(after)
        for key in sorted(set(state) | set(tables)):
            tracked, seen = state.get(key, "missing"), tables.get(key, "missing")
            if tracked is None and unknown_allowed:
                continue
            if tracked != seen:
                wrong.append((chain, statement, describe(key, tracked, seen)))
                if seen == "missing":
                    state.pop(key)
                else:
                    state[key] = seen
    for line in lines[at:]:
        if "error" in line or "mismatch" in line:
            wrong.append(("end", "", line.get("error") or line["mismatch"]))
    assert "catalog" in end, end
    return wrong


def describe(key, tracked, seen):
    if tracked in (None, "missing") or seen == "missing":
        return f"{key}: tracked {tracked}, server {seen}"
    ours, theirs = tracked["columns"], seen["columns"]
    pairs = [(a, b) for a, b in zip(ours, theirs) if a != b] + [(a, None) for a in ours[len(theirs):]] + \
            [(None, b) for b in theirs[len(ours):]]
    keys = [table[kind] for kind in ("primary_key", "unique_key") for table in (tracked, seen)]
    return f"{key}: keys {keys}; (tracked, server): {pairs[:4]}"


def check(recorder, *options, **more):
    wrong = differences(recorder, *options, **more)
    chains = {chain for chain, *_ in recorder.steps}
    bad = {chain for chain, *_ in wrong}
    print(f"{recorder.server.name}: {len(recorder.steps)} statements, {len(chains - bad)} of {len(chains)} chains equal")
    if os.environ.get("BINBUS_DDL_SHOW"):
        for chain, statement, what in wrong:
            print(f"  {chain}: {statement[:300]}\n      {what}")
    assert not wrong, f"{len(wrong)} differences, the first of {wrong[0][0]}: {wrong[0][1][:500]}: {wrong[0][2]}"
    return chains


def split(text):
    """The statements of a script; semicolons in quotes and comments end none."""
    pieces = re.findall(r"""(?s)(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|/\*.*?\*/|(?:--[ \t]|\#)[^\n]*|[^;'"`]|['"`])+""", text)
    return [piece.strip() for piece in pieces if piece.strip()]


def scripts(folder):
    files = sorted((ACCEPTANCE / folder).rglob("*.sql"))
    if not files:
        pytest.skip(f"{ACCEPTANCE / folder} is not there")
    return files


ALL_SERVERS = ["mysql97", "mysql56", "mariadb1011", "mariadb118"]


@pytest.mark.parametrize("name", ALL_SERVERS)
def test_chains(lab, name):
    recorder = Recorder(lab.server(name, *FAST, "--binlog-row-image=MINIMAL"))
    for chain, statements in CHAINS.items():
        recorder.run(chain, statements)
    check(recorder, "--minimal-images")


def test_letter_cases_of_names(lab):
    """2, for file systems that keep letter cases and do not tell them apart, is refused by servers elsewhere."""
    server = lab.server("mariadb1011", "--lower-case-table-names=1")
    recorder = Recorder(server)
    recorder.run("letter cases", [
        "CREATE TABLE Tab (A INT)", "ALTER TABLE tAB ADD B INT", "RENAME TABLE TAB TO Tüb", "ALTER TABLE tÜb ADD c INT FIRST",
        "CREATE DATABASE Upper", "CREATE TABLE UPPER.t LIKE {db}.TÜB", "ALTER TABLE Upper.T RENAME TO upper.Q", "DROP TABLE uPPer.q",
    ])
    check(recorder, "--lower-case-table-names", "1")


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_canal_corpus(lab, name):
    recorder = Recorder(lab.server(name, *FAST))
    for file in scripts("ddl-canal"):
        recorder.run(f"{file.parent.name}/{file.name}", ["SET sql_mode = ''", *split(file.read_text())])
    check(recorder)


@pytest.mark.parametrize("name", ALL_SERVERS)
def test_debezium_corpus(lab, name):
    recorder = Recorder(lab.server(name, *FAST))
    for file in scripts("debezium-sql"):
        statements = [s for s in split(file.read_text()) if "sql_log_bin" not in s.lower()]
        recorder.run(file.name, ["SET sql_mode = ''", *statements])
    check(recorder)
