"""Looking through the market: one answer holds 64 offers, so a search goes on by price.

The vendor cuts every answer, whatever `limit` says, and its cut falls where its own order puts it.
By rising price the next answer begins at the last price seen; what comes twice counts once. In
any other order there is no next answer. What could not be seen is said: see `Browsed.whole`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vast_mcp.api.reads import Reads
from vast_mcp.models import Offer, OfferPage, Rental
from vast_mcp.operations import Json, JsonObject
from vast_mcp.operations.market import Order
from vast_mcp.units import UsdPerHour

CHEAPEST_FIRST: Order = (("dph_total", "asc"),)
MOST_PAGES = 4
"""Searches have a budget of about five in ten seconds, which all of an account's calls share."""
_ASKED_ROWS = 256
_PRICE = "dph_total"


@dataclass(frozen=True, slots=True)
class Browsed:
    """The offers seen, in the vendor's order, each once."""

    offers: tuple[Offer, ...]
    whole: bool
    """Nothing else matches (below the ceiling that was given); False: there may be more."""
    without_gpu: int = 0
    unreadable: tuple[str, ...] = ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the vendor listed and nobody can rent as an offer, in a sentence each."""
        said = []
        if self.without_gpu:
            said.append(f"{self.without_gpu} rows left out: volumes without a GPU, not offers.")
        if self.unreadable:
            why = "; ".join(self.unreadable)[:200]
            said.append(f"Unreadable offers left out: {why}")
        return tuple(said)


async def browse(
    reads: Reads,
    filters: Mapping[str, Json],
    *,
    rental: Rental,
    disk_gb: float,
    order: Order = CHEAPEST_FIRST,
    ceiling: UsdPerHour | None = None,
    pages: int = MOST_PAGES,
    enough: Callable[[Sequence[Offer]], bool] = lambda _: False,
) -> Browsed:
    """What the market has under these filters. Offers above `ceiling` need not be seen.

    `enough` may end it earlier, for whoever wants the first ones and no counts.

    Raises:
        ApiError: an answer could not be read.
    """
    found: dict[int, Offer] = {}
    without_gpu, unreadable = 0, set[str]()
    wanted = dict(filters)
    whole = False
    for number in range(pages):
        page = await reads.search_offers(
            wanted, rental=rental, disk_gb=disk_gb, order=order, limit=_ASKED_ROWS
        )
        joined = number == 0 or rental == "on_demand" or _overlaps(page, found)
        fresh = [offer for offer in page.offers if offer.offer_id not in found]
        found |= {offer.offer_id: offer for offer in fresh}
        without_gpu = max(without_gpu, page.without_gpu)
        unreadable |= set(page.unreadable)
        last = _last_price(page, order)
        above = last is not None and ceiling is not None and last > ceiling
        whole = joined and (above or not page.cut)
        if whole or not joined or not fresh or last is None or enough(tuple(found.values())):
            break
        wanted[_PRICE] = _from(wanted.get(_PRICE), last)
    return Browsed(tuple(found.values()), whole, without_gpu, tuple(sorted(unreadable)))


def _overlaps(page: OfferPage, found: Mapping[int, Offer]) -> bool:
    """Whether a further answer begins where the one before ended: something stands in both.

    Which price the bound compares is known for on-demand offers; for others this proves it.
    """
    return any(offer.offer_id in found for offer in page.offers)


def _last_price(page: OfferPage, order: Order) -> UsdPerHour | None:
    """Where the next answer begins; None when these rows do not rise in price."""
    prices = [offer.usd_per_hour for offer in page.offers]
    rising = tuple(order) == tuple(CHEAPEST_FIRST) and prices == sorted(prices)
    return prices[-1] if prices and rising else None


def _from(condition: Json, price: UsdPerHour) -> JsonObject:
    """At least that price; ours is rounded up, so a step below it misses none."""
    known = condition if isinstance(condition, dict) else {}
    return {**known, "gte": (price.micros - 1) / 1_000_000}
