"""The list of tools: what every client sees first, and what annotations promise it.

See docs/design.md#commands, docs/design.md#tools.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import ListToolsResult, Tool

from tests.world import Mode, World
from vast_mcp.errors import ConfigInvalid
from vast_mcp.served import TOOLS
from vast_mcp.server import create_server
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.tools.toolsets import choose

LISTING_TOKENS = 9_000
DEFAULT_TOOLS = {
    "search_offers", "search_templates",
    "create_instance", "show_instances", "wait_for_instance", "show_logs", "start_instance",
    "stop_instance", "destroy_instance", "change_bid", "extend_lease",
    "run_job", "show_jobs", "stop_job", "run_command", "copy_files", "forward_port",
    "show_endpoints", "create_endpoint", "create_workergroup", "update_endpoint", "delete_endpoint",
    "show_account", "show_charges",
    "show_policy", "confirm_plan",
}  # fmt: skip
WRITES = {spec.name for spec in TOOLS if not spec.reads}


def client_of(world: World, mode: Mode = "auto", **options: Any) -> Client:  # noqa: ANN401  create_server's
    """A client on a server with these start-up choices."""
    return Client(create_server(world.runtime, b"k" * 32, **options), mode=mode)


def tokens(listing: ListToolsResult) -> float:
    """Bytes of the wire form, by four."""
    return len(listing.model_dump_json(by_alias=True, exclude_none=True).encode()) / 4


async def listed(world: World, **options: Any) -> list[Tool]:  # noqa: ANN401  create_server's
    """The tools such a server lists."""
    async with client_of(world, **options) as client:
        return (await client.list_tools()).tools


def nodes(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  JSON
    """Every schema inside a schema, but not the maps from names to them."""
    if isinstance(schema, list):
        for item in schema:
            yield from nodes(item)
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key in {"properties", "$defs"}:
                for inner in value.values():
                    yield from nodes(inner)
            elif key not in {"default", "enum", "required", "const"}:
                yield from nodes(value)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_default_listing_stays_within_nine_thousand_tokens(
    tmp_path: Path, mode: Mode
) -> None:
    """26 default tools in 9,000 tokens (docs/design.md#answers)."""
    async with client_of(World(tmp_path), mode) as client:
        listing = await client.list_tools()
    assert {tool.name for tool in listing.tools} == DEFAULT_TOOLS
    assert tokens(listing) <= LISTING_TOKENS, tokens(listing)


async def test_the_list_is_the_same_every_time_it_is_asked(tmp_path: Path) -> None:
    """Spec 2026-07-28: the order should be deterministic and the list must not change."""
    first = [tool.name for tool in await listed(World(tmp_path / "a"), toolsets="all")]
    second = [tool.name for tool in await listed(World(tmp_path / "b"), toolsets="all")]
    assert first == second == [spec.name for spec in TOOLS]


async def test_every_tool_is_titled_described_and_fully_annotated(tmp_path: Path) -> None:
    """Clients skip their own question on a hint, so all four are explicit."""
    for tool in await listed(World(tmp_path), toolsets="all"):
        hints = tool.annotations
        assert tool.title, tool.name
        assert tool.description, tool.name
        assert not tool.description.startswith(" "), tool.name
        assert "\n    " not in tool.description, tool.name
        assert hints is not None, tool.name
        for hint in (
            hints.read_only_hint,
            hints.destructive_hint,
            hints.idempotent_hint,
            hints.open_world_hint,
        ):
            assert hint is not None, tool.name
        assert re.fullmatch(r"[a-z0-9_]{1,40}", tool.name)


@pytest.mark.parametrize("spec", TOOLS, ids=lambda spec: spec.name)
def test_a_tool_that_reads_destroys_nothing(spec: ToolSpec) -> None:
    """`readOnlyHint` must be true where it is set."""
    assert not (spec.reads and spec.destroys)


async def test_schemas_hold_no_generated_titles_and_no_nulls(tmp_path: Path) -> None:
    """Lean schemas; an unknown argument is refused by the schema too (docs/design.md#answers)."""
    for tool in await listed(World(tmp_path), toolsets="all"):
        assert tool.input_schema.get("additionalProperties") is False, tool.name
        assert tool.output_schema is not None, tool.name
        for schema in (tool.input_schema, tool.output_schema):
            for node in nodes(schema):
                assert not isinstance(node.get("title"), str), (tool.name, node)
                assert node.get("type") != "null", (tool.name, node)
                assert "default" not in node or node["default"] is not None, (tool.name, node)


async def test_a_parameter_with_a_unit_says_it_in_its_name(tmp_path: Path) -> None:
    """Money, time and size leave the program with their unit."""
    bare = {"price", "hours", "disk", "cost", "minutes", "seconds", "ram", "bid", "lease"}
    for tool in await listed(World(tmp_path), toolsets="all"):
        names = set(tool.input_schema.get("properties", {})) - {"hours"}
        assert not names & bare, tool.name


async def test_all_offers_the_extras_as_well(tmp_path: Path) -> None:
    """`all` is a name."""
    names = {tool.name for tool in await listed(World(tmp_path), toolsets="all")}
    assert {"reboot_instance", "label_instance", "list_disk", "delete_disk_files"} <= names


async def test_a_set_by_name_comes_whole_and_brings_the_guard_tools(tmp_path: Path) -> None:
    """A set's name gives it with its extras; `guard` is always served."""
    names = {tool.name for tool in await listed(World(tmp_path), toolsets="instances")}
    assert {"create_instance", "reboot_instance", "show_policy", "confirm_plan"} <= names
    assert not names & {"search_offers", "show_account", "create_endpoint"}


async def test_default_and_a_set_add_up(tmp_path: Path) -> None:
    """A list of names replaces the default unless it names it."""
    names = {tool.name for tool in await listed(World(tmp_path), toolsets="default, Instances")}
    assert {*DEFAULT_TOOLS, "reboot_instance"} <= names


@pytest.mark.parametrize(
    ("wrong", "near"), [("instance", "instances"), ("markt", "market"), ("al", "all")]
)
def test_an_unknown_set_is_refused_naming_the_nearest(wrong: str, near: str) -> None:
    """Start-up fails with a hint, not with fewer tools."""
    with pytest.raises(ConfigInvalid, match=f"Did you mean '{near}'"):
        choose(TOOLS, f"default,{wrong}")


async def test_read_only_lists_only_what_reads(tmp_path: Path) -> None:
    """Read-only is a start-up choice that shortens the list."""
    names = {tool.name for tool in await listed(World(tmp_path), toolsets="all", read_only=True)}
    assert names == {spec.name for spec in TOOLS if spec.reads}
    assert {"search_offers", "show_account", "show_policy"} <= names


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_tool_of_another_set_says_which_switch_offers_it(
    tmp_path: Path, mode: Mode
) -> None:
    """A known tool that is not offered answers which switch offers it."""
    world = World(tmp_path)
    async with client_of(world, mode) as client:
        answer = await client.call_tool("reboot_instance", {"instance_id": 27000000})
    text = getattr(answer.content[0], "text", "")
    assert answer.is_error
    assert "--toolsets default,instances" in text
    assert not world.simulator.mutations()


@pytest.mark.parametrize("name", sorted(WRITES))
async def test_read_only_refuses_every_tool_that_writes(tmp_path: Path, name: str) -> None:
    """Calling what is not listed does not get round read-only."""
    world = World(tmp_path)
    async with client_of(world, read_only=True, toolsets="all") as client:
        answer = await client.call_tool(name, {})
    assert answer.is_error
    assert "--read-only" in getattr(answer.content[0], "text", "")
    assert not world.simulator.mutations()


async def test_an_unknown_tool_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    """Unknown tool, nearest name."""
    async with client_of(World(tmp_path)) as client:
        near = await client.call_tool("destroy_instances", {})
        far = await client.call_tool("qqqq", {})
    assert "destroy_instance?" in getattr(near.content[0], "text", "")
    assert "Did you mean" not in getattr(far.content[0], "text", "")
    assert near.is_error
    assert far.is_error


async def test_only_the_lists_may_be_cached(tmp_path: Path) -> None:
    """What is read depends on the account and the moment; the lists do not."""
    async with client_of(World(tmp_path)) as client:
        tools = await client.list_tools()
        account = await client.read_resource("vast://policy")
    assert tools.ttl_ms == 300_000
    assert not account.ttl_ms
