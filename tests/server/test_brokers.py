"""The targets Kafka and RabbitMQ against real brokers: order, counts, exactly once, and what they say when something is wrong."""

import collections
import random

import pytest

from brokers import Sender
from certificates import Authority
from process import free_port, wait_until

KEYS = [f"key{number}" for number in range(7)]


@pytest.fixture
def sender():
    senders = []

    def start(*arguments):
        senders.append(Sender(*arguments))
        return senders[-1]

    yield start
    for each in senders:
        each.kill9()


def send_numbers(sender, topic, numbers, every=50, keys=KEYS):
    """Messages whose payload is the number, with a commit after each `every` of them."""
    for number in numbers:
        sender.send(topic, keys[number % len(keys)], str(number), id=f"id{number}", routing_key=f"shop.t{number % 5}")
        if number % every == every - 1:
            sender.commit(number)


def assert_in_order(messages, count, at_least_once=False):
    """messages: (key, payload) as they lie: each number from 0 to count once, those of a key in order."""
    by_key = collections.defaultdict(list)
    for key, payload in messages:
        by_key[key].append(int(payload))
    for key, numbers in by_key.items():
        if at_least_once:
            numbers = list(dict.fromkeys(numbers))  # a consumer that dedupes
        assert numbers == sorted(numbers), f"{key} is out of order"
        by_key[key] = numbers
    assert sorted(number for numbers in by_key.values() for number in numbers) == list(range(count))


def kafka_pairs(messages):
    return [(message.key().decode(), message.value().decode()) for message in messages]


def transactional(kafka, *more):
    return ("kafka", f"brokers={kafka.address}", "delivery=transactional", "transactional_id=changes", "partitions=3", *more)


def at_least_once(kafka, *more):
    return ("kafka", f"brokers={kafka.address}", "partitions=3", *more)


# Kafka

def test_kafka_order_headers_and_tombstones(lab, sender):
    kafka = lab.kafka()
    send = sender(*at_least_once(kafka, "compression=lz4"))
    send_numbers(send, "shop", range(5000), every=1000)
    send.send("odd", "k", None, id="gone")
    send.send("odd", "", "no key", id="keyless")
    send.send("odd", "k", "", id="empty")
    assert send.finish() == 0
    assert not send.said("error") and not send.rejected()
    messages = kafka.read("shop")
    assert_in_order(kafka_pairs(messages), 5000)
    assert len({message.partition() for message in messages}) == 3
    first = messages[0]
    number = first.value().decode()
    assert dict(first.headers()) == {"id": f"id{number}".encode(), "table": f"shop.t{int(number) % 5}".encode()}
    assert first.timestamp()[1] > 1.7e12
    odd = {dict(message.headers())["id"].decode(): (message.key(), message.value()) for message in kafka.read("odd")}
    lines = lab.example("consume_kafka.py", kafka.address, "example", "shop").wait_lines(5000)
    assert len(lines) == 5000 and "shop key3: 3" in lines
    assert odd == {"gone": (b"k", None), "keyless": (None, b"no key"), "empty": (b"k", b"")}


def test_kafka_partitions_as_javas_clients_do(lab, sender):
    kafka = lab.kafka()
    send = sender(*at_least_once(kafka, "partitions=10"))
    for key in murmur2_of:
        send.send("keys", key, key)
    assert send.finish() == 0
    assert {message.value().decode(): message.partition() for message in kafka.read("keys")} == \
        {key: (value & 0x7fffffff) % 10 for key, value in murmur2_of.items()}


# From the tests of Kafka's own Utils.murmur2.
murmur2_of = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
              "a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
              "abc": 479470107}


def test_kafka_keeps_together_what_has_no_key(lab, sender):
    kafka = lab.kafka()
    send = sender(*at_least_once(kafka))
    for number in range(20):
        send.send("keyless", "", str(number))
        send.commit(number)
    assert send.finish() == 0
    messages = kafka.read("keyless")
    assert [int(message.value()) for message in messages] == list(range(20))
    assert len({message.partition() for message in messages}) == 1


def test_kafka_transactional_exactly_once_across_kill9(lab, sender):
    """Killed at random places, gone on from the checkpoint: who reads committed sees each message once, in order."""
    kafka = lab.kafka()
    total, seed = 6000, random.SystemRandom().randrange(1 << 32)
    place = random.Random(seed)
    print(f"seed {seed}")
    kills = 0
    while True:
        send = sender(*transactional(kafka))
        start = send.checkpoint()
        start = 0 if start == "-" else int(start) + 1
        if start == total:
            break
        send_numbers(send, "shop", range(start, total))
        if kills < 15:
            until = place.randrange(1, 10)
            wait_until(lambda: len(send.said("committed")) >= until or start + 50 * until > total, "some commits")
            send.kill9()
            kills += 1
        else:
            assert send.finish() == 0
    assert_in_order(kafka_pairs(kafka.read("shop")), total)
    assert len(kafka.read("shop", committed=False)) >= total


