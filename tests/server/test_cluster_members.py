"""Nodes come, go and change places while the source and its replicas go on."""

import json
import pathlib
import shutil
import signal
import ssl
import time

import pytest
import toml

from certificates import Authority
from cluster import Cluster, Node
from compare import assert_same_bytes, assert_same_tables
from feed import Client, feed
from ledger import Ledger
from load import Load
from process import wait_until
from servers import semi_sync_source
from test_admin import metrics
from test_semisync import semi_sync_status
from watcher import SOAK


def view(node):
    """What `binbus cluster status --json` says there."""
    return json.loads(node.run("cluster", "status", "--json").stdout)


def shop_of(node):
    return view(node)["streams"][0]


def voters(node):
    return sorted(member["name"] for member in shop_of(node)["members"] if member["voter"])


def asked(node, *words):
    """`binbus cluster WORDS`, which is to be done."""
    done = node.run("cluster", *words, check=False)
    assert done.returncode == 0 and done.stdout == "", (words, done)


def refused(node, *words):
    done = node.run("cluster", *words, check=False)
    assert done.returncode == 1, (words, done)
    return done.stderr


def wait_known(cluster):
    """All nodes have told of themselves."""
    def known():
        return all(len([each for each in view(node)["nodes"] if each["connected"]]) == len(cluster.nodes)
                   for node in cluster.nodes)

    wait_until(known, "all nodes are connected", 60, lambda: view(cluster.nodes[0]))


def wait_leader_other_than(cluster, node):
    return wait_until(lambda: next((each for each in [cluster.leader()] if each is not node), None), f"another than {node} leads", 60)


def wait_missed(gone, *nodes):
    """Until all of them know that it does not answer."""
    def missed(node):
        return not next(each for each in view(node)["nodes"] if each["name"] == gone.name)["connected"]

    wait_until(lambda: all(missed(node) for node in nodes), f"{gone} is missed", 60, lambda: [view(node) for node in nodes])


def new_node(lab, cluster, name):
    """A node that is to join; it has the others as its peers."""
    node = lab.keep(Node(lab.new_folder(name), name, *cluster.sources))
    node.config["node"]["peers"] = [f"{each.name}@127.0.0.1:{each.node_port}" for each in cluster.nodes]
    return node


def agreed_term(nodes):
    """Raft's term of the stream, once they tell the same in status and metrics, and one of them leads."""
    def look():
        told = [metrics(node) for node in nodes]
        terms = {shop_of(node)["term"] for node in nodes} | {each['binbus_cluster_term{stream="shop"}'] for each in told}
        leads = sum(each['binbus_cluster_leads{stream="shop"}'] for each in told)
        return terms.pop() if (len(terms), leads) == (1, 1) else None

    return wait_until(look, "all tell of one term and one leader", 60, lambda: [node.shop["cluster"] for node in nodes])


def test_status_says_the_same_at_every_node(lab, cluster_of):
    cluster = cluster_of(lab.server("mysql97"))
    leader = cluster.leader()
    wait_known(cluster)
    term = agreed_term(cluster.nodes)
    for node in cluster.nodes:
        # As the leader knows it, which asks anew now and then.
        wait_until(lambda node=node: {(member["active"], member["lag_entries"]) for member in shop_of(node)["members"]} == {(True, 0)},
                   "all are active and not behind", 60, lambda node=node: shop_of(node))
        shop = shop_of(node)
        assert shop["leader"] == leader.name and shop["term"] > 0
        assert sorted(member["name"] for member in shop["members"]) == ["n1", "n2", "n3"]
        assert [each["name"] for each in view(node)["nodes"]] == ["n1", "n2", "n3"]
        text = node.run("cluster", "status").stdout
        assert "shop" in text and "n3" in text and "votes" in text
    names = {view(node)["name"] for node in cluster.nodes}
    assert len(names) == 1 and names != {""}
    gone = cluster.leader()
    gone.kill9()
    assert agreed_term(cluster.others(gone)) > term


