"""./quickstart shows a replica that has what its source has, with a source of its own or of the user's."""

import os
import subprocess

import pytest

from binbus import PROGRAM
from load import ROWS, Load
from process import wait_until
from servers import REPOSITORY


def quickstart(*arguments):
    return subprocess.run([REPOSITORY / "quickstart", "--seconds", "3", *arguments], env={**os.environ, "BINBUS_PROGRAM": str(PROGRAM)},
                          capture_output=True, text=True, timeout=300)


def assert_shows_all(shown):
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.rstrip().endswith("The replica has all that the source has."), shown.stdout


def test_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    shown = quickstart()
    assert_shows_all(shown)
    assert " orders, " in shown.stdout and "shop: streaming" in shown.stdout
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
@pytest.mark.parametrize("history", ["whole", "purged"])
def test_own_source(lab, name, history):
    source = lab.server(name)
    source.make_user("reader", "secret", "REPLICATION SLAVE, REPLICATION CLIENT" +
                     (", SELECT, SHOW VIEW, TRIGGER, RELOAD, PROCESS" if history == "purged" else ""))
    Load(source, ROWS).run(10)
    if history == "purged":
        source.sql("FLUSH BINARY LOGS")
        wait_until(lambda: purge(source) == 1, "all but the newest file are purged")  # MariaDB may still need an older one
    assert_shows_all(quickstart("--source", f"127.0.0.1:{source.port}", "--user", "reader", "--password", "secret"))


def purge(source):
    source.sql(f"PURGE BINARY LOGS TO '{source.binlogs()[-1]}'")
    return len(source.binlogs())
