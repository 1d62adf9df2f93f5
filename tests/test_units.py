"""Money stays whole, prices round towards the person's safety, and units convert once.

See docs/design.md#money.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.units import (
    HOURS_PER_MONTH,
    Usd,
    UsdPerHour,
    gb_from_mb,
    mb_from_gb,
    seconds_from_hours,
    storage_rate,
)

micros = st.integers(-(10**15), 10**15)
rates = st.integers(0, 10**12)


@given(micros, micros, st.integers(0, 1000))
def test_sums_and_multiples_lose_no_micro_dollar(left: int, right: int, count: int) -> None:
    """`Usd` is integer micro-dollars."""
    assert (Usd(left) + Usd(right)).micros == left + right
    assert (Usd(left) - Usd(right)).micros == left - right
    assert (Usd(left) * count).micros == left * count


@given(micros)
def test_dollars_come_back_as_the_same_micros(amount: int) -> None:
    """A sum survives the way through text and decimal."""
    assert Usd.of(str(Decimal(amount) / 1_000_000)) == Usd(amount)
    assert Usd.of(Decimal(amount) / 1_000_000) == Usd(amount)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_ceil_never_understates(dollars: Decimal) -> None:
    """What is compared with a limit is rounded up."""
    assert Decimal(Usd.ceil(dollars).micros) / 1_000_000 >= dollars
    assert Decimal(Usd.ceil(dollars).micros - 1) / 1_000_000 < dollars


@given(rates, st.integers(0, 10**8))
def test_a_rate_over_time_is_rounded_up_by_less_than_a_micro(rate: int, seconds: int) -> None:
    """A reservation covers the worst case, to the micro-dollar (docs/design.md#money)."""
    cost = UsdPerHour(rate).over(seconds).micros
    assert 0 <= cost * 3600 - rate * seconds < 3600


@given(rates, st.integers(0, 10**6), st.integers(0, 10**6))
def test_two_stretches_never_cost_less_than_the_whole(rate: int, first: int, then: int) -> None:
    """Splitting a lease cannot make it look cheaper."""
    price = UsdPerHour(rate)
    assert price.over(first) + price.over(then) >= price.over(first + then)


@given(rates, st.floats(0, 10**6))
def test_part_of_a_second_counts_whole(rate: int, seconds: float) -> None:
    """Never less than the time really used."""
    assert UsdPerHour(rate).over(seconds).micros * 3600 >= int(rate * seconds) - 3600 * 1e-3 * rate


@pytest.mark.parametrize(
    "nonsense", ["nan", "inf", "-inf", float("nan"), float("inf"), "x", "", 1e30]
)
def test_what_is_no_amount_is_refused(nonsense: float | str) -> None:
    """NaN must not slip under a limit."""
    with pytest.raises(ValueError, match="amount of money"):
        Usd.of(nonsense)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "$0.00"),
        (12_300_000, "$12.30"),
        (4_000, "$0.004"),
        (335_000, "$0.335"),
        (340_000, "$0.34"),
        (100_000, "$0.10"),
        (24_620_000, "$24.62"),
        (-1_500_000, "-$1.50"),
        (8_300, "$0.0083"),
    ],
)
def test_money_is_shown_with_the_digits_it_needs(amount: int, shown: str) -> None:
    """Questions show prices a person can compare (docs/design.md#questions)."""
    assert str(Usd(amount)) == shown
    assert str(UsdPerHour(amount)) == f"{shown}/h"


@given(st.floats(0, 100), st.floats(0, 10_000))
def test_storage_is_never_priced_too_low(price: float, disk_gb: float) -> None:
    """A month has 720 hours; the disk's hourly price is rounded up (docs/vendor-api.md#offers)."""
    exact = Decimal(str(price)) * Decimal(str(disk_gb)) / HOURS_PER_MONTH
    rate = Decimal(storage_rate(price, disk_gb).micros) / 1_000_000
    assert exact <= rate < exact + Decimal("0.0000011")


@given(st.floats(0, 10**6))
def test_gigabytes_and_hours_convert_and_come_back(value: float) -> None:
    """One file converts; hours become whole seconds, never fewer."""
    assert mb_from_gb(gb_from_mb(value)) == pytest.approx(value)
    assert seconds_from_hours(value) >= value * 3600 - 1e-6


@pytest.mark.parametrize(
    ("rate", "seconds", "cost"),
    [
        (3_600, -1, 0),
        (3_600, 0, 0),
        (3_600, 0.2, 1),
        (3_600, 1, 1),
        (3_600, 1.5, 2),
        (3_601, 1, 2),
        (500_000, 3_600, 500_000),
        (500_000, 86_400, 12_000_000),
    ],
)
def test_what_a_rate_costs_in_some_time(rate: int, seconds: float, cost: int) -> None:
    """Whole seconds, whole micro-dollars, both rounded up; time that has not come costs nothing."""
    assert UsdPerHour(rate).over(seconds) == Usd(cost)


def test_a_day_has_24_hours_and_only_nothing_is_no_money() -> None:
    """A single micro-dollar is money: it is neither dropped nor shown as absent."""
    assert UsdPerHour(7).per_day == Usd(168)
    assert [bool(Usd(amount)) for amount in (-1, 0, 1, 2)] == [True, False, True, True]
    assert Usd(12_300_000).dollars == 12.3
    assert Usd() == Usd(0)


@pytest.mark.parametrize(
    ("dollars", "rounded", "up"),
    [
        ("0.0000004", 0, 1),
        ("0.0000005", 1, 1),
        ("0.000001", 1, 1),
        ("1.0000011", 1_000_001, 1_000_002),
        (f"1{'0' * 30}"[:13] + ".0000000000000000000000000001", 10**18, 10**18 + 1),
        ("-124999999.9999999999999999999633", -125 * 10**12, -125 * 10**12 + 1),
    ],
)
def test_dollars_become_the_nearest_micro_dollar_and_limits_the_next(
    dollars: str, rounded: int, up: int
) -> None:
    """Half a micro-dollar counts as one; what is compared with a limit is never rounded down."""
    assert (Usd.of(dollars).micros, Usd.ceil(dollars).micros) == (rounded, up)


def test_the_vendors_units() -> None:
    """A month of 720 hours, a gigabyte of 1000 MB, an hour of 3600 s: the vendor's own sums."""
    assert storage_rate(0.15, 96) == UsdPerHour(20_000)
    assert gb_from_mb(24_564) == 24.564
    assert mb_from_gb(24) == 24_000
    assert [seconds_from_hours(each) for each in (0, 0.5, 1 / 3600, 1.0001)] == [0, 1800, 1, 3601]
