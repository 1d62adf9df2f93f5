"""What clients are told of each tool stands in a file that is reviewed like code, and is true."""

from pathlib import Path

import pytest
from mcp import Client

from tests.tools.listed_files import expected
from tests.world import SEAL_KEY, World
from vast_mcp.server import create_server
from vast_mcp.tools.listing import INDEX, PLACE, definitions, known_tools

FILES = expected()


@pytest.mark.parametrize("name", FILES)
def test_a_listed_file_is_what_the_code_says(name: str) -> None:
    """Name, description, schemas and hints. `make listed` renews them: read the difference."""
    assert (PLACE / name).read_text(encoding="utf-8") == FILES[name], "run `make listed`"


def test_no_file_is_left_of_a_tool_that_is_gone() -> None:
    """And none is missing."""
    assert {path.name for path in PLACE.glob("*.json")} == set(FILES)
    assert [f"{tool.name}.json" for tool in known_tools()] == [n for n in FILES if n != INDEX]


async def test_clients_are_served_exactly_these_files(tmp_path: Path) -> None:
    """No other description of a tool can reach a model."""
    async with Client(create_server(World(tmp_path).runtime, SEAL_KEY, toolsets="all")) as client:
        served = (await client.list_tools()).tools
    assert served == definitions(tool.name for tool in known_tools())


def test_the_index_agrees_with_the_hints_that_clients_see() -> None:
    """Read-only mode goes by the index, clients by the hint: both say the same."""
    for row, tool in zip(
        known_tools(), definitions(row.name for row in known_tools()), strict=True
    ):
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is row.reads
