"""Real Kafka and RabbitMQ, what their consumers see, and `target_send`, which delivers to them as a sink does."""

import contextlib
import os
import pathlib
import queue
import signal
import subprocess
import threading

import confluent_kafka
import confluent_kafka.admin
import pika

from binbus import PROGRAM
from process import LIBC, PR_SET_PDEATHSIG, Process, free_port, wait_until
from servers import REPOSITORY, installed


class Kafka(Process):
    """One broker. `lines` are more of its server.properties, `client` more of its clients' properties."""

    def __init__(self, folder, lines=(), client=None):
        super().__init__(folder)
        self.port = free_port(in_a_row=2)
        self.lines = [line.format(port=self.port, next=self.port + 1) for line in lines]
        self.client = {"bootstrap.servers": self.address, "log_level": 0, **(client or {})}

    def __str__(self):
        return f"kafka on {self.port} in {self.folder}"

    def command(self):
        return [installed("kafka") / "bin/start", self.port, "data", *self.lines]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def admin(self):
        return confluent_kafka.admin.AdminClient(self.client)

    def wait(self):
        """Waits until it answers."""
        self.wait_listening(self.port, 180)
        admin = self.admin()

        def answers():
            assert self.running(), f"{self} does not run:\n{self.log()[-4000:]}"
            try:
                return admin.list_topics(timeout=2).brokers
            except confluent_kafka.KafkaException:
                return None

        wait_until(answers, f"{self} answers", why=lambda: self.log()[-4000:])
        return self

    def make_topic(self, name, partitions=1, **config):
        topic = confluent_kafka.admin.NewTopic(name, partitions, 1, config={k.replace("_", "."): v for k, v in config.items()})
        admin = self.admin()  # which must outlive the answer
        admin.create_topics([topic])[name].result(30)
        wait_until(lambda: name in admin.list_topics(timeout=5).topics, f"{self} has topic {name}")

    def read(self, topic, committed=True):
        """Every message of the topic up to now, partition after partition."""
        consumer = confluent_kafka.Consumer({
            **self.client, "group.id": "test", "enable.auto.commit": False, "enable.partition.eof": True,
            "isolation.level": "read_committed" if committed else "read_uncommitted"})
        try:
            partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
            consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in partitions])
            messages, ended = [], set()
            while len(ended) < len(partitions):
                message = consumer.poll(30)
                assert message is not None, f"{self} sends nothing of {topic}"
                if not message.error():
                    messages.append(message)
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
            return sorted(messages, key=lambda message: (message.partition(), message.offset()))
        finally:
            consumer.close()


class RabbitMQ(Process):
    """One RabbitMQ. `lines` are more of its rabbitmq.conf."""

    def __init__(self, folder, lines=()):
        super().__init__(folder)
        self.port = free_port(in_a_row=3)
        self.lines = list(lines)

    def __str__(self):
        return f"rabbitmq on {self.port} in {self.folder}"

    def command(self):
        return [installed("rabbitmq") / "bin/start", self.port, "data", *self.lines]

    def url(self, user="guest", password="guest"):
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}/%2F"

    def ctl(self, *words):
        subprocess.run([installed("rabbitmq") / "bin/ctl", str(self.port), "data", *words], cwd=self.folder, check=True,
                       capture_output=True, timeout=180)

    def kill9(self):
        self.signal(signal.SIGKILL)
        super().kill9()

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def signal(self, number):
        """To the server's processes, which are the child's children."""
        if self.running():
            for pid in descendants(self.child.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def connect(self):
        """A connection of pika's; waits until the server answers."""
        self.wait_listening(self.port, 180)

        def attempt():
            assert self.running(), f"{self} does not run:\n{self.log()[-4000:]}"
            try:
                return pika.BlockingConnection(pika.URLParameters(self.url()))
            except (pika.exceptions.AMQPError, OSError):
                return None

        return wait_until(attempt, f"{self} answers", why=lambda: self.log()[-4000:])

    def wait(self):
        self.connect().close()
        return self

    def read(self, queue):
        """Every message that is in the queue now, as (properties, body); they stay there."""
        connection = self.connect()
        channel = connection.channel()
        count = channel.queue_declare(queue, passive=True).method.message_count
        messages = [message[1:] for _, message in zip(range(count), channel.consume(queue))]
        connection.close()
        return messages


class Example(Process):
    """One of examples/, with what it prints in its log."""

    def __init__(self, folder, name, *arguments):
        super().__init__(folder)
        self.words = [REPOSITORY / "examples" / name, *arguments]

    def command(self):
        return ["/usr/bin/python3", *self.words]

    def wait_lines(self, count):
        wait_until(lambda: self.log().count("\n") >= count, f"{count} lines of {self.words[0]}", why=lambda: self.log()[-1000:])
        return self.log().splitlines()


class Sender:
    """target_send under our hand. `lines` are what it has said so far."""

    def __init__(self, kind, *options):
        self.lines = []
        self.uncommitted = False
        self.child = subprocess.Popen(
            [pathlib.Path(PROGRAM).parent / "src/sink/rabbitmq/target_send", kind, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1 << 16,
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        self.to_write = queue.SimpleQueue()  # so that nobody waits here for a broker that is down
        self.writer = threading.Thread(target=self._write, daemon=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.writer.start()
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill9()

    def _write(self):
        with contextlib.suppress(OSError):
            while (line := self.to_write.get()) is not None:
                self.child.stdin.write(line)
                if self.to_write.empty():
                    self.child.stdin.flush()
            self.child.stdin.close()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n").split("\t"))

    def send(self, topic, key, payload, id="", routing_key=""):
        """payload None is a tombstone."""
        self.uncommitted = True
        self.to_write.put("\t".join([topic, key, "\\N" if payload is None else payload, id, routing_key]) + "\n")

    def commit(self, checkpoint):
        self.uncommitted = False
        self.to_write.put(f"commit\t{checkpoint}\n")

    def said(self, kind):
        return [line[1:] for line in list(self.lines) if line[0] == kind]

    def checkpoint(self):
        """What the target kept when it connected first."""
        return self.wait_said("checkpoint")[0][0]

    def committed(self, checkpoint, seconds=180):
        """Commits and waits for it."""
        self.commit(checkpoint)
        self.wait_said("committed", lambda lines: [str(checkpoint)] in lines, seconds)

    def wait_said(self, kind, enough=bool, seconds=180):
        def there():
            ended = self.child.poll() is not None and not self.reader.is_alive()  # before the look at what it said
            lines = self.said(kind)
            if enough(lines):
                return lines
            assert not ended, f"target_send ended: {self.lines[-5:]}"
            return None

        return wait_until(there, f"target_send says {kind}", seconds, lambda: str(self.lines[-5:]))

    def rejected(self):
        """{id: (topic, key, bytes, error)}, the last of each."""
        return {line[0]: tuple(line[1:]) for line in self.said("rejected")}

    def finish(self, seconds=120):
        """Lets it send and commit what it has; returns its exit status."""
        if self.uncommitted:
            self.commit("end")
        self.to_write.put(None)
        self.reader.join(seconds)
        return self.child.wait(seconds)

    def kill9(self):
        self.child.kill()
        self.child.wait()
        self.to_write.put(None)
        self.reader.join()


def descendants(pid):
    """The processes below this one."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [below for child in children for below in [int(child), *descendants(child)]]
