"""What most acts share: canonical arguments, the sight of an instance, and patience."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar

from vast_mcp.errors import ApiError, NotFound, OutcomeUnknown, RateLimited
from vast_mcp.guard.act import Booking, Desk, Send, Sight
from vast_mcp.guard.mark import user_part
from vast_mcp.models import Instance
from vast_mcp.operations import Call, Json, JsonObject
from vast_mcp.policy import Owner, Target
from vast_mcp.store import Rental, Transaction

SETTLE_S = 15.0
"""How long an act waits to see its effect before it answers "under way"."""
_LOOK_EVERY_S = 2.5
_TRIES = 4


class PlainAct:
    """An act that reserves nothing, is never a replay, and whose target must be unchanged."""

    tool: ClassVar[str]

    def arguments(self) -> JsonObject:
        """The dataclass's fields, tuples as lists."""
        return {field.name: _freeze(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]  # every act is a dataclass

    def holds(self, approved: JsonObject, sight: Sight) -> bool:
        """What was approved is what is there, field by field."""
        return approved == sight.snapshot

    def moved(self, tx: Transaction, sight: Sight) -> str:  # noqa: ARG002
        """It does not stand on what the books say."""
        return ""

    def replay(self, tx: Transaction, principal: str, now_us: int) -> Rental | None:  # noqa: ARG002
        """Repeating it does no harm that a replay would prevent."""
        return None

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Costs nothing."""


def _freeze(value: Any) -> Json:  # noqa: ANN401  dataclass fields of any kind
    if isinstance(value, tuple):
        return [_freeze(item) for item in value]
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

    @property
    def snapshot(self) -> JsonObject:
        """What makes it this machine and not another: stable across status changes."""
        one = self.instance
        return {
            "instance_id": one.instance_id,
            "machine_id": one.machine_id,
            "label": self.target.label,
            "gpu": f"{one.num_gpus}x {one.gpu_name}",
            "started_at_us": one.started_at_us,
            "image": str(one.image),
            "disk_gb": one.disk_gb,
        }

    @property
    def words(self) -> str:
        """`1x RTX 4090, rented 17 Nov`, for a question."""
        one = self.instance
        since = f", rented {day_words(one.started_at_us)}" if one.started_at_us else ""
        return f"{one.num_gpus}x {one.gpu_name}{since}"


async def see(desk: Desk, instance_id: int, *, urgent: bool = False) -> Seen:
    """Read one instance now, and whose it is; `urgent` for what ends cost: before other reads.

    Raises:
        NotFound: the account has none of this id.
    """
    instance = await desk.reads.show_instance(instance_id, urgent=urgent)
    if instance is None:
        raise NotFound(
            f"There is no instance {instance_id} on this account; nothing was done.",
            hint="show_instances lists what exists.",
        )
    rental = await desk.ledger.read(lambda tx: tx.rental_of("instance", instance_id))
    ours = rental is not None or desk.marker.read(instance.raw_label) is not None
    target = Target(
        kind="instance",
        target_id=instance_id,
        label=user_part(instance.raw_label),
        owner=Owner.OURS if ours else Owner.FOREIGN,
        never_ran=_never_ran(instance, rental),
    )
    return Seen(instance, rental, target)


def _never_ran(instance: Instance, rental: Rental | None) -> bool:
    if rental is None or rental.ever_ran or rental.touched:
        return False
    # One that resumes shows `loading` as well; but its disk has been used.
    return instance.actual_status in {None, "created", "loading"} and not instance.disk_used_gb


async def insist(
    desk: Desk,
    send: Send,
    call: Call,
    instance_id: int,
    done: Callable[[Instance | None], bool],
    *,
    urgent: bool = False,
) -> bool:
    """Send a write that is harmless to repeat until its effect is seen; False if time ran out.

    Only for acts that name their end state (stop, destroy, label): between two sends the state is
    read, and a lost answer or a 429 is followed by a look, not by a guess.
    """
    until_s = desk.clock.monotonic_s() + SETTLE_S
    sent = 0
    accepted = False
    while True:
        if not accepted and sent < _TRIES:
            sent += 1
            try:
                await send(call)
                accepted = True
            except OutcomeUnknown:
                accepted = False
            except RateLimited as error:
                await desk.clock.sleep(min(error.retry_after_s or _LOOK_EVERY_S, 10.0))
            except NotFound:
                accepted = True  # gone already, or never ours: the look below tells
        with suppress(ApiError):  # it was sent: a failing look must not read as "not done"
            if done(await desk.reads.show_instance(instance_id, urgent=urgent)):
                return True
        if desk.clock.monotonic_s() >= until_s:
            return False
        await desk.clock.sleep(_LOOK_EVERY_S)


def day_words(at_us: int) -> str:
    """A day as a person says it: `17 Nov`."""
    moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return f"{moment.day} {moment:%b}"


def iso(at_us: int) -> str:
    """An instant to the minute, UTC: `2026-11-20T18:30Z`."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%MZ")


def plain_number(value: float) -> str:
    """60 rather than 60.0."""
    return f"{value:g}"
