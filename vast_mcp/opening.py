"""When the account behind a server is opened: after the first listing, or when it is needed.

A client waits for the first `tools/list` at every start, and the answer is a file
(`tools/listing.py`). The account, on the other hand, needs most of our modules. So it is opened
when that answer has left, or as soon as anything asks for it, and soon after the start in any case,
because leases must be watched although nobody calls. Nothing reaches the vendor before: whatever
wants the account waits for it here, and what changes anything then waits for the guard's first
look, as ever.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, TypeVar

import anyio

from vast_mcp.clock import Clock

AFTER_LISTING_S = 0.05
"""Real seconds in which the listing's answer leaves before imports compete with it."""
AT_LATEST_S = 1.0
"""Real seconds after the start, whether a client has listed anything or not."""
_Account = TypeVar("_Account")


class Opening(Generic[_Account]):
    """One account that is opened once, behind a server that answers already."""

    def __init__(
        self,
        account: Callable[[], AbstractAsyncContextManager[_Account]],
        after_listing: Clock | None = None,
    ) -> None:
        """Without a clock for the wait it is open before anything is answered."""
        self._open = account
        self._clock = after_listing
        self._listed, self._wanted = anyio.Event(), anyio.Event()
        self._opened, self._leaving = anyio.Event(), anyio.Event()
        self._account: _Account | None = None

    async def account(self) -> _Account:
        """The account; opened now if it is not yet."""
        self._wanted.set()
        await self._opened.wait()
        return self.opened()

    def opened(self) -> _Account:
        """The account, for whoever runs after somebody awaited it."""
        if self._account is None:
            raise RuntimeError("the account is not open yet")
        return self._account

    def listed(self) -> None:
        """The first listing is on its way out."""
        self._listed.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open it when the time has come; closed on the way out, if it was opened."""
        if self._clock is None:
            async with self._open() as self._account:
                self._opened.set()
                yield
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._hold, self._clock)
            try:
                yield
            finally:
                self._leaving.set()
                if not self._opened.is_set():  # a client that leaves early waits for nothing
                    tasks.cancel_scope.cancel()

    async def _hold(self, clock: Clock) -> None:
        async with anyio.create_task_group() as waits:
            waits.start_soon(self._want_after_listing, clock)
            waits.start_soon(self._want_after, clock, AT_LATEST_S)
            await self._wanted.wait()
            waits.cancel_scope.cancel()
        async with self._open() as self._account:
            self._opened.set()
            await self._leaving.wait()

    async def _want_after_listing(self, clock: Clock) -> None:
        await self._listed.wait()
        await self._want_after(clock, AFTER_LISTING_S)

    async def _want_after(self, clock: Clock, seconds: float) -> None:
        await clock.real_sleep(seconds)
        self._wanted.set()
