"""What binbus tells of itself: progress and not existence, lag that is true, metrics."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from binbus import Binbus
from dump import Dump
from faults import stream_status, wait_served, wait_streaming
from process import free_port, wait_until

TABLE = ("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, s LONGTEXT)")


def get(binbus, path):
    """(HTTP status, body) of the endpoint's answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{binbus.admin_port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def health(binbus, path):
    code, body = get(binbus, path)
    answer = json.loads(body)
    assert (code == 200) == answer["ok"] == (not answer["reasons"])
    return answer["reasons"]


def metrics(binbus):
    """{name{labels}: value}"""
    return {name: float(value) for name, value in re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", get(binbus, "/metrics")[1], re.M)}


def test_caught_up_is_no_lag(lab):
    source, replica = lab.servers("mysql97", "mysql97")
    source.sql(*TABLE, "INSERT INTO d.t (s) VALUES ('x')")
    binbus = lab.binbus(source)
    replica.follow(binbus)
    replica.wait_for(source)
    time.sleep(2)  # so that an age that grows would show
    status = stream_status(binbus)
    assert (status["lag_ms"], status["lag_bytes"]) == (0, 0), status
    assert status["source"]["position"] == status["position"] == dict(zip(("file", "offset"), source.position()))
    assert status["gtid_executed"] == source.gtids()
    assert [(r["state"], r["lag_ms"], r["lag_bytes"], r["mode"], r["server_id"]) for r in status["replicas"]] == [
        ("caught_up", 0, 0, "gtid", replica.port)]
    assert not health(binbus, "/ready") and not health(binbus, "/live")
    values = metrics(binbus)
    assert values['binbus_lag_seconds{stream="shop"}'] == 0
    assert values['binbus_stream_state{stream="shop",state="streaming"}'] == 1
    assert values['binbus_replicas{stream="shop"}'] == 1
    before = values['binbus_transactions_total{stream="shop"}']
    source.sql(*["INSERT INTO d.t (s) VALUES ('x')"] * 5)
    wait_until(lambda: metrics(binbus)['binbus_transactions_total{stream="shop"}'] == before + 5, "five more transactions")


def test_lag_is_the_age_of_what_is_missing(lab):
    """A reader that does not read falls behind by the age of what it was not sent; nobody else does."""
    source, replica = lab.servers("mysql97", "mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source)
    replica.follow(binbus)
    wait_served(binbus, source)
    dump = Dump(binbus.port, *binbus.replica_user, 4_000_000_002, file=source.binlogs()[0], heartbeat_s=60)

    def reader():
        return next(r for r in stream_status(binbus)["replicas"] if r["mode"] == "position")

    wait_until(lambda: any(r["mode"] == "position" for r in stream_status(binbus)["replicas"]), "it reads")
    for _ in range(12):
        source.sql("INSERT INTO d.t (s) VALUES (REPEAT('x', 2000000))")
    since = time.time()
    binbus.wait_for(source)
    wait_until(lambda: reader()["lag_ms"] > 3000, "the reader lags", why=lambda: str(reader()))
    status = reader()
    assert status["state"] == "sending" and status["lag_bytes"] > 1_000_000
    assert status["lag_ms"] / 1000 < time.time() - since + 30
    replica.wait_for(source)

    def other():
        return next(r for r in stream_status(binbus)["replicas"] if r["mode"] == "gtid")

    wait_until(lambda: (other()["state"], other()["lag_ms"]) == ("caught_up", 0), "the other does not lag", why=lambda: str(other()))
    wait_until(lambda: stream_status(binbus)["lag_ms"] == 0, "the stream does not lag")
    assert reader()["lag_ms"] > 3000
    dump.close()


def test_a_backlog_is_lag(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE, "INSERT INTO d.t (s) VALUES ('x')")
    binbus = lab.binbus(source)
    binbus.wait_for(source)
    source.stop()
    stopped = time.time()
    wait_until(lambda: stream_status(binbus)["lag_ms"] > 2000, "nothing has been known for two seconds")
    assert stream_status(binbus)["lag_ms"] / 1000 < time.time() - stopped + 30
    source.start()
    wait_streaming(binbus)
    wait_until(lambda: stream_status(binbus)["lag_ms"] == 0, "caught up again", why=lambda: str(stream_status(binbus)))


def test_unready_while_the_source_is_away(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source)
    wait_streaming(binbus)
    assert not health(binbus, "/ready")
    source.stop()
    reasons = wait_until(lambda: health(binbus, "/ready"), "unready")
    assert len(reasons) == 1 and "shop" in reasons[0] and str(source.port) in reasons[0]
    assert not health(binbus, "/live"), "a restart of binbus would mend nothing"
    source.start()
    wait_until(lambda: not health(binbus, "/ready"), "ready again", 90, binbus.log)


def test_unready_while_the_source_is_frozen(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source, heartbeat="500ms")
    wait_streaming(binbus)
    source.freeze()
    try:
        assert wait_until(lambda: health(binbus, "/ready"), "unready", why=lambda: str(stream_status(binbus)))
    finally:
        source.thaw()
    wait_until(lambda: not health(binbus, "/ready"), "ready again", 90, binbus.log)


def lead(node, name):
    """Has it lead that stream of a cluster."""
    wait_until(lambda: node.run("cluster", "transfer", name, node.name, check=False).returncode == 0, f"{node} is to lead {name}", 60)
    wait_until(lambda: metrics(node)[f'binbus_stream_state{{stream="{name}",state="streaming"}}'], f"{node} leads {name}", 60,
               lambda: node.log()[-3000:])


def hanging_disk(binbus, under="/"):
    """Returns a file: while it is there, an fdatasync of one with `under` in its path does not come back."""
    hangs, shim = binbus.folder / "hangs", binbus.folder / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", f'-DHANGS="{hangs}"', f'-DUNDER="{under}"', "-o", shim, "-xc", "-"], check=True,
                   input=HANGING_FDATASYNC, text=True)
    command = binbus.command()
    binbus.command = lambda: ["env", f"LD_PRELOAD={shim}", *command]
    return hangs


HANGING_FDATASYNC = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int fdatasync(int file) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  char link[64], path[4096] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, UNDER))
    while (access(HANGS, F_OK) == 0) usleep(10000);
  return real(file);
}
"""


def test_not_live_while_a_thread_hangs(lab):
    """A disk that does not answer: the process is there, the source goes on, and nothing is stored."""
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.keep(Binbus(lab.new_folder("binbus"), source, heartbeat="500ms"))
    binbus.config["admin"]["stalled_after"] = "2s"
    hangs = hanging_disk(binbus)
    binbus.start()
    binbus.wait_for(source)
    wait_streaming(binbus)
    wait_until(lambda: not health(binbus, "/live"), "live")
    hangs.touch()
    source.sql("INSERT INTO d.t (s) VALUES ('x')")
    reasons = wait_until(lambda: health(binbus, "/live"), "not live", why=lambda: str(stream_status(binbus)))
    assert "no progress" in reasons[0] and "binlog.000001" in reasons[0]
    wait_until(lambda: health(binbus, "/ready"), "unready")
    hangs.unlink()
    wait_until(lambda: not health(binbus, "/live"), "live again", why=binbus.log)
    binbus.wait_for(source)


@pytest.mark.parametrize("role", ["follower", "leader"])
def test_not_live_while_one_disk_of_a_cluster_hangs(lab, cluster_of, role):
    """One stream's at one node: that node says so, the others go on with the stream, and all of them with the other one."""
    source = lab.server("mysql97")
    source.sql(*TABLE)
    hangs = {}

    def prepare(node):
        hangs[node] = hanging_disk(node, "/data/shop/")
        node.config["admin"]["stalled_after"] = "2s"
        node.config["stream"].append(node.stream | {"name": "other", "listen": f"127.0.0.1:{free_port()}"})

    cluster = cluster_of(source, prepare=prepare, heartbeat="500ms")
    first, second, _ = cluster.nodes
    stuck = first if role == "leader" else second
    well = cluster.others(stuck)

    lead(first, "shop")
    lead(stuck, "other")
    for node in cluster.nodes:
        wait_until(lambda node=node: not health(node, "/ready"), f"{node} is ready", 60, node.log)
    hangs[stuck].touch()
    source.sql("INSERT INTO d.t (s) VALUES ('x')")
    file, offset = source.position()
    reasons = wait_until(lambda: health(stuck, "/live"), "not live", 20, lambda: str(stream_status(stuck)))
    assert len(reasons) == 1 and "stream shop: " in reasons[0], reasons
    for path in ("/live", "/ready"):
        wait_until(lambda path=path: "disk has not answered" in health(stuck, path)[0], "it names the disk", 5)
    assert stream_status(stuck)["cluster"]["busy_ms"] > 2000
    assert metrics(stuck)['binbus_stream_state{stream="other",state="streaming"}'] == 1
    wait_until(lambda: any(node.leads() for node in well), "one of the others leads", 30, lambda: well[0].log()[-3000:])
    for node in well:
        node.wait_for(source)
        assert not health(node, "/live")
    for node in cluster.nodes:
        wait_until(lambda node=node: (node.folder / "data/other" / file).stat().st_size >= offset, f"{node} has the other stream", 30)
    hangs[stuck].unlink()
    wait_until(lambda: not health(stuck, "/live") and not health(stuck, "/ready"), "ready again", 60, stuck.log)
    stuck.wait_for(source)


