"""What clients ask with SQL is answered by binbus as by its source: the same columns, the same types, the same values."""

import pathlib
import re
import subprocess

import pymysql
import pytest

from binbus import Binbus
from certificates import Authority
from dump import Dump
from faults import wait_served
from process import wait_until
from servers import installed
from watcher import SOAK

TABLE = ("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)", "FLUSH BINARY LOGS",
         "INSERT INTO d.t VALUES (2)")
BOTH = ["log_bin", "binlog_format", "binlog_checksum", "binlog_row_image", "autocommit", "auto_increment_increment",
        "lower_case_table_names", "net_write_timeout", "init_connect"]
SAME = {"mysql97": BOTH + ["gtid_mode", "enforce_gtid_consistency", "gtid_executed", "gtid_purged", "version", "log_replica_updates",
                           "binlog_row_value_options", "transaction_read_only"],
        "mysql56": BOTH + ["gtid_mode", "gtid_executed", "gtid_purged", "version", "query_cache_type", "tx_isolation"],
        "mariadb1011": BOTH + ["gtid_domain_id", "gtid_binlog_pos", "gtid_binlog_state", "version", "log_bin_compress", "tx_isolation"]}
OTHERS = ["server_id", "port", "read_only", "wait_timeout", "version_comment"]  # of the same type, with a value of each one's own


def ask(server, statement):
    """(column names, rows) as a driver hands them over."""
    connection = connect(server) if isinstance(server, Binbus) else server.connect()
    try:
        with connection.cursor() as run:
            run.execute(statement)
            return [column[0] for column in run.description], run.fetchall()
    finally:
        connection.close()


def connect(binbus):
    user, password = binbus.replica_user
    return pymysql.connect(host="127.0.0.1", port=binbus.port, user=user, password=password, ssl_disabled=True)


def types(rows):
    return [[type(value) for value in row] for row in rows]


def assert_same_answer(source, binbus, statement):
    wanted, got = ask(source, statement), ask(binbus, statement)
    assert got == wanted, statement
    assert types(got[1]) == types(wanted[1]), statement


@pytest.mark.parametrize("name", SAME)
def test_answers_are_the_sources(lab, name):
    source = lab.server(name)
    source.sql(*TABLE)
    binbus = lab.binbus(source)
    wait_served(binbus, source)
    assert_same_answer(source, binbus, "SHOW BINARY LOGS")
    assert_same_answer(source, binbus, "SHOW BINARY LOG STATUS" if name == "mysql97" else "SHOW MASTER STATUS")
    for variable in SAME[name]:
        assert_same_answer(source, binbus, f"SELECT @@GLOBAL.{variable}")
        assert_same_answer(source, binbus, f"SHOW GLOBAL VARIABLES LIKE '{variable}'")
    for variable in OTHERS:
        (names, rows), (our_names, our_rows) = (ask(server, f"SELECT @@GLOBAL.{variable}") for server in (source, binbus))
        assert (our_names, types(our_rows)) == (names, types(rows)), variable
    assert_same_answer(source, binbus, "SELECT 7, -7, '7', TRUE, NULL AS nothing")
    for file in source.binlogs():
        (names, rows), (our_names, our_rows) = (ask(server, f"SHOW BINLOG EVENTS IN '{file}'") for server in (source, binbus))
        assert our_names == names and types(our_rows) == types(rows)
        # Of types that only a reader of tables can describe, the text is left out.
        assert [row[:5] for row in our_rows] == [row[:5] for row in rows]
        asked = rows[-1][1]
        assert ask(binbus, f"SHOW BINLOG EVENTS IN '{file}' FROM {asked}")[1][0][:5] == rows[-1][:5]


@pytest.mark.parametrize("name", SAME)
def test_replicas_are_listed_as_the_source_lists_them(lab, name):
    source = lab.server(name)
    source.sql(*TABLE)
    replica = lab.server(name, "--report-host=db-east", "--report-port=4711")
    binbus = lab.binbus(source)
    answers = []
    for upstream in (source, binbus):
        replica.follow(upstream)

        def listed():
            names, rows = ask(upstream, "SHOW REPLICAS" if name == "mysql97" else "SHOW SLAVE HOSTS")
            return names, [dict(zip(names, row)) for row in rows if "db-east" in row]  # the source lists binbus too

        wait_until(lambda: len(listed()[1]) == 1, f"{upstream} lists the replica", why=replica.why)
        names, rows = listed()
        rows[0].pop("Source_Id" if name == "mysql97" else "Master_id")
        answers.append((names, rows))
    assert answers[0] == answers[1]


