"""Writes that belong to the server's life, not to a request's.

A client may cancel, time out or vanish at any moment; a request that has already left for the
vendor must still be waited for and written down. So every act runs as a task of its own under the
server's lifespan, and the tool merely waits for it (docs/hazards.md#ground-rules).
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio

from vast_mcp.errors import VastMcpError

_T = TypeVar("_T")
DRAIN_S = 10.0


class Errands:
    """The tasks under way. Asyncio's own tasks, since they must outlive the scope that asks."""

    def __init__(self, *, drain_s: float = DRAIN_S) -> None:
        self._drain_s = drain_s
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def run(self, errand: Coroutine[Any, Any, _T]) -> _T:
        """Start it and wait; when the waiter is cancelled, the errand goes on."""
        if self._closed:
            errand.close()
            raise VastMcpError("The server is shutting down; nothing was sent.")
        task = asyncio.get_running_loop().create_task(errand)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen here, so that an abandoned failure is not reported as lost

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """For the server's lifespan: on the way out, sent writes get ten seconds to finish.

        After that they are cancelled, and each records its own outcome as unknown.
        """
        try:
            yield
        finally:
            self._closed = True
            # A signal arrives as a cancelled scope, in which every unshielded wait ends at once.
            with anyio.CancelScope(shield=True):
                if self._tasks:
                    await asyncio.wait(self._tasks, timeout=self._drain_s)
                for task in list(self._tasks):
                    task.cancel()
                if self._tasks:
                    await asyncio.wait(self._tasks, timeout=self._drain_s)
