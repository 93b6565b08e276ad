"""A disk that is full, that fails, and that changed what it held."""

import os
import pathlib
import subprocess
import threading

import pytest
import toml

from binbus import Binbus
from compare import assert_same_bytes, assert_same_tables
from dump import Dump
from faults import assert_says, stream_status, wait_served, wait_state, wait_streaming
from load import Load
from process import Process, wait_until
from servers import semi_sync_source
from test_admin import health

HERE = pathlib.Path(__file__).resolve().parent


class SmallDisk:
    """A disk of `mebibytes` at `folder`, in memory. Needs root."""

    def __init__(self, folder, mebibytes):
        if os.geteuid() != 0:
            pytest.skip("a small disk cannot be mounted without root")
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "binbus-test", self.folder], check=True)

    def grow(self, mebibytes):
        subprocess.run(["mount", "-o", f"remount,size={mebibytes}m", self.folder], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.folder], check=True)


def served_files(binbus, first_file):
    """How many bytes of the log a tool gets right now."""
    dump = Dump(binbus.port, *binbus.replica_user, 4_000_000_002, file=first_file, blocking=False)
    try:
        return sum(event.size for event in dump.events() if not event.artificial)
    finally:
        dump.close()


@pytest.mark.parametrize("keep_free, mebibytes", [("0", 24), ("64 MiB", 88)], ids=["to the last byte", "keep_free"])
def test_full_disk(lab, keep_free, mebibytes):
    """It says what to do, goes on serving, and goes on storing by itself once there is space: nothing is missing."""
    source, replica = lab.servers("mysql97", "mysql97")
    binbus = Binbus(lab.new_folder("binbus"), source, keep_free=keep_free)
    source.sql("DO 0")
    with SmallDisk(binbus.folder / "data", mebibytes) as disk:
        lab.keep(binbus).start()
        Load(source, ["large_row"], threads=2, large_bytes=2_000_000).run(20)
        assert sum((source.data / name).stat().st_size for name in source.binlogs()) > 25 << 20, "too little to fill the disk"
        full = wait_state(binbus, "waiting", "disk_full", "data/shop", "make room", "retain_bytes")
        assert keep_free == "0" or "keep_free" in full["reason"]

        def stored():  # a later attempt may store a smaller batch
            return stream_status(binbus)["position"]["offset"]

        wait_until(lambda: served_files(binbus, source.binlogs()[0]) + 4 == stored(), "served is what is stored")
        replica.follow(binbus)
        wait_until(lambda: replica.replica_status()["Read_Source_Log_Pos"] == stored(),
                   "a new replica gets all that is there", why=replica.why)
        binbus.kill9()  # a start on a full disk works, and serves
        binbus.start()
        wait_state(binbus, "waiting", "disk_full", "make room")
        assert served_files(binbus, source.binlogs()[0]) + 4 >= full["position"]["offset"]
        disk.grow(256)
        binbus.wait_for(source)
        wait_streaming(binbus)
        assert_same_bytes(source, binbus)
        replica.wait_for(source)
        assert_same_tables(source, replica)
        lab.close()


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>
static int failing(void) { return access(BROKEN, F_OK) == 0; }
#define WRAP(name)                                            \
  int name(int file) {                                        \
    static int (*real)(int);                                  \
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name);  \
    if (failing()) { errno = EIO; return -1; }                \
    return real(file);                                        \
  }
