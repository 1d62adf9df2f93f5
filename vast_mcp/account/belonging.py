"""Whose a machine is: the one place that answers it, for acts, caps, notices and what is shown.

A label is text that anybody with the account can copy. That its mark verifies proves that our key
wrote it once, not that it was written for this machine. So a machine is ours only if

- the books know its id (whatever its label says by now), or
- it is what an unresolved rent became: it bears the intent, and began when that was sent, or
- the books do not know the intent at all (they were lost, or are older), its mark verifies, and of
  all that bear this mark it is the first.

A machine bears an intent if its environment names it: that was set at its rent and never changes,
and we always set it. Where a row does not show the environment, the label counts. Every other
machine with our mark bears a copy: it is a stranger's, and only a person adopts or ends it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vast_mcp.account.lease_label import INTENT_LENGTH, Mark, Marker
from vast_mcp.clock import HOUR_US, MINUTE_US
from vast_mcp.models import Billing, Instance, billing_of
from vast_mcp.store import OutsideRental, Rental, Transaction

NEAR_US = 3 * HOUR_US
"""No vendor's clock is further off: what began longer before or after our send is not of it."""
TWIN_US = 10 * MINUTE_US
"""Two of one request begin so close together."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose one machine is."""

    rental: Rental | None = None
    """The books' row for its id."""
    mark: Mark | None = None
    """The mark that it rightly bears."""
    copied: str = ""
    """Why the mark that it bears is not its own, as a clause; then it is not ours."""
    copied_until_us: int = 0
    """The end that the copied mark names."""

    @property
    def ours(self) -> bool:
        """Rented by this server, or adopted by a person."""
        return self.rental is not None or self.mark is not None


