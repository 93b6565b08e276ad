"""Three nodes keep one log: replicas and the source go on when one of them is gone."""

import contextlib
import itertools
import json
import pathlib
import shutil
import threading

import pytest

from certificates import Authority
from cluster import Cluster
from compare import assert_same_bytes, assert_same_tables
from faults import wait_state
from ledger import TABLES, Ledger, from_kafka, kafka_sink, wait_sink
from load import Load
from process import wait_until, whole_lines
from proxy import Proxy
from servers import semi_sync_source
from test_admin import health
from test_faults_source import assert_no_storm
from test_semisync import FOR_EVER_MS
from test_sink_faults import from_rabbitmq, rabbitmq_sink
from test_sinks import FILTER_TABLE
from watcher import SOAK


@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"])
def test_a_killed_leader_loses_nothing(lab, cluster_of, kind):
    source = lab.server(kind, *semi_sync_source(kind, 60_000))
    replicas = lab.servers(kind, kind, kind)
    cluster = cluster_of(source)
    cluster.leader()
    for replica, node in zip(replicas, cluster.nodes):
        replica.follow(node)
    with Load(source) as load:
        for _ in range(3):
            load.wait_commits(100)
            leader = cluster.leader()
            leader.kill9()
            load.wait_commits(100)
            leader.start()
    for node in cluster.nodes:
        node.wait_for(source)
    for replica in replicas:
        replica.wait_for(source)
        load.assert_nothing_lost(replica)
        assert_same_tables(source, replica)
    for node in cluster.nodes:
        assert_same_bytes(source, node)


def test_a_commit_is_answered_when_a_majority_has_it(lab, cluster_of):
    source = lab.server("mysql97", *semi_sync_source("mysql97", FOR_EVER_MS))
    cluster = cluster_of(source)
    leader = cluster.leader()
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    before = source.position()
    for node in cluster.others(leader):
        node.freeze()
    commit = threading.Thread(target=source.sql, args=["INSERT INTO d.t VALUES (1)"], daemon=True)
    commit.start()
    wait_until(lambda: source.position() > before, "the source has written it", 60)
    leader.wait_for(source)
    wait_until(lambda: leader.shop["state"] == "standby", "it steps down", 60, leader.log)
    commit.join(1)
    assert commit.is_alive(), "answered, though only the leader has it"
    for node in cluster.others(leader):
        node.thaw()
    commit.join(60)
    assert not commit.is_alive(), cluster.leader().log()[-3000:]
    for node in cluster.nodes:
        assert_same_bytes(source, node)


def test_a_silent_leaders_dump_is_ended_and_it_takes_none_back(lab, cluster_of):
    """MySQL would hear the next leader's acknowledgements up to a second later; and the same when the one that wakes up dumps again."""
    source = lab.server("mysql97", *semi_sync_source("mysql97", FOR_EVER_MS))
    cluster = cluster_of(source)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT)")

    def logs():
        return "".join(node.log() for node in cluster.nodes)

    for _ in range(10):
        first = cluster.leader()
        first.freeze()
        wait_until(lambda: any(node.leads() for node in cluster.others(first)), "another leads", 60)
        source.sql("INSERT INTO d.t VALUES ()")
        first.thaw()
        wait_until(lambda: first.shop["state"] == "standby", "it knows that it leads no more", 60, first.log)
        source.sql("INSERT INTO d.t VALUES ()")
        first.wait_for(source)
        assert logs().count("ingest_connected") <= logs().count(" leads stream=shop")
        if "ingest_predecessor_ended" in logs():  # MySQL's second may end just in between
            return
    raise AssertionError("no dump was ended")