def test_kafka_newer_instance_fences_the_older(lab, sender):
    kafka = lab.kafka()
    old = sender(*transactional(kafka))
    old.send("shop", "k", "0")
    old.committed(0)
    old.send("shop", "k", "never seen")
    new = sender(*transactional(kafka))
    assert new.checkpoint() == "0"
    new.send("shop", "k", "1")
    new.committed(1)
    old.commit(1)
    code, message = old.wait_said("error")[0]
    assert code == "exists" and "give each sink its own" in message
    assert [value for _, value in kafka_pairs(kafka.read("shop"))] == ["0", "1"]


@pytest.mark.parametrize("delivery", ["transactional", "at_least_once"])
def test_kafka_broker_killed_and_frozen_under_load(lab, sender, delivery):
    kafka = lab.kafka()
    send = sender(*(transactional if delivery == "transactional" else at_least_once)(kafka))
    send_numbers(send, "shop", range(2000))
    send.wait_said("committed", lambda lines: len(lines) > 5)
    kafka.kill9()
    send_numbers(send, "shop", range(2000, 4000))
    kafka.start()
    send.wait_said("committed", lambda lines: len(lines) >= 60)
    kafka.freeze()
    send_numbers(send, "shop", range(4000, 6000))
    before = len(send.said("committed"))
    kafka.thaw()
    send.wait_said("committed", lambda lines: len(lines) > before)
    assert send.finish() == 0
    assert_in_order(kafka_pairs(kafka.read("shop")), 6000, delivery == "at_least_once")


@pytest.mark.parametrize("delivery", ["transactional", "at_least_once"])
def test_kafka_rejects_one_and_delivers_its_neighbours(lab, sender, delivery):
    """Too large by the sink's limit, by the topic's, without a key to a compacted topic, to a topic that is not there."""
    kafka = lab.kafka()
    kafka.make_topic("narrow", max_message_bytes=2000)
    kafka.make_topic("compacted", cleanup_policy="compact")
    send = sender(*(transactional if delivery == "transactional" else at_least_once)(
        kafka, "create_topics=false", "message_bytes_max=100000", "property.linger.ms=100"))
    send.checkpoint()
    for number in range(20):
        send.send("narrow", "k", "x" * 5000 if number in (5, 6) else str(number), id=f"narrow{number}")
        send.send("compacted", "" if number == 7 else f"k{number}", str(number), id=f"compacted{number}")
        send.send("narrow" if number != 3 else "missing", "k", f"more{number}", id=f"more{number}")
    send.send("narrow", "k", "x" * 200_000, id="huge")
    send.committed(1)
    send.send("narrow", "k", "after", id="after")
    send.committed(2)
    assert send.finish() == 0
    rejected = send.rejected()
    assert set(rejected) == {"narrow5", "narrow6", "compacted7", "more3", "huge"}
    assert rejected["more3"][:3] == ("missing", "k", "5") and "topic missing does not exist; create it" in rejected["more3"][3]
    assert rejected["huge"][2] == "200000" and "message_bytes_max" in rejected["huge"][3]
    assert rejected["narrow5"][2] == "5000" and "max.message.bytes" in rejected["narrow5"][3]
    assert "without a key" in rejected["compacted7"][3]
    assert all(code == "remote" for code, _ in send.said("error"))
    ids = [dict(message.headers())["id"].decode() for topic in ("narrow", "compacted") for message in kafka.read(topic)]
    expected = {f"{name}{number}" for number in range(20) for name in ("narrow", "compacted", "more")} | {"after"}
    assert set(ids) == expected - set(rejected)
    if delivery == "transactional":
        assert len(ids) == len(set(ids))


def test_kafka_password(lab, sender):
    sasl = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "binbus", "sasl.password": "right"}
    kafka = lab.kafka(
        "listeners=SASL_PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{next}",
        "advertised.listeners=SASL_PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms=PLAIN", "inter.broker.listener.name=SASL_PLAINTEXT",
        "sasl.mechanism.inter.broker.protocol=PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
        'username="binbus" password="right" user_binbus="right";', **sasl)
    properties = [f"property.{name}={value}" for name, value in sasl.items()]
    wrong = sender(*at_least_once(kafka, *properties[:-1], "property.sasl.password=wrong"))
    code, message = wrong.wait_said("error")[0]
    assert code == "auth" and "sasl.password" in message and "wrong" not in message
    right = sender(*transactional(kafka, *properties))
    right.send("shop", "k", "1")
    right.committed(1)
    assert right.finish() == 0


