"""Rows of SELECT are the rows of the binary log, in the form in which rows are kept: the same bytes, the same keys, the same text."""

import json
import pathlib
import random
import re
import subprocess

import pytest

from binbus import PROGRAM
from servers import FAST
from test_charsets import charset_names
from test_values import EVERYWHERE, FRACTIONS, GENERATED, JSON, OWN_COLUMNS, SERVERS, Session, declarations_for
from watcher import SOAK

SELECT_COMPARE = pathlib.Path(PROGRAM).parent / "src/state/select_compare"
EQUAL = {"missing": 0, "extra": 0, "other_bytes": {}, "other_text": {}, "absent": {}}


def compared(server):
    """{table: what select_compare says of it}"""
    files = [server.data / name for name in server.binlogs()]
    ran = subprocess.run([SELECT_COMPARE, server.socket, *files], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    lines = map(json.loads, ran.stdout.splitlines())
    return {line.pop("table").removeprefix("v."): line for line in lines}


def fill(session, declarations):
    """A table per declaration, with a row per value and one that is NULL."""
    session.run("CREATE DATABASE v DEFAULT CHARACTER SET utf8")
    for number, (declaration, values) in enumerate(declarations.items()):
        session.run(f"CREATE TABLE v.c{number} (id INT PRIMARY KEY, v {declaration})")
        session.run("BEGIN")
        for place, value in enumerate([*values, "NULL"]):
            session.run(f"INSERT INTO v.c{number} (id, v) VALUES ({place}, {session.literal(declaration, value)})")
        session.run("COMMIT")


def assert_equal(server, declarations, other_bytes=lambda declaration: False):
    """Of those for which other_bytes is true the values' text alone is the same, and of at least one value the bytes are not."""
    found = compared(server)
    wrong = {}
    for number, (declaration, values) in enumerate(declarations.items()):
        line = found.pop(f"c{number}")
        if other_bytes(declaration) and line.get("other_bytes", {}).get("v"):
            line["other_bytes"] = {}
        elif other_bytes(declaration):
            line["same"] = "bytes"
        if line != EQUAL | {"rows": len(values) + 1}:
            wrong[declaration[:60]] = line
    assert not wrong
    assert not found


ALSO = {"decimal(10,2) unsigned": ["0", "99999999.99"], "decimal(3,3) unsigned": ["0.5"], "double unsigned": ["1.5"], "float(5,2) unsigned": ["1.25"],
        "char(0)": [""], "varchar(0)": [""], "binary(0)": [""], "varbinary(0)": [""]}
# Whose bytes differ, with the same text: what MariaDB compresses, and the formats of old servers.
OTHER_BYTES = {"mysql55": "time|datetime|timestamp", **{name: ".*compressed" for name in SERVERS if name.startswith("mariadb")}}


@pytest.mark.parametrize("name", SERVERS)
def test_every_type(lab, name):
    server = lab.server(name, *FAST)
    declarations = {declaration: values for declaration, values in declarations_for(name, server).items() if declaration != "json" or server.is_mariadb}
    declarations |= ALSO
    fill(Session(server), declarations)
    assert_equal(server, declarations, re.compile(OTHER_BYTES.get(name, "$")).match)


@pytest.mark.parametrize("name", ["mariadb102", "mariadb1011", "mariadb118"])
def test_old_temporal_formats_of_mariadb(lab, name):
    """Rows read have today's formats."""
    server = lab.server(name, *FAST, "--mysql56-temporal-format=OFF")
    declarations = {declaration: values for declaration, values in (EVERYWHERE | FRACTIONS).items() if re.match("date|time", declaration)}
    fill(Session(server), declarations)
    assert_equal(server, declarations, lambda declaration: declaration != "date")


# Documents of SQL values that have types which their text does not tell; all others are the server's own bytes.
MADE_OF_VALUES = ["json_object('d', cast", "json_array(cast(", "json_array(timestamp", "json_array(repeat(x", "json_object('a', 1 = 1"]


def random_document(rng, depth=0):
    kind = rng.randrange(12 if depth < 5 else 8)
    if kind < 2:
        return rng.choice([True, False, None, "", 0, -1, 65535, 65536, -32769, 2 ** 31, 2 ** 32, -2 ** 31 - 1, 2 ** 63, 2 ** 64 - 1, -2 ** 63])
    if kind < 4:
        return rng.randrange(-1 << 63, 1 << 64) >> rng.randrange(64)
    if kind < 6:
        return rng.choice([rng.uniform(-1e6, 1e6), rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300), 1.0, 1e15, 1e16, 1e-7, -0.0, 123456789012345680.0])
    if kind < 8:
        return "".join(rng.choice("abc äß€日\U0001F600\"\\/\n\t\b\x01\x1f\x7f") for _ in range(rng.choice([0, 1, 5, 127, 128, 300, 20000 if depth < 3 else 3])))
    if kind < 10:
        return [random_document(rng, depth + 1) for _ in range(rng.choice([0, 1, 2, 5, 20]))]
    return {random_document(rng, 9) if rng.random() < 0.1 else "".join(rng.choice("abcé\"\\\n") for _ in range(rng.randrange(9))): random_document(rng, depth + 1)
            for _ in range(rng.choice([0, 1, 2, 5, 20]))}


