"""`vast-mcp leases`: what is alive, until when, and what happens then."""

import argparse
from dataclasses import dataclass

import anyio

from vast_mcp.cli.account import add_place_arguments, opened, settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.config import Settings
from vast_mcp.errors import ApiError
from vast_mcp.guard.act import Caller
from vast_mcp.guard.acts._base import iso
from vast_mcp.models import Instance, state_of
from vast_mcp.services import Services
from vast_mcp.store import Rental
from vast_mcp.text import clean_line
from vast_mcp.units import UsdPerHour

OWN = Caller(client="terminal")


@dataclass(frozen=True, slots=True)
class Lease:
    """One row: something that may cost money."""

    what: str
    state: str
    rate: UsdPerHour
    ends: str
    then: str
    label: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return self.what, self.state, str(self.rate), self.ends, self.then, self.label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose books."""
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table; 4 when the vendor could not be asked and only the ledger speaks."""
    return anyio.run(_show, settings_of(args))


async def _show(settings: Settings) -> int:
    async with opened(settings) as runtime:
        rows, trouble = await alive(runtime.services)
    if rows:
        head = ("what", "state", "price", "lease ends", "then", "label")
        table = [head, *(row.cells for row in rows)]
        widths = [max(len(row[column]) for row in table) for column in range(len(head))]
        for row in table:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())
    elif not trouble:
        print("nothing is alive")
    if trouble:
        print(f"The vendor could not be asked, so this is the ledger alone: {trouble}")
    return Exit.VENDOR if trouble else Exit.FINE


async def alive(services: Services) -> tuple[list[Lease], str]:
    """Every lease, then every machine that is not ours; and why the vendor did not answer."""
    trouble, seen = "", dict[int, Instance]()
    try:
        seen = {one.instance_id: one for one in await services.reads.list_instances()}
    except ApiError as error:
        trouble = str(error)
    rentals = await services.ledger.read(lambda tx: tx.live_rentals())
    ours = {rental.target_id for rental in rentals if rental.kind == "instance"}
    rows = [_of_rental(rental, seen, looked=not trouble) for rental in rentals]
    rows += [_of_stranger(services, one) for number, one in seen.items() if number not in ours]
    return rows, trouble


def _of_rental(rental: Rental, seen: dict[int, Instance], *, looked: bool) -> Lease:
    one = seen.get(rental.target_id or 0)
    if one is not None:
        state = state_of(one).value
    elif rental.kind == "instance" and rental.target_id is not None and looked:
        state = "gone"
    else:
        state = rental.state.value
    name = f"{rental.kind} {rental.target_id or '?'} (intent {rental.intent_id})"
    return Lease(
        what=name,
        state=state,
        rate=rental.usd_per_hour if rental.running else rental.disk_usd_per_hour,
        ends=iso(rental.lease_ends_us) if rental.running else "ended",
        then=rental.on_end if rental.running else "disk kept",
        label=str(clean_line(rental.label, 40)),
    )


def _of_stranger(services: Services, one: Instance) -> Lease:
    mark = services.marker.read(one.raw_label)
    return Lease(
        what=f"instance {one.instance_id}",
        state=state_of(one).value,
        rate=one.usd_per_hour,
        ends=iso(mark.until_us) if mark else "no lease",
        then="stop" if mark else "not ours: never touched",
        label=str(clean_line(one.label, 40)),
    )
