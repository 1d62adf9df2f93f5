"""May this be done? A pure answer from the act, the facts and the limits.

Here stand the words of the question and the answer; `engine.decide` gives it. It is not imported
here, because the limits are read at every start and the decision only later.
"""

from vast_mcp.policy.decision import Allow, Ask, Decision, Deny, Reason, level_of
from vast_mcp.policy.limits import Allowed, Level, Limits, NoQuestion, Protected

__all__ = [
    "Allow",
    "Allowed",
    "Ask",
    "Decision",
    "Deny",
    "Level",
    "Limits",
    "NoQuestion",
    "Protected",
    "Reason",
    "level_of",
]
