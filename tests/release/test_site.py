"""The documentation as a site: complete, strict, and without anything from elsewhere."""

import re
import sys
from pathlib import Path

import pytest

from release.facts import ROOT, facts
from release.site import outward
from tests.release.programs import run

MKDOCS = Path(sys.executable).with_name("mkdocs")
SETTINGS = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_every_page_stands_in_the_navigation() -> None:
    """And the site's repository is the project's."""
    listed = set(re.findall(r"- (?:Home: )?([\w/-]+\.md)$", SETTINGS, re.MULTILINE))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert listed == pages
    assert f"repo_url: {facts().repository}\n" in SETTINGS


@pytest.mark.parametrize(
    ("folder", "link", "becomes"),
    [
        ("docs", "../SECURITY.md", "https://x/blob/main/SECURITY.md"),
        ("docs", "../tests/a.py#b", "https://x/blob/main/tests/a.py#b"),
        ("docs/tutorials", "../limits.md#layers", "../limits.md#layers"),
        ("docs/clients", "../../README.md", "https://x/blob/main/README.md"),
    ],
)
def test_links_out_of_the_documentation_lead_to_the_repository(
    folder: str, link: str, becomes: str
) -> None:
    """Others stay as they are."""
    assert outward(f"see [it]({link}).", folder, "https://x/blob/main") == f"see [it]({becomes})."


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Every link and heading leads somewhere; it can be read without a network."""
    if not MKDOCS.exists():
        pytest.skip("the documentation's builder is not installed; `make site` does it")
    done = run(MKDOCS, "build", "--quiet", "--strict", "-f", ROOT / "mkdocs.yml", "-d", tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = re.compile(r'<(?:script|img|link rel="stylesheet")[^>]*(?:src|href)="(https?:[^"]+)"')
    for page in tmp_path.rglob("*.html"):
        assert loaded.findall(page.read_text(encoding="utf-8")) == [], page.name
