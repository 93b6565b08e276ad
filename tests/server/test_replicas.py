"""Real replicas behind binbus end up with the source's data, whatever happens to them on the way."""

import shutil
import time

import pytest

from certificates import Authority
from compare import assert_same_bytes, assert_same_tables
from load import ROWS, Load, transactional_kinds
from process import wait_until
from servers import seed
from watcher import SOAK

PAIRS = [("mysql97", "mysql97"), ("mysql56", "mysql56"), ("mariadb1011", "mariadb1011"), ("mariadb1011", "mariadb118"),
         ("mariadb118", "mariadb118"), ("mariadb105", "mariadb105"), ("mariadb102", "mariadb102")]
KINDS = ["mysql97", "mysql56", "mariadb1011"]
SMALL_FILES = "--max-binlog-size=4M"  # so that a load goes through many


def parallel_appliers(name):
    if name == "mysql97":
        return ["--replica-parallel-workers=8"]
    return ["--slave-parallel-threads=8"] if name.startswith("mariadb") else []


def assert_followed(source, replica, load, cut_xa=False):
    replica.wait_for(source, cut_xa=cut_xa)
    load.assert_nothing_lost(replica)
    assert assert_same_tables(source, replica) > 20


@pytest.mark.parametrize("source_name, replica_name", PAIRS)
def test_equal_after_mixed_load(lab, source_name, replica_name):
    source = lab.server(source_name, SMALL_FILES)
    replica = lab.server(replica_name, *parallel_appliers(replica_name))
    binbus = lab.binbus(source)
    replica.follow(binbus)
    load = Load(source).run(400)
    assert_followed(source, replica, load)
    assert assert_same_bytes(source, binbus) > 2


@pytest.mark.parametrize("name", KINDS)
def test_history_from_before_binbus(lab, name):
    source, replica = lab.servers(name, name)
    load = Load(source).run(200)
    binbus = lab.binbus(source)
    replica.follow(binbus)
    assert_followed(source, replica, load)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_fresh_replica_seeded_from_a_dump(lab, name):
    """gtid_purged (MariaDB: gtid_slave_pos) comes with the dump, and replication starts in the midst of the log."""
    source, replica = lab.server(name, SMALL_FILES), lab.server(name)
    binbus = lab.binbus(source)
    with Load(source, ROWS) as load:
        load.wait_commits(200)
        seed(source, replica)
        replica.follow(binbus)
        load.wait_commits(200)
    assert_followed(source, replica, load)


@pytest.mark.parametrize("name", KINDS)
def test_replica_reconnects(lab, name):
    source, replica = lab.server(name, SMALL_FILES), lab.server(name, *parallel_appliers(name))
    binbus = lab.binbus(source)
    replica.follow(binbus)
    with Load(source, transactional_kinds(name)) as load:
        for _ in range(5):
            load.wait_commits(50)
            replica.sql(f"STOP {replica.replica} IO_THREAD")
            replica.sql(f"START {replica.replica} IO_THREAD")
        load.wait_commits(50)
        replica.restart()
        load.wait_commits(50)
        assert binbus.stop() == 0
        binbus.start()
        load.wait_commits(50)
    assert_followed(source, replica, load, cut_xa=True)
    assert_same_bytes(source, binbus)


@pytest.mark.parametrize("name", KINDS)
def test_replica_moves_to_binbus_and_back(lab, name):
    source, replica = lab.server(name, SMALL_FILES), lab.server(name, *parallel_appliers(name))
    binbus = lab.binbus(source)
    with Load(source, transactional_kinds(name)) as load:
        for upstream in (source, binbus, source, binbus):
            load.wait_commits(50)
            replica.follow(upstream)
        load.wait_commits(50)
    assert_followed(source, replica, load)


def test_replica_waits_for_a_binbus_that_was_restored_from_a_copy(lab):
    source, replica = lab.servers("mysql97", "mysql97")
    binbus = lab.binbus(source)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    binbus.wait_for(source)
    binbus.stop()
    data, copy = binbus.folder / "data", binbus.folder / "copy"
    shutil.copytree(data, copy)
    binbus.start()
    replica.follow(binbus)
    source.sql("INSERT INTO d.t VALUES (1)")
    replica.wait_for(source)
    binbus.stop()
    source.stop()
    shutil.rmtree(data)
    copy.rename(data)
    binbus.start()
    wait_until(lambda: "try again" in binbus.log(), "the replica is ahead of it", 60, replica.why)
    source.start()
    source.sql("INSERT INTO d.t VALUES (2)")
    replica.wait_for(source)
    assert_same_tables(source, replica)
    # Of what even the source has not, it is told.
    replica.stop_following()
    replica.sql(f"SET GTID_NEXT = '{source.value('SELECT @@server_uuid')}:1000'", "COMMIT")
    replica.start_following()
    wait_until(lambda: "has more GTIDs" in replica.replica_status()["Last_IO_Error"], "it stops", 60, replica.why)


