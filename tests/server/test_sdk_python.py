"""What a user of the Python SDK meets beside changes: how programs end."""

import os
import shutil
import signal
import subprocess

import pytest

from feed import SDK, build_sdk
from process import Process, wait_until
from servers import FAST, REPOSITORY
from test_feed import Bank, feeding, mark
from test_state import place, wait_ready

SUBSCRIBE = 'binbus.connect("127.0.0.1:{port}").subscribe("shop", tables=["shop.aside"], start="snapshot", cursor="my-app", auto_commit=True)'
PROGRAMS = {
    "for": '''
import binbus
for change in {subscribe}:
    print(change.op, change.after, flush=True)
''',
    "with": '''
import binbus
with {subscribe} as changes:
    for change in changes:
        print(change.op, change.after, flush=True)
''',
    "async": '''
import asyncio, binbus
async def main():
    changes = aiter({subscribe})
    try:
        async for change in changes:
            print(change.op, change.after, flush=True)
    finally:
        await changes.aclose()
asyncio.run(main())
''',
}


REFUSED = {
    "caught": '''
import binbus
try:
    next({refused})
except binbus.Error as error:
    print(error.code)
''',
    "uncaught": '''
import binbus
next({refused})
''',
}
OPEN = '''
import binbus
changes = {subscribe}
print(next(changes).op, flush=True)
raise ValueError("of the program")
'''
# Whoever destroys a call of gRPC waits for its threads, and they are dead when the interpreter clears up.
NO_CALL_IS_LEFT = '''
import atexit, gc, grpc
gc.disable()
atexit.register(lambda: print("calls left:", sum(isinstance(each, grpc.Call) for each in gc.get_objects()), flush=True))
'''


class Program(Process):
    def __init__(self, folder, text, binbus):
        super().__init__(folder)
        build_sdk()
        subscribe = SUBSCRIBE.format(port=binbus.feed_port)
        (self.folder / "program.py").write_text(
            NO_CALL_IS_LEFT + text.format(subscribe=subscribe, refused=subscribe.replace("shop", "shoe")))

    def command(self):
        return ["env", f"PYTHONPATH={SDK}", "/usr/bin/python3", "program.py"]


