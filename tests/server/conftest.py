"""The fixture `lab`: real servers and binbus in a folder of the test's own, all gone afterwards."""

import shutil
import signal
import tempfile

import pytest

from binbus import Binbus
from process import release_ports
from servers import Server


class Lab:
    """Makes and starts what a test needs. Servers start side by side: whoever asks one something waits for it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="binbus-")
        self.processes = []

    def server(self, name, *options):
        return self.keep(Server(name, self.new_folder(name), options)).start()

    def servers(self, *names):
        return [self.server(name) for name in names]

    def kafka(self, *lines, **client):
        """A broker that answers; see brokers.Kafka."""
        from brokers import Kafka  # whose client not every test needs
        return self.keep(Kafka(self.new_folder("kafka"), lines, client)).start().wait()

    def rabbitmq(self, *lines):
        from brokers import RabbitMQ
        return self.keep(RabbitMQ(self.new_folder("rabbitmq"), lines)).start().wait()

    def coordinator(self, kind, *lines):
        """"etcd" or "zookeeper"; see coordinators.Coordinator."""
        from coordinators import Etcd, ZooKeeper
        return self.keep({"etcd": Etcd, "zookeeper": ZooKeeper}[kind](self.new_folder(kind), lines)).start().wait()

    def ensemble(self, kind):
        """Three of them as one; see coordinators.Ensemble."""
        from coordinators import Ensemble, Etcd, ZooKeeper
        make = {"etcd": Etcd, "zookeeper": ZooKeeper}[kind]
        return Ensemble([self.keep(make(self.new_folder(kind))) for _ in range(3)]).start()

    def node(self, name, source, coordinator, sinks=(), coordination=None, prepare=lambda node: None, **stream):
        """A binbus that shares its stream with others beside a coordinator."""
        source.sql("DO 0")
        binbus = self.keep(Binbus(self.new_folder(f"node-{name}"), source, **stream))
        binbus.config |= {"node": {"name": name}, "coordinator": coordinator.config(**(coordination or {}))}
        if sinks:
            binbus.config["sink"] = [dict(sink) for sink in sinks]
        prepare(binbus)
        return binbus.start()

    def example(self, name, *arguments):
        from brokers import Example
        return self.keep(Example(self.new_folder(name), name, *arguments)).start()

    def binbus(self, *sources, sinks=(), **stream):
        for source in sources:
            source.sql("DO 0")  # up, so that the first connection does not fail
        binbus = self.keep(Binbus(self.new_folder("binbus"), *sources, **stream))
        if sinks:
            binbus.config["sink"] = list(sinks)
        return binbus.start()

    def new_folder(self, name):
        return f"{self.folder}/{len(self.processes)}-{name}"

    def keep(self, process):
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            process.kill9()
        release_ports()


@pytest.fixture
def lab(request):
    lab = request.node.lab = Lab()
    yield lab
    lab.close()
    if request.config.getoption("--keep"):
        print(f"\nkept: {lab.folder}")
    else:
        shutil.rmtree(lab.folder)


def pytest_configure(config):
    # Who is started in the background ignores Ctrl-C, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "soak: too long for every day; `./test soak` runs it")


def pytest_addoption(parser):
    parser.addoption("--keep", action="store_true", help="leave the folders of servers and binbus behind, for a look")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed and hasattr(item, "lab"):
        for process in item.lab.processes:
            report.sections.append((f"end of the log of {process}", process.log()[-3000:]))


@pytest.fixture
def cluster_of(lab):
    from cluster import Cluster

    def make(*sources, sinks=(), state=(), prepare=lambda node: None, **stream):
        cluster = Cluster(lab.new_folder("cluster"), *sources, **stream)
        for node in cluster.nodes:
            if sinks:
                node.config["sink"] = list(sinks)
            if state:
                node.config["state"] = [{"stream": "shop", "tables": list(state)}]
            prepare(node)
            lab.keep(node)
        return cluster.start()

    return make