def test_many_streams_are_spread_and_taken_over(lab):
    source = lab.server("mysql97")
    cluster = Cluster(lab.new_folder("cluster"), source)
    names = [f"s{number}" for number in range(30)]
    for node in cluster.nodes:
        unserved = {key: value for key, value in node.stream.items() if key not in ("listen", "replica_user")}
        node.config |= {"memory": "1 GiB", "stream": [{**unserved, "name": name} for name in names]}
        lab.keep(node).start_with(toml.dumps(node.config))

    def wait_led(nodes):
        """Until all streams are led, and each of these nodes leads some and has all that the source has written by now."""
        file, offset = source.position()

        def done():
            leaders = {stream["leader"] for stream in view(nodes[0])["streams"]}
            ends = [stream["position"] for node in nodes for stream in node.status()["streams"]]
            return leaders == {node.name for node in nodes} and all(end and (end["file"], end["offset"]) >= (file, offset) for end in ends)

        wait_until(done, f"{nodes} lead all streams", 120, lambda: view(nodes[0])["streams"])

    source.sql("CREATE DATABASE a")
    wait_led(cluster.nodes)
    assert sorted(stream["name"] for stream in view(cluster.nodes[0])["streams"]) == sorted(names)
    cluster.nodes[0].kill9()
    source.sql("CREATE DATABASE b")
    wait_led(cluster.nodes[1:])
    cluster.nodes[0].start_with(toml.dumps(cluster.nodes[0].config))
    source.sql("CREATE DATABASE c")
    wait_led(cluster.nodes)


@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"])
def test_nodes_are_drained_replaced_added_and_removed_under_load(lab, cluster_of, kind):
    source = lab.server(kind, *semi_sync_source(kind, 60_000))
    replica = lab.server(kind)
    cluster = cluster_of(source)
    first = cluster.leader()
    wait_known(cluster)
    followed = cluster.others(first)[0]
    replica.follow(followed)
    with Load(source) as load:
        load.wait_commits(50)

        # The lead moves on command, and away from a node that is drained.
        second = followed
        asked(first, "transfer", "shop", second.name)
        wait_until(lambda: cluster.leader() is second, "it leads", 60)
        asked(first, "drain", second.name)
        third = wait_leader_other_than(cluster, second)
        assert "is drained" in refused(first, "transfer", "shop", second.name)
        asked(first, "drain", second.name, "--end")
        load.wait_commits(50)

        # A node whose disk is lost comes back empty, under its name.
        lost = next(node for node in cluster.nodes if node not in (third, second))
        lost.kill9()
        wait_missed(lost, *cluster.others(lost))
        join_anew([lost])
        wait_until(lambda: voters(third) == ["n1", "n2", "n3"], "it votes again", 60, lambda: view(third))
        load.wait_commits(50)

        # Another one comes by `add`, and one goes.
        fourth = new_node(lab, cluster, "n4")
        fourth.start()
        wait_until(lambda: "cluster join" in view(fourth)["reason"], "it waits to be asked in", 60, fourth.log)
        asked(lost, "add", f"n4@127.0.0.1:{fourth.node_port}")
        assert voters(fourth) == ["n1", "n2", "n3", "n4"]
        assert "in the cluster already" in refused(fourth, "join")
        load.wait_commits(50)
        cluster.nodes.append(fourth)
        gone = cluster.leader()
        if gone is followed:
            asked(fourth, "transfer", "shop", lost.name)
            gone = wait_leader_other_than(cluster, followed)
        asked(fourth, "remove", gone.name)
        left = sorted({"n1", "n2", "n3", "n4"} - {gone.name})
        assert voters(fourth) == left
        gone.stop()
        load.wait_commits(50)
    for node in cluster.others(gone):
        node.wait_for(source)
        assert_same_bytes(source, node)
    replica.wait_for(source)
    load.assert_nothing_lost(replica)
    assert_same_tables(source, replica)


