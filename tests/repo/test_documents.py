"""The documents say what the code does: generated parts are current, the changelog is readable."""

import re
from pathlib import Path

import pytest

from tests.repo.headings import headings
from vast_mcp.cli.codes import MEANING
from vast_mcp.cli.main import COMMANDS
from vast_mcp.cli.readme import renewed
from vast_mcp.server import TOOLS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("document", ["README.md", "docs/not-seen-live.md", "docs/refusals.md"])
def test_the_generated_tables_are_current(document: str) -> None:
    """`make docs` would change nothing; argparse's columns differ between Pythons."""
    text = (ROOT / document).read_text(encoding="utf-8")
    assert "<!-- generated:" in text
    assert renewed(text).split() == text.split(), "run `make docs`"


def test_every_rule_that_refuses_stands_in_the_table_with_a_step() -> None:
    """A new rule needs a row: what is said, what the model does next, what the person can do."""
    table = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    sources = "".join(
        p.read_text(encoding="utf-8") for p in (ROOT / "vast_mcp/policy").glob("*.py")
    )
    rules = set(re.findall(r'(?:deny|Reason)\(\s*f?"([a-z_]+(?:\.[a-z_]+)?)["{]', sources))
    assert len(rules) > 18
    for rule in rules:
        rows = [line for line in table.splitlines() if line.startswith(f"| `{rule}")]
        assert rows, f"{rule} has no row"
        assert all(len(cell.strip()) > 8 for row in rows for cell in row.split("|")[2:5])


@pytest.mark.parametrize("name", [spec.name for spec in TOOLS])
def test_every_tool_stands_in_the_readme(name: str) -> None:
    """A reader can find each."""
    assert f"`{name}`" in README


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_readme(command: str) -> None:
    """A reader can find each."""
    assert command in README


def test_every_exit_code_is_explained() -> None:
    """Scripts rely on them."""
    for code, meaning in MEANING.items():
        assert f"| {code.value} | {meaning} |" in README


def test_the_changelog_keeps_its_form() -> None:
    """Keep a Changelog: newest first, an unreleased part, known headings, ISO dates."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\](?: - (.+))?$", text, re.MULTILINE)
    assert versions[0][0] == "Unreleased"
    assert len(versions) >= 2
    for _, date in versions[1:]:
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", date)
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= SECTIONS


DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "tests/recorded/**/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_inside_the_repository_lead_somewhere(document: str) -> None:
    """Files and headings that are pointed at exist."""
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, heading = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), target
        if heading:
            assert heading in headings(found), target


ROOMS = sorted(
    path.stem
    for path in (ROOT / "vast_mcp").iterdir()
    if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("_")
)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_stands_in_the_page_on_architecture(room: str) -> None:
    """A stranger finds what each folder and single module decides."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("## Rooms") : text.index("## A rent")]
    assert f"`{room}`" in table


@pytest.mark.parametrize("page", ["architecture.md", "glossary.md", "README.md"])
def test_modules_that_a_page_names_exist(page: str) -> None:
    """When a module moves, the page that leads to it moves too."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.py)?)`", text):
        places = (ROOT / name, ROOT / "vast_mcp" / name)
        assert any(place.exists() for place in places), name
