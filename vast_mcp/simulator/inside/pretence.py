"""Programs that a simulated machine does not run: it says so, and leaves marked placeholders.

Nothing of a program is read, parsed or executed here. What a caller sees: one line that it was
simulated, some simulated seconds with a busy GPU, an exit status, and a placeholder for every
output that was named. No number is made up.
"""

import json
import os
import posixpath
import shlex
from typing import TYPE_CHECKING

from vast_mcp.simulator.inside.streams import Streams

if TYPE_CHECKING:
    from vast_mcp.simulator.inside.shell import Shell

NAMES = (
    "python", "python3", "torchrun", "accelerate", "deepspeed", "pip", "pip3", "uv", "conda",
    "ipython", "jupyter", "ollama", "vllm", "node", "npm", "git", "ffmpeg", "make", "gcc",
)  # fmt: skip
OUTPUTS = "VMCP_OUTPUTS"
"""Names the outputs that a job brings home, quoted as shell words."""
STATUS = "SIMULATED_EXIT"
"""The exit status that a player wants to see instead of 0."""
SECONDS = "SIMULATED_SECONDS"
_LASTS_S = 5.0
_LONGEST_S = 86_400.0
_OUTPUT_FLAGS = ("-o", "--out", "--output", "--output-dir", "--output_dir", "--out-dir", "--save")
_MARK = "SIMULATED PLACEHOLDER: no program ran on this machine, nothing here was computed."
_RUNNERS = {"python": (), "python3": (), "ipython": (), "torchrun": (), "node": ()}


async def pretend(shell: "Shell", words: list[str], streams: Streams) -> int:
    """Any program: a missing script is found missing, everything else "ran"."""
    name = posixpath.basename(words[0])
    script = _script(words) if name in _RUNNERS else ""
    if script and not shell.machine.disk.locate(script, cwd=shell.cwd).is_file():
        await streams.complain(f"{name}: can't open file '{script}': No such file or directory")
        return 2
    have = shell.environment()
    status = _number(have.get(STATUS, ""), 0.0, 255.0)
    shown = " ".join(words[:2]) if len(words) > 1 and not words[1].startswith("-") else name
    await streams.say(
        f"[simulated] {shown} was not run: this machine is simulated and executes no programs."
        f" It ends with exit status {int(status)}; its named outputs are placeholders.\n"
    )
    shell.process.pretends = True
    try:
        await shell.machine.clock.sleep(_number(have.get(SECONDS, ""), _LASTS_S, _LONGEST_S))
    finally:
        shell.process.pretends = False
    if not status:
        for path in [*_named(have.get(OUTPUTS, "")), *_flagged(words)]:
            _place(shell, path)
    return int(status)


def _script(words: list[str]) -> str:
    """The file that an interpreter is given; empty for `-c`, `-m`, `--version` or none."""
    rest = words[1:]
    while rest and rest[0] in ("-u", "-B", "-s", "-E", "-O", "-I"):
        rest = rest[1:]
    return rest[0] if rest and not rest[0].startswith("-") else ""


def _number(text: str, otherwise: float, most: float) -> float:
    """A number from the environment, within bounds."""
    try:
        number = float(text)
    except ValueError:
        return otherwise
    return min(most, max(0.0, number)) if number == number else otherwise  # noqa: PLR0124  NaN


def _named(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _flagged(words: list[str]) -> list[str]:
    """What stands behind an option that names an output."""
    found = []
    for word, following in zip(words, [*words, ""][1:], strict=True):
        flag, equals, value = word.partition("=")
        if flag in _OUTPUT_FLAGS:
            found.append(value if equals else following)
    return [path for path in found if path and not path.startswith("-")]


def _place(shell: "Shell", path: str) -> None:
    """A marked file, or a directory that holds one; what is there already stays as it is."""
    disk = shell.machine.disk
    if path.endswith("/") or not posixpath.splitext(path)[1]:
        if disk.locate(path, cwd=shell.cwd).is_file():
            return
        path = posixpath.join(path, "SIMULATED.txt")
    where = disk.locate(path, cwd=shell.cwd)
    if where.exists():
        return
    where.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"simulated": True, "note": _MARK}) if path.endswith(".json") else _MARK
    descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