def test_one_client_cannot_end_the_process(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source)
    wait_served(binbus, source)
    for statement, number in [("SELECT " + "USER(" * 40_000, 1064), ("SELECT '" + "x" * 2_000_000 + "'", 1153)]:
        with pytest.raises(pymysql.err.MySQLError) as refused:
            ask(binbus, statement)
        assert refused.value.args[0] == number
    with connect(binbus) as connection:
        with connection.cursor() as run, pytest.raises(pymysql.err.MySQLError) as refused:
            for number in range(100):
                run.execute(f"SET @v{number} = '{'x' * 100_000}'")
        assert refused.value.args[0] == 1226
    assert binbus.running() and ask(binbus, "SELECT 1")[1] == ((1,),)


def test_connections_leave_nothing_behind(lab):
    """Threads, files and memory after many that asked, read and went are those after a few."""
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source)
    wait_served(binbus, source)
    process = pathlib.Path(f"/proc/{binbus.child.pid}")

    def held():
        return {what: len(list((process / what).iterdir())) for what in ("fd", "task")}

    def memory_kb():
        return int(re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())[1])

    def come_and_go(times):
        for number in range(times):
            ask(binbus, "SHOW BINARY LOGS")
            dump = Dump(binbus.port, *binbus.replica_user, 4_000_000_001, file=source.binlogs()[0], blocking=number % 2 == 0)
            assert next(dump.events()).rotate_to()
            dump.close()

    before = held()  # or some more: what a start works with may not be gone yet

    def wait_gone():
        wait_until(lambda: all(held()[what] <= before[what] for what in before), "all are gone",
                   why=lambda: f"{held()}, {before} before")

    come_and_go(50)
    wait_gone()
    memory_before_kb = memory_kb()
    come_and_go(20_000 if SOAK else 300)
    wait_gone()
    assert memory_kb() < memory_before_kb + 8192, f"{memory_before_kb} KB before"


def proof_of_certificate(port, user):
    """What the OK of a login within TLS says beside OK."""
    packets = []

    class Recording(pymysql.connections.Connection):
        def _read_packet(self, *arguments):
            packets.append(super()._read_packet(*arguments))
            return packets[-1]

    Recording(host="127.0.0.1", port=port, user=user, password=user, ssl={"check_hostname": False, "verify_mode": "none"}).close()
    return next(packet.get_all_data()[7:] for packet in packets if packet.is_ok_packet())


@pytest.mark.parametrize("certificate", ["made by the server", "of a private authority"])
def test_mariadb_client_as_it_comes(lab, certificate):
    """From 11.4 on it verifies the server: by an authority that it was given, or else by what the server knows of the password."""
    cert, key = Authority(f"{lab.folder}/ca", "private").sign("binbus")
    own = certificate == "made by the server"
    source = lab.server("mariadb118", *([] if own else [f"--ssl-cert={cert}", f"--ssl-key={key}"]))
    source.sql(*TABLE)
    binbus = lab.binbus(source, **({} if own else {"listen_tls_cert": str(cert), "listen_tls_key": str(key)}))
    wait_served(binbus, source)
    wanted, got = proof_of_certificate(source.port, "repl"), proof_of_certificate(binbus.port, "replica")
    assert (len(got), got[:2]) == (len(wanted), wanted[:2]) == (66, b"A\1")
    command = [installed("mariadb118") / "bin/client", "--protocol=tcp", "--host=127.0.0.1", f"--port={binbus.port}", "--user=replica",
               "--batch", "--skip-column-names", "--execute=SELECT @@version"]
    asked = subprocess.run([*command, "--password=replica"], capture_output=True, text=True, timeout=30)
    assert asked.returncode == 0 and asked.stdout.strip() == source.value("SELECT @@version"), asked
    assert subprocess.run([*command, "--password=wrong"], capture_output=True, timeout=30).returncode != 0
