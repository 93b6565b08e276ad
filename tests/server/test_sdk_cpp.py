"""The C++ SDK with real servers: its test program, and the example as a user builds it."""

import json
import os
import pathlib
import subprocess

import certificates
from binbus import PROGRAM
from feed import free_port
from process import Process, wait_until, whole_lines
from servers import FAST, REPOSITORY
from test_feed import ACCOUNTS, Bank, assert_all_there, feeding, kill_under, mark
from test_state import wait_ready

BUILT = pathlib.Path(os.environ.get("BINBUS_BUILT") or pathlib.Path(PROGRAM).parent)  # where the SDK is, too

INTEGERS = ("id", "balance", "v", "thread", "number")  # columns of Bank's tables


class Follower(Process):
    """sdk/cpp/tests/print.cc at work; what it says again after a restart comes behind what it has said."""

    def __init__(self, folder, *nodes, **options):
        super().__init__(folder)
        self.nodes, self.options = nodes, options
        self.file = self.folder / "changes"

    def command(self):
        nodes = ",".join(f"127.0.0.1:{node.feed_port}" for node in self.nodes)
        words = " ".join(f"'{key}={value}'" for key, value in self.options.items())
        return ["sh", "-c", f"exec {BUILT}/sdk_cpp_print {nodes} shop {words} >> {self.file}"]

    def changes(self):
        """With what test_feed's checks ask for."""
        changes = [json.loads(line) for line in whole_lines(self.file)]
        for change in changes:
            change["transaction"] = change["gtid"] or change["position"]
            for image in ("before", "after"):
                row = change[image]
                change[image] = row and {name: int(value) if name in INTEGERS else value for name, value in row.items()}
            change["key"] = [int(value) for value in change["key"]]
            change["truncate"] = False
        return changes

    def wait_mark(self, value, seconds=120):
        def came():
            assert self.running(), f"the program ended:\n{self.log()[-2000:]}"
            return any(change["table"] == "aside" and change["after"] and change["after"]["v"] == value for change in self.changes())

        wait_until(came, f"mark {value} has come", seconds, lambda: f"{self.log()[-2000:]}\n{self.changes()[-3:]}")


def follower(lab, *nodes, **options):
    return lab.keep(Follower(lab.new_folder("follower"), *nodes, **options)).start()


def test_rows_and_changes_come_once(lab):
    """binbus is killed again and again under a program that reads, in the snapshot and behind it."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source) as bank:
        source.sql("INSERT INTO shop.accounts SELECT 1000000 + a.id * 400 + b.id, 0, REPEAT('y', 100) FROM shop.accounts a, "
                   "shop.accounts b WHERE a.id < 100 AND b.id < 200")
        binbus.start()
        client = follower(lab, binbus, tables="shop.*", start="snapshot", transactions=1)
        kill_under(binbus, bank, client, kills=6, bytes_each=500_000)
        bank.wait(50)
    mark(source, 7)
    client.wait_mark(7)
    assert "reset" not in [change["op"] for change in client.changes()]
    assert client.log().count("disconnected") >= 6
    assert_all_there(source, client.changes())


def test_a_second_run_goes_on_at_the_cursor(lab):
    """Left in the middle of the snapshot, killed behind it: what was committed does not come again."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        wait_ready(binbus, source)
        options = dict(tables="shop.*", start="snapshot", cursor="my-app")
        first = follower(lab, binbus, stop_after=100, **options)
        assert first.child.wait(60) == 0, first.log()
        assert len(first.changes()) == 100
        client = follower(lab, binbus, client="worker", **options)
        mark(source, 1)
        client.wait_mark(1)
        assert len([change for change in client.changes() if change["op"] == "read" and change["table"] == "accounts"]) == ACCOUNTS - 100
        committed = client.changes()[-1]["position"]
        wait_until(lambda: committed == (binbus.segments / "feed/my-app.cursor").read_text(), "it is committed", 30, client.log)
        client.kill9()
        binbus.kill9()
        binbus.start()
        mark(source, 2)
        client.start()
        client.wait_mark(2)
        marks = [change["after"]["v"] for change in client.changes() if change["table"] == "aside" and change["after"]]
        assert marks == [1, 2], "each once"


