"""Sinks under fire: binbus and brokers killed, frozen, cut off, slow, full; what is delivered, and what the operator is told."""

import json
import random

import pytest

from binbus import Binbus
from brokers import Kafka, RabbitMQ
from certificates import Authority
from faults import assert_says, stream_status
from ledger import TABLES, Ledger
from process import free_port, wait_until, whole_lines
from proxy import Proxy
from test_faults_disk import SmallDisk
from test_sinks import TABLE, lines_of, sink, sink_status, wait_delivered
from watcher import SOAK

KILLS = 200 if SOAK else 4
NAMES = ("mysql97", "mariadb1011") if SOAK else ("mysql97",)


def kafka_sink(kafka, name, **options):
    return {"name": name, "stream": "shop", "type": "kafka", "brokers": [kafka.address], "format": "maxwell",
            "topic": name + ".{table}", "key": ["id"], "retry_max": "1s", **options}


def rabbitmq_sink(url, name="rabbit", properties=None, **options):
    return {"name": name, "stream": "shop", "type": "rabbitmq", "url": url, "format": "maxwell", "key": ["id"], "exchange": name,
            "retry_max": "1s", "properties": {"queues": "one", "queue": name, "confirm_timeout_ms": "3000", **(properties or {})},
            **options}


def wait_sink(binbus, name, state, *words, seconds=120):
    """Until the sink is in the state and its reason has the words, in `binbus sink list` as well."""
    def there():
        status = sink_status(binbus, name)
        return (status["state"] == state and all(word in status["reason"] for word in words)
                and all(word in binbus.run("sink", "list").stdout for word in (name, state, *words)))

    wait_until(there, f"{name} is {state}: {words}", seconds,
               lambda: f"{sink_status(binbus, name)}\n{binbus.run('sink', 'list').stdout}\n{binbus.log()[-3000:]}")


def wait_lags(binbus, names, wanted):
    """Until each of them is as far behind as wanted."""
    wait_until(lambda: all(wanted(sink_status(binbus, name)["lag_ms"]) for name in names), f"{names} lag as they should", 30,
               lambda: str(stream_status(binbus)["sinks"]))


def dead_letters(binbus, name):
    return [json.loads(line) for line in whole_lines(binbus.segments / f"sinks/{name}.dead_letters.jsonl")]


def from_kafka(kafka, prefix):
    return [(dict(message.headers())["id"].decode(), json.loads(message.value()))
            for table in TABLES for message in kafka.read(f"{prefix}.{table}")]


def from_rabbitmq(rabbitmq, queue):
    return [(properties.message_id, json.loads(body)) for properties, body in rabbitmq.read(queue)]


