"""Cursors that workers share: each key's changes come to one of them, in order, whoever comes, goes, breaks or freezes."""

import collections
import itertools
import random
import subprocess
import threading

import pymysql
import pytest

from feed import Client, cursors, feed
from process import wait_until
from servers import FAST
from test_feed import client_of, feeding
from test_sdk_cpp import Follower
from watcher import SOAK

KEYS = 200
UNCOMMITTED = 200  # of a worker that commits each change and is killed, at most
SHARED = dict(tables=["shop.*"], start="earliest", cursor="work", shared=True)


class Counters:
    """A row a key, whose number goes up by one with each change; of several keys in a transaction. `through_kills`: of the source."""

    def __init__(self, source, pause_s=0.005, through_kills=False):
        self.source, self.pause_s, self.through_kills, self.failed = source, pause_s, through_kills, None
        self.numbers, self.stop, self.changes = collections.Counter(), threading.Event(), 0
        source.sql("CREATE DATABASE shop", "CREATE TABLE shop.counters (id INT PRIMARY KEY, n INT NOT NULL)",
                   "INSERT INTO shop.counters VALUES " + ", ".join(f"({i}, 0)" for i in range(KEYS)))
        self.thread = threading.Thread(target=self.run)

    def run(self):
        dice = random.Random(7)
        try:
            with self.source.connect_now(autocommit=False) as connection, connection.cursor() as cursor:
                while not self.stop.wait(self.pause_s):
                    keys = dice.sample(range(KEYS), dice.choice([1, 1, 2, 5]))
                    for key in keys:
                        cursor.execute("UPDATE shop.counters SET n = n + 1 WHERE id = %s", (key,))
                    connection.commit()
                    self.numbers.update(keys)
                    self.changes += len(keys)
        except pymysql.err.MySQLError as error:  # whoever waits for it is told
            self.failed = error

    def __enter__(self):
        self.thread.start()
        return self

    def wait(self, more):
        goal = self.changes + more
        wait_until(lambda: self.failed or self.changes >= goal, f"{more} more changes", 120)
        assert not self.failed, self.failed

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert not self.failed, self.failed


class Work:
    """Workers of both SDKs, what each was told, and whom it happened to that something comes again."""

    def __init__(self, lab, *nodes, **options):
        self.lab, self.nodes, self.options = lab, nodes, {**SHARED, **options}
        self.workers, self.killed, self.frozen, self.kinds = [], set(), set(), itertools.cycle(["python", "cpp", "asyncio"])

    def add(self, leave_after=0):
        nodes, kind = random.Random(len(self.workers)).sample(self.nodes, len(self.nodes)), next(self.kinds)
        if kind == "cpp":
            options = {**self.options, "tables": ",".join(self.options["tables"]), "shared": 1}
            worker = Follower(self.lab.new_folder("worker"), *nodes, **options, **({"stop_after": leave_after} if leave_after else {}))
        else:
            worker = Client(self.lab.new_folder("worker"), *nodes, commit=True, asynchronous=kind == "asyncio", leave_after=leave_after,
                            **self.options)
        self.lab.keep(worker).start()
        self.workers.append(worker)
        return worker

    def running(self):
        return [worker for worker in self.workers if worker.running()]

    def rows(self, worker):
        if not worker.file.exists():
            return []
        return [(change["at"], int(change["after"]["id"]), int(change["after"]["n"])) for change in worker.changes()
                if change["table"] == "counters" and change["after"]]

    def told(self):
        """(when, which worker, how many behind it that worker was told, key, number), in the order of time."""
        out = []
        for i, worker in enumerate(self.workers):
            rows = self.rows(worker)
            out += [(at, i, len(rows) - number, key, n) for number, (at, key, n) in enumerate(rows)]
        return sorted(out)

    def wait_all(self, numbers, seconds=120):
        """Until every key's last number has come to somebody."""
        def missing():
            newest = {}
            for *_, key, n in self.told():
                newest[key] = max(n, newest.get(key, -1))
            return [key for key in range(KEYS) if newest.get(key) != numbers[key]]

        wait_until(lambda: not missing(), "all changes have come", seconds,
                   lambda: f"{missing()[:9]}\n" + "\n".join(worker.log()[-500:] for worker in self.running()))

    def check(self, numbers):
        """Each change came, in the order of its key. Again came only what a worker that was killed, or frozen, had not committed."""
        newest, first = {}, {}
        for _, worker, behind, key, n in self.told():
            assert n <= newest.get(key, -1) + 1, f"{n} of key {key} comes after {newest.get(key)}"
            before = first.setdefault((key, n), (worker, behind))
            if before != (worker, behind):
                its = self.workers[before[0]]
                ended = its in self.killed and before[1] < UNCOMMITTED
                assert ended or {its, self.workers[worker]} & self.frozen, f"{n} of key {key} comes twice"
            newest[key] = max(n, newest.get(key, -1))
        assert newest == {key: numbers[key] for key in range(KEYS)}
        return len(first)

    def parts(self):
        """{client: how many parts it has}, as the server says; {} while nobody can."""
        try:
            return cursors(next(node for node in self.nodes if node.running())).get("work", (None, {}))[1]
        except subprocess.CalledProcessError:
            return {}


