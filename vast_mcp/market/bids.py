"""What a bid is compared with: the on-demand price of the same offer, and our own bids."""

import math
from collections.abc import Sequence

from vast_mcp.account.context import Account
from vast_mcp.errors import ApiError, LedgerUnavailable
from vast_mcp.market.ranking import Ranked, SearchCriteria
from vast_mcp.units import UsdPerHour

_NAMED = 5
_BETTER = 1.25
"""A bid this much above the least one ran where the least did not (tried live, 2026-10-01)."""


async def bid_warnings(
    account: Account, wish: SearchCriteria, shown: Sequence[Ranked]
) -> tuple[str, ...]:
    """Bids that cost more than renting, and least bids that are our own; empty for other kinds."""
    if wish.rental != "interruptible" or not shown:
        return ()
    return (*await _dearer_than_renting(account, wish, shown), *await _our_own(account, shown))


async def _dearer_than_renting(
    account: Account, wish: SearchCriteria, shown: Sequence[Ranked]
) -> tuple[str, ...]:
    """Recorded 2026-09-05: a least bid of $0.907 on an offer that rents for $0.40 on demand."""
    bids = {ranked.offer.offer_id: ranked.offer for ranked in shown}
    try:
        page = await account.reads.search_offers(
            {"ask_contract_id": {"in": list(bids)}, "verified": None},
            rental="on_demand",
            disk_gb=wish.disk_gb,
            limit=len(bids),
        )
    except ApiError:
        return ()  # the search itself was answered; only this comparison is missing
    dearer = [
        f"{offer.offer_id} ({offer.usd_per_hour})"
        for offer in page.offers
        if offer.offer_id in bids and bids[offer.offer_id].usd_per_hour >= offer.usd_per_hour
    ]
    if not dearer:
        return ()
    named = ", ".join(dearer[:_NAMED]) + (" and others" if len(dearer) > _NAMED else "")
    return (
        f"On-demand costs no more than the minimum bid here, and is never interrupted: {named}.",
    )


async def _our_own(account: Account, shown: Sequence[Ranked]) -> tuple[str, ...]:
    """A machine that we bid on shows our own bid as its least one (probed 2026-08)."""
    try:
        live = await account.ledger.read(lambda tx: tx.live_rentals())
    except LedgerUnavailable:
        return ()
    ours = {rental.machine_id for rental in live if rental.facts.is_bid and rental.machine_id}
    mine = [str(ranked.offer.offer_id) for ranked in shown if ranked.offer.machine_id in ours]
    if not mine:
        return ()
    named = ", ".join(mine[:_NAMED])
    said = f"On a machine where this account's bid runs: {named}. Its minimum bid is that bid."
    return (f"{said} A higher bid would outbid it.",)


def better_bid(least: UsdPerHour, bid: UsdPerHour | None = None) -> UsdPerHour:
    """A bid that is likely to win: a quarter above the least, or above one that did not win."""
    floor = least if bid is None else max(least, bid)
    return UsdPerHour.of(math.ceil(floor.dollars * _BETTER * 1000) / 1000)