def test_documents(lab):
    server = lab.server("mysql97", *FAST)
    session = Session(server)
    rng = random.Random("documents")
    made = [value for value in JSON if any(map(value.startswith, MADE_OF_VALUES))]
    made += ["json_array(5000000000, cast(7 as unsigned))", "json_array(cast(-0.5 as decimal(65,30)), cast('99999999999999999999' as decimal(20,0)))",
             "json_array(cast(1.50 as decimal(5,2)))"]
    parsed = [value for value in JSON if value not in made]
    parsed += ["'-0'", "'-0.0'", "'1e300'", "'18446744073709551616'", "'-9223372036854775809'", "'1.10'", "'1E2'", "'0.1e1'"]
    parsed += ["concat('[', repeat('\"x\",', 21844), '1]')", "concat('[', repeat('1,', 21842), '1]')", "concat('[', repeat('1,', 21843), '1]')",
               "concat('{\"a\": [', repeat('123456,', 9000), '1], \"b\": {\"c\": 70000, \"d\": -5}}')", "concat('\"', repeat('é', 40000), '\"')"]
    session.run("CREATE DATABASE v")
    for table, values in (("made", made), ("parsed", parsed)):
        session.run(f"CREATE TABLE v.{table} (id INT PRIMARY KEY AUTO_INCREMENT, v JSON)")
        for value in values:
            session.run(f"INSERT INTO v.{table} (v) VALUES ({value})")
    count = 5000 if SOAK else 300
    session.run("BEGIN")
    for _ in range(count):
        session.run("INSERT INTO v.parsed (v) VALUES (%s)", (json.dumps(random_document(rng), ensure_ascii=rng.random() < 0.5),))
    session.run("COMMIT")
    found = compared(server)
    assert found == {"parsed": EQUAL | {"rows": len(parsed) + count}, "made": EQUAL | {"rows": len(made), "other_bytes": {"v": len(made)}}}


@pytest.mark.parametrize("name", ["mysql56", "mysql97", "mariadb1011", "mariadb118"])
def test_text_of_every_charset(lab, name):
    """Text comes in its columns' own bytes, also where these are no text."""
    server = lab.server(name, *FAST)
    session = Session(server)
    session.run("CREATE DATABASE v")
    tables = [charset for charset in charset_names(server) if charset != "binary"]
    text = "Aé€ñЖש日本 \U0001F600"
    for charset in tables:
        session.run(f"CREATE TABLE v.{charset} (id INT PRIMARY KEY AUTO_INCREMENT, c CHAR(40), v VARCHAR(200), t TEXT, e ENUM('a','b '), s SET('x','y')) "
                    f"CHARACTER SET {charset}")
        for value in (f"CONVERT('{text}' USING {charset})", f"CONVERT('{text}  ' USING {charset})", f"CONVERT('  ' USING {charset})", "''", "NULL"):
            session.run(f"INSERT INTO v.{charset} (c, v, t, e, s) VALUES ({value}, {value}, {value}, 'b', 'x,y')")
        width = int(server.value(f"SELECT maxlen FROM information_schema.character_sets WHERE character_set_name = '{charset}'"))
        if width == 1:  # each of its bytes, told as they are
            for start in range(0, 256, 32):
                digits = bytes(range(start, start + 32)).hex()
                session.run(f"INSERT INTO v.{charset} (c, v, t) VALUES (_{charset} x'{digits}', _{charset} x'{digits}', _{charset} x'{digits}')")
    found = compared(server)
    assert {table: line for table, line in found.items() if line != EQUAL | {"rows": line["rows"]}} == {}
    assert sorted(found) == sorted(tables) and all(line["rows"] >= 5 for line in found.values())