@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"] if SOAK else ["mysql97"])
def test_nodes_are_upgraded_one_after_the_other_under_load(lab, cluster_of, kind):
    """Each is drained, stopped and started. Replicas and readers, of which each loses its node once at least, miss nothing."""
    source = lab.server(kind, *semi_sync_source(kind, 60_000))
    replicas = lab.servers(kind, kind, kind)
    cluster = cluster_of(source, prepare=feed)
    cluster.leader()
    wait_known(cluster)
    for replica, node in zip(replicas, cluster.nodes):
        replica.follow(node)
    with Ledger(source, pause_s=0.005) as ledger:
        # One is told of all nodes, the other finds them by the one that is stopped first.
        readers = [lab.keep(Client(lab.new_folder("reader"), *nodes, start="earliest", tables=["d.*"])).start()
                   for nodes in (cluster.nodes[::-1], cluster.nodes[:1])]

        def go_on():
            """What is committed from now on comes to all who read."""
            until, (file, offset) = ledger.commits + 50, source.position()
            wait_until(lambda: ledger.commits >= until or ledger.error, "the load goes on", 60)
            for reader in readers:
                wait_until(lambda: place(reader) >= (file, offset), f"{reader.folder} goes on", 60, reader.log)

        for node in cluster.nodes:
            go_on()
            asked(node, "drain", node.name)
            assert wait_leader_other_than(cluster, node)
            assert node.stop() == 0
            go_on()
            node.start()
            asked(node, "drain", node.name, "--end")
    status = semi_sync_status(source)
    assert (status["status"], status["no_tx"]) == ("ON", 0), status
    for node in cluster.nodes:
        node.wait_for(source)
        assert_same_bytes(source, node)
    for replica in replicas:
        replica.wait_for(source)
        assert_same_tables(source, replica)
    for reader in readers:
        wait_until(lambda: len(changes_of_rows(reader)) >= sum(map(len, ledger.rows.values())), "all changes", 60, reader.log)
        assert reader.log().count("connected ") > 1
        ledger.assert_delivered(changes_of_rows(reader), exactly_once=True, what=f"a reader on {kind}")


def place(reader):
    """(file, offset) up to which it has everything; of a transaction that it has a part of, where that begins."""
    changes = reader.changes()
    file, offset = changes[-1]["position"].split(":")[:2] if changes else ("", "0")
    return file, int(offset.partition("/")[0])


def changes_of_rows(reader):
    """Each with what tells it from all others, as Ledger.assert_delivered() wants them."""
    return [((change["transaction"], change["event"], change["row"]),
             {"type": change["op"], "table": change["table"], "data": change["after"] or change["before"]})
            for change in reader.changes() if change["op"] in ("insert", "update", "delete")]


def progress(node, of):
    """(entries behind, active) of the other, as that node sees it by itself."""
    return next((each["lag_entries"], each["active"]) for each in node.shop["cluster"]["members"] if each["name"] == of.name)


def test_what_would_lose_the_majority_is_refused(lab, cluster_of):
    source = lab.server("mysql97")
    cluster = cluster_of(source)
    leader = cluster.leader()
    wait_known(cluster)
    dead, alive = cluster.others(leader)
    dead.kill9()
    source.sql("CREATE DATABASE d")
    wait_missed(dead, leader, alive)
    alive.wait_for(source)
    # The leader alone knows how far the others are.
    wait_until(lambda: progress(leader, dead)[1] is False, "it is not active", 60, lambda: leader.shop["cluster"])
    behind, _ = progress(leader, dead)
    assert behind > 0 and progress(alive, dead) == (None, None)
    of_dead = f'{{stream="shop",node="{dead.name}"}}'
    told = metrics(leader)
    assert told["binbus_cluster_member_lag_entries" + of_dead] == behind and told["binbus_cluster_member_active" + of_dead] == 0
    assert not any("cluster_member" in name for name in metrics(alive))
    for node in (leader, alive):
        assert [member["lag_entries"] for member in shop_of(node)["members"] if member["name"] == dead.name] == [behind]
    assert "(lag -)" in alive.run("status", "--once").stdout
    assert f"{dead.name} ({behind} entries behind)" in alive.run("cluster", "status").stdout
    assert dead.name in refused(leader, "remove", alive.name)
    assert "no node" in refused(leader, "remove", "n9")
    assert "does not answer" in refused(leader, "transfer", "shop", dead.name)
    asked(leader, "remove", dead.name)
    assert voters(leader) == sorted([leader.name, alive.name])
    # It comes back, and is told that it was removed.
    dead.start_with((dead.folder / "binbus.toml").read_text())
    wait_until(lambda: "any more" in view(dead)["reason"], "it knows", 60, dead.log)
    dead.kill9()
    alive.kill9()
    wait_until(lambda: leader.shop["state"] == "standby", "it steps down", 60, leader.log)
    assert progress(leader, alive) == progress(leader, leader) == (None, None)
    wait_until(lambda: "no majority" in refused(leader, "drain", leader.name), "nothing can be changed", 60)


