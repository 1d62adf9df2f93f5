"""What the vendor charged, told to the books by themselves: the larger of meter and charge counts.

Our own meter knows rates and a flat reserve for traffic. What really moved is known to the vendor
alone, so its charges are read at every fifteenth minute and before an act that comes near to a cap.
They only ever raise what counts as spent. Where they cannot be read the meter stands, and the next
reading begins where the last complete one ended.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from vast_mcp.account.belonging import Bearers
from vast_mcp.account.context import Account
from vast_mcp.api.reads import Reads
from vast_mcp.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from vast_mcp.errors import ApiError
from vast_mcp.models import ChargeItem
from vast_mcp.policy.caps import near_a_cap
from vast_mcp.policy.facts import Request
from vast_mcp.store import Charged, Transaction, day_of, sources_of
from vast_mcp.store.exposure import month_start_us
from vast_mcp.units import Usd

KEEPER_PAUSE_US = 15 * MINUTE_US
KEEPER_WITHIN_S = 20.0
FRESH_US = 10 * SECOND_US
"""Before a rent near a cap charges are read unless they are as young as all its other facts."""
BEFORE_A_RENT_S = 15.0
"""Five calls of the account in ten seconds: one more may wait nine seconds for its turn."""
_LATE_US = 2 * HOUR_US
"""Charges come late: a machine was charged up to 290 s after its end (34 rentals, 2026-10)."""
_LONGEST_US = 31 * DAY_US
_WORTH_A_WORD = Usd(10_000)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of whole UTC days; `end_us` is excluded."""

    start_us: int
    end_us: int

    @property
    def day(self) -> str | None:
        """The one day it lies in, or None for several."""
        first, last = day_of(self.start_us), day_of(self.end_us - 1)
        return first if first == last else None


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """One line of a window."""

    window: Window
    item: ChargeItem


def days_of(first_us: int, now_us: int) -> list[Window]:
    """A window for each UTC day from that instant until now."""
    begins = range(first_us // DAY_US * DAY_US, now_us + 1, DAY_US)
    return [Window(at_us, at_us + DAY_US) for at_us in begins]


async def read_window(reads: Reads, window: Window, within_s: float) -> list[ChargedLine]:
    """All that was charged in it.

    Raises:
        ApiError: it could not be read completely.
    """
    last_us = window.end_us - SECOND_US
    read = await reads.charges(window.start_us, last_us, deadline_s=within_s)
    return inside(window, read.items)


def inside(window: Window, items: Sequence[ChargeItem]) -> list[ChargedLine]:
    """What of these rows belongs to the window: each counts once over neighbouring windows.

    Whether the vendor cuts a row to the window that was asked for is not known. A row outside of it
    is left out, of one that reaches beyond it the share of its time counts; equal rows are one.
    """
    lines: list[ChargedLine] = []
    for item in dict.fromkeys(items):
        if item.start_us <= 0 or item.end_us <= 0:  # it does not say when
            lines.append(ChargedLine(window, item))
            continue
        from_us, until_us = max(item.start_us, window.start_us), min(item.end_us, window.end_us)
        whole_us = item.end_us - item.start_us
        if whole_us <= 0:
            if window.start_us <= item.end_us < window.end_us:
                lines.append(ChargedLine(window, item))
        elif until_us - from_us == whole_us:
            lines.append(ChargedLine(window, item))
        elif until_us > from_us:
            lines.append(ChargedLine(window, _share(item, until_us - from_us, whole_us)))
    return lines


def _share(item: ChargeItem, part_us: int, whole_us: int) -> ChargeItem:
    def share(amount: Usd) -> Usd:
        return Usd(-(-amount.micros * part_us // whole_us))

    return replace(
        item,
        amount=share(item.amount),
        gpu=share(item.gpu),
        disk=share(item.disk),
        traffic=share(item.traffic),
    )


def sums(lines: Iterable[ChargedLine]) -> dict[tuple[str, str], Usd]:
    """By source and day, of windows that are one day: only such a sum can correct that day."""
    amounts: dict[tuple[str, str], Usd] = {}
    for line in lines:
        if line.window.day is not None and line.item.source:
            key = (line.item.source, line.window.day)
            amounts[key] = amounts.get(key, Usd()) + line.item.amount
    return amounts


async def before_spending(account: Account, request: Request, bearers: Bearers) -> None:
    """Read charges first where the act would leave less than a fifth of a cap."""
    spend, now_us = request.spend, account.now_us()
    if spend is None:
        return
    exposure = await account.ledger.read(
        lambda tx: tx.exposure(
            now_us, outside=bearers.outside(tx), task=spend.task, job_id=spend.job_id
        )
    )
    if near_a_cap(request, exposure, account.limits()):
        await follow_charges(account, pause_us=FRESH_US, within_s=BEFORE_A_RENT_S)


async def follow_charges(account: Account, *, pause_us: int, within_s: float) -> list[str]:
    """Read what was charged since the last time, day by day; what it changes is said in words.

    Nothing is asked where the books hold no machine that could have been charged, or where any
    process of the account asked within the last `pause_us`.
    """
    now_us = account.now_us()
    windows = await account.ledger.write(lambda tx: _due(tx, now_us, pause_us))
    until_s = account.clock.monotonic_s() + within_s
    more = Usd()
    try:
        for window in windows:
            left_s = max(0.1, until_s - account.clock.monotonic_s())
            amounts = sums(await read_window(account.reads, window, left_s))
            more += await account.ledger.write(
                lambda tx, window=window, amounts=amounts: _keep(tx, window, amounts, now_us)  # type: ignore[misc]  # bound per round
            )
    except ApiError as error:  # our own meter stands, and the next reading begins here
        _logger.info("charges could not be read: %s", error)
    if more <= _WORTH_A_WORD:
        return []
    return [f"Vast.ai charged {more} more than was metered: it counts as spent"]


def _due(tx: Transaction, now_us: int, pause_us: int) -> list[Window]:
    """The days to read, oldest first; none where nothing could be found or others have just read.

    A window read twice counts nothing twice: its sum takes the place of the earlier one.
    """
    first_us = _first(tx, now_us)
    if first_us is None or not tx.claim_charge_reading(now_us, pause_us):
        return []
    return days_of(first_us, now_us)


def _first(tx: Transaction, now_us: int) -> int | None:
    read_us = min(tx.charge_reading().read_us, now_us)
    since_us = read_us - _LATE_US if read_us else month_start_us(now_us)
    since_us = max(since_us, now_us - _LONGEST_US)
    ours = [rental for rental in tx.rentals_since(since_us) if sources_of(rental)]
    if not ours:
        return None
    return max(since_us, min(rental.created_us for rental in ours))


def _keep(tx: Transaction, window: Window, amounts: dict[tuple[str, str], Usd], now_us: int) -> Usd:
    """Write down what is charged for our machines; by how much that raised what is spent."""
    ours = {source for rental in tx.rentals_since(window.start_us) for source in sources_of(rental)}
    before = _spent(tx, now_us)
    for (source, day), amount in amounts.items():
        if source in ours:
            tx.record_charge(source, day, Charged(amount, now_us))
    tx.charges_read(min(window.end_us, now_us))
    return max(Usd(), _spent(tx, now_us) - before)


def _spent(tx: Transaction, now_us: int) -> Usd:
    return sum(tx.exposure(now_us).by_day.values(), Usd())