# Columns that the log of an UPDATE or INSERT does not have as they are.
UNLOGGED = {"mariadb102": {"virtual_one": None}, "mariadb118": {"virtual_one": "absent", "stored_one": "absent"}}
HIDDEN = {"h": ["DB_ROW_HASH_1"], "w": ["row_start", "row_end"], "x": ["DB_ROW_HASH_1"], "nw": ["row_start", "row_end"]}


@pytest.mark.parametrize("name", ["mysql97", "mariadb102", "mariadb105", "mariadb1011", "mariadb118"])
def test_columns_of_the_servers_own(lab, name):
    """Generated, INVISIBLE and hidden columns, with and without a key: rows have what SELECT has. Generated columns are in the log of
    MySQL and of MariaDB 10.5 to 10.11; MariaDB 10.2 logs NULL for virtual ones, MariaDB 11.8 neither these nor stored ones of an UPDATE.
    """
    server = lab.server(name, *FAST)
    session = Session(server)
    session.run("CREATE DATABASE v")
    statements = GENERATED[:1] + ["CREATE TABLE v.n (virtual_one INT AS (b * 2) VIRTUAL, b INT, c INT, stored_one INT AS (b * 3) STORED)"]
    if name != "mariadb102":
        statements += GENERATED[1:] + OWN_COLUMNS["mariadb" if server.is_mariadb else name]
        statements += ["CREATE TABLE v.nw (b INT, c INT) WITH SYSTEM VERSIONING"] if server.is_mariadb else []
    for statement in statements:
        session.run(statement)
    tables = re.findall(r"v\.(\w+) \(", " ".join(statements))
    for table in tables:
        key = {"p": "my_row_id", "n": "c", "nw": "c"}.get(table, "id")
        for row in range(1, 6):
            session.run(f"INSERT INTO v.{table} (b) VALUES ({row})" if table == "p" else f"INSERT INTO v.{table} ({key}, b) VALUES ({row}, {row})")
        session.run(f"UPDATE v.{table} SET b = 10 WHERE b = 1")
        session.run(f"UPDATE v.{table} SET {key} = 20 WHERE b = 2")
        session.run(f"DELETE FROM v.{table} WHERE b = 3")
    found = compared(server)
    assert sorted(found) == sorted(tables)
    for table, line in found.items():
        assert (line["rows"], line["missing"], line["extra"], line["other_bytes"]) == (4, 0, 0, {}), (table, line)
        assert sorted(line["absent"]) == sorted(HIDDEN.get(table, [])), (table, line)
        unlogged = UNLOGGED.get(name, {}) if table in ("g", "n") else {}
        assert {column: texts["log"] for column, texts in line["other_text"].items()} == unlogged, (table, line)


