"""How old a list may be for a decision, and for what is only shown: to the second, by requests."""

from pathlib import Path

import pytest

from tests.world import World
from vast_mcp.account.cache import LONG_ROWS, PER_PAGE_S, AccountCache, Reading
from vast_mcp.api.pages import Progress
from vast_mcp.errors import RateLimited
from vast_mcp.runtime import Runtime

LISTS, ACCOUNT = "v1/instances", "users/current"


def view_of(world: World, runtime: Runtime, *, attended: bool = False) -> AccountCache:
    """The account as a server sees it; `attended`, with a keeper at work."""
    session = runtime.session
    return AccountCache(
        session.account.reads, world.clock, session.account.marker, attended=attended
    )


def asked(world: World) -> tuple[int, int]:
    """How often the list and the account were asked for."""
    paths = [one.path for one in world.simulator.requests]
    return sum(LISTS in one for one in paths), sum(ACCOUNT in one for one in paths)


@pytest.mark.parametrize(("after_s", "again"), [(0.0, 0), (10.0, 0), (10.001, 1), (3600.0, 1)])
async def test_a_decision_stands_on_a_list_of_at_most_ten_seconds(
    tmp_path: Path, after_s: float, again: int
) -> None:
    """And on a balance as young: both are read again together."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        view = view_of(world, runtime)
        world.clock.move(100)
        await view.facts()
        lists, accounts = asked(world)
        world.clock.move(after_s)
        await view.facts()
        assert asked(world) == (lists + again, accounts + again)


async def test_a_caller_that_wants_it_younger_has_it_read_again(tmp_path: Path) -> None:
    """Age zero is now."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        view = view_of(world, runtime)
        await view.facts()
        lists, accounts = asked(world)
        world.clock.move(3)
        await view.facts(max_age_s=3)
        assert asked(world) == (lists, accounts)
        await view.facts(max_age_s=2)
        assert asked(world) == (lists + 1, accounts + 1)


@pytest.mark.parametrize(("after_s", "again"), [(10.0, 0), (10.001, 1)])
async def test_what_is_shown_is_read_again_after_ten_seconds_or_a_write(
    tmp_path: Path, after_s: float, again: int
) -> None:
    """A write makes every list old, however young."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        view = view_of(world, runtime)
        await view.seen()
        (lists, _) = asked(world)
        world.clock.move(after_s)
        await view.seen()
        assert asked(world)[0] == lists + again
        view.forget()
        await view.seen()
        await view.facts()
        assert asked(world)[0] == lists + again + 1


async def test_the_account_is_in_use_for_ten_minutes_after_somebody_asked(tmp_path: Path) -> None:
    """A long list that nobody looks at is read less often."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        for ask in ("facts", "seen", "listed"):
            view = view_of(world, runtime)
            assert not view.in_use
            began_s = world.clock.monotonic_s()
            await getattr(view, ask)()
            left_s = 600 - (world.clock.monotonic_s() - began_s)
            world.clock.move(left_s - 0.001)
            assert view.in_use
            world.clock.move(0.001)
            assert not view.in_use


async def nothing(progress: Progress) -> None:
    """Between two pages."""


def test_a_list_is_long_from_a_hundred_and_one_machines_on_and_good_for_half_as_long_again() -> (
    None
):
    """Never for less than ten seconds."""
    quick = Reading((), 0, began_s=100.0, ended_s=102.0)
    slow = Reading((), 0, began_s=100.0, ended_s=140.0)
    assert (quick.good_for_s, slow.good_for_s) == (10.0, 60.0)
    assert LONG_ROWS == 100


@pytest.mark.parametrize(("count", "long"), [(100, False), (101, True)])
async def test_only_a_long_list_with_a_keeper_is_used_beyond_ten_seconds(
    tmp_path: Path, count: int, *, long: bool
) -> None:
    """Until half as long again as it took; then nothing is decided, and it says how long to wait.

    The wait is told by the rows that are left: a keeper that has read most is soon done.
    """
    world = World(tmp_path, credit_usd=1e6)
    world.simulator.add_foreign_fleet(count)
    async with world.runtime() as runtime:
        view = view_of(world, runtime, attended=True)
        reading = await view.attend(nothing)
        assert (reading.long, view.is_long) == (long, long)
        lists = asked(world)[0]
        age_s = world.clock.monotonic_s() - reading.ended_s
        world.clock.move(reading.good_for_s - age_s)
        await view.facts()
        assert (asked(world)[0] == lists) is long
        if not long:
            return
        world.clock.move(0.001)
        with pytest.raises(RateLimited, match="were last read completely") as raised:
            await view.facts()
        pages = -(-count // 25)
        assert raised.value.retry_after_s == pytest.approx(PER_PAGE_S * pages)
        told: list[float] = []

        async def part(progress: Progress) -> None:
            with pytest.raises(RateLimited) as raised:
                await view.facts()
            left = -(-(progress.total - progress.rows) // 25)
            assert raised.value.retry_after_s == pytest.approx(PER_PAGE_S * left)
            told.append(raised.value.retry_after_s or 0)

        await view.attend(part)
        assert told == sorted(told, reverse=True)
        assert told


async def test_an_old_long_list_is_shown_with_its_age_and_never_decided_on(tmp_path: Path) -> None:
    """How long ago it began, and how long reading all of it takes."""
    world = World(tmp_path, credit_usd=1e6)
    world.simulator.add_foreign_fleet(LONG_ROWS + 1)
    async with world.runtime() as runtime:
        view = view_of(world, runtime, attended=True)
        reading = await view.attend(nothing)
        world.clock.move(3600)
        age_s = world.clock.monotonic_s() - reading.began_s
        took_s = reading.ended_s - reading.began_s
        seen = await view.seen()
        assert (
            f"As of {age_s:.0f} s ago: reading all 101 instances takes {took_s:.0f} s" in seen.age
        )
        assert (await view.listed()) == reading
        unattended = view_of(world, runtime)
        assert (await unattended.facts()).age == ""
