"""Draws the pictures of the README from the real demo: `make pictures`.

The demo runs as `vast-mcp demo` does, with a screen that keeps what it prints; two passages of it
become SVGs, word for word. A light and a dark reader see the same dark terminal.
"""

import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from types import MappingProxyType

import anyio

from release.facts import ROOT
from vast_mcp.cli._screen import Screen
from vast_mcp.cli.demo import SPEED, Demo
from vast_mcp.text import clean_line

COLUMNS = 88
_LONGEST = 420
_GLYPH_W, _LINE_H, _EDGE, _BAR = 7.83, 19, 20, 34
_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "": "#e5e7eb",
        "dim": "#9ca3af",
        "bold": "#ffffff",
        "red": "#fca5a5",
        "green": "#86efac",
        "yellow": "#fde68a",
        "cyan": "#67e8f9",
    }
)
_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


@dataclass(frozen=True, slots=True)
class Row:
    """What the demo said: who, what, how."""

    who: str
    text: str
    style: str


@dataclass
class Recorder(Screen):
    """A screen that also keeps what it shows."""

    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        """As any screen, without colour."""
        super().__init__(colour=False)

    def say(self, text: str = "", style: str = "") -> None:
        """A paragraph."""
        self.rows.append(Row("", text, style))
        super().say(text, style)

    def _row(self, who: str, text: str, style: str) -> None:
        self.rows.append(Row(who.strip(), str(clean_line(text, _LONGEST)), style))
        super()._row(who, text, style)


def passage(rows: Iterable[Row], head: str) -> list[Row]:
    """The rows of the step that this head begins, without the checks' own line."""
    kept: list[Row] = []
    inside = False
    for row in rows:
        if row.style == "bold" and not row.who and row.text[:1].isdigit():
            inside = row.text.partition(". ")[2].startswith(head)
            continue
        if row.text.startswith("Every step held"):
            break
        if inside:
            kept.append(_spoken(row))
    return kept


def _spoken(row: Row) -> Row:
    before, _, sentence = row.text.strip().partition("The user: ")
    return Row("person", sentence, row.style) if sentence and not before else row


def drawn(title: str, rows: Iterable[Row]) -> str:
    """A terminal window with these rows."""
    lines = [line for row in rows for line in _lines(row)]
    width = round(2 * _EDGE + COLUMNS * _GLYPH_W)
    height = _BAR + 2 * _EDGE + len(lines) * _LINE_H - 8
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(title)}" font-family="{escape(_FONT)}" font-size="13">'
    )
    bar = f'  <path d="M0 10a10 10 0 0 1 10-10h{width - 20}a10 10 0 0 1 10 10v{_BAR - 10}H0z"'
    out = [
        head,
        f"  <title>{escape(title)}</title>",
        f'  <rect width="{width}" height="{height}" rx="10" fill="#111827"/>',
        f'{bar} fill="#1f2937"/>',
    ]
    for number, colour in enumerate(("#f87171", "#fbbf24", "#34d399")):
        out.append(f'  <circle cx="{22 + 20 * number}" cy="{_BAR / 2:g}" r="6" fill="{colour}"/>')
    middle = f'x="{width / 2:g}" y="{_BAR / 2 + 4:g}" text-anchor="middle" fill="#9ca3af"'
    out.append(f"  <text {middle}>{escape(title)}</text>")
    for number, (who, text, style) in enumerate(lines):
        y = _BAR + _EDGE + 8 + number * _LINE_H
        if who:
            out.append(f'  <text x="{_EDGE}" y="{y}" fill="{_COLOURS["dim"]}">{escape(who)}</text>')
        x = _EDGE + 8 * _GLYPH_W
        weight = ' font-weight="bold"' if style == "bold" else ""
        out.append(
            f'  <text x="{x:g}" y="{y}" fill="{_COLOURS[style]}"{weight}'
            f' xml:space="preserve">{escape(text)}</text>'
        )
    return "\n".join([*out, "</svg>", ""])


def _lines(row: Row) -> Iterator[tuple[str, str, str]]:
    who = "✓" if row.who == "ok" else row.who
    for number, line in enumerate(textwrap.wrap(row.text.strip(), COLUMNS - 8) or [""]):
        yield (who if number == 0 else "", line, row.style)


def recorded() -> list[Row]:
    """Everything that one run of the demo says.

    Raises:
        RuntimeError: a step did not hold; no picture is made of that.
    """
    screen = Recorder()
    demo = Demo(screen)
    with tempfile.TemporaryDirectory(prefix="vast-mcp-pictures-") as place:
        anyio.run(demo.hold, Path(place), SPEED)
        home = place  # the demo's home directory, a temporary one
    if demo.verdict():
        raise RuntimeError("the demo did not hold")
    return [replace(row, text=row.text.replace(home, "~")) for row in screen.rows]


def main() -> int:
    """Play the demo once and draw both passages."""
    rows = recorded()
    images = ROOT / "docs" / "images"
    for name, head, title in (
        ("confirmation.svg", "Rent for 4 h", "a rent asks first"),
        ("job.svg", "One sentence", "one sentence, one question"),
    ):
        (images / name).write_text(drawn(title, passage(rows, head)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
