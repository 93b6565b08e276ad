#!/usr/bin/python3
"""Prints the changes that a sink of binbus delivers to Kafka.

usage: consume_kafka.py BROKERS GROUP TOPIC...       e.g. localhost:9092 my-application shop

Needs confluent-kafka (Debian: python3-confluent-kafka). What was printed is committed to the group afterwards, so a change is printed
at least once; the header `id` tells a repetition, whether binbus or this program was interrupted.
"""

import collections
import json
import sys

from confluent_kafka import Consumer

REMEMBERED = 100_000  # repetitions come soon after the original


class Seen:
    """The newest ids."""

    def __init__(self):
        self.ids = collections.OrderedDict()

    def is_new(self, identity):
        if identity in self.ids:
            return False
        self.ids[identity] = True
        if len(self.ids) > REMEMBERED:
            self.ids.popitem(last=False)
        return True


def describe(message):
    key = (message.key() or b"").decode()
    if message.value() is None:
        return f"{message.topic()} {key}: nothing is left under this key"
    change = json.loads(message.value())
    return f"{message.topic()} {key}: {json.dumps(change, ensure_ascii=False)}"


def main(brokers, group, *topics):
    consumer = Consumer({
        "bootstrap.servers": brokers,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",  # a transactional sink's changes are then seen once each
    })
    consumer.subscribe(list(topics))
    seen = Seen()
    try:
        while True:
            for message in consumer.consume(num_messages=500, timeout=0.5):
                if message.error():
                    print(message.error(), file=sys.stderr)
                elif seen.is_new(dict(message.headers() or {}).get("id", (message.partition(), message.offset()))):
                    print(describe(message), flush=True)
            if consumer.assignment():
                commit(consumer)
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()


def commit(consumer):
    read = [place for place in consumer.position(consumer.assignment()) if place.offset >= 0]
    if read:
        consumer.commit(offsets=read, asynchronous=False)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
