"""The account as last read, kept for a few seconds so that one decision is one set of facts."""

from dataclasses import dataclass

from vast_mcp.api.reads import Reads
from vast_mcp.clock import Clock
from vast_mcp.guard.mark import Marker
from vast_mcp.models import Account, Billing, Instance, billing_of
from vast_mcp.store import OutsideRental
from vast_mcp.units import UsdPerHour

FRESH_S = 10.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the vendor says about the whole account."""

    account: Account
    instances: tuple[Instance, ...]
    outside: tuple[OutsideRental, ...]
    """Our own machines as the vendor lists them, whether or not the ledger knows them."""


class View:
    """Reads the account and its machines; an answer older than ten seconds is read again."""

    def __init__(self, reads: Reads, clock: Clock, marker: Marker) -> None:
        self._reads = reads
        self._clock = clock
        self._marker = marker
        self._facts: Facts | None = None
        self._read_at_s = 0.0

    def forget(self) -> None:
        """After a write: the next look is a fresh one."""
        self._facts = None

    async def facts(self, *, max_age_s: float = FRESH_S) -> Facts:
        """The facts, read now unless younger than `max_age_s`.

        Raises:
            ApiError: they cannot be read; that is never taken for "nothing there".
        """
        started_s = self._clock.monotonic_s()
        if self._facts is not None and started_s - self._read_at_s <= max_age_s:
            return self._facts
        instances = tuple(await self._reads.list_instances())
        account = await self._reads.account()
        facts = Facts(
            account=account,
            instances=instances,
            outside=tuple(self._outside(instances)),
        )
        self._facts, self._read_at_s = facts, started_s
        return facts

    def _outside(self, instances: tuple[Instance, ...]) -> list[OutsideRental]:
        ours = []
        for instance in instances:
            mark = self._marker.read(instance.raw_label)
            if mark is not None:
                running = billing_of(instance) is not Billing.DISK
                rate = instance.usd_per_hour if running else instance.disk_usd_per_hour
                ours.append(OutsideRental(instance.instance_id, mark.intent_id, rate, running))
        return ours


def rate_now(instance: Instance) -> UsdPerHour:
    """What a machine bills per hour in its present state."""
    match billing_of(instance):
        case Billing.GPU_AND_DISK:
            return instance.usd_per_hour
        case Billing.DISK:
            return instance.disk_usd_per_hour
        case Billing.NOTHING:
            return UsdPerHour(0)
