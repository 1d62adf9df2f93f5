"""What the pictures of the README say, compared with what the demo prints now."""

import re
from html import unescape

from release.facts import ROOT

PICTURES = ("confirmation", "job")
_TEXT = re.compile(r'<text x="([\d.]+)" y="(\d+)"[^>]*>(.*?)</text>')
_VARIES = re.compile(
    r"""\[[A-Z]{6}\]                   # a plan's code
    | (?<=\bjob[-_ ])\w{8}\b | (?<=\bJob[ ])\w{8}\b | (?<=job_id=")\w{8}
    | (?<=\bin[ ])[A-Z]{2}\b       # where the cheapest machine stands
    | (?<=Home:[ ]).*?(?=/checkpoint)  # the demo's home, which may be wrapped
    | (?<=sha256[ ])\w+
    | \d[\d.,]*""",
    re.VERBOSE,
)


def told(name: str) -> list[str]:
    """The rows of a picture, unwrapped, with what differs from run to run taken out."""
    picture = (ROOT / "docs" / "images" / f"{name}.svg").read_text(encoding="utf-8")
    rows: list[str] = []
    edge = min(float(x) for x, _, _ in _TEXT.findall(picture))
    for x, _, text in _TEXT.findall(picture)[1:]:
        if float(x) == edge:
            rows.append("")
        elif rows:
            rows[-1] += f" {unescape(text)}"
    return [masked(row) for row in rows]


def masked(text: str) -> str:
    """One line, without what differs from run to run."""
    return _VARIES.sub("~", " ".join(text.split()))


def stale(printed: str) -> list[str]:
    """Rows of the pictures that the demo does not say any more."""
    said = masked(printed)
    return [row for name in PICTURES for row in told(name) if row not in said]
