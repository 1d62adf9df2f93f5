"""What the vendor charged, grouped; and told to the books, which count the dearer of both."""

from collections.abc import Callable, Sequence
from typing import Literal

from vast_mcp.account.lease_label import user_part
from vast_mcp.clock import DAY_US
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.leases.charges import ChargedLine, Window, days_of, read_window, sums
from vast_mcp.operations import Json, JsonObject
from vast_mcp.session import Session
from vast_mcp.showing import LABEL_SHOWN, dollars, given
from vast_mcp.store.exposure import month_start_us
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, minute

Period = Literal["day", "week", "month"]
Grouping = Literal["instance", "day", "kind"]
_WEEK_DAYS = 7
_ROWS = 40
_READ_S = 45.0


async def charges_summary(session: Session, period: Period, group_by: Grouping) -> JsonObject:
    """Every page of the period's charges, summed; single days are recorded in the ledger.

    Raises:
        ApiError: they could not be read completely.
    """
    now_us = session.account.clock.lease_us()
    windows = windows_of(period, now_us, by_day=group_by == "day")
    lines: list[ChargedLine] = []
    for window in windows:
        lines += await read_window(session.account.reads, window, _READ_S)
    warning = await _record(session, lines)
    total = sum((line.item.amount for line in lines), Usd())
    return given(
        {
            "from": minute(windows[0].start_us),
            "to": minute(now_us),
            "total_usd": dollars(total),
            "charged": grouped(lines, group_by),
            "warnings": [warning] if warning else None,
        }
    )


def windows_of(period: Period, now_us: int, *, by_day: bool) -> list[Window]:
    """What to ask for: each UTC day, but of a month that is not told by day all before today."""
    today_us = now_us // DAY_US * DAY_US
    first_us = {
        "day": today_us,
        "week": today_us - (_WEEK_DAYS - 1) * DAY_US,
        "month": month_start_us(now_us),
    }[period]
    if period == "month" and not by_day:
        before = [Window(first_us, today_us)] if first_us < today_us else []
        return [*before, Window(today_us, today_us + DAY_US)]
    return days_of(first_us, now_us)


async def _record(session: Session, lines: Sequence[ChargedLine]) -> str:
    try:
        await session.guard.record_charges(sums(lines))
    except LedgerUnavailable as error:
        return f"These charges are not in the ledger: {error}"
    return ""


def grouped(lines: Sequence[ChargedLine], group_by: Grouping) -> list[Json]:
    """The largest first, days in their order; what is beyond 40 groups stands in a last one."""
    if group_by == "kind":
        return _kinds(lines)
    name: Callable[[ChargedLine], str] = (
        (lambda line: line.window.day or "")
        if group_by == "day"
        else (lambda line: line.item.source)
    )
    sums: dict[str, list[ChargedLine]] = {}
    for line in lines:
        sums.setdefault(name(line), []).append(line)
    rows = [(group, _total(found), found) for group, found in sums.items()]
    rows.sort(key=lambda row: row[0] if group_by == "day" else -row[1].micros)
    shown: list[Json] = [_row(group, total, found) for group, total, found in rows[:_ROWS]]
    if group_by == "instance":
        named = zip(shown, rows, strict=False)
        shown = [{**row, **_label(found)} for row, (_, _, found) in named if isinstance(row, dict)]
    if len(rows) > _ROWS:
        rest = sum((total for _, total, _ in rows[_ROWS:]), Usd())
        shown.append({"group": f"{len(rows) - _ROWS} more", "usd": dollars(rest)})
    return shown


def _row(group: str, total: Usd, lines: Sequence[ChargedLine]) -> JsonObject:
    parts = _parts(lines)
    split = {f"{kind}_usd": dollars(amount) for kind, amount in parts.items() if amount}
    return {"group": group, "usd": dollars(total), **split}


def _label(lines: Sequence[ChargedLine]) -> JsonObject:
    """What its machine is called, as the vendor last wrote it beside a charge."""
    labels = (user_part(line.item.raw_label) for line in reversed(lines))
    label = str(clean_line(next(filter(None, labels), ""), LABEL_SHOWN))
    return {"untrusted_label": label} if label else {}


def _kinds(lines: Sequence[ChargedLine]) -> list[Json]:
    parts = _parts(lines)
    parts["other"] = _total(lines) - sum(parts.values(), Usd())
    return [
        {"group": kind, "usd": dollars(amount)}
        for kind, amount in parts.items()
        if amount.micros > 1000  # below, it is the vendor's rounding to a tenth of a cent
    ]


def _parts(lines: Sequence[ChargedLine]) -> dict[str, Usd]:
    return {
        "gpu": sum((line.item.gpu for line in lines), Usd()),
        "disk": sum((line.item.disk for line in lines), Usd()),
        "traffic": sum((line.item.traffic for line in lines), Usd()),
    }


def _total(lines: Sequence[ChargedLine]) -> Usd:
    return sum((line.item.amount for line in lines), Usd())