def test_goes_on_at_another_node(lab, cluster_of):
    """It was told of one node only, and that is killed."""
    source = lab.server("mysql97", *FAST)

    def feeds(node):
        node.feed_port = free_port()
        node.config["feed"] = {"listen": f"127.0.0.1:{node.feed_port}"}

    cluster = cluster_of(source, prepare=feeds)
    with Bank(source, threads=0):
        node = cluster.others(cluster.leader())[0]
        client = follower(lab, node, tables="shop.aside", start="now")
        wait_until(lambda: "connected" in client.log(), "it is connected", 60, client.log)
        mark(source, 1)
        client.wait_mark(1)
        node.kill9()
        mark(source, 2)
        client.wait_mark(2)
        assert client.log().count("\nconnected") + client.log().startswith("connected") >= 2
        assert [change["after"]["v"] for change in client.changes() if change["after"]] == [1, 2]


def test_a_frozen_node_is_left(lab):
    """It answers no ping; thawed, it is gone on at."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source)
    with Bank(source, threads=0):
        binbus.start()
        client = follower(lab, binbus, tables="shop.aside", start="now")
        wait_until(lambda: "connected" in client.log(), "it is connected", 60, client.log)
        mark(source, 1)
        client.wait_mark(1)  # it has a position: "now" is not again when it comes back
        binbus.freeze()
        wait_until(lambda: "disconnected" in client.log(), "it is left", 60, client.log)
        binbus.thaw()
        mark(source, 2)
        client.wait_mark(2)


def test_errors_that_end_it(lab):
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, token="sesame")
    with Bank(source, threads=0):
        binbus.start()
        for options, message in [(dict(token="simsim"), "the token is not the one"), (dict(), "a token is needed"),
                                 (dict(token="sesame", tables="/(/"), "(/"),
                                 (dict(token="sesame", start="snapshot"), "keeps no rows")]:
            client = follower(lab, binbus, **options)
            assert client.child.wait(60) == 1, client.log()
            assert "error: " in client.log() and message in client.log(), options


def test_tls(lab):
    """With certificates on both sides; who does not trust the node's tries on, and says why."""
    source = lab.server("mysql97", *FAST)
    authority, other = (certificates.Authority(lab.new_folder("pki"), name) for name in ("ours", "theirs"))
    cert, key = authority.sign("node")
    binbus = feeding(lab, source, tls_cert=str(cert), tls_key=str(key), tls_ca=str(authority.ca))
    with Bank(source, threads=0):
        binbus.start()
        cert, key = authority.sign("client")
        good = follower(lab, binbus, start="earliest", ca=authority.ca, cert=cert, key=key)
        bad = [follower(lab, binbus, start="earliest", **tls) for tls in ({}, dict(ca=authority.ca), dict(ca=other.ca, cert=cert, key=key))]
        mark(source, 1)
        good.wait_mark(1)
        for client in bad:
            wait_until(lambda: client.log().count("disconnected") > 2, "it has tried", 60, client.log)
            assert "\nconnected" not in "\n" + client.log() and not client.changes()


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_example_builds_against_the_installed_package(lab, tmp_path):
    """As it stands, in less than 30 lines; and runs, and goes on where it was."""
    example = REPOSITORY / "examples/cpp"
    assert len((example / "follow.cc").read_text().splitlines()) < 30
    run("cmake", "--install", BUILT, "--component", "sdk", "--prefix", tmp_path / "prefix")
    run("cmake", "-S", example, "-B", tmp_path / "built", f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
    run("cmake", "--build", tmp_path / "built")
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        wait_ready(binbus, source)
        program = lab.keep(Example(tmp_path / "run", tmp_path / "built/follow", binbus)).start()
        program.wait("read accounts id=399 balance=1000 note=begun")
        source.sql("UPDATE shop.accounts SET note = NULL WHERE id = 1", "DELETE FROM shop.accounts WHERE id = 2")
        program.wait("update accounts id=1 balance=1000 note=NULL")
        program.wait("delete accounts id=2 balance=1000 note=begun")
        wait_until((binbus.segments / "feed/my-app.cursor").exists, "it is committed", 30)
        rows = program.log().count("read accounts")
        program.stop()
        mark(source, 1)
        program.start().wait("insert aside id=1 v=1")
        assert program.log().count("read accounts") == rows == ACCOUNTS


class Example(Process):
    def __init__(self, folder, program, binbus):
        super().__init__(folder)
        self.program, self.binbus = program, binbus

    def command(self):
        return [self.program, f"127.0.0.1:{self.binbus.feed_port}"]

    def wait(self, line):
        wait_until(lambda: line in self.log().splitlines(), line, 60, lambda: self.log()[-2000:])
