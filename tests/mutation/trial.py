"""One mutant on trial: the change is written, its tests run in a forked process, it is undone.

The worker has imported the libraries that the tests import, and nothing of this project: the fork
starts in a tenth of the time of a new interpreter, and each sees the mutated modules fresh.
"""

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pytest

from tests.mutation.change import Change
from tests.mutation.reach import Timed

Verdict: TypeAlias = Literal["killed", "survived", "timed out", "uncovered", "trouble"]

_THEIRS: Final = ("mcp", "mcp.client", "httpx2", "pydantic", "asyncssh", "anyio", "hypothesis")
_START_S: Final = 60
"""What a fork may take besides its tests, on a machine with other work."""
_SLOWER: Final = 6
"""How much longer the tests of a mutant may take than when they were gathered."""
_BROKEN: Final = 99
"""The exit code of a fork in which pytest itself fell over: it shows nothing about a mutant."""
_OPTIONS: Final = (
    "-x",
    "-q",
    "--no-header",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",  # the worker has imported the plugins already
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:cov",
    "-p",
    "no:unraisableexception",  # of a killed mutant something is often left open
)


@dataclass(frozen=True)
class Outcome:
    """How it ended, by which test, and the last that pytest said."""

    verdict: Verdict
    by: str
    said: str


def prepare() -> None:
    """Import what every fork needs; once per worker."""
    for name in _THEIRS:
        importlib.import_module(name)


def judged(tree: Path, change: Change, tests: list[Timed]) -> Outcome:
    """Run these tests against the changed tree."""
    if not tests:
        return Outcome("uncovered", "", "no test runs this line")
    with _changed(tree, change):
        return attempt(tree, tests)


@contextlib.contextmanager
def _changed(tree: Path, change: Change) -> Iterator[None]:
    """The tree with the change. Times of files move, so that no stale byte code is run."""
    path = tree / change.file
    source, stood = path.read_bytes(), path.stat()
    path.write_bytes(change.applied(source))
    os.utime(path, ns=(stood.st_atime_ns, stood.st_mtime_ns - 3_600_000_000_000))
    try:
        yield
    finally:
        path.write_bytes(source)
        os.utime(path, ns=(stood.st_atime_ns, stood.st_mtime_ns))


def attempt(tree: Path, tests: list[Timed]) -> Outcome:
    """Run these tests in a fork of their own, quickest first, until the first that fails."""
    log = tree.parent / f"{tree.name}.log"
    bound_s = _START_S + _SLOWER * sum(each.seconds for each in tests)
    process = multiprocessing.get_context("fork").Process(
        target=_run, args=(tree, [each.test for each in tests], log)
    )
    process.start()
    process.join(bound_s)
    late = process.is_alive()
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever the tests have started as well
    process.join()
    said = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    if late:
        return Outcome("timed out", "", said[-300:])
    return _read(process.exitcode, said)


def _read(code: int | None, said: str) -> Outcome:
    """0 is all passed, 1 a test failed, 2 to 4 it could not collect."""
    failed = [line for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    by = failed[0].split(" - ")[0].partition(" ")[2] if failed else ""
    if code == 0:
        return Outcome("survived", "", said[-120:])
    if by and code in {1, 2}:
        return Outcome("killed", by, said[-300:])
    if code == 4 and "Error" in said:  # the conftest or the package cannot be imported
        return Outcome("killed", "import", said[-300:])
    return Outcome("trouble", "", f"exit {code}: {said[-800:]}")


def _run(tree: Path, tests: list[str], log: Path) -> None:
    """The fork: a session of its own, its words in a file, the tree before everything else."""
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.chdir(tree)
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.path.insert(0, str(tree))
    for name in [each for each in sys.modules if each == "tests" or each.startswith("tests.")]:
        del sys.modules[name]  # the worker's own: the tests import those of the tree
    try:
        code = int(pytest.main([*_OPTIONS, *tests]))
    except BaseException:  # noqa: BLE001  the fork must end here, whatever happened
        traceback.print_exc()
        code = _BROKEN
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
