"""The real transport on loopback: what is concluded from what a socket does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.api.vendor import KEY
from vast_mcp.api.connection import Connection, network_transport
from vast_mcp.api.permit import Permit
from vast_mcp.api.reads import Reads
from vast_mcp.api.writes import Writes
from vast_mcp.clock import SystemClock
from vast_mcp.errors import NeverSent, OutcomeUnknown, RateLimited
from vast_mcp.operations import JsonObject, instances

CALL = instances.stop_instance(5)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[str]:
    """A server on a free loopback port that talks like this."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
        await server.wait_closed()


def answering(raw: bytes) -> Talk:
    """Read the request's head, say this, hang up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    return talk


async def stop(base: str, timeout_s: float = 5.0) -> JsonObject:
    """Send one write over the real transport."""
    connection = Connection(
        api_key=KEY, transport=network_transport(), clock=SystemClock(), api_base=base
    )
    async with connection:
        return await Writes(connection).send(CALL, Permit.for_call(CALL), timeout_s)


async def test_a_closed_port_is_never_sent() -> None:
    """A refused connection left nothing (docs/design.md#sending-once)."""
    async with serving(answering(b"")) as base:
        pass
    with pytest.raises(NeverSent):
        await stop(base)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
    ],
    ids=["hung up", "half a body", "not http", "not gzip", "bad gateway"],
)
async def test_a_broken_answer_to_a_write_is_unknown(raw: bytes) -> None:
    """Timeout or reset after bytes left, 5xx, non-JSON (docs/design.md#sending-once)."""
    async with serving(answering(raw)) as base:
        with pytest.raises(OutcomeUnknown) as raised:
            await stop(base)
    assert KEY not in str(raised.value)


async def test_a_server_that_never_answers_is_unknown_after_the_timeout() -> None:
    """The total timeout ends the wait; the request had left."""
    released = asyncio.Event()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    async with serving(talk) as base:
        with pytest.raises(OutcomeUnknown, match=r"0\.2 s"):
            await stop(base, timeout_s=0.2)
        released.set()


async def test_a_whole_answer_is_an_answer() -> None:
    """The happy path over a socket, and a refusal in plain text."""
    body = b'{"success": true}'
    good = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    async with serving(answering(good)) as base:
        assert await stop(base) == {"success": True}
    late = b"HTTP/1.1 429 Slow down\r\nretry-after: 90\r\ncontent-length: 3\r\n\r\nno!"
    async with serving(answering(late)) as base:
        connection = Connection(
            api_key=KEY, transport=network_transport(), clock=SystemClock(), api_base=base
        )
        async with connection:
            with pytest.raises(RateLimited):
                await Reads(connection).account()
