"""May this be done? A pure answer from the act, the facts and the limits."""

from vast_mcp.policy.decision import Allow, Ask, Decision, Deny, Reason, level_of
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure, Owner, Request, Spend, Target
from vast_mcp.policy.limits import Allowed, Level, Limits, NoQuestion, Protected
from vast_mcp.policy.refusal import refusal_text

__all__ = [
    "Allow",
    "Allowed",
    "Ask",
    "Decision",
    "Deny",
    "Exposure",
    "Level",
    "Limits",
    "NoQuestion",
    "Owner",
    "Protected",
    "Reason",
    "Request",
    "Spend",
    "Target",
    "decide",
    "level_of",
    "refusal_text",
]
