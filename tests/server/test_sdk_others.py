"""The pages for other languages: what they say is done, and their programs have all rows, then every change, each once."""

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess

import pytest

from feed import cursors
from process import Process, wait_until
from servers import FAST, REPOSITORY
from test_feed import Bank, feeding, kill_under, mark
from test_readers import need
from test_state import place, wait_ready

BUILT = REPOSITORY / "out/sdk-others"
NEEDS = {"go": dict(go="go"), "java": dict(maven="mvn", jdk="javac")}
PROGRAMS = {"go": ["./follow"], "java": ["java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/lib/*", "Follow"]}
ROW = re.compile(r"(\w+)=([^], ]*)")


@functools.cache
def build(language):
    """The example's folder, copied and built as its page says. Other test processes wait."""
    need(**NEEDS[language])
    BUILT.mkdir(parents=True, exist_ok=True)
    page = REPOSITORY / f"docs/sdk-{language}.md"
    parts = [REPOSITORY / f"examples/{language}", REPOSITORY / "sdk/proto"]
    digest = hashlib.sha256(page.read_bytes())
    for file in sorted(file for part in parts for file in part.rglob("*") if file.is_file()):
        digest.update(file.read_bytes())
    with open(BUILT / f"{language}.lock", "a+") as stamp:
        fcntl.flock(stamp, fcntl.LOCK_EX)
        stamp.seek(0)
        if stamp.read() != digest.hexdigest():
            for part in parts:
                shutil.copytree(part, BUILT / part.relative_to(REPOSITORY), dirs_exist_ok=True)
            env = dict(os.environ)
            if language == "go":  # its tools go to a place of ours
                env |= {"GOMODCACHE": subprocess.check_output(["go", "env", "GOMODCACHE"], text=True).strip(), "GOPATH": str(BUILT / "gopath")}
            commands = page.read_text().split("```\n")[1]
            done = subprocess.run(["bash", "-ec", commands], cwd=BUILT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            stamp.truncate(0)
            stamp.write(digest.hexdigest())
    return BUILT / "examples" / language


class Program(Process):
    def __init__(self, folder, language, *nodes):
        super().__init__(folder)
        self.file = self.folder / "printed"
        self.built, self.words = build(language), PROGRAMS[language]
        self.nodes = [f"127.0.0.1:{node.feed_port}" for node in nodes]

    def command(self):
        words = " ".join(f"'{word}'" for word in [*self.words, *self.nodes])
        return ["sh", "-c", f"cd {self.built} && exec {words} >> {self.file}"]

    def changes(self):
        """[(op, table, before, after)]"""
        out = []
        for line in self.file.read_text().splitlines() if self.file.exists() else []:
            op, _, rest = line.partition(" ")
            table, _, rows = rest.partition(" ")
            out.append((op, table, *({name: value for name, value in ROW.findall(row)} for row in rows.partition(" -> ")[::2])))
        return out

    def wait_mark(self, value):
        def came():
            assert self.running(), f"the program ended:\n{self.log()[-2000:]}"
            return any(table == "shop.aside" and after.get("v") == str(value) for _, table, _, after in self.changes())

        wait_until(came, f"mark {value} has come", 120, lambda: f"{self.log()[-2000:]}\n{self.changes()[-3:]}")


def rows_of(changes):
    """What follows from them; each must fit what came before it to the last byte, so none is missing or comes twice."""
    rows = {}
    for op, table, before, after in changes:
        assert op in ("READ", "INSERT", "UPDATE", "DELETE"), op
        key = ["thread", "number"] if table == "shop.counters" else ["id"]
        if before:
            assert rows.pop((table, *map(before.get, key)), None) == before, (op, before, after)
        if after:
            assert rows.setdefault((table, *map(after.get, key)), after) is after, (op, before, after)
    return rows


@pytest.mark.parametrize("language", ["go", "java"])
def test_follows_through_kills(lab, language):
    """binbus is killed in the snapshot and behind it; then the program, which goes on at its cursor."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    program = lab.keep(Program(lab.new_folder("program"), language, binbus))
    with Bank(source) as bank:
        source.sql("INSERT INTO shop.accounts SELECT 1000000 + a.id * 400 + b.id, 0, REPEAT('y', 100) FROM shop.accounts a, "
                   "shop.accounts b WHERE a.id < 100 AND b.id < 200")
        binbus.start()
        wait_ready(binbus, source)
        program.start()
        kill_under(binbus, bank, program, kills=5, bytes_each=300_000)
        bank.wait(50)
    mark(source, 7)
    program.wait_mark(7)
    rows = rows_of(program.changes())
    assert {(int(row["id"]), int(row["balance"]), row["note"]) for (table, *_), row in rows.items() if table == "shop.accounts"} == \
        {(id, balance, "NULL" if note is None else note) for id, balance, note in source.sql("SELECT id, balance, note FROM shop.accounts")}

    wait_until(lambda: place(cursors(binbus)["my-app"][0]) >= source.position(), "all is committed", 60, program.log)
    told = len(program.changes())
    program.kill9()
    mark(source, 8)
    program.start()
    program.wait_mark(8)
    assert [after["v"] for _, _, _, after in program.changes()[told:]] == ["8"], "what was committed came again"


@pytest.mark.parametrize("language", ["go", "java"])
def test_ends_by_what_no_other_try_mends(lab, language):
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source)  # which keeps no rows
    with Bank(source, threads=0):
        binbus.start()
        program = lab.keep(Program(lab.new_folder("program"), language, binbus)).start()
        assert program.child.wait(60) == 1, program.log()
        assert "[[state]]" in program.log()
