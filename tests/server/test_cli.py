"""The program as its user meets it: commands, exit statuses, the terminal, starting and stopping."""

import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import time

import pymysql
import pytest
import toml

from binbus import PROGRAM, Binbus
from certificates import Authority
from faults import stream_status, wait_served, wait_state, wait_streaming
from process import free_port, wait_until
from servers import REPOSITORY

OK, FAILED, USAGE, FOUND, NOT_RUNNING = range(5)
TABLE = ("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")


def run(binbus, *words, want=OK):
    result = binbus.run(*words, check=False)
    assert result.returncode == want, result
    return result.stdout + result.stderr


def test_commands_that_ask(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE, "FLUSH BINARY LOGS", "INSERT INTO d.t VALUES (2)")
    binbus = lab.binbus(source)
    wait_served(binbus, source)
    file, offset = source.position()
    text = run(binbus, "status", "--once")
    assert "shop: streaming" in text and f"{file}:{offset}" in text and source.gtids() in text
    assert json.loads(run(binbus, "status", "--json"))["streams"][0]["position"] == {"file": file, "offset": offset}
    assert json.loads(run(binbus, "status", "--admin", f"127.0.0.1:{binbus.admin_port}", "--json"))["streams"]

    rows = [line.split()[1] for line in run(binbus, "segments").splitlines()[1:]]
    assert rows == source.binlogs()
    assert [row["name"] for row in json.loads(run(binbus, "segments", "shop", "--json"))["segments"]] == rows
    assert 'there are: shop' in run(binbus, "segments", "none", want=FAILED)

    place = f"{file}:{offset}"
    for option in ("--file", "--source-file"):
        assert run(binbus, "locate", "shop", option, place).split("\n")[0].split() == ["binbus", place]
    assert place in run(binbus, "locate", "shop", "--gtid", source.gtids())
    assert place in run(binbus, "locate", "shop", "--time", "2100-01-01T00:00:00Z")
    assert "does not hold" in run(binbus, "locate", "shop", "--file", "binlog.000099:4", want=FAILED)
    run(binbus, "locate", "shop", "--time", "yesterday", want=USAGE)


def test_exit_statuses_without_a_running_binbus(lab):
    binbus = Binbus(lab.new_folder("binbus"))
    (binbus.folder / "binbus.toml").write_text(toml.dumps(binbus.config | {"stream": [binbus.stream | {"source": "127.0.0.1:1"}]}))
    assert "binbus serve" in run(binbus, "status", want=NOT_RUNNING)
    assert "binbus serve" in run(binbus, "segments", want=NOT_RUNNING)
    assert "none.toml" in run(binbus, "serve", "-c", "none.toml", want=USAGE)
    assert "none.toml" in run(binbus, "status", "-c", "none.toml", want=USAGE)
    assert "there is no command" in run(binbus, "sevre", want=USAGE)
    assert "holds no log" in run(binbus, "verify", ".", want=FAILED)
    assert "127.0.0.1:1" in run(binbus, "check-source", want=FOUND)
    assert re.fullmatch(r"binbus \d+\.\d+\.\d+\n", run(binbus, "--version"))
    assert "Examples" in run(binbus, "serve", "--help")
    assert "`failover_after`" in run(binbus, "config-keys")


def test_who_only_asks_needs_no_passwords(lab):
    """Their files and variables may be the service's alone."""
    binbus = Binbus(lab.new_folder("binbus"))
    del binbus.stream["password"], binbus.stream["replica_user"][0]["password"]
    binbus.stream.update(source="127.0.0.1:1", password_env="BINBUS_TEST_ABSENT")
    binbus.stream["replica_user"][0]["password_file"] = "/nonexistent"
    (binbus.folder / "binbus.toml").write_text(toml.dumps(binbus.config))
    for words in (["status"], ["segments"], ["locate", "shop", "--file", "binlog.000001:4"]):
        run(binbus, *words, want=NOT_RUNNING)
    assert "none.000001" in run(binbus, "import", "--stream", "shop", "none.000001", want=FAILED)
    run(binbus, "verify", want=FAILED)
    for command in ("serve", "check-source"):
        said = run(binbus, command, want=USAGE)
        assert "BINBUS_TEST_ABSENT" in said and "/nonexistent" in said


def test_the_example_starts_as_it_stands(lab):
    """README has it copied; only the ports are the test's own."""
    binbus = Binbus(lab.new_folder("binbus"))
    text = (REPOSITORY / "examples/binbus.toml").read_text()
    for theirs, ours in (("7070", binbus.admin_port), ("7272", 0), ("3307", binbus.port), ("3306", 1)):
        text = text.replace(f"127.0.0.1:{theirs}", f"127.0.0.1:{ours}")
    binbus.start_with(text)
    lab.keep(binbus)
    wait_state(binbus, "waiting", "network", "127.0.0.1:1")


