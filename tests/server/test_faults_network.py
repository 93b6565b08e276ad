"""Connections that break, freeze and come back: towards the source, and towards replicas."""

import random
import time

import pytest

from binbus import Binbus
from compare import assert_same_bytes, assert_same_tables
from dump import split
from faults import stream_status, wait_state
from load import Load
from process import wait_until
from proxy import Proxy
from watcher import SOAK, Watcher

ROWS = 10_000 if SOAK else 30
RECOVERED_S = 30  # how long a dead connection may go unnoticed and unmended


def behind(lab, proxy, **stream):
    """A binbus that reaches its source through `proxy`, which must see the packets in the clear."""
    return lab.keep(Binbus(lab.new_folder("binbus"), proxy, tls="disabled", **stream)).start()


def make_table(source):
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, s VARCHAR(1000))")


def long_transaction(source):
    """One transaction of two events a row (soak: rows packed into events of 1 KB), and how many events it has."""
    before = source.position()
    values = [f"({number}, '{'x' * (number % 300)}')" for number in range(ROWS)]
    if SOAK:
        inserts = ["INSERT INTO d.t VALUES " + ", ".join(values)]
    else:
        inserts = [f"INSERT INTO d.t VALUES {value}" for value in values]
    source.sql("BEGIN", *inserts, "COMMIT")
    written = (source.data / before[0]).read_bytes()
    return sum(before[1] < event.log_pos for event in split(written))


def each_event(first, events):
    """The first connection is cut after one event, the next after two, and so on."""
    return lambda number: {"events": number - first + 1} if number >= first else None


def each_place(first, events):
    """40 connections are cut after a random number of bytes, within events' headers too."""
    dice = random.Random(7)
    places = [{"bytes": dice.randrange(1, 40 * events)} for _ in range(40)]
    return lambda number: places[number - first] if first <= number < first + len(places) else None


@pytest.mark.parametrize("plan", [each_event, each_place])
@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011"])
def test_stream_from_the_source_cut_everywhere(lab, name, plan):
    source = lab.server(name, *(["--binlog-row-event-max-size=1024"] if SOAK else []))
    make_table(source)
    with Proxy(source.port) as proxy:
        binbus = behind(lab, proxy)
        with Watcher(binbus, source.binlogs()[0]) as watcher:
            binbus.wait_for(source)
            first = len(proxy.connections)
            proxy.refusing = True
            proxy.drop()
            events = long_transaction(source)
            proxy.cut_plan = plan(first, events)
            proxy.refusing = False
            binbus.wait_for(source, 120 + events)  # a connection each, with a pause before it
            cuts = sum(connection.cut is not None for connection in proxy.dumps())
            assert cuts >= (events if plan is each_event else 40), f"{cuts} cuts, {events} events"
            watcher.wait_for(source)
        assert watcher.cut_short == 0, "readers of binbus felt the cuts"
    assert_same_bytes(source, binbus)
    watcher.assert_same_bytes(binbus)
    assert stream_status(binbus)["connects"] >= cuts


@pytest.mark.parametrize("plan", [each_event, each_place])
@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_stream_to_a_replica_cut_everywhere(lab, name, plan):
    options = ["--binlog-row-event-max-size=1024"] if SOAK else []
    source, replica = lab.server(name, *options), lab.server(name)
    make_table(source)
    binbus = lab.binbus(source)
    with Proxy(binbus.port) as proxy:
        proxy.replica_user = binbus.replica_user
        replica.follow(proxy, **({} if replica.is_mariadb else {"SSL": 0}))
        replica.wait_for(source)
        replica.stop_following()
        events = long_transaction(source)
        binbus.wait_for(source)
        first = len(proxy.connections)
        proxy.cut_plan = plan(first, events)
        replica.start_following()
        wait_until(lambda: replica.has_all_of(source), "the replica has the transaction", 120 + 2 * events, replica.why)
        cuts = sum(connection.cut is not None for connection in proxy.dumps())
        assert cuts >= (events if plan is each_event else 40), f"{cuts} cuts, {events} events"
        assert_same_tables(source, replica)
        assert replica.value("SELECT COUNT(*) FROM d.t") == ROWS


def xa_transaction(source, number):
    """Twenty rows events of 25 KB."""
    rows = range(500 * number, 500 * (number + 1))
    inserts = ["INSERT INTO d.t VALUES " + ", ".join(f"({row}, REPEAT('x', 1000))" for row in rows[first:first + 25])
               for first in range(0, len(rows), 25)]
    source.sql(f"XA START 'x{number}'", *inserts, f"XA END 'x{number}'", f"XA PREPARE 'x{number}'", f"XA COMMIT 'x{number}'")


@pytest.mark.parametrize("behind_binbus", [False, True])
def test_xa_cut_off_stops_mysqls_applier(lab, behind_binbus):
    """It cannot roll back the first part of an XA transaction that is then received anew, from whomever (MySQL's bug 87385)."""
    source, replica = lab.servers("mysql97", "mysql97")
    make_table(source)
    upstream = lab.binbus(source) if behind_binbus else source
    with Proxy(upstream.port) as proxy:
        proxy.replica_user = getattr(upstream, "replica_user", ("repl", "repl"))
        replica.follow(proxy, SSL=0)
        replica.wait_for(source)
        replica.stop_following()
        xa_transaction(source, 0)
        source.sql("INSERT INTO d.t VALUES (500, 'after')")
        if behind_binbus:
            upstream.wait_for(source)
        first = len(proxy.connections)
        proxy.cut_plan = lambda number: {"events": 20} if number == first else None
        replica.start_following()
        wait_until(replica.stopped_by_cut_xa, "the applier has stopped", why=replica.why)
        replica.receive_anew()
        replica.wait_for(source)
    assert_same_tables(source, replica)
    assert replica.value("SELECT COUNT(*) FROM d.t") == 501 and not replica.sql("XA RECOVER")


