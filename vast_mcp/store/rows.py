"""What the ledger keeps, as frozen rows. Ids are random text, money micro-dollars, time UTC µs."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from vast_mcp.operations import JsonObject
from vast_mcp.store.facts import LeaseFacts
from vast_mcp.units import Usd, UsdPerHour


class RentalState(StrEnum):
    """Where an intent to rent stands; see `guard.create` for the walk."""

    RESERVED = "reserved"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACTIVE = "active"
    DESTROYING = "destroying"
    REFUSED = "refused"
    ABSENT = "absent"
    GONE = "gone"

    @property
    def holds_money(self) -> bool:
        """Whether it counts as running and as spent: everything not known to be over does."""
        return self not in {RentalState.REFUSED, RentalState.ABSENT, RentalState.GONE}

    @property
    def unresolved(self) -> bool:
        """Whether nobody knows yet if anything came of it."""
        return self in {RentalState.RESERVED, RentalState.SENDING, RentalState.UNKNOWN}


class Silence(StrEnum):
    """Why it seems that no person saw a question."""

    NONE = ""
    AT_ONCE = "declined faster than a person reads"
    NO_ANSWER = "not answered while the client was waited for"


class PlanState(StrEnum):
    """The life of a question."""

    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"
    DECLINED = "declined"
    VOID = "void"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Rental:
    """One intent to rent an instance or run an endpoint, from reservation to its end."""

    intent_id: str
    principal: str
    kind: str
    """`instance` or `endpoint`."""
    state: RentalState
    request_key: str
    digest: str
    label: str
    """The user's part only."""
    usd_per_hour: UsdPerHour
    disk_usd_per_hour: UsdPerHour
    created_us: int
    lease_ends_us: int
    on_end: str = "stop"
    asked: bool = False
    """Whether a person said yes to it; rents nobody was asked about have a cap of their own."""
    task: str = ""
    max_cost: Usd | None = None
    offer_id: int | None = None
    machine_id: int | None = None
    target_id: int | None = None
    """The instance or endpoint id, once known."""
    running: bool = True
    """Whether it counts as running; False after an observed stop."""
    ever_ran: bool = False
    touched: bool = False
    """Started, stopped or rebooted since it was created: then it may have run unseen."""
    sent_us: int | None = None
    settled_us: int | None = None
    ended_us: int | None = None
    outcome: JsonObject = field(default_factory=dict)
    facts: LeaseFacts = field(default_factory=LeaseFacts)
    job_id: str = ""
    """The job that rented it. Its `task` is the budget that it shares with others."""

    @property
    def end_act(self) -> str:
        """What its lease's end does: `destroy` only where a person agreed to it."""
        agreed = self.asked and not self.facts.adopted
        return "destroy" if self.on_end == "destroy" and agreed else "stop"


class RentalChanges(TypedDict, total=False):
    """What of a rental may be written after it was made; its field names and types."""

    state: RentalState
    usd_per_hour: UsdPerHour
    lease_ends_us: int
    asked: bool
    target_id: int | None
    running: bool
    ever_ran: bool
    touched: bool
    sent_us: int | None
    settled_us: int | None
    ended_us: int | None
    outcome: JsonObject
    facts: LeaseFacts


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time at one rate, or a fixed amount, that a rental costs or may cost.

    It is reserved up to `until_us` (None: to the end of today), and goes on counting past that
    until `closed_us` is observed: a lease that nobody could end is still spent.
    """

    intent_id: str
    kind: str
    """`lease`, `disk` or `traffic`."""
    rate: UsdPerHour
    fixed: Usd
    from_us: int
    until_us: int | None
    closed_us: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An act that waits for a yes: exactly what, on which target as seen, until when."""

    plan_id: str
    code: str
    principal: str
    tool: str
    key: str
    arguments: JsonObject
    snapshot: JsonObject
    question: str
    form: str
    """`confirm` or `digits`."""
    digits: str
    level: str
    policy_digest: str
    state: PlanState
    created_us: int
    expires_us: int
    changed_us: int
    outcome: JsonObject = field(default_factory=dict)
    approved: bool = False
    """A person approved it at a terminal."""
    misses: int = 0
    """How often wrong digits were typed."""
    silence: Silence = Silence.NONE
    """Why no person has seen its question, as far as we can tell; then only a terminal counts."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What an offer was last shown at, so that a create can be held to it."""

    offer_id: int
    disk_gb: float
    usd_per_hour: UsdPerHour
    storage_usd_per_gb_month: float
    rental: str
    shown_us: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """A person's word that nothing more may be spent until it is lifted."""

    at_us: int
    who: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One decision, one write, or one outcome."""

    at_us: int
    principal: str
    phase: str
    """`decision`, `write`, `outcome` or `observed`."""
    tool: str
    verdict: str
    subject: str = ""
    """Intent, plan or target it is about."""
    digest: str = ""
    policy_digest: str = ""
    detail: JsonObject = field(default_factory=dict)
    """Rules, money, HTTP class. Never a secret, never foreign text."""
