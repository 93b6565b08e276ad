"""Prints all rows of some tables, then every change.

usage: follow.py [STREAM [PATTERN...]]      by default shop, all tables; Ctrl-C ends it, and it goes on there the next time
"""

import sys

import binbus

stream, *tables = sys.argv[1:] or ["shop"]
client = binbus.connect("127.0.0.1:7272")
with client.subscribe(stream, tables=tables, start="snapshot", cursor="follow.py", auto_commit=True, on_state=print) as changes:
    try:
        for change in changes:
            print(change.op, change.database, change.table, change.statement or change.after or change.before)
    except KeyboardInterrupt:
        pass
