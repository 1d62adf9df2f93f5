"""The decision: every rule speaks, the strictest word holds.

Unlike a first-match list, no order of rules can open a door: deny beats person beats ask beats
allow, and an action that nobody declared is refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from vast_mcp.policy import standing
from vast_mcp.policy._case import Bill, Case, Finding, deny
from vast_mcp.policy.actions import ACTS
from vast_mcp.policy.budget import budgets
from vast_mcp.policy.caps import TIMED, caps
from vast_mcp.policy.decision import Allow, Ask, Decision, Deny, Reason
from vast_mcp.policy.facts import Exposure, Request
from vast_mcp.policy.fitting import most_hours
from vast_mcp.policy.limits import Level, Limits
from vast_mcp.policy.questions import thresholds, unasked_client
from vast_mcp.text import clean_line


def decide(request: Request, exposure: Exposure, limits: Limits) -> Decision:
    """May this be done? All reasons of the decision are given, the strictest first."""
    found = findings(request, exposure, limits)
    level = max((finding.level for finding in found), key=_rank, default=Level.ALLOW)
    if level is Level.ALLOW:
        return Allow()
    if level is Level.DENY:
        return Deny(tuple(_placed(f.reason, limits) for f in found if f.level is Level.DENY))
    return Ask(level, tuple(f.reason for f in found))


def _placed(reason: Reason, limits: Limits) -> Reason:
    return replace(reason, place=limits.place_of(reason.setting)) if reason.setting else reason


def findings(request: Request, exposure: Exposure, limits: Limits) -> tuple[Finding, ...]:
    """Every rule that has something against an unasked yes, the strictest first."""
    act = ACTS.get(request.action)
    if act is None:
        name = clean_line(request.action, 60)
        unknown = deny(
            "action.unknown",
            f'The policy does not know the action "{name}", so it is refused.',
            "Use one of the listed tools.",
            "No setting allows an unknown action.",
        )
        return (unknown,)
    case = Case(request, exposure, limits, act)
    found = [finding for rule in _RULES for finding in rule(case)]
    return tuple(sorted(found, key=lambda finding: -finding.level.rank))


def _money(case: Case) -> Iterator[Finding]:
    """Caps, budgets and questions of an act that adds to the bill."""
    request, act = case.request, case.act
    if act.reduces or case.lowers:
        return
    if request.spend is None:
        if act.priced:
            yield deny(
                "price.unknown",
                f"{act.doing} is refused: its cost could not be determined.",
                "Read the offer or the machine again, then retry.",
                "No setting allows an action without a price.",
            )
        return
    bill = Bill(request.action, request.spend, case.exposure, case.limits, request.can_ask)
    if _too_long(bill):
        bill = replace(bill, fits=most_hours(bill, _too_long))
    yield from budgets(bill)
    yield from caps(bill)
    if act.coverable and request.covered:  # a person's yes to the larger act named it
        return
    yield from unasked_client(bill)
    if act.by_numbers:
        yield from thresholds(bill)


def _too_long(bill: Bill) -> bool:
    """Whether a rule refuses it that fewer hours might satisfy."""
    return any(True for rule in (budgets, *TIMED) for _ in rule(bill))


def _rank(level: Level) -> int:
    return level.rank


_RULES: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    standing.read_only,
    standing.broken,
    standing.frozen,
    standing.stated_levels,
    standing.dangerous,
    _money,
    standing.protected,
    standing.others_machines,
    standing.own_level,
)
