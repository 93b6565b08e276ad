"""What binbus keeps and hands on is the source's binary log byte for byte, under the same names and positions."""

import subprocess

import pymysql
import pytest

from binbus import mysqlbinlog, mysqlbinlog_command
from compare import assert_same_bytes, assert_same_tables, both
from dump import FORMAT_DESCRIPTION, HEARTBEATS_V2, Dump, split
from faults import wait_served
from load import ROWS, Load, crash_safe_kinds
from process import wait_until

SMALL_FILES = "--max-binlog-size=1M"

LOGS = {
    "mysql97_everything": ("mysql97", None, []),
    "mysql97_ddl": ("mysql97", ["ddl", "create_select"], []),
    "mysql97_xa": ("mysql97", ["xa", "xa_rollback", "xa_one_phase"], []),
    "mysql97_tagged_gtids": ("mysql97", ["tagged"], []),
    "mysql97_anonymous": ("mysql97", ["small", "ddl", "xa", "non_transactional"], ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]),
    "mysql97_compressed": ("mysql97", ["transaction", "large_row", "xa"], ["--binlog-transaction-compression=ON"]),
    "mysql97_partial_json": ("mysql97", ["small", "partial_json"], ["--binlog-row-value-options=PARTIAL_JSON"]),
    "mysql97_statements": ("mysql97", ["small", "transaction", "statement_format", "ddl"], ["--binlog-format=STATEMENT"]),
    "mysql97_full_metadata": ("mysql97", ["small", "ddl"], ["--binlog-row-metadata=FULL", "--binlog-rows-query-log-events=ON"]),
    "mysql97_no_checksum": ("mysql97", None, ["--binlog-checksum=NONE"]),
    "mysql56_everything": ("mysql56", None, []),
    "mysql56_anonymous": ("mysql56", None, ["--gtid-mode=OFF", "--skip-enforce-gtid-consistency"]),
    "mysql56_no_checksum": ("mysql56", None, ["--binlog-checksum=NONE"]),
    "mariadb102_everything": ("mariadb102", None, []),
    "mariadb1011_everything": ("mariadb1011", None, []),
    "mariadb1011_compressed": ("mariadb1011", None, ["--log-bin-compress=ON", "--log-bin-compress-min-len=16"]),
    "mariadb1011_statements": ("mariadb1011", ["small", "transaction", "statement_format", "ddl"], ["--binlog-format=STATEMENT"]),
    "mariadb1011_checksum": ("mariadb1011", None, ["--binlog-checksum=CRC32"]),
    "mariadb1011_no_checksum": ("mariadb1011", None, ["--binlog-checksum=NONE"]),
    "mariadb118_everything": ("mariadb118", None, []),
}


@pytest.mark.parametrize("log", LOGS)
def test_segments_equal(lab, log):
    name, kinds, options = LOGS[log]
    source = lab.server(name, SMALL_FILES, *options)
    binbus = lab.binbus(source)
    Load(source, kinds).run(100)
    assert_same_bytes(source, binbus)
    source.sql("FLUSH BINARY LOGS", "CREATE DATABASE after_rotation")
    assert assert_same_bytes(source, binbus) > 1


def test_rows_of_16_megabytes(lab):
    source, replica = lab.server("mysql97", "--max-binlog-size=20M"), lab.server("mysql97")
    binbus = lab.binbus(source)
    replica.follow(binbus)
    source.sql("CREATE DATABASE big", "CREATE TABLE big.rows_ (id INT PRIMARY KEY, b LONGBLOB)")
    for size in (2**24 - 100, 2**24 - 31, 2**24 - 1, 2**24, 2**24 + 1, 40_000_000):  # around the packet's own 16 MB limit
        source.sql(f"INSERT INTO big.rows_ VALUES ({size}, REPEAT('ab', {size} / 2))")
    replica.wait_for(source)
    assert_same_tables(source, replica)
    assert assert_same_bytes(source, binbus) > 2


