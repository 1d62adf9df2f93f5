"""Headings of a Markdown page, as the last part of a link names them."""

import re
from pathlib import Path


def headings(page: Path) -> set[str]:
    """Every heading of the page: lower case, no punctuation, hyphens for blanks."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found}
