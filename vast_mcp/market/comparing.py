"""Prices side by side: of several cards by name, and of what the policy keeps out. Pure."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vast_mcp.market.gpus import Meant
from vast_mcp.market.ranking import Market
from vast_mcp.models import Offer
from vast_mcp.operations import Json, JsonObject
from vast_mcp.showing import at_least, given
from vast_mcp.units import UsdPerHour

_KINDS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class NamePrices:
    """What one asked name costs: everything that fits, what the policy keeps out included."""

    name: str
    offers: tuple[Offer, ...]
    hidden: int
    """How many of them the policy would refuse."""
    whole: bool
    """False: the vendor has more, the cheapest were looked at first, and there is no median."""

    def row(self) -> JsonObject:
        """For an answer. USD per hour of a whole offer, and of each of its GPUs."""
        if not self.offers:
            return {"offers": 0}
        prices = [offer.usd_per_hour.micros for offer in self.offers]
        singles = [offer.usd_per_hour.micros // max(1, offer.num_gpus) for offer in self.offers]
        several = any(offer.num_gpus > 1 for offer in self.offers)
        kinds = cheapest_by_card(self.offers)
        return given(
            {
                "offers": len(self.offers),
                "hidden": self.hidden or None,
                "cheapest": at_least(UsdPerHour(min(prices))),
                "median": _median(prices) if self.whole else None,
                "cheapest_per_gpu": at_least(UsdPerHour(min(singles))) if several else None,
                "median_per_gpu": _median(singles) if several and self.whole else None,
                "kinds": kinds if len(kinds) > 1 else None,
            }
        )


def by_name(meant: Sequence[Meant], market: Market, *, whole: bool) -> tuple[NamePrices, ...]:
    """The prices of each name that was asked for, from a market that was searched for all."""
    hidden = [offer for offers in market.hidden.values() for offer in offers]
    shown = [ranked.offer for ranked in market.ranked]

    def prices(one: Meant) -> NamePrices:
        kept = [offer for offer in hidden if offer.gpu_name in one.cards]
        free = [offer for offer in shown if offer.gpu_name in one.cards]
        return NamePrices(one.asked, (*free, *kept), len(kept), whole)

    return tuple(prices(group) for group in meant)


def hidden_rows(market: Market) -> dict[str, JsonObject]:
    """By rule: how many offers it keeps out, and the cheapest of each card."""
    return {
        rule: {"offers": len(offers), "cheapest": cheapest_by_card(offers)}
        for rule, offers in market.hidden.items()
    }


def cheapest_by_card(offers: Iterable[Offer]) -> dict[str, Json]:
    """`8x H100 SXM` to its price, the cheapest of each card; the four cheapest cards."""
    best: dict[str, Offer] = {}
    for offer in offers:
        known = best.get(offer.gpu_name)
        if known is None or offer.usd_per_hour < known.usd_per_hour:
            best[offer.gpu_name] = offer
    first = sorted(best.values(), key=_price)[:_KINDS_SHOWN]
    return {f"{group.num_gpus}x {group.gpu_name}": at_least(group.usd_per_hour) for group in first}


def _price(offer: Offer) -> int:
    return offer.usd_per_hour.micros


def _median(micros: Sequence[int]) -> float:
    return at_least(UsdPerHour(int(statistics.median(micros))))


def compared(prices: Sequence[NamePrices]) -> Mapping[str, JsonObject]:
    """By name, for an answer."""
    return {price.name: price.row() for price in prices}
