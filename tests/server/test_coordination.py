"""Nodes that share streams beside an etcd or a ZooKeeper: one works, the others stand by, and nothing is lost or out of order."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import threading

import pytest

from certificates import Authority
from coordinators import Etcd
from faults import stream_status, wait_served
from ledger import TABLES, Ledger, from_kafka, kafka_sink, sink_at, wait_sink
from process import wait_until, whole_lines
from proxy import Proxy
from test_admin import metrics
from test_cluster_places import refusal
from test_faults_disk import with_failing_disk
from test_faults_source import assert_no_storm
from test_sinks import FILTER_TABLE
from watcher import SOAK

COORDINATORS = ["etcd", "zookeeper"]
SOURCE = "mysql97"
SOON_S = 20  # a second or two, on a busy machine
SINK = {"name": "out", "stream": "shop", "type": "file", "format": "maxwell", "path": "out.jsonl", "start": "earliest"}


@pytest.fixture(params=COORDINATORS)
def coordinator(request, lab):
    return lab.coordinator(request.param)


@pytest.fixture(params=COORDINATORS if SOAK else ["etcd"])
def either(request, lab):
    """For what is the same whichever it is."""
    return lab.coordinator(request.param)


def lease(node, stream=0):
    return node.status()["streams"][stream]["lease"]


def holds(node, stream=0):
    return lease(node, stream)["held"]


def lease_metrics(node):
    """Whether the coordinator answers, whether the node has the stream, its epoch, and the seconds that its lease still has."""
    told = metrics(node)
    return [told[f'binbus_{name}{{stream="shop"}}']
            for name in ("coordinator_connected", "lease_held", "lease_epoch", "lease_remaining_seconds")]


@contextlib.contextmanager
def never_both(first, second):
    """Looks until the end of the block whether both nodes have the stream at once: the second within a tenure of the first."""
    ending = threading.Event()

    def look():
        while not ending.wait(0.02):
            before, between, after = lease(first), lease(second), lease(first)
            without_break = before["held"] and after["held"] and before["epoch"] == after["epoch"]
            assert not (without_break and between["held"]), (before, between)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        looked = pool.submit(look)
        try:
            yield
        finally:
            ending.set()
    looked.result()


def wait_owner(*nodes, seconds=60):
    """Waits until one of the nodes has the stream and receives: that node."""
    def owner():
        return next((node for node in nodes if holds(node) and node.status()["streams"][0]["state"] == "streaming"), None)

    return wait_until(owner, f"one of {[str(node) for node in nodes]} has the stream", seconds,
                      lambda: "\n".join(node.log()[-2000:] for node in nodes))


def wait_connected(*nodes):
    names = len(nodes)
    for node in nodes:
        wait_until(lambda: len(lease(node)["nodes"]) >= names, f"{node} knows of {names} nodes", 60, lambda: node.log()[-2000:])


def other(node, nodes):
    return next(each for each in nodes if each is not node)


def dumps_at(source):
    """How many replicas the source has."""
    return source.value("SELECT COUNT(*) FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%%'")


def delivered(*nodes, path="out.jsonl"):
    """The changes that the nodes' file sinks have written, of each its Maxwell message."""
    messages = []
    for node in nodes:
        messages += [json.loads(line) for line in whole_lines(node.folder / path)]
    return messages


def wait_delivered(source, *nodes, table="d.t", count, path="out.jsonl"):
    def ids():
        return {message["data"]["id"] for message in delivered(*nodes, path=path)
                if f"{message['database']}.{message['table']}" == table}

    wait_until(lambda: ids() >= set(range(count)), f"{count} rows of {table} are delivered", 60,
               lambda: f"{sorted(set(range(count)) - ids())[:10]} are missing\n" + "\n".join(node.log()[-3000:] for node in nodes))


def insert(source, *ids, table="d.t"):
    source.sql(*(f"INSERT INTO {table} VALUES ({id})" for id in ids))


def make_table(source, name="t"):
    source.sql("CREATE DATABASE IF NOT EXISTS d", f"CREATE TABLE d.{name} (id INT PRIMARY KEY)")


def connections_of(source, node):
    """How many connections the node has ever made to the source, where it has a user of its own."""
    return source.value("SELECT COALESCE(SUM(TOTAL_CONNECTIONS), 0) FROM performance_schema.users "
                        f"WHERE USER = '{node.stream['user']}'")


def oldest_file(node):
    """Of the log of a node that receives."""
    oldest = wait_until(lambda: node.status()["streams"][0]["oldest"], f"{node} has begun", 60, lambda: node.log()[-2000:])
    return oldest["file"]


