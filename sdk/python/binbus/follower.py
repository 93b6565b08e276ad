"""What a subscription has taken and what it asks for: no network, no time."""

import os
import socket
import uuid

from .change import Change, Table
from .feed.v1 import feed_pb2 as pb

OPS = {pb.READ: "read", pb.INSERT: "insert", pb.UPDATE: "update", pb.DELETE: "delete", pb.DDL: "ddl", pb.BEGIN: "begin",
       pb.COMMIT: "commit"}
TABLES_KEPT = 1000  # as the protocol says


class Follower:
    def __init__(self, stream, tables=(), start="", cursor="", exclude=(), operations=(), columns=(), where="", transactions=False,
                 sql=False, full_rows=False, position="", shared=False, snapshot_end=False):
        if isinstance(tables, str):
            tables = [tables]
        self.cursor, self.shared, self.transactions = cursor, shared, transactions
        self._tells_end = snapshot_end
        self.taken = position or ""  # the last position that came
        self._begin = self.taken
        self._open_transaction = None  # whose "begin" was the last that came of it
        self._tables = {}
        self._start = pb.Start(
            stream=stream, cursor=cursor or "", transactions=transactions, sql=sql, full_rows=full_rows, shared=shared,
            client=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
            filter=pb.Filter(tables=tables, exclude=exclude, operations=operations, columns=columns, where=where or ""))
        setattr(self._start, "from", start or "")

    def start(self):
        """The first message of a call."""
        self._tables = {}
        self._start.resume = self.taken
        return pb.SubscribeRequest(start=self._start)

    def go_back(self, position, last):
        """What came behind that position, of the change `last`, was not given out, and comes again: here or to another worker."""
        self.taken = position or self._begin
        self._open_transaction = last.transaction if last and last.op != "commit" else None

    def take(self, response):
        """Changes that a response brings; None: what came before and was not given out yet is void."""
        kind = response.WhichOneof("message")
        if kind == "batch":
            return list(self._changes(response.batch))
        if kind == "subscribed":
            elsewhere = self.taken and response.subscribed.position != self.taken
            self.taken = response.subscribed.position or self.taken
            return None if elsewhere else []
        if kind == "snapshot_begin" and response.snapshot_begin.anew:
            return [Change("reset", response.snapshot_begin.position)]
        if kind == "snapshot_end":
            self.taken = response.snapshot_end.position
            return [Change("snapshot_end", self.taken)] if self._tells_end else []
        if kind == "heartbeat":
            self.taken = response.heartbeat.position
        return []

    def _changes(self, batch):
        for table in batch.tables:
            self._tables.pop(table.id, None)  # told again
            self._tables[table.id] = Table(table)
            if len(self._tables) > TABLES_KEPT:
                del self._tables[next(iter(self._tables))]
        for message in batch.changes:
            transaction = None if message.operation == pb.READ else batch.transactions[message.transaction]
            if message.operation == pb.BEGIN:
                if self._open_transaction == transaction.position:
                    continue  # it came, and then the connection broke
                self._open_transaction = transaction.position
            if message.operation == pb.COMMIT:
                self._open_transaction = None  # of keys that come from another worker, it may come again
            make = lambda position: Change(OPS[message.operation], position, message, self._tables.get(message.table),  # noqa: E731
                                           transaction, self._tables)
            for _ in range(1, message.copies):
                yield make(self.taken)
            self.taken = message.position
            yield make(message.position)
