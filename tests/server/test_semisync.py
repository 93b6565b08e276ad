"""Semi-sync for real: what a client was told is committed survives the loss of the source, because binbus has it."""

import re
import shutil
import time

import pytest

from compare import assert_same_bytes, assert_same_tables
from dump import split
from faults import stream_status
from load import Load
from process import wait_until
from servers import semi_sync_replica, semi_sync_source
from watcher import SOAK

ROUNDS = 20 if SOAK else 3
FOR_EVER_MS = 3_600_000


def semi_sync_status(source):
    """{clients: 1, status: "ON", no_tx: 0, ...} of the source's side."""
    rows = source.sql("SHOW STATUS LIKE 'Rpl_semi_sync_%'")
    return {re.sub("^Rpl_semi_sync_(source|master)_", "", key): int(value) if value.isdigit() else value for key, value in rows}


def wait_acknowledging(source):
    wait_until(lambda: semi_sync_status(source)["clients"] == 1, "binbus is a semi-sync replica")


def marks(binbus):
    """The (thread, number) that transactions in binbus's segments put into the load's ledger."""
    found = set()
    for segment in sorted(binbus.segments.glob("binlog.??????")):
        ledger = None
        for event in split(segment.read_bytes()):
            if event.type == 19:  # table map: 6 bytes of table id, 2 of flags, schema, table
                if event.body[8:].startswith(b"\x05load_\x00\x06ledger\x00"):
                    ledger = event.body[:6]
            elif event.type in (23, 30) and event.body[:6] == ledger:
                rows = event.body[8 + (2 if event.type == 30 else 0):]
                assert rows[0] == 2, "two columns"
                found.add((int.from_bytes(rows[3:7], "little"), int.from_bytes(rows[7:11], "little")))
    return found


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011", "mariadb118"])
def test_acknowledged_survives_the_source(lab, name):
    """Source and binbus killed at one moment under load, the source's folder destroyed: every acknowledged commit is in binbus."""
    told = 0
    for number in range(ROUNDS):
        source = lab.server(name, *semi_sync_source(name, FOR_EVER_MS))
        binbus = lab.binbus(source)
        wait_acknowledging(source)
        load = Load(source, ["small", "transaction", "large_row"], threads=8, seed=number, large_bytes=50_000).start()
        load.wait_commits(300 + 150 * number)
        source.child.kill()
        binbus.child.kill()
        binbus.kill9()
        source.kill9()
        load.stop()
        shutil.rmtree(source.data)
        binbus.start()  # recovers what the kill left; its source is gone
        lost = load.acknowledged - marks(binbus)
        assert not lost, f"round {number}: {len(lost)} of {len(load.acknowledged)} acknowledged transactions are not in binbus"
        told += len(load.acknowledged)
        binbus.kill9()
    print(f"{name}: {told} acknowledged commits in {ROUNDS} rounds, none lost")


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_semi_sync_stays_on(lab, name):
    """The source never falls back to asynchronous, waits for no transaction in vain, and has one semi-sync client: binbus.
    When binbus is started anew, commits wait for it and go on."""
    source = lab.server(name, *semi_sync_source(name, 60_000))
    binbus = lab.binbus(source)
    wait_acknowledging(source)
    with Load(source, threads=4) as load:
        end = time.monotonic() + (600 if SOAK else 6)
        while time.monotonic() < end:
            load.wait_commits(50)
            status = semi_sync_status(source)
            assert (status["clients"], status["status"]) == (1, "ON"), status
        binbus.restart()
        load.wait_commits(50)
        binbus.kill9()
        binbus.start()
        load.wait_commits(50)
    status = semi_sync_status(source)
    assert (status["clients"], status["status"], status["no_tx"]) == (1, "ON", 0), status
    assert status["yes_tx"] >= len(load.acknowledged), status
    assert_same_bytes(source, binbus)


def test_semi_sync_switched_on_later(lab):
    """A source that turns semi-sync on (or off) while binbus follows it."""
    source = lab.server("mysql97", "--plugin-load-add=semisync_source.so")
    binbus = lab.binbus(source)
    binbus.wait_for(source)
    assert semi_sync_status(source)["clients"] in (0, 1)
    source.sql(f"SET GLOBAL rpl_semi_sync_source_timeout = {FOR_EVER_MS}", "SET GLOBAL rpl_semi_sync_source_enabled = ON")
    load = Load(source, ["small"], threads=2).run(20)  # must not hang
    binbus.restart()
    wait_acknowledging(source)
    load.run(20)
    source.sql("SET GLOBAL rpl_semi_sync_source_enabled = OFF")
    load.run(20)
    source.sql("SET GLOBAL rpl_semi_sync_source_enabled = ON")
    load.run(20)
    assert_same_bytes(source, binbus)


def test_semi_sync_off_by_configuration(lab):
    source = lab.server("mysql97", *semi_sync_source("mysql97", FOR_EVER_MS), "--rpl-semi-sync-source-wait-no-replica=OFF")
    binbus = lab.binbus(source, semi_sync="off")
    source.sql("CREATE DATABASE d")
    binbus.wait_for(source)
    assert semi_sync_status(source)["clients"] == 0


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_semi_sync_replica_behind_binbus(lab, name):
    """A replica with semi-sync on gets it from binbus, acknowledges, and goes on after its connection was made anew."""
    source, replica = lab.server(name), lab.server(name, *semi_sync_replica(name))
    binbus = lab.binbus(source)
    replica.follow(binbus)

    def is_semi_sync():
        shown = dict(replica.sql("SHOW STATUS LIKE 'Rpl_semi_sync_%'"))
        followers = [r for r in stream_status(binbus)["replicas"] if r["mode"]]
        on = shown[f"Rpl_semi_sync_{replica.replica.lower()}_status"] == "ON"
        return on and [r["semi_sync"] for r in followers] == [True]

    with Load(source) as load:
        for _ in range(3):
            wait_until(is_semi_sync, "the replica is semi-synchronous", 30, replica.why)
            load.wait_commits(100)
            replica.sql(f"STOP {replica.replica} IO_THREAD")
            replica.sql(f"START {replica.replica} IO_THREAD")
    replica.wait_for(source, cut_xa=True)
    wait_until(is_semi_sync, "the replica is semi-synchronous", 30, replica.why)
    load.assert_nothing_lost(replica)
    assert_same_tables(source, replica)
