"""A table's rows of this moment as a DataFrame of pandas, with its columns' types.

usage: frame.py [TABLE]      by default shop.orders
"""

import sys

import binbus
import pandas

table = sys.argv[1] if len(sys.argv) > 1 else "shop.orders"
client = binbus.connect("127.0.0.1:7272")
rows = []
with client.subscribe("shop", tables=[table], start="snapshot", snapshot_end=True) as changes:
    for change in changes:
        if change.op == "snapshot_end":
            break
        if change.op == "read":
            rows.append(change.after)
        else:  # "reset": the snapshot could not be gone on with, and begins anew
            rows.clear()
frame = pandas.DataFrame(rows)
print(frame.dtypes.to_string())
print(frame.to_string(index=False))
