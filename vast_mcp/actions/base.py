"""What most acts share: canonical arguments, the sight of an instance, and patience."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from vast_mcp.account.belonging import Belonging
from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import user_part
from vast_mcp.api.instance_reads import says_gone
from vast_mcp.errors import ApiError, NotFound, OutcomeUnknown, RateLimited
from vast_mcp.guard.act import Booking, Send, Sight
from vast_mcp.leases.halting import fate_of, why_halted
from vast_mcp.leases.reconcile import ABSENT_LISTS, unmarked_of
from vast_mcp.leases.remembered import holds, remembered
from vast_mcp.models import Instance
from vast_mcp.operations import Call, Json, JsonObject
from vast_mcp.policy.facts import Owner, Target
from vast_mcp.store import MACHINE_IDENTITY, Gpus, MachineIdentity, Plan, Rental, Transaction

SETTLE_S = 15.0
"""How long an act waits to see its effect before it answers "under way"."""
_LOOK_EVERY_S = 2.5
_TRIES = 4


class PlainAct:
    """An act that reserves nothing, is never a replay, and whose target must be unchanged."""

    def arguments(self) -> JsonObject:
        """The dataclass's fields, tuples as lists."""
        return {part.name: freeze(getattr(self, part.name)) for part in fields(self)}  # type: ignore[arg-type]  # every act is a dataclass

    def holds(self, approved: JsonObject, sight: Sight) -> bool:
        """What was approved is what is there, field by field."""
        return approved == sight.snapshot

    def narrowed(self, approved: JsonObject, sight: Sight) -> Sight:  # noqa: ARG002
        """One thing is covered whole or not at all."""
        return sight

    def moved(self, tx: Transaction, sight: Sight) -> str:  # noqa: ARG002
        """It does not stand on what the books say."""
        return ""

    def replay(self, tx: Transaction, principal: str, now_us: int) -> Rental | None:  # noqa: ARG002
        """Repeating it does no harm that a replay would prevent."""
        return None

    def once(self, plan: Plan) -> bool:  # noqa: ARG002
        """Its outcome is found by a look, so the same call may be made again."""
        return False

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Costs nothing."""


def freeze(value: Any) -> Json:  # noqa: ANN401  dataclass fields of any kind
    """An argument as it is stored: tuples become lists."""
    if isinstance(value, tuple):
        return [freeze(item) for item in value]
    return value  # type: ignore[no-any-return]  # acts hold JSON scalars and tuples only


def thaw(value: Json) -> Any:  # noqa: ANN401  dataclass fields of any kind
    """The inverse of freezing an argument: lists become tuples."""
    return tuple(thaw(item) for item in value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Seen:
    """An instance as it stands, and what we know of it."""

    instance: Instance
    rental: Rental | None
    target: Target
    claim: Rental | None = None
    """The rent that this machine seems to have come from, though it lacks its mark: not ours yet.
    """
    whose: Belonging = field(default_factory=Belonging)
    now_us: int = 0
    """When it was seen."""

    @property
    def why(self) -> str:
        """Why it stands still, as a clause; empty where it does not, or nobody can tell."""
        return why_halted(self.instance, self.rental, self.now_us)

    @property
    def stopped_by_us(self) -> bool:
        """Whether a stop of it was sent, so that it rests for good."""
        return self.rental is not None and self.rental.facts.stop_sent

    @property
    def snapshot(self) -> JsonObject:
        """What makes it this machine and not another: stable across status changes."""
        one = self.instance
        if not one.listed:
            return MACHINE_IDENTITY.encode(MachineIdentity(one.instance_id, listed=False))
        identity = MachineIdentity(
            instance_id=one.instance_id,
            machine_id=one.machine_id,
            label=self.target.label,
            gpus=Gpus(one.num_gpus, one.gpu_name),
            started_at_us=one.started_at_us,
            image=str(one.image),
            disk_gb=one.disk_gb,
        )
        return MACHINE_IDENTITY.encode(identity)

    @property
    def words(self) -> str:
        """`1x RTX 4090, rented 17 Nov`, for a question."""
        one = self.instance
        since = f", rented {day_words(one.started_at_us)}" if one.started_at_us else ""
        whose = "" if self.target.ours else ", not rented by this server"
        if self.whose.copied:
            whose += ", its lease mark is a copy"
        unseen = "" if one.listed else ", from our ledger: Vast.ai does not show it now"
        return f"{one.num_gpus}x {one.gpu_name}{since}{whose}{unseen}"


async def see(
    account: Account, instance_id: int, *, urgent: bool = False, ends_cost: bool = False
) -> Seen:
    """Read one machine now, and whose it is; `urgent` goes before other reads.

    For what ends cost (`ends_cost`) an empty look keeps nothing back: what our ledger holds open
    is then seen as the ledger has it, whether the list lacks it or cannot be read.

    Raises:
        ApiError: it cannot be read.
        NotFound: the account has none of this id, as far as anybody knows.
    """
    rental, claim = await account.ledger.read(
        lambda tx: (tx.rental_of("instance", instance_id), unmarked_of(tx, instance_id))
    )
    open_here = holds(rental)
    look = await account.reads.look(instance_id, urgent=urgent)
    instance = look.instance
    if instance is None:
        if look.trouble is not None and not open_here:
            raise look.trouble
        if rental is None or not open_here or look.gone or not ends_cost:
            raise _unseen(instance_id, rental, open_here=open_here and not look.gone)
        instance = remembered(rental, account.now_us())
    bearers, shown = account.cache.bearers([instance]), instance
    whose = await account.ledger.read(lambda tx: bearers.whose(shown, tx))
    rental = whose.rental
    target = Target(
        kind="instance",
        target_id=instance_id,
        label=user_part(instance.raw_label),
        owner=Owner.OURS if whose.ours else Owner.FOREIGN,
        never_ran=_never_ran(instance, rental),
    )
    return Seen(instance, rental, target, claim, whose, account.now_us())


def _unseen(instance_id: int, rental: Rental | None, *, open_here: bool) -> NotFound:
    if not open_here:
        fate = f" any more ({fate_of(rental)})" if rental is not None and rental.ended_us else ""
        return NotFound(
            f"There is no instance {instance_id} on this account{fate}; nothing was done.",
            hint="show_instances lists what exists.",
        )
    return NotFound(
        f"Vast.ai shows no instance {instance_id} now; nothing was done. It is not proven gone"
        " and counts as billed.",
        hint="Try again in a minute; stop_instance and destroy_instance still work.",
    )


def _never_ran(instance: Instance, rental: Rental | None) -> bool:
    if rental is None or rental.ever_ran or rental.touched:
        return False
    if not instance.listed:
        return False  # nobody sees it now: it may have run
    # One that resumes shows `loading` as well; but its disk has been used.
    return instance.actual_status in {None, "created", "loading"} and not instance.disk_used_gb


@dataclass(frozen=True, slots=True)
class Effect:
    """What is known of a write that was insisted on."""

    seen: bool
    """Its end state was seen."""
    doubt: OutcomeUnknown | None = None
    """Not seen, and no answer was a clear yes or no: the last of those."""


def unconfirmed(what: str, doubt: OutcomeUnknown) -> str:
    """`The stop was sent, and …: not confirmed.` Neither done nor refused."""
    if doubt.status is None:
        return f"The {what} was sent and its answer was lost: it is not confirmed."
    return (
        f"The {what} was sent, and Vast.ai answered {doubt.status} without a clear yes or no: it is"
        " not confirmed."
    )


async def insist(
    account: Account,
    send: Send,
    call: Call,
    instance_id: int,
    done: Callable[[Instance | None], bool],
    *,
    urgent: bool = False,
) -> Effect:
    """Send a write that is harmless to repeat until its effect is seen or time has run out.

    Only for acts that name their end state (stop, destroy, label): between two sends the state is
    read, and a lost answer or a 429 is followed by a look, not by a guess. `done` is asked about
    the machine as it is shown; about None only once its end is proven: the vendor says so, or two
    complete lists that began after the last send lack it.

    Raises:
        ApiError: refused, and nothing sent before it can have been executed.
    """
    until_s = account.clock.monotonic_s() + SETTLE_S
    state = _Insistence()
    while True:
        if not state.accepted and state.sent < _TRIES:
            await state.send(account, send, call)
            if state.gone:
                return Effect(done(None), state.doubt)
        with suppress(ApiError):  # it was sent: a failing look must not read as "not done"
            look = await account.reads.look(instance_id, urgent=urgent)
            state.absences = state.absences + 1 if look.lacking else 0
            proven = look.gone or state.absences >= ABSENT_LISTS
            if (proven or look.instance is not None) and done(look.instance):
                return Effect(seen=True)
            if look.empty and (look.instance is not None or look.trouble is not None):
                state.accepted = False  # the list may lag: sent again, it is answered with a proof
        if account.clock.monotonic_s() >= until_s:
            if state.limited is not None and state.doubt is None:
                raise state.limited  # never once taken: nothing was done
            return Effect(seen=False, doubt=state.doubt)
        await account.clock.sleep(_LOOK_EVERY_S)


@dataclass(slots=True)
class _Insistence:
    """How far an insisting write has come."""

    sent: int = 0
    absences: int = 0
    """Complete lists without the machine since the last send."""
    accepted: bool = False
    gone: bool = False
    """The vendor says that there is no such machine."""
    doubt: OutcomeUnknown | None = None
    limited: RateLimited | None = None

    async def send(self, account: Account, send: Send, call: Call) -> None:
        """Once more; what an answer means for all that was sent so far."""
        self.sent += 1
        self.absences = 0
        try:
            await send(call)
            self.accepted, self.doubt, self.limited = True, None, None
        except OutcomeUnknown as error:
            self.doubt = error
        except RateLimited as error:
            self.limited = error
            await account.clock.sleep(min(error.retry_after_s or _LOOK_EVERY_S, 10.0))
        except NotFound as error:
            self.gone = says_gone(error)
            self.accepted = True  # the look tells
        except ApiError:
            if self.doubt is None:
                raise
            self.sent = _TRIES  # refused now; what was sent before may have been executed


def day_words(at_us: int) -> str:
    """A day as a person says it: `17 Nov`."""
    moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return f"{moment.day} {moment:%b}"


def plain_number(value: float) -> str:
    """60 rather than 60.0."""
    return f"{value:g}"