def join_anew(nodes):
    for node in nodes:
        shutil.rmtree(node.folder / "data")
        node.start_with((node.folder / "binbus.toml").read_text())
        wait_until(lambda node=node: "cluster join" in view(node)["reason"], "it waits to be asked in", 60, node.log)
        asked(node, "join")


def test_the_way_back_from_a_lost_majority(lab, cluster_of):
    source = lab.server("mysql97")
    cluster = cluster_of(source)
    leader = cluster.leader()
    wait_known(cluster)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    for node in cluster.nodes:
        node.wait_for(source)
    survivor, *lost = [leader, *cluster.others(leader)]
    for node in cluster.nodes:
        node.kill9()
    explained = survivor.run("cluster", "init", check=False)
    assert explained.returncode == 2 and "--yes" in explained.stderr
    begun = survivor.run("cluster", "init", "--yes")
    assert "stream shop: goes on from" in begun.stdout
    survivor.start()
    wait_until(survivor.leads, "it leads alone", 60, survivor.log)
    assert voters(survivor) == [survivor.name]
    source.sql("INSERT INTO d.t VALUES (2)")
    survivor.wait_for(source)
    # One of the lost comes back with its old folder: it has no part in it.
    old = lost[0]
    old.start_with((old.folder / "binbus.toml").read_text())
    wait_until(lambda: "of cluster" in old.log() + survivor.log(), "they refuse each other", 60, old.log)
    assert voters(survivor) == [survivor.name]
    old.kill9()
    # New ones, with empty folders, make it three again; also after restarts of all.
    join_anew(lost)
    assert voters(survivor) == ["n1", "n2", "n3"]
    for node in cluster.nodes:
        node.stop()
    for node in cluster.nodes:
        node.start()
    cluster.leader()
    assert voters(survivor) == ["n1", "n2", "n3"]
    source.sql("INSERT INTO d.t VALUES (3)")
    for node in cluster.nodes:
        node.wait_for(source)
        assert_same_bytes(source, node)


def test_all_are_lost_but_a_copy_of_one(lab, cluster_of):
    source = lab.server("mysql97")
    cluster = cluster_of(source)
    leader = cluster.leader()
    wait_known(cluster)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    copied, *lost = [*cluster.others(leader), leader]
    copied.wait_for(source)
    copied.stop()
    backup = pathlib.Path(lab.new_folder("backup"))
    shutil.copytree(copied.folder / "data", backup)
    copied.start()
    source.sql("INSERT INTO d.t VALUES (2)")
    replica = lab.server("mysql97")
    replica.follow(copied)
    replica.wait_for(source)
    for node in cluster.nodes:
        node.kill9()
    # Only the copy is left.
    shutil.rmtree(copied.folder / "data")
    shutil.copytree(backup, copied.folder / "data")
    copied.run("cluster", "init", "--yes")
    copied.start()
    wait_until(copied.leads, "it leads alone", 60, copied.log)
    source.sql("INSERT INTO d.t VALUES (3)")
    copied.wait_for(source)
    join_anew(lost)
    assert voters(copied) == ["n1", "n2", "n3"]
    for node in cluster.nodes:
        node.wait_for(source)
        assert_same_bytes(source, node)
    replica.wait_for(source)
    assert_same_tables(source, replica)


def test_a_learner_keeps_the_log_and_decides_nothing(lab, cluster_of):
    source = lab.server("mysql97", *semi_sync_source("mysql97", 60_000))
    cluster = cluster_of(source)
    leader = cluster.leader()
    wait_known(cluster)
    slow = cluster.others(leader)[0]  # it votes; the other two are a majority
    slow.config["node"] |= {"site": "slow", "lead_priority": 0, "bytes_per_second": "256 KiB"}
    slow.restart()
    wait_until(lambda: "slow" in [each["site"] for each in view(leader)["nodes"]], "the leader knows", 60, lambda: view(leader))
    far = new_node(lab, cluster, "far")
    far.config["node"] |= {"votes": False, "site": "far", "bytes_per_second": "1 MiB"}
    far.start()
    wait_until(lambda: "cluster join" in view(far)["reason"], "it waits to be asked in", 60, far.log)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (s LONGTEXT)", *["INSERT INTO d.t VALUES (REPEAT('x', 1000000))"] * 6)
    assert not slow.holds(*source.position()), "the commits have waited for it"
    began = time.monotonic()
    asked(far, "join")
    source.sql("INSERT INTO d.t VALUES ('y')")
    assert not far.holds(*source.position()), "the commit has waited for it"
    assert voters(far) == ["n1", "n2", "n3"]
    far.wait_for(source)
    assert time.monotonic() - began > 5  # for 5.7 MiB
    record = wait_until(lambda: next((each for each in view(leader)["nodes"] if each["name"] == "far"), None), "the leader knows it", 60)
    assert record["site"] == "far" and not record["votes"]
    assert "has no vote" in refused(far, "transfer", "shop", "far")
    replica = lab.server("mysql97")
    replica.follow(far)
    far.kill9()
    source.sql("INSERT INTO d.t VALUES ('z')")  # nobody waits for it
    far.start()
    replica.wait_for(source)
    assert_same_bytes(source, far)


