"""Three nodes of binbus that keep one stream's log together."""

from binbus import Binbus
from process import free_port, wait_until


class Node(Binbus):
    """One node; the stream is "shop"."""

    def __init__(self, folder, name, *sources, **stream):
        super().__init__(folder, *sources, **stream)
        self.name = name
        self.node_port = free_port()
        self.config["node"] = {"name": name, "listen": f"127.0.0.1:{self.node_port}"}

    def start_with(self, text):
        (self.folder / "binbus.toml").write_text(text)
        super(Binbus, self).start()
        self.wait_listening(self.admin_port)
        return self

    @property
    def shop(self):
        return self.status()["streams"][0]

    def leads(self):
        return self.running() and self.shop["state"] not in ("standby", "starting", "waiting", "stopped")


class Cluster:
    def __init__(self, folder, *sources, count=3, **stream):
        self.sources = sources
        self.nodes = [Node(f"{folder}-n{i}", f"n{i}", *sources, **stream) for i in range(1, count + 1)]
        peers = [f"{node.name}@127.0.0.1:{node.node_port}" for node in self.nodes]
        for node in self.nodes:
            node.config["node"]["peers"] = peers

    def start(self):
        for source in self.sources:
            source.sql("DO 0")  # up, so that the first connection does not fail
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_listening(node.port)
        return self

    def leader(self, seconds=60):
        """The node that works, once there is one."""
        found = []

        def look():
            found[:] = [node for node in self.nodes if node.leads()]
            return len(found) == 1

        wait_until(look, "one node leads", seconds, lambda: "\n".join(node.log()[-1500:] for node in self.nodes))
        return found[0]

    def others(self, node):
        return [each for each in self.nodes if each is not node]

    def stop(self):
        for node in self.nodes:
            node.stop()
