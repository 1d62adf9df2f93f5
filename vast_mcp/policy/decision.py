"""The answer of the policy, as a value."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from vast_mcp.policy.limits import Level


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that spoke. All of them are given, not just the first."""

    rule: str
    """The key in the policy file: `limits.max_usd_per_hour`, `allow.countries`, `levels.stop` …"""
    says: str
    """What was asked and what is allowed, in one sentence with both numbers."""
    model_can: str = ""
    """The model's next step, if there is one."""
    person_can: str = ""
    """What only the person can do, where it is not a change of `setting`."""
    setting: str = ""
    """The key that only the person can change; a refusal names all of them in one sentence."""
    place: str = "the policy file"
    """Where the person changes it."""


@dataclass(frozen=True, slots=True)
class Allow:
    """Do it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A yes is needed first."""

    level: Level
    """`ask` (through the client) or `person` (at a terminal)."""
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Deny:
    """No."""

    reasons: tuple[Reason, ...]


Decision: TypeAlias = Allow | Ask | Deny


def strictest(decisions: Iterable[Decision]) -> Decision:
    """The one that holds where several acts hang on one yes."""
    return max(decisions, key=lambda one: level_of(one).rank)


def level_of(decision: Decision) -> Level:
    """The decision as one word, for comparing two."""
    match decision:
        case Allow():
            return Level.ALLOW
        case Ask(level=level):
            return level
        case Deny():
            return Level.DENY
        case _:
            assert_never(decision)
