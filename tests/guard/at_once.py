"""Two server processes on one ledger, of which one has a request that is kept on its way."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2

from tests.world import World
from vast_mcp.guard.door import Guard
from vast_mcp.runtime import Runtime
from vast_mcp.store import Rental

_T = TypeVar("_T")


class Held(httpx2.AsyncBaseTransport):
    """Keeps the first request of this kind on its way, or its answer on the way back."""

    def __init__(
        self, world: World, method: str, path: str, *, body: str = "", answer: bool = False
    ) -> None:
        self._inner = world.transport
        self._method, self._path, self._body = method, path, body.encode()
        self._answer = answer
        self.sent, self.may_arrive = asyncio.Event(), asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hold it back once; everything else passes."""
        if not await self._meant(request):
            return await self._inner.handle_async_request(request)
        if not self._answer:
            self.sent.set()
            await self.may_arrive.wait()
            return await self._inner.handle_async_request(request)
        answer = await self._inner.handle_async_request(request)
        self.sent.set()
        await self.may_arrive.wait()
        return answer

    async def _meant(self, request: httpx2.Request) -> bool:
        same = request.method == self._method and self._path in request.url.path
        return same and not self.sent.is_set() and self._body in await request.aread()

    async def meanwhile(self, slow: Coroutine[Any, Any, _T], quick: Coroutine[Any, Any, Any]) -> _T:
        """What comes of the slow one when the quick one is done while its request is held."""
        waiting = asyncio.create_task(slow)
        held = asyncio.create_task(self.sent.wait())
        await asyncio.wait({waiting, held}, return_when=asyncio.FIRST_COMPLETED)
        assert self.sent.is_set(), "nothing was held back"
        try:
            await quick
        finally:
            self.may_arrive.set()
        return await waiting


@asynccontextmanager
async def processes(world: World, held: Held) -> AsyncIterator[tuple[Guard, Guard]]:
    """The guard whose request is held, and another's on the same ledger."""
    own = world.transport
    async with world.runtime() as quick:
        world.transport = held
        async with world.runtime() as slow:
            world.transport = own
            yield slow.session.guard, quick.session.guard


async def booked(world: World, instance_id: int) -> Rental:
    """What the books hold of this machine."""
    async with world.runtime() as runtime:
        return await rental_of(runtime, instance_id)


async def rental_of(runtime: Runtime, instance_id: int) -> Rental:
    """The same, in a runtime that is open."""
    found = await runtime.session.account.ledger.read(
        lambda tx: tx.rental_of("instance", instance_id)
    )
    assert found is not None
    return found
