"""A computer whose clock is wrong: no lease ends early, none lasts a day longer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from tests.world import ToolFailed, World
from vast_mcp.cli.watch import _looked
from vast_mcp.clock import SECOND_US, Clock, ManualClock
from vast_mcp.keeper.tick import look_once
from vast_mcp.vendor_clock import AGREEING, DateHearing, SimulatedTime, VendorTime, judged

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


class AheadClock(ManualClock):
    """The world's time, with a wall clock that is wrong by so much."""

    def __init__(self, world: ManualClock, ahead_s: float) -> None:
        super().__init__()
        self._world, self.ahead_s = world, ahead_s

    def utc_us(self) -> int:
        """Wrong."""
        return self._world.utc_us() + int(self.ahead_s * SECOND_US)

    def monotonic_s(self) -> float:
        """Right: it counts, it does not tell the time."""
        return self._world.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        """As the world sleeps."""
        await self._world.sleep(seconds)

    def real_s(self) -> float:
        """As the world's people live."""
        return self._world.real_s()

    def think(self, seconds: float) -> None:
        """As the world's people think."""
        self._world.think(seconds)


@dataclass
class WrongWorld(World):
    """A world in which our computer's clock can be set."""

    ahead_s: float = 0.0
    local: AheadClock = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.local = AheadClock(self.clock, self.ahead_s)

    @property
    def own_clock(self) -> Clock:
        """What the server's processes live by."""
        return self.local


async def ticked(world: World, times: int, apart_s: float = 40.0) -> list[str]:
    """So many looks of one keeper; what it said."""
    said: list[str] = []
    async with world.runtime() as runtime:
        for _ in range(times):
            seen = await look_once(runtime.session.guard)
            said += [*seen.did, *seen.failed]
            world.clock.move(apart_s)
    return said


def running(world: World, instance_id: int) -> bool:
    """Whether the vendor has it running."""
    world.simulator.catch_up()
    status: str = world.simulator.world.instances[instance_id].intended_status()
    return status == "running"


@pytest.mark.parametrize("ahead_s", [2 * DAY_S, DAY_S, HOUR_S, -2 * DAY_S, 11 * 60])
async def test_a_wrong_clock_ends_no_lease_early_and_none_late(
    tmp_path: Path, ahead_s: float
) -> None:
    """Nothing is ended in doubt; once three answers agree the vendor's time decides."""
    world = WrongWorld(tmp_path, seed=4)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=30)
    world.run_until_ready()
    world.local.ahead_s = ahead_s
    said = await ticked(world, 6)
    assert running(world, instance_id)
    assert "no lease is started or ended" in said[0]
    assert not any("lease of" in line for line in said)
    world.clock.move(30 * HOUR_S)
    said = await ticked(world, 6)
    assert not running(world, instance_id)
    assert any(f"lease of {instance_id} ended" in line for line in said)


@pytest.mark.parametrize("ahead_s", [DAY_S, -DAY_S])
async def test_nothing_is_rented_by_a_clock_in_doubt(tmp_path: Path, ahead_s: float) -> None:
    """A one-hour lease would last a day longer, or be over at once; a minute later it is known."""
    world = WrongWorld(tmp_path, seed=4, ahead_s=ahead_s)
    offer = await world.cheap_offer()
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="three answers over a minute"):
            await world.call(client, "create_instance", offer_id=offer.offer_id, lease_hours=1)
        assert world.simulator.mutations() == []
        for _ in range(AGREEING):
            world.clock.move(35)
            await world.call(client, "show_instances")
        rented = await world.call(client, "create_instance", offer_id=offer.offer_id, lease_hours=1)
        account = await world.call(client, "show_account")
    assert rented["status"] == "rented"
    left_us = _until_us(world, rented["instance_id"]) - world.clock.utc_us()
    assert 58 * 60 * SECOND_US <= left_us <= 60 * 60 * SECOND_US
    assert any("leases follow Vast.ai's" in text for text in account["warnings"])


def _until_us(world: World, instance_id: int) -> int:
    label = world.simulator.world.instances[instance_id].label or ""
    stamp = label.partition("until-")[2][:12]
    moment = datetime.strptime(stamp, "%Y%m%d%H%M").replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND_US


