"""Three nodes in networks of their own: cut off, frozen, full, killed, wiped; the source and the replicas go on, and nothing is lost."""

import contextlib
import hashlib
import pathlib
import shutil
import statistics
import subprocess
import threading
import time
import types

import pymysql
import pytest
from pymysql.constants import CLIENT

from compare import assert_same_bytes, assert_same_tables
from ledger import TABLES, Ledger, from_kafka, place_of
from load import ROWS, Load
from process import wait_until
from servers import mariadb_position
from test_semisync import semi_sync_status
from three_nodes import ROOM, TOOL, ThreeNodes
from watcher import SOAK

KINDS = ("mysql97", "mariadb1011") if SOAK else ("mysql97",)
SECONDS = 600
MORE = 10 if SOAK else 1  # commits
SMALL_DISKS = [word for name in ("n1", "n2", "n3") for word in ("--small-disk", name)]
STALL_MAX_S = 2  # without a commit, whatever fails, on a machine with nothing else to do


class Acknowledged(set):
    """The marks of a load's commits, and the longest time between two of them."""

    def __init__(self):
        super().__init__()
        self.forget()

    def forget(self):
        self.last, self.longest_s = time.monotonic(), 0

    def add(self, mark):
        now = time.monotonic()
        self.longest_s, self.last = max(self.longest_s, now - self.last), now
        super().add(mark)


@pytest.fixture
def three_nodes(lab):
    def make(kind, replicas, *options):
        # A source that once goes on without an acknowledgement says so.
        options = ("--semi-sync-timeout", 10_000, *options)
        return lab.keep(ThreeNodes(pathlib.Path(lab.new_folder("three")), kind, replicas, *options)).start()

    return make


def assert_all_acknowledged(three):
    """No commit went on without: neither its wait nor semi-sync itself was given up."""
    status = semi_sync_status(three.source)
    assert (status["status"], status["no_tx"]) == ("ON", 0), status


def rejoin(three, node, others):
    """One that has nothing any more comes as a new one."""
    three.tool("revive", node.name)
    asked(node, "join")
    wait_until(lambda: [True] == [each["voter"] and each["active"] for each in members(three, others) if each["name"] == node.name],
               f"{node} votes", 60, three.log)


def replace(three, node, others):
    asked(others[0], "remove", node.name)
    wait_until(lambda: len(members(three, others)) == 2, f"{node} is removed", 60, three.log)
    rejoin(three, node, others)


def asked(node, word, *name):
    """`binbus cluster WORD`, until it is done, also where the answer did not come."""
    def done():
        answer = subprocess.run(node.asking("cluster", word, *name), capture_output=True, text=True)
        return answer.returncode == 0 or {"join": "in the cluster already", "remove": 'no node "'}[word] in answer.stderr

    wait_until(done, f"{node} does cluster {word}", 60, node.log)


def members(three, nodes):
    """Those of the group, as its leader among these nodes sees them."""
    return three.leader(among=nodes).shop()["cluster"]["members"]


# What is done to a node, and what mends it. One that is parted from the nodes keeps the source, its replicas and its sinks' targets.
FAULTS = {
    "the leader cut off": ("leader", ("cut", "both"), "heal"),
    "the leader cannot be heard": ("leader", ("cut", "out"), "heal"),
    "the leader hears nothing": ("leader", ("cut", "in"), "heal"),
    "the leader parted from the nodes": ("leader", ("part", "nodes", "both"), "heal"),
    "the nodes cannot hear the leader": ("leader", ("part", "nodes", "out"), "heal"),
    "the leader cannot hear the nodes": ("leader", ("part", "nodes", "in"), "heal"),
    "a follower cut off": ("follower", ("cut", "both"), "heal"),
    "a follower parted from the leader": ("follower", ("part", "leader", "both"), "heal"),
    "the leader frozen": ("leader", ("freeze",), "thaw"),
    "a follower frozen": ("follower", ("freeze",), "thaw"),
    "the leader's disk full": ("leader", ("fill",), "unfill"),
    "a follower's disk full": ("follower", ("fill",), "unfill"),
    "the leader killed": ("leader", ("kill",), "revive"),
    "the leader wiped": ("leader", ("wipe",), rejoin),
    "a follower wiped": ("follower", ("wipe",), rejoin),
    "the leader replaced": ("leader", ("wipe",), replace),
}