@pytest.mark.parametrize("kind", ["mysql97", "mariadb1011"])
def test_a_replica_that_is_ahead_of_a_node_waits_for_it(lab, cluster_of, kind):
    source, replica = lab.servers(kind, kind)
    cluster = cluster_of(source)
    leader = cluster.leader()
    behind, other = cluster.others(leader)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    behind.wait_for(source)
    behind.kill9()
    replica.follow(leader)
    source.sql("INSERT INTO d.t VALUES (1)")
    replica.wait_for(source)
    leader.kill9()
    other.kill9()
    behind.start()
    behind.wait_listening(behind.port)
    # As few attempts as where replicas go to another node by themselves.
    replica.follow(behind, **({} if replica.is_mariadb else {"RETRY_COUNT": 1}))
    wait_until(lambda: behind.log().count("this log may be behind its source") > 2, "it tries again and again", 60, replica.why)
    leader.start()
    other.start()
    replica.wait_for(source)
    source.sql("INSERT INTO d.t VALUES (2)")
    replica.wait_for(source)
    assert_same_tables(source, replica)


def test_a_vote_is_given_up_when_most_of_the_others_are_there(lab, cluster_of):
    source = lab.server("mysql97")
    cluster = cluster_of(source)
    leader = cluster.leader()
    wait_known(cluster)
    dead, changed = cluster.others(leader)
    dead.kill9()
    changed.stop()
    changed.config["node"]["votes"] = False
    changed.start()
    wait_until(lambda: not next(each for each in view(leader)["nodes"] if each["name"] == changed.name)["votes"], "it is known", 60, leader.log)
    source.sql("CREATE DATABASE d")
    for number in range(30):
        source.sql(f"CREATE TABLE d.t{number} (id INT PRIMARY KEY)")
        leader.wait_for(source)
    assert voters(leader) == ["n1", "n2", "n3"]
    dead.start()
    wait_until(lambda: voters(leader) == sorted([leader.name, dead.name]), "its vote is given up", 60, lambda: view(leader))
    for node in cluster.nodes:
        node.wait_for(source)


def test_the_highest_lead_priority_leads(lab, cluster_of):
    cluster = cluster_of(lab.server("mysql97"))
    # Two, one after the other: the names alone would have one of the nodes lead.
    for priority, node in enumerate(cluster.nodes[:2], 5):
        cluster.leader()
        node.config["node"]["lead_priority"] = priority
        node.restart()
        wait_until(node.leads, f"{node} leads", 60, lambda: view(cluster.nodes[2]))


def test_nodes_know_each_other_by_certificate(lab, cluster_of):
    ours, theirs = (Authority(f"{lab.folder}/{name}", name) for name in ("ours", "theirs"))

    def certify(node, authority=ours):
        certificate, key = authority.sign(node.name)
        node.config["node"] |= {"tls_cert": str(certificate), "tls_key": str(key), "tls_ca": str(ours.ca)}
        return certificate.read_text()

    def shown(node):
        return ssl.get_server_certificate(("127.0.0.1", node.node_port))

    source = lab.server("mysql97")
    cluster = cluster_of(source, prepare=certify)
    leader = cluster.leader()
    plain, stranger = (new_node(lab, cluster, name) for name in ("plain", "stranger"))
    certify(stranger, theirs)
    for node, why in ((plain, "takes TLS only"), (stranger, "unknown ca")):
        node.start()
        # The end of the connection may overtake what is said of it.
        wait_until(lambda: why in refused(node, "join"), "it is told", 30, node.log)
        wait_until(lambda: why in node.log(), "it says so", 30, node.log)
    before = shown(leader)
    renewed = certify(leader)
    assert before != renewed
    leader.child.send_signal(signal.SIGHUP)
    wait_until(lambda: shown(leader) == renewed, "it shows the new one", 30, leader.log)
    cluster.others(leader)[0].restart()
    wait_known(cluster)
    source.sql("CREATE DATABASE d")
    for node in cluster.nodes:
        node.wait_for(source)


