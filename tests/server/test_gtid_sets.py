"""GTID sets: what binbus calculates is what a real server calculates.

20,000 random pairs; with BINBUS_SOAK=1 a million. The seed is fixed, and printed with a difference.
"""

import os
import pathlib
import random
import subprocess
import uuid

import pymysql
import pytest

from binbus import PROGRAM
from compare import assert_same_bytes, assert_same_tables
from faults import stream_status
from process import wait_until
from servers import FAST, installed

CALCULATOR = pathlib.Path(PROGRAM).parent / "src/mysql/gtid_calc"
PAIRS = 1_000_000 if os.environ.get("BINBUS_SOAK") else 20_000
BATCH = 1000
LARGEST = 2**63 - 2

UUIDS = ["3e11fa47-71ca-11e1-9e33-c80aa9429562", "00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff",
         "3E11FA47-71CA-11E1-9E33-C80AA9429563"]
TAGS = ["", "", "", "a", "tag_2", "_", "x" * 32, "TAG_2"]


def random_interval(rng, highest):
    first = rng.randint(1, highest)
    if rng.random() < 0.02:  # at the upper end of numbers
        first = LARGEST - rng.randint(0, 5)
    if rng.random() < 0.4:
        return str(first)
    last = min(first + rng.randint(-1, max(2, highest // 8)), LARGEST)  # one less than the first: empty
    return f"{first}-{last}"


def random_set(rng):
    """The text of a set: UUIDs and tags again and again, any order, holes, spaces; some far beyond 1,024 bytes."""
    large = rng.random() < 0.02
    members = []
    for _ in range(rng.randint(3, 30) if large else rng.randint(0, 3)):
        parts = [rng.choice(UUIDS)]
        for _ in range(rng.randint(1, 2)):
            tag = rng.choice(TAGS)
            parts += [tag] * bool(tag)
            parts += [random_interval(rng, 5000 if large else 30) for _ in range(rng.randint(1, 40 if large else 4))]
        members.append((":" if rng.random() < 0.9 else " : ").join(parts))
    return rng.choice([",", ",", ", ", ",\\n"]).join(members)


def calculated(lines):
    """What gtid_calc answers, line by line."""
    ran = subprocess.run([CALCULATOR], input="\n".join(lines) + "\n", text=True, capture_output=True, check=True)
    return ran.stdout.split("\n")[:-1]


def test_pairs_of_sets_as_mysql_calculates(lab):
    server = lab.server("mysql97")
    rng = random.Random(1)
    with server.connect().cursor() as cursor:
        for _ in range(PAIRS // BATCH):
            pairs = [(random_set(rng), random_set(rng)) for _ in range(BATCH)]
            rows = ", ".join(f"ROW({n}, '{a}', '{b}')" for n, (a, b) in enumerate(pairs))
            cursor.execute("SELECT GTID_SUBSET(a, b), GTID_SUBTRACT(a, b), GTID_SUBTRACT(CONCAT(a, ',', b), '') "
                           f"FROM (VALUES {rows}) AS pairs (n, a, b) ORDER BY n")
            theirs = [(str(subset), minus.replace("\n", ""), union.replace("\n", ""))
                      for subset, minus, union in cursor.fetchall()]
            plain = [(a.replace("\\n", " "), b.replace("\\n", " ")) for a, b in pairs]
            answers = calculated([f"{operation}\t{a}\t{b}" for a, b in plain for operation in ("subset", "subtract", "union")])
            ours = list(zip(answers[0::3], answers[1::3], answers[2::3]))
            for pair, their, our in zip(plain, theirs, ours, strict=True):
                assert our == their, f"of {pair}"


def test_refused_as_mysql_refuses(lab):
    server = lab.server("mysql97")
    uuid = UUIDS[0]
    texts = ["x", uuid + ":", uuid + ":0", uuid + ":1-", uuid + ":1-2-3", uuid + ":-1", uuid + ":+1", uuid + ":1 2", uuid + ":tag:",
             uuid + ":1;", uuid[:-1] + ":1", f"{uuid}:{LARGEST + 1}", f"{uuid}:1-{LARGEST + 1}", uuid + ":" + "x" * 33 + ":1",
             uuid + ":9tag:1", uuid + ":t-g:1", uuid + "," + uuid[:-1] + "x:1"]
    for text, answer in zip(texts, calculated([f"union\t{text}\t" for text in texts]), strict=True):
        assert answer.startswith("error: GTID set: expected "), text
        with pytest.raises(pymysql.err.MySQLError, match="Malformed GTID set"):
            server.sql(f"SELECT GTID_SUBTRACT('{text}', '')")


def test_positions_as_mariadb_takes_them(lab):
    rng = random.Random(2)
    positions = []
    for _ in range(100):
        domains = rng.sample([0, 1, 7, 4294967295], rng.randint(0, 4))
        positions.append(",".join(f"{d}-{rng.choice([1, 2, 4294967295])}-{rng.choice([1, 99, LARGEST, 2**64 - 1])}" for d in domains))
    ours = calculated([f"mariadb\t{position}" for position in positions])
    for name in ("mariadb1011", "mariadb118"):
        server = lab.server(name)
        with server.connect().cursor() as cursor:
            for position, our in zip(positions, ours, strict=True):
                cursor.execute("SET GLOBAL gtid_slave_pos = %s", (position,))
                cursor.execute("SELECT @@GLOBAL.gtid_slave_pos")
                assert sorted(cursor.fetchone()[0].split(",")) == sorted(our.split(",")), position


def test_set_of_thousands_of_servers(lab):
    """Some 200 KB where a set stands: what the source has purged, each file's head, a replica's request."""
    rng = random.Random(2)
    source, replica = lab.server("mysql97", *FAST), lab.server("mysql97")
    source.sql("DO 0")
    gtids = [f"{uuid.UUID(int=rng.getrandbits(128))}:{rng.randint(1, LARGEST)}" for _ in range(5000)]
    subprocess.run([installed("mysql97") / "bin/client", "-uroot", f"--socket={source.socket}"], text=True, check=True,
                   input="".join(f"SET gtid_next = '{gtid}'; BEGIN; COMMIT;\n" for gtid in gtids))
    source.sql("FLUSH BINARY LOGS")
    source.sql(f"PURGE BINARY LOGS TO '{source.binlogs()[-1]}'")
    assert len(source.value("SELECT @@GLOBAL.gtid_purged")) > 200_000
    replica.sql("RESET BINARY LOGS AND GTIDS", f"SET GLOBAL gtid_purged = '{source.gtids()}'")
    binbus = lab.binbus(source)
    replica.follow(binbus)
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    for number in range(3):
        source.sql(f"INSERT INTO d.t VALUES ({number})", "FLUSH BINARY LOGS")
        replica.wait_for(source)
        binbus.kill9()
        binbus.start()
    source.sql("INSERT INTO d.t VALUES (3)")
    replica.wait_for(source)
    assert_same_tables(source, replica)
    assert_same_bytes(source, binbus)
    executed = stream_status(binbus)["gtid_executed"].replace("\n", "")
    assert source.value(f"SELECT GTID_SUBTRACT('{source.gtids()}', '{executed}')") == ""
    assert source.value(f"SELECT GTID_SUBTRACT('{executed}', '{source.gtids()}')") == ""
    binbus.run("verify", "data")


def test_servers_restored_from_a_backup(lab):
    """No file of theirs tells of gtid_purged: who lacks it is refused, who has it goes on, also after a failover."""
    a, b, fresh, restored = (lab.server("mysql97", *FAST) for _ in range(4))
    backup = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-100"
    for server in (a, b, restored):
        server.sql("RESET BINARY LOGS AND GTIDS", f"SET GLOBAL gtid_purged = '{backup}'")
    b.follow(a)
    a.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    b.wait_for(a)
    binbus = lab.binbus(a, b, failover_after="2s")
    binbus.wait_for(a)
    restored.follow(binbus)
    restored.wait_for(a)
    fresh.follow(binbus)

    def refused():
        status = fresh.replica_status()
        return status["Replica_IO_Running"] == "No" and status["Last_IO_Error"]

    assert backup in wait_until(refused, "who has nothing of the backup is refused", why=fresh.why)
    assert not fresh.sql("SHOW DATABASES LIKE 'd'")
    a.kill9()
    b.sql("STOP REPLICA", "RESET REPLICA ALL", "INSERT INTO d.t VALUES (2)")
    restored.wait_for(b)
    assert_same_tables(b, restored)
    binbus.stop()
    binbus.start()
    b.sql("INSERT INTO d.t VALUES (3)")
    restored.wait_for(b)
    assert backup in stream_status(binbus)["gtid_executed"]


def test_transactions_under_way_at_the_connect(lab):
    """Of several servers and tags: in @@gtid_owned nothing stands between them."""
    source = lab.server("mysql97")
    source.sql("CREATE DATABASE d")
    others = ["11111111-ea11-11f1-a60a-02fc00000001", "b8627f27-ea11-11f1-a60a-02fc00000001"]
    owners = []
    for gtid in (f"{others[1]}:tag_2:7", f"{others[1]}:14", f"{others[0]}:tag_0:9", f"{others[0]}:15"):
        owners.append(source.connect(autocommit=False))
        owners[-1].cursor().execute(f"SET gtid_next = '{gtid}'")
    assert "#" in source.value("SELECT @@GLOBAL.gtid_owned")
    binbus = lab.binbus(source)
    binbus.wait_for(source)
    for owner in owners:
        owner.commit()
        owner.close()
    binbus.wait_for(source)
    assert_same_bytes(source, binbus)
    wait_until(lambda: stream_status(binbus)["gtid_executed"] == source.gtids(), "what is written is synced, and counted",
               why=lambda: stream_status(binbus)["gtid_executed"])