@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011"])
def test_checksum_switched_live(lab, name):
    source, replica = lab.servers(name, name)
    binbus = lab.binbus(source)
    replica.follow(binbus)
    with Load(source, ROWS) as load:
        for checksum in ("NONE", "CRC32", "NONE", "CRC32"):
            load.wait_commits(30)
            source.sql(f"SET GLOBAL binlog_checksum = {checksum}")
    replica.wait_for(source)
    assert_same_tables(source, replica)
    assert assert_same_bytes(source, binbus) > 4


@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011"])
def test_incident(lab, name):
    """A statement on a non-transactional table that outgrows its cache leaves an incident event in the log."""
    source = lab.server(name)
    binbus = lab.binbus(source)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.flat (b LONGBLOB) ENGINE = MyISAM",
               "SET GLOBAL binlog_stmt_cache_size = 4096", "SET GLOBAL max_binlog_stmt_cache_size = 4096")
    with pytest.raises(pymysql.err.Error):
        source.sql("INSERT INTO d.flat VALUES (REPEAT('a', 20000)), (REPEAT('b', 20000))")
    source.sql("CREATE DATABASE after_incident")
    assert "Incident" in str(source.sql(f"SHOW BINLOG EVENTS IN '{source.binlogs()[0]}'"))
    assert_same_bytes(source, binbus)


@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011"])
def test_source_killed_under_load(lab, name):
    source = lab.server(name)
    binbus = lab.binbus(source)
    with Load(source, crash_safe_kinds(name)) as load:
        for _ in range(3):
            load.wait_commits(50)
            source.kill9()
            source.start()
        load.wait_commits(50)
    assert assert_same_bytes(source, binbus) == 4


@pytest.mark.parametrize("name, options", [
    ("mysql97", ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]), ("mysql97", []),
    ("mysql56", ["--gtid-mode=OFF", "--skip-enforce-gtid-consistency"]), ("mysql56", []),
    ("mariadb1011", []), ("mariadb118", []), ("mysql55", [])])
def test_replica_by_file_and_position_moves_both_ways(lab, name, options):
    source, replica = lab.server(name, SMALL_FILES, *options), lab.server(name, *options)
    binbus = lab.binbus(source)
    place = source.binlogs()[0], 4
    with Load(source, ROWS) as load:
        for upstream in (source, binbus, source, binbus):
            replica.follow(upstream, at=place)
            load.wait_commits(50)
            place = stop_and_tell_place(replica)
        replica.start_following()
    wait_until(lambda: replica.followed_to() == source.position(), "the replica is at the source's own end", why=replica.why)
    assert_same_tables(source, replica)


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011", "mariadb118"])
def test_a_reader_goes_on_from_every_event(lab, name):
    """Within a transaction too, where MariaDB 11.7 and later write no positions: it is where a cut connection leaves off."""
    source = lab.server(name)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT)", "BEGIN", *["INSERT INTO d.t VALUES (1)"] * 5, "COMMIT")
    binbus = lab.binbus(source)
    wait_served(binbus, source)
    file = source.binlogs()[0]
    data = (binbus.segments / file).read_bytes()
    at = 4
    for number, event in enumerate(split(data)):
        dump = Dump(binbus.port, *binbus.replica_user, 4_000_000_001, file=file, offset=at, blocking=False)
        got = b"".join(came.raw for came in dump.events() if not came.artificial and came.type != FORMAT_DESCRIPTION)
        dump.close()
        wanted = data[at + event.size:] if event.type == FORMAT_DESCRIPTION else data[at:]
        assert got == wanted, f"from event {number} at {at}"
        shown = query(binbus, f"SHOW BINLOG EVENTS IN '{file}' FROM {at} LIMIT 1")
        assert shown[0][1] == at and shown[0][4] == at + event.size
        at += event.size


ROWS_OF_THREE = ["INSERT INTO d.t VALUES ()"] * 3
XA = ["XA START 'x'", *ROWS_OF_THREE, "XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'"]


