"""What fits, what a job costs, and what the policy hides: pure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.instances.samples import NOW_US, offer
from vast_mcp.errors import InputInvalid
from vast_mcp.market.ranking import SearchCriteria, fits, job_cost, merged, rank, wire_filters
from vast_mcp.policy import Allowed, Level, Limits
from vast_mcp.units import Usd, UsdPerHour

WISH = SearchCriteria(disk_gb=50, hours=4, download_gb=10)


def wish(**changes: Any) -> SearchCriteria:  # noqa: ANN401  any field
    """Any card for four hours, changed."""
    return SearchCriteria(**{"disk_gb": 50.0, "hours": 4.0, "download_gb": 10.0, **changes})


def test_a_job_costs_its_hours_its_traffic_and_the_time_it_loads() -> None:
    """4 h x $0.40 + 10 GB x $0.01 + 100 s of loading at 800 Mbit/s (docs/design.md#tools)."""
    assert job_cost(offer(), 4, 10) == Usd.of(1.6) + Usd.of(0.1) + UsdPerHour.of(0.4).over(100)


def test_a_slow_host_can_be_dearer_than_its_price_says() -> None:
    """What ranks is the job, not the hour."""
    slow = offer(offer_id=1, usd_per_hour=UsdPerHour.of(0.39), download_mbit=5)
    fast = offer(offer_id=2, usd_per_hour=UsdPerHour.of(0.40), download_mbit=900)
    market = rank(WISH, [slow, fast], Limits(), NOW_US)
    assert [one.offer.offer_id for one in market.ranked] == [2, 1]
    assert market.cheapest == UsdPerHour.of(0.39)


@pytest.mark.parametrize(
    ("disk_mb_per_s", "loading_s"),
    [
        pytest.param(800.0, 100.0, id="enough: the network decides"),
        pytest.param(2_000.0, 100.0, id="fast"),
        pytest.param(0.0, 100.0, id="not told"),
        pytest.param(20.0, 1_000.0, id="slow: 10 GB are written twice"),
        pytest.param(0.001, 20_000.0, id="no speed at all"),
    ],
)
def test_a_slow_disk_makes_a_job_dearer(disk_mb_per_s: float, loading_s: float) -> None:
    """Slow disks make pulls of 25 minutes and more (reported, 2026): they count in the ranking."""
    one = offer(disk_mb_per_s=disk_mb_per_s)
    cost = Usd.of(1.6) + Usd.of(0.1) + UsdPerHour.of(0.4).over(loading_s)
    assert job_cost(one, 4, 10) == cost


@given(st.floats(0.01, 100), st.floats(0, 500), st.integers(1, 3_000_000))
def test_more_hours_or_more_data_never_cost_less(hours: float, gb: float, micros: int) -> None:
    """Property: the estimate is monotone in both."""
    one = offer(usd_per_hour=UsdPerHour(micros))
    assert job_cost(one, hours + 1, gb) >= job_cost(one, hours, gb)
    assert job_cost(one, hours, gb + 1) >= job_cost(one, hours, gb)


@pytest.mark.parametrize(
    ("asked", "changed"),
    [
        ({"max_price": UsdPerHour.of(0.3)}, {}),
        ({"num_gpus": 2}, {}),
        ({"min_gpu_ram_gb": 48.0}, {}),
        ({"min_reliability": 0.995}, {}),
        ({"countries": ("DE",)}, {}),
        ({"gpu_names": ("H100 SXM",)}, {}),
        ({"hours": 800.0}, {}),
        ({}, {"max_disk_gb": 20}),
        ({}, {"rentable": False}),
    ],
)
def test_what_the_vendor_sends_is_checked_again(
    asked: dict[str, Any], changed: dict[str, Any]
) -> None:
    """Peers lose the price filter on the way; here no filter is taken on the vendor's word."""
    assert fits(WISH, offer())
    assert not fits(wish(**asked), offer(**changed))


def test_a_24_gb_card_has_24_gb() -> None:
    """It reports 24564 MB: x 1000, never x 1024 (docs/vendor-api.md#offers)."""
    assert fits(wish(min_gpu_ram_gb=24.0), offer(gpu_ram_gb=24.564))


@pytest.mark.parametrize(
    ("limits", "changed", "rule"),
    [
        (Limits(), {"usd_per_hour": UsdPerHour.of(3.5)}, "limits.max_usd_per_hour"),
        (Limits(), {"verified": False}, "limits.verified_only"),
        (Limits(), {"download_usd_per_gb": 0.2}, "limits.max_usd_per_gb"),
        (Limits(allow=Allowed(countries=("DE",))), {}, "allow.countries"),
        (Limits(allow=Allowed(gpu_names=("H100 SXM",))), {}, "allow.gpu_names"),
        (Limits(allow=Allowed(datacenter_only=True)), {}, "allow.datacenter_only"),
    ],
)
def test_what_the_policy_would_refuse_is_counted_by_rule_and_not_listed(
    limits: Limits, changed: dict[str, Any], rule: str
) -> None:
    """`hidden_by_policy` (docs/design.md#tools)."""
    market = rank(WISH, [offer(**changed), offer()], limits, NOW_US)
    assert market.hidden_by_policy[rule] >= 1
    assert len(market.ranked) + sum(market.hidden_by_policy.values()) == 2


@pytest.mark.parametrize(
    "limits",
    [
        Limits(read_only=True),
        Limits(broken="limits: cannot be read"),
        Limits(levels={"create_instance": Level.DENY}),
        Limits(allow=Allowed(images=("nothing/*",))),
        Limits(min_credit_usd=Usd.of(1_000_000)),
    ],
)
def test_a_rule_that_is_not_about_the_offer_hides_none(limits: Limits) -> None:
    """The market can be looked at whatever the account may do."""
    assert len(rank(WISH, [offer()], limits, NOW_US).ranked) == 1


def test_of_two_bounds_the_tighter_one_is_sent() -> None:
    """A query may repeat a parameter: `hours=4` and `duration>10` days."""
    asked = wire_filters(wish(query={"duration": {"gte": 864_000.0}, "cpu_ram": {"gt": 1.0}}))
    assert merged(asked)["duration"] == {"gte": 864_000.0}
    assert merged(asked)["cpu_ram"] == {"gt": 1.0}


def test_a_query_that_contradicts_a_parameter_is_an_error() -> None:
    """Neither of the two is silently dropped."""
    asked = wire_filters(wish(num_gpus=2, query={"num_gpus": {"eq": "4"}}))
    with pytest.raises(InputInvalid, match="num_gpus"):
        merged(asked)


def test_the_median_is_the_middle_price() -> None:
    """Over all that fit, not over what is shown."""
    prices = [0.2, 0.4, 0.9]
    offers = [offer(usd_per_hour=UsdPerHour.of(price)) for price in prices]
    market = rank(WISH, offers, Limits(), NOW_US)
    assert market.median == UsdPerHour.of(0.4)
    assert rank(WISH, [], Limits(), NOW_US).median is None


@pytest.mark.parametrize("mbit", [0.0, -1.0])
def test_a_host_that_does_not_say_how_fast_it_loads_is_not_cheaper_for_it(mbit: float) -> None:
    """Loading takes time everywhere; a number below zero is none."""
    assert job_cost(offer(download_mbit=mbit), 4, 10) == job_cost(offer(download_mbit=100), 4, 10)


def test_a_speed_of_next_to_nothing_is_a_number_all_the_same() -> None:
    """One odd row must not take the whole search down with it."""
    assert job_cost(offer(download_mbit=1e-320), 4, 10) > job_cost(offer(download_mbit=1), 4, 10)