def test_check_source_from_the_command_line(lab):
    source = lab.server("mysql97")
    source.sql("DO 0")
    address = ["--source", f"127.0.0.1:{source.port}", "--user", "repl"]
    folder = lab.new_folder("somewhere")
    os.makedirs(folder)
    for secret, want in (("repl", OK), ("wrong", FOUND)):
        result = subprocess.run([PROGRAM, "check-source", *address], cwd=folder, env={"BINBUS_PASSWORD": secret}, text=True,
                                capture_output=True)
        assert result.returncode == want, result
        assert ("fits" in result.stdout) == (want == OK)
        assert "wrong" not in result.stdout + result.stderr, "a password was printed"


def test_status_refreshes_in_a_terminal(lab):
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source)
    binbus.wait_for(source)
    terminal, other = pty.openpty()
    child = subprocess.Popen([PROGRAM, "status", "-c", "binbus.toml"], cwd=binbus.folder, stdout=other, stderr=other)
    os.close(other)
    shown = bytearray()

    def shows(text):
        while select.select([terminal], [], [], 0)[0]:
            shown.extend(os.read(terminal, 65536))
        return text.encode() in shown

    try:
        wait_until(lambda: shows("%s:%d" % source.position()), "the position is shown", why=shown.decode)
        source.sql("INSERT INTO d.t VALUES (2)")
        binbus.wait_for(source)
        wait_until(lambda: shows("%s:%d" % source.position()), "the new position is shown", why=shown.decode)
        binbus.stop()
        wait_until(lambda: shows("no binbus answers"), "binbus's end is shown", why=shown.decode)
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(60)
        os.close(terminal)


def test_one_process_per_data_folder(lab):
    source = lab.server("mysql97")
    binbus = lab.binbus(source)
    second = binbus.folder / "second.toml"
    admin = {"listen": f"127.0.0.1:{free_port()}"}
    stream = binbus.stream | {"listen": f"127.0.0.1:{free_port()}"}
    second.write_text(toml.dumps(binbus.config | {"admin": admin, "stream": [stream]}))
    assert f"process {binbus.child.pid}" in run(binbus, "serve", "-c", second.name, want=FAILED)
    assert f"process {binbus.child.pid}" in run(binbus, "import", "--stream", "shop", "-c", second.name, second.name, want=FAILED)


def test_a_crash_tells_its_stack(lab):
    binbus = lab.binbus(lab.server("mysql97"))
    binbus.child.send_signal(signal.SIGSEGV)
    assert binbus.child.wait(60) == -signal.SIGSEGV
    assert re.search(r"^binbus crashed by SIGSEGV; please report .*\n(.*\n)*\S*binbus\(\+0x[0-9a-f]+\)", binbus.log(), re.M), binbus.log()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_under_load_with_a_replica(lab, name):
    source, replica = lab.servers("mysql97", "mysql97")
    source.sql(*TABLE)
    binbus = lab.binbus(source)
    replica.follow(binbus)
    replica.wait_for(source)
    for number in range(2, 200):
        source.sql(f"INSERT INTO d.t VALUES ({number})")
    since = time.monotonic()
    binbus.child.send_signal(name)
    assert binbus.child.wait(60) == OK
    assert time.monotonic() - since < 40
    assert "stopped took_ms=" in binbus.log()
    wait_until(lambda: "Binlog Dump" not in str(source.sql("SHOW PROCESSLIST")), "the source dumps to nobody any more", 60)
    run(binbus, "verify")
    binbus.start()
    replica.wait_for(source)


def test_is_as_its_systemd_unit_says(lab):
    text = (REPOSITORY / "packaging/binbus.service").read_text()
    unit = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    assert f'data = "/var/lib/{unit["StateDirectory"]}"' in text

    class Service(Binbus):
        def command(self):
            return [PROGRAM, *unit["ExecStart"].replace("/etc/binbus", str(self.folder)).split()[1:]]

    binbus = lab.keep(Service(lab.new_folder("binbus")))
    binbus.stream["source"] = "127.0.0.1:1"
    binbus.start()
    subprocess.run(unit["ExecReload"].replace("$MAINPID", str(binbus.child.pid)).split(), check=True)
    wait_state(binbus, "waiting", "network")  # it did not end
    binbus.child.send_signal(signal.SIGTERM)
    assert binbus.child.wait(int(unit["TimeoutStopSec"])) == OK
    (binbus.folder / "binbus.toml").write_text("no = 'configuration'")
    assert subprocess.run(binbus.command(), cwd=binbus.folder).returncode == int(unit["RestartPreventExitStatus"])


def test_takes_as_many_open_files_as_it_may(lab):
    source = lab.server("mysql97")
    binbus = lab.binbus(source)
    binbus.wait_listening(binbus.admin_port)
    soft, hard = resource.prlimit(binbus.child.pid, resource.RLIMIT_NOFILE)
    assert soft == hard


