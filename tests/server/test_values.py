"""Every type's edge values: what binbus decodes from the binary log is what the server's own SELECT prints, byte for byte."""

import base64
import json
import pathlib
import random
import re
import string
import subprocess

import pymysql
import pytest
from pymysql.constants import CLIENT

import printed as formats
from binbus import PROGRAM
from servers import FAST
from watcher import SOAK

ROW_DUMP = pathlib.Path(PROGRAM).parent / "src/schema/row_dump"
SERVERS = ["mysql55", "mysql56", "mysql97", "mariadb102", "mariadb105", "mariadb1011", "mariadb118"]
WITH_METADATA = ["mysql97", "mariadb105", "mariadb1011", "mariadb118"]

EVERYWHERE = {
    **{f"{name}{sign}": [low, high, 0, 1, -1, "NULL"] for name, bits in [("tinyint", 8), ("smallint", 16), ("mediumint", 24), ("int", 32), ("bigint", 64)]
       for sign, low, high in [("", -(1 << bits - 1), (1 << bits - 1) - 1), (" unsigned", 0, (1 << bits) - 1), (" zerofill", 0, (1 << bits) - 1)]},
    "int(4) zerofill": [0, 7, 12345],
    "bigint(20) unsigned zerofill": [0, 18446744073709551615],
    "bool": [0, 1, 2],
    **{f"bit({bits})": [0, 1, (1 << bits) - 1, 1 << (bits - 1)] for bits in (1, 2, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64)},
    "year": [0, 1901, 2000, 2155, "NULL"],
    "float": ["0", "-0e0", "1", "-1.5", "0.1", "16777216", "3.40282e38", "1.17549e-38", "1e-45", "123456.7", "1234567", "999999.5", "1e15", "1e14",
              "1e-15", "1e-14", "0.000012345", "33.333333333"],
    "double": ["0", "-0e0", "1", "0.1", "1e15", "1e14", "-1e-15", "1e-14", "1e-16", "1.7976931348623157e308", "2.2250738585072014e-308", "5e-324",
               "123456789012345678", "0.30000000000000004", "1e100", "-1.5e-7", "9007199254740993", "123456789012345.6", "1e22", "1e23"],
    "float(7,3)": ["0", "1.5", "-9999.999", "0.001"], "float(30,20)": ["0.1", "1.5"], "double(10,0)": ["0", "1e9", "-5"],
    "double(30,20)": ["0.1", "1.5", "-0.00000000000000000001"], "double(60,2)": ["1e40", "1e22", "123.45", "-0.01"],
    "float zerofill": ["1.5"], "double zerofill": ["1.5"], "double(8,2) zerofill": ["1.5"],
    "decimal(65,30)": ["0", "9" * 35 + "." + "9" * 30, "-" + "9" * 35 + "." + "9" * 30, "0." + "0" * 29 + "1", "-0." + "0" * 29 + "1"],
    "decimal(10,2) zerofill": ["0", "1.5", "12345678.99"], "decimal(5,0) zerofill": ["7"],
    **{f"decimal({precision},{scale})": ["0", "1", "-1", f"{10 ** (precision - scale) - 1}", f"0.{'9' * scale}5"]
       for precision, scale in [(1, 0), (1, 1), (2, 2), (4, 2), (9, 0), (9, 9), (10, 1), (18, 9), (19, 10), (30, 30), (38, 7), (65, 0), (31, 13)]},
    "date": ["0000-00-00", "2024-01-00", "2024-00-00", "2024-02-29", "9999-12-31", "0001-01-01", "1000-01-01"],
    "time": ["00:00:00", "-838:59:59", "838:59:59", "-00:00:01", "23:59:59", "100:00:00"],
    "datetime": ["0000-00-00 00:00:00", "2024-01-00 00:00:00", "2024-02-29 12:34:56", "9999-12-31 23:59:59", "0001-01-01 00:00:00"],
    "timestamp null": ["0000-00-00 00:00:00", "1970-01-01 00:00:01", "2038-01-19 03:14:07", "2024-02-29 12:34:56"],
    "char(5)": ["", "a", "abc  ", "äöü€x"], "char(255)": ["x", "x" * 255], "char(200) character set utf8mb4": ["ä" * 200, "\U0001F600"],
    "char(5) character set latin1": ["", "äÿ€Ž"], "varchar(20)": ["", "a ", "äöü€", "quote ' back \\ nul \0 tab \t"],
    "varchar(255) character set latin1": ["x" * 255], "varchar(300) character set latin1": ["x" * 256, ""],
    "varchar(10) character set ucs2": ["", "aä€"], "varchar(10) character set utf8mb4": ["\U0001F600ä"],
    "tinytext": ["", "ä"], "text": ["x" * 300], "mediumtext": ["x" * 70000], "longtext": ["", "y" * 100000], "text character set latin1": ["ü" * 300],
    "binary(5)": ["", "a", "a\0", "\0\0b", "abcde", b"\xff\0\xfe"], "binary(255)": ["", "x"], "varbinary(20)": ["", "a\0\0", b"\xff\xfe\0"],
    "varbinary(300)": ["x" * 300], "tinyblob": ["", b"\xff\0"], "blob": [b"\0" * 300], "mediumblob": [b"\x80" * 70000], "longblob": ["", "z"],
    "enum('a','b','','ä\\'x')": ["a", "b", "", "ä'x", "NULL"], "enum('ä','ÿ') character set latin1": ["ä", "ÿ"],
    "enum('ä','€') character set ucs2": ["ä", "€"],
    "enum(%s)" % ",".join(f"'l{i}'" for i in range(300)): ["l0", "l254", "l255", "l256", "l299"],
    "set('a','b','ä')": ["", "a", "a,b", "b,ä", "a,b,ä", "NULL"],
    **{"set(%s)" % ",".join(f"'l{i}'" for i in range(count)): ["", "l0", f"l{count - 1}", f"l0,l{count - 1}"] for count in (8, 9, 17, 24, 25, 33, 64)},
    "geometry": ["(GeomFromText('POINT(1 2)'))", "(GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))', 4326))", "NULL"],
    "point": ["(GeomFromText('POINT(-1.5 1e100)'))"], "polygon": ["(GeomFromText('POLYGON((0 0,0 1,1 1,0 0))'))"],
}
FRACTIONS = {f"{name}({digits})": [f"{value}.{'987654'[:digits]}" for value in values] + [values[0]]
             for digits in (1, 2, 3, 4, 5, 6) for name, values in [
                 ("time", ["00:00:00", "-00:00:00", "-838:59:58", "838:59:58", "12:34:56"]),
                 ("datetime", ["0000-00-00 00:00:00", "2024-02-29 12:34:56", "9999-12-31 23:59:59"])]}
