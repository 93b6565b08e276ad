"""Changes, and their values as Python's."""

import datetime
import decimal
import json

INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint", "year"}
TEXTS = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext"}
WORDS = {"enum", "inet4", "inet6", "uuid"}


class Json(str):
    """A JSON document as the source prints it."""

    __slots__ = ()

    def parse(self):
        return json.loads(self)


def _date(text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:  # a zero in it
        return text


def _datetime(text):
    date, _, time = text.partition(" ")
    clock, _, fraction = time.partition(".")
    try:
        return datetime.datetime.fromisoformat(f"{date} {clock}.{fraction.ljust(6, '0')}")
    except ValueError:
        return text


def _timestamp(text):
    moment = _datetime(text)
    return moment if isinstance(moment, str) else moment.replace(tzinfo=datetime.timezone.utc)


def _time(text):
    negative = text.startswith("-")
    hours, minutes, seconds = text.lstrip("-").split(":")
    whole, _, fraction = seconds.partition(".")
    length = datetime.timedelta(hours=int(hours), minutes=int(minutes), seconds=int(whole), microseconds=int(fraction.ljust(6, "0")))
    return -length if negative else length


def _decoder(column):
    """bytes -> value"""
    kind = column.type
    if kind in INTEGERS:
        return int
    if kind in TEXTS and column.charset not in ("", "binary"):
        return (lambda value: Json(value, "utf-8")) if column.json else (lambda value: str(value, "utf-8"))
    of_text = {"float": float, "double": float, "decimal": decimal.Decimal, "date": _date, "datetime": _datetime,
               "timestamp": _timestamp, "time": _time, "json": Json,
               "set": lambda text: set(text.split(",")) if text else set(), **dict.fromkeys(WORDS, str)}.get(kind)
    if of_text:
        return lambda value: of_text(str(value, "utf-8"))
    if kind == "bit":
        return lambda value: int.from_bytes(value, "big")
    return bytes


class Table:
    """A version of a table: `database`, `name`, `columns` (name, type, type_text, charset, nullable, labels, ...), `key`: names."""

    __slots__ = ("database", "name", "columns", "key", "_decoders")

    def __init__(self, message):
        self.database, self.name, self.columns = message.database, message.table, list(message.columns)
        self.key = tuple(self.columns[i].name for i in message.key)
        self._decoders = [(column.name, _decoder(column)) for column in self.columns]

    def __repr__(self):
        return f"Table({self.database}.{self.name})"

    def row(self, message):
        """{column: value}; None for NULL, and without what the source did not log."""
        row = {}
        nulls, absent = set(message.nulls), set(message.absent)
        for i, (name, decode) in enumerate(self._decoders):
            if i not in absent:
                row[name] = None if i in nulls else decode(message.values[i])
        return row


class Change:
    """What happened to a row, a table or a transaction.

    op            "read" (a row of the snapshot), "insert", "update", "delete", "ddl", "begin", "commit"; "reset": the snapshot
                  begins anew, and what was read of it is void; "snapshot_end": all its rows came
    database, table, schema    the last one is the Table; None where it is about no single table
    before, after {column: value}, or None
    key           values of the table's key, a tuple; of `after` where that has them
    gtid, transaction (where it begins, "FILE:POS"), commit_time (datetime), thread_id
    position      all up to here; commit() keeps it
    event, row    with the GTID or the transaction an id that stays the same whenever it is read
    action, statement, default_database, table_before, table_after, truncate    of "ddl"; action: create_table, alter_table,
                  rename_table, drop_table, truncate_table, create_index, drop_index, create_database, alter_database, drop_database; other
    count         of "commit": how many changes came between "begin" and here, all that fit; None: not told, as of shared cursors
    sql           the original statement, where it is asked for and logged
    """

    __slots__ = ("op", "schema", "position", "_message", "_transaction", "_tables", "_subscription", "_before", "_after")

    def __init__(self, op, position, message=None, schema=None, transaction=None, tables=None):
        self.op, self.position, self.schema = op, position, schema
        self._message, self._transaction, self._tables = message, transaction, tables
        self._before = self._after = self._subscription = None

    def _ddl_table(self, id):
        return self._tables.get(id)

    database = property(lambda self: self.schema.database if self.schema else self.default_database or None)
    table = property(lambda self: self.schema.name if self.schema else None)
    gtid = property(lambda self: self._transaction.gtid if self._transaction and self._transaction.gtid else None)
    transaction = property(lambda self: self._transaction.position if self._transaction else None)
    thread_id = property(lambda self: self._transaction.thread_id if self._transaction else None)
    event = property(lambda self: self._message.event if self._message else 0)
    row = property(lambda self: self._message.row if self._message else 0)
    count = property(lambda self: self._message.count or None if self.op == "commit" else None)
    sql = property(lambda self: self._message.sql or None if self._message else None)
    statement = property(lambda self: self._message.ddl.statement if self.op == "ddl" else None)
    default_database = property(lambda self: self._message.ddl.database if self.op == "ddl" else None)
    action = property(lambda self: self._message.ddl.action if self.op == "ddl" else None)
    truncate = property(lambda self: self.op == "ddl" and self._message.ddl.truncate)
    table_before = property(lambda self: self._ddl_table(self._message.ddl.table_before) if self.op == "ddl" else None)
    table_after = property(lambda self: self._ddl_table(self._message.ddl.table_after) if self.op == "ddl" else None)

    @property
    def commit_time(self):
        if not self._transaction:
            return None
        return datetime.datetime.fromtimestamp(self._transaction.commit_time_us / 1e6, datetime.timezone.utc)

    @property
    def before(self):
        if self._before is None and self._message and self._message.HasField("before"):
            self._before = self.schema.row(self._message.before)
        return self._before

    @property
    def after(self):
        if self._after is None and self._message and self._message.HasField("after"):
            self._after = self.schema.row(self._message.after)
        return self._after

    @property
    def key(self):
        if not self.schema or not self.schema.key or self.op == "ddl":
            return None
        before, after = self.before or {}, self.after or {}
        return tuple(after[name] if name in after else before.get(name) for name in self.schema.key)

    def commit(self):
        """Keeps the position as the cursor's, at the server, soon; Subscription.flush() waits for it. binbus.Error without a cursor."""
        self._subscription.commit(self.position)

    def __repr__(self):
        where = f"{self.database}.{self.table} " if self.schema else ""
        return f"Change({self.op} {where}{self.key or self.statement or ''} at {self.position})"
