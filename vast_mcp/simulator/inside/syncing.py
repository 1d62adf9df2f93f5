"""`rsync` as far as it needs no second program, and the small text tools: `tr`, `cut`."""

import filecmp
import shutil
from pathlib import Path

from vast_mcp.simulator.inside.reading import opened, portions, split
from vast_mcp.simulator.inside.shell import Builtin, Shell
from vast_mcp.simulator.inside.streams import Streams

_PROTOCOL_ERROR = 12
_RANGES = {"[:lower:]": "a-z", "[:upper:]": "A-Z", "[:digit:]": "0-9", "[:space:]": " \t\n\r"}


async def rsync(shell: Shell, words: list[str], streams: Streams) -> int:
    """`rsync [-a …] [--delete] SOURCE … DEST`, both inside the machine; a trailing / counts.

    What another computer's rsync starts here (`--server`) speaks a protocol that is not simulated.
    """
    options, paths = split(words, valued="e")
    if "version" in options:
        await streams.say("rsync  version 3.2.7  protocol version 31\n")
        return 0
    if "server" in options or any(":" in path for path in paths):
        await streams.complain("rsync: only copies inside the machine are simulated; use scp, sftp")
        return _PROTOCOL_ERROR
    disk = shell.machine.disk
    target = disk.locate(paths[-1], cwd=shell.cwd)
    for path in paths[:-1]:
        source = disk.locate(path, cwd=shell.cwd)
        if not source.exists():
            await streams.complain(f'rsync: link_stat "{path}" failed: No such file or directory')
            return 23
        whole = source.is_dir() and not path.endswith("/")
        into_folder = whole or (source.is_file() and (target.is_dir() or paths[-1].endswith("/")))
        _sync(source, target / source.name if into_folder else target, delete="delete" in options)
    return 0


def _sync(source: Path, target: Path, *, delete: bool) -> None:
    if not source.is_dir() or source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (target.is_file() and filecmp.cmp(source, target, shallow=False)):
            shutil.copy2(source, target, follow_symlinks=False)
        return
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        _sync(path, target / path.name, delete=delete)
    for entry in list(target.iterdir()) if delete else ():
        if not (source / entry.name).exists():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


async def tr(_shell: Shell, words: list[str], streams: Streams) -> int:
    """`tr FROM TO`, `tr -d SET`: letters, ranges, classes, a line end."""
    options, sets = split(words)
    first = _letters(sets[0])
    second = "" if "d" in options else _letters(sets[1])
    table = {
        ord(letter): None if "d" in options else second[min(at, len(second) - 1)]
        for at, letter in enumerate(first)
    }
    async for data in portions(streams.stdin):
        await streams.say(data.decode("utf-8", "surrogateescape").translate(table))
    return 0


def _letters(text: str) -> str:
    text = _RANGES.get(text, text).replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
    found = ""
    while text:
        if len(text) > 2 and text[1] == "-":
            found += "".join(map(chr, range(ord(text[0]), ord(text[2]) + 1)))
            text = text[3:]
        else:
            found, text = found + text[0], text[1:]
    return found


async def cut(shell: Shell, words: list[str], streams: Streams) -> int:
    """`cut -d X -f N[,M|-M]` and `cut -c N-M` of files or standard input."""
    options, paths = split(words, valued="dfc")
    by_field = "f" in options
    mark = options.get("d", "\t")
    for path in paths or ["-"]:
        data = b"".join([part async for part in portions(opened(shell, path, streams))])
        for line in data.decode("utf-8", "surrogateescape").splitlines():
            parts = line.split(mark) if by_field else list(line)
            wanted = _chosen(options["f" if by_field else "c"], len(parts))
            kept = [part for at, part in enumerate(parts, 1) if at in wanted]
            await streams.say((mark if by_field else "").join(kept) + "\n")
    return 0


def _chosen(text: str, last: int) -> set[int]:
    found: set[int] = set()
    for piece in text.split(","):
        low, dash, high = piece.partition("-")
        found |= set(range(int(low or 1), int(high or last if dash else low) + 1))
    return found


COMMANDS: dict[str, Builtin] = {"rsync": rsync, "tr": tr, "cut": cut}
