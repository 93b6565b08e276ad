"""A write load that knows what it did to every row, in order, and what was delivered of it."""

import collections
import json
import random
import threading

from process import wait_until

TABLES = ("t0", "t1")


class Ledger:
    """Writes to d.t0 and d.t1 from some threads until the end of the block, each to rows of its own.

    `rows` is {(table, id): [(operation, v), ...]}, of what was committed. Nothing of it may fail: the source must live.
    """

    def __init__(self, source, threads=2, pause_s=0.002, seed=1):
        self.source, self.pause_s = source, pause_s
        self.rows = collections.defaultdict(list)
        self.commits = 0
        self.error = None
        self.ending = threading.Event()
        source.sql("CREATE DATABASE d", *(f"CREATE TABLE d.{table} (id INT PRIMARY KEY, v VARCHAR(400))" for table in TABLES))
        self.threads = [threading.Thread(target=self._run, args=(number, threads, random.Random(seed + number)), daemon=True)
                        for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, failure, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        if self.error and not failure:
            raise self.error

    def _run(self, number, step, dice):
        try:
            connection = self.source.connect()
            alive, id = [], number
            while not self.ending.wait(self.pause_s):
                done = []
                connection.begin()
                cursor = connection.cursor()
                for _ in range(dice.randint(1, 5)):
                    what = dice.random()
                    if what < 0.5 or len(alive) < 3:
                        id += step
                        row = (dice.choice(TABLES), id)
                        alive.append(row)
                        done.append((row, "insert", f"row {id} of {number}"))
                        cursor.execute(f"INSERT INTO d.{row[0]} VALUES (%s, %s)", (id, done[-1][2]))
                    elif what < 0.85:
                        row = dice.choice(alive)
                        done.append((row, "update", f"{self.commits}-{len(done)} {'x' * dice.randint(0, 300)}"))
                        cursor.execute(f"UPDATE d.{row[0]} SET v = %s WHERE id = %s", (done[-1][2], row[1]))
                    else:
                        row = alive.pop(dice.randrange(len(alive)))
                        done.append((row, "delete", None))
                        cursor.execute(f"DELETE FROM d.{row[0]} WHERE id = %s", (row[1],))
                connection.commit()
                for row, operation, v in done:
                    self.rows[row].append((operation, v))
                self.commits += 1
            connection.close()
        except Exception as error:
            self.error = error

    def assert_delivered(self, messages, exactly_once, what):
        """messages: (id, Maxwell's JSON) as they lie; of a row they must be what was done to it, in that order."""
        ids = [id for id, _ in messages]
        assert all(ids) and (not exactly_once or len(ids) == len(set(ids))), f"{what}: doubled"
        seen, delivered = set(), collections.defaultdict(list)
        for id, message in messages:
            if id not in seen:  # a consumer that dedupes
                seen.add(id)
                value = message["data"]["v"] if message["type"] != "delete" else None
                delivered[message["table"], message["data"]["id"]].append((message["type"], value))
        wrong = [row for row in self.rows.keys() | delivered.keys() if self.rows.get(row) != delivered.get(row)]
        assert not wrong, (f"{what}: {len(wrong)} of {len(self.rows)} rows differ, as {wrong[0]}: done {self.rows.get(wrong[0])}, "
                           f"delivered {delivered.get(wrong[0])}")
        print(f"{what}: {len(seen)} changes of {len(delivered)} rows in {len(ids)} messages")


def kafka_sink(kafka, name="out", **more):
    """A sink of both tables, for the stream "shop"."""
    return {"name": name, "stream": "shop", "type": "kafka", "brokers": [kafka.address], "format": "maxwell",
            "topic": name + ".{table}", "key": ["id"], "retry_max": "1s", "start": "earliest", **more}


def from_kafka(kafka, name="out"):
    """(id, message) as they lie, and of each its epoch."""
    found = [message for table in TABLES for message in kafka.read(f"{name}.{table}")]
    return ([(dict(message.headers())["id"].decode(), json.loads(message.value())) for message in found],
            [int(dict(message.headers())["epoch"]) for message in found])


def wait_sink(node, source, name="out"):
    """Waits until the node's sink has delivered all that is in the source's log by now."""
    end = tuple(source.position())
    wait_until(lambda: sink_at(node, name) >= end, f"{node}'s sink {name} is at {end}", 120, lambda: node.log()[-3000:])


def sink_at(node, name="out"):
    """(file, offset) that the sink has delivered up to."""
    return place_of(node.status()["streams"][0], name)


def place_of(stream, name="out"):
    """The same in a stream's status."""
    found = next(sink for sink in stream["sinks"] if sink["name"] == name)
    file, _, offset = found["position"].rpartition(":")
    return file, int(offset or 0)
