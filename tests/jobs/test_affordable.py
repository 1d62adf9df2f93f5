"""How long a job's money lasts, told so that the rent that follows fits into it."""

from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.jobs.terms import LONGEST_DEFAULT_HOURS, affordable_hours
from vast_mcp.units import Usd, UsdPerHour


@given(st.integers(0, 10**9), st.integers(0, 10**7), st.integers(1, 10**7))
def test_the_hours_told_are_paid_for_by_what_is_left(left: int, traffic: int, rate: int) -> None:
    """Even at a rate rounded up to a hundredth of a cent, and never by more than two minutes."""
    hours = affordable_hours(Usd(left), Usd(traffic), UsdPerHour(rate))
    assert hours >= 0
    if hours:
        assert (rate + 100) * hours + traffic + 1000 <= left + 1
    else:
        assert left - traffic - 1000 < rate + 100
    assert (rate + 100) * (hours + 2 / 60) + traffic + 1000 > left


def test_what_costs_nothing_lasts_as_long_as_any_job_may() -> None:
    """No division by zero, and no lease without an end."""
    assert affordable_hours(Usd(1), Usd(0), UsdPerHour(0)) == LONGEST_DEFAULT_HOURS