def test_a_standby_has_no_connection_to_the_source_and_takes_over(lab, coordinator):
    source = lab.server(SOURCE)
    make_table(source)
    before = [100, 101]  # written before there was a group: nothing says that somebody wants it
    insert(source, *before)
    source.sql("FLUSH BINARY LOGS")
    nodes = []
    for name in ("a", "b"):
        source.make_user(name, name, "REPLICATION SLAVE, REPLICATION CLIENT, SELECT")
        nodes.append(lab.node(name, source, coordinator, sinks=[{**SINK, "start": None}], start=None, user=name, password=name))
    owner = wait_owner(*nodes)
    standby = other(owner, nodes)
    name_of = lambda node: node.config["node"]["name"]  # noqa: E731
    wait_connected(*nodes)
    wait_until(lambda: lease(standby)["owner"] == name_of(owner), "the standby knows the owner", 60)
    assert standby.status()["streams"][0]["state"] == "standby"
    assert "lease" in standby.run("status", "-c", "binbus.toml").stdout
    assert coordinator.owner() == name_of(owner)
    wait_until(lambda: f"stands by at this node, {name_of(standby)}: node {name_of(owner)} has it" in refusal(standby),
               "its port says who has the stream", 30, lambda: refusal(standby))
    assert oldest_file(owner) == source.binlogs()[-1], "nothing is saved: the latest"
    wait_until(lambda: coordinator.checkpoint(), "the sink has begun", 60, lambda: owner.log()[-2000:])
    insert(source, 0, 1, 2)
    wait_delivered(source, *nodes, count=3)
    assert connections_of(source, owner) > 0 == connections_of(source, standby)
    assert dumps_at(source) == 1
    at_end = lambda: coordinator.checkpoint()["position"] == "%s:%s" % source.position()  # noqa: E731
    wait_until(at_end, "the checkpoint is there", 30, lambda: str(coordinator.checkpoint()))
    saved = coordinator.checkpoint()["source"]["file"]
    epoch = lease(owner)["epoch"]
    wait_until(lambda: [lease_metrics(node)[:3] for node in (owner, standby)] == [[1, 1, epoch], [1, 0, epoch]],
               "the metrics say who has the stream", 30, lambda: f"{lease_metrics(owner)} {lease_metrics(standby)}")
    assert lease_metrics(owner)[3] > 0 == lease_metrics(standby)[3]

    owner.kill9()
    insert(source, 3)
    source.sql("FLUSH BINARY LOGS")
    insert(source, 4)
    assert wait_owner(standby) is standby
    assert lease_metrics(standby)[1:3] == [1, lease(standby)["epoch"]] and lease(standby)["epoch"] > epoch
    assert oldest_file(standby) == saved != source.binlogs()[-1], "what is saved comes before the latest"
    insert(source, 5)
    wait_delivered(source, *nodes, count=6)
    wait_until(lambda: dumps_at(source) == 1, "one is connected to the source", 60)
    had = connections_of(source, owner)

    # A clean stop hands over at once; who was killed comes back as the standby.
    owner.start()
    wait_connected(*nodes)
    assert not holds(owner)
    assert connections_of(source, owner) == had
    standby.stop()
    assert wait_owner(owner) is owner
    insert(source, 6)
    wait_delivered(source, *nodes, count=7)
    assert not {message["data"]["id"] for message in delivered(*nodes)} & set(before)


def test_a_checkpoint_that_is_none_stops_its_sink_alone(lab, either):
    source = lab.server(SOURCE)
    make_table(source)
    node = lab.node("a", source, either, sinks=[SINK, {**SINK, "name": "more", "path": "more.jsonl"}])
    wait_owner(node)
    insert(source, 0)
    for path in ("out.jsonl", "more.jsonl"):
        wait_delivered(source, node, count=1, path=path)
    epoch = lease(node)["epoch"]
    node.stop()
    either.put("checkpoints/out", "half a place")
    node.start()
    wait_owner(node)
    insert(source, 1)
    wait_delivered(source, node, count=2, path="more.jsonl")
    sink = lambda: next(sink for sink in node.status()["streams"][0]["sinks"] if sink["name"] == "out")  # noqa: E731
    wait_until(lambda: sink()["state"] == "stopped", "its sink stops", 30, lambda: str(sink()))
    assert "half a place" in sink()["reason"]
    assert "saved_place_unreadable stream=shop key=checkpoints/out" in node.log()
    assert lease(node)["epoch"] == epoch + 1, "the stream was taken once"
    # Mended there, it goes on.
    either.put("checkpoints/out", "%s:%s" % source.position())
    node.run("sink", "resume", "out", "-c", "binbus.toml")
    insert(source, 2)
    wait_until(lambda: delivered(node)[-1]["data"]["id"] == 2, "it goes on from there", 30, lambda: str(sink()))


