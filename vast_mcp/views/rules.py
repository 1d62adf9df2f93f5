"""The policy in force as an answer: values, where the changed ones came from, pending plans."""

from vast_mcp.account.freezing import frozen
from vast_mcp.clock import MINUTE_US
from vast_mcp.errors import ApiError, LedgerUnavailable
from vast_mcp.operations import Json, JsonObject
from vast_mcp.policy.table import rows_in_force
from vast_mcp.session import Session
from vast_mcp.showing import given
from vast_mcp.store import Plan
from vast_mcp.text import clean_line
from vast_mcp.views.budgets import budget_rows

_BUILT_IN = "built-in"
_UNSET = frozenset({"not set", "none"})
_PLANS = 10


async def policy_summary(session: Session) -> JsonObject:
    """Limits, levels and budgets in force, and what waits for a yes of this principal."""
    limits = session.account.limits()
    rows = list(rows_in_force(limits))
    plans = [
        plan
        for plan in await session.guard.answers.pending()
        if plan.principal == session.caller.principal
    ]
    now_us = session.account.clock.utc_us()
    shown: list[Json] = [_plan(plan, now_us) for plan in plans[:_PLANS]]
    try:
        since = await frozen(session.account.ledger)
        budgets = await budget_rows(session.account)
    except (LedgerUnavailable, ApiError):  # the policy is told without the books as well
        since, budgets = "", []
    return given(
        {
            "frozen": since and f"all spending, by {since}; only `vast-mcp unfreeze` lifts it",
            "broken": str(clean_line(limits.broken, 300)),
            "read_only": True if limits.read_only else None,
            "limits": {key: value for key, value, _ in rows if value not in _UNSET},
            "set_by": {key: origin for key, _, origin in rows if origin != _BUILT_IN} or None,
            "file": limits.file,
            "budgets": budgets or None,
            "pending": shown,
        }
    )


def _plan(plan: Plan, now_us: int) -> JsonObject:
    """A plan; its time is told as what is left of it, since leases live by another clock."""
    return given(
        {
            "plan_id": plan.plan_id,
            "tool": plan.tool,
            "needs": "approval in a terminal" if plan.level == "person" else "a yes",
            "approved": True if plan.approved else None,
            "expires": f"in {max(0, plan.expires_us - now_us) // MINUTE_US} min",
            "untrusted_question": plan.question,
        }
    )
