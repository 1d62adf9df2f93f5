"""The documents say what the code does: generated parts are current, the changelog is readable."""

import ast
import base64
import inspect
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from release.buttons import BUTTONS, picture
from release.documents import documents, renewed
from release.facts import ARGUMENTS, COMMAND, facts
from tests.repo.headings import headings
from vast_mcp.cli.codes import MEANING
from vast_mcp.cli.main import COMMANDS
from vast_mcp.prompts import PROMPTS
from vast_mcp.served import TOOLS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
PARTS = {
    "README.md": {"buttons", "block"},
    "docs/commands.md": {"help", "codes", "faults", "commands"},
    "docs/limits.md": {"limits", "variables"},
    "docs/clients.md": {"places"},
    "docs/not-seen-live.md": {"seen", "unseen"},
    "docs/refusals.md": {"vendor_refusals", "policy_refusals"},
    "docs/tools.md": {"tools", "prompts", "resources"},
}
"""Where each generated part stands at least."""


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", [page.relative_to(ROOT).as_posix() for page in documents()])
def test_the_generated_tables_are_current(document: str) -> None:
    """`make docs` would change nothing; argparse's columns differ between Pythons."""
    text = _page(document)
    assert renewed(text).split() == text.split(), "run `make docs`"


@pytest.mark.parametrize("document", PARTS)
def test_every_generated_part_has_a_page(document: str) -> None:
    """A table that is lost in an edit is noticed."""
    assert PARTS[document] <= set(re.findall(r"<!-- generated: (\w+) -->", _page(document)))


def test_the_readme_is_one_screen_and_a_half() -> None:
    """The rest stands in `docs/`."""
    assert len(README.splitlines()) <= 150


def test_every_button_carries_the_entry_that_the_readme_shows() -> None:
    """What a client is handed by a link is what a person would type; the pictures are current."""
    block = re.search(r"```json\n(.*?)\n```", README, re.DOTALL)
    assert block
    entry = json.loads(block[1])["mcpServers"]["vast"]
    assert entry == {"command": COMMAND, "args": list(ARGUMENTS)}
    for name, (words, link) in BUTTONS.items():
        asked = parse_qs(urlsplit(link()).query)
        text = asked["config"][0]
        carried = json.loads(text if text.startswith("{") else base64.b64decode(text))
        assert asked["name"] == ["vast"]
        assert {key: carried[key] for key in ("command", "args")} == entry
        assert f"({link()})" in README
        assert _page(f"docs/images/add-{name}.svg") == picture(words)


TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
PARAMETERS = {spec.name: set(inspect.signature(spec.function).parameters) for spec in TOOLS}
CALL = re.compile(r"(?:^|`)(\w+)\(((?:[^()`]|\([^()`]*\))*)\)(?:$|`)", re.MULTILINE)


def calls(text: str) -> list[tuple[str, str]]:
    """Every call of a tool that a page shows: its name and its arguments."""
    return CALL.findall(text)


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.name)
def test_calls_in_tutorials_name_real_tools_and_real_parameters(page: Path) -> None:
    """A reader can compare what the model does; a renamed parameter takes the page along."""
    for tool, arguments in calls(page.read_text(encoding="utf-8")):
        assert tool in PARAMETERS, tool
        call = ast.parse(f"f({arguments})", mode="eval").body
        assert isinstance(call, ast.Call)
        assert not call.args, f"{tool}: name every argument"
        assert {word.arg for word in call.keywords} <= PARAMETERS[tool], tool


def test_tutorials_show_most_tools_and_every_prompt() -> None:
    """None of the workflows is left out, and the check above sees the calls."""
    text = "".join(page.read_text(encoding="utf-8") for page in TUTORIALS)
    assert len({tool for tool, _ in calls(text)}) >= 18
    assert [spec.name for spec in PROMPTS if f"`{spec.name}`" not in text] == []
    assert calls("`show_logs(x=1)`") == [("show_logs", "x=1")]


def test_every_page_stands_for_the_same_owner() -> None:
    """The placeholder in addresses is the one that pyproject decides."""
    owner = facts().repository.split("/")[3]
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    named = re.findall(r"(?:github\.com/|marketplace add |--repo )([\w-]+)/vast-mcp", pages)
    assert set(named) == {owner}
    assert f"mcp-name: {facts().registry_name} " in README


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
def test_every_tool_stands_on_its_page(name: str) -> None:
    """A reader can find each."""
    assert f"`{name}`" in _page("docs/tools.md")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_on_its_page(command: str) -> None:
    """A reader can find each, with what it says of itself."""
    assert f"\n### {command}\n" in _page("docs/commands.md")


def test_every_exit_code_is_explained() -> None:
    """Scripts rely on them."""
    for code, meaning in MEANING.items():
        assert f"| {code.value} | {meaning} |" in _page("docs/commands.md")


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
    for pattern in ("*.md", "docs/**/*.md", "tests/recorded/**/*.md")
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
