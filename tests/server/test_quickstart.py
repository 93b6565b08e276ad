"""./quickstart shows a replica that has what its source has, and a program that has its rows, with a source of its own or of the user's."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from binbus import PROGRAM
from load import ROWS, Load
from process import wait_until
from servers import REPOSITORY, installed


def quickstart(*arguments):
    for name in ("mysql97", "mariadb118"):
        installed(name)  # no part of the time that it may take
    return subprocess.run([REPOSITORY / "quickstart", "--seconds", "3", *arguments], env={**os.environ, "BINBUS_PROGRAM": str(PROGRAM)},
                          capture_output=True, text=True, timeout=600)


def assert_shows_all(shown):
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.rstrip().endswith("The replica has all that the source has."), shown.stdout


def test_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    shown = quickstart()
    assert_shows_all(shown)
    assert " orders, " in shown.stdout and "shop: streaming" in shown.stdout
    assert '{"database":"shop","table":"orders","type":"insert"' in shown.stdout
    for line in ("import binbus", "read shop customers {'id': 1, 'name': 'Ann', 'spent': Decimal('0.00')}", "insert shop orders {"):
        assert "\n" + line in shown.stdout, f"not shown: {line}\n{shown.stdout}"
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def processes_of(folder):
    """Command lines of all that runs with a word of `folder` in it, or in it."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in words or os.readlink(process / "cwd").startswith(str(folder)):
                found.append(words)
        except OSError:  # it has just ended
            pass
    return found


@pytest.mark.parametrize("when, shown", [("early", None), ("late", "The replica has all that the source has.")])
@pytest.mark.parametrize("whom", ["all", "script"])
def test_ends_by_ctrl_c(lab, whom, when, shown):
    """A terminal's Ctrl-C, which all its processes get, and a signal to the script alone: nothing is left, whenever it comes."""
    installed("mysql97")
    folder = pathlib.Path(lab.new_folder("tmp"))  # its name must be short, for sockets
    folder.mkdir()
    output = pathlib.Path(lab.folder) / "output"
    with open(output, "w") as file:
        script = subprocess.Popen([REPOSITORY / "quickstart"], stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
                                  env={**os.environ, "BINBUS_PROGRAM": str(PROGRAM), "TMPDIR": str(folder)})

    def has_begun():
        assert script.poll() is None, output.read_text()
        return shown in output.read_text() if shown else processes_of(folder)

    try:
        wait_until(has_begun, "it shows what happens" if shown else "its source starts", why=output.read_text)
        (os.killpg if whom == "all" else os.kill)(script.pid, signal.SIGINT)
        assert script.wait(180) == (0 if shown else 130), output.read_text()
        wait_until(lambda: not processes_of(folder), "its processes are gone", 60, lambda: "\n".join(processes_of(folder)))
        assert not list(folder.iterdir()), "something is left behind"
    finally:
        if script.poll() is None:
            script.kill()


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
@pytest.mark.parametrize("history", ["whole", "purged"])
def test_own_source(lab, name, history):
    source = lab.server(name)
    source.make_user("reader", "secret", "REPLICATION SLAVE, REPLICATION CLIENT" +
                     (", SELECT, SHOW VIEW, TRIGGER, RELOAD, PROCESS" if history == "purged" else ""))
    Load(source, [kind for kind in ROWS if kind != "statement_format"]).run(10)  # which the program would stop at
    if history == "purged":
        source.sql("FLUSH BINARY LOGS")
        wait_until(lambda: purge(source) == 1, "all but the newest file are purged")  # MariaDB may still need an older one
    # The replica's root must stay as it is.
    source.sql("ALTER USER root@localhost IDENTIFIED BY 'elsewhere'", "SET sql_log_bin = 0", "ALTER USER root@localhost IDENTIFIED BY ''")
    shown = quickstart("--source", f"127.0.0.1:{source.port}", "--user", "reader", "--password", "secret")
    assert_shows_all(shown)
    assert history == "purged" or re.search(r"\n(insert|update|delete|ddl) load_ ", shown.stdout), shown.stdout


def test_own_source_without_gtids(lab):
    source = lab.server("mysql97", "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")
    source.sql("DO 0")
    shown = quickstart("--source", f"127.0.0.1:{source.port}", "--user", "repl", "--password", "repl")
    assert shown.returncode == 1, shown
    assert "gtid_mode" in shown.stderr and "SET GLOBAL gtid_mode = ON_PERMISSIVE" in shown.stderr


def test_what_stops_the_replica_is_shown(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    source = lab.server("mysql97")
    source.sql("SET sql_log_bin = 0", "CREATE DATABASE hidden", "CREATE TABLE hidden.t (id INT)", "SET sql_log_bin = 1",
               "INSERT INTO hidden.t VALUES (1)")
    shown = quickstart("--source", f"127.0.0.1:{source.port}", "--user", "repl", "--password", "repl")
    assert shown.returncode == 1, shown
    assert "LACKS" in shown.stdout and "Last_SQL_Error: " in shown.stdout and "hidden" in shown.stdout, shown.stdout
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def purge(source):
    source.sql(f"PURGE BINARY LOGS TO '{source.binlogs()[-1]}'")
    return len(source.binlogs())
