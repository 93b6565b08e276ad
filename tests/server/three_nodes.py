"""tools/three-nodes under a test's hand: three nodes, a source and replicas whose links can be cut."""

import contextlib
import json
import os
import subprocess

import pytest

from binbus import PROGRAM, Binbus
from process import LIBC, wait_until
from servers import REPOSITORY, VERSIONS, Server

TOOL = REPOSITORY / "tools/three-nodes"
ROOM = "10.7.11.2"
CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def network(namespace):
    """Within the block, sockets that this thread makes, and threads and processes that it begins, are in that network."""
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{namespace}") as other:
        assert LIBC.setns(other.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert LIBC.setns(own.fileno(), CLONE_NEWNET) == 0


class Elsewhere(Server):
    """A server in a network of its own: asked through its socket."""

    def __init__(self, kind, folder):
        self.name, self.folder, self.data = kind, folder, folder / "data"
        self.socket = self.data / "mysql.sock"
        self.is_mariadb, self.version = kind.startswith("mariadb"), VERSIONS[kind]
        self.log_file = folder / "log.txt"
        self.users_made = True

    def __str__(self):
        return f"{self.name} in {self.folder}"

    def running(self):
        return True  # whoever asks waits until it answers


class Node(Binbus):
    """One node: asked through its own network."""

    def __init__(self, folder, namespace):
        self.name, self.folder, self.namespace = folder.name, folder, namespace
        self.host = f"10.7.{self.name[1:]}.2"
        self.segments = folder / "data/shop"
        self.log_file = folder / "log.txt"

    def __str__(self):
        return f"{self.name} in {self.folder}"

    def asking(self, *words):
        """A subcommand of binbus, asked of this node."""
        return ["ip", "netns", "exec", self.namespace, PROGRAM, *words, "--admin", "127.0.0.1:7070"]

    def shop(self):
        """Its stream in `status --json`; None when it does not answer."""
        try:
            answer = subprocess.run(self.asking("status", "--json"), capture_output=True, text=True, timeout=2)
            return json.loads(answer.stdout)["streams"][0] if answer.returncode == 0 else None
        except subprocess.TimeoutExpired:
            return None

    def leads(self):
        shop = self.shop()
        works = shop is not None and shop["state"] not in ("standby", "starting", "waiting")
        return works and shop["cluster"]["role"] == "leader"


class ThreeNodes:
    """Started and asked with the tool alone. When the test's process ends, however it does, the tool stops it all."""

    def __init__(self, folder, kind, replicas, *options):
        if os.geteuid() != 0:
            pytest.skip("network namespaces cannot be made without root")
        self.folder, self.kind, self.count, self.options = folder, kind, replicas, options
        self.guard = subprocess.Popen(["sh", "-c", f"cat > /dev/null; exec '{TOOL}' stop '{folder}'"], stdin=subprocess.PIPE,
                                      start_new_session=True)

    def __str__(self):
        return f"three nodes in {self.folder}"

    def start(self):
        self.tool("start", "--source", self.kind, "--replicas", self.count, *self.options)
        self.source = Elsewhere(self.kind, self.folder / "source")
        self.prefix = json.loads((self.folder / "three-nodes.json").read_text())["namespaces"]
        self.nodes = [Node(self.folder / name, f"{self.prefix}-{name}") for name in ("n1", "n2", "n3")]
        self.replicas = [Elsewhere(self.kind, self.folder / f"r{number}") for number in range(1, self.count + 1)]
        return self

    def tool(self, *words):
        done = subprocess.run([TOOL, *map(str, words), self.folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def room(self):
        """Of what is begun in the block, when started with --room; others reach it at ROOM."""
        return network(f"{self.prefix}-room")

    def replicas_of(self, *nodes):
        """Those that follow them: the tool has them follow the nodes in turn."""
        return [replica for number, replica in enumerate(self.replicas) if self.nodes[number % 3] in nodes]

    def others(self, node):
        return [each for each in self.nodes if each is not node]

    def leader(self, among=None, seconds=60):
        """The one node that leads, once there is one; `among` these."""
        found = []

        def one():
            found[:] = [node for node in among or self.nodes if node.leads()]
            return len(found) == 1

        wait_until(one, "one node leads", seconds, self.log)
        return found[0]

    def log(self):
        return "\n".join(f"{node.name}:\n{node.log()[-900:]}" for node in getattr(self, "nodes", ()))

    def kill9(self):
        if not self.guard.stdin.closed:
            self.guard.stdin.close()
            assert self.guard.wait() == 0, f"{self} could not be stopped"
