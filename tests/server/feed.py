"""The feed's clients as a user has them, in processes of their own, and what came to them."""

import fcntl
import json
import pathlib
import subprocess
import sys
import tempfile

from process import Process, free_port, wait_until, whole_lines
from servers import REPOSITORY

SDK = REPOSITORY / "out/python"


def build_sdk():
    """The Python package, built as its wheel is; by one of those that ask."""
    SDK.mkdir(parents=True, exist_ok=True)
    with open(pathlib.Path(tempfile.gettempdir()) / "binbus-sdk.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = [*(REPOSITORY / "sdk/python").rglob("*.py*"), *(REPOSITORY / "sdk/proto").rglob("*.proto")]
        made = SDK / "binbus/feed/v1/feed_pb2.py"
        if made.exists() and all(source.stat().st_mtime < made.stat().st_mtime for source in sources):
            return
        subprocess.run([sys.executable, "setup.py", "-q", "egg_info", "--egg-base", SDK, "build", "--build-base", SDK / "build",
                        "--build-lib", SDK], cwd=REPOSITORY / "sdk/python", check=True, capture_output=True)
        made.touch()


def feed(binbus, **more):
    """Has it feed clients, from the next start on."""
    binbus.feed_port = free_port()
    binbus.config["feed"] = {"listen": f"127.0.0.1:{binbus.feed_port}", **more}
    return binbus


class Client(Process):
    """tests/tools/feed_client.py at work. `subscribe`: arguments of the SDK's subscribe()."""

    def __init__(self, folder, *nodes, connect=None, commit=False, pause_s=0, asynchronous=False, leave_after=0,
                 grouped=False, **subscribe):
        super().__init__(folder)
        build_sdk()
        self.file = self.folder / "changes"
        addresses = [f"127.0.0.1:{node.feed_port}" for node in nodes]
        self.options = {"connect": {"addresses": addresses, **(connect or {})}, "subscribe": subscribe, "commit": commit,
                        "pause_s": pause_s, "async": asynchronous, "leave_after": leave_after, "grouped": grouped}

    def command(self):
        return ["env", f"PYTHONPATH={SDK}", "/usr/bin/python3", REPOSITORY / "tests/tools/feed_client.py", json.dumps(self.options),
                self.file]

    def changes(self):
        return [json.loads(line) for line in whole_lines(self.file)]

    def wait_change(self, wanted, what, seconds=60):
        """The first change that `wanted` says yes to."""
        def found():
            assert self.running(), f"the client ended:\n{self.log()[-2000:]}"
            return next((change for change in self.changes() if wanted(change)), None)

        return wait_until(found, what, seconds, lambda: f"{self.log()[-2000:]}\n{self.changes()[-3:]}")

    def node(self):
        """The one that it was connected to last."""
        return [line.split()[1] for line in self.log().splitlines() if line.startswith("connected ")][-1]

    def error(self, seconds=60):
        """What it ended with: (code, message)."""
        assert self.child.wait(seconds) == 3, self.log()
        _, code, message = self.log().splitlines()[-1].split(" ", 2)
        return code, message


class Example(Process):
    """One of examples/python, at a node."""

    def __init__(self, folder, node, name, *arguments):
        super().__init__(folder)
        build_sdk()
        self.program = self.folder / name
        self.program.write_text((REPOSITORY / "examples/python" / name).read_text().replace(":7272", f":{node.feed_port}"))
        self.arguments = arguments

    def command(self):
        return ["env", f"PYTHONPATH={SDK}", "/usr/bin/python3", "-u", self.program, *self.arguments]


def cursors(node):
    """{name: (position, who is served with it)}"""
    build_sdk()
    program = ("import binbus, json; print(json.dumps({name: more for name, *more in "
               f"binbus.connect('127.0.0.1:{node.feed_port}').cursors('shop')}}))")
    done = subprocess.run(["/usr/bin/python3", "-c", program], env={"PYTHONPATH": str(SDK)}, cwd="/", check=True, capture_output=True)
    return json.loads(done.stdout)


class Tables:
    """What follows from changes: rows by their keys. It fails where a change does not fit what came before it."""

    def __init__(self, changes=()):
        self.rows = {}
        for change in changes:
            self.take(change)

    def take(self, change):
        table = self.rows.setdefault((change["database"], change["table"]), {})
        op, key = change["op"], json.dumps(change["key"])
        if op == "reset":
            self.rows.clear()
        elif op in ("read", "insert"):
            assert key not in table, f"twice: {change}"
            table[key] = change["after"]
        elif op == "delete":
            assert key in table, f"not there: {change}"
            del table[key]
        elif op == "update":
            old = json.dumps([change["before"].get(name) for name in change["key_names"]]) if "key_names" in change else key
            assert old in table, f"not there: {change}"
            before = table.pop(old)
            table[key] = {**before, **change["after"]}
        elif op == "ddl" and change["truncate"]:
            table.clear()