def settled(work, count):
    """That so many workers have all parts, evenly."""
    def even():
        parts = sorted(work.parts().values())
        return len(parts) == count and sum(parts) == 64 and parts[-1] - parts[0] <= 1

    wait_until(even, f"{count} workers have all keys", 60, work.parts)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_workers_come_and_go(lab, name):
    """Nothing comes twice: who goes, and who gives keys up to others, has committed what it was told."""
    source = lab.server(name, *FAST)
    binbus = feeding(lab, source).start()
    work = Work(lab, binbus)
    with Counters(source) as counters:
        for _ in range(3):
            work.add()
        settled(work, 3)
        counters.wait(200)
        leaving = [work.add(leave_after=100), work.add(leave_after=200)]
        wait_until(lambda: not any(worker.running() for worker in leaving), "two have left", 60)
        settled(work, 3)
        counters.wait(100)
    work.wait_all(counters.numbers)
    assert work.check(counters.numbers) == sum(counters.numbers.values()) + KEYS
    shares = [len(work.rows(worker)) for worker in work.workers]
    assert min(shares) >= 100, shares


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_workers_are_killed_and_frozen(lab, name):
    """And binbus, too: what comes again is what a worker that was killed or frozen had not committed."""
    source = lab.server(name, *FAST)
    binbus = feeding(lab, source).start()
    work, dice = Work(lab, binbus), random.Random(name)
    with Counters(source) as counters:
        for _ in range(4):
            work.add()
        settled(work, 4)
        frozen = None
        for _ in range(100 if SOAK else 6):
            counters.wait(dice.choice([10, 100, 500, 2000]))  # some before, some after leases run out
            what = dice.choice(["kill", "kill", "freeze", "binbus", "come"])
            victim = dice.choice([worker for worker in work.running() if worker is not frozen])
            if what == "kill":
                victim.kill9()
                work.killed.add(victim)
                work.add()
            elif what == "freeze":
                if frozen:
                    frozen.thaw()
                frozen = victim
                victim.freeze()
                work.frozen.add(victim)
            elif what == "binbus":
                binbus.kill9()
                binbus.start()
            elif len(work.running()) < 8:
                work.add()
        if frozen:
            frozen.thaw()
        counters.wait(50)
    work.wait_all(counters.numbers, 180)
    work.check(counters.numbers)


def test_the_leader_is_killed(lab, cluster_of):
    """Who has which keys is known to the next leader: nothing comes twice, as no worker was broken."""
    source = lab.server("mysql97", *FAST)
    source.sql("GRANT SELECT ON *.* TO repl@'%'")
    cluster = cluster_of(source, prepare=feed)
    work = Work(lab, *cluster.nodes)
    with Counters(source) as counters:
        for _ in range(4):
            work.add()
        settled(work, 4)
        for _ in range(20 if SOAK else 2):
            counters.wait(100)
            leader = cluster.leader()
            leader.kill9()
            counters.wait(100)
            settled(work, 4)
            leader.start()
            leader.wait_for(source)
        counters.wait(100)
    work.wait_all(counters.numbers)
    work.check(counters.numbers)


