"""Programs of other people in environments of their own, on a simulator whose machines open.

They run as subprocesses behind a fence: Python's sockets and OpenSSH reach loopback and nothing
else, and an attempt to leave fails the test.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.listening import listening
from vast_mcp.clock import ScaledClock
from vast_mcp.simulator import ACCOUNT_KEY, Simulator
from vast_mcp.simulator.inside.sshd import SshServers
from vast_mcp.simulator.world import Choices

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SPEED = 300.0
_PATIENCE_S = 90


def environment_of(name: str) -> Path:
    """Where `make oracle` put it; skips the test where it has not."""
    found = ROOT / f".venv-oracle-{name}" / "bin"
    if not (found / "python").exists():
        pytest.skip(f"{name} is not installed: run `make oracle`")
    return found


@dataclass
class Programs:
    """A simulator, its machines, and a home that programs take for theirs."""

    simulator: Simulator
    servers: SshServers
    port: int
    home: Path

    @property
    def left(self) -> str:
        """What tried to reach another host."""
        log = self.home / "fence.log"
        return log.read_text() if log.exists() else ""

    async def run(self, *words: str, text: str = "", key: str = ACCOUNT_KEY) -> tuple[int, str]:
        """Exit status and everything printed."""
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=self.home,
            env={
                "HOME": str(self.home),
                "PATH": f"{HERE / 'fence' / 'bin'}:/usr/bin:/bin",
                "PYTHONPATH": str(HERE / "fence"),
                "FENCE_LOG": str(self.home / "fence.log"),
                "FENCE_PORT": str(self.port),
                "VAST_URL": f"http://127.0.0.1:{self.port}",
                "VAST_API_KEY": key,
                "NO_COLOR": "1",
                "COLUMNS": "200",
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(text.encode()), _PATIENCE_S)
        assert self.left == ""
        return process.returncode or 0, output.decode()

    async def raw(self, *words: str) -> Any:  # noqa: ANN401  JSON
        """The JSON that a program printed, after whatever else it said."""
        status, output = await self.run(*words)
        assert status == 0, output
        lines = output.splitlines()
        first = next(at for at, line in enumerate(lines) if line.startswith(("{", "[")))
        return json.loads("\n".join(lines[first:]))

    async def until(self, stage: str) -> int:
        """The one machine, once it is on this stage."""
        for _ in range(600):
            self.simulator.catch_up()
            for number, contract in self.simulator.world.instances.items():
                if contract.stage == stage:
                    return number
            await asyncio.sleep(0.05)  # noqa: TID251  the simulator's clock is a real one here
        raise AssertionError(f"no machine became {stage}")


@asynccontextmanager
async def programs(
    home: Path, *, old_list: bool = False, run_python: bool = False
) -> AsyncIterator[Programs]:
    """The simulator, over HTTP and SSH on loopback; minutes pass in a fraction of a second."""
    simulator = Simulator(ScaledClock(speed=SPEED), choices=Choices(old_list=old_list))
    (home / ".ssh" / "vast.d").mkdir(parents=True)
    async with (
        simulator.ssh_servers(run_python=run_python) as servers,
        listening(simulator) as base,
    ):
        yield Programs(simulator, servers, int(base.rpartition(":")[2]), home)
