"""Reads a binary log over the wire as a replica does, event by event, and watches that transactions come whole."""

import struct
import uuid

import pymysql
from pymysql.constants import COMMAND

MAGIC = b"\xfebin"
QUERY, ROTATE, FORMAT_DESCRIPTION, XID, HEARTBEAT, GTID, ANONYMOUS_GTID = 2, 4, 15, 16, 27, 33, 34
PREVIOUS_GTIDS, XA_PREPARE, PAYLOAD, HEARTBEAT_V2, GTID_TAGGED = 35, 38, 40, 41, 42
MARIADB_CHECKPOINT, MARIADB_GTID, MARIADB_GTID_LIST = 161, 162, 163
COM_BINLOG_DUMP_GTID = 0x1e
NON_BLOCK = 1
ANNOTATE_ROWS = HEARTBEATS_V2 = 2  # MariaDB: the events with the statements' text too; MySQL: heartbeats with 64-bit places
THROUGH_GTID = 4
ARTIFICIAL = 0x20
MARIADB_STANDALONE = 1


class Event:
    """One event, as it came: with header and checksum."""

    def __init__(self, raw, checksummed=True):
        self.raw = raw
        (self.timestamp, self.type, self.server_id, self.size, self.log_pos, self.flags) = struct.unpack_from("<IBIIIH", raw)
        self.body = raw[19:-4] if checksummed else raw[19:]

    @property
    def artificial(self):
        """Made for the connection, not part of the log. (MariaDB from 11.7 on writes log_pos 0 within transactions.)"""
        made_at_heads = self.type in (ROTATE, FORMAT_DESCRIPTION, PREVIOUS_GTIDS, MARIADB_GTID_LIST) and self.log_pos == 0
        return self.type in (HEARTBEAT, HEARTBEAT_V2) or made_at_heads or bool(self.flags & ARTIFICIAL)

    def rotate_to(self):
        return struct.unpack_from("<Q", self.body)[0], self.body[8:].decode()

    def statement(self):
        database_length, _, status_length = struct.unpack_from("<BHH", self.body, 8)
        return self.body[13 + status_length + database_length + 1:]

    def gtid(self):
        """UUID:number, or MariaDB's domain-server-number; None when it has none that this reader knows."""
        if self.type == GTID:
            return f"{uuid.UUID(bytes=self.body[1:17])}:{struct.unpack_from('<q', self.body, 17)[0]}"
        if self.type == MARIADB_GTID:
            number, domain = struct.unpack_from("<QI", self.body)
            return f"{domain}-{self.server_id}-{number}"
        return None


def split(data, checksummed=True, whole=True):
    """The events of a binary log file's bytes; `whole`: it may not end within one."""
    assert data[:4] == MAGIC, f"no binary log: {data[:4]!r}"
    at, events = 4, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 9)[0] if at + 19 <= len(data) else 19
        if not whole and at + size > len(data):
            break
        assert size >= 19 and at + size <= len(data), f"cut short at {at}"
        events.append(Event(data[at:at + size], checksummed))
        at += size
    return events


class Boundaries:
    """Knows where transactions begin and end; an event that cannot stand where it stands is an AssertionError."""

    def __init__(self):
        self.state = "outside"  # after gtid, begun
        self.gtid = None
        self.standalone = False

    def on_event(self, event):
        """Returns whether a transaction ended with this event."""
        if event.type in (GTID, ANONYMOUS_GTID, GTID_TAGGED, MARIADB_GTID):
            assert self.state == "outside", f"{event.gtid()} begins while {self.gtid} has not ended"
            self.gtid = event.gtid()
            mariadb = event.type == MARIADB_GTID
            self.standalone = mariadb and bool(event.body[12] & MARIADB_STANDALONE)
            self.state = "begun" if mariadb and not self.standalone else "after gtid"
            return False
        if event.type in (FORMAT_DESCRIPTION, ROTATE, PREVIOUS_GTIDS, MARIADB_GTID_LIST, MARIADB_CHECKPOINT):
            assert self.state == "outside" or event.artificial, f"type {event.type} inside transaction {self.gtid}"
            return False
        ended = self._ends(event)
        if ended:
            self.state = "outside"
        return ended

    def _ends(self, event):
        assert self.state != "outside" or event.type == 3, f"type {event.type} outside any transaction, after {self.gtid}"
        if event.type in (XID, XA_PREPARE, PAYLOAD):
            return True
        if event.type == QUERY:
            if self.state == "begun" and not self.standalone:
                return event.statement() in (b"COMMIT", b"ROLLBACK")
            if event.statement() == b"BEGIN" or event.statement().startswith(b"XA START"):
                self.state = "begun"
                return False
            return True
        return False


class Dump:
    """A dump connection to a source or to binbus on `port`.

    gtids: dump by GTID, without what is in this set of (UUID, [(first, last), ...]); else from file:offset.
    """

    def __init__(self, port, user, password, server_id, gtids=None, file="", offset=4, blocking=True, heartbeat_s=1,
                 mariadb_position=None, timeout=30, flags=ANNOTATE_ROWS):
        self.connection = pymysql.connect(host="127.0.0.1", port=port, user=user, password=password, connect_timeout=timeout,
                                          read_timeout=timeout, ssl_disabled=True)
        self.checksummed = True
        settings = [f"@master_heartbeat_period = {int(heartbeat_s * 1e9)}", f"@source_heartbeat_period = {int(heartbeat_s * 1e9)}",
                    "@master_binlog_checksum = 'CRC32'", "@source_binlog_checksum = 'CRC32'", "@mariadb_slave_capability = 4",
                    f"@slave_uuid = '{uuid.UUID(int=server_id)}'", f"@replica_uuid = '{uuid.UUID(int=server_id)}'"]
        if mariadb_position is not None:
            settings += [f"@slave_connect_state = '{mariadb_position}'", "@slave_gtid_strict_mode = 0"]
        with self.connection.cursor() as run:
            for setting in settings:
                run.execute(f"SET {setting}")
        flags |= 0 if blocking else NON_BLOCK
        if gtids is None:
            self.connection._execute_command(COMMAND.COM_BINLOG_DUMP,
                                             struct.pack("<IHI", offset, flags, server_id) + file.encode())
        else:
            encoded = encode_gtids(gtids)
            self.connection._execute_command(
                COM_BINLOG_DUMP_GTID,
                struct.pack("<HII", flags | THROUGH_GTID, server_id, len(file)) + file.encode() + struct.pack("<QI", 4, len(encoded)) + encoded)

    def events(self):
        """Every event that comes, artificial ones too, until the log ends (when not blocking). Errors are pymysql's."""
        while True:
            packet = self.connection._read_packet()
            if packet.is_eof_packet():
                return
            yield Event(packet.get_all_data()[1:], self.checksummed)

    def close(self):
        self.connection._force_close()


def encode_gtids(gtids):
    """{uuid text: [(first, last), ...]} as COM_BINLOG_DUMP_GTID wants it."""
    encoded = struct.pack("<Q", len(gtids))
    for name, intervals in sorted(gtids.items()):
        encoded += uuid.UUID(name).bytes + struct.pack("<Q", len(intervals))
        for first, last in intervals:
            encoded += struct.pack("<QQ", first, last + 1)
    return encoded
