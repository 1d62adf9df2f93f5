"""`vast-mcp pending`: what waits for a yes."""

import argparse
import textwrap
from datetime import UTC, datetime

import anyio

from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.config import Settings
from vast_mcp.store import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose books."""
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """List them, newest first."""
    for plan in anyio.run(_pending, settings_of(args)):
        print("\n".join(described(plan)))
    return Exit.FINE


async def _pending(settings: Settings) -> list[Plan]:
    async with opened(settings) as runtime:
        plans = await runtime.session.guard.answers.pending()
    if not plans:
        print("nothing waits for a yes")
    return plans


def described(plan: Plan) -> list[str]:
    """A plan as a person reads it."""
    expires = datetime.fromtimestamp(plan.expires_us / 1_000_000, UTC)
    who = "a person at a terminal" if plan.level == "person" else "the client, or a person here"
    state = "approved; waits for confirm_plan" if plan.approved else f"waits for {who}"
    question = textwrap.wrap(plan.question, 76, initial_indent="  ", subsequent_indent="  ")
    return [plan.plan_id, *question, f"  {state}; expires {expires:%H:%M} UTC"]
