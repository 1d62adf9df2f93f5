"""The negative control: take one guard away at a time and see the tests fail.

`python -m tests.negative.control [WORDS]` runs all weakenings, or those whose name holds the
words. The tree is copied; nothing here is touched. Exit 1 if one went unnoticed or fits no more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.negative.weakening import Weakening
from tests.negative.weakenings import WEAKENINGS

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 900
_COPIED = ("vast_mcp", "tests", "pyproject.toml", "README.md", "CHANGELOG.md")
_FAILED = 1
"""pytest's exit code for failing tests; any other one is trouble of another kind."""


def misfit(weakening: Weakening) -> str:
    """Why it cannot be applied any more; empty if it can."""
    path = ROOT / weakening.file
    if not path.is_file():
        return f"{weakening.name}: there is no {weakening.file}"
    count = path.read_text(encoding="utf-8").count(weakening.old)
    return "" if count == 1 else f"{weakening.name}: its text stands {count}x in {weakening.file}"


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the tree, in memory where there is such a place."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="vast-mcp-negative-", dir=place) as name:
        tree = Path(name)
        for each in _COPIED:
            if (ROOT / each).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / each, tree / each, ignore=ignored)
            else:
                shutil.copy(ROOT / each, tree / each)
        yield tree


def run(tree: Path, weakening: Weakening) -> tuple[int, str]:
    """The exit code of pytest on its tests in this tree, and the end of what was said."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *weakening.tests],
        cwd=tree,
        env={**os.environ, **dict(weakening.sizes), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout[-1500:] + done.stderr[-500:]


def noticed(tree: Path, weakening: Weakening) -> str:
    """Apply it, run its tests, take it back; what is wrong, or nothing if a test failed."""
    path = tree / weakening.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(weakening.old, weakening.new), encoding="utf-8")
    try:
        code, said = run(tree, weakening)
    finally:
        path.write_text(whole, encoding="utf-8")
    if code == 0:
        return f"{weakening.name}: no test noticed"
    return "" if code == _FAILED else f"{weakening.name}: pytest ended with {code}: {said}"


def main(words: str = "") -> int:
    """Run those whose name holds the words."""
    chosen = [one for one in WEAKENINGS if words in one.name]
    bad = [text for one in chosen if (text := misfit(one))]
    if not bad:
        with copied() as tree:
            for number, one in enumerate(chosen, start=1):
                wrong = noticed(tree, one)
                bad += [wrong] if wrong else []
                word = "NOT NOTICED" if wrong else "noticed"
                sys.stdout.write(f"{number}/{len(chosen)} {word}: {one.name}\n")
                sys.stdout.flush()
    for text in bad:
        sys.stdout.write(f"{text}\n")
    sys.stdout.write(f"{len(chosen) - len(bad)} of {len(chosen)} weakenings noticed\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
