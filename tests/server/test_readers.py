"""Libraries that users read binary logs with get from binbus what they get from its source."""

import fcntl
import functools
import json
import shutil
import subprocess

import pytest

from load import Load
from servers import REPOSITORY

SOURCES = REPOSITORY / "tests/readers"
BUILT = REPOSITORY / "out/readers"
CONNECTOR = "mysql-binlog-connector-java-0.30.1.jar"
KINDS = ["small", "transaction", "savepoint", "rollback", "large_row", "ddl"]  # what all of them can decode


def run(*command, folder=BUILT):
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL)


def need(**commands):
    """Installs Debian's packages of the jobs whose command is not there."""
    for job, command in commands.items():
        if not shutil.which(command):
            run(REPOSITORY / "tools/install", job)


def build_java():
    need(maven="mvn", jdk="javac")
    if not (BUILT / CONNECTOR).exists():
        run("mvn", "-B", "-q", "dependency:copy", "-Dartifact=com.zendesk:mysql-binlog-connector-java:0.30.1", f"-DoutputDirectory={BUILT}")
    return ["java", "-cp", BUILT / CONNECTOR, SOURCES / "Reader.java"]


def build_go():
    need(go="go")
    run("go", "build", "-o", BUILT / "go-reader", ".", folder=SOURCES / "go")
    return [BUILT / "go-reader"]


def build_python():
    if not (BUILT / "python/done").exists():
        shutil.rmtree(BUILT / "python", ignore_errors=True)
        run("/usr/bin/python3", "-m", "venv", "--system-site-packages", "python")
        run(BUILT / "python/bin/pip", "install", "-q", "mysql-replication==1.0.9", "PyMySQL>=1.1")
        (BUILT / "python/done").touch()
    return [BUILT / "python/bin/python", SOURCES / "reader.py"]


@functools.cache
def reader(language):
    """The command of the reader in this language, which is built first. Other test processes wait."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with open(BUILT / f"{language}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return {"java": build_java, "go": build_go, "python": build_python}[language]()


def read(language, server, flavor, start):
    """The counts that the reader gets from `server`."""
    user, password = getattr(server, "replica_user", ("repl", "repl"))
    command = [*reader(language), "127.0.0.1", server.port, user, password, flavor, start]
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, f"{command}\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}"
    return json.loads(next(line for line in ran.stdout.splitlines() if line.startswith("{")))  # go-mysql logs there too


@pytest.mark.parametrize("language", ["java", "go", "python"])
@pytest.mark.parametrize("name", ["mysql97", "mariadb1011"])
def test_reader_gets_the_same(lab, name, language):
    """By file and position and by GTID, from a log of several files."""
    source = lab.server(name, "--max-binlog-size=256K", "--binlog-row-metadata=FULL")
    binbus = lab.binbus(source)
    Load(source, KINDS, large_bytes=50_000).run(40)
    source.sql("CREATE TABLE load_.end_ (id INT PRIMARY KEY)", "INSERT INTO load_.end_ VALUES (1)")
    flavor = "mariadb" if source.is_mariadb else "mysql"
    first = f"0-{source.port}-1" if source.is_mariadb else f"{source.value('SELECT @@server_uuid')}:1"
    binbus.wait_for(source)
    for start in (source.binlogs()[0], f"gtid:{first}"):
        wanted = read(language, source, flavor, start)
        assert min(wanted.values()) > 20, wanted
        assert read(language, binbus, flavor, start) == wanted, start
