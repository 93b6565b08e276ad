"""What each format prints for a value, made of what SELECT prints for it: written after the formats' documentation, not after their code.

Each of `maxwell`, `canal`, `debezium` and `plain` takes a column, as test_values.columns() has it, and SELECT's bytes, and returns what
JSON holds. Numbers with a fraction or an exponent are Decimal, so that each digit counts: read messages with `loads`.
"""

import base64
import datetime
import functools
import json
import struct
from decimal import Decimal

loads = functools.partial(json.loads, parse_float=Decimal)

INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
BINARY = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
GEOMETRY = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection")
TEMPORAL = ("date", "time", "datetime", "timestamp")
EPOCH = datetime.datetime(1970, 1, 1)
GEOMETRY_NAMES = (None, "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION")


def base64_of(data):
    return base64.b64encode(data).decode()


def number(data):
    """As JSON reads it: an int has neither point nor exponent."""
    text = data.decode()
    return Decimal(text) if set(text) & set(".e") else int(text)


def labels(column, data):
    """SET's labels. None of the tests' has a comma."""
    return data.decode().split(",") if data else []


def set_bits(column, data):
    return sum(1 << column["labels"].index(label) for label in labels(column, data))


def vector(data):
    """Floats as the shortest text that reads back as the same."""
    return [shortest_float(value) for value in struct.unpack(f"<{len(data) // 4}f", data)]


def shortest_float(value):
    text = next(text for text in (f"{value:.{digits}g}" for digits in range(1, 10)) if struct.pack("<f", float(text)) == struct.pack("<f", value))
    return number(text.encode())


def whole_or_decimal(value):
    """A double as the shortest text that reads back as the same."""
    return number(repr(value).removesuffix(".0").encode())


def wkt(wkb):
    """Well-known text as JTS writes it, which Maxwell uses."""
    place = 0

    def take(form):
        nonlocal place
        place += struct.calcsize(form)
        return struct.unpack_from(form, wkb, place - struct.calcsize(form))

    def point():
        return " ".join(str(int(value)) if value == int(value) else repr(value) for value in take("<dd"))

    def many(part):
        return "(" + ", ".join(part() for _ in range(take("<I")[0])) + ")"

    def geometry(named=True):
        order, kind = take("<BI")
        assert order == 1
        bodies = {1: lambda: f"({point()})", 2: lambda: many(point), 3: lambda: many(lambda: many(point)), 7: lambda: many(geometry)}
        body = bodies.get(kind, lambda: many(lambda: geometry(False)))()
        return (GEOMETRY_NAMES[kind] + " " if named else "") + ("EMPTY" if body == "()" else body)

    text = geometry()
    assert place == len(wkb)
    return text


def year(data):
    """In four digits, also of YEAR(2)."""
    return int(data) if len(data) == 4 else 1970 + (int(data) + 30) % 100


def maxwell(column, data):
    kind = column["type"]
    if kind == "year":
        return year(data)
    if kind in (*INTEGERS, "float", "double", "decimal"):
        return number(data)
    if kind == "bit":
        return int.from_bytes(data, "big")
    if kind == "set":
        return labels(column, data)
    if kind == "json":
        return loads(data)
    if kind == "binary":
        return base64_of(data.rstrip(b"\0"))
    if kind in (*BINARY, "vector"):
        return base64_of(data)
    if kind in GEOMETRY:
        return wkt(data[4:])
    return data.decode()


def canal(column, data):
    kind = column["type"]
    if kind == "bit":
        return str(int.from_bytes(data, "big"))
    if kind == "enum":
        return str(column["labels"].index(data.decode()) + 1)
    if kind == "set":
        return str(set_bits(column, data))
    if kind in (*BINARY, *GEOMETRY, "vector"):
        return data.decode("latin1")
    if kind == "year":
        return f"{year(data):04}"
    if column["zerofill"]:
        text = data.decode().lstrip("0")
        return text if text[:1].isdigit() else "0" + text
    return data.decode()


def canal_sql_type(column):
    """java.sql.Types, as Canal's RowsLogBuffer and LogEventConvert choose them."""
    kind, unsigned = column["type"], column["unsigned"]
    integers = {"tinyint": (-6, 5), "smallint": (5, 4), "mediumint": (4, 4), "int": (4, -5), "bigint": (-5, 3)}
    if kind in integers:
        return integers[kind][unsigned]
    others = {"float": 7, "double": 8, "decimal": 3, "bit": -7, "set": -7, "enum": 4, "char": 1, "varchar": 12, "year": 12, "date": 91, "time": 92,
              "datetime": 93, "timestamp": 93, "inet4": 1, "inet6": 1, "uuid": 1}
    if kind == "json":
        return 2005 if column["text_in_log"] else 12
    return others.get(kind) or (2005 if kind.endswith("text") else 2004)


