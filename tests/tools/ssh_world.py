"""A world whose machines can be entered: real SSH on loopback, real time for us.

The vendor lives by a clock that the test moves; commands and copies take the time they take.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp import Client

from tests.world import Answer, Json, World
from vast_mcp.clock import ManualClock, PairedClock
from vast_mcp.instances.waiting import TOLD_EVERY_S
from vast_mcp.remote.between import LOOK_EVERY_S
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.simulator.inside.sshd import SshServers

__all__ = ["SshWorld", "ssh_world"]


class Impatient(PairedClock):
    """Our own time, except that the pause between two looks of a wait is skipped."""

    def __init__(self, vendor: ManualClock) -> None:
        super().__init__(vendor)
        self._manual = vendor
        self._skipped_s = 0.0

    def monotonic_s(self) -> float:
        """Real seconds and skipped ones."""
        return super().monotonic_s() + self._skipped_s

    def real_s(self) -> float:
        """A person's time is the test's to move."""
        return self._manual.real_s()

    async def real_sleep(self, seconds: float) -> None:
        """Wait until the person has thought that long."""
        await self._manual.real_sleep(seconds)

    async def sleep(self, seconds: float) -> None:
        """A real pause, unless it is the one between two looks."""
        if seconds in {TOLD_EVERY_S, LOOK_EVERY_S}:
            self._skipped_s += seconds
            self._manual.move(seconds)
        else:
            await super().sleep(seconds)


@dataclass
class SshWorld(World):
    """One account with machines that have an inside."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(auto_advance=True))
    our_time: type[Impatient] = Impatient

    @property
    def home(self) -> Path:
        """The person's files; the home directory is the test's own."""
        folder = Path.home() / "vast-mcp"
        folder.mkdir(exist_ok=True)
        return folder

    @asynccontextmanager
    async def runtime(self) -> AsyncIterator[Runtime]:
        """The account, opened with our own time beside the vendor's."""
        async with open_runtime(
            self.settings, clock=self.our_time(self.clock), transport=self.transport
        ) as runtime:
            yield runtime


@dataclass
class SshLab:
    """A client on such a world, and the inside of its machines."""

    world: SshWorld
    client: Client
    servers: SshServers

    async def call(self, tool: str, /, **arguments: object) -> Json:
        """The tool's structured answer."""
        return await self.world.call(self.client, tool, **arguments)

    async def machine(self, **arguments: Any) -> int:  # noqa: ANN401  the tool's own
        """A rented machine that runs and knows our key."""
        instance_id = await self.world.rent(self.client, **arguments)
        self.world.run_until_ready()
        return instance_id

    async def run(self, instance_id: int, command: str, **arguments: object) -> Json:
        """`run_command`'s answer."""
        return await self.call("run_command", instance_id=instance_id, command=command, **arguments)


@asynccontextmanager
async def ssh_world(
    tmp: Path,
    answer: Answer = "accept",
    *,
    policy: str | None = None,
    environment: Mapping[str, str] | None = None,
    our_time: type[Impatient] = Impatient,
    toolsets: str = "default",
) -> AsyncIterator[SshLab]:
    """A world with SSH, and a client on it."""
    world = SshWorld(
        tmp, policy=policy, environment=environment or {}, our_time=our_time, toolsets=toolsets
    )
    async with (
        world.simulator.ssh_servers(run_python=True) as servers,
        world.connect(answer=answer) as client,
    ):
        yield SshLab(world, client, servers)
