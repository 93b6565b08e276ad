"""The feed under many clients, at every node, and through kills of whoever takes part."""

import itertools
import random
import re
import threading
import time

import pytest

from feed import Tables, feed
from process import wait_until
from servers import FAST
from test_feed import Bank, assert_all_there, assert_invariants, client_of, feeding, mark, moved, wait_mark
from test_sdk_cpp import follower
from test_state import wait_ready
from watcher import SOAK

# What the source was asked, but for the tests' own questions.
ASKED = ("SELECT command_type, user_host, CONVERT(argument USING utf8mb4) FROM mysql.general_log "
         "WHERE user_host LIKE '%repl%' OR (command_type = 'Connect' AND argument NOT LIKE 'root@%')")


@pytest.mark.parametrize("name", ["mysql97", "mariadb118"])
def test_fifty_begin_and_the_source_is_asked_nothing(lab, name):
    """Its general log has no query of theirs and no new connection while they come to have all rows, and the same ones."""
    source = lab.server(name, *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source) as bank:
        bank.wait(100)
        binbus.start()
        wait_ready(binbus, source)
        source.sql("SET GLOBAL log_output = 'TABLE'", "TRUNCATE TABLE mysql.general_log", "SET GLOBAL general_log = ON")
        clients = [follower(lab, binbus, tables="shop.*", start="snapshot", transactions=1) for _ in range(50)]
        bank.wait(100)
        assert not [client for client in clients if not client.running()]
    mark(source, 7)
    rows = []
    for client in clients:
        client.wait_mark(7)
        assert "disconnected" not in client.log()
        rows.append(assert_all_there(source, client.changes()).rows)
    assert all(each == rows[0] for each in rows)
    assert_invariants(clients[-1].changes(), at_least=0)
    assert not source.sql(ASKED)
    binbus.kill9()
    binbus.start()  # which is seen, as theirs would have been
    wait_until(lambda: source.sql(ASKED), "the log tells of a connection", 60)


class Gaps:
    """How long each client was told nothing, at the longest, while there was something to tell."""

    def __init__(self, clients):
        self.clients, self.stop = clients, threading.Event()
        self.longest = [0.0] * len(clients)
        self.thread = threading.Thread(target=self.run)

    def run(self):
        sizes, since = [0] * len(self.clients), [time.monotonic()] * len(self.clients)
        while not self.stop.wait(0.01):
            for i, client in enumerate(self.clients):
                now, size = time.monotonic(), client.file.stat().st_size
                self.longest[i] = max(self.longest[i], now - since[i])
                if size != sizes[i]:
                    sizes[i], since[i] = size, now

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def connected_to(client):
    """Names of nodes, in order."""
    return re.findall(r"^connected (\w+)", client.log(), re.M)


def test_nodes_are_killed_under_clients_of_both_sdks(lab, cluster_of):
    """The leader, then a follower: all go on, and each change comes once. Soak prints (-rP shows it) for how long at most nothing came."""
    source = lab.server("mysql97", *FAST)
    source.sql("GRANT SELECT ON *.* TO repl@'%'")
    cluster = cluster_of(source, prepare=lambda node: feed(node).config.update(state=[{"stream": "shop", "tables": ["shop.*"]}]))
    with Bank(source, pause_s=0.02) as bank:
        for node in cluster.nodes:
            wait_ready(node, source)
        clients = []
        for i, node in zip(range(20), itertools.cycle(cluster.nodes)):
            options = dict(tables=["shop.*"], start="snapshot", transactions=True)
            clients.append(client_of(lab, node, **options).start() if i < 10 else
                           follower(lab, node, tables="shop.*", start="snapshot", transactions=1))
        goes_on(clients, bank)
        names = {node.name for node in cluster.nodes}
        assert {connected_to(client)[0] for client in clients} == names, "followers feed, too"
        for kill in range(10 if SOAK else 2):
            served = {node: [client for client in clients if connected_to(client)[-1] == node.name] for node in cluster.nodes}
            leader = cluster.leader()
            victim = leader if kill % 2 == 0 else max(cluster.others(leader), key=lambda node: len(served[node]))
            cut_off = served[victim]
            assert cut_off or SOAK  # where it was killed before, it may serve nobody
            with Gaps(clients) as gaps:
                victim.kill9()
                goes_on(clients, bank)
            for client in cut_off:
                assert connected_to(client)[-1] != victim.name
            if SOAK:
                print(f"kill {kill + 1}, of {'the leader' if victim is leader else 'a follower'}, which served {len(cut_off)} of "
                      f"{len(clients)} clients: the longest gap was {max(gaps.longest):.2f} s")
            victim.start()
            victim.wait_for(source)
    mark(source, 7)
    for client in clients:
        wait_mark(client, 7) if hasattr(client, "wait_change") else client.wait_mark(7)
        assert "reset" not in [change["op"] for change in client.changes()]
        assert_all_there(source, client.changes())
        assert_invariants(client.changes())


