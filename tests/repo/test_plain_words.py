"""What people and models read is plain English, and a loop names what it walks over."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if path.name != "CHANGELOG.md"  # what was said of earlier releases stays as it was said
)
MODULES = sorted((ROOT / "vast_mcp").rglob("*.py"))
FOREIGN = re.compile(
    r"\b(?:dearer|dearest|anew|of ours|is told|half a wish|without a word)\b|\bto the letter\b"
)
MARKER = "# >>> vast-mcp: written anew by `vast-mcp ssh-config`; edit outside these marks"
"""Written into people's files by earlier releases, which are found by it: it stays as it was."""


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text of a module that can be shown: literals, and the fixed parts of f-strings."""
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in documents else ""
        if isinstance(text, str) and text != MARKER and isinstance(node, ast.Constant):
            yield node.lineno, text


def nameless(tree: ast.Module) -> list[int]:
    """The lines of loops and comprehensions whose variable is called `one`."""
    return [
        node.target.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension)
        and isinstance(node.target, ast.Name)
        and node.target.id == "one"
    ]


def test_no_loop_calls_what_it_walks_over_one() -> None:
    """A reader of `for rental in rentals` knows what is in hand."""
    assert [
        f"{path.name}:{line}"
        for path in MODULES
        for line in nameless(ast.parse(path.read_text(encoding="utf-8")))
    ] == []


@pytest.mark.parametrize("source", ["for one in rows: pass", "[one for one in rows]"])
def test_a_nameless_loop_is_noticed(source: str) -> None:
    """The check itself can fail."""
    assert nameless(ast.parse(source)) == [1]


def test_no_text_of_the_product_uses_a_foreign_turn_of_phrase() -> None:
    """Words that were translated rather than written; docstrings are for contributors."""
    assert [
        f"{path.name}:{line}: {text[:60]}"
        for path in MODULES
        for line, text in texts(ast.parse(path.read_text(encoding="utf-8")))
        if FOREIGN.search(text)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_uses_a_foreign_turn_of_phrase(page: Path) -> None:
    """README, contribution guide and documentation."""
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if FOREIGN.search(line)] == []


@pytest.mark.parametrize("text", ["It is dearer.", "run the job anew", "a machine of ours runs"])
def test_a_foreign_turn_of_phrase_is_noticed(text: str) -> None:
    """The check itself can fail."""
    assert FOREIGN.search(text)
