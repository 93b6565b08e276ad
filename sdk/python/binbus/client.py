"""The way to the nodes, and what is asked of them."""

import grpc

from .errors import PASSING, Error, error_of
from .feed.v1 import feed_pb2 as pb
from .subscription import Subscription

SERVICE = "/binbus.feed.v1.Feed/"
ASK_S = 5
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.keepalive_time_ms", 3000), ("grpc.keepalive_timeout_ms", 3000),
           ("grpc.http2.max_pings_without_data", 0), ("grpc.use_local_subchannel_pool", 1)]


def connect(addresses, token=None, ca=None, cert=None, key=None):
    """A Client of the nodes at "HOST:PORT", one or several; others of their cluster are found.

    `ca`, `cert`, `key`: PEM files. With `ca` or `tls=True` the connection is TLS; a certificate is shown when there is one.
    Nothing is sent yet.
    """
    return Client([addresses] if isinstance(addresses, str) else list(addresses), token, ca, cert, key)


def read(path):
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


class Client:
    """May be used by several threads."""

    def __init__(self, addresses, token=None, ca=None, cert=None, key=None):
        if not addresses:
            raise ValueError("connect() needs an address")
        self._addresses = list(addresses)
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self._credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(cert)) if ca or cert else None

    def subscribe(self, stream, tables=(), start="", cursor=None, *, auto_commit=False, commit_interval=1.0, on_state=None, **filters):
        """An iterator of changes, also an asynchronous one; it goes on through any break.

        start       "snapshot", "now", "earliest", "gtid:SET", "time:2026-11-20T10:00:00Z", "FILE:POS"; not used where the cursor
                    has a position
        cursor      a name: positions are kept under it at the server, by commit() or, with `auto_commit`, by themselves once the
                    next change is asked for, every `commit_interval` seconds
        position    of a change: go on behind it
        tables, exclude    patterns: "shop.*", "/regular expression/"
        operations  of "insert", "update", "delete", "ddl"
        columns     only these; where: a condition, "total > 100"
        shared      the cursor is shared: other clients of its name get changes at the same time, all of a key one of them
        transactions, sql  "begin" and "commit" come too; original statements
        snapshot_end       so does "snapshot_end", when all rows came
        full_rows   rows have what the source's log leaves out of them, as far as the stream keeps it (fill_images)
        on_state    called with "connected", "waiting" or "broken" and a text
        """
        if auto_commit and not cursor:
            raise Error("INVALID_ARGUMENT", "auto_commit: name a cursor")
        if filters.get("shared") and not cursor:
            raise Error("INVALID_ARGUMENT", "shared: name the cursor that the workers share")
        from .follower import Follower
        return Subscription(self, Follower(stream, tables, start, cursor, **filters), auto_commit, commit_interval, on_state)

    def nodes(self):
        """{name: address} of those that are known now."""
        return {node.name: node.address for node in self._ask("Nodes", pb.NodesRequest(), pb.NodesResponse).nodes}

    def cursors(self, stream):
        """[(name, position, who is served with it)]; of a shared one {client: how many of the keys' 64 parts}"""
        found = self._ask("ListCursors", pb.ListCursorsRequest(stream=stream), pb.ListCursorsResponse)
        return [(cursor.name, cursor.position or None, {worker.client: worker.parts for worker in cursor.workers} if cursor.shared
                 else cursor.client or None) for cursor in found.cursors]

    def delete_cursor(self, stream, cursor):
        self._ask("DeleteCursor", pb.DeleteCursorRequest(stream=stream, cursor=cursor), pb.DeleteCursorResponse)

    # --- for subscriptions ---

    def addresses(self):
        return list(self._addresses)

    def learn(self, nodes):
        for node in nodes:
            if node.address and node.address not in self._addresses:
                self._addresses.append(node.address)

    def metadata(self):
        return self._metadata

    def channel(self, address, module=grpc):
        if self._credentials:
            return module.secure_channel(address, self._credentials, options=OPTIONS)
        return module.insecure_channel(address, options=OPTIONS)

    @staticmethod
    def method(channel, name, response):
        return channel.unary_unary(SERVICE + name, request_serializer=lambda message: message.SerializeToString(),
                                   response_deserializer=response.FromString)

    @staticmethod
    def subscribe_method(channel):
        return channel.stream_stream(SERVICE + "Subscribe", request_serializer=pb.SubscribeRequest.SerializeToString,
                                     response_deserializer=pb.SubscribeResponse.FromString)

    def _ask(self, name, request, response):
        failed = None
        for address in self.addresses():
            with self.channel(address) as channel:
                try:
                    return self.method(channel, name, response)(request, timeout=ASK_S, metadata=self._metadata)
                except grpc.RpcError as error:
                    failed = error_of(error.code(), error.details())
                    if error.code() not in PASSING:
                        break
        raise failed or Error("UNAVAILABLE", "no node answers")
