"""Commands that read files and streams: cat, head, tail, wc, checksums, grep, sort, tee."""

import hashlib
import os
import re
from collections.abc import AsyncIterator

from vast_mcp.simulator.inside.shell import Builtin, Shell
from vast_mcp.simulator.inside.streams import File, Source, Streams


def split(words: list[str], valued: str = "") -> tuple[dict[str, str], list[str]]:
    """Short and long options, and the rest. `valued` letters take the next word or what follows."""
    options: dict[str, str] = {}
    rest: list[str] = []
    left = words[1:]
    while left:
        word, left = left[0], left[1:]
        if word == "--":
            return options, rest + left
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            options[name] = value
        elif len(word) > 1 and word[0] == "-" and word[1] in valued:
            value = word[2:]
            if not value:
                value, left = left[0], left[1:]
            options[word[1]] = value
        elif len(word) > 1 and word[0] == "-":
            options |= dict.fromkeys(word[1:], "")
        else:
            rest.append(word)
    return options, rest


def opened(shell: Shell, path: str, streams: Streams) -> Source:
    """A file of the machine, or standard input for `-`."""
    if path == "-":
        return streams.stdin
    return File(shell.machine.disk.open(path, os.O_RDONLY, cwd=shell.cwd))


async def portions(source: Source) -> AsyncIterator[bytes]:
    """Everything a source holds, piece by piece."""
    while data := await source.read():
        yield data


async def _whole(source: Source) -> bytes:
    return b"".join([data async for data in portions(source)])


async def cat(shell: Shell, words: list[str], streams: Streams) -> int:
    """`cat [FILE …]`."""
    _, paths = split(words)
    for path in paths or ["-"]:
        async for data in portions(opened(shell, path, streams)):
            await streams.out.write(data)
    return 0


async def head(shell: Shell, words: list[str], streams: Streams) -> int:
    """`head`, `tail` with `-n N`, `-c N`, `-N`, and tail's `+N`; `-f` is refused."""
    words = [re.sub(r"^-(\d+)$", r"-n\1", word) for word in words]
    options, paths = split(words, "nc")
    if "f" in options or "F" in options:
        await streams.complain("tail: -f is not supported by the simulator's shell")
        return 2
    text = (
        options.get("c") or options.get("bytes") or options.get("n") or options.get("lines") or "10"
    )
    by_bytes = "c" in options or "bytes" in options
    for path in paths or ["-"]:
        data = await _whole(opened(shell, path, streams))
        count = len(data) if by_bytes else len(data.splitlines())
        low, high = _span(words[0], text, count)
        lines = data.splitlines(keepends=True)
        await streams.out.write(data[low:high] if by_bytes else b"".join(lines[low:high]))
    return 0


def _span(name: str, text: str, count: int) -> tuple[int, int]:
    """The first and behind the last of `count` things that are asked for."""
    number = int(text.lstrip("+-"))
    if name == "head":
        return 0, max(0, count - number) if text.startswith("-") else number
    return (max(0, number - 1) if text.startswith("+") else max(0, count - number)), count


async def wc(shell: Shell, words: list[str], streams: Streams) -> int:
    """`wc [-l] [-w] [-c] [FILE …]`."""
    options, paths = split(words)
    wanted = [x for x in "lwc" if x in options] or list("lwc")
    for path in paths or ["-"]:
        counts = dict.fromkeys("lwc", 0)
        async for data in portions(opened(shell, path, streams)):
            counts["l"] += data.count(b"\n")
            counts["w"] += len(data.split())
            counts["c"] += len(data)
        shown = " ".join(str(counts[x]) for x in wanted)
        await streams.say(f"{shown} {path}\n" if paths else f"{shown}\n")
    return 0


async def checksum(shell: Shell, words: list[str], streams: Streams) -> int:
    """`sha256sum`, `sha1sum`, `md5sum` `[-c] [FILE …]`."""
    options, paths = split(words)
    kind = words[0].removesuffix("sum")
    wrong = 0
    for path in paths or ["-"]:
        if "c" in options or "check" in options:
            wrong |= await _checked(shell, kind, opened(shell, path, streams), streams)
        else:
            await streams.say(f"{await _digest(kind, opened(shell, path, streams))}  {path}\n")
    return wrong


async def _digest(kind: str, source: Source) -> str:
    digest = hashlib.new(kind, usedforsecurity=False)
    async for data in portions(source):
        digest.update(data)
    return digest.hexdigest()


async def _checked(shell: Shell, kind: str, listing: Source, streams: Streams) -> int:
    wrong = 0
    for line in (await _whole(listing)).decode("utf-8", "surrogateescape").splitlines():
        wanted, _, path = line.partition("  ")
        same = await _digest(kind, opened(shell, path, streams)) == wanted
        wrong = wrong if same else 1
        await streams.say(f"{path}: {'OK' if same else 'FAILED'}\n")
    return wrong


async def grep(shell: Shell, words: list[str], streams: Streams) -> int:
    """`grep [-q] [-v] [-i] [-c] [-F] [-E] PATTERN [FILE …]`."""
    options, rest = split(words, "e")
    pattern = options.get("e") or rest.pop(0)
    if "F" in options:
        pattern = re.escape(pattern)
    wanted = re.compile(pattern.encode(), re.IGNORECASE if "i" in options else 0)
    count = 0
    for path in rest or ["-"]:
        for line in (await _whole(opened(shell, path, streams))).splitlines():
            if bool(wanted.search(line)) == ("v" in options):
                continue
            count += 1
            if not {"q", "c"} & set(options):
                await streams.out.write(line + b"\n")
    if "c" in options:
        await streams.say(f"{count}\n")
    return int(count == 0)


async def sort(shell: Shell, words: list[str], streams: Streams) -> int:
    """`sort [-r] [-u] [-n] [FILE …]`, `uniq`."""
    options, paths = split(words)
    lines: list[bytes] = []
    for path in paths or ["-"]:
        lines += (await _whole(opened(shell, path, streams))).splitlines()
    if words[0] == "sort":
        lines.sort(reverse="r" in options)
        if "n" in options:
            lines.sort(key=lambda line: float(line.split()[0]), reverse="r" in options)
    if "u" in options or words[0] == "uniq":
        lines = [line for at, line in enumerate(lines) if at == 0 or lines[at - 1] != line]
    await streams.out.write(b"".join(line + b"\n" for line in lines))
    return 0


async def tee(shell: Shell, words: list[str], streams: Streams) -> int:
    """`tee [-a] FILE …`."""
    options, paths = split(words)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if "a" in options else os.O_TRUNC)
    files = [File(shell.machine.disk.open(path, flags, cwd=shell.cwd)) for path in paths]
    async for data in portions(streams.stdin):
        for sink in (streams.out, *files):
            await sink.write(data)
    return 0


COMMANDS: dict[str, Builtin] = {
    "cat": cat,
    "head": head,
    "tail": head,
    "wc": wc,
    "sha256sum": checksum,
    "sha1sum": checksum,
    "md5sum": checksum,
    "grep": grep,
    "sort": sort,
    "uniq": sort,
    "tee": tee,
}
