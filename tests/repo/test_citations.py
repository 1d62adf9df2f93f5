"""What code, tests and pages cite is in the repository: a page, and a heading in it."""

import re
from pathlib import Path

import pytest

from tests.repo.headings import headings

ROOT = Path(__file__).parents[2]
PLACES = (
    "*.md",
    "*.toml",
    "Makefile",
    "docs/**/*.md",
    "bench/*.py",
    "release/*.py",
    "vast_mcp/**/*",
    "tests/**/*",
)
CITING = sorted(
    path
    for place in PLACES
    for path in ROOT.glob(place)
    if path.suffix in {".py", ".md", ".toml", ".sh", ""} and path.is_file()
)
CITED = re.compile(r"\bdocs/([\w-]+\.md)(?:#([\w-]+))?")
ELSEWHERE = re.compile(
    r"""§                                               # a numbered section of some other text
    | \b(?:vast-api|live-facts|api-differences|mcp-sdk|coverage|cli-requests)\b(?!\.md\#)
        (?:\.md|\.jsonl)? [ ,]+ (?:[A-Z]?\d | appendix)
    | \b(?:[Ss]afety \s+ [A-Z]\d | Style \s+ \d)
    | \b[Ii]ssue \s+ \d                              # an entry of a list that no reader has
    """,
    re.VERBOSE,
)
"""Assembled from parts that stand nowhere in this file as they would in a citation."""


def citations(text: str) -> set[tuple[str, str]]:
    """Every page that a text cites, with the heading or an empty text."""
    return {(page, heading or "") for page, heading in CITED.findall(text)}


def unfollowed(text: str) -> list[str]:
    """Citations that lead nowhere."""
    lost = []
    for page, heading in sorted(citations(text)):
        path = ROOT / "docs" / page
        if not path.is_file():
            lost.append(f"docs/{page}: no such page")
        elif heading and heading not in headings(path):
            lost.append(f"docs/{page}#{heading}: no such heading")
    return lost


def test_every_citation_leads_to_a_page_and_a_heading_of_the_repository() -> None:
    """A reader who follows one arrives; a heading that is renamed takes its citations along."""
    lost = {
        path.relative_to(ROOT).as_posix(): found
        for path in CITING
        if path != Path(__file__) and (found := unfollowed(path.read_text(encoding="utf-8")))
    }
    assert lost == {}


def test_nothing_is_cited_that_is_not_in_the_repository() -> None:
    """Sections of other texts and entries of lists say nothing to whoever reads here."""
    found = {
        path.relative_to(ROOT).as_posix(): words
        for path in CITING
        if path != Path(__file__) and (words := ELSEWHERE.findall(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_the_code_cites_every_page_that_it_rests_on() -> None:
    """Were the pattern of a citation wrong, the tests above would follow none."""
    cited = {
        page
        for path in CITING
        if path.suffix == ".py"
        for page, heading in citations(path.read_text(encoding="utf-8"))
        if heading
    }
    assert {"design.md", "vendor-api.md", "hazards.md", "architecture.md"} <= cited


@pytest.mark.parametrize(
    "text",
    [
        "Design \N{SECTION SIGN}5: a cap",
        "(vast-api \N{SECTION SIGN}7)",
        "Safety W1: lost",
        "safety M3",
        "Issue 3.4: notices",
        "issue 4",
        "live-facts A4",
        "vast-api, appendix",
    ],
)
def test_the_forms_of_old_citations_are_noticed(text: str) -> None:
    """What must not come back."""
    assert ELSEWHERE.search(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("docs/nowhere.md#limits", "no such page"),
        ("docs/design.md#no-such-part", "no such heading"),
    ],
)
def test_a_citation_that_leads_nowhere_is_named(text: str, said: str) -> None:
    """Negative control of the test that follows them."""
    assert [said in one for one in unfollowed(text)] == [True]


def test_a_citation_that_leads_somewhere_is_followed() -> None:
    """With and without a heading."""
    assert unfollowed("docs/design.md, docs/design.md#limits.") == []
