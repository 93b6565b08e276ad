#!/usr/bin/python3
"""Prints the changes that a sink of binbus delivers to RabbitMQ.

usage: consume_rabbitmq.py URL QUEUE...              e.g. amqp://guest:guest@localhost/%2F binbus

Needs pika (Debian: python3-pika). A change is acknowledged after it was printed, so it is printed at least once; the message's id
tells a repetition, whether binbus or this program was interrupted.
"""

import collections
import json
import sys

import pika

REMEMBERED = 100_000  # repetitions come soon after the original
AT_ONCE = 500         # messages that the broker sends before the first is acknowledged


class Seen:
    """The newest ids."""

    def __init__(self):
        self.ids = collections.OrderedDict()

    def is_new(self, identity):
        if identity is None:
            return True
        if identity in self.ids:
            return False
        self.ids[identity] = True
        if len(self.ids) > REMEMBERED:
            self.ids.popitem(last=False)
        return True


def describe(method, properties, body):
    headers = properties.headers or {}
    place = f"{headers.get('routing_key', method.routing_key)} {headers.get('key', '')}"
    if headers.get("tombstone"):
        return f"{place}: nothing is left under this key"
    return f"{place}: {json.dumps(json.loads(body), ensure_ascii=False)}"


def main(url, *queues):
    seen = Seen()

    def on_message(channel, method, properties, body):
        if seen.is_new(properties.message_id):
            print(describe(method, properties, body), flush=True)
        channel.basic_ack(method.delivery_tag)

    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=AT_ONCE)
    for queue in queues:
        channel.basic_consume(queue, on_message)
    try:
        channel.start_consuming()
    except KeyboardInterrupt:
        connection.close()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
