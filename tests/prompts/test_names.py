"""What a prompt names exists: tools, parameters and fields, as the server lists them.

See docs/design.md#resources-and-prompts.
"""

import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from tests.prompts.rendered import NAMES, calls, needed, parts, without_calls
from tests.world import World

_WORD = re.compile(r"`([a-z][a-z_]*)`|\b([a-z]+(?:_[a-z]+)+)\b")


@pytest.mark.parametrize("name", sorted(NAMES))
async def test_every_call_that_a_prompt_writes_out_fits_the_served_schema(
    tmp_path: Path, name: str
) -> None:
    """A task that names a tool or parameter that is not there leads nowhere."""
    world = World(tmp_path)
    async with world.connect() as client:
        _, task = await parts(client, name, **await needed(client, world, name))
        schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    for one in calls(task):
        schema: dict[str, Any] = schemas[one.tool]
        given = {*one.names, *one.arguments}
        assert given <= set(schema["properties"]), one
        assert set(schema.get("required", ())) <= given, one
        for key, value in one.arguments.items():
            whole = {**schema["properties"][key], "$defs": schema.get("$defs", {})}
            jsonschema.validate(value, whole)


@pytest.mark.parametrize("name", sorted(NAMES))
async def test_every_name_in_a_prompt_is_known_to_the_client(tmp_path: Path, name: str) -> None:
    """Tools, parameters, fields of answers, or facts that stand above the task."""
    world = World(tmp_path)
    async with world.connect() as client:
        facts, task = await parts(client, name, **await needed(client, world, name))
        tools = (await client.list_tools()).tools
    known = {tool.name for tool in tools} | _keys(facts)
    for tool in tools:
        known |= _keys(tool.input_schema) | _keys(tool.output_schema)
    named = {found[1] or found[2] for found in _WORD.finditer(without_calls(task))}
    assert named <= known


def _keys(value: Any) -> set[str]:  # noqa: ANN401  JSON
    if isinstance(value, list):
        return set().union(*map(_keys, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*map(_keys, value.values()))
