"""Promise: HTTP answers to its own names only, and no slow caller keeps a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from vast_mcp.clock import SystemClock
from vast_mcp.http_limits import ExactNames, impatient_protocol
from vast_mcp.transports import HttpDoor


async def _app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  the ASGI shape
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})


@asynccontextmanager
async def _served(head_s: float = 10, body_s: float = 10) -> AsyncIterator[int]:
    config = uvicorn.Config(
        ExactNames(_app, HttpDoor().names), port=0, log_config=None, lifespan="off",
        http=impatient_protocol(head_s, body_s), timeout_keep_alive=30,
    )  # fmt: skip
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.force_exit = True
        await server.shutdown()


async def _said(port: int, text: str, *, then: str = "", pause_s: float = 0.0) -> bytes:
    """Everything that is answered until the other side closes, or two seconds pass."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text.encode("latin-1"))
        for letter in then:
            await SystemClock().sleep(pause_s)
            writer.write(letter.encode())
        return await asyncio.wait_for(reader.read(), 2)
    except (ConnectionError, BrokenPipeError):
        return b""
    finally:
        writer.close()


def _request(*headers: str) -> str:
    return "\r\n".join(["GET /mcp HTTP/1.1", "connection: close", *headers, "", ""])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (["host: localhost:8765"], 200),
        (["host: 127.0.0.1"], 200),
        (["host: [::1]:9"], 200),
        (["host: localhost", "origin: http://localhost:3000"], 200),
        (["host: localhost:evil.com"], 421),
        (["host: localhost:80@evil.com"], 421),
        (["host: localhost:"], 421),
        (["host: localhost:0"], 421),
        (["host: localhost:99999"], 421),
        (["host: localhost.evil.com"], 421),
        (["host: 127.0.0.1.evil.com:8765"], 421),
        (["host: evil.com"], 421),
        (["host: localhost, evil.com"], 421),
        (["host: localhost", "origin: http://localhost:evil.com"], 403),
        (["host: localhost", "origin: http://localhost:80.evil.com"], 403),
        (["host: localhost", "origin: http://localhost.evil.com"], 403),
        (["host: localhost", "origin: http://localhost/"], 403),
        (["host: localhost", "origin: null"], 403),
        (["host: localhost", "origin: file://localhost"], 403),
        (["host: localhost", "origin: http://localhost", "origin: http://evil.com"], 403),
        (["host: localhost", "origin: http://user@localhost"], 403),
    ],
)
async def test_only_exact_names_are_answered(headers: list[str], status: int) -> None:
    """What merely begins as our own name is another's; a browser sends the page's real one."""
    async with _served() as port:
        answer = await _said(port, _request(*headers))

    assert answer.startswith(b"HTTP/1.1 %d" % status)
    assert (b"inside" in answer) == (status == 200)


async def test_a_head_that_never_ends_is_cut_off_and_a_quick_one_is_not() -> None:
    """A byte at a time buys no time: the whole head has one deadline (slowloris)."""
    async with _served(head_s=0.3) as port:
        slow = await _said(
            port, "GET / HTTP/1.1\r\nhost: localhost\r\nx: ", then="y" * 60, pause_s=0.02
        )
        silent = await _said(port, "")
        quick = await _said(port, _request("host: localhost"))

    assert (slow, silent) == (b"", b"")
    assert b"inside" in quick


async def test_a_body_that_never_ends_is_cut_off() -> None:
    """The same of what follows the head."""
    async with _served(body_s=0.3) as port:
        head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n\r\n"
        slow = await _said(port, head, then="y" * 60, pause_s=0.02)

    assert slow == b""


async def test_a_second_head_on_the_same_connection_has_its_own_deadline() -> None:
    """Kept open between two requests, it is not kept for ever."""
    async with _served(head_s=0.3) as port:
        first = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
        answer = await _said(port, first + "GET / HTTP/1.1\r\nhost: local", then="", pause_s=0)

    assert answer.count(b"200 OK") == 1


async def test_a_body_has_its_own_time_after_a_head_that_came_late() -> None:
    """The alarm of the head is over with the head: a slow upload is not cut off by it."""
    async with _served(head_s=0.4, body_s=5) as port:
        head = (
            "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 30\r\n\r\n"
        )
        answer = await _said(port, head, then="y" * 30, pause_s=0.025)

    assert b"inside" in answer
