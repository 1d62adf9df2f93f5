"""Work on local files in a thread, whose end is awaited even by a cancelled caller."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


async def in_thread(work: Callable[[], _T]) -> _T:
    """The result of blocking work."""
    return await finished(begin(work))


def begin(work: Callable[[], _T]) -> asyncio.Future[_T]:
    """Start blocking work; whoever starts it awaits `finished` before closing what it uses."""
    return asyncio.get_running_loop().run_in_executor(None, work)


async def finished(running: asyncio.Future[_T]) -> _T:
    """The result of begun work.

    A cancelled caller leaves only when the thread is done: it holds file handles that are closed
    next, and a closed handle's number may by then belong to another file.
    """
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait({running})
            except asyncio.CancelledError:  # asked again while waiting; the answer stays the same
                continue
        if not running.cancelled():
            running.exception()
        raise
