"""Promise: the state of leases and jobs has names and types; a misspelt one fails the type check.

State in string dictionaries is read as a default wherever a key is misspelt, and a machine is then
ended, or not ended, by a fact that was never there.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORED = {"store/_facts_codec.py", "store/_codec.py", "store/facts.py"}
"""Where facts meet the names they are stored under."""
SIMULATOR = ROOT / "vast_mcp" / "simulator"
UNTYPED = {"details", "carried"}
"""Attributes that are dictionaries of the store's alone."""
BY_NAME = {"fact", "term"}
"""Methods that once gave a job's state for a string."""
STATE = {"facts", "spec", "said", "snapshot", "approved"}
"""Attributes that are dataclasses, or what a plan keeps of one: no key of theirs is read."""
SHOWN = {"partition", "rpartition", "split", "rsplit"}
WRONG = {
    "replace(LeaseFacts(), mised=1)": 'Unexpected keyword argument "mised"',
    'replace(LeaseFacts(), missed="1")': 'Argument "missed"',
    "LeaseFacts().mised": '"LeaseFacts" has no attribute "mised"',
    "tx.update_rental(one, runing=False)": 'Unexpected keyword argument "runing"',
    "tx.update_rental(one, facts={})": 'Argument "facts"',
    "KeyState.GIVN": 'has no attribute "GIVN"',
    "replace(JobFacts(), losst=1)": 'Unexpected keyword argument "losst"',
    'replace(JobFacts(), lost="1")': 'Argument "lost"',
    "RENT_AGREEMENT.decode({}).rat": '"RentAgreement" has no attribute "rat"',
    "MACHINE_IDENTITY.decode({}).instance": '"MachineIdentity" has no attribute "instance"',
    "job.spec.on_ends": '"JobSpec" has no attribute "on_ends"',
    "job.facts.verifed": '"JobFacts" has no attribute "verifed"',
    "tx.update_job(job, facst=JobFacts())": 'Unexpected keyword argument "facst"',
    "tx.update_job(job, spec={})": 'Argument "spec"',
}
"""A mistake → what the type checker says of it."""


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "vast_mcp").rglob("*.py")):
        name = path.relative_to(ROOT / "vast_mcp").as_posix()
        if SIMULATOR not in path.parents and name not in STORED:
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def untyped(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and what is wrong with it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in UNTYPED:
            yield node.lineno, f"reads .{node.attr}"
        if isinstance(node, ast.keyword) and node.arg == "details":
            yield node.lineno, f"writes {node.arg}="
        if isinstance(node, ast.Subscript) and _is_state(node.value):
            yield node.lineno, f"indexes {ast.unparse(node.value)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            words = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if node.func.attr in BY_NAME and any(isinstance(one, str) for one in words):
                yield node.lineno, f"reads {ast.unparse(node)}"
            if node.func.attr == "get" and _is_state(node.func.value):
                yield node.lineno, f"reads {ast.unparse(node)}"
            if node.func.attr in SHOWN and {"x", "x "} & {str(one) for one in words}:
                yield node.lineno, "parses a shown count of GPUs"


def _is_state(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in STATE


def test_nobody_outside_the_store_reads_state_out_of_a_dictionary() -> None:
    """One codec knows the stored names; everybody else has typed fields."""
    found = [f"{name}:{line} {what}" for name, tree in _modules() for line, what in untyped(tree)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'rental.details.get("missed")', "tx.update_rental(one, details={})", "facts.carried",
        'rental.facts.carried["missed"]', 'shown.partition("x ")[2]', 'gpu.split("x", 1)',
        'desk.fact("lost", 0)', 'desk.term("hours")', 'job.facts.get("started")',
        'errand.approved["rate_micros"]', 'sight.snapshot.get("gpu", "")',
        'job.spec["command"]', 'self.job.said.get("why")',
    ],
)  # fmt: skip
def test_each_way_to_untyped_state_is_seen(line: str) -> None:
    """A check that cannot fail would hold nothing."""
    assert list(untyped(ast.parse(line)))


def test_a_misspelt_or_mistyped_fact_fails_the_type_check(tmp_path: Path) -> None:
    """Each mistake in a file of its own line, all told by name."""
    lines = [
        "from dataclasses import replace",
        "from vast_mcp.store import MACHINE_IDENTITY, RENT_AGREEMENT, Job, JobFacts, KeyState",
        "from vast_mcp.store import LeaseFacts, Rental, Transaction",
        "def wrong(tx: Transaction, one: Rental, job: Job) -> None:",
        *(f"    {line}" for line in WRONG),
    ]
    planted = tmp_path / "planted.py"
    planted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", str(planted)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    ).stdout  # fmt: skip
    missing = [
        line for number, (line, said) in enumerate(WRONG.items(), start=5)
        if not any(f":{number}:" in row and said in row for row in told.splitlines())
    ]  # fmt: skip
    assert missing == [], told
