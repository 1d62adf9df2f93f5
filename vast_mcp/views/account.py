"""The account at a glance: what is left, what bills now and why, what ends tonight."""

from vast_mcp.account.freezing import frozen
from vast_mcp.clock import DAY_US, SECOND_US, Clock
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.operations import Json, JsonObject
from vast_mcp.session import Session
from vast_mcp.showing import dollars, given
from vast_mcp.units import UsdPerHour, minute
from vast_mcp.vendor_clock import DECIDES_US, WARNS_US
from vast_mcp.views.billable_items import Holding, Holdings, holdings
from vast_mcp.views.budgets import budget_rows
from vast_mcp.views.key_standing import key_warnings
from vast_mcp.views.spending import spending

_ROWS = 30
_SHORT_RUNWAY_HOURS = 24.0


async def account_summary(session: Session) -> JsonObject:
    """All of it, lean.

    Raises:
        ApiError: account or machines could not be read.
    """
    seen = await holdings(session.account)
    warnings = list(seen.warnings)
    books: JsonObject = {}
    try:
        money = await spending(session.account, seen.facts.bearers)
        books = money.against(session.account.limits())
        books["budgets"] = await budget_rows(session.account) or None
        since = await frozen(session.account.ledger)
        if since:
            books["frozen"] = f"all spending, by {since}; only `vast-mcp unfreeze` lifts it"
    except LedgerUnavailable as error:
        warnings.append(f"Spending so far is unknown: {error}")
    runway = runway_hours(seen)
    if runway is not None and runway < _SHORT_RUNWAY_HOURS:
        warnings.append(
            f"The credit lasts {runway:g} h at this rate. Then Vast.ai stops every machine, and"
            " later deletes disks."
        )
    rate = seen.usd_per_hour
    return given(
        {
            "credit_usd": dollars(seen.account.credit),
            "usd_per_hour_now": dollars(rate),
            "usd_per_day_now": dollars(rate.per_day),
            "runway_hours": runway,
            **books,
            "bills_now": _bills(seen),
            "tonight": _tonight(seen, session.account.clock.lease_us()),
            "warnings": [
                *clock_warnings(session.account.clock),
                *key_warnings(session, seen.held),
                *warnings,
            ]
            or None,
        }
    )


def runway_hours(seen: Holdings) -> float | None:
    """How long the credit lasts at the present rate; None while nothing bills."""
    rate = seen.usd_per_hour
    if not rate:
        return None
    return round(max(0.0, seen.account.credit.dollars) / rate.dollars, 1)


def _bills(seen: Holdings) -> list[Json]:
    billing = [
        machine for machine in seen.held if machine.usd_per_hour is None or machine.usd_per_hour
    ]
    billing.sort(key=lambda one: one.usd_per_hour or UsdPerHour(), reverse=True)
    rows: list[Json] = [row.row() for row in billing[:_ROWS]]
    if len(billing) > _ROWS:
        rows.append({"what": f"and {len(billing) - _ROWS} more; show_instances lists all"})
    return rows


def _tonight(seen: Holdings, now_us: int) -> list[Json]:
    """What ends within a day, in order; and what nobody will end."""
    ending = _by_end(seen, now_us)
    said: list[Json] = [
        f"{minute(machine.lease_ends_us or 0)} {machine.kind} {machine.target_id} ends:"
        f" {machine.then}"
        for machine in ending[:_ROWS]
    ]
    endless = [
        held_machine
        for held_machine in seen.held
        if not held_machine.unresolved
        and held_machine.bills != "nothing"
        and held_machine.usd_per_hour
        != UsdPerHour()  # an endpoint whose workers are listed themselves
        and (held_machine.lease_ends_us is None or _rests(held_machine))
    ]
    said += [_endless(row) for row in endless[:_ROWS]]
    return said


def _by_end(seen: Holdings, now_us: int) -> list[Holding]:
    ending = [
        machine
        for machine in seen.held
        if machine.lease_ends_us is not None
        and not machine.unresolved
        and not _rests(machine)
        and machine.lease_ends_us < now_us + DAY_US
    ]
    return sorted(ending, key=lambda one: one.lease_ends_us or 0)


def _rests(one: Holding) -> bool:
    """A stopped machine: its lease is over. A stopped endpoint still has one."""
    return one.kind == "instance" and one.state == "stopped"


def _endless(one: Holding) -> str:
    rate = (
        "at an unknown price" if one.usd_per_hour is None else f"at {one.usd_per_hour.per_day}/day"
    )
    if _rests(one):
        return f"{one.kind} {one.target_id} is stopped: its disk is billed {rate} until destroyed"
    return f"{one.kind} {one.target_id} has no lease: it is billed {rate} until someone ends it"


def clock_warnings(clock: Clock) -> list[str]:
    """Nothing while it is within a minute of the vendor's."""
    if doubt := clock.doubt():
        return [doubt]
    skew_s = clock.skew_s()
    if skew_s is None or abs(skew_s) * SECOND_US <= WARNS_US:
        return []
    way = "ahead of" if skew_s > 0 else "behind"
    whose = (
        "leases follow Vast.ai's" if abs(skew_s) * SECOND_US > DECIDES_US else "lease ends are off"
    )
    return [f"This computer's clock is {_span(abs(skew_s))} {way} Vast.ai's; {whose}. Set it."]


def _span(seconds: float) -> str:
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