def test_a_sink_that_cannot_be_made_stops_alone(lab, either):
    """It was told of so at the coordinator, and shows at the next owner at the latest."""
    source = lab.server(SOURCE)
    make_table(source)
    nodes = [lab.node(name, source, either, sinks=[SINK]) for name in ("a", "b")]
    owner = wait_owner(*nodes)
    standby = other(owner, nodes)
    wait_connected(*nodes)
    keys = ["type='kafka'", "brokers='127.0.0.1:1'", "format='maxwell'", "topic='t'"]
    wrong, right = "properties={'ssl.ca.lokation'='ca.pem'}", "properties={'client.id'='binbus'}"
    either.put("sinks/kafka", "\n".join([*keys, wrong]))
    wait_until(lambda: "sink_not_set stream=shop sink=kafka" in owner.log(), "the owner says so", SOON_S)
    added = standby.run("sink", "add", "another", "stream=shop", *keys, wrong, "-c", "binbus.toml", check=False)
    assert added.returncode != 0 and "ssl.ca.lokation" in added.stderr
    owner.run("handover", "shop", "-c", "binbus.toml")
    assert wait_owner(standby) is standby
    insert(source, 0)
    wait_delivered(source, *nodes, count=1)
    sink = lambda: next(sink for sink in standby.status()["streams"][0]["sinks"] if sink["name"] == "kafka")  # noqa: E731
    wait_until(lambda: sink()["state"] == "stopped", "it is stopped", 30, lambda: str(sink()))
    assert "ssl.ca.lokation" in sink()["reason"]
    assert_no_storm(standby)
    either.put("sinks/kafka", "\n".join([*keys, right]))
    wait_until(lambda: sink()["state"] in ("starting", "retrying"), "mended, it connects", 30, lambda: str(sink()))


def test_a_node_that_cannot_work_hands_the_stream_over(lab, either):
    source = lab.server(SOURCE)
    make_table(source)
    bad = lab.node("bad", source, either, sinks=[SINK], prepare=with_failing_disk)
    wait_owner(bad)
    good = lab.node("good", source, either, sinks=[SINK])
    wait_connected(bad, good)
    insert(source, 0)
    wait_delivered(source, bad, count=1)
    bad.broken.touch()
    insert(source, 1)
    assert wait_owner(good) is good
    wait_delivered(source, bad, good, count=2)
    assert "stream_offered" in bad.log()
    left = bad.status()["streams"][0]
    assert left["state"] == "standby" and left["reason"].startswith("left to other nodes for a while: "), left["reason"]
    # It is not the one to take it next, unless there is no other.
    bad.broken.unlink()
    good.run("handover", "shop", "-c", "binbus.toml")
    good.kill9()
    assert wait_owner(bad) is bad
    insert(source, 2)
    wait_delivered(source, bad, good, count=3)
    assert bad.status()["streams"][0]["reason"] == ""


def test_a_log_whose_end_is_purged_gives_way_to_the_saved_place(lab, either):
    source = lab.server(SOURCE)
    make_table(source)
    source.sql("GRANT SELECT ON *.* TO repl@'%'")  # what made the table will be purged
    nodes = [lab.node(name, source, either, sinks=[SINK]) for name in ("a", "b")]
    first = wait_owner(*nodes)
    second = other(first, nodes)
    insert(source, 0)
    wait_delivered(source, first, count=1)
    begun = "%s:%s" % source.position()
    first.stop()
    assert wait_owner(second) is second
    insert(source, 1)
    source.sql("FLUSH BINARY LOGS")
    insert(source, 2)
    wait_delivered(source, *nodes, count=3)
    at_end = lambda: either.checkpoint()["position"] == "%s:%s" % source.position()  # noqa: E731
    wait_until(at_end, "the checkpoint is there", 30, lambda: str(either.checkpoint()))
    saved = either.get("checkpoints/out")
    second.stop()
    source.sql(f"PURGE BINARY LOGS TO '{source.binlogs()[-1]}'")

    # A sink that would need what stands in the log before its end keeps it.
    either.put("checkpoints/out", begun)
    first.start()
    wait_until(lambda: "log_not_renewed" in first.log(), "it says that it cannot", 60, lambda: first.log()[-3000:])
    assert "is not beyond the log's end" in first.log()
    assert first.status()["streams"][0]["error_code"] == "purged"
    assert not list((first.folder / "data").glob("shop.aside.*"))
    first.stop()

    either.put("checkpoints/out", saved)
    first.start()
    assert wait_owner(first) is first
    assert oldest_file(first) == source.binlogs()[-1]
    assert "log_set_aside" in first.log()
    assert (first.folder / "data/shop.aside.1" / begun.split(":")[0]).exists()
    insert(source, 3)
    wait_delivered(source, *nodes, count=4)


