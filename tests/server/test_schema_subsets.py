"""Every tool's parameters fit what the large providers document for function calling.

A client hands our schemas to its model's provider. Each takes a subset of JSON Schema: Gemini the
`Schema` of function declarations; OpenAI and Anthropic, in their strict modes, grammars compiled
from it. What a subset lacks, clients drop, and the server checks it all the same; what a subset
refuses would take the tool away. As documented in November 2026.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.types import Tool

from tests.server.test_tool_list import listed, nodes
from tests.world import World

Schema = dict[str, Any]
GEMINI = {
    "type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems",
    "properties", "required", "minLength", "maxLength", "pattern", "anyOf", "minimum", "maximum",
    "default",
}  # fmt: skip
STRICT = {
    "type", "description", "enum", "anyOf", "items", "properties", "required",
    "additionalProperties",
}  # fmt: skip
"""What the strict modes of OpenAI and Anthropic both take."""
DROPPED = {"default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}
"""What SDKs take out for a strict mode; the server checks it."""
OPEN_MAPS = {
    "create_instance": {"env"},
    "run_command": {"env"},
    "run_job": {"env", "files"},
}
"""Maps from names that only the user knows, to texts. A strict mode cannot have them, so a strict
client sends these three tools as plain ones. A list of pairs would fit and read worse: `env` as a
map is what every model writes by itself."""


async def tools(tmp_path: Path) -> list[Tool]:
    """All of them, as they are listed."""
    return await listed(World(tmp_path), toolsets="all")


def strict(schema: Schema) -> Schema:
    """As an SDK shapes it for a strict mode: optional fields may be null, bounds are dropped."""
    out = {key: value for key, value in schema.items() if key not in DROPPED}
    if "properties" in out:
        needed = set(out.get("required", ()))
        out["properties"] = {
            name: strict(inner) if name in needed else {"anyOf": [strict(inner), {"type": "null"}]}
            for name, inner in out["properties"].items()
        }
        out["required"] = list(out["properties"])
    if "items" in out:
        out["items"] = strict(out["items"])
    return out


def open_maps(schema: Schema) -> Iterator[str]:
    """Parameters that take any name."""
    for name, inner in schema.get("properties", {}).items():
        if any(one.get("additionalProperties") not in (None, False) for one in nodes(inner)):
            yield name


def depth(schema: Schema) -> int:
    """How deep objects and lists are nested."""
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema["items"]] if "items" in schema else []
    return 1 + max(map(depth, inner), default=0)


async def test_parameters_fit_the_subset_of_gemini(tmp_path: Path) -> None:
    """No reference, no `const`, no `exclusiveMinimum`; clients drop `additionalProperties`."""
    for tool in await tools(tmp_path):
        for one in nodes(tool.input_schema):
            assert set(one) <= GEMINI | {"additionalProperties"}, (tool.name, one)
            assert isinstance(one.get("type"), str), (tool.name, one)
            assert "enum" not in one or one["type"] == "string", (tool.name, one)
            assert one["type"] != "array" or "items" in one, (tool.name, one)


async def test_parameters_fit_the_strict_modes(tmp_path: Path) -> None:
    """Closed objects, all fields required once optional ones may be null, five levels at most."""
    for tool in await tools(tmp_path):
        maps = OPEN_MAPS.get(tool.name, set())
        assert set(open_maps(tool.input_schema)) == maps, tool.name
        shaped = strict(without(tool.input_schema, maps))
        for one in nodes(shaped):
            assert set(one) <= STRICT, (tool.name, one)
            if one.get("type") == "object":
                assert one["additionalProperties"] is False, (tool.name, one)
                assert one["required"] == list(one["properties"]), (tool.name, one)
        assert depth(shaped) <= 5, tool.name
        assert sum(len(one.get("enum", ())) for one in nodes(shaped)) <= 500, tool.name


def without(schema: Schema, names: set[str]) -> Schema:
    """The schema without these parameters."""
    fields = schema.get("properties", {})
    return {**schema, "properties": {key: fields[key] for key in fields if key not in names}}


async def test_names_fit_every_provider(tmp_path: Path) -> None:
    """With the prefix that clients put before it, and without a combinator at the top."""
    for tool in await tools(tmp_path):
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]{0,62}", f"mcp__vast__{tool.name}")
        assert tool.input_schema["type"] == "object"
        assert not {"anyOf", "oneOf", "allOf", "$ref"} & set(tool.input_schema), tool.name
        for one in nodes(tool.input_schema):
            for key in one.get("properties", ()):
                assert re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", key), (tool.name, key)


async def test_a_bound_that_a_subset_lacks_is_still_held(tmp_path: Path) -> None:
    """`hours` above 0 is listed as at least 0; a zero is refused by the server."""
    async with World(tmp_path).connect() as client:
        search = next(t for t in (await client.list_tools()).tools if t.name == "search_offers")
        assert search.input_schema["properties"]["hours"]["minimum"] == 0
        refused = await client.call_tool("search_offers", {"hours": 0})
    assert refused.is_error


@pytest.mark.parametrize(
    "wrong",
    [
        {"exclusiveMinimum": 0, "type": "number"},
        {"const": "x", "type": "string"},
        {"$ref": "#/$defs/x", "type": "object"},
    ],
)
def test_what_a_subset_lacks_is_noticed(wrong: Schema) -> None:
    """The checks above can fail."""
    assert not set(wrong) <= GEMINI
    assert not set(strict(wrong)) <= STRICT
