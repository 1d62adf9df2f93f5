"""What `tools/list` answers: files written from the code, reviewed like code, and served as is.

A client waits for this list at every start, and making it from the functions takes as long as
everything else that happens until then. A test compares each file with what the code would say;
`make listed` renews them.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mcp_types import Tool

PLACE = Path(__file__).with_name("listed")
INDEX = "index.json"


@dataclass(frozen=True, slots=True)
class ListedTool:
    """One tool, as far as the choice of what is served must know it; fields as in `ToolSpec`."""

    name: str
    toolset: str
    reads: bool
    extra: bool


def known_tools() -> tuple[ListedTool, ...]:
    """Every tool there is, in the order of the list."""
    rows = json.loads((PLACE / INDEX).read_text(encoding="utf-8"))
    return tuple(ListedTool(**row) for row in rows)


def definitions(names: Iterable[str]) -> list[Tool]:
    """As clients list them."""
    return [
        Tool.model_validate_json((PLACE / f"{name}.json").read_text(encoding="utf-8"))
        for name in names
    ]
