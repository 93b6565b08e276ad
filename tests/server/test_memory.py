"""Memory stays within the configured budget, whatever the size of a transaction, a row or a backlog; positions past 4 GiB."""

import struct
import subprocess

import pytest

from binbus import Binbus, mysqlbinlog_command
from compare import assert_same_tables
from dump import Dump
from faults import stream_status, wait_served
from proxy import Proxy
from watcher import SOAK

MIB = 1 << 20
BUDGET = 256 * MIB if SOAK else 64 * MIB  # of everything: the program, a stream, and the connections that are allowed
TRANSACTION_BYTES = 6 << 30 if SOAK else 300 * MIB
ROW_BYTES = 1_000_000_000 if SOAK else 60 * MIB
SECONDS = 3600 if SOAK else 600
pytestmark = pytest.mark.xdist_group("disk")  # at full length each needs 40 GB: one after the other


def peak(binbus):
    """The most memory that it has had resident, in bytes."""
    with open(f"/proc/{binbus.child.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def assert_within_budget(binbus, what):
    used = peak(binbus)
    print(f"{what}: peak {used / MIB:.1f} MiB of {BUDGET / MIB:.0f}")
    assert used < BUDGET, f"{what}: {used / MIB:.1f} MiB of {BUDGET / MIB:.0f}"


def big_server(lab, name, *options):
    log = "--innodb-redo-log-capacity=2G" if name == "mysql97" else "--innodb-log-file-size=1G"
    return lab.server(name, "--max-allowed-packet=1073741824", "--innodb-flush-log-at-trx-commit=0", log, *options)


def limited(lab, source, **stream):
    """A binbus with the small budget."""
    source_is_up = getattr(source, "sql", lambda _: None)
    source_is_up("DO 0")
    binbus = lab.keep(Binbus(lab.new_folder("binbus"), source, **stream))
    binbus.config["memory"] = f"{BUDGET // MIB} MiB"
    return binbus.start()


def write(source, total, each):
    """One transaction of `total` bytes in rows of `each`."""
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, b LONGBLOB)", "BEGIN",
               *(f"INSERT INTO d.t VALUES ({number}, REPEAT(CHAR({33 + number % 90}), {each}))" for number in range(total // each)),
               "COMMIT", "FLUSH BINARY LOGS")


def assert_same_file(source, binbus, name):
    subprocess.run(["cmp", source.data / name, binbus.segments / name], check=True)


def reader(binbus, file, server_id, blocking):
    """A reader that has asked for the log and takes nothing of it yet."""
    return Dump(binbus.port, *binbus.replica_user, server_id, file=file, blocking=blocking, timeout=SECONDS)


@pytest.mark.parametrize("rows", ["a transaction of many rows", "a large row"])
@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_within_the_budget(lab, name, rows):
    """Received, stored and served, to a replica, to mysqlbinlog, and to eight readers that take nothing."""
    source, replica = big_server(lab, name), big_server(lab, name)
    binbus = limited(lab, source)
    file = source.binlogs()[0]
    wait_served(binbus, source)
    # They follow from before there is anything to send, and may be dropped when they take nothing for long.
    stuck = [reader(binbus, file, 4_000_000_010 + number, blocking=True) for number in range(7)]
    replica.follow(binbus)
    if rows == "a large row":
        write(source, ROW_BYTES, ROW_BYTES)
    else:
        write(source, TRANSACTION_BYTES, MIB)
    binbus.wait_for(source, SECONDS)
    slow = reader(binbus, file, 4_000_000_017, blocking=False)  # the file is sealed: it gets all of it
    assert_within_budget(binbus, f"{name}, {rows}, stored")
    served = sum(event.size for event in slow.events() if not event.artificial)
    assert served >= (source.data / file).stat().st_size - 4, "a slow reader did not get all"
    replica.wait_for(source, SECONDS)
    assert_same_tables(source, replica)
    assert_same_file(source, binbus, file)
    command = mysqlbinlog_command(name, binbus, "--raw", f"--result-file={binbus.folder}/raw-", file)
    subprocess.run(command, check=True, timeout=SECONDS)
    subprocess.run(["cmp", source.data / file, binbus.folder / f"raw-{file}"], check=True)
    assert_within_budget(binbus, f"{name}, {rows}, served")
    for one in (*stuck, slow):
        one.close()


def event_places(path):
    """(offset, size) of every event of a file of any size."""
    with open(path, "rb") as file:
        offset = 4
        while True:
            file.seek(offset)
            header = file.read(19)
            if len(header) < 19:
                return
            size = struct.unpack_from("<I", header, 9)[0]
            yield offset, size
            offset += size


@pytest.mark.soak  # writes 30 GB
@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_positions_past_4_gib(lab, name):
    """The connection ends just after a transaction that ends past 4 GiB, and binbus is killed: it goes on from there."""
    source, replica = big_server(lab, name), big_server(lab, name)
    write(source, TRANSACTION_BYTES, MIB)
    file = source.binlogs()[0]
    places = list(event_places(source.data / file))
    end, rotate = places[-1]
    assert end > 1 << 32
    preamble = 1  # the rotate event made for the connection
    with Proxy(source.port, lambda number: {"events": preamble + len(places) - 1} if number == 1 else None) as proxy:
        binbus = limited(lab, proxy, tls="disabled")
        while (stream_status(binbus)["position"] or {"offset": 0})["offset"] < end:
            assert binbus.running(), binbus.log()
        proxy.refusing = True
        proxy.drop()
        binbus.kill9()
        proxy.refusing = False
        binbus.start()
        binbus.wait_for(source, SECONDS)
        assert_same_file(source, binbus, file)
        assert_within_budget(binbus, f"{name}, past 4 GiB")
        if not source.is_mariadb:  # whose dump command has 32 bits for the place: the file is sent from its head, and left out
            assert sum(connection.bytes for connection in proxy.dumps()[1:]) < 1 << 30, "the transaction was fetched again"
        replica.follow(binbus)
        replica.wait_for(source, SECONDS)
        assert_same_tables(source, replica)
        dump = Dump(binbus.port, *binbus.replica_user, 4_000_000_010, file=file, blocking=False, timeout=SECONDS)
        assert sum(event.size for event in dump.events() if not event.artificial) >= end + rotate - 4
