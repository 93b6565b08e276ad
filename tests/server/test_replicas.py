"""Real replicas behind binbus end up with the source's data, whatever happens to them on the way."""

import subprocess

import pytest

from compare import assert_same_bytes, assert_same_tables
from load import ROWS, Load, transactional_kinds
from servers import installed

PAIRS = [("mysql97", "mysql97"), ("mysql56", "mysql56"), ("mariadb1011", "mariadb1011"), ("mariadb1011", "mariadb118"),
         ("mariadb118", "mariadb118"), ("mariadb102", "mariadb102")]
KINDS = ["mysql97", "mysql56", "mariadb1011"]
SMALL_FILES = "--max-binlog-size=4M"  # so that a load goes through many


def parallel_appliers(name):
    if name == "mysql97":
        return ["--replica-parallel-workers=8"]
    return ["--slave-parallel-threads=8"] if name.startswith("mariadb") else []


def assert_followed(source, replica, load):
    replica.wait_for(source)
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


def seed(source, replica):
    gtid = ["--gtid", "--master-data"] if source.is_mariadb else ["--set-gtid-purged=ON"]
    dump = subprocess.run([installed(source.name) / "bin/mysqldump", "-uroot", f"--socket={source.socket}",
                           "--single-transaction", *gtid, "--databases", "load_"], check=True, capture_output=True).stdout
    if source.is_mariadb:  # its dump names the source's coordinates too, which is not what is wanted here
        dump = b"\n".join(line for line in dump.split(b"\n") if b"CHANGE MASTER" not in line)
    subprocess.run([installed(replica.name) / "bin/client", "-uroot", f"--socket={replica.socket}"], input=dump, check=True)


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
    assert_followed(source, replica, load)
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


@pytest.mark.parametrize("name", KINDS)
def test_stopped_replica_hurts_nobody_and_catches_up(lab, name):
    source, steady, stopped = lab.server(name, SMALL_FILES), lab.server(name), lab.server(name)
    binbus = lab.binbus(source)
    for replica in (steady, stopped):
        replica.follow(binbus)
    with Load(source, transactional_kinds(name)) as load:
        load.wait_commits(50)
        stopped.freeze()
        load.wait_commits(300)
        steady.wait_for(source_as_of_now(source))
        stopped.thaw()
        stopped.stop_following()
        load.wait_commits(300)
        stopped.start_following()
    for replica in (steady, stopped):
        assert_followed(source, replica, load)


def source_as_of_now(source):
    """Stands for the source in wait_for(), which under load would otherwise have to reach a moving end."""
    class Now:
        gtid_text, end = source.gtids(), source.position()
        def gtids(self): return self.gtid_text
        def position(self): return self.end
        def value(self, statement): return source.value(statement)
    return Now()