class Bearers:
    """The machines of one list, by the intents that they claim to come from."""

    def __init__(self, marker: Marker, instances: Iterable[Instance]) -> None:
        self._marker = marker
        self._instances = tuple(instances)
        self._by_intent: dict[str, list[Instance]] | None = None

    def whose(self, one: Instance, tx: Transaction | None) -> Belonging:
        """Whose this machine is by the books, its environment, its label and its rivals.

        Without books (`tx` None) every intent is unknown.
        """
        mark = self._marker.read(one.raw_label)
        if tx is not None:
            rental = tx.rental_of("instance", one.instance_id)
            if rental is not None:
                own = mark is not None and mark.intent_id == rental.intent_id
                return Belonging(rental, mark if own else None)
        named = self._named(one, tx)
        if named.ours or mark is None:
            return named
        return self._of_intent(one, mark, tx)

    def copies(self, tx: Transaction) -> list[tuple[Instance, Belonging]]:
        """The machines that bear a mark which is not their own."""
        found = (
            (instance, self.whose(instance, tx))
            for instance in self._instances
            if self._claims(instance)
        )
        return [(one, whose) for one, whose in found if whose.copied]

    def outside(self, tx: Transaction) -> list[OutsideRental]:
        """Our own machines as the vendor lists them, whether or not the books know them."""
        ours = []
        for instance in self._instances:
            mark = self._marker.read(instance.raw_label)
            if mark is None or not self.whose(instance, tx).ours:
                continue
            running = billing_of(instance) is not Billing.DISK
            rate = instance.usd_per_hour if running else instance.disk_usd_per_hour
            ours.append(OutsideRental(instance.instance_id, mark.intent_id, rate, running))
        return ours

    def _named(self, one: Instance, tx: Transaction | None) -> Belonging:
        """By its environment alone. That is no proof: only an intent of the books counts."""
        intent_id = one.intent_mark
        if tx is None or intent_id is None or len(intent_id) != INTENT_LENGTH:
            return Belonging()
        known = tx.rental(intent_id)
        if known is None:
            return Belonging()
        return self._of_intent(one, Mark(intent_id, known.lease_ends_us), tx)

    def _claims(self, one: Instance) -> bool:
        return one.intent_mark is not None or self._marker.read(one.raw_label) is not None

    def _of_intent(self, one: Instance, mark: Mark, tx: Transaction | None) -> Belonging:
        known = tx.rental(mark.intent_id) if tx is not None else None
        why = self._unknown(one, mark) if known is None else self._known(one, known)
        return Belonging(None, None, why, mark.until_us) if why else Belonging(None, mark)

    def _known(self, one: Instance, intent: Rental) -> str:
        """Why it is not what this intent of the books became; empty if it is."""
        if intent.kind != "instance":
            return "it belongs to an endpoint"
        if intent.target_id is not None:
            twin = one.intent_mark == intent.intent_id and near(one, intent, TWIN_US)
            if twin:
                return (
                    "Vast.ai seems to have made two machines for one rent, and instance"
                    f" {intent.target_id} is ours"
                )
            return f"it belongs to instance {intent.target_id}"
        if not bears(self._marker, one, intent.intent_id):
            return _CONTRADICTS
        if not near(one, intent):
            return "this machine was not created when that rent was sent"
        first = first_of(self._marker, intent, self._rivals(one, intent.intent_id))
        return "" if first is None or first.instance_id == one.instance_id else _SECOND

    def _unknown(self, one: Instance, mark: Mark) -> str:
        """Why it is not ours although the books know nothing of its intent; empty if it is."""
        if not bears(self._marker, one, mark.intent_id):
            return _CONTRADICTS
        rivals = [
            other
            for other in self._rivals(one, mark.intent_id)
            if other.shows_environment or not one.shows_environment
        ]
        if len(rivals) == 1:
            return ""
        # Variables are copied only when a machine is made, so the original of such copies is the
        # oldest. A label can be copied to an older machine: then nobody knows.
        began = [other.started_at_us for other in rivals]
        if not one.shows_environment or None in began:
            return "another machine has it too, and nothing shows which is ours"
        first = min(rivals, key=lambda other: (other.started_at_us or 0, other.instance_id))
        return "" if first.instance_id == one.instance_id else _SECOND

    def _rivals(self, one: Instance, intent_id: str) -> Sequence[Instance]:
        """This machine and all others of the list that bear the same intent."""
        if self._by_intent is None:
            self._by_intent = {}
            for other in self._instances:
                mark = self._marker.read(other.raw_label)
                names = {other.intent_mark, mark.intent_id if mark else None} - {None}
                for name in names:
                    self._by_intent.setdefault(str(name), []).append(other)
        others = self._by_intent.get(intent_id, [])
        bearing = [x for x in others if bears(self._marker, x, intent_id)]
        return [one, *(x for x in bearing if x.instance_id != one.instance_id)]


_CONTRADICTS = "this machine was not rented with it"
_SECOND = "an older machine has it"


def bears(marker: Marker, one: Instance, intent_id: str) -> bool:
    """Whether this machine bears the intent: in its environment, or unseen that, in its label."""
    if one.shows_environment:
        return one.intent_mark == intent_id
    mark = marker.read(one.raw_label)
    return mark is not None and mark.intent_id == intent_id


def near(one: Instance, rental: Rental, within_us: int = NEAR_US) -> bool:
    """Whether it began when this rent was sent, as far as the vendor tells."""
    sent_us = rental.sent_us or rental.created_us
    return one.started_at_us is None or abs(one.started_at_us - sent_us) <= within_us


def first_of(marker: Marker, rental: Rental, instances: Iterable[Instance]) -> Instance | None:
    """The machine among these that this rent became: the first that bears it and is of its time.

    One on the machine that was rented goes before all others.
    """
    fitting = (
        instance
        for instance in instances
        if bears(marker, instance, rental.intent_id) and near(instance, rental)
    )

    def order(one: Instance) -> tuple[bool, float, int]:
        elsewhere = one.machine_id != rental.machine_id
        return elsewhere, one.started_at_us or float("inf"), one.instance_id

    return min(fitting, key=order, default=None)
