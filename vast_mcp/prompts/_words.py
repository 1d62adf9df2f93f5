"""Calls as a prompt writes them out: ready to be made, and checked against the schema by a test."""

import json

from vast_mcp.operations import Json


def call(tool: str, /, *names: str, **arguments: Json) -> str:
    """`tool(name, argument=value)`: names stand for values that are only known later.

    What is empty is left out: the tool's own default holds.
    """
    parts = [*names]
    for name, value in arguments.items():
        if value not in (None, "", []):
            parts.append(f"{name}={json.dumps(value, ensure_ascii=False)}")
    return f"`{tool}({', '.join(parts)})`"


def steps(opening: str, *plan: str) -> str:
    """An opening and numbered steps; empty ones are left out."""
    numbered = [f"{number}. {one}" for number, one in enumerate(filter(None, plan), start=1)]
    return "\n".join([opening, *numbered])


def listed(text: str) -> list[str]:
    """The entries of a text with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def number(text: str) -> float | int:
    """A checked number, as a whole one where it is one."""
    value = float(text)
    return int(value) if value == int(value) else value
