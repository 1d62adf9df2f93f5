"""`vast-mcp extend ID HOURS`: a person gives a machine more time, within the same limits."""

import argparse

import anyio

from vast_mcp.actions import ExtendLease
from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.amounts import above_zero
from vast_mcp.cli.by_hand import (
    AT_TERMINAL,
    Ask,
    at_a_terminal,
    declined,
    done,
    no_instance,
    question_of,
    says_yes,
)
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.cli.terminal import paragraph
from vast_mcp.config import Settings
from vast_mcp.errors import NotFound

LONGEST_H = 8760


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which machine, how much longer, whose books."""
    parser.add_argument("instance_id", metavar="ID", type=int, help="as `vast-mcp leases` shows it")
    parser.add_argument(
        "hours", metavar="HOURS", type=_hours, help="added to the current end; 0.5 is 30 minutes"
    )
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show the money, take the yes, extend. 3 when a limit refuses."""
    if not at_a_terminal("extend"):
        return Exit.FAILED
    return anyio.run(extended, settings_of(args), args.instance_id, args.hours, input)


async def extended(settings: Settings, instance_id: int, hours: float, ask: Ask) -> int:
    """The conversation with the person; `ask` puts a prompt and returns a line."""
    async with opened(settings) as runtime:
        guard = runtime.session.guard
        try:
            proposal = await guard.propose(ExtendLease(instance_id, hours), AT_TERMINAL)
        except NotFound as error:
            raise no_instance(instance_id) from error  # the guard's own words name a tool
        print(paragraph(question_of(proposal)))
        if not await says_yes(ask, "Extend it?"):
            await declined(guard, proposal)
            print("Not extended; nothing changed.")
            return Exit.FAILED
        outcome = await done(guard, proposal)
    print(outcome.said)
    return Exit.FINE if outcome.status == "extended" else Exit.FAILED


def _hours(text: str) -> float:
    return above_zero(text, LONGEST_H)
