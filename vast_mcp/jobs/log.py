"""What a job printed, as it is kept on this computer: bounded, private, and without secrets.

A byte here is a byte of the machine's file, so that reading goes on where it stopped: a value is
overwritten by as many bytes as it had, and a tail that may be the beginning of one is not taken
until it is known whether it is.
"""

import os
from collections.abc import Collection
from pathlib import Path

from vast_mcp.masking import Needles

LOG_KEPT = 1_000_000
"""Bytes of each job."""
LOGS_KEPT = 100
DAYS_KEPT = 30
_CHUNK = 1 << 20


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


def mask_file(path: Path, hidden: Needles) -> None:
    """Overwrite the values in a file that lies here as it came."""
    if not hidden:
        return
    with path.open("r+b") as file:
        at, rest = 0, b""
        while chunk := file.read(_CHUNK):
            whole = rest + chunk
            taken = whole[: hidden.settled(whole)]
            file.seek(at)
            file.write(hidden.masked(taken))
            at, rest = at + len(taken), whole[len(taken) :]
            file.seek(at + len(rest))
        file.seek(at)
        file.write(hidden.closed(rest))


def prune(folder: Path, now_s: float, keep: Collection[str]) -> int:
    """Delete the logs of jobs that are over, the oldest first; how many were deleted."""
    found = [path for path in folder.glob("*.log") if path.stem not in keep]
    newest_first = sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
    oldest_s = now_s - DAYS_KEPT * 86_400
    old = [path for path in newest_first[:LOGS_KEPT] if path.stat().st_mtime < oldest_s]
    for path in [*newest_first[LOGS_KEPT:], *old]:
        path.unlink(missing_ok=True)
    return len(newest_first[LOGS_KEPT:]) + len(old)
