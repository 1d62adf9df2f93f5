"""A real HTTP server on loopback, in this process, and a client on it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from mcp import Client

from tests.world import SEAL_KEY, Answer, Mode, World
from vast_mcp.clock import SystemClock
from vast_mcp.server import create_server
from vast_mcp.transports import PATH, HttpDoor, http_app


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    """The address of the world's server, reached over HTTP."""
    door = HttpDoor(host="127.0.0.1", port=0, token="", subject="", allowed_hosts=())
    config = uvicorn.Config(
        http_app(create_server(world.runtime, SEAL_KEY), door),
        host=door.host,
        port=0,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    try:
        while not running.started:
            await SystemClock().sleep(0.005)
        port = running.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        running.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def connect_http(world: World, mode: Mode, answer: Answer) -> AsyncIterator[Client]:
    """A client of the world over a socket."""
    callback = None if answer is None else world.asked(answer)
    async with (
        serving(world) as address,
        Client(address, mode=mode, elicitation_callback=callback) as client,
    ):
        yield client
