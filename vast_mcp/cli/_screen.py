"""What the demo shows: readable on paper, coloured on a terminal that wants it."""

import json
import os
import sys
import textwrap
from collections.abc import Mapping

from vast_mcp.text import clean_line

_WIDTH = 96
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_LONGEST = 420


class Screen:
    """Prints one conversation."""

    def __init__(self, *, colour: bool | None = None) -> None:
        wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._colour = wanted if colour is None else colour
        self._count = 0

    def say(self, text: str = "", style: str = "") -> None:
        """A paragraph, wrapped."""
        for line in text.split("\n"):
            for row in textwrap.wrap(line, _WIDTH) or [""]:
                print(self._paint(row, style), flush=True)

    def step(self, title: str) -> None:
        """The head of the next step."""
        self._count += 1
        print()
        self.say(f"{self._count}. {title}", "bold")

    def call(self, tool: str, arguments: Mapping[str, object]) -> None:
        """What the model asks."""
        words = ", ".join(f"{name}={json.dumps(value)}" for name, value in arguments.items())
        self._row("model ", f"{tool}({words})", "cyan")

    def question(self, text: str) -> None:
        """What the person is asked."""
        self._row("asks  ", text, "yellow")

    def person(self, text: str) -> None:
        """What the person answers."""
        self._row("person", text, "yellow")

    def answer(self, text: str, *, failed: bool) -> None:
        """What the server answers."""
        self._row("server", text, "red" if failed else "")

    def check(self, text: str, *, holds: bool) -> None:
        """Whether what should be so is so."""
        self._row("  ok  " if holds else " FAILED", text, "green" if holds else "red")

    def _row(self, who: str, text: str, style: str) -> None:
        shown = str(clean_line(text, _LONGEST))
        lines = textwrap.wrap(shown, _WIDTH - 10) or [""]
        print(f"   {self._paint(who, 'dim')} {self._paint(lines[0], style)}")
        for line in lines[1:]:
            print(f"   {' ' * len(who)} {self._paint(line, style)}")
        sys.stdout.flush()

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._colour and style else text
