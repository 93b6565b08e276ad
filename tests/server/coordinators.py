"""Real etcd and ZooKeeper, with what a user does at them by hand. Names are below /binbus/GROUP."""

import base64
import json
import shutil
import subprocess
import urllib.request

from process import Process, free_port, wait_until
from servers import installed

GROUP = "g"


class Coordinator(Process):
    type = None

    def __init__(self, folder, lines=()):
        super().__init__(folder)
        self.port = free_port(in_a_row=2)
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


class ZooKeeper(Coordinator):
    type = "zookeeper"

    def answers(self):
        import socket
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"ruok")
                return connection.recv(4) == b"imok"
        except OSError:
            return False

    def path(self, name):
        return f"/binbus/{GROUP}/{name}"

    def get(self, name):
        try:
            return self.client("get", self.path(name)).split("zxid: -1\n", 1)[1].rstrip("\n")
        except subprocess.CalledProcessError:
            return None

    def put(self, name, value):
        try:
            self.client("create", self.path(name), value)
        except subprocess.CalledProcessError:
            self.client("set", self.path(name), value)

    def delete(self, name):
        self.client("delete", self.path(name))
