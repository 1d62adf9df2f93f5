"""Time is owned by whoever holds the clock.

See docs/design.md#clock.
"""

import anyio
import pytest

from vast_mcp.clock import (
    CODE_LETTERS,
    SECOND_US,
    ManualClock,
    PairedClock,
    ScaledClock,
    SystemClock,
)


async def test_a_manual_clock_moves_only_when_it_is_moved() -> None:
    """Tests own time; a sleep with `auto_advance` takes no real second."""
    clock = ManualClock(auto_advance=True)
    before = clock.utc_us()
    assert clock.utc_us() == before
    await clock.sleep(3600)
    assert clock.utc_us() == before + 3600 * SECOND_US
    clock.move(-7200)
    assert clock.utc_us() == before - 3600 * SECOND_US


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    """`advance` lets each run at its own instant."""
    clock = ManualClock()
    woken: list[tuple[int, float]] = []

    async def sleeper(number: int, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((number, clock.monotonic_s()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleeper, 1, 30.0)
        tasks.start_soon(sleeper, 2, 10.0)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        await clock.advance(60)
    assert woken == [(2, 10.0), (1, 30.0)]


def test_codes_never_read_as_a_number_or_a_word() -> None:
    """Six letters, no vowels, no digits (docs/design.md#questions)."""
    clock = SystemClock()
    codes = {clock.random_code() for _ in range(500)}
    assert len(codes) > 490
    assert all(len(code) == 6 and set(code) <= set(CODE_LETTERS) for code in codes)
    assert not set(CODE_LETTERS) & set("AEIOUY0123456789")


def test_ids_are_random_lower_case_text() -> None:
    """Ids are random text that fits a label's mark."""
    made = {SystemClock().random_id(11) for _ in range(500)}
    assert len(made) == 500
    assert all(len(one) == 11 and one.isalnum() and one == one.lower() for one in made)


def test_a_scaled_clock_runs_faster_and_starts_where_it_is_told() -> None:
    """The simulator's clock; an absurd speed is refused."""
    clock = ScaledClock(start_us=5 * SECOND_US, speed=1000)
    assert clock.utc_us() >= 5 * SECOND_US
    for speed in (0, -1, 100_001):
        with pytest.raises(ValueError, match="speed"):
            ScaledClock(speed=speed)


def test_a_paired_clock_takes_leases_from_the_vendor_and_plans_from_this_machine() -> None:
    """Under `serve --simulate` leases follow the simulator's clock."""
    vendor = ManualClock(1_000 * SECOND_US)
    clock = PairedClock(vendor)
    assert clock.lease_us() == 1_000 * SECOND_US
    assert clock.utc_us() > 1_700_000_000 * SECOND_US