FRACTIONS |= {f"timestamp({digits}) null": [f"1970-01-01 00:00:01.{'5' * digits}", f"2038-01-19 03:14:06.{'123456'[:digits]}"] for digits in range(1, 7)}
JSON = [
    "'{}'", "'[]'", "'null'", "'true'", "'\"\"'", "'1'", "'-1'", "'65535'", "'-32768'", "'4294967295'", "'-2147483649'", "'18446744073709551615'",
    "'-9223372036854775808'", "'1.0'", "'1e20'", "'0.1'", "'1.7976931348623157e308'", "'100000000000000.0'",
    """'{"b": 1, "a": [1, "x", null, {"c": true}], "aa": false, "": "é\U0001F600"}'""",
    r"""'"q\\"b\\\\s\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u00e9"'""", r"""'{"k\\"\\n": 1}'""",
    "json_object('d', cast('12.340' as decimal(10,3)), 'n', cast(-0.5 as decimal(65,30)))",
    "json_array(cast('2024-02-29' as date), cast('-12:34:56.5' as time(6)), cast('2024-02-29 01:02:03.25' as datetime(6)), cast('838:59:59' as time))",
    "json_array(timestamp('2024-02-29 01:02:03'), cast('0000-00-00' as date), b'101', x'ff00', cast('abc' as binary(5)), cast(2024 as year))",
    "json_object('g', st_geomfromtext('POINT(1 2)'), 'big', repeat('x', 70000))", "json_array(repeat(x'ff', 200))",
    "(select json_arrayagg(n) from (with recursive s(n) as (select 1 union all select n + 1 from s where n < 900) select n from s) q)",
    "concat(repeat('[', 99), '1', repeat(']', 99))", "concat('{\"k\":\"', repeat('x', 200), '\", \"l\":', repeat('[', 50), repeat(']', 50), '}')",
    "json_object('a', 1 = 1, 'b', 18446744073709551615, 'c', -5, 'd', 1e0, 'e', 1.5)",
]
MORE = {
    "mysql97": {"json": JSON, "vector(3)": ["(to_vector('[1,-2.5,1e30]'))", "NULL"], "point srid 4326": ["(st_geomfromtext('POINT(1 2)', 4326))"],
                "multipoint": ["(st_geomfromtext('MULTIPOINT(1 1,2 2)'))"], "geometrycollection": ["(st_geomfromtext('GEOMETRYCOLLECTION EMPTY'))"],
                "varchar(10) invisible": ["x"], "year(4)": [2024]},
    "mariadb102": {"json": ["'[1, 2]'"]},
    "mariadb1011": {
        "inet4": ["0.0.0.0", "1.2.3.4", "255.255.255.255", "10.0.0.0"],
        "inet6": ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "2001:db8::", "0:0:1::1:0:0", "1:0:0:2:0:0:0:3", "::ffff:1.2.3.4", "::1.2.3.4", "1:0:2:0:3:0:4:0",
                  "::ffff:0:0", "0:0:0:0:1::", "::2:0"],
        "uuid": [f"12345678-9abc-{version:x}def-{variant:x}123-456789abcdef" for version in range(16) for variant in (0, 8, 12)]
        + ["0" * 8 + "-0000-0000-0000-" + "0" * 12, "ffffffff-ffff-ffff-ffff-ffffffffffff"],
        "varchar(100) compressed": ["", "short", "x" * 100, "äö" * 50], "varbinary(1000) compressed": [b"\xff" * 1000, ""],
        "text compressed character set latin1": ["", "ü" * 3000], "longblob compressed": [b"\x80\0" * 40000], "tinytext compressed": ["x" * 200],
        "json": ["'[1, 2]'"]},
}
COMPRESSED = {key: values for key, values in MORE["mariadb1011"].items() if "compressed" in key}
MORE["mariadb105"] = COMPRESSED | {key: MORE["mariadb1011"][key] for key in ("inet6", "json")}
MORE["mariadb118"] = {**MORE["mariadb1011"], "vector(3)": ["(vec_fromtext('[1,-2.5,1e30]'))"], "timestamp null ": ["2106-02-07 06:28:15"]}
# What FULL metadata does not tell of a column, so that the declaration is needed.
UNTOLD = re.compile(r"zerofill|inet|uuid|^(float|double)\(")


