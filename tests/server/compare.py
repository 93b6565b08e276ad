"""What must be the same on both sides: the tables of a replica, the bytes of the log."""

import itertools
import time

from dump import MAGIC, Boundaries, split

SYSTEM_SCHEMAS = "'mysql', 'sys', 'information_schema', 'performance_schema'"
IN_USE_FLAG_AT = 21  # the flags of the format description: 4 bytes of magic, 17 into the header
SETTLED_S = 30


def checksum_tables(server):
    """{(schema, table): checksum} of every table that is not the server's own."""
    tables = server.sql("SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
                        f"AND table_schema NOT IN ({SYSTEM_SCHEMAS}) ORDER BY 1, 2")
    return {table: server.sql("CHECKSUM TABLE `%s`.`%s`" % table)[0][1] for table in tables}


def assert_same_tables(source, replica):
    """Every table exists on both with the same checksum. Returns how many there are."""
    there, here = checksum_tables(source), checksum_tables(replica)
    differ = {table: (there.get(table), here.get(table)) for table in there | here if there.get(table) != here.get(table)}
    assert not differ, f"(source, replica) differ: {differ}\n{source}\n{replica}"
    return len(there)


def assert_same_bytes(source, binbus, first=None):
    """Each of the source's binary log files, from `first` on, is in binbus byte for byte. Nothing may be written meanwhile.

    The differences: where the source's file is marked as in use (the newest, and MariaDB's after a crash), ours is not; and what
    a killed MariaDB leaves at its file's end of a transaction that it was writing is nowhere else.
    """
    binbus.wait_for(source)
    kept = list(itertools.dropwhile(lambda name: first and name != first, source.binlogs()))
    missing = [name for name in kept if not (binbus.segments / name).exists()]
    assert not missing, f"not in {binbus.segments}: {missing}"
    for name in kept:
        wanted, got = both(source.data / name, binbus.segments / name)
        if wanted != got:
            at = next((i for i, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))
            raise AssertionError(f"{name} differs at {at}: {len(wanted)} bytes at the source, {len(got)} in {binbus.segments}")
    return len(kept)


def whole_end(data):
    """Where the last whole transaction of a binary log file's bytes ends."""
    at = end = len(MAGIC)
    boundaries = Boundaries()
    for event in split(data, whole=False):
        at += event.size
        boundaries.on_event(event)
        if boundaries.state == "outside":
            end = at
    return end


def both(source_file, copy):
    """The bytes of a source's binary log file, not marked as in use, and of a copy that follows it.

    Reads again while the lengths differ: MariaDB adds a Binlog_checkpoint some time after a rotation, by itself.
    """
    deadline = time.monotonic() + SETTLED_S
    while True:
        wanted, got = bytearray(source_file.read_bytes()), copy.read_bytes()
        if wanted[IN_USE_FLAG_AT] & 1 and len(wanted) > len(got):
            del wanted[whole_end(wanted):]
        if len(wanted) == len(got) or time.monotonic() > deadline:
            wanted[IN_USE_FLAG_AT] &= ~1
            return wanted, got
        time.sleep(0.2)