def test_a_port_in_use_stops_nobody_else(lab):
    """The log is kept, the status says it, and the port is taken as soon as it is free."""
    source = lab.server("mysql97")
    source.sql(*TABLE)
    binbus = lab.keep(Binbus(lab.new_folder("binbus"), source))
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", binbus.port))
        taken.listen()
        binbus.start()
        binbus.wait_listening(binbus.admin_port)
        wait_streaming(binbus)
        binbus.wait_for(source)
        assert f"127.0.0.1:{binbus.port}" in wait_until(lambda: stream_status(binbus)["listen_error"], "it is said")
    wait_until(lambda: stream_status(binbus)["listen_error"] == "", "the port was taken", why=binbus.log)
    binbus.wait_listening(binbus.port)


def test_an_unreadable_log_is_said_to_who_connects(lab):
    """And the other stream of the process works."""
    source = lab.server("mysql97")
    source.sql(*TABLE, "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
    binbus = lab.binbus(source)
    binbus.wait_for(source)
    binbus.stop()
    (binbus.segments / source.binlogs()[1]).unlink()
    other = binbus.stream | {"name": "other", "listen": f"127.0.0.1:{free_port()}"}
    binbus.config["stream"].append(other)
    binbus.start()
    status = wait_state(binbus, "stopped", "corrupt", "missing")
    with pytest.raises(pymysql.err.MySQLError) as refused:
        pymysql.connect(host="127.0.0.1", port=binbus.port, user="replica", password="replica", ssl_disabled=True)
    assert status["reason"] in str(refused.value)
    wait_until(lambda: stream_status(binbus, 1)["state"] == "streaming", "the other stream streams", why=binbus.log)
    assert "shop, other" in run(binbus, "segments", "--json", want=USAGE), "two documents are no JSON"
    assert json.loads(run(binbus, "segments", "other", "--json"))["segments"]
    assert binbus.stop() == OK


def test_identity_is_kept(lab):
    """Replicas see the same server whatever happens: over restarts, and another one for another stream."""
    source = lab.server("mysql97")
    binbus = lab.binbus(source)

    def identity():
        return {key: stream_status(binbus)[key] for key in ("server_uuid", "server_id")}

    first = identity()
    binbus.restart()
    assert identity() == first
    binbus.stop()
    shutil.rmtree(binbus.folder / "data")
    binbus.start()
    assert identity() != first


def test_certificates_are_read_again(lab):
    """On HUP, for new connections; files that are no good leave the old ones in use."""
    source = lab.server("mysql97")
    source.sql("DO 0")
    authority = Authority(f"{lab.folder}/ca", "trusted")
    binbus = Binbus(lab.new_folder("binbus"), source, listen_tls_cert="server.crt", listen_tls_key="server.key")

    def install(name):
        for file, place in zip(authority.sign(name), ("server.crt", "server.key")):
            shutil.copy(file, binbus.folder / place)

    def shown():
        connection = pymysql.connect(host="127.0.0.1", port=binbus.port, user="replica", password="replica", ssl={"ca": str(authority.ca)})
        try:
            return dict(pair for (pair,) in connection._sock.getpeercert()["subject"])["commonName"]
        finally:
            connection.close()

    install("first")
    lab.keep(binbus).start()
    wait_served(binbus, source)
    assert shown() == "first"
    install("second")
    binbus.child.send_signal(signal.SIGHUP)
    wait_until(lambda: shown() == "second", "the new certificate is shown", why=binbus.log)
    (binbus.folder / "server.crt").write_text("no certificate")
    binbus.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "tls_reload_failed" in binbus.log(), "it is said", why=binbus.log)
    assert shown() == "second"


def test_clients_certificates(lab):
    """With listen_tls_ca, a password is not enough; our own certificate may be the one that is made at start."""
    source = lab.server("mysql97")
    source.sql("DO 0")
    ours, others = (Authority(f"{lab.folder}/{name}", name) for name in ("ours", "others"))
    binbus = lab.binbus(source, listen_tls_ca=str(ours.ca))
    wait_served(binbus, source)

    def connect(**tls):
        pymysql.connect(host="127.0.0.1", port=binbus.port, user="replica", password="replica", **tls).close()

    connect(ssl=shown(ours.sign("replica")))
    for refused in ({"ssl": shown(others.sign("replica"))}, {"ssl": {"verify_mode": "none"}}, {"ssl_disabled": True}):
        with pytest.raises((pymysql.err.MySQLError, OSError)):
            connect(**refused)


def shown(files):
    """pymysql's way to show a certificate and to take any of the server's."""
    return {"verify_mode": "none", "check_hostname": False, "cert": str(files[0]), "key": str(files[1])}


def test_json_logs(lab):
    source = lab.server("mysql97")
    source.sql("DO 0")
    binbus = lab.keep(Binbus(lab.new_folder("binbus"), source))
    binbus.config["log"] = {"format": "json"}
    binbus.start()
    wait_streaming(binbus)
    assert binbus.stop() == OK
    lines = [json.loads(line) for line in binbus.log().splitlines()]
    assert {"started", "log_opened", "serving", "ingest_connected", "stopped"} <= {line["event"] for line in lines}
    assert all(line["level"] in ("info", "warning") and line["time"] for line in lines)
