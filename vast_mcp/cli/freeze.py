"""`vast-mcp freeze [--stop-all]`: nothing more is spent, by any process of this account."""

import argparse

import anyio

from vast_mcp.account.freezing import freeze, said_of
from vast_mcp.actions import StopInstance
from vast_mcp.actions.end_endpoint import EndEndpoint
from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.by_hand import Ask, agreed, at_a_terminal, says_yes
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.config import Settings
from vast_mcp.errors import LedgerUnavailable, VastMcpError
from vast_mcp.guard.door import Guard
from vast_mcp.keeper.tick import KEEPER, START_GIVEN_UP_US
from vast_mcp.runtime import Runtime
from vast_mcp.session import Session
from vast_mcp.units import minute
from vast_mcp.views.billable_items import Holding, Holdings, holdings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether what runs is stopped too, and whose books."""
    parser.add_argument(
        "--stop-all",
        action="store_true",
        help="then list our running machines, ask once, and stop them; disks stay and are billed",
    )
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Freeze: no terminal is needed to spend less. `--stop-all` asks at one."""
    if args.stop_all and not at_a_terminal("freeze --stop-all"):
        anyio.run(frozen_only, settings_of(args))
        return Exit.FAILED
    if args.stop_all:
        return anyio.run(stopped_all, settings_of(args), input)
    return anyio.run(frozen_only, settings_of(args))


async def frozen_only(settings: Settings) -> int:
    """Freeze and say so."""
    async with opened(settings) as runtime:
        await _freeze(runtime)
    return Exit.FINE


async def stopped_all(settings: Settings, ask: Ask) -> int:
    """Freeze first, so that nothing is rented behind the list; then list, ask, stop."""
    async with opened(settings) as runtime:
        stands = await _frozen(runtime)
        seen = await holdings(runtime.session.account)
        running = [held for held in seen.held if held.ours and held.runs]
        for warning in seen.warnings:
            print(warning)
        coming = await _on_the_way(runtime.session, seen)
        for line in coming:
            print(f"  STILL STARTING, not stopped: {line}")
        if coming:
            print("Check again in a minute: `vast-mcp leases`, then `vast-mcp freeze --stop-all`.")
        if not running:
            print(
                "No other machine of vast-mcp is running."
                if coming
                else "No machine of vast-mcp is running."
            )
            return Exit.FAILED if coming or not stands else Exit.FINE
        for machine in running:
            print(f"  {_named(machine)}")
        if not await says_yes(ask, f"Stop {_counted(running)}? Disks stay and are still billed."):
            print(f"Nothing was stopped.{' The freeze remains.' if stands else ''}")
            return Exit.FAILED
        failed = [held for held in running if not await _stopped(runtime.session.guard, held)]
    return Exit.FAILED if failed or coming or not stands else Exit.FINE


async def _on_the_way(session: Session, seen: Holdings) -> list[str]:
    """What was sent before the freeze and was not up when the list was made: it may run soon."""
    listed = {(machine.kind, machine.target_id) for machine in seen.held if machine.runs}
    now_us = session.account.clock.lease_us()
    found = []
    try:
        live = await session.account.ledger.read(lambda tx: tx.live_rentals())
    except LedgerUnavailable:  # the list's own warning says so
        return []
    for rental in live:
        started_us = rental.facts.start_us
        asked_us = rental.sent_us or rental.created_us if started_us is None else started_us
        unseen = rental.running and (rental.kind, rental.target_id) not in listed
        if rental.target_id is None:
            found.append(f"{rental.kind}, rented at {minute(asked_us)}")
        elif unseen and now_us - asked_us < START_GIVEN_UP_US:
            found.append(f"{rental.kind} {rental.target_id}, started at {minute(asked_us)}")
    return found


async def _frozen(runtime: Runtime) -> bool:
    """Freeze; a ledger that cannot hold it closes spending by itself, and blocks no stop."""
    try:
        await _freeze(runtime)
    except LedgerUnavailable as error:
        print(f"NOT frozen: {error}")
        return False
    return True


async def _freeze(runtime: Runtime) -> None:
    session = runtime.session
    standing = await freeze(session.account.ledger, session.account.clock)
    print(f"Frozen by {said_of(standing)}: nothing is rented, started, extended or raised.")
    print("Stop and destroy still work. Only `vast-mcp unfreeze` lifts it.")


async def _stopped(guard: Guard, one: Holding) -> bool:
    try:
        if one.kind == "endpoint":
            outcome = await guard.correct(EndEndpoint(one.target_id), KEEPER)
        else:
            outcome = await agreed(guard, StopInstance(one.target_id))
    except VastMcpError as error:
        print(f"  FAILED {one.kind} {one.target_id}: {error}", flush=True)
        return False
    print(f"  {one.kind} {one.target_id}: {outcome.said}", flush=True)
    return outcome.status in {"stopped", "ended"}


def _counted(running: list[Holding]) -> str:
    return "it" if len(running) == 1 else f"these {len(running)}"


def _named(one: Holding) -> str:
    rate = "unknown price" if one.usd_per_hour is None else str(one.usd_per_hour)
    return f'{one.kind} {one.target_id}  {one.what}  {rate}  "{one.shown_label}"'
