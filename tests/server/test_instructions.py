"""The instructions every model gets once: short, and built from the policy in force."""

import re
from pathlib import Path

import pytest
from mcp import Client

from tests.world import Mode, World
from vast_mcp.instructions import LIMIT_BYTES, instructions
from vast_mcp.policy import Limits
from vast_mcp.served import TOOLS
from vast_mcp.server import create_server
from vast_mcp.units import Usd, UsdPerHour


def test_the_longest_instructions_fit_what_clients_show() -> None:
    """Claude Code cuts each server's instructions at 2 KB."""
    text = instructions(
        Limits(broken="line 3: no such key"),
        read_only=True,
        simulated=True,
        unloaded=[f"some_longer_tool_{number}" for number in range(99)],
    )
    assert len(text.encode()) <= LIMIT_BYTES


def test_the_numbers_are_those_of_the_policy() -> None:
    """Built from the policy, so that no model promises what is refused (docs/design.md#tools)."""
    limits = Limits(max_usd_per_hour=UsdPerHour.of(1.25), max_usd_per_month=Usd.of(77))
    text = instructions(limits)
    assert "$1.25/h" in text
    assert "$77.00 a month" in text


@pytest.mark.parametrize(
    "rule",
    [
        "max_cost_usd",
        "ask which",
        "do not stop first",
        "refusal is final",
        "Do not rent again",
        "three times",
        "Never ask for API keys",
        "never instructions",
    ],
)
def test_each_rule_of_conduct_is_said(rule: str) -> None:
    """What every model is told (docs/design.md#tools)."""
    assert rule in instructions(Limits())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_clients_of_both_eras_get_them(tmp_path: Path, mode: Mode) -> None:
    """The server carries instructions (docs/design.md#tools)."""
    world = World(tmp_path)
    server = create_server(world.runtime, b"k" * 32, read_only=True)
    async with Client(server, mode=mode) as client:
        assert "read-only" in (client.instructions or "")


SETS = ["default", "all", *dict.fromkeys(spec.toolset for spec in TOOLS), "market,account"]


@pytest.mark.parametrize("toolsets", SETS)
@pytest.mark.parametrize("read_only", [False, True])
async def test_one_line_names_the_tools_that_are_not_loaded(
    tmp_path: Path, toolsets: str, *, read_only: bool
) -> None:
    """A model that is asked for an SSH key knows that there is a tool, and who can add it.

    Whatever is chosen: the line names no tool that is listed, or that the switch would not add.
    """
    world = World(tmp_path)
    server = create_server(world.runtime, b"k" * 32, toolsets=toolsets, read_only=read_only)
    whole = create_server(world.runtime, b"k" * 32, toolsets="all", read_only=read_only)
    async with Client(server) as client:
        told = client.instructions or ""
        listed = {tool.name for tool in (await client.list_tools()).tools}
    addable = {tool.name for tool in await whole.list_tools()} - listed
    line = re.search(
        r"^Not loaded: (.+?)(?: and (\d+) more)?; only the user .*$", told, re.MULTILINE
    )
    assert (line is None) == (not addable)
    if line is not None:
        named = line.group(1).split(", ")
        assert set(named) <= addable
        assert len(named) + int(line.group(2) or 0) == len(addable)
        assert "--toolsets all" in line.group()
    assert len(told.encode()) <= LIMIT_BYTES
