"""Sources that refuse, that no longer have what is needed, and that come back with less than they had sent."""

import shutil
import time

import pytest

from binbus import Binbus
from certificates import Authority
from compare import assert_same_bytes, assert_same_tables
from dump import MARIADB_GTID, Dump, split
from faults import assert_says, stream_status, wait_served, wait_state, wait_streaming
from process import wait_until

BOTH = pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])


def fill(source, table="t", rows=3):
    source.sql("CREATE DATABASE IF NOT EXISTS d", f"CREATE TABLE d.{table} (id INT PRIMARY KEY)",
               *(f"INSERT INTO d.{table} VALUES ({number})" for number in range(rows)))


def purge(source):
    """Removes all but the newest file. MariaDB keeps a file as long as a dump that has ended reads it, as it believes."""
    def gone():
        newest = source.binlogs()[-1]
        source.sql(f"PURGE BINARY LOGS TO '{newest}'")
        return source.binlogs() == [newest]

    wait_until(gone, f"{source} has purged its files")


def assert_no_storm(binbus, seconds=3):
    """What cannot get better by itself is not tried again and again, nor said again and again."""
    before, lines = stream_status(binbus)["connects"], binbus.log().count("\n")
    time.sleep(seconds)
    assert stream_status(binbus)["connects"] - before <= 3
    assert binbus.log().count("\n") - lines <= 10, binbus.log()[-2000:]


@pytest.mark.parametrize("name", ["mysql97", "mysql56", "mariadb1011"])
def test_wrong_password(lab, name):
    source = lab.server(name)
    fill(source)
    binbus = lab.binbus(source, password="secret-but-wrong")
    status = wait_state(binbus, "waiting", "auth", f"127.0.0.1:{source.port}", "repl", "password")
    assert "secret-but-wrong" not in binbus.log() + str(status), "a password in the log"
    assert_no_storm(binbus)
    binbus.stop()
    binbus.stream["password"] = "repl"
    binbus.start()
    assert_same_bytes(source, binbus)


def test_missing_privileges(lab):
    """Everything that is missing is named with the statement that grants it."""
    source = lab.server("mysql97")
    fill(source)
    source.make_user("poor", "poor", "SELECT")
    binbus = lab.binbus(source, user="poor", password="poor")
    wait_until(lambda: "GRANT" in stream_status(binbus)["reason"], "says which grant is missing", why=binbus.log)
    assert_says(stream_status(binbus)["reason"], "REPLICATION SLAVE", "poor", "GRANT")
    check = binbus.run("check-source", "-c", "binbus.toml", check=False)
    assert check.returncode != 0
    assert_says(check.stdout + check.stderr, "GRANT REPLICATION SLAVE", "poor")
    source.sql("SET sql_log_bin = 0", "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO poor@'%'")
    assert binbus.run("check-source", "-c", "binbus.toml").returncode == 0
    binbus.restart()
    assert_same_bytes(source, binbus)


@pytest.mark.parametrize("what", ["expired", "unknown authority", "another name"])
@BOTH
def test_certificate(lab, name, what):
    """A source that cannot prove who it is gets no password; a good certificate mends it."""
    trusted, other = (Authority(f"{lab.folder}/ca", authority) for authority in ("trusted", "other"))
    bad = {"expired": lambda: trusted.sign("server", days_left=-1),
           "unknown authority": lambda: other.sign("server"),
           "another name": lambda: trusted.sign("elsewhere.example", address=None)}[what]()
    words = {"expired": ["expired"], "unknown authority": ["tls_ca", "trusted.pem"], "another name": ["127.0.0.1"]}[what]
    source = lab.server(name, f"--ssl-ca={trusted.ca}", f"--ssl-cert={bad[0]}", f"--ssl-key={bad[1]}")
    fill(source)
    binbus = lab.binbus(source, tls_ca=str(trusted.ca))
    wait_state(binbus, "waiting", "tls", f"127.0.0.1:{source.port}", "certificate", *words)
    assert_no_storm(binbus)
    good = trusted.sign("good")
    for old, new in zip(bad, good):
        shutil.copy(new, old)
    source.restart()
    source.sql("DO 0")
    binbus.restart()
    assert_same_bytes(source, binbus)