def test_a_node_that_lost_what_it_acknowledged_takes_no_part(lab, cluster_of):
    cluster = cluster_of(lab.server("mysql97"))
    cluster.leader()
    wait_known(cluster)
    node = cluster.nodes[0]
    node.stop()
    shutil.rmtree(node.folder / "data/shop")
    node.start()
    wait_until(lambda: "join anew" in node.shop["reason"], "it says what to do", 30, node.log)
    assert node.shop["state"] == "stopped"
    node.stop()
    shutil.rmtree(node.folder / "data/.cluster")
    node.folder.joinpath("binbus.toml").exists()
    done = node.run("serve", "-c", "binbus.toml", check=False)
    assert done.returncode == 1 and "join anew" in done.stderr


def test_a_node_that_was_alone_becomes_a_cluster(lab):
    """Its log is theirs; sinks, what they were told, and clients' cursors go on where they were."""
    source = lab.server("mysql97")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    first = feed(lab.keep(Node(lab.new_folder("n1"), "n1", source)))
    as_node = first.config.pop("node")
    out = {"name": "out", "stream": "shop", "type": "file", "path": "-", "format": "binbus", "start": "latest"}
    first.config["sink"] = [out]  # a target that keeps no place itself
    first.start()
    wait_until(lambda: first.shop["state"] == "streaming", "it streams", 60, first.log)
    first.run("sink", "set", "out", "exclude=d.other")
    client = lab.keep(Client(lab.new_folder("client"), first, tables=["d.t"], start="now", cursor="app", commit=True)).start()
    wait_until(lambda: "connected" in client.log(), "the client is there", 60, client.log)

    def insert(number):
        source.sql(f"INSERT INTO d.t VALUES ({number})")

    def wait_delivered(node, number):
        wait_until(lambda: f'"after":{{"id":{number}}}' in node.log(), f"row {number} is delivered", 60, node.log)
        client.wait_change(lambda change: change["op"] == "insert" and change["after"] == {"id": number}, f"and row {number} to the client")

    insert(1)
    wait_delivered(first, 1)
    wait_until(lambda: (first.segments / "feed/app.cursor").exists() and (first.segments / "sinks/out.checkpoint").exists(), "both are kept", 30)
    client.stop()
    first.run("sink", "pause", "out")
    insert(2)  # which "latest" would pass over
    first.wait_for(source)
    first.stop()

    first.config["node"] = as_node
    first.start()
    wait_until(first.leads, "it leads", 60, first.log)
    client.start()
    wait_delivered(first, 2)
    assert first.log().count('"after":{"id":1}') == 1
    assert "d.other" in first.run("sink", "show", "out").stdout
    assert not list((first.segments / "sinks").glob("out.*")) and not list((first.segments / "feed").glob("*"))

    cluster = Cluster(lab.new_folder("cluster"), source, count=0)
    cluster.nodes.append(first)
    for name in ("n2", "n3"):
        node = feed(new_node(lab, cluster, name))
        node.config["sink"] = [out]
        cluster.nodes.append(node.start())
        asked(node, "join")
    wait_until(lambda: voters(first) == ["n1", "n2", "n3"], "all vote", 60, lambda: shop_of(first))
    first.kill9()
    leader = cluster.leader()
    client.stop()
    insert(3)
    client = lab.keep(Client(lab.new_folder("client"), leader, tables=["d.t"], start="now", cursor="app", commit=True)).start()
    wait_delivered(leader, 3)
    assert '"after":{"id":1}' not in leader.log() and not [change for change in client.changes() if change["after"] == {"id": 1}]
    assert "d.other" in leader.run("sink", "show", "out").stdout
    first.start()
    for node in cluster.nodes:
        node.wait_for(source)
        assert_same_bytes(source, node)
