"""Every row of other people's binary log files, as MySQL's and MariaDB's own mysqlbinlog prints it."""

import base64
import datetime
import gzip
import json
import pathlib
import re
import struct
import subprocess

import pytest

from binbus import PROGRAM
from test_import import FILES, index

ROW_DUMP = pathlib.Path(PROGRAM).parent / "src/schema/row_dump"
(TINY, SHORT, LONG, FLOAT, DOUBLE, TIMESTAMP, LONGLONG, INT24, DATE, TIME, DATETIME, YEAR, BIT, TIMESTAMP2, DATETIME2, TIME2,
 VECTOR, JSON, DECIMAL, ENUM, SET) = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 242, 245, 246, 247, 248)
INTEGER_BITS = {TINY: 8, SHORT: 16, INT24: 24, LONG: 32, LONGLONG: 64}


def quoted(data, mariadb):
    """Bytes as mysqlbinlog prints a string: MariaDB's escapes what is not printable, MySQL's quotes too."""
    return "'" + "".join(escaped(byte, mariadb) for byte in data) + "'"


def escaped(byte, mariadb):
    if not mariadb and byte in b"\b\f\n\r\t'\\":
        return "\\" + {8: "b", 9: "t", 10: "n", 12: "f", 13: "r"}.get(byte, chr(byte))
    return f"\\x{byte:02x}" if byte < 0x20 else chr(byte)


def as_mysqlbinlog(value, number, mariadb):
    """A value of row_dump --wire as mysqlbinlog prints it: that knows no signs, labels or charsets."""
    if "partial" in value:
        steps = "".join(f", '{step['path']}', {json.dumps(step['value'])}" for step in json.loads(value["partial"]))
        return f"JSON_REPLACE(@{number}{steps})"
    kind, metadata, data, text = value["type"], value["metadata"], base64.b64decode(value["base64"]), value["text"]
    if value["null"]:
        return "NULL"
    if kind in INTEGER_BITS:
        bits = INTEGER_BITS[kind]
        number = value["integer"] % (1 << bits)
        return f"{number - (1 << bits)} ({number})" if number >> (bits - 1) else str(number)
    if kind in (FLOAT, DOUBLE):
        return (f"{value['real']:<20g}" if kind == FLOAT else f"{value['real']:.20g}").rstrip()
    if kind in (BIT, SET):
        bits = (metadata & 255) + 8 * (metadata >> 8) if kind == BIT else 8 * metadata
        return f"b'{value['integer']:0{bits}b}'"
    if kind == ENUM:
        return str(value["integer"])
    if kind == TIMESTAMP:
        return str(int.from_bytes(data, "little"))
    if kind == TIMESTAMP2:
        return str(int.from_bytes(data[:4], "big")) + (text[19:] if "." in text else "")
    if kind == DATE:
        return f"'{text.replace('-', ':')}'"
    if kind in (TIME, DATETIME, DATETIME2, TIME2):
        return f"'{text}'"
    if kind == JSON:
        return quoted(text.encode(), mariadb)
    if kind == VECTOR:
        return "[" + ",".join(f"{number:.5e}" for number in struct.unpack(f"<{len(data) // 4}f", data)) + "]"
    return text if kind in (DECIMAL, YEAR) else quoted(data, mariadb)


def decoded(file, mariadb):
    """((position, event), rows) of binbus; a row is [operation and table, {section: {column number: value}}]."""
    result = subprocess.run([ROW_DUMP, "--wire", file], capture_output=True, text=True, timeout=60)
    events, rows = [], []
    for line in map(json.loads, result.stdout.splitlines()):
        assert "error" not in line, line
        event = (line["position"], event_name(line["event"]))
        if not events or events[-1] != event:
            events.append(event)
        images = {"WHERE": line["before"], "SET": line["after"]}
        rows.append([line["op"], line["table"],
                     {section: {number: as_mysqlbinlog(value, number, mariadb) for number, value in numbered(image)}
                      for section, image in images.items() if image is not None}])
    return events, rows


