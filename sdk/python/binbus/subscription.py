"""Changes one after the other, through any break of the connection."""

import atexit
import collections
import random
import threading
import time
import traceback
import weakref

import grpc

from .errors import PASSING, Error, error_of
from .feed.v1 import feed_pb2 as pb
from .transaction import Transaction

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 3.0
NODES_S = 2
LEAVE_S = 2
FLUSH_S = 10

# A call that is destroyed only when the interpreter ends waits for gRPC's threads, which are dead by then.
open_subscriptions = weakref.WeakSet()


@atexit.register
def let_go_of_calls():
    for subscription in list(open_subscriptions):
        subscription._closed = True
        subscription._disconnect()


def let_go_of_call(error):
    """Empties the frames of its traceback: gRPC's call would live on in them, and may be the error itself."""
    traceback.clear_frames(error.__traceback__)


class Requests:
    """What is still to be sent in a call, as gRPC takes it: an iterator. Of commits, the newest."""

    def __init__(self, first):
        self._first, self._commit, self._leaves, self._closed = first, None, False, False
        self._changed = threading.Condition()

    def __iter__(self):
        return self

    def __next__(self):
        with self._changed:
            while True:
                if self._first:
                    first, self._first = self._first, None
                    return first
                if self._commit:
                    position, self._commit = self._commit, None
                    return pb.SubscribeRequest(commit=pb.Commit(position=position))
                if self._leaves:
                    self._leaves, self._closed = False, True
                    return pb.SubscribeRequest(leave=pb.Leave())
                if self._closed:
                    raise StopIteration
                self._changed.wait()

    def commit(self, position):
        with self._changed:
            self._commit = position
            self._changed.notify()

    def leave(self):
        with self._changed:
            self._leaves = True
            self._changed.notify()

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify()


class Commits:
    """Which position is to be the cursor's, and which is."""

    def __init__(self, automatic, interval_s):
        self.automatic, self.interval_s = automatic, interval_s
        self.wanted = self.done = None
        self.given = None  # up to where all was given out
        self.last = None  # the last change's that was, or where the cursor went on behind it
        self._sent_at = 0.0

    def due(self):
        """What was given out is done when the next is asked for with auto-commit, else when the last of it was committed; the position,
        when it is to be sent now."""
        if not self.automatic and self.last != self.wanted:
            return None
        if self.given is None or self.given == self.wanted or time.monotonic() < self._sent_at + self.interval_s:
            return None
        self._sent_at = time.monotonic()
        self.wanted = self.last = self.given
        return self.wanted


class Nodes:
    """Where to try next, and after which time."""

    def __init__(self, client):
        self._client, self._next, self._failed = client, 0, 0
        self.address = None

    def next(self):
        """(address, seconds to wait before). All are tried before there is a wait."""
        addresses = self._client.addresses()
        rounds = self._failed // len(addresses)
        wait = 0 if rounds == 0 else min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(rounds, 10)) * random.uniform(0.5, 1)
        self.address = addresses[self._next % len(addresses)]
        return self.address, wait

    def failed(self):
        self._next += 1
        self._failed += 1

    def answered(self):
        self._failed = 0


class Shared:
    """What Subscription and AsyncSubscription do alike."""

    def __init__(self, client, follower, commits, nodes, on_state):
        self._client, self._follower, self._commits, self._nodes = client, follower, commits, nodes
        self._on_state = on_state
        self._pending = collections.deque()
        self._last = None  # the change that was given out last
        self._came = None  # so many changes since the last "begin" were given out; None: it was not
        self._group = None  # of a transaction that is given out as a whole, what came so far
        self._channel = self._call = self._requests = None

    def commit(self, position):
        if not self._follower.cursor:
            raise Error("INVALID_ARGUMENT", "commit: the subscription has no cursor")
        self._commits.wanted = position
        if self._requests:
            self._requests.commit(position)

    def _commit_due(self):
        if self._group is not None or not self._follower.cursor:
            return
        position = self._commits.due()
        if position and self._requests:
            self._requests.commit(position)

    def _commit_given(self):
        if self._commits.automatic and self._commits.given:
            self.commit(self._commits.given)

    def _given(self, change):
        self._last = change
        self._commits.given = self._commits.last = change.position

    def _pop(self):
        self._count(self._pending[0])
        change = self._pending.popleft()
        change._subscription = self
        return change

    def _count(self, change):
        """Raises at the commit of a transaction of which some did not come, each time: nothing behind it is given out."""
        if change.op in ("begin", "reset"):
            self._came = 0 if change.op == "begin" else None
        elif change.op != "commit":
            self._came = None if self._came is None else self._came + 1
        elif change.count and self._came not in (None, change.count):
            raise Error("DATA_LOSS", f"of the transaction at {change.transaction} {change.count} changes were to come, and {self._came} did")

    def _give(self):
        """The next change; None: nothing is there."""
        if not self._pending:
            return None
        change = self._pop()
        self._given(change)
        return change

    def _give_transaction(self):
        """The next one; None: it is not there as a whole."""
        if not self._follower.transactions:
            raise Error("INVALID_ARGUMENT", "transactions: subscribe with transactions=True")
        while self._pending:
            change = self._pop()
            if change.op == "begin":
                # Of a shared cursor, when keys came from another worker before its end: the rest comes later.
                piece, self._group = self._group, []
                if piece:
                    self._given(piece[-1])
                    return Transaction(piece, piece[-1])
            elif self._group is not None and change.op not in ("commit", "reset"):
                self._group.append(change)
            else:
                group, self._group = self._group or [], None
                self._given(change)
                return Transaction(group if change.op == "commit" else [change], change)
        return None

    def _let_go(self):
        """Ends the call; the channel, which is to be closed."""
        call, channel, requests = self._call, self._channel, self._requests
        self._call = self._channel = self._requests = None
        if requests:
            requests.close()
        if call:
            call.cancel()
        if self._follower.shared:  # its keys may be another worker's before it comes back
            self._forget()
            self._follower.go_back(self._commits.given, self._last)
        return channel

    def _forget(self):
        """What came and was not given out."""
        self._pending.clear()
        self._came = self._group = None

    def _broken(self, code, text):
        """Raises what another try does not mend."""
        if code not in PASSING:
            raise error_of(code, text) from None
        self._on_state("broken", f"{self._nodes.address}: {text or 'it ended'}")
        self._nodes.failed()

    def _take(self, response):
        kind = response.WhichOneof("message")
        if kind == "subscribed":
            self._nodes.answered()
            self._on_state("connected", response.subscribed.node)
        elif kind == "waiting":
            self._nodes.answered()
            self._on_state("waiting", response.waiting.reason)
        elif kind == "committed":
            self._commits.done = response.committed.position
        changes = self._follower.take(response)
        if changes is None:
            self._forget()
        else:
            self._pending.extend(changes)
        if kind in ("heartbeat", "snapshot_end") and not self._pending and self._group is None:
            # All that came was given out.
            self._commits.given = self._follower.taken
            self._commit_due()


