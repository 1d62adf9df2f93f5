"""`vast-mcp approve ID`: a person's yes, given at a terminal and nowhere else."""

import argparse
import sys
from collections.abc import Callable

import anyio

from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.cli.terminal import paragraph
from vast_mcp.clock import SystemClock
from vast_mcp.config import Settings
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Caller
from vast_mcp.guard.door import Guard
from vast_mcp.store import Plan

Ask = Callable[[str], str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which plan, in whose books."""
    parser.add_argument("plan_id", metavar="ID", help="as shown by `vast-mcp pending`")
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show the plan, take the digits, mark it; `confirm_plan` then carries it out."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("vast-mcp approve: only a person at a terminal can approve", file=sys.stderr)
        return Exit.FAILED
    return anyio.run(approved, settings_of(args), args.plan_id, input)


async def approved(settings: Settings, plan_id: str, ask: Ask) -> int:
    """The conversation with the person; `ask` puts a prompt and returns a line."""
    async with opened(settings) as runtime:
        guard = runtime.session.guard
        plan = await find(guard, plan_id)
        digits, prompt = _wanted(plan)
        print(paragraph(plan.question))
        typed = await anyio.to_thread.run_sync(ask, prompt)
        if " ".join(typed.split()) != digits:
            print("Not approved: the digits were wrong. The plan still waits.")
            return Exit.FAILED
        await guard.answers.approve(plan.plan_id, terminal(plan))
    print(f'Approved. The assistant can now call confirm_plan(plan_id="{plan.plan_id}").')
    return Exit.FINE


def _wanted(plan: Plan) -> tuple[str, str]:
    """What must be typed: the id's digits for a destroy, fresh ones for anything else."""
    if " " in plan.digits:
        return plan.digits, "Type how many and the last 4 digits of the last id to approve: "
    if plan.digits:
        return plan.digits, "Type the last 4 digits of the id to approve: "
    fresh = f"{int(SystemClock().jitter(1000, 9999))}"
    return fresh, f"Type {fresh} to approve, anything else to leave it: "


async def find(guard: Guard, plan_id: str) -> Plan:
    """The pending plan of this id, whoever's it is.

    Raises:
        InputInvalid: nothing of this id waits.
    """
    for plan in await guard.answers.pending():
        if plan.plan_id == plan_id:
            return plan
    raise InputInvalid("ID", "no such plan is waiting", hint="`vast-mcp pending` lists them.")


def terminal(plan: Plan) -> Caller:
    """The person at the terminal answers in the place of whoever asked."""
    return Caller(principal=plan.principal, client="terminal")