def numbered(image):
    """A file without names has numbers for them; others have the place, as images here are whole."""
    return [(int(name[1:]) if name.startswith("@") else place, value) for place, (name, value) in enumerate(image.items(), 1)]


OPERATIONS = {"INSERT INTO": "insert", "UPDATE": "update", "DELETE FROM": "delete"}


def oracle(text):
    """The same of mysqlbinlog's text. What it prints for an event comes in order, but not always after "# at POSITION" itself."""
    positions, names, rows = [], [], []
    for line in text.split("\n"):
        if match := re.fullmatch(r"# at (\d+)", line):
            positions.append(int(match[1]))
        elif re.match(r"#\d.* end_log_pos \d", line):
            match = re.search(r"\t(\w+_rows\w*): table id", line)
            names.append(match and event_name(match[1]))
        elif match := re.fullmatch(r"### (INSERT INTO|UPDATE|DELETE FROM) `(.*)`\.`(.*?)`( VALUES \(\))?", line):
            rows.append([OPERATIONS[match[1]], f"{match[2]}.{match[3]}", {"SET": {}} if match[4] else {}])
        elif match := re.fullmatch(r"### (SET|WHERE)", line):
            section = rows[-1][2].setdefault(match[1], {})
        elif match := re.match(r"###   @(\d+)=(.*) /\* .* \*/$", line):
            section[int(match[1])] = match[2].rstrip()
    return [(position, name) for position, name in zip(positions, names) if name], rows


def event_name(name):
    """Both sides' names for the type of an event of rows."""
    words = set(name.lower().removesuffix("_v1").removesuffix("_event").split("_"))
    return " ".join(sorted(words))


def cases():
    rows = [row for row in index() if row["oracle"] != "oracle=none(negative)" and row["row_changes"] != "rows=0"]
    skip = pytest.mark.skip(reason=f"the acceptance files are not there: {FILES}")
    return [pytest.param(row, id=row["file"]) for row in rows] or [pytest.param(None, marks=skip, id="no acceptance files")]


@pytest.mark.parametrize("row", cases())
def test_rows_equal_the_oracle(row):
    tool = row["oracle"].removeprefix("oracle=")
    text = gzip.open(f"{FILES / row['file']}.{tool}.txt.gz").read().decode("latin1")
    events, rows = decoded(FILES / row["file"], tool.startswith("maria"))
    wanted_events, wanted_rows = oracle(text)
    assert rows == wanted_rows
    assert f"rows={len(rows)}" == row["row_changes"]
    assert [name for _, name in events] == [name for _, name in wanted_events]
    if "Transaction_Payload" not in text:  # events in one stand at its end there
        assert events == wanted_events


# Not committed in the file, so no changes: {file: numbers of their rows}. They end in a crash, were prepared (XA) only, or before it.
UNCOMMITTED = {"mysql-testsuite-9.7__ddl_in_transaction.000001": {0}, "mysql-testsuite-9.7__orphan_begin_start.000001": {0, 1, 2},
               "mysql-testsuite-9.7__orphan_xa_commit.000001": {1}, "mysql-testsuite-9.7__duplicate_xid_xa_prepare.000001": {0, 1}}
# No rows to decode, and said why.
REFUSED = {"mariadb-test-11.8__mdev-4645-binlog_checksum.binlog": "events have headers of 23 bytes",
           "mariadb-test-11.8__mdev-4645-binlog_group_id.binlog": "events have headers of 27 bytes",
           "mariadb-test-11.8__mdev-4645-binlog_group_id_checksum.binlog": "events have headers of 31 bytes",
           "mariadb-test-11.8__bug11747416_32228_binlog.000001": "half an event at 316",
           "mariadb-test-11.8__bug40482-bin.000001": "incident event with the unknown number",
           "mysql-testsuite-9.7__binlog_truncated_event.000001": "half an event at 4",
           "mysql-testsuite-9.7__ver_5_1-wl2325_r.001": "a development tree", "mysql-testsuite-9.7__ver_5_1-wl2325_s.001": "a development tree"}