def random_values(seed):
    """Declarations with values made by the seed."""
    rng = random.Random(seed)
    letters = string.ascii_letters + "äöüßéñ€ '\"\\\n" + "日本語"
    text = lambda: "".join(rng.choice(letters) for _ in range(rng.randrange(60)))
    double = lambda: repr(rng.choice([rng.uniform(-1e6, 1e6), rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300), rng.uniform(-1, 1)]))
    decimal = lambda: f"{rng.choice(['', '-'])}{rng.randrange(10 ** rng.randrange(1, 21))}.{rng.randrange(10 ** 10):010}"
    return {
        "bigint ": [rng.randrange(-1 << 63, 1 << 63) >> rng.randrange(64) for _ in range(100)],
        "bigint unsigned ": [rng.randrange(1 << 64) >> rng.randrange(64) for _ in range(100)],
        "double ": [double() for _ in range(400)],
        "float ": [repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-37, 38)) for _ in range(400)],
        "double(20,5)": [repr(rng.uniform(-1e9, 1e9)) for _ in range(100)], "float(20,5)": [repr(rng.uniform(-1e5, 1e5)) for _ in range(100)],
        "decimal(30,10)": [decimal() for _ in range(200)],
        "varchar(60) character set utf8mb4": [text() for _ in range(100)],
        "varbinary(60)": [rng.randbytes(rng.randrange(60)) for _ in range(100)], "binary(60)": [rng.randbytes(rng.randrange(61)) for _ in range(100)],
        "time ": [f"{rng.choice(['', '-'])}{rng.randrange(839)}:{rng.randrange(60)}:{rng.randrange(60)}" for _ in range(100)],
        "datetime ": [f"{rng.randrange(10000):04}-{rng.randrange(1, 13)}-{rng.randrange(1, 29)} {rng.randrange(24)}:{rng.randrange(60)}:{rng.randrange(60)}"
                      for _ in range(100)],
        "timestamp null  ": [f"{rng.randrange(1971, 2038)}-{rng.randrange(1, 13)}-{rng.randrange(1, 29)} {rng.randrange(24)}:0:{rng.randrange(60)}"
                             for _ in range(100)],
    }


class Session:
    """A session in UTC whose rows come as the bytes that the server sends."""

    def __init__(self, server):
        self.server = server
        self.connection = server.connect(conv={}, use_unicode=False, client_flag=CLIENT.MULTI_STATEMENTS)
        self.run("SET time_zone = '+00:00', sql_mode = ''")

    def run(self, statement, arguments=None):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            rows = cursor.fetchall()
            while cursor.nextset():
                pass
            return rows

    def literal(self, declaration, value):
        """SQL for a value: what is in parentheses, NULL and JSON as they are, all else as a string."""
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        value = str(value)
        if value == "NULL" or re.match("json|vector|geometry|point|polygon|multi", declaration):
            return value.replace("(GeomFromText", "(ST_GeomFromText") if self.server.version >= (5, 6) else value
        return "'" + value.replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0") + "'"


def fill(session, declarations):
    """A table per declaration, a row per value; then all rows as SELECT prints them: {table: {id: bytes or None}}."""
    session.run("CREATE DATABASE v DEFAULT CHARACTER SET utf8")
    printed = {}
    for number, (declaration, values) in enumerate(declarations.items()):
        table = f"c{number}"
        session.run(f"CREATE TABLE v.{table} (id INT PRIMARY KEY, v {declaration})")
        for place, value in enumerate(values):
            try:
                session.run(f"INSERT INTO v.{table} (id, v) VALUES ({place}, {session.literal(declaration, value)})")
            except pymysql.Error as error:
                raise AssertionError(f"{declaration}: {value!r}: {error}") from error
        printed[table] = rows_of(session, table)
        assert len(printed[table]) == len(values)
        session.run(f"DELETE FROM v.{table}")
    return printed


def rows_of(session, table):
    return {int(row[0]): row[1] for row in session.run(f"SELECT id, v FROM v.{table}")}


