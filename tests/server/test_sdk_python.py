"""What a user of the Python SDK meets beside changes: how programs end."""

import signal

import pytest

from feed import SDK, build_sdk
from process import Process, wait_until
from servers import FAST
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


class Program(Process):
    def __init__(self, folder, text, binbus):
        super().__init__(folder)
        build_sdk()
        (self.folder / "program.py").write_text(text.format(subscribe=SUBSCRIBE.format(port=binbus.feed_port)))

    def command(self):
        return ["env", f"PYTHONPATH={SDK}", "/usr/bin/python3", "program.py"]


@pytest.mark.parametrize("kind", PROGRAMS)
def test_ends_by_ctrl_c(lab, kind):
    """While it waits for a change; one that closes its subscription has what it was given committed."""
    source = lab.server("mysql97", *FAST)
    binbus = feeding(lab, source, "shop.*")
    with Bank(source, threads=0):
        mark(source, 1)
        binbus.start()
        wait_ready(binbus, source)
        program = lab.keep(Program(lab.new_folder("program"), PROGRAMS[kind], binbus)).start()
        wait_until(lambda: "read {'id': 1, 'v': 1}" in program.log(), "the row has come", 60, program.log)
        mark(source, 2)
        wait_until(lambda: "update {'id': 1, 'v': 2}" in program.log(), "the change has come", 60, program.log)
        program.child.send_signal(signal.SIGINT)
        assert program.child.wait(30) == -signal.SIGINT, program.log()
        assert program.log().rstrip().endswith("KeyboardInterrupt") and "gRPC" not in program.log(), program.log()
        if kind != "for":
            cursor = (binbus.segments / "feed/my-app.cursor").read_text()
            assert place(cursor.split()[-1].split("/")[0]) > (source.binlogs()[-1], 4), cursor
            mark(source, 3)
            program.start()
            wait_until(lambda: "'v': 3}" in program.log(), "it goes on", 60, program.log)
            assert program.log().count("'v': 2}") == 1
