"""`vast-mcp deny ID`: a person's no; or the end of a plan whose outcome nobody knew."""

import argparse

import anyio

from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.approve import find, terminal
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.config import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which plan, in whose books."""
    parser.add_argument("plan_id", metavar="ID", help="as shown by `vast-mcp pending`")
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """End the plan; a no needs no terminal."""
    print(anyio.run(_denied, settings_of(args), args.plan_id))
    return Exit.FINE


async def _denied(settings: Settings, plan_id: str) -> str:
    async with opened(settings) as runtime:
        guard = runtime.session.guard
        if await guard.answers.close(plan_id) is not None:
            return "Closed: the same call asks again. Nothing was sent now."
        plan = await find(guard, plan_id)
        outcome = await guard.answers.decline(plan_id, terminal(plan), "denied at a terminal")
        return outcome.said