def test_what_comes_to_whom(lab):
    """Keys that change, tables without a key, statements, and bounds of transactions."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source).start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY, v INT)", "CREATE TABLE shop.bare (v INT)")
    workers = [client_of(lab, binbus, commit=True, **SHARED, transactions=True).start() for _ in range(2)]
    settled(Work(lab, binbus), 2)
    source.sql("INSERT INTO shop.a VALUES " + ", ".join(f"({i}, 0)" for i in range(100)),
               "INSERT INTO shop.bare VALUES " + ", ".join(f"({i})" for i in range(100)),
               "UPDATE shop.bare SET v = v + 1000", "UPDATE shop.a SET id = id + 1000", "TRUNCATE TABLE shop.bare",
               "CREATE TABLE shop.last (id INT PRIMARY KEY)")
    for worker in workers:
        worker.wait_change(lambda change: change["op"] == "ddl" and change["table_after"] == "shop.last", "the last statement has come")
    one, other = [worker.changes() for worker in workers]
    rows = {op: [[change for change in each if change["op"] == op and change["table"] == "a"] for each in (one, other)]
            for op in ("insert", "update", "delete")}
    inserted = [{change["after"]["id"] for change in each} for each in rows["insert"]]
    assert inserted[0] & set(range(100)) and inserted[1] & set(range(100)) and not inserted[0] & inserted[1]
    updated = [{change["before"]["id"] for change in each} for each in rows["update"]]
    deleted = [{change["before"]["id"] for change in each} for each in rows["delete"]]
    begun = [each & set(range(100)) for each in inserted]
    moved = [each - set(range(100)) for each in inserted]
    for i in range(2):
        assert not updated[i] & deleted[i] and updated[i] | deleted[i] == begun[i]
        assert {id + 1000 for id in deleted[i]} == moved[1 - i], "what one loses comes to the other"
    bare = [[change["op"] for change in each if change["table"] == "bare" and change["op"] != "ddl"] for each in (one, other)]
    assert sorted(bare) == [[], ["insert"] * 100 + ["update"] * 100], "a table without a key is one worker's"
    for each in (one, other):
        assert [change["statement"] for change in each if change["op"] == "ddl"][-2:] == [
            "TRUNCATE TABLE shop.bare", "CREATE TABLE shop.last (id INT PRIMARY KEY)"]
        bounds = "".join({"begin": "(", "commit": ")"}.get(change["op"], "." if change["op"] != "ddl" else "") for change in each)
        assert all(part.endswith(")") and part.count(".") for part in bounds.split("(")[1:]), bounds


def test_what_cannot_be(lab):
    """Errors name what is wrong, and how to mend it; the commands list and delete shared cursors."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source).start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.a (id INT PRIMARY KEY)", "INSERT INTO shop.a VALUES (1), (2), (3)")
    worker = client_of(lab, binbus, commit=True, **SHARED).start()
    worker.wait_change(lambda change: change["op"] == "insert", "rows come")
    wrong = [({**SHARED, "shared": False}, "FAILED_PRECONDITION", "shared by workers"),
             ({**SHARED, "cursor": "other", "start": "snapshot"}, "INVALID_ARGUMENT", "begin at its last row's position"),
             ({**SHARED, "cursor": None}, "INVALID_ARGUMENT", "name the cursor"),
             ({**SHARED, "position": "binlog.000001:4"}, "INVALID_ARGUMENT", "no position of a shared cursor"),
             ({**SHARED, "cursor": "fresh", "start": ""}, "NOT_FOUND", "has no position yet")]
    for options, code, text in wrong:
        told = client_of(lab, binbus, commit=True, **options).start().error()
        assert told[0] == code and text in told[1], told
    plain = client_of(lab, binbus, commit=True, tables=["shop.*"], start="earliest", cursor="plain").start()
    plain.wait_change(lambda change: change["op"] == "insert", "rows come")
    code, text = client_of(lab, binbus, **{**SHARED, "cursor": "plain"}).start().error()
    assert code == "FAILED_PRECONDITION" and "choose another name" in text
    listed = binbus.run("feed", "cursors").stdout
    assert "work" in listed and "1 worker " in listed and "(64/64)" in listed, listed
    assert "work (64/64)" in binbus.run("feed", "status").stdout
    refused = binbus.run("feed", "delete", "work", check=False)
    assert refused.returncode and "end them first" in refused.stderr
    worker.kill9()
    wait_until(lambda: binbus.run("feed", "delete", "work", check=False).returncode == 0, "its lease is over, and it is deleted", 30)
    assert "work" not in binbus.run("feed", "cursors").stdout