@pytest.mark.parametrize("name", ["mysql56", "mysql97", "mariadb1011", "mariadb118"])
def test_rows_of_many_columns(lab, name):
    """With and without NULLs in all places, and names that need quotes."""
    server = lab.server(name, *FAST)
    session = Session(server)
    rng = random.Random(f"rows of {name} selected")
    declarations = {declaration: values for declaration, values in declarations_for(name, server).items()
                    if "compressed" not in declaration and (declaration != "json" or server.is_mariadb)}
    session.run("CREATE DATABASE v DEFAULT CHARACTER SET utf8")
    for number in range(40 if SOAK else 8):
        kinds = rng.sample(list(declarations), rng.randrange(1, 40))
        names = [f"`c``{place} é`" for place in range(len(kinds))]
        key = rng.choice(["PRIMARY KEY", ""])
        session.run(f"CREATE TABLE v.t{number} (id INT {key}, " + ", ".join(f"{each} {kind}" for each, kind in zip(names, kinds)) + ") ROW_FORMAT=DYNAMIC")
        for row in range(20):
            values = ["NULL" if rng.random() < 0.3 else session.literal(kind, rng.choice(declarations[kind])) for kind in kinds]
            session.run(f"INSERT INTO v.t{number} (id, {', '.join(names)}) VALUES ({row}, {', '.join(values)})")
    found = compared(server)
    assert {table: line for table, line in found.items() if line != EQUAL | {"rows": 20}} == {}
    assert len(found) >= 8


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_long_rows(lab, name):
    """In one packet of the protocol and in several, to the byte where that begins."""
    server = lab.server(name, *FAST, "--max-allowed-packet=128M")
    session = Session(server)
    session.run("CREATE DATABASE v")
    session.run("CREATE TABLE v.t (id INT PRIMARY KEY, v LONGBLOB, w LONGTEXT, b INT)")
    head = 1 + 1 + 4 + 4 + 1 + 4  # of the row, with the lengths of v and w
    for row, size in enumerate([0xffffff - head - 1, 0xffffff - head, 0xffffff - head + 1, 2 * 0xffffff - head, 0, 20_000_000]):
        session.run(f"INSERT INTO v.t VALUES ({row}, REPEAT(x'fe', {size}), 'é', {row})")
    assert compared(server) == {"t": EQUAL | {"rows": 6}}


ALTERED = {  # declaration: [what it becomes]
    "INT": ["BIGINT", "INT UNSIGNED", "SMALLINT", "VARCHAR(20)", "INT ZEROFILL", "FLOAT", "YEAR"],
    "VARCHAR(10) CHARACTER SET latin1": ["VARCHAR(20) CHARACTER SET latin1", "VARCHAR(10) CHARACTER SET latin2", "CHAR(10) CHARACTER SET latin1", "VARBINARY(10)",
                                         "TEXT CHARACTER SET latin1"],
    "TEXT CHARACTER SET utf8": ["MEDIUMTEXT CHARACTER SET utf8", "TEXT CHARACTER SET ucs2", "BLOB"],
    "DECIMAL(10,2)": ["DECIMAL(11,2)", "DECIMAL(10,3)", "DOUBLE"], "FLOAT": ["FLOAT(7,3)", "DOUBLE"], "DOUBLE(8,2)": ["DOUBLE(9,2)", "DOUBLE(8,3)", "DOUBLE"],
    "DATETIME": ["DATETIME(3)", "TIMESTAMP NULL", "DATE"], "TIME(2)": ["TIME", "TIME(3)"], "BIT(7)": ["BIT(8)"], "BINARY(4)": ["BINARY(5)", "VARBINARY(4)"],
}


@pytest.mark.parametrize("name", ["mysql56", "mysql97", "mariadb1011", "mariadb118"])
def test_a_table_that_was_altered(lab, name):
    """Unknown to the log: the rows are not taken for those of the table that it knows."""
    server = lab.server(name, *FAST)
    session = Session(server)
    session.run("CREATE DATABASE v")
    cases = [(before, after) for before, afters in ALTERED.items() for after in afters]
    for number, (before, after) in enumerate(cases):
        session.run(f"CREATE TABLE v.a{number} (id INT PRIMARY KEY, v {before})")
        session.run("SET sql_log_bin = 0")
        session.run(f"ALTER TABLE v.a{number} MODIFY v {after}")
        session.run("SET sql_log_bin = 1")
    for statement in ("CREATE TABLE v.dropped (id INT PRIMARY KEY, v INT)", "SET sql_log_bin = 0", "ALTER TABLE v.dropped DROP v", "SET sql_log_bin = 1"):
        session.run(statement)
    found = compared(server)
    for number, case in enumerate(cases):
        error = found[f"a{number}"].get("error", "")
        assert error.startswith(f"column v of v.a{number}: is ") and "was the table altered?" in error, (case, found[f"a{number}"])
    assert "Unknown column 'v'" in found["dropped"]["error"] and "(error 1054)" in found["dropped"]["error"]
