"""The source dies, one of its replicas takes over: binbus goes on by GTID, and who follows binbus does not notice."""

import json
import urllib.parse
import urllib.request

import pytest

from binbus import mysqlbinlog
from compare import assert_same_tables
from faults import assert_says, stream_status, wait_served, wait_streaming
from load import ROWS, Load
from process import wait_until
from watcher import Watcher

FAILOVER_S = 120  # binbus waits before it takes another server's log


def pair(lab, name, *options):
    """A source and a replica of it that could take over."""
    first, second = (lab.server(name, "--log-slave-updates", *options) if name != "mysql97" else lab.server(name, *options)
                     for _ in range(2))
    second.follow(first)
    return first, second


def locate(binbus, **query):
    address = f"http://127.0.0.1:{binbus.admin_port}/streams/shop/locate?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def promote(second):
    second.sql(f"STOP {second.replica}", f"RESET {second.replica} ALL")


def wait_gtids(binbus, source, seconds=FAILOVER_S):
    """Waits until all that `source` has executed is in binbus, whichever server it came from."""
    def there():
        executed = stream_status(binbus)["gtid_executed"].replace("\n", "")
        if source.is_mariadb:
            return set(source.gtids().split(",")) <= set(executed.split(","))
        return source.value(f"SELECT GTID_SUBSET('{source.gtids()}', '{executed}')") == 1

    wait_until(there, f"{binbus} has what {source} has", seconds,
               lambda: json.dumps(stream_status(binbus), indent=1) + binbus.log()[-3000:])


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_failover(lab, name):
    first, second = pair(lab, name)
    downstream, late = lab.servers(name, name)
    kinds = [*ROWS, "ddl"]
    binbus = lab.binbus(first, second, failover_after="5s")
    downstream.follow(binbus)
    load = Load(first, kinds, threads=3).run(40)
    second.wait_for(first)
    wait_served(binbus, first)
    before = stream_status(binbus)
    first.kill9()
    promote(second)
    load.move_to(second)
    load.run(40)
    wait_gtids(binbus, second)
    after = stream_status(binbus)
    assert after["source"]["address"] == f"127.0.0.1:{second.port}"
    assert after["source"]["server_uuid"] != before["source"]["server_uuid"] or second.is_mariadb
    assert_says(binbus.log(), f"127.0.0.1:{second.port}")

    # A replica that followed binbus all along, and one that begins only now: both get each transaction once.
    for replica in (downstream, late):
        if replica is late:
            replica.follow(binbus)
        replica.wait_for(second)
        assert_same_tables(second, replica)
    binbus.run("verify", "data")

    # Coordinates, both ways.
    ours = after["position"]
    there = locate(binbus, file=ours["file"], pos=ours["offset"])["source"]
    assert there["server_uuid"] == second.value("SELECT @@server_uuid") if name == "mysql97" else True
    assert (there["position"]["file"], there["position"]["offset"]) == second.position()
    back = locate(binbus, source_file=there["position"]["file"], source_pos=there["position"]["offset"],
                  server_uuid=there["server_uuid"])
    assert back["position"] == ours
    old = before["position"]
    same = locate(binbus, file=old["file"], pos=old["offset"])["source"]
    assert (same["position"], same["server_uuid"]) == (old, before["source"]["server_uuid"])

    # The log goes on after a restart.
    binbus.restart()
    wait_streaming(binbus)
    load.run(5)
    wait_gtids(binbus, second)
    downstream.wait_for(second)
    assert_same_tables(second, downstream)

    # Where the new source's events were given positions of ours, their checksums are right too.
    assert ours != there["position"]
    files = [path.name for path in sorted(binbus.segments.glob("binlog.??????"))]
    assert mysqlbinlog(name, binbus, "--verify-binlog-checksum", *files[files.index(old["file"]):], folder=binbus.folder)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_failover_under_load_and_reading(lab, name):
    """binbus is behind when its source dies, in the middle of a file: it gets the rest from the new source, and readers of
    binbus go on by file and position as if nothing had happened."""
    first, second = pair(lab, name)
    binbus = lab.binbus(first, second, failover_after="5s")
    with Watcher(binbus, first.binlogs()[0]) as watcher:
        with Load(first, ["small", "transaction"], threads=3) as load:
            load.wait_commits(200)
            binbus.freeze()
            load.wait_commits(50)  # which binbus can get from the second server alone
        second.wait_for(first)
        first.kill9()
        promote(second)
        binbus.thaw()
        load.move_to(second)
        load.run(30)
        wait_gtids(binbus, second)
        newest = stream_status(binbus)["position"]
        wait_until(lambda: watcher.error or (watcher.file, len(watcher.files[watcher.file])) >= (newest["file"], newest["offset"]),
                   "the watcher was served all", why=lambda: f"{watcher.file} {len(watcher.files[watcher.file])} {newest}")
    watcher.assert_same_bytes(binbus)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_failover_in_a_cluster(lab, cluster_of, name):
    """The source and the node that leads end at one moment, with all nodes behind: the next leader gets the rest from the new source."""
    first, second = pair(lab, name)
    downstream = lab.server(name)
    cluster = cluster_of(first, second, failover_after="5s")
    leader = cluster.leader()
    left = cluster.others(leader)
    downstream.follow(left[0])
    with Load(first, ["small", "transaction"], threads=3) as load:
        load.wait_commits(200)
        for node in cluster.nodes:
            node.freeze()
        load.wait_commits(50)
    second.wait_for(first)
    for lost in (first, leader):
        lost.kill9()
    promote(second)
    load.move_to(second)
    with load:
        for node in left:
            node.thaw()
        wait_until(lambda: any(node.shop["source"]["address"] == f"127.0.0.1:{second.port}" for node in left), "the second is the source",
                   FAILOVER_S, lambda: "\n".join(node.log()[-3000:] for node in left))
        leader.start()
        load.wait_commits(50)

    def segments(node):
        return {path.name: path.read_bytes() for path in node.segments.glob("binlog.??????")}

    for node in cluster.nodes:
        wait_gtids(node, second)
    wait_until(lambda: segments(leader) == segments(left[0]) == segments(left[1]), "the nodes have the same bytes", 60)
    downstream.wait_for(second)
    load.assert_nothing_lost(downstream)
    assert_same_tables(second, downstream)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_new_source_lacks_transactions(lab, name):
    """What the old source had sent and the new one never got is named; nothing is put after it, and serving goes on."""
    first, second = pair(lab, name)
    binbus = lab.binbus(first, second, failover_after="5s")
    first.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    second.wait_for(first)
    second.stop_following()
    first.sql("INSERT INTO d.t VALUES (1)", "INSERT INTO d.t VALUES (2)")
    lost = first.gtids().rsplit("-", 1)[1]
    stored = wait_served(binbus, first)
    first.kill9()
    promote(second)
    second.sql("INSERT INTO d.t VALUES (3)")
    wait_until(lambda: stream_status(binbus)["error_code"] == "diverged", "says that the new source lacks transactions", FAILOVER_S,
               lambda: json.dumps(stream_status(binbus), indent=1))
    assert_says(stream_status(binbus)["reason"], f"127.0.0.1:{second.port}", lost, "on_source_loss")
    assert stream_status(binbus)["position"] == stored
    first.start()  # the way on that loses nothing: the first is back
    first.sql("INSERT INTO d.t VALUES (4)")
    wait_gtids(binbus, first)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_errant_transactions_are_reported(lab, name):
    """Transactions that only the new source has, written there while it was a replica: taken, or passed over where the order of
    GTIDs leaves them behind, and told to the operator."""
    first, second = pair(lab, name)
    downstream = lab.server(name)
    binbus = lab.binbus(first, second, failover_after="5s")
    downstream.follow(binbus)
    first.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    second.wait_for(first)
    if second.is_mariadb:
        second.sql("SET GLOBAL gtid_strict_mode = 0")  # else it would not go on after a write of its own
    second.sql("CREATE DATABASE errant", "CREATE TABLE errant.e (id INT PRIMARY KEY)")
    first.sql(*(f"INSERT INTO d.t VALUES ({number})" for number in range(4)))
    second.wait_for(first)
    binbus.wait_for(first)
    errant = f"0-{second.value('SELECT @@server_id')}-" if second.is_mariadb else second.value("SELECT @@server_uuid") + ":1-2"
    first.kill9()
    promote(second)
    wait_until(lambda: "ingest_failover" in binbus.log(), "the second is the source", FAILOVER_S, binbus.log)
    second.sql("INSERT INTO d.t VALUES (4)")
    wait_gtids(binbus, second)
    downstream.wait_for(second)
    if second.is_mariadb:  # they stand before the last that binbus has, and are never sent
        assert_says(binbus.log(), f"passed_over={errant}")
        assert [number for number, in downstream.sql("SELECT id FROM d.t ORDER BY id")] == list(range(5))
    else:
        assert_says(binbus.log(), errant)
        assert_same_tables(second, downstream)