def debezium(column, data):
    kind = column["type"]
    if kind == "year":
        return year(data)
    if kind in (*INTEGERS, "float", "double"):
        return number(data)
    if kind == "decimal":
        unscaled = int(data.decode().replace(".", ""))
        return base64_of(unscaled.to_bytes((unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8 + 1, "big", signed=True))
    if kind == "bit":
        value = int.from_bytes(data, "big")
        return bool(value) if column["length"] == 1 else base64_of(value.to_bytes((column["length"] + 7) // 8, "little"))
    if kind in BINARY:
        return base64_of(data)
    if kind == "vector":
        return vector(data)
    if kind in GEOMETRY:
        srid, = struct.unpack_from("<I", data)
        place = zip("xy", map(whole_or_decimal, struct.unpack_from("<dd", data, 9))) if kind == "point" else ()
        return {**dict(place), "wkb": base64_of(data[4:]), "srid": srid or None}
    if kind in TEMPORAL:
        return debezium_time(column, data.decode())
    return data.decode()


def debezium_time(column, text):
    kind = column["type"]
    if kind == "time":
        hours, minutes, seconds = text.lstrip("-").split(":")
        micros = (int(hours) * 60 + int(minutes)) * 60_000_000 + int(Decimal(seconds) * 1_000_000)
        return -micros if text[0] == "-" else micros
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:  # zeros in it: the schemas know nothing better
        return None if column["nullable"] else "1970-01-01T00:00:00Z" if kind == "timestamp" else 0
    micros = (moment - EPOCH) // datetime.timedelta(microseconds=1)
    if kind == "date":
        return micros // 86_400_000_000
    if kind == "timestamp":
        return text.replace(" ", "T") + "Z"
    return micros // 1000 if column["decimals"] <= 3 else micros


def debezium_type(column):
    """(Connect's type, the name of its meaning) as the documentation of Debezium's MySQL connector has them."""
    kind, unsigned = column["type"], column["unsigned"]
    if kind in INTEGERS:
        return {"tinyint": "int16", "smallint": "int32" if unsigned else "int16", "mediumint": "int32", "int": "int64" if unsigned else "int32",
                "bigint": "int64"}[kind], None
    if kind == "bit":
        return ("boolean", None) if column["length"] == 1 else ("bytes", "io.debezium.data.Bits")
    if kind == "float":
        return ("double" if "," in column["type_text"] else "float"), None
    if kind in BINARY:
        return "bytes", None
    if kind == "datetime":
        return "int64", "io.debezium.time." + ("Timestamp" if column["decimals"] <= 3 else "MicroTimestamp")
    if kind in GEOMETRY:
        return "struct", "io.debezium.data.geometry." + ("Point" if kind == "point" else "Geometry")
    return {"double": ("double", None), "decimal": ("bytes", "org.apache.kafka.connect.data.Decimal"), "year": ("int32", "io.debezium.time.Year"),
            "date": ("int32", "io.debezium.time.Date"), "time": ("int64", "io.debezium.time.MicroTime"),
            "timestamp": ("string", "io.debezium.time.ZonedTimestamp"), "enum": ("string", "io.debezium.data.Enum"),
            "set": ("string", "io.debezium.data.EnumSet"), "json": ("string", "io.debezium.data.Json"), "uuid": ("string", "io.debezium.data.Uuid"),
            "vector": ("array", "io.debezium.data.FloatVector")}.get(kind, ("string", None))


def plain(column, data):
    """binbus's own."""
    kind = column["type"]
    if kind == "year":
        return year(data)
    if kind in (*INTEGERS, "float", "double"):
        return number(data)
    if kind == "decimal":
        return canal(column, data)
    if kind == "bit":
        return int.from_bytes(data, "big")
    if kind == "set":
        return labels(column, data)
    if kind in BINARY:
        return base64_of(data)
    if kind == "vector":
        return vector(data)
    if kind in GEOMETRY:
        return {"srid": struct.unpack_from("<I", data)[0], "wkb": base64_of(data[4:])}
    return data.decode()


FORMATS = {"maxwell": maxwell, "canal": canal, "debezium": debezium, "binbus": plain}


def images(name, message):
    """(operation, database, table, row before, row after) of a message of a row, None for others; a row that is not there is None."""
    if name == "maxwell":
        if message["type"] not in ("insert", "update", "delete"):
            return None
        data, operation = message["data"], message["type"]
        before = {"insert": None, "delete": data, "update": data | message.get("old", {})}[operation]
        return operation, message["database"], message["table"], before, None if operation == "delete" else data
    if name == "canal":
        if message["isDdl"]:
            return None
        (data,), operation = message["data"], message["type"].lower()
        before = {"insert": None, "delete": data, "update": data | (message["old"] or [{}])[0]}[operation]
        return operation, message["database"], message["table"], before, None if operation == "delete" else data
    if name == "debezium":
        if "op" not in message:
            return None
        operation = {"c": "insert", "u": "update", "d": "delete"}[message["op"]]
        return operation, message["source"]["db"], message["source"]["table"], message["before"], message["after"]
    if message["op"] not in ("insert", "update", "delete"):
        return None
    return message["op"], message["database"], message["table"], message["before"], message["after"]