def test_unready_while_a_follower_lags(lab, cluster_of):
    """One that has all that there is does not, however old that is."""
    source = lab.server("mysql97")
    source.sql(*TABLE)

    def prepare(node):
        node.config["admin"]["ready_lag"] = "1s"
        if node.name == "n3":
            node.config["node"]["bytes_per_second"] = "200KiB"

    cluster = cluster_of(source, prepare=prepare)
    well, _, slow = cluster.nodes
    lead(well, "shop")

    def wait_ready():
        wait_until(lambda: not any(health(node, "/ready") for node in cluster.nodes), "all are ready", 60, slow.log)

    wait_ready()
    for _ in range(30):
        time.sleep(0.1)
        assert not health(slow, "/ready")
    source.sql("INSERT INTO d.t (s) VALUES (REPEAT('x', 3000000))")
    file, offset = source.position()
    reasons = wait_until(lambda: health(slow, "/ready"), "unready", 10, lambda: str(stream_status(slow)))
    assert len(reasons) == 1 and re.fullmatch(r"stream shop: \d+ ms behind its leader \(limit 1000 ms\)", reasons[0]), reasons
    assert not health(slow, "/live")
    slow.kill9()
    slow.start()
    while not slow.holds(file, offset):
        assert health(slow, "/ready") or slow.holds(file, offset), "as it does not know yet"
        time.sleep(0.02)
    wait_ready()


def test_questions_about_a_stream(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE, "FLUSH BINARY LOGS")
    binbus = lab.binbus(source)
    file, offset = source.position()
    wait_served(binbus, source)
    code, body = get(binbus, "/streams/shop/segments")
    assert code == 200 and [s["name"] for s in json.loads(body)["segments"]] == source.binlogs()
    code, body = get(binbus, f"/streams/shop/locate?source_file={file}&source_pos={offset}")
    assert code == 200 and json.loads(body) == {
        "position": {"file": file, "offset": offset},
        "source": {"server_uuid": source.value("SELECT @@server_uuid"), "server_id": source.port,
                   "position": {"file": file, "offset": offset}}}
    for path, want in (("/streams/none/segments", 404), ("/streams/shop/locate?file=binlog.000077&pos=4", 404),
                       ("/streams/shop/locate?gtid=x", 400), ("/x", 404)):
        code, body = get(binbus, path)
        assert code == want and json.loads(body)["message"], (path, code, body)