def test_a_deposed_leaders_dump_is_there_until_the_next_one(lab, cluster_of):
    """MySQL would otherwise hear the next one's acknowledgements up to a second later."""
    source = lab.server("mysql97", *semi_sync_source("mysql97", FOR_EVER_MS))
    with contextlib.ExitStack() as until:
        ways = []

        def through_a_proxy(node):
            ways.append(until.enter_context(Proxy(source.port)))
            node.stream.update(source=[f"127.0.0.1:{ways[-1].port}"], tls="disabled")

        cluster = cluster_of(source, prepare=through_a_proxy)
        with Load(source) as load:
            for _ in range(6):
                leader = cluster.leader()
                load.wait_commits(20)
                to = cluster.others(leader)[0]
                leader.run("cluster", "transfer", "shop", to.name)
                wait_until(to.leads, f"{to} leads", 60, leader.log)
                load.wait_commits(20)
        dumps = sorted((dump for way in ways for dump in way.dumps()), key=lambda dump: dump.dumps_since)
        assert len(dumps) >= 7
        for dump, following in itertools.pairwise(dumps):
            assert dump.ended_at > following.dumps_since


def test_a_leader_that_cannot_reach_the_source_gives_way(lab, cluster_of):
    """Twice, until the only one that can leads: it has lost none of what the others had."""
    source = lab.server("mysql97")
    with contextlib.ExitStack() as until:
        ways = {}

        def through_a_proxy(node):
            ways[node.name] = until.enter_context(Proxy(source.port))
            node.stream["source"] = [f"127.0.0.1:{ways[node.name].port}"]

        cluster = cluster_of(source, prepare=through_a_proxy)
        source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT)")
        first = cluster.leader()
        # It gives way also where it was asked for.
        wait_until(lambda: first.run("cluster", "transfer", "shop", first.name, check=False).returncode == 0, "it is asked for", 60)
        for _ in range(2):
            cut = cluster.leader()
            ways[cut.name].refusing = True
            ways[cut.name].drop()
            wait_until(lambda: any(node.leads() for node in cluster.others(cut)), f"another than {cut.name} works", 60, cut.log)
            assert "stream_offered" in cut.log()
            source.sql("INSERT INTO d.t VALUES ()")
            for node in cluster.nodes:
                node.wait_for(source)
        for node in cluster.nodes:
            assert_same_bytes(source, node)


@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"])
def test_what_was_acknowledged_survives_source_and_leader(lab, cluster_of, kind):
    """Both killed at one moment under load, and their folders destroyed: the others have it, or get it, and tell the same."""
    source = lab.server(kind, *semi_sync_source(kind, FOR_EVER_MS))
    cluster = cluster_of(source)
    leader = cluster.leader()
    behind, other = left = cluster.others(leader)
    load = Load(source, ["small", "large_row"], threads=8).start()
    load.wait_commits(100)
    behind.freeze()
    load.wait_commits(50)
    other.freeze()  # from here on the leader is alone with what it gets
    wait_until(lambda: leader.shop["state"] == "standby", "it steps down", 60, leader.log)
    for lost in (source, leader):
        lost.child.kill()
    for lost in (source, leader):
        lost.kill9()
    load.stop()
    shutil.rmtree(source.data)
    shutil.rmtree(leader.folder / "data")
    for node in left:
        node.thaw()

    def told():
        tails = {node.run("tail", "shop", "--from", "earliest", "--to-end", "--no-ddl", "-f", "binbus").stdout
                 for node in left}
        changes = [json.loads(line) for line in tails.pop().splitlines()]
        return not tails and load.acknowledged <= {(change["after"]["thread"], change["after"]["number"])
                                                   for change in changes if change["table"] == "ledger"}

    wait_until(told, f"{len(load.acknowledged)} commits are at both", 60, lambda: [node.shop for node in left])


