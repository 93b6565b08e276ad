"""A reader that follows binbus all the time and checks that what it is served is whole, in order, once, and final."""

import os
import threading

import pymysql

from dump import HEARTBEAT, HEARTBEAT_V2, MAGIC, ROTATE, Boundaries, Dump
from process import wait_until

SOAK = bool(os.environ.get("BINBUS_SOAK"))


class Watcher(threading.Thread):
    """Reads by file and position from `server` (a Binbus, or a Proxy before one), and connects anew after every break.

    `files` is what it was served, put together from whole transactions: {name: bytes}. Use it as a context manager; the first
    thing that was wrong is raised at its end.
    """

    def __init__(self, server, first_file, user=("replica", "replica"), server_id=4_000_000_001):
        super().__init__(daemon=True)
        self.server, self.user, self.server_id = server, user, server_id
        self.file = first_file
        self.files = {first_file: bytearray(MAGIC)}
        self.connects = 0
        self.cut_short = 0          # connections that ended within a transaction
        self.promised = b""         # what was served of a transaction before its connection ended: must come again just so
        self.error = None
        self.stopping = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, failure, *_):
        self.stopping.set()
        self.join()
        if self.error and not failure:
            raise self.error

    def run(self):
        while not self.stopping.is_set() and not self.error:
            try:
                self.follow()
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError) as error:
                if error.args and error.args[0] == 1236:  # binbus refuses: no break of the connection
                    self.error = error
                self.stopping.wait(0.05)
            except Exception as error:
                self.error = error

    def follow(self):
        dump = Dump(self.server.port, *self.user, self.server_id, file=self.file, offset=len(self.files[self.file]))
        self.connects += 1
        self.boundaries, self.pending = Boundaries(), bytearray()
        try:
            for event in dump.events():
                self.on_event(event)
                if self.stopping.is_set():
                    break
        finally:
            dump.close()
            if len(self.pending) > len(self.promised):
                self.promised = bytes(self.pending)
            self.cut_short += bool(self.pending)

    def on_event(self, event):
        if event.artificial:
            if event.type in (HEARTBEAT, HEARTBEAT_V2):
                assert not self.pending, f"idle after half of {self.boundaries.gtid} was served"
            if event.type == ROTATE:
                self.turn_to(event.rotate_to()[1])
            return
        data = self.files[self.file]
        begin = len(data) + len(self.pending)
        assert event.log_pos in (begin + event.size, 0), f"an event ends at {self.file}:{event.log_pos}, but it begins at {begin}"
        self.pending += event.raw
        self.boundaries.on_event(event)
        if self.boundaries.state == "outside":
            assert self.pending.startswith(self.promised), f"not what was served before, at {self.file}:{begin}"
            self.promised = b""
            data += self.pending
            self.pending.clear()
            if event.type == ROTATE:
                self.turn_to(event.rotate_to()[1])

    def turn_to(self, name):
        assert name == self.file or not self.pending, f"turned to {name} within a transaction"
        self.file = name
        self.files.setdefault(name, bytearray(MAGIC))

    def wait_for(self, source, seconds=180):
        """Waits until it was served everything that `source` has written by now."""
        file, offset = source.position()
        wait_until(lambda: self.error or len(self.files.get(file, b"")) >= offset, f"the watcher was served {file}:{offset}",
                   seconds, lambda: f"it is at {self.file}:{len(self.files[self.file])} after {self.connects} connects")
        if self.error:
            raise self.error

    def assert_same_bytes(self, binbus):
        """What it was served are binbus's segments, byte for byte."""
        for name, data in self.files.items():
            assert bytes(data) == (binbus.segments / name).read_bytes()[:len(data)], f"{name} was served differently"