class Switches:
    """Two nodes, and what takes the stream from the one that has it."""

    def __init__(self, coordinator, nodes):
        self.coordinator, self.nodes = coordinator, nodes
        self.frozen = None

    def owner_key_deleted(self, owner):
        self.coordinator.delete("owners/shop")

    def killed(self, owner):
        owner.kill9()

    def stopped(self, owner):
        owner.stop()

    def frozen_beyond_its_lease(self, owner):
        owner.freeze()
        self.frozen = owner

    def handed_over(self, owner):
        owner.run("handover", "shop", "-c", "binbus.toml")

    def switch(self, how):
        owner = wait_owner(*self.nodes)
        next_one = other(owner, self.nodes)
        getattr(self, how)(owner)
        wait_owner(next_one)
        if self.frozen:
            self.frozen.thaw()
            wait_until(lambda: not holds(owner), f"{owner} stands by after its thaw", 30)
            self.frozen = None
        if not owner.running():
            owner.start()
        wait_connected(*self.nodes)


ORDINARY = ["owner_key_deleted", "killed", "handed_over", "frozen_beyond_its_lease", "stopped"]


@pytest.mark.parametrize("kind", COORDINATORS)
def test_forced_switchovers_lose_nothing_and_keep_the_order(lab, kind):
    switches = int(os.environ.get("BINBUS_SOAK_SWITCHES", 1000)) if SOAK else len(ORDINARY)
    source, kafka, coordinator = lab.server(SOURCE), lab.kafka(), lab.coordinator(kind)
    for table in TABLES:
        kafka.make_topic(f"out.{table}", partitions=4)
    with Ledger(source, pause_s=0.005) as ledger:
        nodes = [lab.node(name, source, coordinator, sinks=[kafka_sink(kafka)]) for name in ("a", "b")]
        wait_connected(*nodes)
        at = Switches(coordinator, nodes)
        for number in range(switches):
            owner = wait_owner(*nodes)
            wait_until(lambda: ledger.error or owner.status()["streams"][0]["sinks"][0]["messages"] > 20, f"{owner} delivers", 60,
                       lambda: owner.log()[-3000:])
            begun = sink_at(owner)  # what it has given Kafka counts only when Kafka has it
            wait_until(lambda: ledger.error or sink_at(owner) > begun, f"Kafka has it from {owner}", 60, lambda: owner.log()[-3000:])
            at.switch(ORDINARY[number % len(ORDINARY)])
    wait_sink(wait_owner(*nodes), source)
    messages, epochs = from_kafka(kafka)
    ledger.assert_delivered(messages, exactly_once=False, what=f"{switches} switches")
    assert len(set(epochs)) >= switches and max(epochs) > switches


def test_who_thaws_after_its_lease_writes_nothing_any_more(lab, coordinator):
    source = lab.server(SOURCE)
    make_table(source)
    nodes = [lab.node(name, source, coordinator, sinks=[SINK]) for name in ("a", "b")]
    owner = wait_owner(*nodes)
    standby = other(owner, nodes)
    insert(source, 0)
    wait_delivered(source, owner, count=1)
    owner.freeze()
    wait_owner(standby)
    insert(source, 1)
    wait_delivered(source, *nodes, count=2)
    wait_until(lambda: coordinator.checkpoint()["epoch"] == lease(standby)["epoch"], "the new owner has written its checkpoint")
    had = len(delivered(owner))
    owner.thaw()
    wait_until(lambda: not holds(owner), f"{owner} knows that it has lost the stream", 30, lambda: owner.log()[-2000:])
    insert(source, 2)
    wait_delivered(source, *nodes, count=3)
    assert len(delivered(owner)) == had
    assert coordinator.checkpoint()["epoch"] == lease(standby)["epoch"]


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_without_its_coordinator_an_owner_goes_on_until_its_deadline(lab, coordinator, how):
    source = lab.server(SOURCE)
    make_table(source)
    nodes = [lab.node(name, source, coordinator, coordination={"ttl": "9s"}, sinks=[SINK]) for name in ("a", "b")]
    owner = wait_owner(*nodes)
    wait_connected(*nodes)
    insert(source, 0)
    wait_delivered(source, owner, count=1)
    with never_both(*nodes):
        coordinator.kill9() if how == "killed" else coordinator.freeze()
        insert(source, 1)  # in time: the lease is still good for a while
        wait_delivered(source, owner, count=2)
        for node in nodes:
            wait_until(lambda: stream_status(node)["state"] == "standby" and not lease(node)["connected"], f"{node} stands by", 60,
                       lambda: node.log()[-2000:])
            assert "the coordinator is away" in stream_status(node)["reason"]
            assert lease_metrics(node)[:2] == [0, 0]
        wait_until(lambda: dumps_at(source) == 0, "nothing is connected to the source", 60)
        insert(source, 2)
        coordinator.start() if how == "killed" else coordinator.thaw()
        wait_owner(*nodes)
        wait_delivered(source, *nodes, count=3)


