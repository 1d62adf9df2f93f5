"""What is told of a call that takes long, while it takes long: every two seconds, in a sentence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from vast_mcp.clock import Clock

EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Stand:
    """How far it is. `total` None: no end can be foreseen. Both are of one unit, for a bar."""

    done: float
    total: float | None
    said: str


Tell = Callable[[Stand], Awaitable[None]]
"""Hands it to whoever called; never fails, and does nothing where nobody listens."""


async def nobody(_: Stand) -> None:
    """Nobody listens."""


async def sleep_telling(
    clock: Clock,
    seconds: float,
    stand: Callable[[], Stand],
    tell: Tell,
    *,
    every_s: float = EVERY_S,
) -> None:
    """Sleep, and tell how far it is at the beginning and every so many seconds."""
    until_s = clock.monotonic_s() + seconds
    while True:
        await tell(stand())
        left_s = until_s - clock.monotonic_s()
        await clock.sleep(max(0.0, min(every_s, left_s)))
        if left_s <= every_s:
            return


@asynccontextmanager
async def telling(clock: Clock, stand: Callable[[], Stand], tell: Tell) -> AsyncIterator[None]:
    """Tell every two real seconds for as long as the block works: it may wait for a far machine."""

    async def beat() -> None:
        while True:
            await clock.real_sleep(EVERY_S)
            await tell(stand())

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


async def wait_telling(
    clock: Clock,
    task: "asyncio.Task[object]",
    seconds: float,
    stand: Callable[[], Stand],
    tell: Tell,
) -> None:
    """Wait until the task is done, or so long; tell as `sleep_telling` does. The task goes on."""
    pause = asyncio.create_task(sleep_telling(clock, seconds, stand, tell))
    try:
        await asyncio.wait({task, pause}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pause.cancel()