@pytest.mark.parametrize("kind", KINDS)
def test_faults(three_nodes, kind):
    three = three_nodes(kind, 8 if SOAK else 4, *SMALL_DISKS)
    load = Load(three.source, (*ROWS, "ddl") if SOAK else ("small", "rollback", "large_row"), threads=3, large_bytes=100_000)
    load.acknowledged = Acknowledged()
    for name, (role, fault, mend) in FAULTS.items():
        began = time.monotonic()
        try:
            stall_s = endure(three, load, role, fault, mend)
        except BaseException as error:
            raise AssertionError(f"{name}: {error}\n{three.tool('status')}") from error
        print(f"{kind}, {name}: the longest wait for a commit was {stall_s:.2f} s (in {time.monotonic() - began:.0f} s)")
        assert_all_acknowledged(three)
        assert not SOAK or stall_s < STALL_MAX_S, name


def mended(three, node, others, mend):
    if callable(mend):
        return mend(three, node, others)
    three.tool(mend, node.name)


def befall(three, role, fault):
    """Returns the node that has the fault, and the others, of which one leads now."""
    leader = three.leader()
    node = leader if role == "leader" else three.others(leader)[0]
    three.tool(fault[0], node.name, *(leader.name if word == "leader" else word for word in fault[1:]))
    others = three.others(node)
    three.leader(among=others)

    def knows():
        shop = node.shop()
        return shop and shop["cluster"]["leader"] != leader.name

    if fault[0] == "part":  # mended sooner, it would not have given up the lead, or stood for election
        wait_until(knows, f"{node} sees {leader} lead no more", 60, three.log)
    return node, others


def endure(three, load, role, fault, mend):
    """The fault, the load going on, the mend; returns the longest time without a commit."""
    three.source.sql("FLUSH BINARY LOGS")
    first = three.source.position()[0]
    load.start()
    load.wait_commits(20 * MORE)
    load.acknowledged.forget()
    node, others = befall(three, role, fault)
    load.wait_commits(40 * MORE)
    go_on(three, others)
    mended(three, node, others, mend)
    load.wait_commits(40 * MORE)
    load.stop()
    assert_whole(three, load, first)
    return load.acknowledged.longest_s


def go_on(three, nodes):
    """Replicas at these nodes get what is written now."""
    gtids = three.source.gtids()
    for replica in three.replicas_of(*nodes):
        wait_until(lambda: has(replica, gtids), f"{replica} goes on", 60, replica.why)


def has(replica, gtids):
    if not replica.is_mariadb:
        return replica.value(f"SELECT GTID_SUBSET('{gtids}', @@GLOBAL.gtid_executed)") == 1
    here = mariadb_position(replica.value("SELECT @@GLOBAL.gtid_slave_pos"))
    return all(here.get(domain, 0) >= number for domain, number in mariadb_position(gtids).items())


def assert_whole(three, load, first):
    """Nothing is lost, and all have the same, from the binlog file `first` on."""
    for replica in three.replicas:
        replica.wait_for(three.source)
        load.assert_nothing_lost(replica)
        assert_same_tables(three.source, replica)
    for node in three.nodes:
        assert_same_bytes(three.source, node, first)


@contextlib.contextmanager
def delivered_once(lab, three):
    """In the block a ledger is written, and a sink delivers it to Kafka; behind it nothing lacks there, nor came twice. Gives the list of
    the messages' epochs, which is filled then."""
    with three.room():
        kafka = lab.kafka("listeners=PLAINTEXT://0.0.0.0:{port},CONTROLLER://127.0.0.1:{next}",
                          f"advertised.listeners=PLAINTEXT://{ROOM}:{{port}}")
        for table in TABLES:
            kafka.make_topic(f"out.{table}", partitions=4)
    subprocess.run(three.leader().asking("sink", "add", "out", "stream=shop", "type=kafka", f"brokers={ROOM}:{kafka.port}",
                                         "format=maxwell", "topic=out.{table}", "key=id", "delivery=transactional",
                                         "start=earliest", "retry_max=1s"), check=True)
    epochs = []
    with Ledger(three.source, pause_s=0.005) as ledger:
        yield epochs
    wait_delivered(three, three.nodes, "the end")
    with three.room():
        messages, epochs[:] = from_kafka(kafka)
    ledger.assert_delivered(messages, exactly_once=True, what=f"failures on {three.kind}")
    assert_all_acknowledged(three)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_kafka_has_every_change_once_whatever_fails(lab, three_nodes, kind):
    """The faults again: whoever leads goes on with the sink, and whoever led before is shut out, also when it could not know."""
    three = three_nodes(kind, 0, *SMALL_DISKS, "--room")
    with delivered_once(lab, three) as epochs:
        for name, (role, fault, mend) in FAULTS.items():
            wait_delivered(three, three.nodes, f"before {name}")
            node, others = befall(three, role, fault)
            wait_delivered(three, others, name)
            mended(three, node, others, mend)
            wait_delivered(three, three.nodes, f"after {name}")
    assert len(set(epochs)) > sum(role == "leader" for role, *_ in FAULTS.values())


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_kafka_has_every_change_once_while_leaders_are_killed(lab, three_nodes, kind):
    three = three_nodes(kind, 0, "--room")
    killed = 0
    with delivered_once(lab, three) as epochs:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            began = time.monotonic()
            kill_leader(three)
            killed += 1
            time.sleep(max(0, began + 10 - time.monotonic()))
    print(f"{kind}: {killed} leaders killed, {len(set(epochs))} of them, and the last, have delivered {len(epochs)} messages")
    assert len(set(epochs)) > killed / 2