WRAP(fsync)
WRAP(fdatasync)
"""


def with_failing_disk(binbus):
    """Its fsync fails with EIO while the file `broken` exists."""
    binbus.broken = binbus.folder / "broken"
    shim, command = binbus.folder / "shim.so", binbus.command
    subprocess.run(["gcc", "-shared", "-fPIC", f'-DBROKEN="{binbus.broken}"', "-o", shim, "-xc", "-"], check=True, input=SHIM,
                   text=True)
    binbus.command = lambda: ["env", f"LD_PRELOAD={shim}", *command()]
    return binbus


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_failed_fsync(lab, name):
    """What may not be durable is never acknowledged, and nothing is stored on top of it until binbus is started again."""
    source = lab.server(name, *semi_sync_source(name, 3_600_000))
    source.sql("DO 0")
    binbus = lab.keep(with_failing_disk(Binbus(lab.new_folder("binbus"), source))).start()
    word = "source" if name == "mysql97" else "master"
    wait_until(lambda: source.sql(f"SHOW STATUS LIKE 'Rpl_semi_sync_{word}_clients'")[0][1] == "1", "binbus acknowledges")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    stored = wait_served(binbus, source)

    binbus.broken.touch()
    committed = threading.Event()

    def insert():
        source.sql("INSERT INTO d.t VALUES (1)")
        committed.set()

    threading.Thread(target=insert, daemon=True).start()
    wait_state(binbus, "stopped", "io", source.binlogs()[0], "restart")
    assert not committed.wait(2), "acknowledged though its fsync failed"
    assert stream_status(binbus)["position"] == stored, "readers see what may not be durable"
    assert served_files(binbus, stored["file"]) + 4 == stored["offset"]

    binbus.broken.unlink()
    assert not committed.wait(2), "went on over a failed fsync"
    binbus.restart()
    assert committed.wait(180), f"not acknowledged after the restart\n{binbus.log()[-3000:]}"
    assert_same_bytes(source, binbus)


def test_failed_fsync_at_a_node(lab, cluster_of):
    """It takes no part any more, and sends replicas elsewhere, until it is started again; the others go on."""
    source, replica = lab.server("mysql97", *semi_sync_source("mysql97", 3_600_000)), lab.server("mysql97")
    cluster = cluster_of(source, prepare=with_failing_disk)
    leader = cluster.leader()
    replica.follow(leader)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    for number, node in enumerate((cluster.others(leader)[0], leader)):
        node.broken.touch()
        source.sql(f"INSERT INTO d.t VALUES ({number})")
        wait_state(node, "stopped", "io", "restart")
        assert "stopped" in health(node, "/ready")[0]
        assert cluster.leader() is not node
        node.broken.unlink()
        node.restart()
        node.wait_for(source)
        wait_until(lambda node=node: not health(node, "/ready"), "ready again", 60, node.log)
    for node in cluster.nodes:
        assert_same_bytes(source, node)
    replica.wait_for(source)
    assert_same_tables(source, replica)


def test_full_disk_of_one_stream_leaves_the_others(lab):
    """A stream whose folder is on a full disk waits alone."""
    good, bad = lab.servers("mysql97", "mysql97")
    for server in (good, bad):
        server.sql("CREATE DATABASE d")
    binbus = Binbus(lab.new_folder("binbus"), good)
    with SmallDisk(binbus.folder / "data/full", 2):
        other = {**binbus.stream, "name": "full", "source": [f"127.0.0.1:{bad.port}"], "keep_free": "0",
                 "listen": f"127.0.0.1:{lab.keep(Binbus(lab.new_folder('unused'))).port}"}
        binbus.config["stream"].append(other)
        lab.keep(binbus).start()
        for server in (bad, good):
            Load(server, ["large_row"], threads=1, large_bytes=1_000_000).run(10)
        binbus.wait_for(good)
        wait_until(lambda: stream_status(binbus, 1)["error_code"] == "disk_full", "the small disk is full")
        assert stream_status(binbus)["state"] == "streaming"
        assert_same_bytes(good, binbus)
        lab.close()


def damage(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x40]))


def prepared_for_damage(lab):
    """A source, and a binbus that has stored two files of it in many batches, and was stopped."""
    source = lab.server("mysql97")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, s VARCHAR(1000))")
    binbus = lab.binbus(source)
    for file in range(2):
        for number in range(20):
            source.sql(f"INSERT INTO d.t VALUES ({100 * file + number}, REPEAT('x', 900))")
            binbus.wait_for(source)
        if file == 0:
            source.sql("FLUSH BINARY LOGS")
    binbus.stop()
    return source, binbus


def copy_from_source(source, binbus, name):
    """What mends a damaged segment: the source's file of that name, not marked as in use."""
    segment = binbus.segments / name
    segment.write_bytes((source.data / name).read_bytes()[:segment.stat().st_size])
    clear_in_use_flag(segment)


def test_damaged_sealed_segment(lab):
    """`verify` names the place. A replica that checks what it gets takes nothing of it, and goes on once it is mended."""
    source, binbus = prepared_for_damage(lab)
    name = source.binlogs()[0]
    damage(binbus.segments / name, 10_000)
    verify = binbus.run("verify", "data", check=False)
    assert verify.returncode == 3
    assert_says(verify.stdout + verify.stderr, name, "checksum")

    binbus.start()
    replica = lab.server("mysql97")
    replica.follow(binbus)
    wait_until(lambda: replica.replica_status()["Replica_IO_Running"] == "No", "the replica refuses the damaged event",
               why=replica.why)
    assert_says(replica.log(), "checksum verification failed")

    binbus.stop()
    copy_from_source(source, binbus, name)
    binbus.run("verify", "data")
    binbus.start()
    replica.stop_following()
    replica.start_following()
    replica.wait_for(source)
    assert_same_tables(source, replica)
    assert_same_bytes(source, binbus)


def test_damaged_newest_segment(lab):
    """What was durable has changed: the stream does not start, and says which file, where, and how to mend it."""
    source, binbus = prepared_for_damage(lab)
    name = source.binlogs()[-1]
    damage(binbus.segments / name, 10_000)
    before = (binbus.segments / name).read_bytes()
    assert binbus.run("verify", "data", check=False).returncode == 3
    Process.start(binbus)
    wait_state(binbus, "stopped", "corrupt", name, "restore the file", "source's file of that name")
    binbus.stop()
    assert (binbus.segments / name).read_bytes() == before, "a damaged file was written to"
    copy_from_source(source, binbus, name)
    binbus.start()
    assert_same_bytes(source, binbus)


def clear_in_use_flag(segment):
    data = bytearray(segment.read_bytes())
    data[21] &= ~1
    segment.write_bytes(data)


def test_unknown_key(lab):
    """A configuration with a key that nobody knows does not start, and the line is named."""
    binbus = Binbus(lab.new_folder("binbus"), heartbeats="5s")
    (binbus.folder / "binbus.toml").write_text(toml.dumps(binbus.config))
    result = binbus.run("serve", "-c", "binbus.toml", check=False)
    assert result.returncode != 0
    line = (binbus.folder / "binbus.toml").read_text().split("heartbeats")[0].count("\n") + 1
    assert_says(result.stdout + result.stderr, f"binbus.toml:{line}", "heartbeats", "heartbeat")
    assert not (binbus.folder / "data").exists(), "a refused configuration made something"