def place_of(source):
    return "%s:%s" % source.position()


def test_a_short_absence_of_the_coordinator_costs_nothing(lab, coordinator):
    source = lab.server(SOURCE)
    make_table(source)
    with Proxy(coordinator.port) as way:
        node = lab.node("a", source, coordinator, coordination={"ttl": "30s", "endpoints": [f"127.0.0.1:{way.port}"]}, sinks=[SINK])
        wait_owner(node)
        insert(source, 0)
        wait_delivered(source, node, count=1)
        wait_until(lambda: (coordinator.checkpoint() or {}).get("position") == place_of(source), "the checkpoint is written", 30)
        before, epoch = coordinator.checkpoint(), lease(node)["epoch"]
        way.refusing = True
        way.drop()
        wait_until(lambda: not lease(node)["connected"], f"{node} knows that it is away", 30)
        insert(source, 1)
        wait_delivered(source, node, count=2)
        wait_until(lambda: "%s:%s" % sink_at(node) == place_of(source), "the sink has committed", 30)
        assert holds(node) and coordinator.checkpoint() == before
        way.refusing = False
        # Though nothing comes after it.
        wait_until(lambda: coordinator.checkpoint()["position"] == place_of(source), "the checkpoint is written", 30,
                   lambda: f"{coordinator.checkpoint()}\n{node.log()[-2000:]}")
        wait_until(lambda: lease(node)["connected"], f"{node} knows that it is back", 30)
        assert holds(node) and lease(node)["epoch"] == epoch == coordinator.checkpoint()["epoch"]
        assert node.log().count("lease_taken") == 1


@pytest.mark.parametrize("kind", COORDINATORS)
def test_an_ensemble_is_there_while_it_has_its_majority(lab, kind):
    source, ensemble = lab.server(SOURCE), lab.ensemble(kind)
    make_table(source)
    node = lab.node("a", source, ensemble, coordination={"ttl": "15s"}, sinks=[SINK])
    wait_owner(node)
    insert(source, 0)
    wait_delivered(source, node, count=1)
    epoch = lease(node)["epoch"]
    ensemble.in_use().kill9()
    insert(source, 1)
    wait_delivered(source, node, count=2)
    wait_until(lambda: (ensemble.checkpoint() or {}).get("position") == place_of(source), "another member has the checkpoint", 60,
               lambda: node.log()[-2000:])
    remaining = [lease(node)["remaining_ms"]]

    def renewed():
        remaining.append(lease(node)["remaining_ms"])
        return remaining[-1] > remaining[-2]

    wait_until(renewed, "the lease is renewed", 30, lambda: node.log()[-2000:])
    assert holds(node) and lease(node)["epoch"] == epoch

    # What the last one answers is worth nothing: the others, were they there, could give the stream to another node.
    used = ensemble.in_use()
    frozen = next(member for member in ensemble.members if member.running() and member is not used)
    frozen.freeze()
    wait_until(lambda: not holds(node) and not lease(node)["connected"], f"{node} stands by", 60, lambda: node.log()[-2000:])
    frozen.thaw()
    wait_owner(node)
    insert(source, 2)
    wait_delivered(source, node, count=3)


def test_a_stop_does_not_wait_for_the_coordinator(lab, coordinator):
    source = lab.server(SOURCE)
    coordinator.freeze()
    node = lab.node("a", source, coordinator, coordination={"ttl": "120s"})
    assert not lease(node)["connected"]
    assert node.stop(seconds=30) == 0


def test_an_expired_session_costs_a_moment(lab, coordinator):
    source = lab.server(SOURCE)
    make_table(source)
    node = lab.node("a", source, coordinator, sinks=[SINK])
    wait_owner(node)
    for number in range(3):
        insert(source, number)
        wait_delivered(source, node, count=number + 1)
        epoch = lease(node)["epoch"]
        coordinator.expire_sessions()
        wait_until(lambda: lease(node)["epoch"] > epoch and holds(node), f"{node} takes the stream anew", 60)


