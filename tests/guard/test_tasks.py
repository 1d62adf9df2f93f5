"""A request that has left is waited for, whoever goes away; at the end nothing is left."""

import asyncio
import gc
from contextlib import suppress

import anyio
import pytest

from vast_mcp.errors import VastMcpError
from vast_mcp.guard.tasks import DRAIN_S, Errands


async def _fails_later(go: asyncio.Event) -> None:
    await go.wait()
    raise VastMcpError("refused")


async def _waits(log: list[str], go: asyncio.Event) -> None:
    try:
        await go.wait()
    except asyncio.CancelledError:
        log.append("written down as unknown")
        raise
    log.append("done")


def complaints() -> list[str]:
    """What the event loop reports as lost from now on."""
    heard: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: heard.append(str(context["message"])))
    return heard


async def test_an_errand_goes_on_when_its_caller_goes_away() -> None:
    """A client that cancels does not undo what has been sent."""
    errands, log, go = Errands(), list[str](), asyncio.Event()
    async with errands.open():
        waiter = asyncio.create_task(errands.run(_waits(log, go)))
        await asyncio.sleep(0)  # noqa: TID251  lets it begin
        waiter.cancel()
        with suppress(asyncio.CancelledError):
            await waiter
        go.set()
    assert log == ["done"]


async def test_an_errand_that_fails_with_nobody_waiting_is_not_reported_as_lost() -> None:
    """Its outcome stands in the books; a traceback in the log would only frighten."""
    heard, errands, go = complaints(), Errands(), asyncio.Event()
    async with errands.open():
        waiter = asyncio.create_task(errands.run(_fails_later(go)))
        await asyncio.sleep(0)  # noqa: TID251  lets it begin
        waiter.cancel()
        with suppress(asyncio.CancelledError):
            await waiter
        go.set()
    del waiter
    gc.collect()
    await asyncio.sleep(0)  # noqa: TID251  lets the loop speak
    assert heard == []


async def test_at_the_end_errands_get_ten_seconds_and_are_then_cut_off_quietly() -> None:
    """Each records its own outcome as unknown; nothing begins after that."""
    assert DRAIN_S == 10
    heard, errands, log = complaints(), Errands(drain_s=0.05), list[str]()
    async with errands.open():
        waiter = asyncio.create_task(errands.run(_waits(log, asyncio.Event())))
        await asyncio.sleep(0)  # noqa: TID251  lets it begin
    with suppress(asyncio.CancelledError):
        await waiter
    assert log == ["written down as unknown"]
    with pytest.raises(VastMcpError, match="shutting down; nothing was sent"):
        await errands.run(anyio.lowlevel.checkpoint())
    gc.collect()
    assert heard == []
