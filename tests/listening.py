"""A simulator on a loopback port, for whatever cannot be handed one in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vast_mcp.simulator import Simulator, serve_http


@asynccontextmanager
async def listening(simulator: Simulator) -> AsyncIterator[str]:
    """The simulator over HTTP while the block lasts; its address."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_http(simulator, 0, on_ready=ready.set_result))
    try:
        port = await asyncio.wait_for(ready, 5)
        yield f"http://127.0.0.1:{port}"
    finally:
        task.cancel()
        await asyncio.wait([task])