def wait_delivered(three, nodes, when):
    """Until one of these nodes has delivered all that is in the source's log by now."""
    end = tuple(three.source.position())

    def delivered(shop):
        return shop and shop["sinks"] and place_of(shop) >= end

    wait_until(lambda: any(delivered(node.shop()) for node in nodes), f"the sink is at {end}, {when}", 120, three.log)


class Counting:
    """Writers of the smallest transactions, many a second: each counts up, and knows how far it was acknowledged."""

    BATCH = 10  # statements sent at one time, each a transaction

    def __init__(self, source, threads=120):
        self.acknowledged = [0] * threads
        self.clock = Acknowledged()
        self.ending = threading.Event()
        self.errors = []
        source.sql("CREATE DATABASE d", "CREATE TABLE d.t (thread INT, number INT, PRIMARY KEY (thread, number))")
        # One after the other: all at once are more than the server lets wait.
        self.threads = [threading.Thread(target=self.run, args=(number, source.connect_now(client_flag=CLIENT.MULTI_STATEMENTS)), daemon=True)
                        for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, failure, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        if self.errors and not failure:
            raise self.errors[0]

    def run(self, thread, connection):
        try:
            while not self.ending.is_set():
                first = self.acknowledged[thread] + 1
                cursor = connection.cursor()
                cursor.execute("; ".join(f"INSERT INTO d.t VALUES ({thread}, {first + each})" for each in range(self.BATCH)))
                for each in range(self.BATCH):
                    self.acknowledged[thread] = first + each
                    self.clock.add(0)
                    cursor.nextset()
        except pymysql.err.MySQLError as error:
            self.errors.append(error)

    def assert_nothing_lost(self, server):
        there = dict(server.sql("SELECT thread, MAX(number) FROM d.t GROUP BY thread HAVING COUNT(*) = MAX(number)"))
        lost = [thread for thread, number in enumerate(self.acknowledged) if there.get(thread, 0) < number]
        assert not lost, f"acknowledged and not at {server}: of {len(lost)} writers, {self.acknowledged[lost[0]]} of the first"


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"])
def test_leaders_killed_for_ten_minutes(three_nodes, kind):
    three = three_nodes(kind, 8, "--idle-replicas")
    stalls_s, rates = [], []
    with Counting(three.source) as load:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            began, before = time.monotonic(), sum(load.acknowledged)
            load.clock.forget()
            leader = kill_leader(three)
            assert not load.ending.wait(max(0, began + 10 - time.monotonic())) and not load.errors, load.errors
            stalls_s.append(load.clock.longest_s)
            rates.append((sum(load.acknowledged) - before) / (time.monotonic() - began))
            print(f"{leader.name} killed, no commit for {stalls_s[-1]:.2f} s, {rates[-1]:.0f} transactions/s", flush=True)
    total = sum(load.acknowledged)
    print(f"{kind}: {len(stalls_s)} leaders killed, {total} transactions acknowledged, {sum(rates) / len(rates):.0f}/s; "
          f"the longest without a commit {max(stalls_s):.2f} s, half of them under {statistics.median(stalls_s):.2f} s")
    assert_all_acknowledged(three)
    for node in three.nodes:
        assert_same_bytes(three.source, node)
    for replica in three.replicas:
        replica.wait_for(three.source, 1800)
        load.assert_nothing_lost(replica)
        assert_same_tables(three.source, replica)
    assert max(stalls_s) < STALL_MAX_S


def kill_leader(three):
    """Returns it, revived, when another leads."""
    leader = three.leader()
    three.tool("kill", leader.name)
    three.leader(among=three.others(leader))
    three.tool("revive", leader.name)
    return leader


RECEIVE = """
import socket
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("0.0.0.0", 9))
print("ready", flush=True)
input()
receiver.settimeout(0.3)
try:
    print(receiver.recv(9))
except socket.timeout:
    print("nothing")
"""


def passes(sender, receiver):
    """Whether a packet from one node gets to the other."""
    send = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{receiver.host}', 9))"
    inside = ["ip", "netns", "exec", receiver.namespace, "/usr/bin/python3", "-c", RECEIVE]
    with subprocess.Popen(inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as waits:
        assert waits.stdout.readline() == "ready\n"
        subprocess.run(["ip", "netns", "exec", sender.namespace, "/usr/bin/python3", "-c", send], check=True)
        print("sent", file=waits.stdin, flush=True)
        return waits.stdout.readline() == "b'x'\n"


def test_cut_directions(three_nodes):
    three = three_nodes("mysql97", 0)
    node, other, third = three.nodes
    source = types.SimpleNamespace(host="10.7.10.2", namespace=f"{three.prefix}-source")
    for words, lost, kept in ((("cut", node.name), other, (other, third)), (("part", node.name, "nodes"), third, (node, source)),
                              (("part", node.name, other.name), other, (node, third))):
        for direction in ("in", "out", "both"):
            three.tool(*words, direction)
            assert passes(node, lost) == (direction == "in")
            assert passes(lost, node) == (direction == "out")
        assert passes(*kept) and passes(*reversed(kept))
    assert f"parted from {node.name} in" in three.tool("status")
    three.tool("heal", other.name)  # the other end of the link
    assert passes(node, other) and passes(other, node)
    three.tool("part", node.name, "nodes")
    three.tool("heal", node.name)
    assert passes(node, third) and passes(third, node)
    assert "cut" not in three.tool("status") and "parted" not in three.tool("status")


def namespaces(folder):
    """Those of three-nodes in this folder."""
    prefix = "bb" + hashlib.sha1(str(folder).encode()).hexdigest()[:8]
    names = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout.split()
    return [name for name in names if name.startswith(prefix)]


def test_stop_after_a_start_that_was_killed(lab):
    """Nothing is left of it, wherever it was; another folder's three nodes go on."""
    folder = pathlib.Path(lab.new_folder("three"))
    lab.keep(ThreeNodes(folder, "mysql97", 0))
    for wanted in (1, 3, 6):  # the hub, some of the networks, servers that start
        starting = subprocess.Popen([TOOL, "start", "--replicas", "1", "--small-disk", "n1", folder], stdout=subprocess.DEVNULL)
        wait_until(lambda: len(namespaces(folder)) >= wanted, f"{wanted} networks")
        if wanted == 6:
            wait_until(lambda: (folder / "source/data/mysql").exists(), "the source starts")
        starting.kill()
        starting.wait()
        subprocess.run([TOOL, "stop", folder], check=True)
        assert not namespaces(folder)
        assert str(folder) not in pathlib.Path("/proc/self/mounts").read_text()
        shutil.rmtree(folder)


@pytest.mark.parametrize("words, status, says", [
    (["start"], 2, "FOLDER"),
    (["start", "--source", "oracle", "FOLDER"], 2, "mysql97"),
    (["start", "--small-disk", "n4", "FOLDER"], 2, "n3"),
    (["start", "FULL"], 1, "is there already"),
    (["start", "LONG"], 1, "too long"),
    (["status", "FOLDER"], 1, "nothing was started"),
    (["cut", "n1", "sideways", "FOLDER"], 2, "both"),
    (["cut", "n4", "STOPPED"], 1, "there are source, n1"),
    (["part", "n1", "n2", "sideways", "FOLDER"], 2, "both"),
    (["part", "n1", "STOPPED"], 2, "FOLDER"),
    (["part", "n1", "n4", "STOPPED"], 1, "there are source, n1"),
    (["part", "n1", "n1", "STOPPED"], 1, "from itself"),
    (["fill", "n1", "STOPPED"], 1, "--small-disk n1"),
    (["fill", "source", "STOPPED"], 1, "no node"),
    (["wipe", "source", "STOPPED"], 1, "no node"),
    (["freeze", "room", "STOPPED"], 1, "empty"),
    (["freeze", "n1", "STOPPED"], 1, "does not run"),
    (["stop", "STOPPED"], 0, ""),
])
def test_what_the_tool_refuses(tmp_path, words, status, says):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped/three-nodes.json").write_text('{"source": "mysql97", "replicas": 1, "small_disks": [], "room": true}')
    folders = {"FOLDER": "folder", "FULL": "full", "STOPPED": "stopped", "LONG": "x" * 100}
    done = subprocess.run([TOOL, *(str(tmp_path / folders[word]) if word in folders else word for word in words)],
                          capture_output=True, text=True)
    assert done.returncode == status and says in done.stderr, done
