"""Programs for real: a Python file of the machine's disk as a process of the host.

Only when the person started the simulator with `--run-python`; otherwise programs are a pretence.
The child gets an empty environment, limits on processor time, memory and file size, and an audit
hook that refuses to open files outside the machine's directory, to reach the network and to start
programs. That catches accidents. It is no sandbox: a program that means to can get past it and do
whatever the person who started the simulator can do, and `--help` says so.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vast_mcp.simulator.inside.pretence import pretend
from vast_mcp.simulator.inside.streams import PORTION, Sink, Streams

if TYPE_CHECKING:
    from vast_mcp.simulator.inside.disk import Disk
    from vast_mcp.simulator.inside.shell import Shell

_WALL = str(Path(__file__).with_name("wall.py"))


@dataclass(frozen=True, slots=True)
class PythonLimits:
    """What one program may use: processor and wall seconds, bytes of memory and of a file."""

    cpu_s: int = 600
    wall_s: float = 3600.0
    memory_bytes: int = 4 << 30
    file_bytes: int = 4 << 30


async def python(shell: "Shell", words: list[str], streams: Streams) -> int:
    """`python3 FILE …` or `-c CODE …`; options `-u` and `-B` are taken and change nothing."""
    limits = shell.machine.python
    if limits is None:
        return await pretend(shell, words, streams)
    rest = words[1:]
    while rest and rest[0] in ("-u", "-B", "-s", "-E"):
        rest = rest[1:]
    if rest[:1] == ["--version"] or rest[:1] == ["-V"]:
        await streams.say(f"Python {sys.version.split()[0]}\n")
        return 0
    if not rest or (rest[0].startswith("-") and rest[0] != "-c"):
        await streams.complain(f"{words[0]}: only FILE and -c CODE are simulated")
        return 2
    code = rest[1] if rest[0] == "-c" else ""
    if rest[0] != "-c" and not shell.machine.disk.locate(rest[0], cwd=shell.cwd).is_file():
        await streams.complain(f"python3: can't open file '{rest[0]}': No such file or directory")
        return 2
    given = ["-c", *rest[2:]] if code else rest
    return await _run(shell, limits, code, given, streams)


async def _run(
    shell: "Shell", limits: PythonLimits, code: str, given: list[str], streams: Streams
) -> int:
    disk = shell.machine.disk
    settings = (limits.cpu_s, limits.memory_bytes, limits.file_bytes)
    # Absolute arguments mean paths of the machine; the program sees them where they really lie.
    shown = [str(disk.locate(x)) if x.startswith("/") else x for x in given]
    if not code:
        shown[0] = str(disk.locate(given[0], cwd=shell.cwd))
    real = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-u", _WALL, str(disk.root), *map(str, settings), code, *shown,
        cwd=disk.locate(shell.cwd),
        env=_environment(shell),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT if streams.err is streams.out else asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    shell.process.real = real
    try:
        return await _attend(real, limits, streams, _Veil(_host_paths(disk)))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(real.pid, signal.SIGKILL)
        await real.wait()
        shell.process.real = None


async def _attend(
    real: asyncio.subprocess.Process, limits: PythonLimits, streams: Streams, veil: "_Veil"
) -> int:
    pumps = [(real.stdout, streams.out), (real.stderr, streams.err)]
    try:
        async with asyncio.timeout(limits.wall_s):
            await asyncio.gather(*(veil.pump(source, sink) for source, sink in pumps if source))
            status = await real.wait()
    except TimeoutError:
        await streams.complain("Killed: the simulator's time limit")
        return 137
    return 128 - status if status < 0 else status


class _Veil:
    """Shows paths of the host as the machine knows them, wherever a read happens to cut."""

    def __init__(self, paths: Mapping[bytes, bytes]) -> None:
        self._paths = dict(sorted(paths.items(), key=lambda pair: len(pair[0]), reverse=True))
        self._pattern = re.compile(b"|".join(map(re.escape, self._paths)))

    async def pump(self, source: asyncio.StreamReader, sink: Sink) -> None:
        """Everything that comes, without waiting for more than a path may need."""
        held = b""
        while data := await source.read(PORTION):
            held += data
            cut = len(held) - self._begun(held)
            # A path that ends beyond the cut would be written in two halves.
            spans = (found.span() for found in self._pattern.finditer(held))
            cut = next((start for start, end in spans if start < cut < end), cut)
            await sink.write(self._shown(held[:cut]))
            held = held[cut:]
        if held:
            await sink.write(self._shown(held))

    def _shown(self, data: bytes) -> bytes:
        return self._pattern.sub(lambda found: self._paths[found[0]], data)

    def _begun(self, data: bytes) -> int:
        """How many bytes at the end may be the beginning of a path."""
        longest = min(len(data), max(map(len, self._paths)) - 1)
        for length in range(longest, 0, -1):
            if any(path.startswith(data[-length:]) for path in self._paths):
                return length
        return 0


def _host_paths(disk: "Disk") -> dict[bytes, bytes]:
    """What stands for the host in a traceback, and what the machine would say instead."""
    own = {str(behind): mount for mount, behind in disk.mounts.items()}
    own |= {os.path.realpath(behind): mount for mount, behind in disk.mounts.items()}
    own |= {str(disk.root): "", os.path.realpath(disk.root): ""}
    own |= {sys.prefix: "/usr", os.path.realpath(sys.base_prefix): "/usr", sys.base_prefix: "/usr"}
    own[_WALL] = "/usr/bin/python3"
    return {os.fsencode(host): os.fsencode(inside) for host, inside in own.items() if len(host) > 4}


def _environment(shell: "Shell") -> dict[str, str]:
    """The machine's own variables; nothing of the host's."""
    home = str(shell.machine.disk.locate("/root"))
    # The host's loader reads LD_*: these would reach outside of the wall.
    mine = {k: value for k, value in shell.environment().items() if not k.startswith("LD_")}
    scratch = str(shell.machine.disk.locate("/tmp"))  # noqa: S108  the machine's own
    return {**mine, "PATH": "", "HOME": home, "TMPDIR": scratch}
