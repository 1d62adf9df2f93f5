"""CONTRIBUTING's worked examples are commits of this history, each with the file that it names."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\*\*(A [a-z ]+)\*\* — \"(.+)\"\.$", TEXT, re.MULTILINE)


def history(*words: str) -> str:
    """What git says; skipped where the history is not at hand."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no history here")
    return subprocess.run(
        [git, "-C", str(ROOT), *words], check=True, capture_output=True, text=True
    ).stdout


def test_there_are_four_worked_examples() -> None:
    """A declared read, a declared write, a spending act, a search filter."""
    kinds = [kind for kind, _ in EXAMPLES]
    assert kinds == ["A declared read", "A declared write", "A spending act", "A search filter"]


@pytest.mark.parametrize("subject", [subject for _, subject in EXAMPLES])
def test_each_worked_example_is_a_commit_of_this_history(subject: str) -> None:
    """Whoever looks it up finds it."""
    if history("rev-parse", "--is-shallow-repository").strip() == "true":
        pytest.skip("the history was cut off")
    found = history("log", "--format=%s", "--fixed-strings", f"--grep={subject}").splitlines()
    assert subject in found
