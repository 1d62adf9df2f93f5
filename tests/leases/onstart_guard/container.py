"""A container without a container: the guard's own processes, a PATH of chosen tools, one clock.

`date` and `sleep` come from here, so that minutes pass when a test says so; the vendor is the
simulator over loopback HTTP. Paths of the kernel that the guard reads or writes are moved into the
test's directory, or every run would write to the terminals of whoever runs it.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.listening import listening
from vast_mcp.account.lease_label import Marker, stamp
from vast_mcp.clock import ManualClock, SystemClock
from vast_mcp.leases.onstart_guard import lease_guard, wrap_onstart
from vast_mcp.simulator import Simulator

MINUTE_US = 60_000_000
INTENT = "abcdefghij0"
OTHER_INTENT = "zzzzzzzzzz9"
MARKER = Marker(b"m" * 32)
REAL = SystemClock()
TOOLS = (
    "sed", "grep", "cut", "md5sum", "tail", "touch", "mkdir", "cat", "timeout", "awk", "base64",
    "gunzip", "gzip", "mktemp", "env", "rm", "echo", "true", "chown", "chmod", "id", "head",
)  # fmt: skip
CLIENTS = ("curl", "wget", "python3")
LONGEST_WAIT_S = 30.0
_SLEEP = """#!/bin/sh
read -r now <{home}/now
echo $((now+$1)) >{home}/wake.part
/bin/mv {home}/wake.part {home}/wake
while [ -e {home}/wake ];do /bin/sleep 0.01;done
"""
_DATE = """#!/bin/sh
read -r now <{home}/now
case "$*" in
+%s)echo $now;;
*-d@*)exec /bin/date "$@";;
*)exec /bin/date -d @$now "$@";;
esac
"""
_SETSID = """#!/bin/sh
echo $$ >>{home}/pids
exec {setsid} "$@"
"""


def shell_path(name: str) -> str:
    """Where this shell is.

    Skips the test where it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found