@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"])
def test_a_replica_goes_on_at_any_node(lab, cluster_of, kind):
    source, replica = lab.servers(kind, kind)
    cluster = cluster_of(source)
    cluster.leader()
    assert len({node.shop["server_uuid"] for node in cluster.nodes} - {""}) == 1
    first, second, third = cluster.nodes
    replica.follow(first)
    with Proxy(second.port) as address:
        with Load(source) as load:
            load.wait_commits(50)
            if replica.is_mariadb:  # to which the nodes have to be one address
                address.replica_user = second.replica_user
                replica.follow(address)
            else:
                replica.follow(second, CONNECTION_AUTO_FAILOVER=1, RETRY_COUNT=1)
                for node in (second, third):
                    replica.sql(f"SELECT asynchronous_connection_failover_add_source('', '127.0.0.1', {node.port}, '', 50)")
            load.wait_commits(50)
            address.target = third.port
            second.kill9()  # from where it goes on by itself
            wait_until(lambda: third.shop["replicas"], "it follows the third", 60, replica.why)
            load.wait_commits(50)
        replica.wait_for(source)
    load.assert_nothing_lost(replica)
    assert_same_tables(source, replica)


def test_first_start_waits_for_all_peers(lab):
    source = lab.server("mysql97")
    source.sql("DO 0")
    cluster = Cluster(lab.new_folder("cluster"), source)
    for node in cluster.nodes:
        lab.keep(node)
    first, second, third = cluster.nodes
    first.start()
    second.start()
    wait_until(lambda: third.name in first.shop["reason"], "it says whom it waits for", 30, first.log)
    assert first.shop["state"] == "waiting"
    third.start()
    cluster.leader()
    for node in cluster.nodes:
        node.wait_for(source)


def file_of_all(lab, **options):
    """A file that all nodes reach, and the section of its sink, "out"."""
    path = pathlib.Path(lab.new_folder("out")) / "out.jsonl"
    path.parent.mkdir(parents=True)
    return path, {"name": "out", "stream": "shop", "type": "file", "path": str(path), "format": "binbus", "start": "earliest", **options}


def test_sinks_go_on_at_the_next_leader(lab, cluster_of):
    source = lab.server("mysql97")
    path, section = file_of_all(lab)
    cluster = cluster_of(source, sinks=[section])
    leader = cluster.leader()
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    source.sql("INSERT INTO d.t VALUES (1)")
    wait_until(lambda: path.exists() and '"id":1' in path.read_text().replace(" ", ""), "the first row", 60, leader.log)
    for node in cluster.others(leader):
        assert node.shop["sinks"][0]["state"] == "standby"
    leader.kill9()
    source.sql("INSERT INTO d.t VALUES (2)")
    wait_until(lambda: '"id":2' in path.read_text().replace(" ", ""), "the second row", 60,
               lambda: "\n".join(node.log() for node in cluster.others(leader)))


def test_a_sink_that_a_leader_cannot_make_stops_alone(lab, cluster_of):
    """What it names is at one node only."""
    source = lab.server("mysql97")
    path, section = file_of_all(lab)
    cluster = cluster_of(source, sinks=[section])
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    leader = cluster.leader()
    ca = Authority(lab.new_folder("ca"), "ca").ca
    shutil.copy(ca, leader.folder / "kafka.pem")
    leader.run("sink", "add", "kafka", "stream=shop", "type=kafka", "brokers=127.0.0.1:1", "format=binbus", "topic=t",
               'properties={"security.protocol"="ssl", "ssl.ca.location"="kafka.pem"}')
    leader.kill9()
    source.sql("INSERT INTO d.t VALUES (1)")
    there = cluster.leader()
    there.wait_for(source)
    wait_until(lambda: path.exists() and '"id":1' in path.read_text(), "the other sink goes on", 60, there.log)

    def sink(name):
        return next(sink for sink in there.shop["sinks"] if sink["name"] == name)

    assert sink("out")["state"] == "running"
    wait_until(lambda: sink("kafka")["state"] == "stopped", "it is stopped", 30, lambda: sink("kafka"))
    assert "kafka.pem" in sink("kafka")["reason"]
    assert_no_storm(there)
    shutil.copy(ca, there.folder / "kafka.pem")
    there.run("sink", "resume", "kafka")
    wait_until(lambda: sink("kafka")["state"] in ("starting", "retrying"), "it is made and connects", 30, lambda: sink("kafka"))


