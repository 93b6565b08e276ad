"""Real etcd and ZooKeeper, with what a user does at them by hand. Names are below /binbus/GROUP."""

import base64
import contextlib
import json
import re
import shutil
import socket
import struct
import subprocess
import urllib.request

from process import Process, free_port, wait_until
from servers import installed

GROUP = "g"


class Coordinator(Process):
    type = None

    def __init__(self, folder, lines=()):
        super().__init__(folder)
        self.port = free_port(in_a_row=3)  # the next two are for its peers
        self.lines = [line.format(port=self.port) for line in lines]

    def __str__(self):
        return f"{self.type} on {self.port} in {self.folder}"

    def command(self):
        return [installed(self.type) / "bin/start", self.port, "data", *self.lines]

    def config(self, **more):
        """The section [coordinator]."""
        return {"type": self.type, "endpoints": [f"127.0.0.1:{self.port}"], "group": GROUP, "ttl": "6s", **more}

    def wait(self):
        self.wait_listening(self.port)
        wait_until(self.answers, f"{self} answers", why=lambda: self.log()[-4000:])
        return self

    def join(self, members):
        """Makes it one of several, before it is started."""
        raise NotImplementedError

    def in_use(self):
        """Whether a node has a session by way of this member."""
        raise NotImplementedError

    def wipe(self):
        """Killed, and come back without its data."""
        self.kill9()
        shutil.rmtree(self.folder / "data")
        self.start().wait()

    def client(self, *words):
        """Its own command line client."""
        return subprocess.run([str(word) for word in (installed(self.type) / "bin/client", self.port, *words)], check=True,
                              capture_output=True, text=True, timeout=60).stdout

    def owner(self, stream="shop"):
        """The name of the node that has the stream; None: nobody has."""
        value = self.get(f"owners/{stream}")
        return json.loads(value)["node"] if value else None

    def checkpoint(self, sink="out"):
        return json.loads(self.get(f"checkpoints/{sink}") or "null")


class Etcd(Coordinator):
    type = "etcd"

    def ask(self, what, **request):
        """Its API over HTTP, which is quicker than a process each time."""
        for key in ("key", "range_end", "value"):
            if key in request:
                request[key] = base64.b64encode(request[key].encode()).decode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/v3/{what}", json.dumps(request).encode())
        return json.load(urllib.request.urlopen(asked, timeout=5))

    def answers(self):
        try:
            return self.ask("kv/range", key="x")
        except OSError:
            return None

    def path(self, name):
        return f"/binbus/{GROUP}/{name}"

    def get(self, name):
        found = self.ask("kv/range", key=self.path(name)).get("kvs")
        return base64.b64decode(found[0].get("value", "")).decode() if found else None

    def put(self, name, value):
        self.ask("kv/put", key=self.path(name), value=value)

    def delete(self, name):
        self.ask("kv/deleterange", key=self.path(name))

    def expire_sessions(self):
        for lease in self.ask("lease/leases").get("leases", []):
            self.ask("lease/revoke", ID=lease["ID"])

    def join(self, members):
        peers = ",".join(f"m{number}=http://127.0.0.1:{member.port + 1}" for number, member in enumerate(members))
        self.lines += [f"--name=m{members.index(self)}", f"--initial-cluster={peers}"]

    def in_use(self):
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5).read().decode()
        return any(line.startswith("grpc_server_started_total{") and '"LeaseKeepAlive"' in line and not line.endswith(" 0")
                   for line in metrics.splitlines())


class ZooKeeper(Coordinator):
    type = "zookeeper"

    def __init__(self, folder, lines=()):
        super().__init__(folder, ["maxSessionTimeout=600000", *lines])  # whatever ttl is asked for

    def say(self, word):
        """The answer to a command of four letters."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(word.encode())
            return connection.makefile("rb").read().decode()

    def answers(self):
        try:
            return "Mode: " in self.say("srvr")  # has found the others, where there are some
        except OSError:
            return False

    def join(self, members):
        (self.folder / "data").mkdir()
        (self.folder / "data/myid").write_text(str(members.index(self)))
        # A follower that has lost its leader, and a leader that has lost its followers, answer reads for two minutes.
        self.lines += ["initLimit=240", "syncLimit=240", *(f"server.{number}=127.0.0.1:{member.port + 1}:{member.port + 2}"
                                                           for number, member in enumerate(members))]

    def in_use(self):
        return "sid=0x" in self.say("cons")

    def sessions(self):
        return {int(line.strip(" \t:"), 16) for line in self.say("dump").splitlines() if line.strip().startswith("0x")}

    def expire_sessions(self):
        def gone(session):
            self.end_session(session)
            return session not in self.sessions()

        for session in self.sessions():
            wait_until(lambda: gone(session), f"session {session:#x} is over", 30)  # its node may take it back between

    def end_session(self, session):
        """Goes on with it as a client whose connection broke, and closes it. Its password follows from its number."""
        seed, password = (session ^ 0xB3415C00 ^ 0x5DEECE66D) & (1 << 48) - 1, b""
        for _ in range(4):
            seed = (seed * 0x5DEECE66D + 0xB) & (1 << 48) - 1
            password += (seed >> 16).to_bytes(4, "little")
        connect = struct.pack(">iqiQi", 0, 0, 10_000, session, len(password)) + password
        close = struct.pack(">ii", 1, -11)
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            for request in (connect, close):
                connection.sendall(struct.pack(">i", len(request)) + request)
                connection.recv(1000)

    def path(self, name):
        return f"/binbus/{GROUP}/{name}"

    def get(self, name):
        try:
            said = self.client("get", self.path(name))
        except subprocess.CalledProcessError:
            return None
        # What the client says of its connection may come before the value or behind it.
        return re.sub(r"^(Connecting to .*|WATCHER::|WatchedEvent .*|)\n", "", said, flags=re.M).rstrip("\n")

    def put(self, name, value):
        try:
            self.client("create", self.path(name), value)
        except subprocess.CalledProcessError:
            self.client("set", self.path(name), value)

    def delete(self, name):
        self.client("delete", self.path(name))


class Ensemble:
    """Several members that are one coordinator; each is a Coordinator."""

    def __init__(self, members):
        self.members = members
        for member in members:
            member.join(members)

    def config(self, **more):
        return self.members[0].config(endpoints=[f"127.0.0.1:{member.port}" for member in self.members], **more)

    def start(self):
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait()
        return self

    def checkpoint(self, sink="out"):
        """As one that is left has it; None also while they have no leader."""
        with contextlib.suppress(OSError):
            return next(member for member in self.members if member.running()).checkpoint(sink)

    def in_use(self):
        """The member by way of which the one node has its session."""
        def used():
            return next((member for member in self.members if member.running() and member.in_use()), None)

        return wait_until(used, "one is used", 30)