@pytest.mark.parametrize("name", ["mysql97", "mysql56"])
def test_dumps_equal_the_sources(lab, name):
    """Event by event what the source itself sends, for every GTID set and place that a replica may come with: also the
    rotations, heartbeats and altered format descriptions that are made for the connection and tell a replica how to go on."""
    source = lab.server(name)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT)", *ROWS_OF_THREE)
    source.sql("FLUSH BINARY LOGS", "FLUSH BINARY LOGS", *ROWS_OF_THREE, *XA)  # one with nothing in it
    source.restart()
    source.sql(*XA, *ROWS_OF_THREE)
    source.kill9()
    source.start()
    source.sql(*ROWS_OF_THREE, "FLUSH BINARY LOGS")
    assert len(source.binlogs()) == 6
    binbus = lab.binbus(source)
    wait_served(binbus, source)
    uuid, numbers = source.gtids().split(":")
    last = int(numbers.split("-")[1])
    sets = [[], *([(1, n)] for n in range(1, last + 1)), *([(n, n)] for n in range(2, last + 1)),
            *([(1, n - 1), (n + 1, last)] for n in range(2, last))]
    starts = [{"gtids": {uuid: intervals} if intervals else {}} for intervals in sets]
    for file in source.binlogs():
        at = 4
        for event in split((binbus.segments / file).read_bytes()):
            starts.append({"file": file, "offset": at})
            at += event.size
    for start in starts:
        wanted, got = (dumped(upstream, name, **start) for upstream in (source, binbus))
        assert got == wanted, f"from {start}"


def dumped(upstream, name, **start):
    """The events of one dump; those made for the connection without what tells who made them."""
    user = getattr(upstream, "replica_user", ("repl", "repl"))
    flags = HEARTBEATS_V2 if name == "mysql97" else 0
    dump = Dump(upstream.port, *user, 4_000_000_001, blocking=False, flags=flags, **start)
    try:
        return [(event.type, event.timestamp, event.log_pos, event.flags, event.body) if event.artificial else event.raw
                for event in dump.events()]
    finally:
        dump.close()


def query(binbus, statement):
    user, password = binbus.replica_user
    connection = pymysql.connect(host="127.0.0.1", port=binbus.port, user=user, password=password, ssl_disabled=True)
    try:
        with connection.cursor() as run:
            run.execute(statement)
            return run.fetchall()
    finally:
        connection.close()


def stop_and_tell_place(replica):
    replica.stop_following()
    return replica.followed_to()


TOOLS = [("mysql97", "mysql97"), ("mysql56", "mysql97"), ("mariadb1011", "mariadb1011"), ("mariadb118", "mariadb118")]


def a_log_of_several_files(lab, name):
    source = lab.server(name, SMALL_FILES)
    binbus = lab.binbus(source)
    Load(source).run(60)
    source.sql("FLUSH BINARY LOGS")
    binbus.wait_for(source)
    return source, binbus, source.binlogs()[:-1]


@pytest.mark.parametrize("name, tool", TOOLS)
def test_mysqlbinlog_raw(lab, tmp_path, name, tool):
    source, binbus, files = a_log_of_several_files(lab, name)
    mysqlbinlog(tool, binbus, "--raw", *files, folder=tmp_path)
    for file in files:
        assert (tmp_path / file).read_bytes() == (source.data / file).read_bytes(), file


@pytest.mark.parametrize("name, tool", TOOLS)
def test_mysqlbinlog_decoded(lab, tmp_path, name, tool):
    source, binbus, files = a_log_of_several_files(lab, name)
    arguments = ["--verify-binlog-checksum", "-vv", *files]
    wanted, got = (mysqlbinlog(tool, where, *arguments, folder=tmp_path) for where in (source, binbus))
    assert len(wanted) > 10_000 and got == wanted


@pytest.mark.parametrize("name, tool", TOOLS)
def test_mysqlbinlog_stop_never(lab, tmp_path, name, tool):
    source = lab.server(name, SMALL_FILES)
    binbus = lab.binbus(source)
    wait_served(binbus, source)  # mysqlbinlog does not try again
    command = mysqlbinlog_command(tool, binbus, "--raw", "--stop-never", source.binlogs()[0])
    with subprocess.Popen(command, cwd=tmp_path) as follower:
        try:
            Load(source).run(60)

            def has_all():
                file, end = source.position()
                return (tmp_path / file).exists() and (tmp_path / file).stat().st_size >= end

            wait_until(has_all, "mysqlbinlog has all")
            for file in source.binlogs():
                wanted, got = both(source.data / file, tmp_path / file)
                assert got == wanted, file
        finally:
            follower.kill()
