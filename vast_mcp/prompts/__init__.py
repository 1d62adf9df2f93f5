"""Prompts a person can pick: the facts are fetched first, then the task is set."""

from vast_mcp.prompts import boxes, data, jobs, machines, money, serverless
from vast_mcp.prompts._prompt import PromptSpec

PROMPTS: tuple[PromptSpec, ...] = (
    *jobs.PROMPTS,
    *boxes.PROMPTS,
    *data.PROMPTS,
    *money.PROMPTS,
    *machines.PROMPTS,
    *serverless.PROMPTS,
)

__all__ = ["PROMPTS", "PromptSpec"]
