"""`vast-mcp pending`: what waits for a yes."""

import argparse
from datetime import UTC, datetime

import anyio

from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.cli.terminal import add_json_argument, paragraph, print_json
from vast_mcp.config import Settings
from vast_mcp.store import Plan
from vast_mcp.units import minute


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose books."""
    add_json_argument(parser)
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """List them, newest first."""
    plans = anyio.run(_pending, settings_of(args))
    if args.json:
        print_json([as_row(plan) for plan in plans])
        return Exit.FINE
    if not plans:
        print("nothing waits for a yes")
    for plan in plans:
        print("\n".join(described(plan)))
    return Exit.FINE


async def _pending(settings: Settings) -> list[Plan]:
    async with opened(settings) as runtime:
        return await runtime.session.guard.answers.pending()


def as_row(plan: Plan) -> dict[str, object]:
    """A plan as a script reads it."""
    return {
        "plan_id": plan.plan_id,
        "tool": plan.tool,
        "question": plan.question,
        "level": str(plan.level),
        "approved": plan.approved,
        "expires_at": minute(plan.expires_us),
    }


def described(plan: Plan) -> list[str]:
    """A plan as a person reads it."""
    expires = datetime.fromtimestamp(plan.expires_us / 1_000_000, UTC)
    who = "a person at a terminal" if plan.level == "person" else "the client, or a person here"
    state = "approved; waits for confirm_plan" if plan.approved else f"waits for {who}"
    question = paragraph(plan.question, "  ")
    return [plan.plan_id, question, f"  {state}; expires {expires:%H:%M} UTC"]
