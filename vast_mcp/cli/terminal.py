"""How people's commands look: tables and paragraphs fitted to the terminal, plain text elsewhere.

A terminal gets `rich` (colour unless NO_COLOR is set); what is piped gets columns with spaces, as
scripts and tests read it. `serve` never imports this, nor anything that imports `rich`.
"""

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 76
"""Of paragraphs that are not for a terminal, and the most on one."""
Row = Sequence[str]


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """The flag for scripts."""
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")


def print_json(value: object) -> None:
    """For scripts: indented, in the order of the fields."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(head: Row, rows: Sequence[Row]) -> None:
    """Rows below their heads; on a terminal without the columns that are empty in every row.

    A terminal that is too narrow gets a block for each row: cells cut into pieces read as nothing.
    """
    if not sys.stdout.isatty():
        print(*aligned([head, *rows]), sep="\n")
        return
    used = [at for at, _ in enumerate(head) if any(row[at] for row in rows)]
    console = _console()
    fits = sum(max(len(row[at]) for row in (head, *rows)) + 3 for at in used) <= console.width
    if fits:
        console.print(_ruled([head[at] for at in used], [[row[at] for at in used] for row in rows]))
        return
    for row in rows:
        console.print(_text(row[0], "bold"))
        console.print(_block([(head[at], row[at]) for at in used[1:] if row[at]]))


def _ruled(head: Row, rows: Sequence[Row]) -> Any:  # noqa: ANN401  `rich` is imported where it is used
    from rich import box  # noqa: PLC0415  only where a person looks
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for name in head:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*map(_text, row))
    return table


def _block(pairs: Sequence[tuple[str, str]]) -> Any:  # noqa: ANN401  as above
    from rich.table import Table  # noqa: PLC0415  as above

    grid = Table.grid(padding=(0, 2, 0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, cell in pairs:
        grid.add_row(_text(name), _text(cell))
    return grid


def print_finding(word: str, subject: str, says: str) -> None:
    """A word that sums up, what it is about, and what was found, wrapped beside them."""
    if not sys.stdout.isatty():
        print(f"{word:<5}  {subject:<12} {says}", flush=True)
        return
    from rich.table import Table  # noqa: PLC0415  as above

    colours: Mapping[str, str] = {"ok": "green", "note": "yellow", "FAULT": "bold red"}
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=5, style=colours.get(word, ""))
    grid.add_column(width=12, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row(_text(word), _text(subject), _text(says))
    _console().print(grid)


def print_diff(text: str) -> None:
    """Lines of a change: what comes is green, what goes is red."""
    if not sys.stdout.isatty():
        print(text)
        return
    colours: Mapping[str, str] = {"+": "green", "-": "red", "@": "cyan"}
    console = _console()
    for line in text.splitlines():
        console.print(_text(line, colours.get(line[:1], "")), soft_wrap=True)


def paragraph(text: str, indent: str = "") -> str:
    """Wrapped to the terminal, never wider than is good to read."""
    width = WIDTH
    if sys.stdout.isatty():
        width = max(24, min(WIDTH + 12, shutil.get_terminal_size().columns - 1))
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)


def aligned(rows: Sequence[Row]) -> list[str]:
    """Plain columns, two spaces apart."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _console() -> Any:  # noqa: ANN401  imported where it is used
    from rich.console import Console  # noqa: PLC0415  as above

    return Console(highlight=False)


def _text(cell: str, style: str = "") -> Any:  # noqa: ANN401  as above
    """As it is: brackets in a label are no markup."""
    from rich.text import Text  # noqa: PLC0415  as above

    return Text(cell, style)