def test_wiped_data_loses_no_event(lab, coordinator):
    source = lab.server(SOURCE)
    make_table(source)
    nodes = [lab.node(name, source, coordinator, sinks=[SINK]) for name in ("a", "b")]
    owner = wait_owner(*nodes)
    wait_connected(*nodes)
    coordinator.put("sinks/more", 'type = "file"\nformat = "maxwell"\npath = "more.jsonl"\nstart = "earliest"')
    insert(source, 0, 1)
    wait_delivered(source, *nodes, count=2)
    wait_delivered(source, *nodes, count=2, path="more.jsonl")
    copy = lambda node: (node.folder / "data/coordinator.g.json").read_text()  # noqa: E731
    for node in nodes:
        wait_until(lambda: all(f'"{name}"' in copy(node) for name in ("out", "more")), f"{node} has its copy", 30, lambda: copy(node))
    epoch = lease(owner)["epoch"]
    coordinator.wipe()
    insert(source, 2)
    wait_until(lambda: any(lease(node)["epoch"] > epoch and holds(node) for node in nodes), "the stream is taken anew", 60)
    wait_delivered(source, *nodes, count=3)
    wait_delivered(source, *nodes, count=3, path="more.jsonl")
    assert any("coordinator_data_lost" in node.log() for node in nodes)
    assert "type = " in coordinator.get("sinks/more")


def test_tables_are_added_and_removed_live(lab, coordinator):
    source = lab.server(SOURCE)
    for table in ("t", "u"):
        make_table(source, table)
    # By the watches alone: by themselves nodes look after 100 s.
    nodes = [lab.node(name, source, coordinator, coordination={"ttl": "600s"}) for name in ("a", "b")]
    owner = wait_owner(*nodes)
    wait_connected(*nodes)
    told = 'type = "file"\nformat = "maxwell"\npath = "out.jsonl"\nstart = "latest"\ntables = [{}]'
    coordinator.put("sinks/out", told.format('"d.t"'))
    wait_until(lambda: any(sink["state"] == "running" for sink in owner.status()["streams"][0]["sinks"]), "the sink runs", SOON_S,
               lambda: owner.log()[-2000:])

    number = 0

    def load(until):
        def step():
            nonlocal number
            insert(source, number)
            insert(source, number, table="d.u")
            number += 1
            return until()

        wait_until(step, "the change shows", SOON_S, lambda: owner.log()[-3000:])

    of_u = lambda: [m["data"]["id"] for m in delivered(owner) if m["table"] == "u"]  # noqa: E731
    load(lambda: number > 20)
    coordinator.put("sinks/out", told.format('"d.t", "d.u"'))
    load(lambda: of_u())
    load(lambda: len(of_u()) > 20)
    # A standby may be told, too; both have it.
    other(owner, nodes).run("sink", "set", "out", "tables=['d.t']", "-c", "binbus.toml")
    assert "d.u" not in coordinator.get("sinks/out")
    wait_until(lambda: "d.u" not in owner.run("sink", "show", "out", "-c", "binbus.toml").stdout, "the owner has it", SOON_S)
    wait_until(lambda: owner.status()["streams"][0]["sinks"][0]["revision"] == 2, "the owner does it", SOON_S)
    had = number
    insert(source, *range(number, number + 5), table="d.u")
    insert(source, *range(number, number + 5))
    number += 5
    wait_delivered(source, owner, count=number)
    ids = of_u()
    assert ids == list(range(ids[0], ids[-1] + 1)) and ids[-1] < had  # nothing is missing in between
    assert [m["data"]["id"] for m in delivered(owner) if m["table"] == "t"] == list(range(number))

    coordinator.put("sinks/out", "tables = [")
    wait_until(lambda: "sink_key_refused" in owner.log(), "what is wrong is said", SOON_S)
    insert(source, number)
    wait_delivered(source, owner, count=number + 1)
    coordinator.delete("sinks/out")
    wait_until(lambda: not owner.status()["streams"][0]["sinks"], "the sink goes", SOON_S)
    wait_until(lambda: coordinator.checkpoint() is None, "its checkpoint goes", SOON_S)


def test_a_checkpoint_changed_by_hand_counts(lab, coordinator):
    source = lab.server(SOURCE)
    make_table(source)
    node = lab.node("a", source, coordinator, sinks=[{**SINK, "start": "latest"}])
    wait_owner(node)
    at_end = lambda: (coordinator.checkpoint() or {}).get("position") == place_of(source)  # noqa: E731
    wait_until(at_end, "the sink has begun", 60, lambda: node.log()[-2000:])
    place = coordinator.checkpoint()["position"]
    insert(source, 0)
    wait_delivered(source, node, count=1)
    wait_until(at_end, "the checkpoint moves", 30)
    # Back, while it runs: it notices with its next write, and sends again what comes after.
    coordinator.put("checkpoints/out", place)
    insert(source, 1)
    ids = lambda: [message["data"]["id"] for message in delivered(node)]  # noqa: E731
    wait_until(lambda: ids()[1:] in ([1, 0, 1], [0, 1]), "again from there", 30, lambda: f"{ids()} {node.status()['streams'][0]['sinks']} {node.log()[-2000:]}")
    # Deleted while it does not run: the latest.
    node.run("sink", "pause", "out", "-c", "binbus.toml")
    wait_until(lambda: node.status()["streams"][0]["sinks"][0]["state"] == "paused", "it pauses", 30)
    coordinator.delete("checkpoints/out")
    insert(source, 2)
    wait_served(node, source)
    node.run("sink", "resume", "out", "-c", "binbus.toml")
    wait_until(lambda: coordinator.checkpoint(), "it begins anew", 30)
    insert(source, 3)
    wait_until(lambda: delivered(node)[-1]["data"]["id"] == 3, "at the latest", 30)
    assert 2 not in {m["data"]["id"] for m in delivered(node)}


