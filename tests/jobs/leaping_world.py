"""A world of jobs in which time leaps: what a job waits for takes hours there and no time here.

SSH is real and takes the time it takes, so the limits set on it run in real time. They are the long
sleeps; everything that a job, a guard or a vendor waits for itself is short, and leapt over.
"""

from dataclasses import dataclass

import anyio
from mcp import Client

from tests.jobs.jobs_world import JobsWorld
from tests.world import Json, World
from vast_mcp.clock import Clock, ManualClock, SystemClock

LEAPT_S = 30.0
WAIT = """
import os, time
while not os.path.exists("go"):
    time.sleep(0.02)
"""
"""For a real program of a machine: a shell that sleeps would only make time fly."""


class LeapingClock(ManualClock):
    """Sleeps up to half a minute take no time; a longer one is a limit on something real."""

    def __init__(self) -> None:
        super().__init__(auto_advance=True)

    async def sleep(self, seconds: float) -> None:
        """Leap, or wait."""
        if seconds <= LEAPT_S:
            await super().sleep(seconds)
        else:
            await SystemClock().sleep(seconds)


@dataclass
class LeapingWorld(JobsWorld):
    """One clock for the vendor, its machines and the server."""

    offered: str = "work"
    """Fewer tools than all: a server is then made in no time."""
    keeps: bool = False
    """Take up unfinished jobs; leases are then looked after once, at the start."""

    def __post_init__(self) -> None:
        self.clock = self.vendor = LeapingClock()
        World.__post_init__(self)

    @property
    def own_clock(self) -> Clock:
        """The one clock."""
        return self.clock

    def shut_the_door(self, machine: int, port: int = 1) -> None:
        """The machine runs on, and SSH leads to another port, where nothing need listen."""
        lodging = self.machines.lodgings[machine]
        assert lodging.acceptor is not None
        lodging.acceptor.close()
        self.simulator.world.instances[machine].mapped["22/tcp"] = port
        for guest in list(lodging.guests):
            guest.leave()

    async def over(self, client: Client, job_id: str, calls: int = 2) -> Json:
        """The job when it is over. Waiting in the tool would make time fly for nothing."""
        del calls
        return await self.until(client, job_id, "done", "failed", "stopped")


async def moment() -> None:
    """Let what is under way go on."""
    await anyio.sleep(0.01)  # noqa: TID251  real: for what really moves
