"""The words of the guard: who calls, what is seen, what comes out, what an act must do."""

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

from vast_mcp.account.context import Account
from vast_mcp.operations import Call, Json, JsonObject
from vast_mcp.policy.facts import Request
from vast_mcp.store import Plan, Rental, Transaction
from vast_mcp.telling import Tell, nobody


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `can_ask` is whether the client can put a question to its person right now."""

    principal: str = "local"
    can_ask: bool = False
    client: str = ""
    terminal_only: bool = False
    """Started with `--ask terminal`: no yes of this client's counts, only `vast-mcp approve`."""
    flags: str = ""
    """What a command in a terminal needs to find the books of this server; empty: nothing."""
    tell: Tell = field(default=nobody, repr=False, compare=False)
    """Where a long act tells how far it is."""


class Form(StrEnum):
    """How a question is answered."""

    CONFIRM = "confirm"
    DIGITS = "digits"


@dataclass(frozen=True, slots=True)
class Sight:
    """The target and the money as seen just now, and the question they lead to.

    `snapshot` holds only what must not have changed between the question and the act; nothing
    volatile, or the question would never stand still.
    """

    request: Request
    snapshot: JsonObject
    question: str
    """The act, its target by id, the money. Without the label and the code, which come last."""
    handle: str
    """The readable stem of the plan's id: `destroy-27123456`."""
    label: str = ""
    form: Form = Form.CONFIRM
    digits: str = ""
    also: tuple[Request, ...] = ()
    """Further requests under the same yes; the strictest decision of all holds."""
    room: int = 0
    """Characters that its question may be longer than others."""
    settled: "Outcome | None" = None
    """Nothing is left to do: what to answer instead of asking."""
    must_ask: str = ""
    """Why a question is needed even if the policy would allow it."""
    unasked: str = ""
    """What is not as the question says where the policy needs no question."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, as the tool will say it. Stored with the plan: a repeat is a replay."""

    status: str
    said: str
    next: str = ""
    warnings: tuple[str, ...] = ()
    values: JsonObject = field(default_factory=dict)
    """Ids, money and times under the names the tools use."""
    shown: JsonObject = field(default_factory=dict)
    """Told to whoever asked and never stored: what a command printed."""

    def to_json(self) -> JsonObject:
        """For the ledger."""
        warnings: list[Json] = list(self.warnings)
        return {
            "status": self.status,
            "said": self.said,
            "next": self.next,
            "warnings": warnings,
            "values": self.values,
        }

    @staticmethod
    def from_json(stored: JsonObject) -> "Outcome":
        """From the ledger."""
        warnings, values = stored.get("warnings"), stored.get("values")
        return Outcome(
            status=str(stored.get("status", "unknown")),
            said=str(stored.get("said", "")),
            next=str(stored.get("next", "")),
            warnings=tuple(str(item) for item in warnings) if isinstance(warnings, list) else (),
            values=values if isinstance(values, dict) else {},
        )

    def again(self, hint: str = "") -> "Outcome":
        """The same outcome told a second time."""
        return replace(self, values={**self.values, "replayed": True}, next=hint or self.next)


@dataclass(frozen=True, slots=True)
class Booking:
    """What the reserving transaction knows."""

    intent_id: str
    now_us: int
    principal: str
    digest: str
    asked: bool


class Send(Protocol):
    """Sends one write, once, under a permit made for it, and journals it."""

    def __call__(self, call: Call, *, timeout_s: float = 60.0) -> Awaitable[JsonObject]:
        """Send it; raises the api's errors as they are."""
        ...


@dataclass(frozen=True, slots=True)
class Errand:
    """An act under way: approved, reserved, about to be sent."""

    sight: Sight
    approved: JsonObject
    """The snapshot a yes was given to; equal to the sight's own where nobody was asked."""
    booking: Booking
    send: Send
    tell: Tell = nobody


@runtime_checkable
class Act(Protocol):
    """Something the guard can be asked to do.

    An act is a frozen dataclass of its tool's arguments; it is rebuilt from them when a stored
    plan is redeemed, perhaps by another process.
    """

    @property
    def tool(self) -> str:
        """The tool's name, which is the action's name for the policy."""
        ...

    def arguments(self) -> JsonObject:
        """The arguments in canonical form; `rebuild` turns them back."""
        ...

    async def look(self, account: Account) -> Sight:
        """Read the target and price the act. Changes nothing.

        Raises:
            VastMcpError: the target is gone, or an argument cannot be.
        """
        ...

    def holds(self, approved: JsonObject, sight: Sight) -> bool:
        """Whether what was approved is still what is there."""
        ...

    def narrowed(self, approved: JsonObject, sight: Sight) -> Sight:
        """What of this sight the yes still covers; all of it, unless it is of several things."""
        ...

    def moved(self, tx: Transaction, sight: Sight) -> str:
        """What the books say otherwise by now than when it was looked at; empty if nothing."""
        ...

    def replay(self, tx: Transaction, principal: str, now_us: int) -> Rental | None:
        """The rental an identical earlier call already made, if this call is its repeat."""
        ...

    def once(self, plan: Plan) -> bool:
        """Whether this plan's outcome keeps the same call back until a person closes it."""
        ...

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Set the money aside, inside the deciding transaction."""
        ...

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Send it and settle the books."""
        ...


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
