"""Nodes whose log cannot just go on: the others' begins behind its end by now, or it has what a dead leader left in half."""

import contextlib

import pytest

from binbus import Binbus
from compare import assert_same_bytes, assert_same_tables
from feed import feed
from ledger import wait_sink
from process import wait_until
from proxy import Proxy
from servers import FAST
from test_cluster import file_of_all, transfer
from test_cluster_members import join_anew, wait_known, wait_missed
from test_feed import Bank, assert_all_there, client_of, mark, wait_mark
from test_state import assert_kept, wait_ready
from watcher import Watcher

MIB = 1 << 20


def wipe_and_join(node):
    join_anew([node])


# How a node goes, and how it comes back.
AWAY = {"frozen": (Binbus.freeze, Binbus.thaw), "stopped": (Binbus.stop, Binbus.start), "wiped": (Binbus.kill9, wipe_and_join)}


def has_any(node, files):
    return any((node.segments / file).exists() for file in files)


@pytest.mark.parametrize("kind, away", [("mysql97", "frozen"), ("mysql97", "wiped"), ("mariadb1011", "stopped"), ("mariadb1011", "wiped")])
def test_a_node_was_away_for_longer_than_the_log_reaches(lab, cluster_of, kind, away):
    """It begins anew with the oldest segment that the others have, and is as good as they are. Who read there is told what is missing."""
    go, come_back = AWAY[away]
    source, replica = (lab.server(kind, *FAST) for _ in range(2))
    source.sql("GRANT SELECT ON *.* TO repl@'%'")
    _, section = file_of_all(lab, start="latest")

    def prepare(node):
        feed(node).config["node"]["lead_priority"] = int(node.name == "n1")  # so that the lead does not move meanwhile

    with Bank(source, threads=1, pause_s=0.02) as bank:
        cluster = cluster_of(source, state=["shop.*"], prepare=prepare, retain_bytes=1, sinks=[section])
        leader, other, node = cluster.nodes
        wait_until(leader.leads, f"{leader} leads", 60, leader.log)
        wait_known(cluster)
        replica.follow(leader)
        late = client_of(lab, node, tables=["shop.*"], start="snapshot", transactions=True, cursor="late", commit=True).start()
        late.wait_change(lambda change: change["op"] == "commit", "it follows")
        wait_ready(node, source)
        stands_in = source.binlogs()[-1]
        late.freeze()  # it would go on elsewhere
        go(node)
        wait_missed(node, leader, other)

        # All before the segment that the sink stands in is removed, and what follows is not.
        for _ in range(3):
            bank.wait(20)
            source.sql("FLUSH BINARY LOGS")
        bank.wait(20)
        wait_sink(leader, source)
        leader.run("sink", "pause", "out")
        wait_until(lambda: leader.shop["sinks"][0]["state"] == "paused", "it is paused", 30, leader.log)
        first = leader.shop["sinks"][0]["position"].split(":")[0]
        gone = [file for file in source.binlogs() if file < first]
        assert stands_in in gone
        for _ in range(2):
            bank.wait(20)
            source.sql("FLUSH BINARY LOGS")
        for each in leader, other:
            wait_until(lambda each=each: not has_any(each, gone), f"{gone} are removed at {each}", 60, each.log)

        come_back(node)
        node.wait_for(source)
        replica.follow(node)
        transfer(cluster, leader, node)
        bank.wait(50)
    mark(source, 7)
    fresh = client_of(lab, node, tables=["shop.*"], start="snapshot", transactions=True).start()
    late.thaw()
    for each in cluster.nodes:
        assert_same_bytes(source, each, first)
        assert not has_any(each, gone)
    # By the others' snapshot: retention has removed nothing there, and its rows lacked what is gone.
    assert "segment_removed" not in node.log()
    assert ("state_behind_log" in node.log()) == (away != "wiped")
    wait_ready(node, source)
    assert_kept(node, source, "shop")
    replica.wait_for(source)
    assert_same_tables(source, replica)
    wait_mark(fresh, 7)
    assert_all_there(source, fresh.changes())
    code, message = late.error()
    assert code == "OUT_OF_RANGE" and stands_in in message
    assert {change["position"].split(":")[0] for change in late.changes()} == {stands_in}
    node.run("sink", "resume", "out")
    wait_sink(cluster.leader(), source)


def beyond(node):
    """How many bytes of the newest segment nobody is served: those of a transaction that has not ended."""
    place = node.shop["position"]
    return (node.segments / place["file"]).stat().st_size - place["offset"]


@pytest.mark.parametrize("come_back", [Binbus.start, wipe_and_join], ids=["with its half", "wiped"])
@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"])
def test_a_leader_dies_within_a_transaction(lab, cluster_of, kind, come_back):
    """The next one cuts off its half, and takes all of it from the source: who reads, at any node, is served it once and whole."""
    source = lab.server(kind, *FAST)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, b LONGBLOB)")
    with Proxy(source.port) as proxy, contextlib.ExitStack() as readers:
        # So that a source which is silent in the midst of it is not taken for lost.
        cluster = cluster_of(source, prepare=lambda node: node.stream.update(source=[f"127.0.0.1:{proxy.port}"], tls="disabled",
                                                                             heartbeat="10min"))
        leader = cluster.leader()
        wait_known(cluster)
        has_half, has_nothing = cluster.others(leader)
        for node in cluster.nodes:
            node.wait_for(source)  # before that it may still refuse readers
        watchers = {node: readers.enter_context(Watcher(node, source.binlogs()[0])) for node in (has_half, has_nothing)}
        for watcher in watchers.values():
            watcher.wait_for(source)
        has_nothing.freeze()
        wait_missed(has_nothing, leader, has_half)
        proxy.stick_at = proxy.dumps()[-1].bytes + 50 * MIB
        before = source.position()
        source.sql("BEGIN", *(f"INSERT INTO d.t VALUES ({id}, REPEAT('x', {MIB}))" for id in range(100)), "COMMIT")
        for node in leader, has_half:
            wait_until(lambda node=node: beyond(node) > 40 * MIB, f"{node} has half of it", 60, node.log)
            assert tuple(node.shop["position"].values()) == before
        proxy.stick_at = None
        leader.kill9()
        has_nothing.thaw()
        for node in has_half, has_nothing:
            node.wait_for(source)
        wait_missed(leader, has_half, has_nothing)
        come_back(leader)
        assert_same_bytes(source, leader)
        watchers[leader] = readers.enter_context(Watcher(leader, source.binlogs()[0]))
        for node, watcher in watchers.items():
            assert_same_bytes(source, node)
            watcher.wait_for(source)
            watcher.assert_same_bytes(node)
    assert not any(watcher.cut_short for watcher in watchers.values())
