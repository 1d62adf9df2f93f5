"""What a rent is held to: the ceiling of its call, or the price shown within half an hour."""

from pathlib import Path

import pytest

from tests.instances.samples import offer
from tests.world import World
from vast_mcp.actions.price_ceiling import check_ceiling, on_demand_after_all
from vast_mcp.actions.rent_price import Price
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import PolicyDenied
from vast_mcp.store import Quote
from vast_mcp.units import UsdPerHour

HALF_AN_HOUR_US = 30 * 60 * SECOND_US
ID = offer().offer_id


def price(usd: float, disk_gb: float = 50.0) -> Price:
    """The offer at this price."""
    return Price(offer(), UsdPerHour.of(usd), disk_gb, 4.0)


def quote(shown_us: int, usd: float = 0.4, rental: str = "on_demand") -> Quote:
    """What a search showed: with fifty gigabytes at $0.15 a month each."""
    return Quote(ID, 50.0, UsdPerHour.of(usd), 0.15, rental, shown_us)


@pytest.mark.parametrize(
    ("usd", "most", "fits"),
    [(0.4, 0.4, True), (0.4001, 0.4, False), (0.40005, 0.40001, True), (0.1, 0.4, True)],
)
async def test_a_rent_costs_no_more_than_the_ceiling_of_its_call(
    tmp_path: Path, usd: float, most: float, *, fits: bool
) -> None:
    """To the hundredth of a cent that is shown; a bid is held to a given ceiling as well."""
    async with World(tmp_path).account() as account:
        for bids in (False, True):
            if fits:
                assert await check_ceiling(account, price(usd), most=most, bids=bids) == ""
            else:
                with pytest.raises(PolicyDenied, match="above max_price_usd_per_hour"):
                    await check_ceiling(account, price(usd), most=most, bids=bids)


@pytest.mark.parametrize(
    ("age_us", "usd", "disk_gb", "said"),
    [
        (0, 0.4, 50.0, ""),
        (HALF_AN_HOUR_US, 0.4, 50.0, ""),
        (HALF_AN_HOUR_US + 1, 0.4, 50.0, "must see it first"),
        (0, 0.4001, 50.0, None),
        (0, 0.42, 150.0, ""),
        (0, 0.4215, 150.0, None),
        (0, 0.38, 10.0, ""),
        (0, 0.4, 10.0, None),
    ],
)
async def test_without_a_ceiling_a_rent_is_held_to_the_price_that_was_shown_for_half_an_hour(
    tmp_path: Path, age_us: int, usd: float, disk_gb: float, said: str | None
) -> None:
    """With the disk that is asked for now; older prices must be shown again."""
    async with World(tmp_path).account() as account:
        shown = quote(account.clock.utc_us() - age_us)
        await account.ledger.write(lambda tx: tx.remember_quotes([shown]))
        if said is None:
            with pytest.raises(PolicyDenied, match="the price shown by search_offers"):
                await check_ceiling(account, price(usd, disk_gb), most=None, bids=False)
            return
        told = await check_ceiling(account, price(usd, disk_gb), most=None, bids=False)
        assert said in told
        assert bool(told) is bool(said)


async def test_an_offer_that_nobody_was_shown_must_be_shown_and_a_bid_is_its_own_ceiling(
    tmp_path: Path,
) -> None:
    """A price for bids is none for renting on demand."""
    async with World(tmp_path).account() as account:
        shown = quote(account.clock.utc_us(), rental="interruptible")
        await account.ledger.write(lambda tx: tx.remember_quotes([shown]))
        assert await check_ceiling(account, price(0.1), most=None, bids=False)
        assert await check_ceiling(account, price(99), most=None, bids=True) == ""


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ([], False),
        ([("on_demand", 0)], False),
        ([("interruptible", 0)], True),
        ([("interruptible", 1), ("on_demand", 0)], True),
        ([("interruptible", 0), ("on_demand", 0)], False),
        ([("interruptible", 0), ("on_demand", 1)], False),
    ],
)
async def test_renting_without_a_bid_what_was_last_shown_for_bids_is_said(
    tmp_path: Path, shown: list[tuple[str, int]], *, said: bool
) -> None:
    """It costs another price than the one that was seen."""
    async with World(tmp_path).account() as account:
        now_us = account.clock.utc_us()
        quotes = [quote(now_us + at_us, rental=rental) for rental, at_us in shown]
        await account.ledger.write(lambda tx: tx.remember_quotes(quotes))
        told = await on_demand_after_all(account, price(0.5))
    assert told == ("Without a bid this rents on demand, at $0.50/h." if said else "")