def test_nodes_share_streams_and_take_those_of_a_dead_one(lab, either):
    source = lab.server(SOURCE)
    make_table(source)
    names = [f"s{number}" for number in range(6)]
    nodes = []
    for name in ("a", "b", "c"):
        node = lab.node(name, source, either, sinks=[])
        node.stop()
        stream = {key: value for key, value in node.stream.items() if key not in ("listen", "replica_user")}
        node.config["stream"] = [{**stream, "name": each, "start": "earliest"} for each in names]
        node.config["sink"] = [{**SINK, "name": f"out-{each}", "stream": each, "path": f"{each}.jsonl"} for each in names]
        node.port = node.admin_port
        nodes.append(node.start())

    def loads():
        return sorted(sum(stream["lease"]["held"] for stream in node.status()["streams"]) for node in nodes if node.running())

    def owners():
        return {stream["name"]: stream["lease"]["owner"] for stream in nodes[1].status()["streams"]}

    wait_until(lambda: loads() == [2, 2, 2], "two streams at each", 60, lambda: str(owners()))
    wait_until(lambda: dumps_at(source) == 6, "each is received once", 60)
    insert(source, 0)
    for name in names:
        wait_delivered(source, *nodes, count=1, path=f"{name}.jsonl")
    before = owners()
    nodes[0].kill9()
    wait_until(lambda: loads() == [3, 3], "three streams at each", 60, lambda: str(owners()))
    assert all(owners()[name] == owner for name, owner in before.items() if owner != "a")
    insert(source, 1)
    for name in names:
        wait_delivered(source, *nodes, count=2, path=f"{name}.jsonl")
    nodes[0].start()
    wait_until(lambda: loads() == [2, 2, 2], "two streams at each again", 60, lambda: str(owners()))
    insert(source, 2)
    for name in names:
        wait_delivered(source, *nodes, count=3, path=f"{name}.jsonl")


def test_etcd_with_user_and_tls(lab):
    source = lab.server(SOURCE)
    make_table(source)
    authority = Authority(lab.new_folder("ca"), "authority")
    certificate, key = authority.sign("etcd")
    url = "https://127.0.0.1:{port}"
    etcd = lab.keep(Etcd(lab.new_folder("etcd"), [f"--listen-client-urls={url}", f"--advertise-client-urls={url}",
                                                  f"--cert-file={certificate}", f"--key-file={key}"])).start()
    etcd.wait_listening(etcd.port)
    client = ["--insecure-transport=false", f"--cacert={authority.ca}"]
    etcd.client(*client, "user", "add", "root:secret")
    etcd.client(*client, "auth", "enable")
    right = {"tls": True, "tls_ca": str(authority.ca), "user": "root", "password": "secret"}
    for wrong, says in (({**right, "password": "no"}, "authentication failed"), ({}, "the coordinator is away"),
                        ({**right, "tls_ca": "none.pem"}, "none.pem")):
        node = lab.node("a", source, etcd, coordination=wrong)
        reason = lambda: node.status()["streams"][0]["reason"]  # noqa: E731
        wait_until(lambda: says in reason(), f"it says {says}", 30, lambda: f"{reason()}\n{node.log()[-2000:]}")
        node.stop()
    node = lab.node("a", source, etcd, coordination=right, sinks=[SINK])
    wait_owner(node)
    insert(source, 0)
    wait_delivered(source, node, count=1)
    etcd.client(*client, "--user=root:secret", "del", "/binbus/g/owners/shop")
    insert(source, 1)
    wait_delivered(source, node, count=2)


def test_a_zookeepers_user_keeps_others_out(lab):
    source, coordinator = lab.server(SOURCE), lab.coordinator("zookeeper")
    make_table(source)
    node = lab.node("a", source, coordinator, coordination={"user": "binbus", "password": "secret"}, sinks=[SINK])
    wait_owner(node)
    insert(source, 0)
    wait_delivered(source, node, count=1)
    other_one = lab.node("b", source, coordinator, coordination={"user": "binbus", "password": "wrong"})
    wait_until(lambda: "not authenticated" in other_one.status()["streams"][0]["reason"], "the other is kept out", 30,
               lambda: other_one.log()[-2000:])
    assert holds(node)