class Fire:
    """The brokers, each behind a proxy, and what may happen to them and to binbus while the load goes on."""

    def __init__(self, lab, ledger, dice):
        self.ledger, self.dice = ledger, dice
        self.kafka = lab.keep(Kafka(lab.new_folder("kafka")))
        self.rabbitmq = lab.keep(RabbitMQ(lab.new_folder("rabbitmq")))
        self.kafka_proxy, self.rabbitmq_proxy = Proxy(self.kafka.port), Proxy(self.rabbitmq.port)
        self.kafka.lines.append(f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.kafka_proxy.port}")
        self.brokers = [(self.kafka, self.kafka_proxy), (self.rabbitmq, self.rabbitmq_proxy)]
        self.binbus = None

    def __enter__(self):
        for broker, proxy in self.brokers:
            proxy.__enter__()
            broker.start()
        for broker, _ in self.brokers:
            broker.wait()
        return self

    def __exit__(self, *_):
        for _, proxy in self.brokers:
            proxy.__exit__()

    def load(self, least, most):
        """Lets some transactions come."""
        until = self.ledger.commits + self.dice.randint(least, most)
        wait_until(lambda: self.ledger.commits >= until or self.ledger.error, "the load goes on", 120)

    def kill_binbus(self, sinks):
        """Mostly while one of the sinks is delivering, else at any moment of its start."""
        if self.dice.random() < 0.8:
            name, count = self.dice.choice(sinks), self.dice.randint(1, 100)
            wait_until(lambda: sink_status(self.binbus, name)["messages"] >= count, f"{name} delivers", 120,
                       lambda: f"{sink_status(self.binbus, name)}\n{self.binbus.log()[-3000:]}")
        else:
            self.load(1, 20)
        self.binbus.kill9()
        self.load(0, 20)
        self.binbus.start()

    def kill(self, broker, proxy):
        broker.kill9()
        self.load(20, 200)
        broker.start().wait()

    def freeze(self, broker, proxy):
        broker.freeze()
        self.load(50, 500)
        broker.thaw()

    def cut(self, broker, proxy):
        proxy.refusing = True
        proxy.drop()
        self.load(20, 200)
        proxy.refusing = False

    def slow(self, broker, proxy):
        proxy.chunk, proxy.delay_s = 1000, 0.005
        self.load(50, 500)
        proxy.chunk, proxy.delay_s = None, 0


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_or_doubled_under_fire(lab, name):
    """Every row's changes arrive in order: once in a file and in Kafka's transactions, else with ids that tell what came again."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    source = lab.server(name)
    ledger = Ledger(source)
    with Fire(lab, ledger, random.Random(seed)) as fire:
        sinks = [sink("file"), kafka_sink(fire.kafka, "once", delivery="transactional"), kafka_sink(fire.kafka, "least"),
                 rabbitmq_sink(fire.rabbitmq.url().replace(str(fire.rabbitmq.port), str(fire.rabbitmq_proxy.port)))]
        names = [each["name"] for each in sinks]
        fire.binbus = binbus = lab.binbus(source, sinks=sinks)
        events = [lambda: fire.kill_binbus(names)] * KILLS
        for _ in range(max(KILLS // 20, 1)):
            events += [lambda do=do, at=at: do(*at) for do in (fire.kill, fire.freeze, fire.cut, fire.slow) for at in fire.brokers]
        fire.dice.shuffle(events)
        with ledger:
            for event in events:
                event()
        for each in names:
            wait_delivered(binbus, source, each, 300)
        ledger.assert_delivered([((m["position"], m["xoffset"]), m) for m in lines_of(binbus, "file")], True, "file")
        ledger.assert_delivered(from_kafka(fire.kafka, "once"), True, "kafka, transactional")
        ledger.assert_delivered(from_kafka(fire.kafka, "least"), False, "kafka, at least once")
        ledger.assert_delivered(from_rabbitmq(fire.rabbitmq, "rabbit"), False, "rabbitmq")
        rows = {(table, id): v for table in TABLES for id, v in source.sql(f"SELECT id, v FROM d.{table}")}
        assert rows == {row: changes[-1][1] for row, changes in ledger.rows.items() if changes[-1][0] != "delete"}
        assert not any(dead_letters(binbus, each) for each in names)


def test_what_a_broker_makes_wait_for_is_said(lab):
    """Frozen, low on memory, or with a full queue: the sink says so, holds up no other, and goes on when the broker does."""
    source, kafka, rabbitmq = lab.server("mysql97"), lab.kafka(), lab.rabbitmq()
    source.sql(*TABLE, "INSERT INTO d.t VALUES (0, 'first')")
    binbus = lab.binbus(source, sinks=[
        sink("file"), kafka_sink(kafka, "kafka"), rabbitmq_sink(rabbitmq.url(), "rabbit"),
        rabbitmq_sink(rabbitmq.url(), "full", properties={"queues": "none", "declare": "false"})])
    wait_sink(binbus, "full", "stopped", "no exchange 'full'", "declare")
    connection = rabbitmq.connect()
    channel = connection.channel()
    channel.exchange_declare("full", "topic", durable=True)
    channel.queue_declare("full", durable=True, arguments={"x-max-length": 3, "x-overflow": "reject-publish"})
    channel.queue_bind("full", "full", "#")
    connection.close()
    binbus.run("sink", "resume", "full")
    for name in ("file", "kafka", "rabbit", "full"):
        wait_delivered(binbus, source, name)

    kafka.freeze()
    rabbitmq.ctl("set_vm_memory_high_watermark", "0.0000001")
    source.sql(*(f"INSERT INTO d.t VALUES ({number}, 'more')" for number in range(1, 20)))
    wait_delivered(binbus, source, "file")
    wait_sink(binbus, "kafka", "running", "the brokers do not confirm")
    wait_sink(binbus, "rabbit", "running", "the broker blocks publishers", "memory")
    wait_lags(binbus, ["kafka", "rabbit", "full"], lambda lag: lag > 1000)
    wait_lags(binbus, ["file"], lambda lag: lag == 0)
    assert sink_status(binbus, "file")["reason"] == ""
    kafka.thaw()
    rabbitmq.ctl("set_vm_memory_high_watermark", "0.6")
    for name in ("kafka", "rabbit"):
        wait_delivered(binbus, source, name)
        assert sink_status(binbus, name)["reason"] == ""
    wait_lags(binbus, ["kafka", "rabbit"], lambda lag: lag == 0)

    wait_sink(binbus, "full", "running", "it is full")
    seen = []
    connection = rabbitmq.connect()
    channel = connection.channel()

    def consume():
        while (message := channel.basic_get("full", auto_ack=True))[0] is not None:
            seen.append(json.loads(message[2])["data"]["id"])
        return sink_status(binbus, "full")["position"] == sink_status(binbus, "file")["position"]

    wait_until(consume, "the full queue was delivered to", 60, lambda: str(sink_status(binbus, "full")))
    consume()
    wait_lags(binbus, ["full"], lambda lag: lag == 0)
    assert list(dict.fromkeys(seen)) == list(range(20))
    connection.close()


def secured_kafka(lab, authority):
    """A broker with TLS, passwords and rights: nobody but "root" may anything that is not granted."""
    certificate, key = authority.sign("localhost")
    pem = lab.new_folder("kafka-tls") + ".pem"
    with open(pem, "w") as file:
        file.write(pkcs8(key) + certificate.read_text())
    users = {"root": "root", "binbus": "right"}
    jaas = " ".join(f'user_{user}="{password}"' for user, password in users.items())
    return lab.kafka(
        "listeners=SASL_SSL://localhost:{port},CONTROLLER://127.0.0.1:{next}", "advertised.listeners=SASL_SSL://localhost:{port}",
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL", "inter.broker.listener.name=SASL_SSL",
        "sasl.enabled.mechanisms=PLAIN", "sasl.mechanism.inter.broker.protocol=PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="root" password="root" {jaas};',
        "ssl.keystore.type=PEM", f"ssl.keystore.location={pem}", "ssl.truststore.type=PEM", f"ssl.truststore.location={authority.ca}",
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:root;User:ANONYMOUS",
        **secured(authority, "root", "root"))


def secured(authority, user, password):
    return {"security.protocol": "SASL_SSL", "ssl.ca.location": str(authority.ca), "sasl.mechanism": "PLAIN",
            "sasl.username": user, "sasl.password": password}


def test_kafka_refuses(lab):
    """TLS, passwords, rights, topics, sizes: each with its message and its way out, and no sink holds up another."""
    source, ours, strangers = lab.server("mysql97"), Authority(f"{lab.folder}/tls", "ours"), Authority(f"{lab.folder}/tls", "strangers")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(10000), dest VARCHAR(300))")
    kafka = secured_kafka(lab, ours)
    right, rightless = secured(ours, "root", "root"), secured(ours, "binbus", "right")
    kafka.make_topic("open.t")
    kafka.make_topic("closed.t")
    kafka.make_topic("small.t", max_message_bytes=3000)
    binbus = lab.binbus(source, sinks=[
        sink("file"), kafka_sink(kafka, "open", properties=right),
        kafka_sink(kafka, "stranger", properties=secured(strangers, "root", "root")),
        kafka_sink(kafka, "password", properties=secured(ours, "root", "wrong")),
        kafka_sink(kafka, "closed", properties={**rightless, "create_topics": "false"}),
        kafka_sink(kafka, "missing", properties={**right, "create_topics": "false"}),
        kafka_sink(kafka, "small", properties={**right, "message_bytes_max": "5000"}),
        kafka_sink(kafka, "poison", topic="poison.{column:dest}", properties=right),
        kafka_sink(kafka, "once", delivery="transactional", properties=rightless)])
    source.sql("INSERT INTO d.t VALUES (1, 'a', 'good')", f"INSERT INTO d.t VALUES (2, '{'x' * 4000}', '{'long' * 70}'),"
               f"(3, '{'x' * 8000}', 'good'), (4, 'b', 'good')")
    wait_delivered(binbus, source, "file")
    wait_delivered(binbus, source, "open")
    wait_sink(binbus, "stranger", "retrying", "certificate verify failed", "ssl.ca.location")
    wait_sink(binbus, "password", "retrying", "sasl.password")
    wait_sink(binbus, "once", "retrying", "binbus-checkpoint-binbus-shop-once", "AUTHORIZATION_FAILED", "kafka-acls")

    # Whoever has no right at all fails at the producer's id or at the topic, whichever is asked for first.
    wait_until(lambda: "kafka-acls" in sink_status(binbus, "closed")["reason"] + str(dead_letters(binbus, "closed")),
               "closed is refused", 60, lambda: sink_status(binbus, "closed"))
    expected = {"missing": ({1, 2, 3, 4}, "topic missing.t does not exist; create it"),
                "small": ({2, 3}, "max.message.bytes"), "poison": ({2}, "249")}
    for name, (ids, words) in expected.items():
        wait_delivered(binbus, source, name)
        letters = dead_letters(binbus, name)
        assert {json.loads(letter["payload"])["data"]["id"] for letter in letters} == ids, (name, letters)
        for letter in letters:
            assert words in letter["cause"] and letter["id"], letter
            assert letter["topic"].startswith(name) and letter["key"] in map(str, ids)
        assert sink_status(binbus, name)["rejected"] >= len(ids)
    assert {m["data"]["id"] for _, m in read_ids(kafka, "small.t")} == {1, 4}
    assert {m["data"]["id"] for _, m in read_ids(kafka, "poison.good")} == {1, 3, 4}

    # The ways out.
    def replay(name):
        binbus.run("sink", "replay", name)
        wait_until(lambda: not dead_letters(binbus, name) and len(read_ids(kafka, f"{name}.t")) >= 4, f"{name} is replayed", 60,
                   lambda: f"{dead_letters(binbus, name)}\n{binbus.log()[-3000:]}")

    kafka.make_topic("missing.t")
    replay("missing")
    for name in ("stranger", "password", "once", "closed"):
        next(each for each in binbus.config["sink"] if each["name"] == name)["properties"] = right
    binbus.restart()
    if dead_letters(binbus, "closed"):
        replay("closed")
    for name in ("stranger", "password", "once", "closed", "missing"):
        wait_delivered(binbus, source, name)
        messages = read_ids(kafka, f"{name}.t")
        assert [m["data"]["id"] for _, m in messages] == [1, 2, 3, 4] or name == "closed", (name, messages)
        assert len({id for id, _ in messages}) == 4


def read_ids(kafka, topic):
    return [(dict(message.headers())["id"].decode(), json.loads(message.value())) for message in kafka.read(topic)]


def test_rabbitmq_refuses(lab):
    """Rights, passwords, vhosts, routes, sizes: each with its message and its way out."""
    source, rabbitmq = lab.server("mysql97"), lab.rabbitmq("max_message_size = 3000")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(10000))",
               "CREATE TABLE d.lost (id INT PRIMARY KEY, v VARCHAR(100))")
    rabbitmq.ctl("add_user", "binbus", "right")
    rabbitmq.ctl("set_permissions", "binbus", "^none$", "^none$", "^none$")
    channel = rabbitmq.connect().channel()
    channel.queue_declare("own", durable=True)
    channel.exchange_declare("own", "topic", durable=True)
    channel.queue_bind("own", "own", "d.t")
    own = {"queues": "none", "declare": "false"}
    binbus = lab.binbus(source, sinks=[
        sink("file"), rabbitmq_sink(rabbitmq.url("binbus", "right"), "denied"), rabbitmq_sink(rabbitmq.url("guest", "wrong"), "password"),
        rabbitmq_sink(rabbitmq.url().replace("%2F", "elsewhere"), "vhost"), rabbitmq_sink(rabbitmq.url(), "own", properties=own),
        rabbitmq_sink(f"amqp://guest:guest@127.0.0.1:{free_port()}/%2F", "nobody")])
    wait_delivered(binbus, source, "own")
    source.sql("INSERT INTO d.t VALUES (1, 'a')", f"INSERT INTO d.t VALUES (2, '{'x' * 5000}'), (3, 'b')",
               "INSERT INTO d.lost VALUES (4, 'c')", "INSERT INTO d.t VALUES (5, 'd')")
    wait_delivered(binbus, source, "file")
    wait_delivered(binbus, source, "own")
    wait_sink(binbus, "denied", "retrying", "ACCESS_REFUSED", "set_permissions")
    wait_sink(binbus, "password", "retrying", "user and password")
    wait_sink(binbus, "vhost", "stopped", "vhost")
    wait_sink(binbus, "nobody", "retrying", "connecting")
    letters = {json.loads(letter["payload"])["data"]["id"]: letter for letter in dead_letters(binbus, "own")}
    assert set(letters) == {2, 4}
    assert_says(letters[2]["cause"], "over the limit of 3000", "max_message_size")
    assert_says(letters[4]["cause"], "NO_ROUTE", "bind a queue")
    assert letters[4]["routing_key"] == "d.lost" and letters[4]["id"] and letters[4]["after"]
    assert list(dict.fromkeys(m["data"]["id"] for _, m in from_rabbitmq(rabbitmq, "own"))) == [1, 3, 5]

    # The ways out.
    channel.queue_bind("own", "own", "d.lost")
    rabbitmq.ctl("set_permissions", "binbus", ".*", ".*", ".*")
    rabbitmq.ctl("add_vhost", "elsewhere")
    rabbitmq.ctl("set_permissions", "-p", "elsewhere", "guest", ".*", ".*", ".*")
    binbus.run("sink", "resume", "vhost")
    binbus.run("sink", "replay", "own")
    for name in ("denied", "vhost"):
        wait_delivered(binbus, source, name)
    wait_until(lambda: 4 in [m["data"]["id"] for _, m in from_rabbitmq(rabbitmq, "own")], "it is replayed", 60)
    # What is still refused is kept.
    wait_until(lambda: {json.loads(letter["payload"])["data"]["id"] for letter in dead_letters(binbus, "own")} == {2}, "kept", 60)


def test_full_disks(lab):
    """Under a file, and under dead letters and checkpoints: it waits with a reason, and nothing is missing once there is room."""
    source, kafka = lab.server("mysql97"), lab.kafka()
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(2000))")
    binbus = Binbus(lab.new_folder("binbus"), source)
    refused = kafka_sink(kafka, "refused", properties={"message_bytes_max": "1000"})
    binbus.config["sink"] = [sink("other"), sink("file", path="out/file.jsonl"), refused]
    with SmallDisk(binbus.folder / "out", 1) as out, SmallDisk(binbus.folder / "data/shop/sinks", 1) as sinks:
        lab.keep(binbus)
        binbus.start()
        source.sql("INSERT INTO d.t VALUES (0, REPEAT('x', 1000))")
        wait_delivered(binbus, source, "file")
        numbers = range(1, 2001)
        for start in numbers[::500]:
            source.sql("INSERT INTO d.t VALUES " + ",".join(f"({number}, REPEAT('x', 1000))" for number in range(start, start + 500)))
        for name in ("file", "refused"):
            wait_sink(binbus, name, "retrying", "No space left on device")
        out.grow(64)
        sinks.grow(64)
        for name in ("other", "file", "refused"):
            wait_delivered(binbus, source, name)
        text = (binbus.folder / "out/file.jsonl").read_text()
        assert [json.loads(line)["data"]["id"] for line in text.splitlines()] == list(range(2001))
        ids = [json.loads(letter["payload"])["data"]["id"] for letter in dead_letters(binbus, "refused")]
        assert set(ids) == set(range(2001))
        lab.close()


def test_poison_row(lab):
    """A change that a format cannot say is a dead letter with its cause and place, and its neighbours are delivered."""
    source = lab.server("mysql97", "--binlog-row-value-options=PARTIAL_JSON", "--binlog-row-image=MINIMAL")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, j JSON)",
               """INSERT INTO d.t VALUES (1, '{"a": "0123456789", "b": 1}'), (2, '{}')""")
    binbus = lab.binbus(source, sinks=[sink("file")])
    wait_delivered(binbus, source, "file")
    source.sql("UPDATE d.t SET j = JSON_SET(j, '$.a', 'x') WHERE id = 1", "INSERT INTO d.t VALUES (3, '{}')")
    wait_delivered(binbus, source, "file")
    assert [(m["type"], m["data"]["id"]) for m in lines_of(binbus, "file")] == [("insert", 1), ("insert", 2), ("insert", 3)]
    letter, = dead_letters(binbus, "file")
    assert_says(letter["cause"], "`d`.`t`", "an update of a JSON document only", "binlog_row_value_options")
    assert letter["position"].startswith("binlog.") and letter["after"] and letter["id"] and "payload" not in letter
    assert sink_status(binbus, "file")["rejected"] == 1
    # The way out: a format that can say it, from before it on.
    binbus.config["sink"] = [sink("file", format="binbus", path="again.jsonl")]
    binbus.restart()
    binbus.run("sink", "seek", "file", "--to", letter["after"])
    wait_delivered(binbus, source, "file")
    wait_until(lambda: (binbus.folder / "again.jsonl").exists() and len(lines_of(binbus, "again")) == 2, "both are delivered", 60, lambda: binbus.log()[-3000:])
    assert [m["id"] for m in lines_of(binbus, "again")][0] == letter["id"]


def pkcs8(key):
    """The key as Kafka wants it."""
    from cryptography.hazmat.primitives import serialization
    return serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