def test_a_leader_that_cannot_work_says_why_and_tries_again(lab, cluster_of):
    source = lab.server("mysql97")
    cluster = cluster_of(source)
    first = cluster.leader()
    second = cluster.others(first)[0]
    in_the_way = second.segments / "sinks/out.checkpoint"  # a folder, where it looks for a file to take over
    in_the_way.mkdir(parents=True)
    transfer(cluster, first, second)
    wait_state(second, "stopped", "io", "out.checkpoint")
    assert "out.checkpoint" in str(health(second, "/ready"))
    assert_no_storm(second)
    in_the_way.rmdir()
    source.sql("CREATE DATABASE d")
    second.wait_for(source)
    assert cluster.leader() is second and not health(second, "/ready")


def kill(cluster, leader):
    leader.kill9()
    cluster.leader()
    leader.start()


def freeze(cluster, leader):
    """It wakes up in the belief that it leads, with a transaction of the sink's open."""
    leader.freeze()
    wait_until(lambda: any(node.leads() for node in cluster.others(leader)), "another leads", 60)
    leader.thaw()


def transfer(cluster, leader, to=None):
    to = (to or cluster.others(leader)[0]).name  # it may have come back just now, and not answer yet
    wait_until(lambda: leader.run("cluster", "transfer", "shop", to, check=False).returncode == 0, f"{to} takes it", 60, leader.log)
    wait_until(lambda: not leader.leads(), "another leads", 60, leader.log)


@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"] if SOAK else ["mysql97"])
def test_sinks_have_every_change_in_order_whoever_leads(lab, cluster_of, kind):
    """Kafka's transactions have it once; elsewhere what comes again is told by its id."""
    source, kafka, rabbitmq = lab.server(kind), lab.kafka(), lab.rabbitmq()
    for name, table in itertools.product(["once", "least"], TABLES):
        kafka.make_topic(f"{name}.{table}", partitions=4)
    sinks = [kafka_sink(kafka, "once", delivery="transactional"), kafka_sink(kafka, "least"),
             rabbitmq_sink(rabbitmq.url(), start="earliest")]
    cluster = cluster_of(source, sinks=sinks)

    def wait_sinks(leader):
        for sink in sinks:
            wait_sink(leader, source, sink["name"])

    changes = (60 if SOAK else 2) * [kill, freeze, transfer]
    with Ledger(source, pause_s=0.005) as ledger:
        for change in changes:
            leader = cluster.leader(60)
            wait_sinks(leader)
            change(cluster, leader)
    wait_sinks(cluster.leader(60))
    what = f"{len(changes)} leaders on {kind}"
    messages, epochs = from_kafka(kafka, "once")
    ledger.assert_delivered(messages, exactly_once=True, what=f"{what}, kafka's transactions")
    assert len(set(epochs)) >= len(changes) // 2  # a leader may have had nothing to deliver
    ledger.assert_delivered(from_kafka(kafka, "least")[0], exactly_once=False, what=f"{what}, kafka")
    ledger.assert_delivered(from_rabbitmq(rabbitmq, "rabbit"), exactly_once=False, what=f"{what}, rabbitmq")
    assert len({int(properties.headers["epoch"]) for properties, _ in rabbitmq.read("rabbit")}) >= len(changes) // 2


