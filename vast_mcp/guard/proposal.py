"""What the guard answers to a proposed act: do it, ask first, or there is nothing to do."""

from dataclasses import dataclass
from typing import TypeAlias

from vast_mcp.guard.act import Act, Outcome, Sight
from vast_mcp.store import Plan


@dataclass(frozen=True, slots=True)
class Ready:
    """Allowed as it stands: nobody needs to be asked."""

    act: Act
    sight: Sight


@dataclass(frozen=True, slots=True)
class Pending:
    """Waits for a yes to this plan, or already got its answer."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing to do any more: a repeat of a call already carried out, or just declined."""

    outcome: Outcome


Proposal: TypeAlias = Ready | Pending | Settled