@BOTH
def test_purged_at_the_source(lab, name):
    """Files went away at the source that were never fetched: binbus stops, once, and names what is missing. What it has,
    it serves."""
    source = lab.server(name)
    fill(source)
    binbus = lab.binbus(source)
    binbus.wait_for(source)
    binbus.stop()
    fetched, _ = source.position()
    fill(source, "missed")
    missing = source.gtids()
    source.sql("FLUSH BINARY LOGS")
    purge(source)
    fill(source, "after")
    binbus.start()
    number = missing.rsplit("-", 1)[1]  # of the last one that is missing
    wait_state(binbus, "stopped", "purged", f"127.0.0.1:{source.port}", fetched, number, "start")
    assert_no_storm(binbus)
    dump = Dump(binbus.port, *binbus.replica_user, 4_000_000_002, file=fetched, blocking=False)
    assert sum(event.gtid() is not None for event in dump.events()) == 5, "what is stored is served"
    # The documented way on: a new log from what the source still has; the old folder stays as it is.
    binbus.stop()
    (binbus.folder / "data").rename(binbus.folder / "data.before")
    binbus.start()
    assert_same_bytes(source, binbus)


def test_start_set_purged_at_the_source(lab):
    """start = "gtid:SET", and the source no longer has all that follows it."""
    source = lab.server("mysql97")
    fill(source)
    uuid = source.value("SELECT @@server_uuid")
    source.sql("FLUSH BINARY LOGS")
    purge(source)
    binbus = lab.binbus(source, start=f"gtid:{uuid}:1-2")
    wait_state(binbus, "stopped", "purged", f"{uuid}:3-5", f"127.0.0.1:{source.port}", "start")
    binbus.stop()
    binbus.stream["start"] = f"gtid:{uuid}:1-5"
    binbus.start()
    assert_same_bytes(source, binbus)


