"""Charsets: what binbus makes of text is what a real server's CONVERT(... USING utf8mb4) makes of it.

Everything that a charset can say is compared: each byte, each sequence of two, three and four bytes, each character of
Unicode; and with it the bytes that say nothing. The score is printed: `pytest -s`.
"""

import functools
import pathlib
import re
import subprocess

import pytest

from binbus import PROGRAM

CONVERTER = pathlib.Path(PROGRAM).parent / "src/schema/charset_convert"
SERVERS = ["mysql97", "mariadb1011", "mariadb118"]

UNICODE = {"utf8mb3": "utf-8", "utf8mb4": "utf-8", "ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le",
           "utf32": "utf-32-be"}
MULTI_BYTE = ["big5", "cp932", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "sjis", "ujis"]
LAST_DIGITS = "".join(f".3{digit}" for digit in range(10))  # of gb18030's four bytes; "." stands for the other three


def asked(questions):
    """What charset_convert answers, line by line."""
    ran = subprocess.run([CONVERTER], input="\n".join(questions) + "\n", text=True, capture_output=True, check=True)
    return ran.stdout.split("\n")[:-1]


def spans(charset):
    """(digits before, an SQL expression of the digits of number n, how many numbers) of all that the charset may have."""
    yield "", "LPAD(HEX(n), 2, '0')", 0x100
    if charset in MULTI_BYTE:
        yield "", "LPAD(HEX(n + 0x8000), 4, '0')", 0x8000
    if charset in ("eucjpms", "ujis"):
        yield "8F", "LPAD(HEX(n), 4, '0')", 0x10000
    if charset == "gb18030":
        first_three = "CONCAT(HEX(129 + n DIV 1260), 30 + n DIV 126 % 10, HEX(129 + n % 126))"
        yield "", f"REPLACE('{LAST_DIGITS}', '.', {first_three})", 126 * 1260


def sequences(charset):
    """The same digits, as Python makes them."""
    yield from (f"{n:02X}" for n in range(0x100))
    if charset in MULTI_BYTE:
        yield from (f"{n + 0x8000:04X}" for n in range(0x8000))
    if charset in ("eucjpms", "ujis"):
        yield from (f"8F{n:04X}" for n in range(0x10000))
    if charset == "gb18030":
        for n in range(126 * 1260):  # ten characters each
            yield LAST_DIGITS.replace(".", f"{129 + n // 1260:02X}{30 + n // 126 % 10}{129 + n % 126:02X}")


@functools.cache
def ours(charset):
    return asked([f"text {charset} {digits}" for digits in sequences(charset)])


def theirs(cursor, charset):
    """The server's answers in the same order; "-" for NULL."""
    for before, digits, count in spans(charset):
        bytes_of_n = f"UNHEX(CONCAT('{before}', {digits}))"
        for start in range(0, count, 0x10000):
            cursor.execute(f"""
                SELECT GROUP_CONCAT(IFNULL(HEX(CONVERT(CONVERT({bytes_of_n} USING {charset}) USING utf8mb4)), '-')
                                    ORDER BY n SEPARATOR ' ')
                FROM (SELECT i + {start} AS n FROM charsets.numbers) AS numbers
                WHERE n < {count} GROUP BY n DIV 1024 ORDER BY MIN(n)""")
            for row, in cursor.fetchall():
                yield from row.split(" ")


def is_same(our, their):
    """Whether the answers say the same: U+FFFD and a flag, where the server has '?', or nothing at all."""
    if not our.startswith("!"):
        return our == their
    if their in ("", "-") or not is_utf8(their):  # MariaDB's ucs2 takes surrogates
        return True
    return our.lstrip("!").replace("EFBFBD", "3F") == their.replace("EFBFBD", "3F")


def is_utf8(digits):
    try:
        bytes.fromhex(digits).decode()
    except UnicodeDecodeError:
        return False
    return True


def charset_names(server):
    return sorted(name for name, in server.sql("SELECT character_set_name FROM information_schema.character_sets"))


@pytest.fixture(params=SERVERS)
def server(request, lab):
    return lab.server(request.param)


def make_numbers(server):
    rows = [",".join(f"({n})" for n in range(start, start + 0x4000)) for start in range(0, 0x10000, 0x4000)]
    server.sql("SET sql_log_bin = 0", "CREATE DATABASE charsets", "CREATE TABLE charsets.numbers (i INT PRIMARY KEY)",
               *(f"INSERT INTO charsets.numbers VALUES {part}" for part in rows))


def test_every_sequence_as_the_server_converts_it(server):
    make_numbers(server)
    with server.connect().cursor() as cursor:
        cursor.execute("SET group_concat_max_len = 10000000")
        for charset in charset_names(server):
            if charset in UNICODE or charset == "binary":
                continue
            answers = list(zip(sequences(charset), ours(charset), theirs(cursor, charset), strict=True))
            different = [(digits, our, their) for digits, our, their in answers if not is_same(our, their)]
            print(f"{server.name} {charset}: {len(answers) - len(different)} of {len(answers)} equal")
            assert not different, (charset, len(different), different[:10])


def test_every_character_of_unicode_as_the_server_converts_it(server):
    blocks = [[chr(n) for n in range(start, start + 256) if not 0xd800 <= n < 0xe000] for start in range(0, 0x110000, 256)]
    blocks = ["".join(block) for block in blocks if block]
    with server.connect().cursor() as cursor:
        for charset, codec in UNICODE.items():
            texts = blocks[:0x100 - 8] if charset in ("utf8mb3", "ucs2") else blocks
            digits = [text.encode(codec).hex().upper() for text in texts]
            answers = asked([f"text {charset} {text}" for text in digits])
            their = []
            for start in range(0, len(digits), 64):
                columns = ", ".join(f"HEX(CONVERT(CONVERT(X'{text}' USING {charset}) USING utf8mb4))"
                                    for text in digits[start:start + 64])
                cursor.execute(f"SELECT {columns}")
                their += cursor.fetchone()
            assert answers == their == [text.encode().hex().upper() for text in texts], charset


def test_names_and_numbers_as_the_server_has_them(server):
    flavor = "mariadb" if server.is_mariadb else "mysql"
    version = "".join(f"{int(part):02}" for part in re.findall(r"\d+", server.value("SELECT VERSION()"))[:3])
    rows = server.sql("SELECT character_set_name, maxlen, default_collate_name FROM information_schema.character_sets")
    answers = asked([f"charset {flavor} {version} {name}" for name, _, _ in rows])
    assert answers == [" ".join(map(str, row)) for row in rows]

    names = "full_collation_name AS name, id, character_set_name FROM information_schema.collation_character_set_applicability"
    if not server.is_mariadb:
        names = "collation_name AS name, id, character_set_name FROM information_schema.collations"
    rows = server.sql(f"SELECT {names}")
    assert len(rows) > 280
    answers = asked([f"collation {flavor} {number}" for _, number, _ in rows])
    assert answers == [f"{name} {charset}" for name, _, charset in rows]
