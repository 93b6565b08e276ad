"""The same for asyncio."""

import asyncio

import grpc
import grpc.aio

from .feed.v1 import feed_pb2 as pb
from .subscription import FLUSH_S, LEAVE_S, NODES_S, Shared


class Requests:
    """Sends commits, the newest of those that wait."""

    def __init__(self, call):
        self._call, self._commit, self._wake = call, None, asyncio.Event()
        self._task = asyncio.ensure_future(self._send())

    def commit(self, position):
        self._commit = position
        self._wake.set()

    async def leave(self):
        self._task.cancel()
        await self._call.write(pb.SubscribeRequest(leave=pb.Leave()))

    def close(self):
        self._task.cancel()

    async def _send(self):
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._call.write(pb.SubscribeRequest(commit=pb.Commit(position=self._commit)))
            except (grpc.RpcError, asyncio.InvalidStateError):
                return  # who reads notices


class AsyncSubscription(Shared):
    """What `async for` iterates over."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self._wait_for(self._give)

    async def transactions(self):
        """One Transaction after the other, each held in memory as a whole. Needs transactions=True."""
        while True:
            yield await self._wait_for(self._give_transaction)

    async def _wait_for(self, give):
        self._commit_due()
        while (given := give()) is None:
            await self._read()
        return given

    async def flush(self):
        """Returns when what was committed is durable at the server."""
        self._commit_given()
        while self._commits.wanted != self._commits.done:
            await self._read()

    async def aclose(self):
        """After what was committed is durable, when that is soon."""
        try:
            await asyncio.wait_for(self.flush(), FLUSH_S)
            await asyncio.wait_for(self._leave(), LEAVE_S)
        except (asyncio.TimeoutError, grpc.RpcError):
            pass
        await self._disconnect()

    async def _leave(self):
        if not self._follower.shared or not self._call:
            return
        await self._requests.leave()
        while await self._call.read() is not grpc.aio.EOF:
            pass

    async def _disconnect(self):
        channel = self._let_go()
        if channel:
            await channel.close()

    async def _connect(self):
        address, wait = self._nodes.next()
        await asyncio.sleep(wait)
        self._channel = self._client.channel(address, grpc.aio)
        nodes = self._client.method(self._channel, "Nodes", pb.NodesResponse)
        self._client.learn((await nodes(pb.NodesRequest(), timeout=NODES_S, metadata=self._client.metadata())).nodes)
        self._call = self._client.subscribe_method(self._channel)(metadata=self._client.metadata())
        await self._call.write(self._follower.start())
        self._requests = Requests(self._call)
        if self._commits.wanted != self._commits.done:
            self._requests.commit(self._commits.wanted)

    async def _read(self):
        try:
            if not self._call:
                await self._connect()
            response = await self._call.read()
        except grpc.RpcError as error:
            await self._end(error.code(), error.details())
            return
        except asyncio.CancelledError:  # which cancels the call
            self._let_go()
            raise
        if response is grpc.aio.EOF:
            await self._end(await self._call.code(), await self._call.details())
            return
        self._take(response)

    async def _end(self, code, text):
        await self._disconnect()
        self._broken(code, text)
