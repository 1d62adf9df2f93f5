"""Finding out what became of a rent whose answer was lost.

A create has no idempotency key, so the intent's id travels in the label and in the environment.
Absence is believed only after three good, complete reads of which the last began after a horizon
of fifteen minutes: a request may be executed late (safety §0.2).
"""

from vast_mcp.errors import ApiError
from vast_mcp.guard import books
from vast_mcp.guard.act import Desk
from vast_mcp.models import Instance
from vast_mcp.store import Rental, RentalState, Transaction

HORIZON_US = 15 * 60 * 1_000_000
GOOD_READS = 3
_SEARCH_FOR_S = 15.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 4.0


def carries(desk: Desk, instance: Instance, intent_id: str) -> bool:
    """Whether this machine bears the intent's mark, in its label or its environment."""
    mark = desk.marker.read(instance.raw_label)
    return (mark is not None and mark.intent_id == intent_id) or instance.intent_mark == intent_id


async def search_briefly(desk: Desk, intent_id: str) -> Instance | None:
    """Look for the mark for some seconds, so that most lost answers are resolved in the call."""
    until_s = desk.clock.monotonic_s() + _SEARCH_FOR_S
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            listed = await desk.reads.list_instances()
        except ApiError:
            listed = []  # unreadable is not empty: it only means "not found yet"
        found = [one for one in listed if carries(desk, one, intent_id)]
        if found:
            return min(found, key=lambda one: one.instance_id)
        if desk.clock.monotonic_s() + pause_s > until_s:
            return None
        await desk.clock.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def adopt(tx: Transaction, intent_id: str, instance_id: int, settled_us: int) -> Rental | None:
    """The intent became this instance; its price is still to be checked.

    Whoever comes second with the same finding changes nothing: the first may have gone on by now,
    and a machine that is being destroyed, or gone, must not count as rented again.
    """
    rental = tx.rental(intent_id)
    if rental is None or rental.target_id == instance_id:
        return rental
    return tx.update_rental(
        rental,
        state=RentalState.ACTIVE,
        target_id=instance_id,
        settled_us=settled_us,
        details={**rental.details, "checked": False},
    )


def count_absence(tx: Transaction, rental: Rental, read_began_us: int, now_us: int) -> Rental:
    """One more good read that did not show it; the last needed one proves it absent."""
    reads = int(str(rental.details.get("good_reads", 0))) + 1
    rental = tx.update_rental(rental, details={**rental.details, "good_reads": reads})
    past_horizon = read_began_us >= (rental.sent_us or rental.created_us) + HORIZON_US
    if reads >= GOOD_READS and past_horizon:
        return books.close(tx, rental, RentalState.ABSENT, now_us)
    return rental