def columns(session, database="v"):
    """The tables' columns for row_dump and for `formats`, as information_schema has them."""
    session.run("SET SESSION group_concat_max_len = 1000000")
    names = ["TABLE_NAME", "COLUMN_NAME", "DATA_TYPE", "COLUMN_TYPE", "CHARACTER_MAXIMUM_LENGTH", "NUMERIC_PRECISION", "NUMERIC_SCALE",
             "CHARACTER_SET_NAME", "IS_NULLABLE"]
    tables = {}
    for row in session.run(f"SELECT {', '.join(names)} FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{database}' "
                           "ORDER BY TABLE_NAME, ORDINAL_POSITION"):
        row = [value if value is None else value.decode() for value in row]
        row[3] = row[3].replace("/*!100301 ", "/*M!100301 ")  # as MariaDB writes it today
        tables.setdefault(f"{database}.{row[0]}", []).append(column(*row[1:-1]) | {"nullable": row[-1] == "YES"})
    return tables


def value_column(tables, table, declaration):
    """The column v of a table; MariaDB's JSON is text with a name."""
    _, value = tables[f"v.{table}"]
    return as_json(value, declaration)


def as_json(column_of, declaration):
    return column_of | {"type": "json", "text_in_log": column_of["type"] != "json"} if declaration == "json" else column_of


def column(name, data_type, column_type, characters, precision, scale, charset):
    width = re.match(r"\w+\((\d+)(?:,(\d+))?\)", column_type)
    numbers = [int(number or 0) for number in width.groups()] if width and data_type not in ("enum", "set") else [0, 0]
    temporal = data_type in ("time", "datetime", "timestamp")
    length = numbers[0]
    if charset or data_type in ("binary", "varbinary"):
        length = int(characters or 0)
    elif data_type == "decimal":
        numbers[1], length = int(scale), int(precision)
    if "geom" in data_type or temporal:
        length = 0
    charset = {"utf8": "utf8mb3"}.get(charset, charset)  # as its own log calls it
    labels = re.findall(r"'((?:[^']|'')*)'", column_type) if data_type in ("enum", "set") else []
    return {"name": name, "type": {"geomcollection": "geometrycollection"}.get(data_type, data_type), "type_text": column_type, "length": length,
            "decimals": numbers[0] if temporal else numbers[1], "unsigned": "unsigned" in column_type, "zerofill": "zerofill" in column_type,
            "compressed": "COMPRESSED" in column_type, "charset": charset or "", "labels": [label.replace("''", "'") for label in labels]}


def decoded(server, *options):
    """All that row_dump makes of the server's binary logs."""
    files = [server.data / name for name in server.binlogs()]
    result = subprocess.run([ROW_DUMP, *options, *files], capture_output=True, text=True, timeout=300)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert not lines or "error" not in lines[-1], lines[-1]
    assert result.returncode == 0, result.stderr
    return lines


