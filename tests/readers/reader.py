"""python-mysql-replication. See README.md for the arguments."""

import json
import sys

from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

NAMES = {WriteRowsEvent: "insert", UpdateRowsEvent: "update", DeleteRowsEvent: "delete"}

host, port, user, password, flavor, start = sys.argv[1:]
place = {"auto_position": start[5:]} if start.startswith("gtid:") else {"log_file": start, "log_pos": 4, "resume_stream": True}
counts = dict.fromkeys(NAMES.values(), 0)
for event in BinLogStreamReader({"host": host, "port": int(port), "user": user, "passwd": password}, server_id=4_000_000_103,
                                only_events=list(NAMES), blocking=True, is_mariadb=flavor == "mariadb", slave_heartbeat=1, **place):
    if event.table == "end_":
        break
    counts[NAMES[type(event)]] += len(event.rows)
print(json.dumps(counts))
