"""Why a machine of ours stands still: told the same wherever it is shown, waited for or refused.

The vendor's rows say only that a machine is stopped. Who stopped it is known where it was we: the
books note the cause with each stop. Otherwise it is inferred from what the row and the books show,
and the words claim no more than that.
"""

from vast_mcp.clock import MINUTE_US
from vast_mcp.models import Instance, InstanceState, failure_of, state_of
from vast_mcp.store import Halt, Rental, RentalState
from vast_mcp.units import minute

_NEAR_US = 3 * MINUTE_US
"""A stop so near a lease's end came of it: the guard inside looks every minute."""
_STANDS = frozenset(
    {
        InstanceState.STOPPED,
        InstanceState.STOPPING,
        InstanceState.OUTBID,
        InstanceState.ENDED,
        InstanceState.FAILED,
    }
)


_CAUSES = {
    Halt.ASKED: "on request",
    Halt.LEASE: "its lease ended",
    Halt.JOB: "its job ended",
    Halt.START: "its start did not come up within 10 minutes",
    Halt.UNAPPROVED: "it was not what was approved",
}
_FATES = {
    Halt.ASKED: "destroyed here on request",
    Halt.LEASE: "destroyed at its lease's end",
    Halt.JOB: "destroyed at its job's end",
    Halt.UNAPPROVED: "destroyed here, it was not what was approved",
    Halt.BID: "destroyed here, its bid did not win within 10 minutes",
}
NO_CREDIT = "by Vast.ai: the account's credit is used up"
OUTBID = "outbid, or stopped by its host"
_BY_OTHERS = (
    "not by us: in the Vast.ai console, by another program, by a guard inside it, or for lack of"
    " credit"
)


def why_halted(one: Instance, rental: Rental | None, now_us: int) -> str:
    """Why it does not run, as a clause; empty where it runs, comes up, or nobody can tell."""
    if state_of(one) not in _STANDS:
        return ""
    if rental is not None and rental.facts.stop_sent:
        return _ours(rental)
    if contract_over(one, now_us):
        return "its host's contract ended"
    if failure := failure_of(one):
        return failure.said.rstrip(".")
    if one.words.runs_command and one.actual_status is not None:
        return "its command has ended"
    if one.is_bid and one.intended_status == "stopped":
        return OUTBID
    if one.intended_status == "running":
        return "its container ended by itself"
    return "" if rental is None else _not_ours(rental, now_us)


def _ours(rental: Rental) -> str:
    cause, rested_us = rental.facts.stopped_for, rested_at_us(rental)
    if cause is Halt.NONE and rental.facts.adopted:
        return "before our ledger knew it"
    said = _CAUSES.get(cause, "by us")
    if rested_us is None:
        return said
    return f"{said} {minute(rested_us)}"


def _not_ours(rental: Rental, now_us: int) -> str:
    rested_us = rested_at_us(rental) or now_us
    if rested_us >= rental.lease_ends_us - _NEAR_US:
        inside = ", most likely by the guard inside it" if rental.facts.guarded_inside else ""
        return f"its lease ended{inside}"
    return _BY_OTHERS


def fate_of(rental: Rental) -> str:
    """Why a machine of ours does not exist any more, as a clause."""
    cause = rental.facts.ended_for
    if cause is Halt.NONE:
        return "not by us: its host, or someone in the Vast.ai console, deleted it"
    return _FATES.get(cause, "destroyed here")


def halted_by_others(one: Instance, rental: Rental | None, now_us: int) -> bool:
    """Whether one of our machines was stopped within its lease, and not by us."""
    if rental is None or rental.state is RentalState.DESTROYING:
        return False
    return why_halted(one, rental, now_us) == _BY_OTHERS


def contract_over(one: Instance, now_us: int) -> bool:
    """Past its contract's end a machine cannot be started any more."""
    return one.contract_ends_us is not None and one.contract_ends_us <= now_us


def rested_at_us(rental: Rental) -> int | None:
    """When it was first seen at rest, if it still is."""
    return None if rental.running else rental.facts.rested_us