def says(value, kind, text, mariadb):
    """Whether mysqlbinlog's text can be that of a value in the format binbus, of a column of that type."""
    if value is None or text == "NULL":
        return value is None and text == "NULL"
    kind, _, more = kind.partition("(")
    labels = re.findall(r"'((?:[^']|'')*)'", more) if kind in ("enum", "set") else []
    if kind == "set" or kind.startswith("bit"):
        bits = sum(1 << labels.index(label) for label in value) if kind == "set" else value
        return int(text[2:-1], 2) == bits
    if kind == "enum" and isinstance(value, str):
        return text == str(labels.index(value) + 1)
    if kind in ("float", "double"):
        return float(text) == value or kind == "float" and f"{value:g}" == text
    if kind.startswith("timestamp"):
        whole, _, fraction = text.partition(".")
        moment = datetime.datetime.fromtimestamp(int(whole), datetime.timezone.utc)
        return value == moment.strftime("%Y-%m-%d %H:%M:%S") + ("." + fraction if fraction else "")
    if isinstance(value, int):  # signed and not
        return str(value) in re.findall(r"-?\d+", text)
    if isinstance(value, list):
        return text == "[" + ",".join(f"{number:.5e}" for number in value) + "]"
    if isinstance(value, dict):
        return text == quoted(struct.pack("<I", value["srid"]) + base64.b64decode(value["wkb"]), mariadb)
    if kind == "date":
        return text == f"'{value.replace('-', ':')}'"
    return text in (value, f"'{value}'") or text in [quoted(data, mariadb) for data in bytes_of(value)]


def bytes_of(value):
    """What a text may have been in the log."""
    for encoding in ("utf-8", "cp1252"):
        try:
            yield value.encode(encoding)
        except UnicodeEncodeError:
            pass
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        return
    yield data
    yield data.rstrip(b"\0")


def different(message, row, mariadb):
    """What of a message is not as the oracle's row."""
    operation, table, sections = row
    if (message["op"], f"{message['database']}.{message['table']}") != (operation, table):
        return message["op"], message["table"], operation, table
    kinds = list(message["types"].items())
    for section, image in (("WHERE", message["before"]), ("SET", message["after"])):
        wanted = sections.get(section)
        if (image is None) != (wanted is None):
            return section, image, wanted
        known = {number: (name, kind) for number, (name, kind) in enumerate(kinds, 1) if name in (image or ())}
        for number, text in (wanted or {}).items():
            if "JSON_" in text:  # MySQL prints the step, we the document
                continue
            name, kind = known.pop(number)
            if not says(image[name], kind, text, mariadb):
                return section, name, kind, image[name], text
        if known:
            return section, known, "not in the oracle"
    return None


def all_files():
    skip = pytest.mark.skip(reason=f"the acceptance files are not there: {FILES}")
    return [pytest.param(row, id=row["file"]) for row in index()] or [pytest.param(None, marks=skip, id="no acceptance files")]


@pytest.mark.parametrize("row", all_files())
def test_decode_equals_the_oracle(row):
    """The user's tool, with no more than the file: columns are named where the file tells their names."""
    file = row["file"]
    ran = subprocess.run([PROGRAM, "decode", "--no-ddl", FILES / file], capture_output=True, text=True, timeout=60)
    if file in REFUSED:
        assert ran.returncode == 1 and REFUSED[file] in ran.stderr and file in ran.stderr, ran
        return
    assert ran.returncode == 0, ran
    tool = row["oracle"].removeprefix("oracle=")
    rows = oracle(gzip.open(f"{FILES / file}.{tool}.txt.gz").read().decode("latin1"))[1]
    rows = [row for number, row in enumerate(rows) if number not in UNCOMMITTED.get(file, ())]
    messages = [json.loads(line) for line in ran.stdout.split("\n")[:-1]]
    wrong = [why for message, row in zip(messages, rows) if (why := different(message, row, tool.startswith("maria")))]
    assert not wrong, f"{len(wrong)} of {len(rows)}, the first: {wrong[:5]}"
    assert len(messages) == len(rows)
