"""Promise: what is put together is whole when it is handed out.

An object that is completed later works in every order of calls but one, and that one is met in a
crash. Such wiring shows as an attribute that begins as nothing and is asserted to be there by now,
or as a method that hands in what the constructor could not have.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from vast_mcp.account.context import Account
from vast_mcp.session import Session

PACKAGE = Path(__file__).parents[2] / "vast_mcp"
LATE_METHODS = {"connect", "wire", "bind", "attach", "inject", "install", "set_up"}
"""Names under which parts are handed in afterwards."""
_OWN_PART = re.compile(r"^self\.\w+ is not None$")
FREE = {"simulator", "cli"}
"""The simulator is another program; a command's scene has a client only while it plays."""


def completed_later(tree: ast.Module) -> Iterator[str]:
    """What shows that an object is handed out before it is whole."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield from _OWN_PART.findall(ast.unparse(node.test))
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{one}" for one in _late_methods(node))


def _late_methods(kind: ast.ClassDef) -> Iterator[str]:
    for method in kind.body:
        if not isinstance(method, ast.FunctionDef) or method.name not in LATE_METHODS:
            continue
        for node in ast.walk(method):
            targets = node.targets if isinstance(node, ast.Assign) else ()
            if any("self." in ast.unparse(target) for target in targets):
                yield method.name
                break


def test_nothing_is_completed_after_it_was_handed_out() -> None:
    """Account, guard, jobs, session, keeper: each is made of what was made before it."""
    found = [
        f"{path.relative_to(PACKAGE)}: {said}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in FREE
        for said in completed_later(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "class Jobs:\n def open(self): assert self._guard is not None",
        "class Jobs:\n def connect(self, guard): self._guard, self._x = guard, 1",
    ],
)
def test_late_wiring_is_seen(text: str) -> None:
    """A check that cannot fail would hold nothing."""
    assert list(completed_later(ast.parse(text)))


@pytest.mark.parametrize("kind", [Account, Session])
def test_what_is_handed_out_is_frozen_and_has_no_part_that_may_be_missing(kind: type) -> None:
    """The one context of an account, and what a face is handed."""
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert [one.name for one in fields(kind) if "None" in str(one.type)] == []