def test_sets_with_other_channels(lab):
    """The source is a replica of two others: their transactions, under their UUIDs, pass, and a failover keeps them."""
    left, right = lab.servers("mysql97", "mysql97")
    first, second = lab.servers("mysql97", "mysql97")
    for server, database in ((left, "l"), (right, "r")):
        server.sql(f"CREATE DATABASE {database}", f"CREATE TABLE {database}.t (id INT PRIMARY KEY)")
        for target in (first, second):
            target.sql(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {server.port}, SOURCE_USER = 'repl', "
                       "SOURCE_PASSWORD = 'repl', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, "
                       "SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 1000000 "
                       f"FOR CHANNEL '{database}'", f"START REPLICA FOR CHANNEL '{database}'")
    binbus = lab.binbus(first, second, failover_after="5s")
    downstream = lab.server("mysql97")
    downstream.follow(binbus)

    def write(number):
        for server, database in ((left, "l"), (right, "r")):
            server.sql(f"INSERT INTO {database}.t VALUES ({number})")

    def has_both(target):
        return all(target.value(f"SELECT GTID_SUBSET('{server.gtids()}', @@GLOBAL.gtid_executed)") for server in (left, right))

    for number in range(20):
        write(number)
    for target in (first, second):
        wait_until(lambda: has_both(target), f"{target} has both")
    wait_gtids(binbus, first)
    first.kill9()
    for number in range(20, 40):
        write(number)
    wait_until(lambda: has_both(second), f"{second} has both")
    wait_gtids(binbus, second)
    wait_until(lambda: has_both(downstream), "the replica of binbus has both", why=downstream.why)
    assert_same_tables(second, downstream)


def test_failover_without_gtids_is_refused(lab):
    """Another server's file and position are not this one's: without GTIDs nobody can tell where to go on."""
    options = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]
    first, second = lab.server("mysql97", *options), lab.server("mysql97", *options)
    second.follow(first, at=first.position())
    binbus = lab.binbus(first, second, failover_after="5s")
    first.sql("CREATE DATABASE d")
    second.wait_for(first)
    binbus.wait_for(first)
    first.kill9()
    wait_until(lambda: "GTID" in stream_status(binbus)["reason"], "says that it needs GTIDs", FAILOVER_S,
               lambda: json.dumps(stream_status(binbus), indent=1))
    assert_says(stream_status(binbus)["reason"], f"127.0.0.1:{second.port}")
    first.start()
    first.sql("CREATE DATABASE e")
    binbus.wait_for(first)
