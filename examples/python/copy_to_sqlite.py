"""Keeps a copy of one table in SQLite, exactly: the position is stored in the transaction that it is about.

usage: copy_to_sqlite.py FILE      copies shop.accounts (id, balance)
"""

import sqlite3
import sys

import binbus

copy = sqlite3.connect(sys.argv[1], isolation_level=None)
copy.execute("CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, balance INTEGER)")
copy.execute("CREATE TABLE IF NOT EXISTS place (position TEXT)")
position = copy.execute("SELECT position FROM place").fetchone()

client = binbus.connect("127.0.0.1:7272")
for change in client.subscribe("shop", tables=["shop.accounts"], start="snapshot", position=position[0] if position else ""):
    copy.execute("BEGIN")
    if change.op == "reset" or change.truncate:
        copy.execute("DELETE FROM accounts")
    if change.op in ("update", "delete"):
        copy.execute("DELETE FROM accounts WHERE id = ?", (change.before["id"],))
    if change.op in ("read", "insert", "update"):
        copy.execute("INSERT INTO accounts VALUES (?, ?)", (change.after["id"], change.after["balance"]))
    copy.execute("DELETE FROM place")
    copy.execute("INSERT INTO place VALUES (?)", (change.position,))
    copy.execute("COMMIT")
