"""`vast-mcp budget [TASK USD]`: what each task may cost; only a person at a terminal sets it."""

import argparse
from collections.abc import Mapping

import anyio

from vast_mcp.account.budgets import Standing, set_budget, standing_of
from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.amounts import above_zero
from vast_mcp.cli.by_hand import Ask, at_a_terminal, says_yes
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.config import Settings
from vast_mcp.market.terms import check_task
from vast_mcp.policy import Limits
from vast_mcp.policy.budget import place_of_budget
from vast_mcp.text import clean_line
from vast_mcp.units import Usd
from vast_mcp.views.budgets import budget_rows

LARGEST_USD = 1_000_000
_MONEY = ("max_cost_usd", "spent_usd", "reserved_usd", "left_usd")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which task and how much; neither: the list. Whose books."""
    parser.add_argument("task", metavar="TASK", nargs="?", help="the task's name, as listed")
    parser.add_argument(
        "usd", metavar="USD", nargs="?", type=_amount, help="its maximum total cost, such as 7.50"
    )
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show the budgets, or set one after a typed yes."""
    settings = settings_of(args)
    if args.task is None:
        return anyio.run(_listed, settings)
    if args.usd is None:
        print("give the amount too: vast-mcp budget TASK USD")
        return Exit.USAGE
    if not at_a_terminal("budget"):
        return Exit.FAILED
    return anyio.run(budgeted, settings, args.task, Usd.of(args.usd), input)


async def _listed(settings: Settings) -> int:
    async with opened(settings) as runtime:
        rows = await budget_rows(runtime.session.account)
    for row in rows:
        assert isinstance(row, Mapping)
        cap, spent, reserved, left = (float(str(row[name])) for name in _MONEY)
        task = clean_line(row["task"], 60)
        print(
            f'"{task}": ${cap:.2f}, of which ${spent:.2f} spent, ${reserved:.2f} reserved,'
            f" ${left:.2f} left"
        )
    print("`vast-mcp budget TASK USD` sets one." if rows else "no task has a budget")
    return Exit.FINE


async def budgeted(settings: Settings, task: str, cap: Usd, ask: Ask) -> int:
    """The conversation with the person; `ask` puts a prompt and returns a line.

    Raises:
        InputInvalid: a name without a visible character.
    """
    name = check_task(task)
    async with opened(settings) as runtime:
        session = runtime.session
        now_us = session.account.clock.lease_us()
        limits = session.account.limits()
        seen = await session.account.ledger.read(lambda tx: standing_of(tx, limits, name, now_us))
        print("\n".join(_told(seen, limits, cap)))
        if not await says_yes(ask, f"Set it to {cap}?"):
            print("Nothing changed.")
            return Exit.FAILED
        await set_budget(session.account.ledger, session.account.clock, name, cap)
    print(f"Set. A call with a smaller max_cost_usd lowers it again: tell the model {cap}.")
    return Exit.FINE


def _told(seen: Standing, limits: Limits, cap: Usd) -> list[str]:
    held = f"{seen.cap}" if seen.cap is not None else "none yet"
    task = clean_line(seen.task, 60)
    lines = [f'Budget of task "{task}": {held}; {seen.spent} spent, {seen.reserved} reserved.']
    if seen.stated is not None and seen.stated < cap:
        place = place_of_budget(limits, seen.task)
        lines.append(f"The policy limits it to {seen.stated} ({place}), which applies too.")
    return lines


def _amount(text: str) -> float:
    return above_zero(text.removeprefix("$"), LARGEST_USD)