@pytest.fixture
def fed(lab):
    """A source with a row, and who feeds it."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        mark(source, 1)
        binbus.start()
        wait_ready(binbus, source)
        yield source, binbus


@pytest.mark.parametrize("kind", PROGRAMS)
def test_ends_by_ctrl_c(lab, fed, kind):
    """While it waits for a change; one that closes its subscription has what it was given committed."""
    source, binbus = fed
    program = lab.keep(Program(lab.new_folder("program"), PROGRAMS[kind], binbus)).start()
    wait_until(lambda: "read {'id': 1, 'v': 1}" in program.log(), "the row has come", 60, program.log)
    mark(source, 2)
    wait_until(lambda: "update {'id': 1, 'v': 2}" in program.log(), "the change has come", 60, program.log)
    program.child.send_signal(signal.SIGINT)
    assert program.child.wait(30) == -signal.SIGINT, program.log()
    assert "KeyboardInterrupt\n" in program.log() and "gRPC" not in program.log(), program.log()
    assert program.log().endswith("calls left: 0\n"), program.log()
    if kind != "for":
        cursor = (binbus.segments / "feed/my-app.cursor").read_text()
        assert place(cursor.split()[-1].split("/")[0]) > (source.binlogs()[-1], 4), cursor
        mark(source, 3)
        program.start()
        wait_until(lambda: "'v': 3}" in program.log(), "it goes on", 60, program.log)
        assert program.log().count("'v': 2}") == 1


@pytest.mark.parametrize("kind", REFUSED)
def test_ends_by_an_error(lab, fed, kind):
    program = lab.keep(Program(lab.new_folder("program"), REFUSED[kind], fed[1])).start()
    program.child.wait(30)
    assert "NOT_FOUND\n" in program.log() if kind == "caught" else "binbus.errors.Error: no stream" in program.log(), program.log()
    assert program.log().endswith("calls left: 0\n"), program.log()


def test_ends_with_a_subscription_that_is_open(lab, fed):
    program = lab.keep(Program(lab.new_folder("program"), OPEN, fed[1])).start()
    program.child.wait(30)
    assert program.log().startswith("read\n") and program.log().endswith("ValueError: of the program\ncalls left: 0\n"), program.log()


def test_types_are_told_as_they_are(tmp_path):
    """The stub is what the package has, and type checkers find it."""
    build_sdk()
    (tmp_path / "binbus").mkdir()
    shutil.copy(SDK / "binbus/__init__.pyi", tmp_path / "binbus")
    allowed = tmp_path / "allowed"
    allowed.write_text(r"binbus\.(Change|Client|Subscription|Table)\.__init__" + "\n")  # nobody makes these
    check(["-m", "mypy.stubtest", "binbus", "--ignore-missing-stub", "--allowlist", allowed, "--concise"], tmp_path, PYTHONPATH=SDK,
          MYPYPATH=tmp_path)
    mypy = ["-m", "mypy", "--ignore-missing-imports", "--cache-dir", tmp_path / "cache"]
    for example in "follow.py", "frame.py":
        check([*mypy, REPOSITORY / "examples/python" / example], tmp_path, MYPYPATH=SDK)
    (tmp_path / "wrong.py").write_text('import binbus\nbinbus.connect("a:1").subscribe("shop", table="shop.*")\n')
    wrong = run([*mypy, "wrong.py"], tmp_path, MYPYPATH=SDK)
    assert 'Unexpected keyword argument "table" for "subscribe"' in wrong.stdout, wrong.stdout + wrong.stderr


def run(words, folder, **environment):
    environment = {**os.environ, **{name: str(value) for name, value in environment.items()}}
    return subprocess.run(["/usr/bin/python3", *words], cwd=folder, env=environment, capture_output=True, text=True)


def check(words, folder, **environment):
    ran = run(words, folder, **environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr


GROUPED = '''
from binbus.feed.v1 import feed_pb2 as pb
from binbus import Error
from binbus.follower import Follower
from binbus.subscription import Commits, Shared

def batch(*operations):
    changes = [pb.Change(operation=operation, position=f"binlog.000001:4/{operation}", copies=1) for operation in operations]
    return pb.SubscribeResponse(batch=pb.Batch(transactions=[pb.Transaction(position="binlog.000001:4")], changes=changes))

commits = Commits(automatic=True, interval_s=0)
shared = Shared(None, Follower("shop", cursor="c", transactions=True), commits, None, None)
shared._take(batch(pb.BEGIN, pb.DDL))
assert shared._give_transaction() is None
shared._take(pb.SubscribeResponse(heartbeat=pb.Heartbeat(position="binlog.000001:4/9")))
shared._commit_due()
shared._commit_given()  # as flush() and close() do
assert commits.wanted is None, commits.wanted
shared._take(batch(pb.COMMIT))
assert [change.op for change in shared._give_transaction()] == ["ddl"]
shared._commit_due()
assert commits.wanted == f"binlog.000001:4/{pb.COMMIT}", commits.wanted

# Nor is one of which some did not come: that is said, and nothing behind it is given out.
shared._take(batch(pb.BEGIN, pb.DDL, pb.COMMIT, pb.DDL))
shared._pending[2]._message.count = 2
for _ in range(2):
    try:
        shared._give_transaction()
        raise AssertionError("it is taken for whole")
    except Error as error:
        assert "2 changes were to come, and 1 did" in str(error), error
    shared._take(pb.SubscribeResponse(heartbeat=pb.Heartbeat(position="binlog.000001:4/99")))
    shared._commit_given()
    assert commits.wanted == f"binlog.000001:4/{pb.COMMIT}", commits.wanted
'''


def test_a_place_within_a_transaction_that_comes_whole_is_not_done(tmp_path):
    build_sdk()
    check(["-c", GROUPED], tmp_path, PYTHONPATH=SDK)


BY_HAND = '''
from binbus.feed.v1 import feed_pb2 as pb
from binbus.follower import Follower
from binbus.subscription import Commits, Shared

def heartbeat(number):
    shared._take(pb.SubscribeResponse(heartbeat=pb.Heartbeat(position=f"binlog.000001:{number}")))
    return commits.wanted

def change(number):
    change = pb.Change(operation=pb.DDL, position=f"binlog.000001:{number}")
    shared._take(pb.SubscribeResponse(batch=pb.Batch(transactions=[pb.Transaction()], changes=[change])))
    return shared._give()

commits = Commits(automatic=False, interval_s=0)
shared = Shared(None, Follower("shop", cursor="c"), commits, None, None)
assert heartbeat(10) == "binlog.000001:10"
one, two = change(20), change(30)
assert heartbeat(40) == "binlog.000001:10"  # neither is done
one.commit()
assert heartbeat(50) == "binlog.000001:20"  # one is
two.commit()
assert heartbeat(60) == "binlog.000001:60"  # all is
assert heartbeat(70) == "binlog.000001:70"
shared.commit("binlog.000001:20")  # somebody wants to begin there again
assert heartbeat(80) == "binlog.000001:20"
'''


def test_a_cursor_goes_on_when_all_that_came_was_committed(tmp_path):
    build_sdk()
    check(["-c", BY_HAND], tmp_path, PYTHONPATH=SDK)


CLOSED_MEANWHILE = '''
import grpc
from binbus.feed.v1 import feed_pb2 as pb
from binbus.follower import Follower
from binbus.subscription import Subscription

class Call:
    cancelled = False
    def __next__(self):
        return pb.SubscribeResponse(heartbeat=pb.Heartbeat(position="binlog.000001:4"))
    def cancel(self):
        self.cancelled = True

class Client:
    """Of a subscription that another thread closes while it connects."""
    call = Call()
    addresses = learn = metadata = lambda self, *_: ["a:1"]
    def channel(self, address):
        changes.close()
        return grpc.insecure_channel(address)
    def method(self, *_):
        return lambda *_, **__: pb.NodesResponse()
    def subscribe_method(self, channel):
        return lambda *_, **__: self.call

client = Client()
changes = Subscription(client, Follower("shop"), False, 1, None)
assert changes.next() is None
assert client.call.cancelled
'''


def test_what_is_connected_while_it_is_closed_ends(tmp_path):
    build_sdk()
    check(["-c", CLOSED_MEANWHILE], tmp_path, PYTHONPATH=SDK)
