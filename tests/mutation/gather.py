"""Finds out which test runs which line, once, on a copy of the tree; kept outside the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.mutation.places import GATHERED, Run
from tests.mutation.rooms import ROOT

_COPIED = ("vast_mcp", "tests", "docs", "bench")
_CONFIGURATION = """[run]
source = vast_mcp
relative_files = True
omit =
    */vast_mcp/simulator/*
"""


def copy_tree(place: Path) -> None:
    """The code, the tests and the files beside them, at this place."""
    place.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in _COPIED:
        shutil.copytree(ROOT / name, place / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, place / path.name)
    shared = ROOT.parent / "shared"
    if shared.exists() and not (place.parent / "shared").exists():
        (place.parent / "shared").symlink_to(shared.resolve())


def gather(run: Run) -> None:
    """Run the quick tests under coverage, with the name of the test as context."""
    if run.coverage.exists():
        return
    shutil.rmtree(run.cache / "gathered", ignore_errors=True)
    copy_tree(run.base)
    configuration = run.cache / "gathered" / "coveragerc"
    configuration.write_text(_CONFIGURATION, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(run.workers)]
    command += ["-p", "no:cacheprovider", "-p", "tests.mutation.durations"]
    command += ["--cov=vast_mcp", f"--cov-config={configuration}"]
    command += ["--cov-context=test", "--cov-report="]
    command += [f"tests/{name}" for name in GATHERED]
    command += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_*.py"))
    subprocess.run(
        command,
        cwd=run.base,
        env={
            **os.environ,
            "PYTHONPATH": str(run.base),
            "VMCP_MUTATION_DURATIONS": str(run.durations),
            "COVERAGE_FILE": str(run.coverage),
        },
        check=False,  # a test that fails here is never chosen
    )