@pytest.mark.parametrize("name", KINDS)
def test_stopped_replica_hurts_nobody_and_catches_up(lab, name):
    source, steady, stopped = lab.server(name, SMALL_FILES), lab.server(name), lab.server(name)
    binbus = lab.binbus(source)
    for replica in (steady, stopped):
        replica.follow(binbus)
    with Load(source, transactional_kinds(name)) as load:
        load.wait_commits(50)
        stopped.freeze()
        since = time.monotonic()
        load.wait_commits(300)
        while SOAK and time.monotonic() - since < 60:
            load.wait_commits(50)
        steady.wait_for(source_as_of_now(source))
        stopped.thaw()
        stopped.stop_following()
        load.wait_commits(300)
        stopped.start_following()
    assert_followed(source, steady, load)
    assert_followed(source, stopped, load, cut_xa=True)


def source_as_of_now(source):
    """Stands for the source in wait_for(), which under load would otherwise have to reach a moving end."""
    class Now:
        gtid_text, end = source.gtids(), source.position()
        def gtids(self): return self.gtid_text
        def position(self): return self.end
        def value(self, statement): return source.value(statement)
    return Now()


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_xa_prepared_over_restarts(lab, name):
    """Prepared in one file, committed in another, after the source and binbus were gone in between."""
    source, replica = lab.servers(name, name)
    binbus = lab.binbus(source)
    replica.follow(binbus)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    for xid in ("'to commit'", "'to roll back'"):
        source.sql(f"XA START {xid}", f"INSERT INTO d.t VALUES ({len(xid)})", f"XA END {xid}", f"XA PREPARE {xid}")
    source.sql("FLUSH BINARY LOGS", "INSERT INTO d.t VALUES (1)")
    replica.wait_for(source)
    assert replica.value("SELECT COUNT(*) FROM d.t") == 1, "what is only prepared is not there"
    source.restart()
    source.sql("INSERT INTO d.t VALUES (2)")
    binbus.kill9()
    binbus.start()
    replica.restart()
    source.sql("XA COMMIT 'to commit'", "XA ROLLBACK 'to roll back'")
    replica.wait_for(source)
    assert assert_same_tables(source, replica) == 1
    assert replica.value("SELECT COUNT(*) FROM d.t") == 3
    assert assert_same_bytes(source, binbus) == 3


def test_mariadb_domains(lab):
    """Three GTID domains at once, which a parallel replica applies in an order of its own."""
    source, replica = lab.server("mariadb1011", SMALL_FILES), lab.server("mariadb1011")
    binbus = lab.binbus(source)
    replica.follow(binbus)
    load = Load(source, threads=3, on_connect=lambda number: f"SET gtid_domain_id = {number}").prepare()
    replica.wait_for(source)  # one by one, for what one domain makes is used in the others
    replica.stop_following()
    replica.sql("SET GLOBAL slave_parallel_threads = 8")
    replica.start_following()
    with load:
        load.wait_commits(100)
        binbus.kill9()
        binbus.start()
        load.wait_commits(100)
    assert [gtid.split("-")[0] for gtid in sorted(source.gtids().split(","))] == ["0", "1", "2"]
    replica.wait_for(source)
    load.assert_nothing_lost(replica)
    assert_same_tables(source, replica)
    assert_same_bytes(source, binbus)


@pytest.mark.parametrize("name", ["mysql97", "mariadb118"])
def test_over_verified_tls(lab, name):
    """A replica that verifies binbus by its authority; one that trusts another, and one without TLS, are refused and say why."""
    source, replica = lab.servers(name, name)
    trusted, other = (Authority(f"{lab.folder}/{ca}", ca) for ca in ("trusted", "other"))
    cert, key = trusted.sign("binbus")
    binbus = lab.binbus(source, listen_tls_cert=str(cert), listen_tls_key=str(key), listen_tls_required=True)

    def follow_with(authority):
        replica.follow(binbus, SSL=1, SSL_CA=str(authority.ca), SSL_VERIFY_SERVER_CERT=1)

    def refused_for(reason):
        # Until the source's first byte is there, another refusal may come before this one.
        wait_until(lambda: reason in replica.replica_status()["Last_IO_Error"], f"refused for {reason!r}", 30, replica.why)

    with Load(source, ROWS) as load:
        follow_with(other)
        refused_for("SSL connection error")
        replica.follow(binbus, SSL=0)
        refused_for("must use TLS")
        follow_with(trusted)
        load.wait_commits(100)
        replica.sql(f"STOP {replica.replica} IO_THREAD")
        replica.sql(f"START {replica.replica} IO_THREAD")
        load.wait_commits(50)
    assert_followed(source, replica, load)
