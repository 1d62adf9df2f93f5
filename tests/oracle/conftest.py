"""The official client in its own environment, pointed at a simulator on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.listening import listening
from tests.oracle.client import OfficialClient, OpenClient
from vast_mcp.clock import ManualClock
from vast_mcp.simulator import Simulator

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
        async with listening(simulator) as base:
            port = int(base.rpartition(":")[2])
            yield OfficialClient(program, simulator, clock, port, tmp_path)

    return opened