def messages(server, name, *options):
    """What `binbus decode` makes of them in that format, line by line; the CREATE statements in there tell it the columns."""
    files = [server.data / file for file in server.binlogs()]
    result = subprocess.run([PROGRAM, "decode", "--no-ddl", "-f", name, *options, *files], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout.split("\n")[:-1]  # splitlines() would take more characters for an end


def value_bytes(value):
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return value if value is None else value.encode()


def compare(declarations, printed, lines, skip=lambda declaration: False):
    """Inserts' after images and deletes' before images against what SELECT printed. Returns how many values were equal."""
    names = {f"v.c{number}": declaration for number, declaration in enumerate(declarations)}
    wrong, equal = [], 0
    for line in lines:
        declaration = names.get(line["table"])
        if declaration is None or skip(declaration):
            continue
        row = line["after"] or line["before"]
        wanted = printed[line["table"][2:]][int(row["id"])]
        if value_bytes(row["v"]) == wanted:
            equal += 1
        else:
            wrong.append((declaration[:60], line["op"], row["v"], wanted))
    assert not wrong, f"{len(wrong)} wrong, {equal} equal; the first: {[str(case)[:300] for case in wrong[:20]]}"
    assert equal == 2 * sum(len(values) for declaration, values in declarations.items() if not skip(declaration))
    return equal


def compare_messages(name, declarations, printed, tables, lines, operations):
    """The same of what a format prints, against what its documentation makes of SELECT's bytes."""
    names = {f"c{number}": declaration for number, declaration in enumerate(declarations)}
    columns = {table: value_column(tables, table, declaration) for table, declaration in names.items()}
    wrong, equal = [], 0
    for line in lines:
        operation, database, table, before, after = formats.images(name, formats.loads(line))
        if database != "v" or operation not in operations:
            continue
        row = before if operation == "delete" else after
        # A minimal image: what is set, and what found the row.
        key = before if name == "binbus" and operation == "update" else row
        data = printed[table][int(key["id"])]
        wanted = None if data is None else formats.FORMATS[name](columns[table], data)
        if repr(row["v"]) == repr(wanted):
            equal += 1
        else:
            wrong.append((names[table][:60], operation, row["v"], wanted))
    assert not wrong, f"{name}: {len(wrong)} wrong, {equal} equal; the first: {[str(case)[:300] for case in wrong[:20]]}"
    return equal


def compare_types(server, declarations, tables):
    """What formats say of the columns, against information_schema and the documentation of the tools."""
    wrong, seen = [], set()
    names = {f"c{number}": declaration for number, declaration in enumerate(declarations)}
    for name, options in (("binbus", ()), ("canal", ()), ("debezium", ("--schemas",))):
        for line in messages(server, name, *options):
            table = re.search(r'"table":"(c\d+)"', line)[1]
            if (name, table) in seen:
                continue
            seen.add((name, table))
            message, column = formats.loads(line), value_column(tables, table, names[table])
            if name == "binbus":
                said, wanted = message["types"]["v"], column["type_text"]
            elif name == "canal":
                said, wanted = (message["mysqlType"]["v"], message["sqlType"]["v"]), (column["type_text"], formats.canal_sql_type(column))
            else:
                row = message["schema"]["fields"][0]
                assert [field["field"] for field in message["schema"]["fields"][:2]] == ["before", "after"]
                said, wanted = [(field["type"], field.get("name")) for field in row["fields"] if field["field"] == "v"], [formats.debezium_type(column)]
            if said != wanted:
                wrong.append((name, names[table][:60], said, wanted))
    assert not wrong, f"{len(wrong)} wrong; the first: {[str(case)[:300] for case in wrong[:20]]}"
    assert len(seen) == 3 * len(declarations)


def reread(value):
    """A JSON document without what the format sql says it loses: decimals in it become doubles, opaque values are strings in its text."""
    try:
        return json.loads(value) if value[:1] in b"[{" else value
    except (TypeError, ValueError):
        return value


def apply_statements(session, printed, lines):
    """The format sql, run at the source itself, whose tables are empty again: it has the same rows, and then none."""
    deletes = [line for line in lines if "*/ DELETE" in line]
    session.run("SET sql_log_bin = 0")
    for statements, same in (([line for line in lines if "*/ DELETE" not in line], True), (deletes, False)):
        session.run("BEGIN")
        for line in statements:
            session.run(line)
        session.run("COMMIT")
        session.run("SET time_zone = '+00:00', sql_mode = ''")
        for table, rows in printed.items():
            found = {key: reread(value) for key, value in rows_of(session, table).items()}
            assert found == ({key: reread(value) for key, value in rows.items()} if same else {}), table
    session.run("SET sql_log_bin = 1")


def set_minimally(session, declarations, printed):
    """Each value by an UPDATE of a row that has none yet, then the rows deleted, with MINIMAL images and metadata.

    Returns where it begins in the log and how many values there are.
    """
    session.run("SET binlog_row_image = MINIMAL")
    if session.server.name in WITH_METADATA:
        session.run("SET GLOBAL binlog_row_metadata = MINIMAL")
    session.run("FLUSH BINARY LOGS")
    session.run("BEGIN")
    count = 0
    for number, (declaration, values) in enumerate(declarations.items()):
        for place, value in enumerate(values):
            if printed[f"c{number}"][place] is not None:
                count += 1
                session.run(f"INSERT INTO v.c{number} (id) VALUES ({place})")
                session.run(f"UPDATE v.c{number} SET v = {session.literal(declaration, value)} WHERE id = {place}")
        session.run(f"DELETE FROM v.c{number}")
    session.run("COMMIT")
    return f"{session.server.binlogs()[-1]}:4", count


def declarations_for(name, server):
    declarations = dict(EVERYWHERE)
    if server.version >= (5, 6):
        declarations |= FRACTIONS
    if server.version < (5, 7) and not server.is_mariadb:
        declarations.pop("year", None)
        declarations |= {"year(4)": EVERYWHERE["year"]}
    if name == "mysql55":
        declarations |= {"year(2)": [0, 1970, 2024]}
    return declarations | MORE.get(name, {}) | random_values(f"values of {name}")


@pytest.mark.parametrize("name", SERVERS)
def test_values_equal_select(lab, tmp_path, name):
    """With the columns as information_schema has them, with FULL metadata alone where the server writes it, and through every format,
    with the columns that the log's CREATE statements tell of.
    """
    server = lab.server(name, *FAST, *(["--binlog-row-metadata=FULL"] if name in WITH_METADATA else []))
    declarations = declarations_for(name, server)
    session = Session(server)
    printed = fill(session, declarations)
    tables = columns(session)
    (tmp_path / "columns.json").write_text(json.dumps(tables))
    equal = compare(declarations, printed, decoded(server, "--columns", tmp_path / "columns.json"))
    print(f"{name}: {equal} values with declared columns")
    if name in WITH_METADATA:
        equal = compare(declarations, printed, decoded(server), UNTOLD.search)
        print(f"{name}: {equal} values with FULL metadata alone")
    for format_name in formats.FORMATS:
        equal = compare_messages(format_name, declarations, printed, tables, messages(server, format_name), ("insert", "delete"))
        assert equal == 2 * sum(map(len, declarations.values()))
        print(f"{name}: {equal} values in the format {format_name}")
    compare_types(server, declarations, tables)
    apply_statements(session, printed, messages(server, "sql"))
    if name == "mysql55":  # which has full images only
        return
    place, count = set_minimally(session, declarations, printed)
    for format_name in formats.FORMATS:
        lines = messages(server, format_name, "--from", place)
        assert compare_messages(format_name, declarations, printed, tables, lines, ("update",)) == count
    print(f"{name}: {count} values of minimal images")
    apply_statements(session, {table: {key: value for key, value in rows.items() if value is not None} for table, rows in printed.items()},
                     messages(server, "sql", "--from", place))


@pytest.mark.parametrize("name", ["mariadb102", "mariadb1011", "mariadb118"])
def test_old_temporal_formats_of_mariadb(lab, tmp_path, name):
    server = lab.server(name, "--mysql56-temporal-format=OFF")
    declarations = {declaration: values for declaration, values in (EVERYWHERE | FRACTIONS).items() if re.match("date|time", declaration)}
    session = Session(server)
    printed = fill(session, declarations)
    (tmp_path / "columns.json").write_text(json.dumps(columns(session)))
    compare(declarations, printed, decoded(server, "--columns", tmp_path / "columns.json"))


@pytest.mark.parametrize("name,options", [("mysql97", ["--binlog-transaction-compression=ON"]), ("mariadb1011", ["--log-bin-compress=ON", "--log-bin-compress-min-len=10"])])
def test_compressed_logs(lab, name, options):
    server = lab.server(name, "--binlog-row-metadata=FULL", *options)
    declarations = {key: EVERYWHERE[key] for key in ("bigint", "varchar(20)", "longtext", "mediumblob", "datetime", "decimal(65,30)")}
    printed = fill(Session(server), declarations)
    compare(declarations, printed, decoded(server))


@pytest.mark.parametrize("image", ["FULL", "MINIMAL", "NOBLOB"])
def test_row_images(lab, image):
    """What a row image leaves out is left out, and is not NULL."""
    server = lab.server("mysql97", "--binlog-row-metadata=FULL", f"--binlog-row-image={image}")
    server.sql("CREATE DATABASE v", "CREATE TABLE v.t (id INT PRIMARY KEY, a INT, b TEXT, c INT DEFAULT 5)", "INSERT INTO v.t (id, a) VALUES (1, NULL)",
               "UPDATE v.t SET a = 2", "DELETE FROM v.t", "CREATE TABLE v.d (a INT DEFAULT 1, b INT)", "INSERT INTO v.d VALUES ()")
    insert, update, delete, defaults = [(line["before"], line["after"]) for line in decoded(server) if line["table"].startswith("v.")]
    full = {"id": "1", "a": None, "b": None, "c": "5"}
    without = lambda *names: {name: value for name, value in full.items() if name not in names}
    if image == "FULL":
        assert (insert, update, delete) == ((None, full), (full, full | {"a": "2"}), (full | {"a": "2"}, None))
        assert defaults == (None, {"a": "1", "b": None})
    elif image == "MINIMAL":
        assert (insert, update, delete) == ((None, {"id": "1", "a": None}), ({"id": "1"}, {"a": "2"}), ({"id": "1"}, None))
        assert defaults == (None, {})
    else:
        assert (insert, update) == ((None, without("b")), (without("b"), without("b") | {"a": "2"}))
        assert delete == (without("b") | {"a": "2"}, None)


@pytest.mark.parametrize("name", ["mysql56", "mysql97", "mariadb105", "mariadb1011", "mariadb118"])
def test_random_rows(lab, name):
    """Tables of up to forty random columns, changed at random with images and metadata that change, too: what each change says is what
    SELECT says before and after it, and what an image lacks is said to be absent.
    """
    server = lab.server(name, *FAST)
    session = Session(server)
    rng = random.Random(f"rows of {name}")
    declarations = declarations_for(name, server)
    session.run("CREATE DATABASE v DEFAULT CHARACTER SET utf8")
    wanted, tables = [], []
    for number in range(40 if SOAK else 5):
        # Each once: MySQL 5.6 itself loses the labels of two ENUMs in ucs2 that are the same.
        kinds = rng.sample(list(declarations), rng.randrange(1, 40))
        names = [f"c{place}" for place in range(len(kinds))]
        session.run(f"CREATE TABLE v.t{number} (id INT PRIMARY KEY, " + ", ".join(f"{each} {kind}" for each, kind in zip(names, kinds)) + ") ROW_FORMAT=DYNAMIC")
        tables.append((f"t{number}", dict(zip(names, kinds))))
    described = columns(session)
    for _ in range(3000 if SOAK else 200):
        table, kinds = rng.choice(tables)
        image = rng.choice(["FULL", "FULL", "MINIMAL", "NOBLOB"])
        session.run(f"SET binlog_row_image = {image}")
        if name in WITH_METADATA and rng.random() < 0.05:
            session.run(f"SET GLOBAL binlog_row_metadata = {rng.choice(['FULL', 'MINIMAL'])}")
        key = rng.randrange(8)
        where = f"FROM v.{table} WHERE id = {key}"
        select = f"SELECT id, {', '.join(kinds)} {where}"
        before = session.run(select)
        values = {each: session.literal(kinds[each], rng.choice(declarations[kinds[each]] + ["NULL"]))
                  for each in rng.sample(list(kinds), rng.randint(1, len(kinds)))}
        if not before:
            session.run(f"INSERT INTO v.{table} (id, {', '.join(values)}) VALUES ({key}, {', '.join(values.values())})")
        elif rng.random() < 0.2:
            session.run(f"DELETE {where}")
        else:
            session.run(f"UPDATE v.{table} SET {', '.join(f'{each} = {value}' for each, value in values.items())} WHERE id = {key}")
        after = session.run(select)
        if before != after:
            wanted.append((table, image, before, after))
    found = list(map(formats.loads, messages(server, "binbus")))
    assert len(found) == len(wanted) > 80
    for message, (table, image, before, after) in zip(found, wanted):
        assert message["table"] == table
        kinds = dict(tables)[table]
        for side, rows in (("before", before), ("after", after)):
            assert (message[side] is None) == (not rows)
            if not rows:
                continue
            absent = message.get("absent", {}).get(side, [])
            assert sorted([*message[side], *absent]) == sorted(["id", *kinds]) and (image != "FULL" or not absent)
            for column_of, data in zip(described[f"v.{table}"], rows[0]):
                each = column_of["name"]
                if each in message[side]:
                    want = None if data is None else formats.plain(as_json(column_of, kinds.get(each)), data)
                    assert repr(message[side][each]) == repr(want), (table, each, kinds.get(each), side, image)
        # What changed is there, whatever the image.
        for place, column_of in enumerate(described[f"v.{table}"]):
            if before and after and before[0][place] != after[0][place]:
                assert column_of["name"] in message["after"]


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_bytes_that_are_no_text(lab, name):
    """Lossless in `binbus` and `sql`; the others show where they were."""
    server = lab.server(name, *FAST)
    session = Session(server)
    create = ["CREATE DATABASE v", "CREATE TABLE v.t (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET cp1251)"]
    for statement in (*create, "INSERT INTO v.t VALUES (1, _cp1251 x'419842')"):
        session.run(statement)
    for format_name in formats.FORMATS:
        (line,) = messages(server, format_name)
        message = formats.loads(line)
        assert formats.images(format_name, message)[4]["v"] == "A\uFFFDB", format_name
        if format_name == "binbus":
            assert message["invalid"] == {"after": {"v": base64.b64encode(b"A\x98B").decode()}}
    session.run("SET sql_log_bin = 0")
    for statement in ("DROP DATABASE v", *create, *messages(server, "sql")):
        session.run(statement)
    assert session.run("SELECT HEX(v) FROM v.t") == ((b"419842",),)


GENERATED = ["CREATE TABLE v.g (id INT PRIMARY KEY, virtual_one INT AS (id * 2) VIRTUAL, b INT, stored_one INT AS (b * 3) STORED)",
             "CREATE TABLE v.i (id INT PRIMARY KEY, unseen INT INVISIBLE DEFAULT 5, b INT)"]
OWN_COLUMNS = {
    "mysql97": ["SET sql_generate_invisible_primary_key = ON", "CREATE TABLE v.p (b INT)", "CREATE TABLE v.f (id INT PRIMARY KEY, b INT, KEY ((b + 1)))"],
    "mariadb": ["CREATE TABLE v.h (id INT PRIMARY KEY, b BLOB UNIQUE)", "CREATE TABLE v.w (id INT PRIMARY KEY, b INT) WITH SYSTEM VERSIONING",
                "CREATE TABLE v.x (id INT PRIMARY KEY, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, b BLOB, "
                "UNIQUE (b), PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING"]}


def rows_after(name, lines, unlogged):
    """What is left of all changes, {table: {key: row}}: each row has one key, and an update's row before is the row that was there."""
    tables = {}
    for line in lines:
        operation, _, table, *images = formats.images(name, formats.loads(line))
        before, after = [row and {column: value for column, value in row.items() if column not in unlogged} for row in images]
        rows = tables.setdefault(table, {})
        key = "my_row_id" if table == "p" else "id"
        if operation == "insert":
            assert after[key] not in rows, line
        else:
            known = rows.pop(before[key])
            assert operation == "delete" or known == before, line
        if operation != "delete":
            rows[after[key]] = after
    return tables


@pytest.mark.parametrize("name, metadata", [("mysql97", "FULL"), ("mariadb1011", None), ("mariadb118", "FULL")])
def test_columns_that_select_does_not_show(lab, name, metadata):
    """Generated, INVISIBLE and hidden columns, and rows of the past: changes have the columns that were declared, of the rows that there are."""
    server = lab.server(name, *FAST, *([f"--binlog-row-metadata={metadata}"] if metadata else []))
    session = Session(server)
    create = ["CREATE DATABASE v", *GENERATED, *OWN_COLUMNS["mariadb" if server.is_mariadb else name]]
    for statement in create:
        session.run(statement)
    described = {table.removeprefix("v."): of for table, of in columns(session).items()}
    for table, of in described.items():
        key = of[0]["name"]
        for statement in (*(f"INSERT INTO v.{table} (b) VALUES ({row})" if table == "p" else f"INSERT INTO v.{table} (id, b) VALUES ({row}, {row})"
                            for row in range(1, 6)),
                          f"UPDATE v.{table} SET b = 10 WHERE b = 1", f"UPDATE v.{table} SET {key} = 20 WHERE b = 2", f"DELETE FROM v.{table} WHERE b = 3",
                          f"UPDATE v.{table} SET b = b + 100", f"REPLACE INTO v.{table} ({key}, b) VALUES (1, 11)", "SET binlog_row_image = MINIMAL",
                          f"DELETE FROM v.{table} WHERE {key} = 4", "SET binlog_row_image = FULL"):
            session.run(statement)

    def select(table, of):
        return session.run(f"SELECT {', '.join(column['name'] for column in of)} FROM v.{table} ORDER BY {of[0]['name']}")

    unlogged = ("virtual_one", "stored_one") if name == "mariadb118" else ()  # which has them in the rows of inserts only
    selected = {table: select(table, of) for table, of in described.items()}
    assert {len(rows) for rows in selected.values()} == {3}
    for format_name, printed in formats.FORMATS.items():
        found = rows_after(format_name, messages(server, format_name), unlogged)
        for table, of in described.items():
            wanted = [{column["name"]: printed(column, value) for column, value in zip(of, row) if column["name"] not in unlogged}
                      for row in selected[table]]
            assert sorted(found[table].values(), key=lambda row: int(row[of[0]["name"]])) == wanted, (format_name, table)
    statements = messages(server, "sql")
    assert not any(column in line for line in statements for column in ("_one`", "`s`", "`e`", "row_start", "DB_ROW_HASH"))
    session.run("SET sql_log_bin = 0")
    for statement in ("DROP DATABASE v", *create, *statements):
        session.run(statement)
    session.run("SET time_zone = '+00:00', sql_mode = ''")
    for table, of in described.items():
        same = [place for place, column in enumerate(of) if column["name"] not in "se"]
        assert [[row[place] for place in same] for row in select(table, of)] == [[row[place] for place in same] for row in selected[table]], table


def test_partial_json_updates(lab):
    """The whole document after each of many random changes; the steps alone where the image has no document."""
    server = lab.server("mysql97", "--binlog-row-metadata=FULL", "--binlog-row-value-options=PARTIAL_JSON")
    session = Session(server)
    rng = random.Random("partial JSON")
    session.run("CREATE DATABASE v")
    session.run("CREATE TABLE v.j (id INT PRIMARY KEY AUTO_INCREMENT, j JSON, k JSON, t TEXT)")
    start = json.dumps({"a": "x" * 100, "b": [1, "two", {"c": [None, True]}, 4], "c": {"d": {"e": 1.5}}, "Ä \"q\"": "é", "long": "y" * 70000})
    for key in range(3):
        session.run("INSERT INTO v.j (j, k) VALUES (%s, '[1, [2, 3], {\"x\": 1}]')", (start,))
    paths = ["$.a", "$.b", "$.b[0]", "$.b[2].c[0]", "$.b[9]", "$.c.d.e", "$.c.d.new", "$.c.d", '$."Ä \\\\"q\\\\""', "$.z", "$.b[2].c", "$.c.d.list", "$.b[last]",
             "$.c.d.list[1]"]
    values = ["1", "'text \"q\"'", "NULL", "CAST('[1, 2]' AS JSON)", "CAST('{\"n\": {}}' AS JSON)", "1.5", "CAST(18446744073709551615 AS UNSIGNED)",
              "CAST('2024-02-29' AS DATE)", "'x'", "-70000", "5000000000"]
    wanted = []
    for _ in range(400):
        column = rng.choice("jjjk")
        path = lambda: rng.choice(paths) if column == "j" else rng.choice(["$[0]", "$[1][0]", "$[2].x", "$[2].y", "$[5]", "$[1]"])
        function = rng.choice(["json_set", "json_replace", "json_set", "json_remove"])
        if function == "json_remove":
            change = f"json_remove({column}, '{path()}')"
        else:
            change = f"{function}({column}, '{path()}', {rng.choice(values)}, '{path()}', {rng.choice(values)})"
        key = rng.randrange(1, 4)
        session.run(f"UPDATE v.j SET {column} = {change}, t = CONCAT(COALESCE(t, ''), 'x') WHERE id = {key}")
        wanted.append(session.run(f"SELECT j, k FROM v.j WHERE id = {key}")[0])
    lines = [line for line in decoded(server) if line["op"] == "update"]
    assert sum(line["event"].startswith("Partial") or "artial" in line["event"] for line in lines) > 100
    assert [(value_bytes(line["after"]["j"]), value_bytes(line["after"]["k"])) for line in lines] == wanted

    session.run("SET binlog_row_image = MINIMAL")
    session.run("UPDATE v.j SET k = '[1, [2, 3]]', t = ''")
    session.run("UPDATE v.j SET k = json_set(k, '$[1][0]', 'x') WHERE id = 1")
    assert decoded(server)[-1]["after"] == {"k": {"partial": '[{"op": "replace", "path": "$[1][0]", "value": "x"}]'}}