def test_planned_stop_cuts_off_no_transaction(lab):
    """Stopped while a replica takes a backlog of XA transactions: it gets the one that it is in whole, and goes on afterwards."""
    source, replica = lab.servers("mysql97", "mysql97")
    make_table(source)
    binbus = lab.binbus(source)
    with Proxy(binbus.port) as proxy:
        proxy.replica_user = binbus.replica_user
        proxy.receive_bytes = 1 << 16
        replica.follow(proxy, SSL=0)
        replica.wait_for(source)
        replica.stop_following()
        for number in range(30):
            xa_transaction(source, number)
        binbus.wait_for(source)
        before = len(proxy.dumps())
        proxy.stick_at = 1 << 20
        replica.start_following()
        dump = wait_until(lambda: proxy.dumps()[before:], "the replica receives")[0]
        wait_until(lambda: dump.stuck, "it is in the midst of it")
        proxy.stick_at = None
        binbus.child.terminate()
        wait_until(lambda: " stopping " in binbus.log(), "binbus stops")
        proxy.thaw()
        assert binbus.child.wait(60) == 0  # a second TERM would not wait for anybody
        wait_until(lambda: not dump.open, "the connection ends")
        assert dump.bytes < 12 << 20, "it was in the midst of the backlog"
        binbus.start()
        replica.wait_for(source)  # fails at once if the applier has stopped
    assert_same_tables(source, replica)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_connection_to_the_source_dead_without_a_word(lab, name):
    """Nothing passes any more, neither data nor an end: only silence tells. What comes after must be stored all the same."""
    source = lab.server(name)
    make_table(source)
    with Proxy(source.port) as proxy:
        binbus = behind(lab, proxy)
        binbus.wait_for(source)
        for number in (1, 2):
            proxy.freeze()
            since = time.monotonic()
            source.sql(f"INSERT INTO d.t VALUES ({number}, 'after')")
            binbus.wait_for(source, RECOVERED_S)
            print(f"{name}: dead connection replaced after {time.monotonic() - since:.1f} s")
            assert len(proxy.dumps()) == 1 + number
            assert binbus.log().count("ingest_error") == number, "each time is said"
    assert_same_bytes(source, binbus)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_frozen_source(lab, name):
    """SIGSTOP: it is recognised as lost, said so, and followed again as soon as it lives."""
    source = lab.server(name)
    make_table(source)
    binbus = lab.binbus(source)
    with Load(source, ["small"], threads=1) as load:
        load.wait_commits(20)
        source.freeze()
        since = time.monotonic()
        status = wait_state(binbus, ("waiting", "connecting"), "timeout", f"127.0.0.1:{source.port}", seconds=RECOVERED_S)
        noticed_s = time.monotonic() - since
        source.thaw()
        thawed = time.monotonic()
        load.wait_commits(20)
    binbus.wait_for(source, RECOVERED_S)
    print(f"{name}: noticed after {noticed_s:.1f} s, recovered in {time.monotonic() - thawed:.1f} s: {status['reason']}")
    assert_same_bytes(source, binbus)


def test_frozen_replica_holds_nobody_up(lab):
    """A replica that does not read costs another nothing, and binbus no more memory than its socket."""
    source, frozen, lively = lab.servers("mysql97", "mysql97", "mysql97")
    binbus = lab.binbus(source)
    for replica in (frozen, lively):
        replica.follow(binbus)
        replica.wait_for(source)
    frozen.freeze()
    Load(source, ["large_row", "small"], threads=2, large_bytes=2_000_000).run(40)
    lively.wait_for(source)
    assert_same_tables(source, lively)
    frozen.thaw()
    frozen.wait_for(source)
    assert_same_tables(source, frozen)


@pytest.mark.parametrize("tls, delay_s, chunk", [("disabled", 0.03, None), ("required", 0.001, 1000)], ids=["long ways", "small pieces of TLS"])
def test_slow_network(lab, tls, delay_s, chunk):
    """Every piece takes its time, each way, and ends anywhere within packets and TLS records: all comes, over one connection."""
    source = lab.server("mysql97")
    source.sql("DO 0")
    with Proxy(source.port) as proxy:
        proxy.delay_s, proxy.chunk = delay_s, chunk
        binbus = lab.keep(Binbus(lab.new_folder("binbus"), proxy, tls=tls)).start()
        Load(source, threads=2, large_bytes=50_000).run(10)
        assert_same_bytes(source, binbus)
        assert stream_status(binbus)["connects"] == 1


def test_damaged_tls(lab):
    """The connection ends with TLS's own word for it, and nothing of it is taken in."""
    source = lab.server("mysql97")
    make_table(source)
    with Proxy(source.port) as proxy:
        binbus = lab.keep(Binbus(lab.new_folder("binbus"), proxy, tls="required")).start()
        binbus.wait_for(source)
        proxy.damages = True
        source.sql("INSERT INTO d.t VALUES (1, 'x')")
        binbus.wait_for(source)
    assert "TLS: decryption failed or bad record mac" in binbus.log()
    assert_same_bytes(source, binbus)
