"""What the vendor charged, grouped; and told to the books, which count the dearer of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vast_mcp.errors import LedgerUnavailable
from vast_mcp.models import ChargeItem
from vast_mcp.operations import Json, JsonObject
from vast_mcp.services._services import Services
from vast_mcp.services.showing import DAY_US, SECOND_US, dollars, given, minute
from vast_mcp.store import day_of
from vast_mcp.store.exposure import month_start_us
from vast_mcp.units import Usd

Period = Literal["day", "week", "month"]
Grouping = Literal["instance", "day", "kind"]
_WEEK_DAYS = 7
_ROWS = 40
_READ_S = 45.0


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of whole UTC days; `end_us` is excluded."""

    start_us: int
    end_us: int

    @property
    def day(self) -> str | None:
        """The one day it lies in, or None for several."""
        first, last = day_of(self.start_us), day_of(self.end_us - 1)
        return first if first == last else None


@dataclass(frozen=True, slots=True)
class _Charged:
    """One line of a window."""

    window: _Window
    item: ChargeItem


async def charges_summary(services: Services, period: Period, group_by: Grouping) -> JsonObject:
    """Every page of the period's charges, summed; single days are recorded in the ledger.

    Raises:
        ApiError: they could not be read completely.
    """
    now_us = services.clock.lease_us()
    windows = _windows(period, now_us, by_day=group_by == "day")
    lines: list[_Charged] = []
    for window in windows:
        last_us = window.end_us - SECOND_US
        read = await services.reads.charges(window.start_us, last_us, deadline_s=_READ_S)
        lines += _inside(window, read.items)
    warning = await _record(services, lines)
    total = sum((line.item.amount for line in lines), Usd(0))
    return given(
        {
            "from": minute(windows[0].start_us),
            "to": minute(now_us),
            "total_usd": dollars(total),
            "charged": _grouped(lines, group_by),
            "warnings": [warning] if warning else None,
        }
    )


def _inside(window: _Window, items: Sequence[ChargeItem]) -> list[_Charged]:
    """What of these rows belongs to the window: each counts once over neighbouring windows.

    Whether the vendor cuts a row to the window that was asked for is not known. A row outside of it
    is left out, of one that reaches beyond it the share of its time counts; equal rows are one.
    """
    lines: list[_Charged] = []
    for item in dict.fromkeys(items):
        if item.start_us <= 0 or item.end_us <= 0:  # it does not say when
            lines.append(_Charged(window, item))
            continue
        from_us, until_us = max(item.start_us, window.start_us), min(item.end_us, window.end_us)
        whole_us = item.end_us - item.start_us
        if whole_us <= 0:
            if window.start_us <= item.end_us < window.end_us:
                lines.append(_Charged(window, item))
        elif until_us - from_us == whole_us:
            lines.append(_Charged(window, item))
        elif until_us > from_us:
            lines.append(_Charged(window, _share(item, until_us - from_us, whole_us)))
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


def _windows(period: Period, now_us: int, *, by_day: bool) -> list[_Window]:
    today_us = now_us // DAY_US * DAY_US
    first_us = {
        "day": today_us,
        "week": today_us - (_WEEK_DAYS - 1) * DAY_US,
        "month": month_start_us(now_us),
    }[period]
    if period == "month" and not by_day:
        before = [_Window(first_us, today_us)] if first_us < today_us else []
        return [*before, _Window(today_us, today_us + DAY_US)]
    return [_Window(at_us, at_us + DAY_US) for at_us in range(first_us, today_us + 1, DAY_US)]


async def _record(services: Services, lines: Sequence[_Charged]) -> str:
    amounts: dict[tuple[str, str], Usd] = {}
    for line in lines:
        if line.window.day is not None and line.item.source:
            key = (line.item.source, line.window.day)
            amounts[key] = amounts.get(key, Usd(0)) + line.item.amount
    try:
        await services.guard.record_charges(amounts)
    except LedgerUnavailable as error:
        return f"The ledger does not know of these charges: {error}"
    return ""


def _grouped(lines: Sequence[_Charged], group_by: Grouping) -> list[Json]:
    if group_by == "kind":
        return _kinds(lines)
    name: Callable[[_Charged], str] = (
        (lambda line: line.window.day or "")
        if group_by == "day"
        else (lambda line: line.item.source)
    )
    sums: dict[str, list[_Charged]] = {}
    for line in lines:
        sums.setdefault(name(line), []).append(line)
    rows = [(group, _total(found), found) for group, found in sums.items()]
    rows.sort(key=lambda row: row[0] if group_by == "day" else -row[1].micros)
    shown: list[Json] = [_row(group, total, found) for group, total, found in rows[:_ROWS]]
    if len(rows) > _ROWS:
        rest = sum((total for _, total, _ in rows[_ROWS:]), Usd(0))
        shown.append({"group": f"{len(rows) - _ROWS} more", "usd": dollars(rest)})
    return shown


def _row(group: str, total: Usd, lines: Sequence[_Charged]) -> JsonObject:
    parts = _parts(lines)
    split = {f"{kind}_usd": dollars(amount) for kind, amount in parts.items() if amount}
    return {"group": group, "usd": dollars(total), **split}


def _kinds(lines: Sequence[_Charged]) -> list[Json]:
    parts = _parts(lines)
    parts["other"] = max(Usd(0), _total(lines) - sum(parts.values(), Usd(0)))
    return [
        {"group": kind, "usd": dollars(amount)}
        for kind, amount in parts.items()
        if amount.micros > 1000  # below, it is the vendor's rounding to a tenth of a cent
    ]


def _parts(lines: Sequence[_Charged]) -> dict[str, Usd]:
    return {
        "gpu": sum((line.item.gpu for line in lines), Usd(0)),
        "disk": sum((line.item.disk for line in lines), Usd(0)),
        "traffic": sum((line.item.traffic for line in lines), Usd(0)),
    }


def _total(lines: Sequence[_Charged]) -> Usd:
    return sum((line.item.amount for line in lines), Usd(0))
