"""Memory of sinks and decoders: bounded under a broker that takes nothing, a transaction of any size, and a row as large as they get."""

import json
import pathlib
import re
import subprocess
import threading
import time

import pytest

from binbus import PROGRAM
from test_memory import MIB, big_server, limited, peak
from test_sink_faults import kafka_sink, rabbitmq_sink
from test_sinks import sink, sink_status, wait_delivered
from watcher import SOAK

FORMATS = ("maxwell", "canal", "debezium", "binbus", "sql")
TRANSACTION_BYTES = 1 << 30 if SOAK else 200 * MIB
ROW_BYTES = 100_000_000 if SOAK else 20_000_000
STALL_SECONDS = 600 if SOAK else 0
STALL_BYTES = 150 * MIB  # of load, at least


def resident(binbus):
    with open(f"/proc/{binbus.child.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def text_of(number, size):
    """What MySQL's REPEAT below makes."""
    return chr(97 + number % 26) * size


def write(source, count, size):
    """One transaction of `count` rows of `size` bytes, and a row behind it."""
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v LONGTEXT CHARACTER SET latin1)", "BEGIN",
               *(f"INSERT INTO d.t VALUES ({number}, REPEAT(CHAR({97 + number % 26}), {size}))" for number in range(count)),
               "COMMIT", "INSERT INTO d.t VALUES (-1, 'last')")


def row_of(format, line):
    """(id, v) of a line of that format."""
    if format == "sql":
        id, v = re.search(rb"VALUES \((-?\d+),'([a-z]*)'\);", line).groups()
        return int(id), v.decode()
    message = json.loads(line)
    row = {"maxwell": lambda: message["data"], "canal": lambda: message["data"][0], "debezium": lambda: message["after"],
           "binbus": lambda: message["after"]}[format]()
    return int(row["id"]), row["v"]


def assert_right(format, lines, count, size):
    number = 0
    for line in lines:
        id, v = row_of(format, line)
        expected = (number, text_of(number, size)) if number < count else (-1, "last")
        assert id == expected[0] and v == expected[1], f"{format}: row {number} is {id}, {len(v)} bytes"
        number += 1
    assert number == count + 1, f"{format}: {number} rows"


@pytest.mark.parametrize("compression", [None, *(["mysql97", "mariadb1011"] if SOAK else [])])
@pytest.mark.parametrize("name, count, size, budget", [
    # What a sink holds beside a message: a block of the log, and of what it sends.
    ("a transaction of many rows", TRANSACTION_BYTES // 100_000, 100_000, 96 * MIB),
    # A row is held in one piece, as is its message; five sinks read it at once.
    ("a large row", 1, ROW_BYTES, 64 * MIB + len(FORMATS) * 4 * ROW_BYTES)])
def test_size_through_every_format(lab, name, count, size, budget, compression):
    option = {"mysql97": ["--binlog-transaction-compression=ON"], "mariadb1011": ["--log-bin-compress=ON"]}.get(compression, [])
    source = big_server(lab, compression or "mysql97", *option)
    if compression and count == 1:  # the event as it was before it was compressed, per reader
        budget += len(FORMATS) * size
    binbus = limited(lab, source)
    binbus.stop()
    binbus.config["sink"] = [sink(format, format=format) for format in FORMATS]
    binbus.start()
    write(source, count, size)
    for format in FORMATS:
        wait_delivered(binbus, source, format, 600)
    used = peak(binbus)
    print(f"{name}: five file sinks: peak {used / MIB:.0f} MiB of {budget / MIB:.0f}")
    for format in FORMATS:
        with open(binbus.folder / f"{format}.jsonl", "rb") as lines:
            assert_right(format, lines, count, size)
        (binbus.folder / f"{format}.jsonl").unlink()
    assert used < budget
    files = [source.data / name for name in source.binlogs()]  # a large transaction ends its file
    for command in (["decode", *files, "--no-ddl", "-f"], ["tail", "--from", "earliest", "--to-end", "--no-ddl", "-f"]):
        for format in FORMATS:
            used = assert_right_from(binbus, [*command, format], format, count, size)
            print(f"{name}: binbus {command[0]} -f {format}: peak {used / MIB:.0f} MiB")
            assert used < 64 * MIB + (4 * size if count == 1 else 0), command
    print(f"{name}: after the tails: peak {peak(binbus) / MIB:.0f} MiB")
    assert peak(binbus) < budget + (10 * size if count == 1 else 0)


def assert_right_from(binbus, words, format, count, size):
    """The same of what a command prints; returns the most memory that it had."""
    child = subprocess.Popen([PROGRAM, *map(str, words)], cwd=binbus.folder, stdout=subprocess.PIPE)
    peaks, ended = [0], threading.Event()

    def watch():  # not ru_maxrss, which begins with the memory of who started the program: of these tests
        while not ended.wait(0.005):
            status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            peaks.extend(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert_right(format, child.stdout, count, size)
        ended.set()
        watcher.join()
        assert child.wait() == 0
        return max(peaks)
    finally:
        ended.set()
        watcher.join()
        child.stdout.close()
        child.kill()


def test_stalled_sinks_stay_flat(lab):
    """Brokers are frozen under load: what waits is in the log, not in memory."""
    source, kafka, rabbitmq = lab.server("mysql97"), lab.kafka(), lab.rabbitmq()
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(2000))")
    binbus = lab.binbus(source, sinks=[kafka_sink(kafka, "kafka"), kafka_sink(kafka, "once", delivery="transactional"),
                                       rabbitmq_sink(rabbitmq.url()), sink("file")])
    insert = "INSERT INTO d.t (v) VALUES " + ", ".join(["(REPEAT('x', 2000))"] * 500)
    source.sql(insert)
    for name in ("kafka", "once", "rabbit"):
        wait_delivered(binbus, source, name)
    kafka.freeze()
    rabbitmq.freeze()
    sent, samples, begin = 0, [], time.monotonic()
    connection = source.connect()
    cursor = connection.cursor()
    while sent < STALL_BYTES or time.monotonic() - begin < STALL_SECONDS:
        cursor.execute(insert)
        sent += 500 * 2000
        samples.append(resident(binbus))
        if SOAK and sent > STALL_BYTES:
            threading.Event().wait(0.2)  # what is written must fit on a disk
    wait_delivered(binbus, source, "file", 300)
    samples.append(resident(binbus))
    half = max(samples[:len(samples) // 2])
    print(f"{sent / MIB:.0f} MiB in {time.monotonic() - begin:.0f} s: {samples[0] / MIB:.0f} MiB at first, {half / MIB:.0f} at half, "
          f"{max(samples) / MIB:.0f} at most, {samples[-1] / MIB:.0f} at the end")
    assert max(samples) < half + 8 * MIB, "it grows"
    assert max(samples) < 300 * MIB
    kafka.thaw()
    rabbitmq.thaw()
    count = source.value("SELECT count(*) FROM d.t")
    for name in ("kafka", "once", "rabbit"):
        wait_delivered(binbus, source, name, 600)
        assert sink_status(binbus, name)["messages"] >= count