def goes_on(clients, bank, seconds=120):
    """Waits until all have been told what is committed from now on."""
    bank.wait(5)
    newest = bank.source.sql("SELECT thread, MAX(number) FROM shop.counters GROUP BY thread")[0]
    words = [f'"thread": {newest[0]}, "number": {newest[1]}}}'.encode(), f'"thread": "{newest[0]}", "number": "{newest[1]}"}}'.encode()]

    def told(client):
        text = client.file.read_bytes() if client.file.exists() else b""
        return any(word in text for word in words)

    for client in clients:
        wait_until(lambda: told(client), f"{client.folder} goes on", seconds, client.log)


def assert_fits(changes):
    """As far as it has come: nothing came twice, and everything fits what came before it."""
    ids = [(change["transaction"], change["event"], change["row"]) for change in changes if change["op"] in ("insert", "update", "delete")]
    assert len(ids) == len(set(ids)), "a change came twice"
    assert "reset" not in [change["op"] for change in changes]
    Tables(moved(change) for change in changes)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011", pytest.param("mysql56", marks=pytest.mark.soak),
                                  pytest.param("mariadb118", marks=pytest.mark.soak)])
def test_kills_at_random(lab, name):
    """Of binbus, the source, a client that goes on, and one that begins with all rows time and again; at times several at once."""
    kills = 200 if SOAK else 8
    source = lab.server(name, "--innodb-flush-log-at-trx-commit=2")
    binbus = feeding(lab, source, "shop.*")
    options = dict(tables=["shop.*"], start="snapshot", transactions=True)
    dice = random.Random(kills)
    with Bank(source, pause_s=0.01, through_kills=True) as bank:
        source.sql("INSERT INTO shop.accounts SELECT 1000000 + a.id * 400 + b.id, 0, REPEAT('y', 100) FROM shop.accounts a, "
                   f"shop.accounts b WHERE a.id < {50 if SOAK else 10} AND b.id < 400")
        binbus.start()
        steady, other = client_of(lab, binbus, **options).start(), follower(lab, binbus, tables="shop.*", start="snapshot", transactions=1)
        anew, begun, complete = client_of(lab, binbus, **options).start(), 1, 0
        for _ in range(kills):
            bank.wait(dice.randint(1, 60))
            victims = dice.sample([binbus, source, steady, anew], dice.choice([1, 1, 1, 2, 3]))
            for victim in victims:
                victim.kill9()
            for victim in victims:
                if victim is anew and dice.random() < 0.5:
                    changes = anew.changes()
                    assert_fits(changes)
                    complete += any(change["op"] != "read" for change in changes)
                    anew, begun = client_of(lab, binbus, **options), begun + 1
                    victim = anew
                victim.start()
        bank.wait(50)
    mark(source, 7)
    for client in (steady, anew, other):
        client.wait_mark(7) if client is other else wait_mark(client, 7)
        assert_fits(client.changes())
        assert_all_there(source, client.changes())
        assert_invariants(client.changes(), at_least=0)
    if SOAK:
        print(f"{name}: {kills} kills, {bank.commits} transfers, {begun} snapshots begun, {complete} of them read to their end before a kill")
