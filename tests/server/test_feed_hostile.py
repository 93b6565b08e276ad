"""Bytes and words that no client of good will sends: each gets an answer that says what is wrong, and harms nobody else."""

import importlib.util
import random
import socket

import grpc
import pytest

from feed import SDK, build_sdk
from process import wait_until
from servers import FAST
from test_feed import Bank, client_of, feeding, mark, wait_mark
from test_state import wait_ready

FEED = "/binbus.feed.v1.Feed/"
DEEP = 200_000


class Raw:
    """Calls whose messages are bytes."""

    def __init__(self, binbus):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{binbus.feed_port}")

    def call(self, *messages, method="Subscribe", to_end=False):
        """(code, text) with which a call of these messages ends; (None, the answer) once there is one, if not all are waited for."""
        call = self.channel.stream_stream(FEED + method, request_serializer=bytes, response_deserializer=bytes)(iter(messages), timeout=60)
        try:
            for answer in call:
                if not to_end:
                    call.cancel()
                    return None, answer
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""


class Made:
    """Messages of the protocol."""

    def __init__(self):
        build_sdk()  # a module here has its package's name, so it is loaded by its path
        spec = importlib.util.spec_from_file_location("feed_pb2", SDK / "binbus/feed/v1/feed_pb2.py")
        self.pb = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.pb)

    def start(self, begin="now", stream="shop", resume="", cursor="", **filters):
        message = self.pb.Start(stream=stream, resume=resume, cursor=cursor, filter=self.pb.Filter(**filters))
        setattr(message, "from", begin)
        return self.pb.SubscribeRequest(start=message).SerializeToString()

    def commit(self, position):
        return self.pb.SubscribeRequest(commit=self.pb.Commit(position=position)).SerializeToString()


