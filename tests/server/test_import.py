"""Binary log files of other people's servers: imported offline, stored and served back byte for byte, or refused clearly."""

import csv
import functools
import shutil
import subprocess

import pytest
import toml

from binbus import Binbus, mysqlbinlog_command
from dump import MAGIC, Dump, split
from servers import REPOSITORY, installed

FILES = REPOSITORY.parent / "shared/acceptance/binlogs"
IN_USE_FLAG_AT = 21

# Damaged too, though a tool that looks at no checksum, or stops quietly at the end of what is whole, prints them.
DAMAGED = {"mysql-testsuite-9.7__duplicate_xid.000001": "checksum",
           "mysql-testsuite-9.7__duplicate_xid_xa_prepare.000001": "checksum",
           "mariadb-test-11.8__bug11747416_32228_binlog.000001": "ends"}


@functools.cache
def index():
    if not FILES.exists():
        return []
    with open(FILES / "INDEX.tsv") as rows:
        return list(csv.DictReader(rows, delimiter="\t"))


def cases(damaged):
    rows = [row for row in index() if (row["oracle"].endswith("none(negative)") or row["file"] in DAMAGED) == damaged]
    skip = pytest.mark.skip(reason=f"the acceptance files are not there: {FILES}")
    return [pytest.param(row, id=row["file"]) for row in rows] or [pytest.param(None, marks=skip, id="no acceptance files")]


def importing(folder):
    binbus = Binbus(folder)
    binbus.stream["source"] = ["127.0.0.1:1"]  # nobody is there: what is served was imported
    return binbus


def stored(original):
    """The file as binbus keeps it: the mark of a file in use is cleared, as a dump does."""
    data = bytearray(original)
    data[IN_USE_FLAG_AT] &= ~1
    return bytes(data)


@pytest.mark.parametrize("row", cases(damaged=False))
def test_import_and_serve(lab, row):
    original = (FILES / row["file"]).read_bytes()
    binbus = importing(lab.new_folder("binbus"))
    file = binbus.folder / "binlog.000007"
    file.write_bytes(original)
    binbus.run("import", "--data", "data", "--stream", "shop", file.name)
    assert (binbus.segments / file.name).read_bytes() == stored(original)
    binbus.run("verify", "data")

    lab.keep(binbus).start()
    assert dumped(binbus, file.name) == stored(original)
    tool = "mariadb1011" if row["oracle"].endswith("maria1011") else "mysql97"
    if tool_reads(tool, file) and not is_relay_log(original):
        output = binbus.folder / "served"
        output.mkdir()
        command = mysqlbinlog_command(tool, binbus, "--raw", f"--result-file={output}/", file.name)
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        assert (output / file.name).read_bytes() == stored(original)


def dumped(binbus, name):
    """The file as a dump connection gives it."""
    dump = Dump(binbus.port, *binbus.replica_user, 4_000_000_002, file=name, blocking=False)
    events = dump.events()
    assert next(events).rotate_to() == (4, name)
    return MAGIC + b"".join(event.raw for event in events)


def tool_reads(tool, file):
    """Whether that server's mysqlbinlog can read the original itself."""
    command = [installed(tool) / "bin/mysqlbinlog", file]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def is_relay_log(data):
    """Holds events that were made for a connection; `mysqlbinlog --raw` takes them as such and writes none of them."""
    return any(event.artificial for event in split(data))


@pytest.mark.parametrize("row", cases(damaged=True))
def test_damaged_file_is_refused(lab, row):
    """Refused by name with what is wrong, and nothing of it is kept: neither in an empty log nor after a good file."""
    binbus = importing(lab.new_folder("binbus"))
    good = next(case for case in index() if case["file"].endswith("checksum-crc32"))
    shutil.copy(FILES / good["file"], binbus.folder / "binlog.000006")
    bad = binbus.folder / "binlog.000007"
    shutil.copy(FILES / row["file"], bad)

    def assert_refused():
        result = binbus.run("import", "--data", "data", "--stream", "shop", bad.name, check=False)
        assert result.returncode not in (0, -6, -11), result
        assert bad.name in result.stderr and len(result.stderr.split()) > 5, f"not a clear error: {result.stderr}"
        assert DAMAGED.get(row["file"], "") in result.stderr
        assert not (binbus.segments / bad.name).exists()

    assert_refused()
    binbus.run("import", "--data", "data", "--stream", "shop", "binlog.000006")
    before = {file.name: file.read_bytes() for file in binbus.segments.iterdir()}
    assert_refused()
    kept = {name: (binbus.segments / name).read_bytes() for name in before if name.startswith("binlog")}
    assert kept == {name: data for name, data in before.items() if name.startswith("binlog")}
    binbus.run("verify", "data")


def test_import_of_a_source_goes_on_at_that_source(lab):
    """Files copied from a source, then binbus on that source: the log goes on where they end."""
    source = lab.server("mysql97")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "FLUSH BINARY LOGS", "INSERT INTO d.t VALUES (1)",
               "FLUSH BINARY LOGS", "INSERT INTO d.t VALUES (2)")
    binbus = Binbus(lab.new_folder("binbus"), source)
    names = source.binlogs()
    for name in names[:-1]:
        shutil.copy(source.data / name, binbus.folder)
    binbus.run("import", "-c", written(binbus), "--stream", "shop", *names[:-1])
    source.sql(f"PURGE BINARY LOGS TO '{names[-1]}'")  # what was imported is no longer there
    lab.keep(binbus).start()
    binbus.wait_for(source)
    assert sorted(file.name for file in binbus.segments.glob("binlog.??????")) == names
    source.sql("INSERT INTO d.t VALUES (3)")
    binbus.wait_for(source)


def written(binbus):
    (binbus.folder / "binbus.toml").write_text(toml.dumps(binbus.config))
    return "binbus.toml"
