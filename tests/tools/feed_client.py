"""A user of the Python SDK: writes what the feed gives it to a file, a line of JSON a change.

usage: feed_client.py OPTIONS FILE
OPTIONS: JSON {"connect": {...}, "subscribe": {...}, "commit": bool, "pause_s": N, "async": bool, "leave_after": N changes, "grouped": bool}

Grouped, it asks for whole transactions, and numbers them.

Begun again, it goes on behind the last whole line of the file, unless it commits: then the cursor says where.
"""

import asyncio
import itertools
import json
import pathlib
import sys
import time

import binbus


def plain(value):
    """Values that JSON does not have, with their type, so that tests see it."""
    if isinstance(value, set):
        return {"set": sorted(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return {type(value).__name__: str(value)}


def line(change, **more):
    told = {"op": change.op, "database": change.database, "table": change.table, "key": change.key, "before": change.before,
            "after": change.after, "gtid": change.gtid, "transaction": change.transaction, "position": change.position,
            "event": change.event, "row": change.row, "at": time.monotonic(), **more}
    if change.op == "commit":
        told |= {"count": change.count}
    if change.op == "ddl":
        told |= {"action": change.action, "statement": change.statement, "truncate": change.truncate,
                 "columns": [column.name for column in change.table_after.columns] if change.table_after else None,
                 **{name: table and f"{table.database}.{table.name}"
                    for name, table in (("table_before", change.table_before), ("table_after", change.table_after))}}
    return json.dumps(told, default=plain) + "\n"


def say(state, text):
    print(state, text, file=sys.stderr, flush=True)


def cut_to_whole_lines(path):
    text = path.read_bytes() if path.exists() else b""
    text = text[:text.rfind(b"\n") + 1]
    path.write_bytes(text)
    return [json.loads(each) for each in text.splitlines()]


def main(options, path):
    lines = cut_to_whole_lines(path)
    subscribe = {"stream": "shop", "on_state": say, **options["subscribe"]}
    if lines and not options.get("commit"):
        subscribe["position"] = lines[-1]["position"]
    client = binbus.connect(**options["connect"])
    out = open(path, "a")

    def take(change):
        out.write(line(change))
        out.flush()
        if options.get("commit"):
            change.commit()
        if options.get("pause_s"):
            time.sleep(options["pause_s"])

    groups = itertools.count()

    def take_transaction(transaction):
        changes = transaction if transaction.last.op != "commit" else [*transaction, transaction.last]
        number = next(groups)
        out.write("".join(line(change, group=number) for change in changes))
        out.flush()

    async def follow_transactions():
        async for transaction in aiter(client.subscribe(**subscribe)).transactions():
            take_transaction(transaction)

    leave_after = itertools.count(1 - options.get("leave_after", 0))

    async def follow():
        subscription = aiter(client.subscribe(**subscribe))
        async for change in subscription:
            take(change)
            if next(leave_after) == 0:
                return await subscription.aclose()

    try:
        if options.get("async"):
            return asyncio.run(follow_transactions() if options.get("grouped") else follow())
        with client.subscribe(**subscribe) as subscription:
            if options.get("grouped"):
                for transaction in subscription.transactions():
                    take_transaction(transaction)
            for change in subscription:
                take(change)
                if next(leave_after) == 0:
                    return 0
    except binbus.Error as error:
        print("error", error.code, error, file=sys.stderr, flush=True)
        return 3


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), pathlib.Path(sys.argv[2])))