def test_what_sinks_are_told_anywhere_holds_at_the_next_leader(lab, cluster_of):
    source = lab.server("mysql97")
    path, section = file_of_all(lab, tables="d.a")
    folder = path.parent
    cluster = cluster_of(source, sinks=[section])
    source.sql("CREATE DATABASE d", "CREATE TABLE d.a (id INT PRIMARY KEY)", "CREATE TABLE d.b (id INT PRIMARY KEY)",
               "INSERT INTO d.a VALUES (1)", "INSERT INTO d.b VALUES (1)")
    leader = cluster.leader()
    follower = cluster.others(leader)[0]

    def lines(name, table):
        path = folder / name
        return path.read_text().count(f'"table":"{table}"') if path.exists() else 0

    def wait_lines(name, table, count):
        wait_until(lambda: lines(name, table) == count, f"{count} of {table} in {name}", 60,
                   lambda: "\n".join(node.log()[-3000:] for node in cluster.nodes))

    wait_lines("out.jsonl", "a", 1)
    # Asked at a node that does not lead: changed, added, paused.
    follower.run("sink", "set", "out", 'tables=["d.a", "d.b"]')
    follower.run("sink", "add", "more", "stream=shop", "type=file", f"path={folder / 'more.jsonl'}", "format=binbus",
                 "tables=d.b", "start=earliest")
    follower.run("schema", "rebuild")
    wait_lines("more.jsonl", "b", 1)
    follower.run("sink", "pause", "more")
    wait_until(lambda: {sink["name"]: sink["state"] for sink in leader.shop["sinks"]} == {"out": "running", "more": "paused"},
               "it is paused", 30, lambda: leader.shop["sinks"])
    leader.kill9()
    source.sql("INSERT INTO d.b VALUES (2)")
    wait_lines("out.jsonl", "b", 1)
    there = cluster.leader()
    assert {sink["name"]: sink["state"] for sink in there.shop["sinks"]} == {"out": "running", "more": "paused"}
    assert lines("more.jsonl", "b") == 1
    assert 'd.b' in there.run("sink", "show", "out").stdout
    cluster.others(there)[0 if cluster.others(there)[0] is not leader else 1].run("sink", "resume", "more")
    wait_lines("more.jsonl", "b", 2)
    there.run("sink", "reset", "out")
    there.run("sink", "remove", "more")
    leader.start()
    wait_until(lambda: [sink["name"] for sink in leader.shop["sinks"]] == ["out"], "it knows of the removal", 60, leader.log)


def test_a_filter_table_is_known_as_of_a_sinks_place_whoever_leads(lab, cluster_of):
    """Each leader finds changes that were not delivered, and a filter table that is another by now, in the log and at the source."""
    source = lab.server("mysql97")
    source.sql("CREATE DATABASE d", *(f"CREATE TABLE d.{table} (id INT PRIMARY KEY)" for table in "tuv"), *FILTER_TABLE,
               "INSERT INTO ops.monitored VALUES ('d', 't', 1, 1, 1)")
    file, offset = source.position()
    path, section = file_of_all(lab, format="maxwell", filter_table="ops.monitored", start=f"{file}:{offset}")
    cluster = cluster_of(source, sinks=[section])

    numbers = itertools.count(1)

    def write():
        number = next(numbers)
        source.sql(*(f"INSERT INTO d.{table} VALUES ({number})" for table in "tuv"))

    def pause(node):
        node.run("sink", "pause", "out")
        wait_until(lambda: node.shop["sinks"][0]["state"] == "paused", f"the sink pauses at {node}", 60, node.log)

    def delivered():
        return [f"{m['table']}{m['data']['id']}" for m in map(json.loads, whole_lines(path))]

    first = cluster.leader()
    second, third = cluster.others(first)
    write()
    wait_sink(first, source)
    wanted = ["t1"]
    assert delivered() == wanted
    for leader, to, changes, rows in (
            (first, second, ["INSERT INTO ops.monitored VALUES ('d', 'u', 1, 1, 1)", "DELETE FROM ops.monitored WHERE tb_name = 't'"],
             ["t2", "u2", "u3"]),
            (second, first, ["UPDATE ops.monitored SET tb_name = 'v'", "INSERT INTO ops.monitored VALUES ('d', 't', 1, 1, 1)"],
             ["v4", "t5", "v5"]),
            (first, third, ["DELETE FROM ops.monitored WHERE tb_name = 'v'", "DELETE FROM ops.monitored"], ["t6"])):
        pause(leader)
        for change in changes:
            source.sql(change)
            write()
        transfer(cluster, leader, to)
        assert cluster.leader() is to
        to.run("sink", "resume", "out")
        wait_sink(to, source)
        wanted += rows
        assert delivered() == wanted
