"""Prompts as a client gets them, and the calls that they write out."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mcp import Client
from mcp.types import TextContent

from tests.world import Json, World

NEEDED: dict[str, dict[str, str]] = {
    "run_script": {"command": "python train.py"},
    "fine_tune": {"base_model": "Qwen/Qwen3-8B", "dataset": "hf:imdb"},
    "serve_model": {"model": "Qwen/Qwen3-8B"},
    "move_data": {"source": "local:data", "destination": "C.{instance_id}:/workspace/"},
    "diagnose_instance": {"instance_id": "{instance_id}"},
    "resize_disk": {"instance_id": "{instance_id}", "disk_gb": "120"},
}
"""What a prompt cannot do without."""
NAMES = {
    *NEEDED, "dev_box", "review_spend", "clean_up", "end_of_day", "deploy_endpoint", "set_limits",
}  # fmt: skip
_CALL = re.compile(r"`([a-z_]+)\(")


@dataclass(frozen=True)
class Written:
    """A call in a prompt's task: names that stand for something, and values."""

    tool: str
    names: tuple[str, ...]
    arguments: Json = field(default_factory=dict)


async def parts(client: Client, name: str, **given: str) -> tuple[dict[str, Any], str]:
    """The facts and the task of a rendered prompt."""
    (message,) = (await client.get_prompt(name, given)).messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    head, facts, task = re.split(r"^```(?:json)?\n\n?", message.content.text, flags=re.MULTILINE)
    assert re.fullmatch(r"Current facts, from vast://\S+:\n", head)
    assert "`" not in facts
    return json.loads(facts), task


async def needed(client: Client, world: World, name: str) -> dict[str, str]:
    """Its arguments, with a machine rented if it is about one."""
    given = NEEDED.get(name, {})
    if not any("{instance_id}" in value for value in given.values()):
        return given
    instance_id = str(await world.rent(client))
    return {key: value.replace("{instance_id}", instance_id) for key, value in given.items()}


def calls(task: str) -> Iterator[Written]:
    """Every call in backticks."""
    for found in _CALL.finditer(task):
        text = task[found.start() + 1 : _end(task, found.end())]
        tree = ast.parse(text.replace("=true", "=True").replace("=false", "=False"), mode="eval")
        assert isinstance(tree.body, ast.Call)
        names = [ast.unparse(one) for one in tree.body.args]
        values = {str(one.arg): ast.literal_eval(one.value) for one in tree.body.keywords}
        yield Written(found[1], tuple(names), values)


def without_calls(task: str) -> str:
    """The sentences alone."""
    for found in reversed(list(_CALL.finditer(task))):
        task = task[: found.start()] + task[_end(task, found.end()) :]
    return task


def only(task: str, tool: str) -> Written:
    """The one call of that tool."""
    (found,) = [one for one in calls(task) if one.tool == tool]
    return found


def _end(task: str, position: int) -> int:
    """Where a call's bracket closes; brackets in texts do not count."""
    depth, quoted = 1, False
    while depth:
        char = task[position]
        if quoted and char == "\\":
            position += 1
        elif char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
        position += 1
    return position
