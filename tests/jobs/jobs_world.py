"""A world whose machines can be entered, with a clock that runs: jobs are carried out for real.

Commands and copies go over asyncssh on loopback to the simulator's machines; the vendor's time is
hastened, ours is not, so that a second here is some minutes there.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp import Client

from tests.world import SEAL_KEY, Answer, Json, World
from vast_mcp.clock import Clock, PairedClock, ScaledClock
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.server import create_server
from vast_mcp.simulator import Simulator, SimulatorTransport
from vast_mcp.simulator.inside.sshd import SshServers

SPEED = 600.0
TRAIN = """
import hashlib, pathlib
print("training")
weights = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(4000))
pathlib.Path("out").mkdir(exist_ok=True)
pathlib.Path("out/model.pt").write_bytes(weights)
print("sha256", hashlib.sha256(weights).hexdigest())
"""
GIVEN: Json = {
    "command": "python3 train.py",
    "files": {"train.py": TRAIN},
    "outputs": ["out"],
    "gpu_names": ["RTX 4090"],
    "max_cost_usd": 5,
    "on_end": "destroy",
}


@dataclass
class JobsWorld(World):
    """Vendor, machines, state directory. Several servers may be opened on it."""

    speed: float = SPEED
    offered: str = "all"
    """The toolsets."""
    keeps: bool = True
    """Take up unfinished jobs and look after leases, as `serve` does."""
    vendor: Clock = field(init=False)
    machines: SshServers = field(init=False)
    running: list[Runtime] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.vendor = ScaledClock(speed=self.speed)
        self.simulator = Simulator(self.vendor, seed=self.seed, credit_usd=self.credit_usd)
        self.transport = SimulatorTransport(self.simulator)

    @property
    def own_clock(self) -> Clock:
        """The server's: real time beside the vendor's."""
        return PairedClock(self.vendor)

    @asynccontextmanager
    async def runtime(self) -> AsyncIterator[Runtime]:
        """The account as a server opens it; noted while it is open."""
        async with open_runtime(
            self.settings, clock=self.own_clock, transport=self.transport, keep=self.keeps
        ) as opened:
            self.running.append(opened)
            try:
                yield opened
            finally:
                self.running.remove(opened)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["JobsWorld"]:
        """With machines that can be entered."""
        async with self.simulator.ssh_servers(run_python=True) as self.machines:
            yield self

    @asynccontextmanager
    async def served(self, answer: Answer = "accept") -> AsyncIterator[Client]:
        """A client on a server of its own."""
        server = create_server(self.runtime, SEAL_KEY, toolsets=self.offered)
        options: dict[str, Any] = {}
        if answer is not None:
            options["elicitation_callback"] = self.asked(answer)
        async with Client(server, **options) as client:
            yield client

    async def started(self, client: Client, **changes: object) -> str:
        """A job that was said yes to; its id."""
        answer = await self.call(client, "run_job", **{**GIVEN, **changes})
        assert answer["status"] == "started", answer
        return str(answer["job_id"])

    async def over(self, client: Client, job_id: str, calls: int = 2) -> Json:
        """The job when it is over, with its output."""
        for _ in range(calls):
            shown = await self.call(client, "show_jobs", job_id=job_id, wait_seconds=20)
            if shown["jobs"][0]["phase"] in {"done", "failed", "stopped"}:
                return shown
        raise AssertionError(shown)

    async def until(self, client: Client, job_id: str, *phases: str) -> Json:
        """The job when it is in one of these phases."""
        async with asyncio.timeout(30):
            while True:
                shown = await self.call(client, "show_jobs", job_id=job_id)
                if shown["jobs"][0]["phase"] in phases:
                    return shown
                await asyncio.sleep(0.02)  # noqa: TID251  ours is the real time here

    @property
    def home(self) -> Path:
        """Where copies may be."""
        return Path.home() / "vast-mcp"

    @property
    def alive(self) -> set[int]:
        """The machines that the vendor has now."""
        self.simulator.catch_up()
        return set(self.simulator.world.instances)


def brought(job: Json, name: str) -> bytes:
    """A file of the first named output, as it is here now; empty when it is not."""
    path = Path(job["outputs"][0]["local"], name)
    return path.read_bytes() if path.exists() else b""
