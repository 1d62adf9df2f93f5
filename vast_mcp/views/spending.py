"""What was spent and what is set aside, against the caps: from the ledger, by UTC day."""

from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp.account.belonging import Bearers
from vast_mcp.account.context import Account
from vast_mcp.instances.cost_estimate import billed_by_day
from vast_mcp.operations import Json, JsonObject
from vast_mcp.policy import Limits
from vast_mcp.policy.facts import Exposure
from vast_mcp.showing import LABEL_SHOWN, dollars, given
from vast_mcp.store import Rental, Segment, Transaction, day_of
from vast_mcp.store.exposure import cost_by_day, current_rate, month_start_us
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, minute

_DAYS_SHOWN = 31


@dataclass(frozen=True, slots=True)
class Spending:
    """The books of what this server rented, at one instant."""

    counted: Exposure
    """As the caps count it: reserved money and machines no ledger knows included."""
    spent_by_day: dict[str, Usd]
    """What was billed: charged, or seen to bill where no charge is known yet."""
    reserved_by_day: dict[str, Usd]
    """Set aside for what exists, and not billed."""

    @property
    def month(self) -> str:
        """This UTC month, `YYYY-MM`."""
        return self.counted.today[:7]

    @property
    def spent_today(self) -> Usd:
        """Billed since midnight UTC."""
        return self.spent_by_day.get(self.counted.today, Usd())

    @property
    def spent_month(self) -> Usd:
        """Billed since the first of this month."""
        return _sum(self.spent_by_day, self.month)

    @property
    def reserved_today(self) -> Usd:
        """Set aside until midnight UTC."""
        return self.reserved_by_day.get(self.counted.today, Usd())

    def against(self, limits: Limits) -> JsonObject:
        """Spent, reserved and the caps, for an answer."""
        return {
            "spent_today_usd": dollars(self.spent_today),
            "reserved_today_usd": dollars(self.reserved_today),
            "max_usd_per_day": dollars(limits.max_usd_per_day),
            "spent_month_usd": dollars(self.spent_month),
            "reserved_usd": dollars(sum(self.reserved_by_day.values(), Usd())),
            "max_usd_per_month": dollars(limits.max_usd_per_month),
        }

    def days(self) -> JsonObject:
        """Billed per UTC day, the newest 31."""
        days = sorted(self.spent_by_day.items())[-_DAYS_SHOWN:]
        return {day: dollars(amount) for day, amount in days if amount}


async def spending(account: Account, bearers: Bearers | None = None) -> Spending:
    """The books now; with those of our machines among these that no ledger knows.

    Raises:
        LedgerUnavailable: they cannot be read.
    """
    now_us = account.clock.lease_us()

    def read(tx: Transaction) -> Spending:
        outside = bearers.outside(tx) if bearers is not None else ()
        counted = tx.exposure(now_us, outside=outside)
        first_us = month_start_us(now_us)
        charged = tx.charged_since(day_of(first_us))
        spent: dict[str, Usd] = {}
        aside: dict[str, Usd] = {}
        for rental in tx.rentals_since(first_us):
            segments = tx.segments(rental.intent_id)
            billed = billed_by_day(rental, segments, charged, now_us)
            _add(spent, billed)
            if _holds(rental, segments, now_us):
                _add(aside, _left(cost_by_day(segments, now_us), billed))
        return Spending(counted, spent, aside)

    return await account.ledger.read(read)


def _holds(rental: Rental, segments: Sequence[Segment], now_us: int) -> bool:
    """Whether anything is set aside for it; a destroyed machine is charged some minutes more."""
    return rental.state.holds_money or any(
        (segment.closed_us or 0) > now_us for segment in segments
    )


def _left(counted: dict[str, Usd], billed: dict[str, Usd]) -> dict[str, Usd]:
    """By day, what is counted and was not billed."""
    return {day: max(Usd(), one - billed.get(day, Usd())) for day, one in counted.items()}


def _add(days: dict[str, Usd], more: dict[str, Usd]) -> None:
    for day, amount in more.items():
        days[day] = days.get(day, Usd()) + amount


def _sum(days: dict[str, Usd], month: str) -> Usd:
    return sum((amount for day, amount in days.items() if day.startswith(month)), Usd())


async def leases(account: Account) -> list[Json]:
    """Everything under a lease, the first to end first.

    Raises:
        LedgerUnavailable: the books cannot be read.
    """
    live = await account.ledger.read(lambda tx: tx.live_rentals())
    return [_lease(rental) for rental in sorted(live, key=lambda one: one.lease_ends_us)]


def _lease(rental: Rental) -> JsonObject:
    end = rental.end_act if rental.kind == "instance" else "end its workers"
    return given(
        {
            f"{rental.kind}_id": rental.target_id,
            "state": rental.state.value,
            "lease_ends": minute(rental.lease_ends_us) if rental.running else None,
            "on_end": end if rental.running else None,
            "usd_per_hour": dollars(rental.usd_per_hour),
            "reserved_usd_per_hour": dollars(current_rate(rental)),
            "task": rental.task,
            "untrusted_label": str(clean_line(rental.label, LABEL_SHOWN)),
        }
    )


async def audit_rows(account: Account, count: int) -> list[Json]:
    """The newest entries of the audit chain, newest first.

    Raises:
        LedgerUnavailable: the books cannot be read.
    """
    entries = await account.ledger.read(lambda tx: tx.audit(count))
    return [
        given(
            {
                "at": minute(entry.at_us),
                "phase": entry.phase,
                "tool": entry.tool,
                "verdict": entry.verdict,
                "subject": entry.subject,
                "detail": given(entry.detail) or None,
            }
        )
        for entry in entries
    ]
