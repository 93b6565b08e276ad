"""Old segments go once there are too many bytes, but never from under a reader; who comes too late is told what is missing."""

import time

import pytest

from compare import assert_same_tables
from faults import stream_status
from load import Load
from process import wait_until
from proxy import Proxy
from servers import seed

SMALL_FILES = "--max-binlog-size=1M"
RETAIN_MIB = 4
PASS_S = 5  # how often retention looks


def stored_mib(binbus):
    return sum(size(path) for path in binbus.segments.glob("binlog.??????")) / (1 << 20)


def size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:  # removed since it was listed
        return 0


def has_too_much_removed(binbus):
    return stored_mib(binbus) <= RETAIN_MIB + 1  # the newest may have come since


def first_kept(source, binbus):
    return next(name for name in source.binlogs() if (binbus.segments / name).exists())


def executed_before(source, file):
    """The GTIDs of all that the source had executed when it began this file."""
    events = source.sql(f"SHOW BINLOG EVENTS IN '{file}' LIMIT 3")
    return next(row[5] for row in events if row[2] == "Previous_gtids").replace("\n", "")


def wait_refused(replica):
    def refused():
        status = replica.replica_status()
        return status["Replica_IO_Running"] == "No" and status["Last_IO_Error"]

    return wait_until(refused, f"{replica} is refused", why=replica.why)


@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011"])
def test_segments_that_are_read_stay(lab, name):
    """A replica that stands still keeps what it has not read, and no longer than that."""
    source, slow = lab.server(name, SMALL_FILES), lab.server(name)
    source.sql("CREATE DATABASE there")  # so that wait_for() waits for a replica that is connected
    binbus = lab.binbus(source, retain_bytes=f"{RETAIN_MIB} MiB", replica_timeout="10min")
    with Proxy(binbus.port) as proxy:
        proxy.replica_user, proxy.receive_bytes = binbus.replica_user, 1 << 16  # a socket may else hold all of it
        slow.follow(proxy, **({} if slow.is_mariadb else {"SSL": 0}))
        slow.wait_for(source)
        proxy.freeze()
        load = Load(source, ["large_row"], threads=2, large_bytes=1_000_000).run(30)
        binbus.wait_for(source)
        wait_until(lambda: not (binbus.segments / source.binlogs()[0]).exists(), "what it has read is removed", why=binbus.log)
        time.sleep(PASS_S + 1)  # a pass after the last write
        assert stored_mib(binbus) > 2 * RETAIN_MIB, "nothing is kept for the replica that stands still"
        proxy.thaw()
        slow.wait_for(source)
        load.assert_nothing_lost(slow)
        assert_same_tables(source, slow)
    wait_until(lambda: has_too_much_removed(binbus), "what was kept for it is removed", why=binbus.log)


def test_replica_that_takes_nothing_is_dropped(lab):
    """After replica_timeout. Back again, it goes on if all is still there; its segments are not kept for it."""
    source, frozen = lab.server("mysql97", SMALL_FILES), lab.server("mysql97")
    source.sql("CREATE DATABASE there")
    binbus = lab.binbus(source, replica_timeout="2s")
    frozen.follow(binbus)
    frozen.wait_for(source)
    load = Load(source, ["large_row"], threads=2, large_bytes=1_000_000)

    def freeze_until_dropped(what):
        dropped = binbus.log().count("timed out")
        assert len(stream_status(binbus)["replicas"]) == 1
        frozen.freeze()
        load.run(25)  # more than the sockets hold
        wait_until(lambda: binbus.log().count("timed out") > dropped, f"the frozen replica is dropped {what}", why=binbus.log)
        wait_until(lambda: stream_status(binbus)["replicas"] == [], "it is not listed", why=binbus.log)

    freeze_until_dropped("while all is kept")
    frozen.thaw()
    frozen.wait_for(source)
    load.assert_nothing_lost(frozen)
    assert_same_tables(source, frozen)

    binbus.stop()
    binbus.stream["retain_bytes"] = f"{RETAIN_MIB} MiB"
    binbus.start()
    source.sql("CREATE DATABASE there_again")
    frozen.wait_for(source)
    freeze_until_dropped("while the oldest are to go")
    binbus.wait_for(source)
    wait_until(lambda: has_too_much_removed(binbus), "what it has not read is removed", why=binbus.log)


def test_segments_whose_transactions_are_old_go(lab):
    """By retain_hours. Their age is that of their newest transaction: here the session's clock, as MariaDB writes it."""
    source = lab.server("mariadb1011")
    binbus = lab.binbus(source, retain_hours=2)
    source.sql("SET timestamp = UNIX_TIMESTAMP() - 3 * 3600", "CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)",
               "FLUSH BINARY LOGS", "INSERT INTO d.t VALUES (1)", "FLUSH BINARY LOGS")
    old = source.binlogs()[:-1]
    source.sql("SET timestamp = UNIX_TIMESTAMP() - 1 * 3600", "INSERT INTO d.t VALUES (2)", "FLUSH BINARY LOGS",
               "INSERT INTO d.t VALUES (3)")
    kept = source.binlogs()[len(old):]
    assert (len(old), len(kept)) == (2, 2)
    binbus.wait_for(source)
    wait_until(lambda: not any((binbus.segments / name).exists() for name in old), "the old are removed", why=binbus.log)
    time.sleep(PASS_S + 1)  # another pass
    assert all((binbus.segments / name).exists() for name in kept)
    fresh = lab.server("mariadb1011")
    fresh.follow(binbus)
    assert "purged" in wait_refused(fresh)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_what_was_removed_is_named(lab, name):
    """A replica that needs it is refused with the server's own error; one that was seeded with it goes on."""
    source, fresh, seeded = lab.server(name, SMALL_FILES), lab.server(name), lab.server(name)
    binbus = lab.binbus(source, retain_bytes=f"{RETAIN_MIB} MiB")
    load = Load(source, ["large_row", "small"], threads=2, large_bytes=1_000_000).run(30)
    binbus.wait_for(source)
    wait_until(lambda: has_too_much_removed(binbus), "the oldest are removed", why=binbus.log)
    time.sleep(PASS_S + 1)  # a pass after the last write: no more goes
    fresh.follow(binbus)
    error = wait_refused(fresh)
    assert "1236" in error or fresh.replica_status()["Last_IO_Errno"] == 1236, error
    if name == "mysql97":
        assert executed_before(source, first_kept(source, binbus)) in error
    else:
        assert ("GTID state requested by slave" if source.is_mariadb else "purged") in error, error
    seed(source, seeded)
    seeded.follow(binbus)
    load.run(10)
    seeded.wait_for(source)
    load.assert_nothing_lost(seeded)
    assert_same_tables(source, seeded)
    # The place of a removed file is refused too.
    fresh.follow(binbus, at=(source.binlogs()[0], 4))
    assert "Could not find first log file name" in wait_refused(fresh)
