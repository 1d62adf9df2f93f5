"""The processes of one machine: numbers, groups, signals, and how each ends."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_FIRST_PID = 300


class Exit(Exception):
    """The shell ends with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Process:
    """One process. `real` is the host's process behind it, if there is one; `pretends`: simulated.

    `holds_session`: its output still goes to the session of `started_by`, which stays open for it.
    """

    pid: int
    group: int
    text: str
    ignored: set[int] = field(default_factory=set)
    holds_session: bool = False
    started_by: int = 0
    real: asyncio.subprocess.Process | None = None
    pretends: bool = False
    task: asyncio.Task[int] | None = None
    killed_by: int = 0

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.task is None or not self.task.done()

    async def wait(self) -> int:
        """Its status, once it has ended; whoever waits may be cancelled without harm to it."""
        if self.task is None:
            return 0
        return await asyncio.shield(self.task)


@dataclass(slots=True)
class Processes:
    """All processes of one machine, the ended ones of the shells that may still ask included."""

    table: dict[int, Process] = field(default_factory=dict)
    last: int = _FIRST_PID

    def start(
        self,
        act: Callable[[Process], Awaitable[int]],
        text: str,
        *,
        group: int | None = None,
        ignored: set[int] | None = None,
    ) -> Process:
        """Run it as a process of its own; without a group it leads one."""
        self.last += 1
        process = Process(self.last, group or self.last, text, set(ignored or ()))
        self.table[process.pid] = process
        process.task = asyncio.get_running_loop().create_task(_carry_out(act, process))
        return process

    def living(self) -> list[Process]:
        """What runs now."""
        return [process for process in self.table.values() if process.alive]

    def signal(self, target: int, number: int) -> bool:
        """Send it to a process, or to a group when negative; False when there is none."""
        hit = [x for x in self.living() if target in (x.pid, -x.group)]
        for process in hit:
            _deliver(process, number)
        return bool(hit)

    async def end_all(self) -> None:
        """The container stops: nothing survives."""
        left = self.living()
        for process in left:
            _deliver(process, signal.SIGKILL)
        tasks = [process.task for process in left if process.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    def ask_all_to_end(self) -> None:
        """The container is being stopped: SIGTERM, as docker sends it."""
        for process in self.living():
            _deliver(process, signal.SIGTERM)

    def busy(self) -> bool:
        """Whether any program computes, really or as a pretence."""
        return any(process.real is not None or process.pretends for process in self.living())


async def _carry_out(act: Callable[[Process], Awaitable[int]], process: Process) -> int:
    try:
        return await act(process)
    except Exit as end:
        return end.status
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except asyncio.CancelledError:
        # Signals arrive as a cancellation of the task; the task itself ends in order.
        return 128 + (process.killed_by or signal.SIGTERM)


def _deliver(process: Process, number: int) -> None:
    if number in (0, signal.SIGCONT, signal.SIGSTOP, signal.SIGCHLD):
        return
    if number in process.ignored and number != signal.SIGKILL:
        return
    real = process.real
    if real is not None and real.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(real.pid, number)
        return
    process.killed_by = number
    if process.task is not None:
        process.task.cancel()