def test_kafka_nobody_there(lab, sender):
    code, message = sender("kafka", f"brokers=127.0.0.1:{free_port()}").wait_said("error")[0]
    assert code == "network" and "Connection refused" in message


# RabbitMQ

def rabbitmq_pairs(messages):
    return [(properties.headers["key"], body.decode()) for properties, body in messages]


def test_rabbitmq_order_headers_and_tombstones(lab, sender):
    rabbitmq = lab.rabbitmq()
    send = sender("rabbitmq", f"url={rabbitmq.url()}", "queues=one", "queue=changes")
    send_numbers(send, "", range(5000), every=1000)
    send.send("", "k", None, id="gone", routing_key="shop.t1")
    assert send.finish() == 0
    assert not send.said("error") and not send.rejected()
    messages = rabbitmq.read("changes")
    gone, body = messages.pop()
    assert (gone.message_id, body, gone.headers["tombstone"], gone.headers["key"]) == ("gone", b"", True, "k")
    assert_in_order(rabbitmq_pairs(messages), 5000)
    first = messages[0][0]
    assert (first.message_id, first.delivery_mode, first.content_type, first.headers["table"]) == \
        ("id0", 2, "application/json", "shop.t0")
    assert first.timestamp == first.headers["timestamp_ms"] // 1000
    lines = lab.example("consume_rabbitmq.py", rabbitmq.url(), "changes").wait_lines(5001)
    assert lines[0] == "shop.t0 key0: 0" and lines[-1] == "shop.t1 k: nothing is left under this key"


@pytest.mark.parametrize("queues", ["by_table", "by_volume"])
def test_rabbitmq_divided_queues(lab, sender, queues):
    rabbitmq = lab.rabbitmq()
    send = sender("rabbitmq", f"url={rabbitmq.url()}", f"queues={queues}", "queue=part", "queue_count=3", "exchange_type=direct")
    send_numbers(send, "", range(3000), every=1000)
    assert send.finish() == 0
    parts = [rabbitmq.read(f"part.{number}") for number in range(3)]
    if queues == "by_table":
        tables = [{properties.headers["table"] for properties, _ in part} for part in parts]
        assert sum(map(len, tables)) == 5  # none is in two
        assert all(properties.headers["routing_key"] == properties.headers["table"] for part in parts for properties, _ in part)
    else:
        sizes = [sum(len(body) for _, body in part) for part in parts]
        assert max(sizes) - min(sizes) < 100
    numbers = [[int(body) for _, body in part] for part in parts]
    assert all(part == sorted(part) for part in numbers)
    assert sorted(number for part in numbers for number in part) == list(range(3000))


def test_rabbitmq_rejects_one_and_delivers_its_neighbours(lab, sender):
    """Bound by nobody, too large by the sink's limit and by the broker's, to an exchange that is not there."""
    rabbitmq = lab.rabbitmq("max_message_size = 20000")
    connection = rabbitmq.connect()
    channel = connection.channel()
    channel.exchange_declare("changes", "topic", durable=True)
    channel.queue_declare("shop", durable=True)
    channel.queue_bind("shop", "changes", "shop.*")
    send = sender("rabbitmq", f"url={rabbitmq.url()}", "exchange=changes", "declare=false", "message_bytes_max=100000")
    for number in range(30):
        routing_key = "mall.goods" if number == 7 else "shop.orders"
        payload = "x" * {9: 50_000, 11: 200_000}.get(number, number)
        send.send("nowhere" if number == 13 else "", f"k{number}", payload, id=f"id{number}", routing_key=routing_key)
    send.committed(1)
    assert send.finish() == 0
    rejected = send.rejected()
    assert set(rejected) == {"id7", "id9", "id11", "id13"}
    assert rejected["id7"][:3] == ("changes", "k7", "7") and "NO_ROUTE" in rejected["id7"][3] and "bind a queue" in rejected["id7"][3]
    assert rejected["id9"][2] == "50000" and "limit of 20000" in rejected["id9"][3]
    assert "limit of 20000" in rejected["id11"][3] or "limit of 100000" in rejected["id11"][3]
    assert rejected["id13"][0] == "nowhere" and "NOT_FOUND" in rejected["id13"][3] and "create it" in rejected["id13"][3]
    ids = [properties.message_id for properties, _ in rabbitmq.read("shop")]
    assert list(dict.fromkeys(ids)) == [f"id{number}" for number in range(30) if f"id{number}" not in rejected]