def noise(length: int) -> str:
    """A comment that no packer makes much shorter; always the same."""
    blocks = (hashlib.sha512(str(count).encode()).digest() for count in range(length // 64 + 1))
    return f"# {base64.b85encode(b''.join(blocks)).decode()[:length]}\n"


async def until(happened: Callable[[], bool], what: str) -> None:
    """Wait in real time for something that is about to happen."""
    deadline_s = REAL.monotonic_s() + LONGEST_WAIT_S
    while not happened():
        assert REAL.monotonic_s() < deadline_s, f"did not happen: {what}"
        await REAL.sleep(0.005)


@dataclass
class Container:
    """One running machine of the simulator and the processes inside it."""

    home: Path
    simulator: Simulator
    clock: ManualClock
    base: str
    number: int
    shell: str = "dash"
    clients: tuple[str, ...] = CLIENTS
    environment: dict[str, str] = field(default_factory=dict)
    output: str = ""
    status: int | None = None

    def __post_init__(self) -> None:
        (self.home / "bin").mkdir()
        (self.home / "pts").mkdir()
        (self.home / "net").mkdir()
        (self.home / "root").mkdir()
        for name in TOOLS:
            self.link(name, shell_path(name))
        for name in self.clients:
            found = sys.executable if name == "python3" else shell_path(name)
            self.link(name, os.path.realpath(found) if name == "python3" else found)
        self.link("sh", shell_path(self.shell))
        self.link(self.shell, shell_path(self.shell))
        self.tool("sleep", _SLEEP.format(home=self.home))
        self.tool("date", _DATE.format(home=self.home))
        self.tool("setsid", _SETSID.format(home=self.home, setsid=shell_path("setsid")))
        self.tell_time()
        contract = self.simulator.world.instances[self.number]
        self.environment = {
            "PATH": str(self.home / "bin"),
            "HOME": str(self.home),
            "CONTAINER_ID": str(self.number),
            "CONTAINER_API_KEY": contract.api_key,
            "VAST_CONTAINERLABEL": f"C.{self.number}",
        }

    # -- what a test sets up ---------------------------------------------------------------

    def link(self, name: str, target: str) -> None:
        """Put a tool of this machine on the container's PATH."""
        (self.home / "bin" / name).symlink_to(target)

    def tool(self, name: str, text: str) -> None:
        """Put a tool of the test's own on the container's PATH."""
        path = self.home / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def label(self, minutes: float, intent: str = INTENT, text: str = "train-a") -> None:
        """Label it as the server does, with a lease from now."""
        ends_us = self.clock.utc_us() + int(minutes * MINUTE_US)
        self.simulator.set_label(self.number, MARKER.label(text, intent, ends_us))

    def guard(
        self,
        minutes: float = 5,
        *,
        longest_minutes: float = 600,
        idle: int | None = None,
        ssh_key: str = "",
    ) -> str:
        """The guard's text for a lease from now."""
        now_us = self.clock.utc_us()
        text = lease_guard(
            api_base=self.base,
            intent_id=INTENT,
            owner=MARKER.owner,
            created_us=now_us,
            until_us=now_us + int(minutes * MINUTE_US),
            ceiling_us=now_us + int(longest_minutes * MINUTE_US),
            idle_minutes=idle,
            ssh_key=ssh_key,
        )
        moved = text.replace("/dev/pts/", f"{self.home}/pts/")
        moved = moved.replace("/proc/net/", f"{self.home}/net/")
        moved = moved.replace("/root", f"{self.home}/root")
        if self.shell == "busybox":  # it may prefer what is built into it to what is on the PATH
            for name in ("date", "sleep"):
                moved = re.sub(rf"\b{name} (?=[-+$6])", f"{self.home}/bin/{name} ", moved)
        return moved

    def minute(self, minutes: float) -> str:
        """The mark's word for an instant from now."""
        return stamp(self.clock.utc_us() + int(minutes * MINUTE_US))

    # -- time ------------------------------------------------------------------------------

    def tell_time(self) -> None:
        """Let `date` show the simulator's clock."""
        part = self.home / "now.part"
        part.write_text(f"{self.clock.utc_us() // 1_000_000}\n")
        part.rename(self.home / "now")

    async def pass_minutes(self, minutes: float) -> None:
        """Let that much time pass; the guard runs whenever its sleep is over."""
        end_s = self.clock.utc_us() / 1e6 + minutes * 60
        wake = self.home / "wake"
        while self.running:
            await until(wake.exists, "the guard goes to sleep")
            wakes_s = int(wake.read_text())
            self.clock.move(min(wakes_s, end_s) - self.clock.utc_us() / 1e6)
            self.tell_time()
            if wakes_s > end_s:
                return
            wake.unlink()
        self.clock.move(max(0.0, end_s - self.clock.utc_us() / 1e6))
        self.tell_time()

    # -- running ---------------------------------------------------------------------------

    async def start(self, onstart: str, *, variables: Mapping[str, str] | None = None) -> None:
        """Run the start script to its end; the guard goes on behind it.

        Raises:
            TimeoutError: it did not end by itself.
        """
        script = self.home / "onstart.sh"
        script.write_text(onstart)
        words = [str(self.home / "bin" / self.shell), *(["sh"] if self.shell == "busybox" else [])]
        process = await asyncio.create_subprocess_exec(
            *words,
            str(script),
            cwd=self.home,
            env=self.environment if variables is None else {**variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # a script may kill its whole group
        )
        try:
            told, _ = await asyncio.wait_for(process.communicate(), LONGEST_WAIT_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        self.output, self.status = told.decode(), process.returncode

    async def arm(self, minutes: float = 5, *, user: str = "", **options: float) -> None:
        """Start it with a guard for a lease of so many minutes before the user's script."""
        idle = int(options.pop("idle")) if "idle" in options else None
        longest = options.pop("longest_minutes", 600)
        guard = self.guard(minutes, idle=idle, longest_minutes=longest)
        await self.start(wrap_onstart(guard, user))

    def end(self) -> None:
        """Kill what was started here, as the end of the container does."""
        for number in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(number, signal.SIGKILL)
        for number in _running_in(self.home):  # busybox tells no pid; its guard is found by place
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        for left in ("pids", "wake"):
            (self.home / left).unlink(missing_ok=True)

    def pids(self) -> list[int]:
        """The guards that were started."""
        path = self.home / "pids"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    # -- what a test looks at --------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the vendor's machine still wants to run."""
        return self.simulator.world.instances[self.number].wants_to_run

    @property
    def log(self) -> str:
        """The guard's own log."""
        path = self.home / ".vmcp" / "guard.log"
        return path.read_text() if path.exists() else ""

    @property
    def sent(self) -> list[object]:
        """The bodies of all changes that arrived at the vendor."""
        return [one.json for one in self.simulator.mutations()]


def _running_in(home: Path) -> list[int]:
    """Processes whose command line or environment names this machine's own directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        for name in ("cmdline", "environ"):
            try:
                told = (entry / name).read_bytes()
            except OSError:  # it ended meanwhile
                continue
            if os.fsencode(home) in told:
                found.append(int(entry.name))
                break
    return found


@asynccontextmanager
async def container(
    tmp: Path, shell: str = "dash", clients: tuple[str, ...] = CLIENTS
) -> AsyncIterator[Container]:
    """A machine that runs, and nothing in it yet; what it started is killed at the end."""
    shell_path(shell)
    clock = ManualClock()
    simulator = Simulator(clock)
    number = simulator.add_foreign_instance()
    async with listening(simulator) as base:
        box = Container(tmp, simulator, clock, base, number, shell, clients)
        try:
            yield box
        finally:
            box.end()
