"""What hosted checks run is what this repository has, and nothing they use can change unseen."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.coverage_gate import Share, failures, gate, shares

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
USED = re.compile(r"uses:\s*(\S+)(.*)")
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_and_names_its_version(path: Path) -> None:
    """A tag can be moved to other code; a commit cannot, and the comment says which it is.

    Of the host's own actions a version is enough: who moves that tag runs the machine anyway.
    """
    used = USED.findall(path.read_text(encoding="utf-8"))
    assert used
    for action, comment in used:
        if not re.fullmatch(r"actions/[\w-]+@v\d+", action):
            assert PINNED.fullmatch(action), action
            assert re.search(r"# v\d+", comment), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_asks_for_no_more_than_reading_unless_a_job_says_why(path: Path) -> None:
    """The token of a run can read the repository; a job that needs more declares it itself."""
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^permissions:(\n  contents: read| \{\})$", text, re.MULTILINE)
    assert "pull_request_target" not in text


def test_every_make_target_of_the_hosted_checks_and_hooks_exists() -> None:
    """A renamed target is found here, not after a push."""
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    asked = set()
    for path in (*WORKFLOWS, ROOT / ".pre-commit-config.yaml"):
        for line in re.findall(
            r"(?:run|entry): make ([a-z ]+)$", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            asked.update(line.split())
    assert asked
    assert asked <= targets


def test_the_hosted_tests_run_on_every_python_that_is_promised() -> None:
    """What the classifiers promise is tested, from the oldest that pyproject.toml admits."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    matrix = re.search(r"os: \[.*\]\n\s+python: \[(.*)\]", text)
    assert matrix
    tested = re.findall(r"3\.\d+", matrix[1])
    prefix = "Programming Language :: Python :: "
    promised = [
        name.removeprefix(prefix)
        for name in project["classifiers"]
        if re.fullmatch(prefix + r"3\.\d+", name)
    ]
    assert promised
    assert set(promised) <= set(tested)
    assert project["requires-python"] == f">={tested[0]}"


def test_the_coverage_gate_names_rooms_that_are_there() -> None:
    """A room that was renamed would otherwise leave the gate without a word."""
    rooms, least = gate()
    package = ROOT / "vast_mcp"
    assert least >= 95
    assert {"guard", "policy"} <= set(rooms)
    for room in rooms:
        assert (package / room).is_dir() or (package / f"{room}.py").is_file(), room


def test_the_coverage_gate_fails_a_room_below_it_and_one_that_is_missing() -> None:
    """Branches of all files of a room count together; a missing room is not a covered one."""
    summary = {"covered_branches": 9, "num_branches": 10}
    report = {"files": {f"vast_mcp/{n}": {"summary": summary} for n in ("guard/a.py", "units.py")}}
    report["files"]["vast_mcp/guard/more/b.py"] = {
        "summary": {"covered_branches": 90, "num_branches": 90}
    }
    found = shares(report)
    assert found["guard"] == Share("guard", 99, 100)
    assert failures(found, ["guard"], 95) == []
    assert failures(found, ["guard", "units", "store"], 95) == [
        "store: not in the report",
        "units: 90.0 % of 10 branches, least 95 %",
    ]
