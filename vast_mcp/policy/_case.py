"""What a rule is handed and what it gives back."""

from dataclasses import dataclass

from vast_mcp.policy.actions import ActionRule
from vast_mcp.policy.decision import Reason
from vast_mcp.policy.facts import Exposure, Request, Spend
from vast_mcp.policy.limits import Level, Limits

_LEADS_TO_SPENDING = frozenset(
    {
        "create_workergroup", "update_workergroup", "copy_vm", "create_schedule",
        "prepay_instance", "accept_price_increase", "transfer_credit",
    }
)  # fmt: skip
"""Acts without a price of their own whose point is that more is spent."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that spoke, and how far it wants the act to go for a yes."""

    level: Level
    reason: Reason


@dataclass(frozen=True, slots=True)
class Case:
    """One act before the rules."""

    request: Request
    exposure: Exposure
    limits: Limits
    act: ActionRule

    @property
    def lowers(self) -> bool:
        """A bid or a maximum that goes down: it needs no question and meets no cap."""
        spend = self.request.spend
        rises = spend is not None and spend.adds_usd_per_hour.micros > 0
        return self.act.rises and not self.request.raises and not rises

    @property
    def spends(self) -> bool:
        """Whether it rents, starts, lengthens or raises anything: what a freeze closes."""
        act, request = self.act, self.request
        if act.reduces or self.lowers or self.corrective:
            return False
        priced = act.priced or act.rises or request.spend is not None
        return priced or request.action in _LEADS_TO_SPENDING

    @property
    def corrective(self) -> bool:
        """Our own undoing of our own spend; the word is void on any act that could spend."""
        target = self.request.target
        ours = target is not None and target.ours
        return self.request.corrective and ours and (self.act.reduces or self.lowers)


@dataclass(frozen=True, slots=True)
class Bill:
    """A spending act before the money rules."""

    action: str
    spend: Spend
    exposure: Exposure
    limits: Limits
    can_ask: bool
    fits: int = 0
    """The most whole hours, fewer than asked, that no rule would refuse; 0: none, or not asked."""


def deny(rule: str, says: str, model_can: str = "", person_can: str = "") -> Finding:
    """A refusal. What the person can change is the rule itself when nothing else is said."""
    setting = "" if person_can else rule
    return Finding(Level.DENY, Reason(rule, says, model_can, person_can, setting))


def ask(rule: str, says: str, level: Level = Level.ASK) -> Finding:
    """A question, to be put through the client or, at `person`, at a terminal."""
    return Finding(level, Reason(rule, says))


def span(hours: float) -> str:
    """Hours for a sentence: 12 h, 1.5 h, 3.98 h."""
    return f"{round(hours, 2):.10g} h"
