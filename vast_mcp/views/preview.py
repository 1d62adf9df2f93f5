"""What an act would meet, said without doing it."""

from vast_mcp.guard.act import Outcome, Sight
from vast_mcp.operations import JsonObject
from vast_mcp.policy import Allow, Ask, Decision, Deny, Level
from vast_mcp.policy.refusal import refusal_text


def rehearsed(sight: Sight, decision: Decision) -> Outcome:
    """The decision, the worst case and the question that would be asked. Nothing is reserved."""
    spend = sight.request.spend
    values: JsonObject = {}
    if spend is not None:
        values = {
            "usd_per_hour": round(spend.usd_per_hour.dollars, 4),
            "max_cost_usd": round(spend.cost.dollars, 2),
        }
    return Outcome(status="preview", said=_said(sight, decision), values=values)


def _said(sight: Sight, decision: Decision) -> str:
    question = f"{sight.question} {sight.label!r}" if sight.label else sight.question
    match decision:
        case Allow():
            without = f" {sight.unasked}" if sight.unasked else ""
            return f"Decision: allow. No question would be asked: {question}{without}"
        case Ask(level=Level.PERSON):
            return f"Decision: person. A person would have to approve in a terminal: {question}"
        case Ask():
            return f"Decision: ask. The user would be asked: {question}"
        case Deny():
            return f"Decision: deny. {refusal_text(decision, 'It would be refused')}"
