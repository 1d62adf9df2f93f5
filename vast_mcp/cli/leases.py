"""`vast-mcp leases`: what costs or may cost, since when, why, who made it, until when."""

import argparse
from dataclasses import dataclass

import anyio

from vast_mcp.account.freezing import frozen
from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.cli.terminal import add_json_argument, print_json, print_table
from vast_mcp.config import Settings
from vast_mcp.errors import ApiError, LedgerUnavailable
from vast_mcp.guard.act import Caller
from vast_mcp.session import Session
from vast_mcp.store import Rental
from vast_mcp.text import clean_line
from vast_mcp.units import UsdPerHour, minute
from vast_mcp.views.billable_items import Holding, holdings

OWN = Caller(client="terminal")
_HEAD = ("what", "state", "price", "since", "made by", "lease ends", "then", "why", "label")


@dataclass(frozen=True, slots=True)
class Lease:
    """One row: something that may cost money."""

    what: str
    state: str
    rate: UsdPerHour | None
    ends: str
    then: str
    label: str = ""
    since: str = ""
    made_by: str = "us"
    why: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        rate = "unknown" if self.rate is None else str(self.rate)
        return (
            self.what, self.state, rate, self.since, self.made_by, self.ends, self.then, self.why,
            self.label,
        )  # fmt: skip

    @property
    def named(self) -> dict[str, object]:
        """The row for a script: dollars an hour as a number, null where it is not known."""
        row = dict(zip((name.replace(" ", "_") for name in _HEAD), self.cells, strict=True))
        price = None if self.rate is None else self.rate.dollars
        return {**row, "price": price}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose books."""
    add_json_argument(parser)
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table; 4 when the vendor could not be asked and only the ledger speaks."""
    return anyio.run(show, settings_of(args), args.json)


async def show(settings: Settings, as_json: bool = False) -> int:
    """The table; without the ledger, what the vendor shows."""
    async with opened(settings) as runtime:
        rows, trouble, missing = await looked(runtime.session)
        code = Exit.VENDOR if trouble else Exit.FINE
        try:
            since = await frozen(runtime.session.account.ledger)
        except LedgerUnavailable as error:
            since, code = "", Exit.FAILED
            missing = (*missing, str(error))
    if as_json:
        warnings = [*missing, *([trouble] if trouble else [])]
        print_json({"rows": [row.named for row in rows], "frozen": since, "warnings": warnings})
        return code
    if rows:
        print_table(_HEAD, [row.cells for row in rows])
    elif not trouble:
        print("nothing is rented")
    for line in missing:
        print(line)
    if since:
        print(f"All spending is frozen by {since}; only `vast-mcp unfreeze` lifts it.")
    if trouble:
        print(f"Vast.ai could not be reached, so this is only the ledger: {trouble}")
    return code


async def looked(session: Session) -> tuple[list[Lease], str, tuple[str, ...]]:
    """All that costs or may: machines, volumes, endpoints, rents without an answer.

    The second value is why the vendor did not answer; then the rows are the ledger's alone. The
    third is what else could not be read.
    """
    rentals: list[Rental] = []
    unread: LedgerUnavailable | None = None
    try:
        rentals = await session.account.ledger.read(lambda tx: tx.live_rentals())
    except LedgerUnavailable as error:
        unread = error
    try:
        seen = await holdings(session.account)
    except ApiError as error:
        if unread is not None:
            raise unread from error
        return [_unseen(rental, rental.state.value) for rental in rentals], str(error), ()
    known = {(machine.kind, machine.target_id) for machine in seen.held}
    gone = [
        _unseen(rental, _missing(rental, seen.warnings))
        for rental in rentals
        if rental.target_id is not None and (rental.kind, rental.target_id) not in known
    ]
    ordered = sorted(seen.held, key=lambda one: (not one.ours, one.lease_ends_us or 0))
    return [*(_seen(rental) for rental in ordered), *gone], "", seen.warnings


def _missing(rental: Rental, unread: tuple[str, ...]) -> str:
    """Machines were all read, or nothing was; endpoints may be among what could not be."""
    return "not seen" if unread and rental.kind == "endpoint" else "gone"


def _seen(one: Holding) -> Lease:
    resting = one.state == "stopped"
    ends = "no lease" if one.lease_ends_us is None else minute(one.lease_ends_us)
    then = "kept until destroyed" if resting else one.then
    return Lease(
        what=f"intent {one.intent}" if one.unresolved else f"{one.kind} {one.target_id}",
        state=one.state,
        rate=one.usd_per_hour,
        ends="ended" if resting and one.ours else ends,
        then=then if one.ours else "not ours: never touched",
        label=one.shown_label,
        since="" if one.since_us is None else minute(one.since_us),
        made_by="us" if one.ours else "others",
        why=one.why,
    )


def _unseen(rental: Rental, state: str) -> Lease:
    """A rental as the ledger alone knows it."""
    number = rental.target_id
    name = f"intent {rental.intent_id}" if number is None else f"{rental.kind} {number}"
    return Lease(
        what=name,
        state=state,
        rate=rental.usd_per_hour if rental.running else rental.disk_usd_per_hour,
        ends=minute(rental.lease_ends_us) if rental.running else "ended",
        then=rental.end_act if rental.running else "kept until destroyed",
        label=str(clean_line(rental.label, 40)),
        since=minute(rental.created_us),
    )