@pytest.fixture
def fed(lab):
    """A binbus, its source, and a client of it that must notice nothing of what others do."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        binbus.start()
        wait_ready(binbus, source)
        witness = client_of(lab, binbus, tables=["shop.aside"], start="now").start()
        wait_until(lambda: "connected" in witness.log(), "it is connected", 60, witness.log)
        before_kb = resident_kb(binbus)
        yield binbus
        mark(source, 1)
        wait_mark(witness, 1)
        assert "broken" not in witness.log() and binbus.log().count(" started ") == 1
        assert resident_kb(binbus) < before_kb + 100_000


def resident_kb(process):
    with open(f"/proc/{process.child.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def test_words_that_make_no_sense(fed):
    raw, made = Raw(fed), Made()
    no_message, no_start = "a message came that is no SubscribeRequest", "the first message is Start"
    cases = {
        "nothing": ([], "INVALID_ARGUMENT", "no Start was sent"),
        "an empty message": ([b""], "INVALID_ARGUMENT", no_start),
        "zeros": ([bytes(100)], "INVALID_ARGUMENT", no_message),
        "a length behind the end": ([b"\x0a\xff\xff\xff\xff\x0f"], "INVALID_ARGUMENT", no_message),
        "groups in groups": ([b"\x0b" * DEEP], "INVALID_ARGUMENT", no_message),
        "text that is not UTF-8": ([made.start().replace(b"now", b"n\xffw")], "INVALID_ARGUMENT", no_message),
        "a commit first": ([made.commit("binlog.000001:4")], "INVALID_ARGUMENT", no_start),
        "a commit of no position": ([made.start(cursor="c"), made.commit("here")], "INVALID_ARGUMENT", '"here" is no position'),
        "too long": ([made.start(tables=["x" * 5_000_000])], "RESOURCE_EXHAUSTED", "larger than max"),
        "100,000 patterns": ([made.start(tables=["a*b"] * 100_000)], "INVALID_ARGUMENT", 'pattern "a*b" is neither database.table'),
        "a regular expression of gigabytes": ([made.start(tables=["/((a{1,900}){1,900}){1,900}/"])], "INVALID_ARGUMENT", "invalid repetition size"),
        "a bad exclude": ([made.start(exclude=["/[/"])], "INVALID_ARGUMENT", "["),
        "parentheses": ([made.start(where="(" * DEEP)], "INVALID_ARGUMENT", "less nesting expected at character"),
        "closed ones": ([made.start(where="(" * DEEP + "id = 1" + ")" * DEEP)], "INVALID_ARGUMENT", "less nesting expected at character"),
        "NOT NOT NOT": ([made.start(where="NOT " * DEEP + "id = 1")], "INVALID_ARGUMENT", "less nesting expected at character"),
        "no such stream": ([made.start(stream="../../etc")], "NOT_FOUND", 'no stream "../../etc"; there are: shop'),
        "a cursor that is a path": ([made.start(cursor="..")], "INVALID_ARGUMENT", "1 to 64 letters"),
        "a long cursor": ([made.start(cursor="c" * 65)], "INVALID_ARGUMENT", "1 to 64 letters"),
        "a year of seven digits": ([made.start("time:9999999-99-99")], "INVALID_ARGUMENT", "must be UTC as 2026-11-20T10:00:00Z"),
        "a GTID set of anything": ([made.start("gtid:x")], "INVALID_ARGUMENT", "expected a UUID at character 1"),
        "a number over 64 bits": ([made.start("gtid:00000000-0000-0000-0000-000000000000:1-18446744073709551616")], "INVALID_ARGUMENT", "2^63"),
        "a position in a path": ([made.start(resume="../../x:4")], "INVALID_ARGUMENT", '"../../x:4" is no position'),
        "a key that is not hexadecimal": ([made.start(resume="binlog.000001:4//zz/shop.accounts")], "INVALID_ARGUMENT", "is no position"),
        "a position beyond the log": ([made.start(resume=f"binlog.000001:{2**64 - 1}")], None, b"the log has"),
        "a snapshot of what is not kept": ([made.start("snapshot", tables=["mysql.user"])], "FAILED_PRECONDITION", "[[state]]"),
        "an unknown column in a condition": ([made.start("earliest", where="nope = 1")], "INVALID_ARGUMENT", "has no column `nope`"),
        "a number that is none": ([made.start("earliest", where="balance = 'x'")], "INVALID_ARGUMENT", "column `balance` is a number"),
    }
    for what, (messages, code, text) in cases.items():
        got = raw.call(*messages, to_end=code is not None)
        assert got[0] == code and text in got[1], (what, got)
    assert raw.call(made.start(), method="Nothing")[0] == "UNIMPLEMENTED"


def test_bytes_at_random(fed):
    """A good first message cut anywhere, changed anywhere, and bytes that are none; to each method."""
    raw, made, dice = Raw(fed), Made(), random.Random(6)
    good = made.start("snapshot", tables=["shop.*"], where="id > 5", cursor="c", resume="binlog.000001:4/0.0/80000001/shop.accounts")
    messages = [good[:length] for length in range(len(good))]
    for _ in range(300):
        changed = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        messages += [bytes(changed), dice.randbytes(dice.randint(1, 200))]
    codes = set()
    for message in messages:
        codes.add(raw.call(message)[0])
    assert {None, "INVALID_ARGUMENT", "NOT_FOUND"} <= codes <= {None, "INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE", "FAILED_PRECONDITION"}, codes
    for method in ("Nodes", "ListCursors", "DeleteCursor"):
        for message in messages[::10]:
            raw.call(message, method=method)


def test_no_http2_at_all(fed):
    """And connections that say nothing, or half of it, do not keep others out."""
    dice = random.Random(6)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    open_ones = []
    for begin in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", preface, preface + bytes(9), preface[:10]):
        for more in (b"", dice.randbytes(5000), b"\xff" * 100_000):
            connection = socket.create_connection(("127.0.0.1", fed.feed_port))
            try:
                connection.sendall(begin + more)
            except ConnectionError:
                pass  # it has heard enough
            open_ones.append(connection)
    assert Raw(fed).call(Made().start())[0] is None
    for connection in open_ones:
        connection.close()