@pytest.mark.parametrize(("ahead_s", "later_s"), [(2 * DAY_S, 0.0), (-2 * DAY_S, 31 * HOUR_S)])
async def test_one_look_from_cron_waits_until_the_time_is_confirmed(
    tmp_path: Path, ahead_s: float, later_s: float
) -> None:
    """`watch --once` two days ahead ends nothing early; two days behind it ends what is over."""
    world = WrongWorld(tmp_path, seed=4)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=30)
    world.run_until_ready()
    world.clock.move(later_s)
    world.local.ahead_s = ahead_s
    async with world.runtime() as runtime:
        await _looked(runtime)
    assert running(world, instance_id) is (later_s == 0)


async def test_a_stop_and_a_destroy_need_no_clock(tmp_path: Path) -> None:
    """What a person orders is done in doubt as well."""
    world = WrongWorld(tmp_path, seed=4)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=30)
        world.run_until_ready()
        world.local.ahead_s = DAY_S
    async with world.connect() as client:
        assert (await world.call(client, "stop_instance", instance_id=instance_id))[
            "status"
        ] == "stopped"
        done = await world.call(client, "destroy_instance", instance_id=instance_id)
    assert done["status"] == "destroyed"


async def test_a_clock_two_minutes_off_is_warned_of_and_works(tmp_path: Path) -> None:
    """Between one and ten minutes it is said, and local time goes on to decide."""
    world = WrongWorld(tmp_path, seed=4, ahead_s=125)
    async with world.connect() as client:
        await world.rent(client, lease_hours=1)
        account = await world.call(client, "show_account")
    assert any("2 min ahead" in text for text in account["warnings"])


def heard(time: VendorTime, *dates: tuple[float, float]) -> VendorTime:
    """`Date`s in seconds, each with our monotonic second."""
    for date_s, at_s in dates:
        time.hear(int(date_s * SECOND_US), at_s)
    return time


@pytest.mark.parametrize(
    "dates",
    [
        [(1000, 0)],
        [(1000, 0), (1001, 1), (1002, 2)],
        [(1000, 0), (1059, 59), (1059, 59.5)],
        [(1000, 0), (5000, 30), (1060, 60)],
        [(1000, 0), (2000, 61), (3000, 122)],
    ],
)
def test_fewer_than_three_agreeing_answers_over_a_minute_prove_nothing(
    dates: list[tuple[float, float]],
) -> None:
    """One, three at once, or three of which one disagrees."""
    assert heard(VendorTime(), *dates).confirmed_us(200.0) is None


def test_a_confirmed_time_is_carried_on_and_given_up_when_contradicted() -> None:
    """The monotonic clock carries it; a computer that slept hears another time and asks again."""
    time = heard(VendorTime(), (1000, 0), (1030.4, 31), (1061, 61))
    carried = time.confirmed_us(161.0)
    assert carried is not None
    assert abs(carried - 1161 * SECOND_US) < 2 * SECOND_US
    assert heard(time, (9000, 200)).confirmed_us(200.0) is None


def test_a_busy_minute_does_not_push_out_its_beginning() -> None:
    """Answers every half second are as good as three over a minute."""
    time = heard(VendorTime(), *((1000 + n / 2, n / 2) for n in range(140)))
    assert time.confirmed_us(70.0) is not None


def test_a_simulator_on_loopback_is_followed_at_its_own_speed() -> None:
    """`vast-mcp simulate --speed 60`: an hour there is a minute here, and leases end by it."""
    time = SimulatedTime()
    for second in range(0, 61, 5):
        time.hear((1_000_000 + second * 60) * SECOND_US, float(second))
    now = time.now_us(90.0)
    assert now is not None
    assert abs(now - (1_000_000 + 90 * 60) * SECOND_US) < 10 * SECOND_US


async def test_only_the_vendors_own_host_tells_the_time() -> None:
    """A log's storage or a proxy elsewhere has a clock of its own."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        year = 2026 if request.url.host == "console.vast.ai" else 2031
        return httpx2.Response(200, headers={"date": f"Sun, 29 Nov {year} 12:00:00 GMT"})

    clock = judged(ManualClock(), "https://console.vast.ai")
    assert clock is not None
    hearing = DateHearing(httpx2.MockTransport(answer), clock, api_base="https://console.vast.ai")
    async with httpx2.AsyncClient(transport=hearing) as http:
        await http.get("https://s3.amazonaws.com/log")
        assert clock.skew_s() is None
        await http.get("https://console.vast.ai/api/v0/users/current/")
    assert clock.skew_s() is not None
    assert "2026-11-29 12:00 UTC" in clock.doubt()


def test_three_agreeing_answers_over_exactly_a_minute_confirm() -> None:
    """The minute itself is enough."""
    time = heard(VendorTime(), (1000, 0), (1030, 30), (1060, 60))
    assert time.confirmed_us(60.0) == 1060 * SECOND_US
