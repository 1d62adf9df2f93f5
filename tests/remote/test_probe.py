"""Whether something speaks HTTP at an address: told soon, whatever answers there."""

import asyncio
from contextlib import suppress

import pytest

from vast_mcp.clock import SystemClock
from vast_mcp.remote.address import address
from vast_mcp.remote.probe import http_at


async def found(*pieces: bytes, stays: bool) -> tuple[bool, float]:
    """What is concluded from this answer, and in how many seconds."""
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET / HTTP/1.0")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await SystemClock().sleep(0.02)
        if stays:
            await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        left.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        clock = SystemClock()
        began_s = clock.monotonic_s()
        speaks = await http_at(address("127.0.0.1", port), 1.0)
        took_s = clock.monotonic_s() - began_s
        await asyncio.wait_for(left.wait(), 10)
        return speaks, took_s


@pytest.mark.parametrize(
    ("pieces", "speaks"),
    [
        ([b"HTTP/1.1 200 OK\r\n"], True),
        ([b"HT", b"TP/1.0 404"], True),
        ([b"\x15\x03\x01\x00\x02"], True),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], False),
        ([b"x" * 64], False),
        ([b"x" * 32, b"x" * 32], False),
        ([], False),
    ],
)
async def test_http_is_known_by_its_first_bytes(pieces: list[bytes], speaks: bool) -> None:
    """In pieces too; one that wants TLS counts."""
    assert (await found(*pieces, stays=False))[0] is speaks


async def test_who_has_said_enough_is_not_waited_for() -> None:
    """64 bytes without the word are no HTTP, whether the other side goes on or not."""
    speaks, took_s = await found(b"x" * 64, stays=True)
    assert not speaks
    assert took_s < 0.8


async def test_who_says_nothing_is_given_up() -> None:
    """And a port where nobody listens at once."""
    speaks, took_s = await found(stays=True)
    assert not speaks
    assert 0.8 < took_s < 5
    assert not await http_at(address("127.0.0.1", 1), 1.0)