def test_file_purged_at_a_source_without_gtids(lab):
    source = lab.server("mysql97", "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")
    fill(source)
    binbus = lab.binbus(source)
    binbus.wait_for(source)
    binbus.stop()
    fetched, _ = source.position()
    source.sql("FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
    purge(source)
    binbus.start()
    wait_state(binbus, "stopped", "purged", f"127.0.0.1:{source.port}", fetched, "start")
    assert_no_storm(binbus)


@BOTH
def test_two_consumers_with_one_server_id(lab, name):
    """The source ends the older of two connections that claim to be the same replica. binbus says so and does not fight."""
    source = lab.server(name)
    fill(source)
    twins = [lab.keep(Binbus(lab.new_folder("binbus"), source, server_id=77,
                             server_uuid="11111111-2222-3333-4444-555555555555")).start()]
    twins[0].wait_for(source)
    twins.append(lab.keep(Binbus(lab.new_folder("binbus"), source, server_id=77,
                                 server_uuid="11111111-2222-3333-4444-555555555555")).start())
    alarmed = wait_until(lambda: next((twin for twin in twins if "server_id" in stream_status(twin)["reason"]), None),
                         "one of the two says that another has its id", why=lambda: twins[0].log() + twins[1].log())
    assert_says(stream_status(alarmed)["reason"], "server_id", "77", f"127.0.0.1:{source.port}")
    assert_no_storm(alarmed)
    fill(source, "more")
    other = twins[1 - twins.index(alarmed)]
    other.wait_for(source)
    alarmed.stop()
    del alarmed.stream["server_id"], alarmed.stream["server_uuid"]
    alarmed.start()
    for twin in twins:
        assert_same_bytes(source, twin)


@pytest.mark.parametrize("how", ["crash", "older copy"])
@BOTH
def test_source_came_back_with_less(lab, name, how):
    """A crash lost the source's newest transactions, or an older copy was restored: what binbus has from it and the source
    has no more is named, and nothing new is put after it unless the operator says so."""
    source, replica = lab.servers(name, name)
    fill(source)
    binbus = lab.binbus(source)
    replica.follow(binbus)
    replica.wait_for(source)
    keep_copy(source, how)
    fill(source, "lost")
    lost = source.gtids().rsplit("-", 1)[1]
    before = wait_served(binbus, source)
    replica.wait_for(source)
    restore_copy(source)
    wait_state(binbus, "stopped", "diverged", f"127.0.0.1:{source.port}", lost, "on_source_loss")
    fill(source, "instead")
    assert_no_storm(binbus)
    assert stream_status(binbus)["position"] == before
    had = served_gtids(binbus, before["file"])
    assert had, "what is stored is served"

    binbus.stop()
    binbus.stream["on_source_loss"] = "accept"
    binbus.start()
    wait_streaming(binbus)
    fill(source, "later", rows=20)  # beyond the numbers that were lost
    wanted = source.gtids().rsplit("-", 1)[1]
    wait_until(lambda: stream_status(binbus)["gtid_executed"].endswith(f"-{wanted}"), "what the source wrote since",
               why=lambda: str(stream_status(binbus)) + binbus.log()[-3000:])
    assert served_gtids(binbus, before["file"])[:len(had)] == had, "what was served before is no longer so"
    binbus.run("verify", "data")


# A source goes on telling a connected reader that it has all, until the new file is longer than the old one was.
@pytest.mark.parametrize("meanwhile, rows", [("stopped", 1), ("stopped", 30), ("connected", 30)])
@BOTH
def test_source_was_reset(lab, name, meanwhile, rows):
    """RESET: files and GTIDs begin again under the names that they had. The log stays as it is, and it is said, whether the
    source has written less since (1 row) or more than binbus has of it."""
    source = lab.server(name)
    fill(source, rows=10)
    binbus = lab.binbus(source)
    before = wait_served(binbus, source)
    had = served_gtids(binbus, before["file"])
    if meanwhile == "stopped":
        binbus.stop()
    made_s = int(time.time())
    wait_until(lambda: int(time.time()) > made_s, "the next second")
    source.sql(source.word("RESET MASTER", "RESET BINARY LOGS AND GTIDS"), "DROP DATABASE d")
    fill(source, rows=rows)
    if meanwhile == "stopped":
        binbus.start()
    wait_state(binbus, "stopped", "diverged", f"127.0.0.1:{source.port}", before["file"], "on_source_loss")
    assert stream_status(binbus)["position"] == before
    assert served_gtids(binbus, before["file"]) == had, "what is stored is served"
    assert_no_storm(binbus)


def keep_copy(source, how):
    """A copy of the source's folder: as a crash would leave it, or as a clean stop does."""
    source.freeze() if how == "crash" else source.stop()
    shutil.copytree(source.data, source.folder / "copy", ignore=shutil.ignore_patterns("*.sock*", "*.pid"))
    source.thaw() if how == "crash" else source.start()


def restore_copy(source):
    """It comes back with its older folder, and not within the second in which it made the file that is now lost: a file's
    birth, which has whole seconds, is all that tells it from another of the same name and length."""
    source.kill9()
    killed_s = int(time.time())
    shutil.rmtree(source.data)
    (source.folder / "copy").rename(source.data)
    wait_until(lambda: int(time.time()) > killed_s, "the next second")
    source.start()


def served_gtids(binbus, file):
    dump = Dump(binbus.port, *binbus.replica_user, 4_000_000_002, file=file, blocking=False)
    try:
        return [event.gtid() for event in dump.events() if event.gtid()]
    finally:
        dump.close()


@pytest.mark.parametrize("rest", [200_000, 10, None], ids=["within an event", "within a header", "between events"])
def test_file_that_a_killed_source_left_torn(lab, rest):
    """MariaDB, killed while it writes, keeps what it wrote of a transaction and goes on in its next file: so do we."""
    source, replica = lab.servers("mariadb1011", "mariadb1011")
    binbus = lab.binbus(source)
    replica.follow(binbus)
    fill(source)
    binbus.wait_for(source)
    binbus.stop()
    file, offset = source.position()
    source.sql("CREATE TABLE d.late (a INT, b LONGTEXT)", "INSERT INTO d.late VALUES (1, REPEAT('x', 300000))")
    source.kill9()
    path = source.data / file
    whole = path.read_bytes()
    insert = [event for event in split(whole) if event.type == MARIADB_GTID][-1]
    last = whole.rindex(insert.raw)
    keep = last + insert.size + rest if rest else last + insert.size
    path.write_bytes(whole[:keep])
    source.start()
    source.sql("DELETE FROM d.late", "INSERT INTO d.t VALUES (100)")
    binbus.start()
    binbus.wait_for(source)
    assert offset < last == (binbus.segments / file).stat().st_size
    assert_same_bytes(source, binbus)
    replica.wait_for(source)
    assert_same_tables(source, replica)
    if rest:
        assert "ingest_torn_file" in binbus.log()
