"""Serving HTTP in this very process: the address it tells, and the code that it ends with."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from tests.world import SEAL_KEY, World
from vast_mcp.errors import ConfigInvalid
from vast_mcp.server import create_server
from vast_mcp.transports import HttpDoor, OneToken, serve_http


@pytest.fixture(autouse=True)
def _signals_stay() -> Iterator[None]:
    """Serving takes the signals over; they are given back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_128_and_its_number(
    tmp_path: Path, number: signal.Signals
) -> None:
    """As a shell and a service manager know it; until then it answers at the address it told."""
    server = create_server(World(tmp_path).runtime, SEAL_KEY)
    told: list[str] = []
    ended: list[int] = []
    ready = anyio.Event()

    def listens(address: str) -> None:
        told.append(address)
        ready.set()

    async with anyio.create_task_group() as tasks:

        async def serve() -> None:
            ended.append(await serve_http(server, HttpDoor(port=0), on_ready=listens))

        tasks.start_soon(serve)
        with anyio.fail_after(20):
            await ready.wait()
            async with httpx2.AsyncClient() as browser:
                health = await browser.get(told[0].replace("/mcp", "/healthz"))
            os.kill(os.getpid(), number)
    assert told[0].startswith("http://127.0.0.1:")
    assert told[0].endswith("/mcp")
    assert (health.status_code, health.text) == (200, "ok\n")
    assert health.headers["cache-control"] == "no-store"
    assert "server" not in health.headers
    assert ended == [128 + number]


class Unable(MCPServer[Any]):
    """A server whose start fails."""

    def streamable_http_app(self, **_: Any) -> Starlette:  # noqa: ANN401  the SDK's options
        """An application that cannot start."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            raise RuntimeError("no start")
            yield

        return Starlette(lifespan=lifespan)


async def test_a_start_that_fails_is_told_by_the_code() -> None:
    """Nobody is told an address where nothing answers."""
    told: list[str] = []
    with anyio.fail_after(20):
        assert await serve_http(Unable("x"), HttpDoor(port=0), on_ready=told.append) == 1
    assert told == []


def test_a_token_has_16_characters_at_least() -> None:
    """It must not be guessed, on loopback neither."""
    HttpDoor(token="x" * 16)
    with pytest.raises(ConfigInvalid, match="shorter than 16"):
        HttpDoor(token="x" * 15)


def test_a_door_is_called_by_its_own_names_with_and_without_a_port() -> None:
    """The local names belong to a local door alone."""
    local = HttpDoor(allowed_hosts=("box.lan",))
    assert local.names == ["127.0.0.1", "localhost", "[::1]", "box.lan"]
    named = HttpDoor(host="10.0.0.1", token="x" * 16, allowed_hosts=("box.lan",))
    assert named.hosts == ["box.lan", "box.lan:*"]
    assert named.origins == [
        "http://box.lan", "http://box.lan:*", "https://box.lan", "https://box.lan:*",
    ]  # fmt: skip


async def test_whoever_has_the_token_has_no_scopes_beyond_it() -> None:
    """One principal, named by the door."""
    found = await OneToken(HttpDoor(token="x" * 16, subject="ada")).verify_token("x" * 16)
    assert found is not None
    assert (found.client_id, found.scopes, found.subject) == ("vast-mcp", [], "ada")


def test_a_port_that_is_taken_is_told_in_a_line() -> None:
    """And what to try instead."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        async def serve() -> None:
            await serve_http(Unable("x"), HttpDoor(port=port))

        with pytest.raises(ConfigInvalid, match=f"Cannot listen on 127.0.0.1:{port}") as refused:
            anyio.run(serve)
    assert "--port" in refused.value.hint
