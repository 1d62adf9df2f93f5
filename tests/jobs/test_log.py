"""What a job printed, as it is kept: no secret in any piece of it, no more than agreed."""

import os
from pathlib import Path

from vast_mcp.jobs.log import (
    DAYS_KEPT,
    LOGS_KEPT,
    mask_file,
    prune,
    put,
    size_of,
)
from vast_mcp.masking import Needles

HIDDEN = Needles(["hunter-2", "hunter-222"])


def test_a_whole_log_is_masked_where_it_lies(tmp_path: Path) -> None:
    """The part beyond a megabyte comes home as a file: the same holds, across its chunks."""
    path = tmp_path / "out"
    text = b"x" * ((1 << 20) - 3) + b"hunter-222" + b"y" * (1 << 20) + b"hunter-2"
    path.write_bytes(text)
    mask_file(path, HIDDEN)
    assert path.read_bytes() == HIDDEN.masked(text)
    assert b"hunter" not in path.read_bytes()


def test_old_logs_go_and_those_of_open_jobs_stay(tmp_path: Path) -> None:
    """A bound on number and age; each has a bound of its own."""
    now_s = 2_000_000_000.0
    for number in range(LOGS_KEPT + 10):
        path = tmp_path / f"{number:03}.log"
        put(path, b"said", 0)
        days = DAYS_KEPT + 1 if number < 20 else 1
        os.utime(path, (now_s - days * 86_400 + number,) * 2)
    assert prune(tmp_path, now_s, keep={"000", "001"}) == 18
    left = {path.stem for path in tmp_path.iterdir()}
    assert {"000", "001", "020"} <= left
    assert "019" not in left
    assert prune(tmp_path / "nowhere", now_s, keep=()) == 0


def test_a_log_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600 in a directory of mode 0700."""
    path = tmp_path / "jobs" / "one.log"
    put(path, b"a", 0)
    put(path, b"b", 1)
    assert (size_of(path), path.stat().st_mode & 0o777) == (2, 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700