def test_a_node_that_was_alone_goes_on_where_it_was(lab, either):
    source = lab.server(SOURCE)
    make_table(source)
    node = lab.binbus(source, sinks=[{**SINK, "path": "-"}])  # a target that keeps no checkpoint itself
    insert(source, 0)
    checkpoint = node.segments / "sinks/out.checkpoint"
    wait_until(lambda: '"data":{"id":0}' in node.log(), "the row is delivered", 60, lambda: node.log()[-2000:])
    node.stop()
    assert checkpoint.exists()
    insert(source, 1)
    node.config |= {"node": {"name": "a"}, "coordinator": either.config()}
    node.config["sink"][0]["start"] = "latest"
    node.start()
    wait_until(lambda: '"data":{"id":1}' in node.log(), "what is new is delivered", 60, lambda: node.log()[-2000:])
    wait_until(lambda: not checkpoint.exists(), "the coordinator has the checkpoint now", 30)
    assert node.log().count('"data":{"id":0}') == 1
    assert either.checkpoint()["position"]


def test_a_source_that_failed_over_between_is_found_by_gtid(lab, either):
    first, second = lab.servers("mysql97", "mysql97")
    make_table(first)
    second.follow(first)
    nodes = [lab.node(name, first, either, sinks=[SINK], failover_after="1s") for name in ("a", "b")]
    for node in nodes:
        node.stop()
        node.stream["source"] = [f"127.0.0.1:{server.port}" for server in (first, second)]
        node.start()
    owner = wait_owner(*nodes)
    insert(first, 0, 1)
    wait_delivered(first, *nodes, count=2)
    second.wait_for(first)
    first.kill9()
    second.stop_following()
    insert(second, 2)
    wait_delivered(second, *nodes, count=3)
    place = lambda: either.checkpoint()  # noqa: E731
    wait_until(lambda: place()["source"]["server_uuid"] == second.value("SELECT @@server_uuid"), "its checkpoint is of the second", 30,
               lambda: str(place()))
    owner.kill9()  # whose log has a segment more than the second has files
    standby = other(owner, nodes)
    wait_owner(standby)
    insert(second, 3)
    wait_delivered(second, *nodes, count=4)
    ids = [message["data"]["id"] for message in delivered(standby)]
    assert ids[-1] == 3 and ids == sorted(ids)


def test_a_filter_table_is_known_as_of_a_sinks_place_whoever_has_the_stream(lab, either):
    """Each owner finds changes that were not delivered, and a filter table that is another by now, in the log and at the source."""
    source = lab.server(SOURCE)
    for table in "tuv":
        make_table(source, table)
    source.sql(*FILTER_TABLE, "INSERT INTO ops.monitored VALUES ('d', 't', 1, 1, 1)")
    begin = "%s:%s" % source.position()
    nodes = [lab.node(name, source, either, sinks=[{**SINK, "filter_table": "ops.monitored", "start": begin}]) for name in ("a", "b")]
    wait_connected(*nodes)
    numbers = itertools.count(1)

    def write():
        number = next(numbers)
        for table in "tuv":
            insert(source, number, table=f"d.{table}")

    def rows(node):
        return [f"{m['table']}{m['data']['id']}" for m in delivered(node)]

    owner = first = wait_owner(*nodes)
    write()
    wait_sink(owner, source)
    for changes in (["INSERT INTO ops.monitored VALUES ('d', 'u', 1, 1, 1)", "DELETE FROM ops.monitored WHERE tb_name = 't'"],
                    ["UPDATE ops.monitored SET tb_name = 'v'", "INSERT INTO ops.monitored VALUES ('d', 't', 1, 1, 1)"],
                    ["DELETE FROM ops.monitored WHERE tb_name = 'v'", "DELETE FROM ops.monitored"]):
        owner.run("sink", "pause", "out", "-c", "binbus.toml")
        wait_until(lambda: owner.status()["streams"][0]["sinks"][0]["state"] == "paused", f"the sink pauses at {owner}", 60, owner.log)
        for change in changes:
            source.sql(change)
            write()
        owner.run("handover", "shop", "-c", "binbus.toml")
        owner = wait_owner(other(owner, nodes))
        wait_sink(owner, source)
    assert rows(first) == ["t1", "v4", "t5", "v5"]
    assert rows(other(first, nodes)) == ["t2", "u2", "u3", "t6"]
    # The sink does not go by it any more.
    owner.run("sink", "set", "out", "--unset", "filter_table", "-c", "binbus.toml")
    wait_until(lambda: either.get("filter_tables/out") is None, "it is forgotten", 60, owner.log)