class Subscription(Shared):
    """Iterate over it, by `for` or `async for`. Used by one thread at a time; close() from any."""

    def __init__(self, client, follower, auto_commit, commit_interval, on_state):
        super().__init__(client, follower, Commits(auto_commit, commit_interval), Nodes(client),
                         on_state or (lambda state, text: None))
        self._closed = False
        open_subscriptions.add(self)

    @property
    def position(self):
        """Of the last change that was given out."""
        return self._commits.given

    def __iter__(self):
        return self

    def __aiter__(self):
        from .aio import AsyncSubscription
        return AsyncSubscription(self._client, self._follower, self._commits, self._nodes, self._on_state)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __next__(self):
        change = self.next()
        if change is None:
            raise StopIteration
        return change

    def next(self, timeout=None):
        """The next change; None when it is closed, or none came in so many seconds, or a little more."""
        return self._wait_for(self._give, timeout)

    def next_transaction(self, timeout=None):
        """The next Transaction, held in memory as a whole; None as with next(). Needs transactions=True."""
        return self._wait_for(self._give_transaction, timeout)

    def transactions(self):
        """One after the other: see next_transaction()."""
        while (transaction := self.next_transaction()) is not None:
            yield transaction

    def _wait_for(self, give, timeout):
        until = None if timeout is None else time.monotonic() + timeout
        self._commit_due()
        while (given := give()) is None:
            if self._closed:
                self._disconnect()  # what was connected while another thread closed it
                return None
            if until is not None and time.monotonic() >= until:
                return None
            self._read()
        return given

    def flush(self, timeout=FLUSH_S):
        """Waits until what was committed is durable at the server; with auto-commit, all that was given out is. False: it is not."""
        self._commit_given()
        until = time.monotonic() + timeout
        while self._commits.wanted != self._commits.done:
            if self._closed or time.monotonic() >= until:
                return False
            self._read()
        return True

    def close(self):
        """After what was committed is durable, when that is soon."""
        if not self._closed:
            self.flush()
            self._leave()
        self._closed = True
        self._disconnect()

    def _leave(self):
        """Its keys are others' at once, and not only when it was not heard of for some time."""
        if not self._follower.shared or not self._call:
            return
        late = threading.Timer(LEAVE_S, self._call.cancel)
        late.start()
        try:
            self._requests.leave()
            for _ in self._call:
                pass
        except grpc.RpcError as error:
            let_go_of_call(error)
        finally:
            late.cancel()

    def __del__(self):
        self._disconnect()

    def _disconnect(self):
        channel = self._let_go()
        if channel:
            channel.close()

    def _connect(self):
        address, wait = self._nodes.next()
        time.sleep(wait)
        self._channel = self._client.channel(address)
        nodes = self._client.method(self._channel, "Nodes", pb.NodesResponse)
        self._client.learn(nodes(pb.NodesRequest(), timeout=NODES_S, metadata=self._client.metadata()).nodes)
        self._requests = Requests(self._follower.start())
        self._call = self._client.subscribe_method(self._channel)(self._requests, metadata=self._client.metadata())
        if self._commits.wanted != self._commits.done:
            self._requests.commit(self._commits.wanted)

    def _read(self):
        """Takes one message, or connects anew."""
        try:
            if not self._call:
                self._connect()
            response = next(self._call)
        except StopIteration:
            code, text = grpc.StatusCode.OK, ""
        except grpc.RpcError as error:
            code, text = error.code(), error.details()
            let_go_of_call(error)
        except BaseException as error:  # as Ctrl-C: a call that was left while it is read cannot be read any more
            self._disconnect()
            let_go_of_call(error)
            raise
        else:
            self._take(response)
            return
        self._disconnect()
        if self._closed:
            return
        if code not in PASSING:
            self._closed = True  # and never False: another thread may close it meanwhile
        self._broken(code, text)
