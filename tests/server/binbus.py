"""binbus itself: its configuration file, its process, its folder, and mysqlbinlog reading from it."""

import json
import os
import subprocess
import urllib.request

import toml

from process import Process, free_port, wait_until
from servers import REPOSITORY, installed

PROGRAM = os.environ.get("BINBUS_PROGRAM") or REPOSITORY / "out/release/binbus"


class Binbus(Process):
    """One binbus with one stream, "shop". Its configuration is a dict that may be changed until start()."""

    replica_user = ("replica", "replica")

    def __init__(self, folder, *sources, start="earliest", **stream):
        super().__init__(folder)
        self.port = free_port()
        self.admin_port = free_port()
        self.segments = self.folder / "data/shop"
        user, password = self.replica_user
        self.config = {
            "data": "data",
            "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
            "stream": [{
                "name": "shop",
                "source": [f"127.0.0.1:{source.port}" for source in sources],
                "user": "repl",
                "password": "repl",
                "start": start,
                "listen": f"127.0.0.1:{self.port}",
                **stream,
                "replica_user": [{"name": user, "password": password}],
            }],
        }

    def __str__(self):
        return f"binbus on {self.port} in {self.folder}"

    @property
    def stream(self):
        return self.config["stream"][0]

    def command(self):
        return [PROGRAM, "serve", "-c", "binbus.toml"]

    def start(self):
        return self.start_with(toml.dumps(self.config))

    def start_with(self, text):
        (self.folder / "binbus.toml").write_text(text)
        super().start()
        self.wait_listening(self.port)
        return self

    def run(self, *words, check=True):
        """Another subcommand of binbus, in the same folder."""
        return subprocess.run([PROGRAM, *map(str, words)], cwd=self.folder, check=check, capture_output=True, text=True)

    def status(self):
        """What `binbus status --json` says, without a process for each time that it is asked."""
        self.wait_listening(self.admin_port)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/status", timeout=10) as answer:
            return json.load(answer)

    def holds(self, file, offset):
        segment = self.segments / file
        return segment.exists() and segment.stat().st_size >= offset

    def wait_for(self, source, seconds=180):
        """Waits until it has stored everything that `source` has written by now."""
        file, offset = source.position()
        wait_until(lambda: self.holds(file, offset), f"{self} has {file}:{offset}", seconds, lambda: self.log()[-4000:])


def mysqlbinlog(server, source, *arguments, folder, seconds=120):
    """Output of `mysqlbinlog -R` of that server's distribution, reading from `source` (a Server or a Binbus)."""
    return subprocess.run(mysqlbinlog_command(server, source, *arguments), cwd=folder, check=True, timeout=seconds,
                          capture_output=True).stdout


def mysqlbinlog_command(server, source, *arguments):
    user, password = getattr(source, "replica_user", ("repl", "repl"))
    tls = ["--get-server-public-key"] if server == "mysql97" else []
    return [str(word) for word in (installed(server) / "bin/mysqlbinlog", "--read-from-remote-server", "--host=127.0.0.1",
                                   f"--port={source.port}", f"--user={user}", f"--password={password}", *tls, *arguments)]
