"""Streams that some of a cluster's nodes keep."""

import subprocess
import urllib.error
import urllib.request

import pymysql
import pytest

from binbus import PROGRAM
from cluster import Cluster
from compare import assert_same_bytes, assert_same_tables
from feed import Client, feed
from load import Load
from process import wait_until
from servers import semi_sync_source
from test_cluster_members import asked, refused, shop_of, view, voters, wait_known, wait_missed


def started(lab, source, count, **stream):
    """A cluster of so many nodes with a feed and kept rows; each stream at three of them."""
    source.sql("GRANT SELECT ON *.* TO repl@'%'")
    cluster = Cluster(lab.new_folder("cluster"), source, count=count, copies=3, **stream)
    for node in cluster.nodes:
        feed(node).config["state"] = [{"stream": "shop", "tables": ["d.*"]}]
        lab.keep(node)
    cluster.start()
    cluster.leader()
    wait_known(cluster)
    return cluster


def split(cluster):
    """Those that keep the stream, and those that do not."""
    names = shop_of(cluster.nodes[0])["placed"]
    return [node for node in cluster.nodes if node.name in names], [node for node in cluster.nodes if node.name not in names]


def ready(node):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{node.admin_port}/ready", timeout=10) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def wait_aside(node, names):
    wait_until(lambda: node.shop["kept_at"] == sorted(names), f"{node} stands aside", 60, lambda: node.shop)
    assert node.shop["state"] == "standby" and node.shop["segments"] == 0


def refusal(node):
    user, password = node.replica_user
    with pytest.raises(pymysql.err.Error) as told:
        pymysql.connect(host="127.0.0.1", port=node.port, user=user, password=password)
    return str(told.value)


@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"])
def test_a_stream_is_kept_by_some_and_moves_under_load(lab, kind):
    source = lab.server(kind, *semi_sync_source(kind, 60_000))
    replica = lab.server(kind)
    cluster = started(lab, source, 4)
    (a, b, c), (out,) = split(cluster)
    for node in cluster.nodes:
        assert voters(node) == sorted([a.name, b.name, c.name])
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")

    # The other one says where it is, and passes on what it can.
    wait_aside(out, voters(a))
    assert not list(out.segments.glob("binlog.*"))
    for name in voters(a):
        assert name in refusal(out)
        assert name in out.run("segments", check=False).stderr
    for node in cluster.nodes:
        wait_until(lambda node=node: ready(node), f"{node} is ready", 60, lambda node=node: node.shop)
    assert out.run("schema", "rebuild").returncode == 0
    out.run("sink", "add", "changes", "type=file", f"path={out.folder}/changes", "tables=d.t")
    wait_until(lambda: "changes" in a.run("sink", "list").stdout, "it is known where the stream is kept", 60)
    assert a.name in out.run("sink", "pause", "changes", check=False).stderr
    client = lab.keep(Client(lab.new_folder("client"), out, stream="shop", tables=["d.t"], start="snapshot", cursor="mine"))
    client.start()
    client.wait_change(lambda change: change["op"] == "read" and change["after"]["id"] == 1, "the row that is there")
    source.sql("INSERT INTO d.t VALUES (2)")
    client.wait_change(lambda change: change["op"] == "insert" and change["after"]["id"] == 2, "the row that came")
    assert client.node() in voters(a)

    replica.follow(a)
    with Load(source) as load:
        load.wait_commits(50)
        # It moves, away from its leader too, and whoever is left out closes it.
        leader = cluster.leader()
        gone = next(node for node in (b, c, leader) if node is not a)
        stay = next(node for node in (a, b, c) if node not in (a, gone))
        tail = subprocess.Popen([PROGRAM, "tail", "-c", "binbus.toml"], cwd=gone.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        asked(out, "place", "shop", out.name, a.name, stay.name)
        assert voters(gone) == sorted([out.name, a.name, stay.name])
        wait_aside(gone, voters(a))
        assert tail.wait(60) == 1 and "closed" in tail.stderr.read()
        load.wait_commits(50)
        # It comes back, also after a restart.
        gone.stop()
        gone.start()
        wait_aside(gone, voters(a))
        asked(a, "transfer", "shop", out.name)
        assert "does not keep" in refused(a, "transfer", "shop", gone.name)
        asked(gone, "place", "shop", "--all")
        assert voters(out) == ["n1", "n2", "n3", "n4"]
        load.wait_commits(50)
        gone.wait_for(source)
        asked(gone, "place", "shop", a.name, stay.name, gone.name)
        wait_aside(out, voters(a))
        assert "no node" in refused(a, "place", "shop", "n9")
        assert "no stream" in refused(a, "place", "none", a.name)
        # One is lost for good: another keeps the stream in its stead.
        gone.kill9()
        wait_missed(gone, *cluster.others(gone))
        asked(a, "remove", gone.name)
        wait_until(lambda: voters(a) == sorted([out.name, a.name, stay.name]), "another has it", 60, lambda: view(a))
        load.wait_commits(50)
    for node in (out, a, stay):
        node.wait_for(source)
        assert_same_bytes(source, node)
    replica.wait_for(source)
    load.assert_nothing_lost(replica)
    assert_same_tables(source, replica)


def test_a_stream_loses_its_majority_and_the_cluster_does_not(lab):
    source = lab.server("mysql97")
    cluster = started(lab, source, 5)
    (a, b, c), others = split(cluster)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    for node in (a, b, c):
        node.wait_for(source)
    for node in (b, c):
        node.kill9()
    wait_missed(b, a, *others)
    wait_missed(c, a, *others)
    for node in (b, c):
        told = others[0].run("cluster", "remove", node.name)  # which cannot be done with this stream
        assert told.stdout == "" or "decided" in told.stdout
    # One that is to keep it in their stead has nothing yet.
    new = next(node for node in others if node.name in shop_of(others[0])["placed"])
    new.stop()
    nothing = new.run("cluster", "init", "--stream", "shop", "--yes", check=False)
    assert nothing.returncode == 1 and "no part" in nothing.stderr
    new.start()
    a.stop()
    explained = a.run("cluster", "init", "--stream", "shop", check=False)
    assert explained.returncode == 2 and "--yes" in explained.stderr
    unknown = a.run("cluster", "init", "--stream", "none", "--yes", check=False)
    assert unknown.returncode == 1 and "none" in unknown.stderr
    assert "goes on from" in a.run("cluster", "init", "--stream", "shop", "--yes").stdout
    a.start()
    wait_until(lambda: voters(others[0]) == sorted(node.name for node in (a, *others)), "others have it too", 120, lambda: view(a))
    source.sql("INSERT INTO d.t VALUES (2)")
    for node in (a, *others):
        node.wait_for(source)
        assert_same_bytes(source, node)
