"""What a job printed, as it is kept on this computer: bounded, private, and without its secrets.

A byte here is a byte of the machine's file, so that reading goes on where it stopped: a value is
overwritten by as many bytes as it had, and a tail that may be the beginning of one is not taken
until it is known whether it is.
"""

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

LOG_KEPT = 1_000_000
"""Bytes of each job."""
LOGS_KEPT = 100
DAYS_KEPT = 30
_SHORTEST = 6
_MASK = b"[secret]"
_CHUNK = 1 << 20


def hidden_bytes(values: Iterable[str]) -> tuple[bytes, ...]:
    """The values worth hiding, longest first; shorter ones would match by chance."""
    found = {value.strip().encode() for value in values if len(value.strip()) >= _SHORTEST}
    return tuple(sorted(found, key=len, reverse=True))


def masked(data: bytes, hidden: Collection[bytes]) -> bytes:
    """The same number of bytes with every value overwritten."""
    if not hidden:
        return data
    return _pattern(hidden).sub(
        lambda found: _MASK.ljust(len(found[0]), b"*")[: len(found[0])], data
    )


def complete(data: bytes, hidden: Collection[bytes]) -> bytes:
    """Without a tail that one of the values begins with, and never cut within a value."""
    longest = min(len(data), max(map(len, hidden), default=0))
    lengths = (
        length
        for length in range(longest, 0, -1)
        if any(len(value) > length and data.endswith(value[:length]) for value in hidden)
    )
    cut = len(data) - next(lengths, 0)
    if cut < len(data):
        spans = (found.span() for found in _pattern(hidden).finditer(data))
        cut = next((start for start, end in spans if start < cut < end), cut)
    return data[:cut]


def _pattern(hidden: Collection[bytes]) -> re.Pattern[bytes]:
    """The longest first: of two that begin alike the shorter must not win."""
    return re.compile(b"|".join(map(re.escape, hidden)))


def size_of(path: Path) -> int:
    """How much of the output is here."""
    return path.stat().st_size if path.exists() else 0


def put(path: Path, data: bytes, at: int) -> None:
    """Keep these bytes where they belong, readable for nobody else.

    Not at the end: another server that took the job over may have kept the same bytes meanwhile.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.seek(at)
        file.write(data)


def mask_file(path: Path, hidden: Collection[bytes]) -> None:
    """Overwrite the values in a file that lies here as it came."""
    if not hidden:
        return
    with path.open("r+b") as file:
        at, rest = 0, b""
        while chunk := file.read(_CHUNK):
            whole = rest + chunk
            taken = complete(whole, hidden)
            file.seek(at)
            file.write(masked(taken, hidden))
            at, rest = at + len(taken), whole[len(taken) :]
            file.seek(at + len(rest))
        file.seek(at)
        file.write(masked(rest, hidden))


def prune(folder: Path, now_s: float, keep: Collection[str]) -> int:
    """Delete the logs of jobs that are over, the oldest first; how many were deleted."""
    found = [path for path in folder.glob("*.log") if path.stem not in keep]
    newest_first = sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    oldest_s = now_s - DAYS_KEPT * 86_400
    old = [path for path in newest_first[:LOGS_KEPT] if path.stat().st_mtime < oldest_s]
    for path in [*newest_first[LOGS_KEPT:], *old]:
        path.unlink(missing_ok=True)
    return len(newest_first[LOGS_KEPT:]) + len(old)
