"""A TCP proxy in front of a source or of binbus, that can do to a connection what networks do.

It understands just enough of the MySQL protocol (without TLS) to cut a replication stream right after a given event.
"""

import contextlib
import socket
import threading
import time

from process import free_port

CHUNK = 1 << 16
BINLOG_DUMPS = (0x12, 0x1e)  # COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID


class Packets:
    """Follows the packets of one direction through a stream of bytes that comes in any pieces."""

    def __init__(self, on_packet):
        self.on_packet = on_packet  # called with (offset of its end, first byte or None, whether it ends a message)
        self.offset = 0
        self.header = bytearray()
        self.left = 0
        self.first = None

    def feed(self, data):
        at = 0
        while at < len(data):
            if not self.left:
                take = data[at:at + 4 - len(self.header)]
                self.header += take
                at += len(take)
                if len(self.header) == 4:
                    self.length = self.left = int.from_bytes(self.header[:3], "little")
                    self.first = None
                    if not self.left:
                        self._ended(at)
                continue
            if self.first is None:
                self.first = data[at]
            take = min(self.left, len(data) - at)
            self.left -= take
            at += take
            if not self.left:
                self._ended(at)
        self.offset += len(data)

    def _ended(self, at):
        self.header.clear()
        self.on_packet(self.offset + at, self.first, self.length < 0xffffff)


class Connection:
    """One proxied connection: a thread for each direction."""

    def __init__(self, proxy, number, client, cut):
        self.proxy, self.number, self.client = proxy, number, client
        self.server = socket.socket()
        if proxy.receive_bytes:
            self.server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, proxy.receive_bytes)
        self.server.connect(("127.0.0.1", proxy.target))
        self.cut = cut              # {"events": n} or {"bytes": n} from the server, counted from the dump command on; or None
        self.events = 0             # forwarded whole since the dump command
        self.bytes = 0              # forwarded since the dump command
        self.stuck = False          # nothing passes any more, yet both ends believe that it lives
        self.open = True
        self.dumps_since = self.ended_at = None  # by time.monotonic()
        self.boundaries = []        # offsets of events' ends in the chunk under way
        self.upstream = Packets(self._client_packet)
        self.downstream = Packets(self._server_packet)
        self.threads = [threading.Thread(target=self._pump, args=ends, daemon=True)
                        for ends in ((client, self.server, self._from_client), (self.server, client, self._from_server))]

    def start(self):
        for thread in self.threads:
            thread.start()

    def close(self):
        self.open = False
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @property
    def dumping(self):
        return self.dumps_since is not None

    def _client_packet(self, end, first, whole):
        if first in BINLOG_DUMPS:
            self.dumps_since = time.monotonic()

    def _server_packet(self, end, first, whole):
        if self.dumping and whole:
            self.boundaries.append(end)

    def _from_client(self, data):
        self.proxy.sent_by_clients += data
        if not self.dumping:
            self.upstream.feed(data)
        return data

    def _from_server(self, data):
        """What of `data` may pass; closes the connection after it when less than all."""
        start = self.downstream.offset
        self.boundaries.clear()
        self.downstream.feed(data)
        if not self.dumping:
            return data
        allowed = len(data)
        if self.cut and "events" in self.cut and self.events + len(self.boundaries) >= self.cut["events"]:
            allowed = self.boundaries[self.cut["events"] - self.events - 1] - start
        if self.cut and "bytes" in self.cut:
            allowed = min(allowed, self.cut["bytes"] - self.bytes)
        self.events += sum(end - start <= allowed for end in self.boundaries)
        self.bytes += allowed
        if self.proxy.stick_at and self.bytes >= self.proxy.stick_at:
            self.stuck = True
        return data[:allowed]

    def _pump(self, source, sink, allow):
        try:
            while data := source.recv(self.proxy.chunk or CHUNK):
                while self.stuck and self.open:
                    time.sleep(0.02)
                if self.proxy.delay_s:
                    time.sleep(self.proxy.delay_s)
                for whole, other in self.proxy.alter.items():
                    data = data.replace(whole, other)
                if self.proxy.damages and source is self.server:
                    self.proxy.damages = False
                    data = data[:-1] + bytes([data[-1] ^ 1])
                allowed = allow(data)
                sink.sendall(allowed)
                if len(allowed) < len(data) or self._is_cut():
                    break
        except OSError:
            pass
        self.ended_at = self.ended_at or time.monotonic()
        self.close()

    def _is_cut(self):
        return self.cut and (self.events >= self.cut.get("events", 1 << 62) or self.bytes >= self.cut.get("bytes", 1 << 62))


class Proxy:
    """Listens on `port` and forwards to `target` of this machine. A context manager.

    cut_plan(n): what to do to the n-th connection (from 0): None, {"events": k} or {"bytes": k}: it ends after that much from
    the server, counted from the dump command on.
    """

    def __init__(self, target, cut_plan=lambda number: None):
        self.target = target
        self.cut_plan = cut_plan
        self.port = free_port()
        self.delay_s = 0            # of each piece, both ways
        self.chunk = None           # the most bytes that a piece may have; None: as they come
        self.stick_at = None        # bytes from the server since a dump command at which its connection freezes by itself
        self.receive_bytes = None   # that a connection's socket holds of what the target sends; None: as the system likes
        self.sent_by_clients = bytearray()  # on all connections, as it was on the wire
        self.refusing = False       # new connections are closed at once
        self.alter = {}             # bytes to replace by others of that length, as far as they come in one piece
        self.damages = False        # the next byte from the target comes as another, once
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        self.drop()

    def dumps(self):
        """The connections that asked for a binary log, oldest first."""
        return [connection for connection in self.connections if connection.dumping]

    def freeze(self):
        """Nothing passes any more on the connections that there are; new ones work."""
        for connection in self.connections:
            connection.stuck = True

    def thaw(self):
        for connection in self.connections:
            connection.stuck = False

    def drop(self):
        """Ends every connection that there is."""
        for connection in self.connections:
            connection.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.refusing:
                client.close()
                continue
            try:
                connection = Connection(self, len(self.connections), client, self.cut_plan(len(self.connections)))
            except OSError:  # nobody listens at the target
                client.close()
                continue
            self.connections.append(connection)
            connection.start()
