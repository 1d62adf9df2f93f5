"""The real command in a process of its own, against a simulator of the test on loopback."""

import asyncio
import os
import pty
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.listening import listening
from tests.world import World
from vast_mcp.clock import ManualClock, ScaledClock, SystemClock
from vast_mcp.config import Settings
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.simulator import Simulator, SimulatorTransport

HOUR_US = 3600 * 1_000_000
LONGEST_S = 90


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class RunningClock(ManualClock):
    """A clock that can be set, and runs by itself too, twenty times as fast as the real one."""

    def __init__(self, began_us: int) -> None:
        super().__init__(began_us, auto_advance=True)
        self._real = ScaledClock(start_us=0, speed=20)

    def utc_us(self) -> int:
        """What was set, and what has passed since."""
        return super().utc_us() + self._real.utc_us()


class PastWorld(World):
    """A world whose clock stands some hours before the present, so that leases can have ended."""

    def __init__(self, tmp: Path, hours_ago: float) -> None:
        began_us = SystemClock().utc_us() - int(hours_ago * HOUR_US)
        super().__init__(tmp, clock=RunningClock(began_us))

    def __post_init__(self) -> None:
        # The commands run by the real clock, so the simulator's intervals would not fit theirs.
        self.simulator = Simulator(self.clock, seed=self.seed, rate_limits=False)
        self.transport = SimulatorTransport(self.simulator)


@dataclass
class Shell:
    """A terminal of the person whose account it is."""

    world: World
    home: Path
    address: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Everything the command can see."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "TMPDIR": str(self.home),
            "VAST_URL": self.address,
            "VAST_API_KEY": "sim-key",
            **self.extra,
        }

    @property
    def settings(self) -> Settings:
        """The same account and files, for a server inside the test."""
        return replace(
            self.world.settings,
            api_base=self.address,
            serverless_base=self.address,
            state_dir=self.home / "state" / "vast-mcp",
        )

    @asynccontextmanager
    async def runtime(self) -> AsyncIterator[Runtime]:
        """The account opened inside the test, on the world's own clock."""
        async with open_runtime(
            self.settings, clock=self.world.clock, transport=self.world.transport
        ) as runtime:
            yield runtime

    async def run(self, *words: str) -> Done:
        """Run one command to its end."""
        for booked in self.settings.state_dir.glob("pace-*"):
            booked.unlink()  # turns booked by the test's clock are no turns of the real one
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vast_mcp",
            *words,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
        return Done(process.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def shell(tmp: Path, *, hours_ago: float = 0.0) -> AsyncIterator[Shell]:
    """A shell whose vendor is a simulator on a loopback port."""
    world = PastWorld(tmp, hours_ago)
    async with listening(world.simulator) as address:
        home = tmp / "home"
        home.mkdir()
        yield Shell(world, home, address)


async def at_terminal(at: Shell, *words: str, types: str) -> tuple[int, str]:
    """Run a command on a terminal of its own and type one line at its prompt.

    A command that asks in other words than a prompt's, which ends in a colon and a space, fails the
    test in time: the terminal is read without blocking, and the process is ended on the way out.
    """
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vast_mcp", *words,
        env=at.environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = b""
    try:
        async with asyncio.timeout(LONGEST_S):
            while not shown.endswith(b": "):
                shown += await _shown_now(ours)
                assert process.returncode is None, f"it asked nothing: {shown.decode()}"
            os.write(ours, f"{types}\n".encode())
            await process.wait()
            shown += await _shown_now(ours)
    finally:
        os.close(ours)
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, shown.decode()


async def _shown_now(terminal: int) -> bytes:
    """What a terminal shows by now; empty after a short pause if that is nothing."""
    try:
        return os.read(terminal, 65536)
    except BlockingIOError:
        await SystemClock().sleep(0.05)
        return b""
    except OSError:  # its other end is closed
        return b""
