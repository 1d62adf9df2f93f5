"""The official client in its own environment, pointed at a simulator on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.oracle.client import OfficialClient, OpenClient
from vast_mcp.clock import ManualClock
from vast_mcp.simulator import Simulator, serve_http

ROOT = Path(__file__).parents[2]


@pytest.fixture
def official(tmp_path: Path) -> OpenClient:
    """Opens the official client on a new simulator; skips where `make oracle` has not run."""
    program = ROOT / ".venv-oracle" / "bin" / "vastai"
    if not program.exists():
        pytest.skip("the official client is not installed: run `make oracle`")

    @asynccontextmanager
    async def opened() -> AsyncIterator[OfficialClient]:
        clock = ManualClock()
        simulator = Simulator(clock, rate_limits=False)
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve_http(simulator, 0, on_ready=ready.set_result))
        try:
            port = await asyncio.wait_for(ready, 5)
            yield OfficialClient(program, simulator, clock, port, tmp_path)
        finally:
            task.cancel()
            await asyncio.wait([task])

    return opened