def test_rabbitmq_blocked(lab, sender):
    rabbitmq = lab.rabbitmq()
    send = sender("rabbitmq", f"url={rabbitmq.url()}", "queues=one", "queue=changes", "confirm_timeout_ms=30000")
    send_numbers(send, "", range(100))
    send.wait_said("committed", lambda lines: len(lines) == 2)
    rabbitmq.ctl("set_vm_memory_high_watermark", "0.0000001")
    send_numbers(send, "", range(100, 3000))
    assert "blocks publishers: low on memory" in send.wait_said("waiting")[0][0]
    committed = len(send.said("committed"))
    rabbitmq.ctl("set_vm_memory_high_watermark", "0.6")
    send.wait_said("waiting", lambda lines: lines[-1] == [""])
    send.wait_said("committed", lambda lines: len(lines) > committed)
    assert send.finish() == 0
    assert not send.said("error")
    assert_in_order(rabbitmq_pairs(rabbitmq.read("changes")), 3000)


def test_rabbitmq_broker_killed_and_frozen_under_load(lab, sender):
    rabbitmq = lab.rabbitmq()
    send = sender("rabbitmq", f"url={rabbitmq.url()}", "queues=one", "queue=changes", "confirm_timeout_ms=3000")
    send_numbers(send, "", range(2000))
    send.wait_said("committed", lambda lines: len(lines) > 5)
    rabbitmq.kill9()
    send_numbers(send, "", range(2000, 4000))
    send.wait_said("error")
    rabbitmq.start().wait()
    send.wait_said("committed", lambda lines: len(lines) >= 60)
    rabbitmq.freeze()
    send_numbers(send, "", range(4000, 6000))
    send.commit(6000)
    send.wait_said("error", lambda lines: any(code == "timeout" for code, _ in lines))
    rabbitmq.thaw()
    assert send.finish() == 0
    assert_in_order(rabbitmq_pairs(rabbitmq.read("changes")), 6000, at_least_once=True)


def test_rabbitmq_full_queue_is_waited_for(lab, sender):
    rabbitmq = lab.rabbitmq()
    connection = rabbitmq.connect()
    channel = connection.channel()
    channel.exchange_declare("changes", "topic", durable=True)
    channel.queue_declare("few", durable=True, arguments={"x-max-length": 10, "x-overflow": "reject-publish"})
    channel.queue_bind("few", "changes", "#")
    send = sender("rabbitmq", f"url={rabbitmq.url()}", "exchange=changes")
    send_numbers(send, "", range(20), every=10)
    code, message = send.wait_said("error")[0]
    assert code == "remote" and "it is full" in message
    seen = []
    def consume():
        while (message := channel.basic_get("few", auto_ack=True))[0] is not None:
            seen.append((message[1].headers["key"], message[2].decode()))
        return len(send.said("committed")) == 2
    wait_until(consume, "the second commit")
    consume()
    assert send.finish() == 0
    assert_in_order(seen, 20, at_least_once=True)


def test_rabbitmq_who_may_not(lab, sender):
    rabbitmq = lab.rabbitmq()
    url = rabbitmq.url()
    cases = {
        rabbitmq.url(password="wrong"): ("auth", "see the url's user and password"),
        url.replace("%2F", "elsewhere"): ("invalid", "vhost"),
        url.replace(str(rabbitmq.port), str(free_port())): ("network", "connecting"),
    }
    for wrong, (code, words) in cases.items():
        send = sender("rabbitmq", f"url={wrong}")
        error = send.wait_said("error")[0]
        assert error[0] == code and words in error[1] and "wrong" not in error[1], error
    send = sender("rabbitmq", f"url={url}", "declare=false", "exchange=missing")
    code, message = send.wait_said("error")[0]
    assert code == "invalid" and "no exchange 'missing'" in message


def test_rabbitmq_tls(lab, sender):
    ours, strangers = Authority(f"{lab.folder}/tls", "ours"), Authority(f"{lab.folder}/tls", "strangers")
    certificate, key = ours.sign("localhost")
    port = free_port()
    rabbitmq = lab.rabbitmq(f"listeners.ssl.1 = 127.0.0.1:{port}", f"ssl_options.cacertfile = {ours.ca}",
                            f"ssl_options.certfile = {certificate}", f"ssl_options.keyfile = {key}")
    rabbitmq.wait_listening(port)
    url = f"amqps://guest:guest@localhost:{port}/%2F"
    for authority in (f"ca_file={strangers.ca}", "ca_file="):
        code, message = sender("rabbitmq", f"url={url}", authority).wait_said("error")[0]
        assert code == "tls" and "see the sink's ca_file" in message, message
    send = sender("rabbitmq", f"url={url}", f"ca_file={ours.ca}", "queues=one", "queue=changes")
    send_numbers(send, "", range(100))
    assert send.finish() == 0
    assert_in_order(rabbitmq_pairs(rabbitmq.read("changes")), 100)
