"""What a job's question names: the price it may come to, how long it may last, its total."""

import os
from pathlib import Path

import pytest

from tests.instances.samples import offer
from tests.jobs.jobs_world import GIVEN
from tests.world import Json, ToolFailed, World
from vast_mcp.jobs.log import DAYS_KEPT, LOGS_KEPT, prune
from vast_mcp.jobs.run import cost_by_day, shown_bytes
from vast_mcp.jobs.terms import JobTerms, affordable_hours, terms_of, traffic_of
from vast_mcp.jobs.work import stops_at_us
from vast_mcp.units import Usd, UsdPerHour

FAR = 10 * 86_400.0


def terms(
    rate: int,
    *,
    cost: float | None = None,
    hours: float | None = None,
    cap: float = 3,
    lasts_s: float = FAR,
    traffic: float = 0.01,
) -> tuple[float, float, float] | None:
    """Ceiling, hours and total of a job on an offer of so many micro-dollars per hour."""
    best = offer(usd_per_hour=UsdPerHour(rate), duration_s=lasts_s, download_usd_per_gb=traffic)
    found: JobTerms | None = terms_of(
        best,
        max_cost=None if cost is None else Usd.of(cost),
        max_hours=hours,
        price_cap=UsdPerHour.of(cap),
    )
    if found is None:
        return None
    return found.ceiling.dollars, found.hours, found.at_most.dollars


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, (0.5, 4, 2.1)),
        ({"hours": 2}, (0.5, 2, 1.1)),
        ({"hours": 0.25}, (0.5, 0.25, 0.225)),
        ({"hours": 300}, (0.5, 240, 120.1)),
        ({"lasts_s": 3 * 3600}, (0.5, 3, 1.6)),
        ({"traffic": 0.0}, (0.5, 4, 2.0)),
        ({"cost": 100}, (0.5, 24, 100)),
        ({"cost": 100, "hours": 30}, (0.5, 30, 100)),
        ({"cost": 100, "lasts_s": 5 * 3600}, (0.5, 5, 100)),
        ({"cost": 100, "hours": 2}, (0.5, 2, 100)),
        ({"cap": 0.45}, (0.45, 4, 1.9)),
        ({"cap": 0.3}, (0.4, 4, 1.7)),
    ],
)
def test_a_job_has_a_ceiling_a_time_and_a_total(
    asked: Json, named: tuple[float, float, float]
) -> None:
    """A quarter above the best offer, four hours, or 24 where the money is named."""
    assert terms(400_000, **asked) == pytest.approx(named)


@pytest.mark.parametrize(
    ("rate", "ceiling"), [(400_000, 0.5), (400_001, 0.51), (8_000, 0.01), (8_001, 0.02)]
)
def test_the_ceiling_is_a_whole_cent_rounded_up(rate: int, ceiling: float) -> None:
    """A price that a person can read and compare."""
    found = terms(rate)
    assert found is not None
    assert found[0] == ceiling


@pytest.mark.parametrize(("cost", "fits"), [(0.202, True), (0.2, False), (0.05, False)])
def test_money_for_less_than_a_quarter_of_an_hour_is_not_enough(cost: float, fits: bool) -> None:
    """The machine would be paid for and end before its command begins."""
    found = terms(400_000, cost=cost)
    assert (found is not None) is fits
    if found is not None:
        assert found[1] == 0.25


@pytest.mark.parametrize(
    ("left", "hours"), [(61_000, 1), (60_999, 59 / 60), (3_000, 2 / 60), (0, 0), (1_000, 0)]
)
def test_money_lasts_for_whole_minutes_after_what_is_rounded_up(left: int, hours: float) -> None:
    """At $0.0599/h: a hundredth of a cent more per hour, a tenth of a cent aside."""
    assert affordable_hours(Usd(left), Usd(0), UsdPerHour(59_900)) == hours
    assert affordable_hours(Usd(left + 500), Usd(500), UsdPerHour(59_900)) == hours


def test_traffic_is_set_aside_for_ten_gigabytes() -> None:
    """An image and a data set, rounded up."""
    assert traffic_of(offer(download_usd_per_gb=0.01)) == Usd(100_000)
    assert traffic_of(offer(download_usd_per_gb=0.00000001)) == Usd(1)


NOON_US = 1_780_315_200_000_000
"""2026-06-01T12:00Z."""


@pytest.mark.parametrize(
    ("hours", "at_most", "days"),
    [
        (2, 5, {"2026-06-01": 2.0}),
        (2, 1.5, {"2026-06-01": 1.5}),
        (24, 30, {"2026-06-01": 12.0, "2026-06-02": 12.0}),
        (24, 20, {"2026-06-01": 12.0, "2026-06-02": 8.0}),
        (24, 10, {"2026-06-01": 10.0, "2026-06-02": 0.0}),
        (40, 30, {"2026-06-01": 12.0, "2026-06-02": 18.0, "2026-06-03": 0.0}),
    ],
)
def test_what_a_job_may_cost_is_counted_on_the_days_on_which_it_may_run(
    hours: float, at_most: float, days: dict[str, float]
) -> None:
    """At its ceiling of $1/h, from the first hour on: a day's cap binds it as it binds a rent."""
    found = cost_by_day(JobTerms(UsdPerHour.of(1), hours, Usd.of(at_most)), NOON_US)
    assert {day: amount.dollars for day, amount in found.items()} == days


@pytest.mark.parametrize(
    ("minutes", "spare_s"),
    [(60, 360), (99, 594), (100, 600), (101, 600), (6000, 600), (0, 0), (-5, 0)],
)
def test_a_command_is_told_to_end_with_time_left_to_copy(minutes: int, spare_s: int) -> None:
    """A tenth of what it had, ten minutes at most."""
    ends_us = NOON_US + minutes * 60_000_000
    assert stops_at_us(NOON_US, ends_us) == ends_us - spare_s * 1_000_000


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"), (999, "999 B"), (1_000, "1 KB"), (12_345, "12.3 KB"), (999_999, "1e+03 KB"),
        (1_000_000, "1 MB"), (3_400_000, "3.4 MB"), (1_000_000_000, "1 GB"), (2.1e9, "2.1 GB"),
    ],
)  # fmt: skip
def test_sizes_are_told_in_thousands(count: int, shown: str) -> None:
    """Three digits are enough for a question."""
    assert shown_bytes(count) == shown


# -- the question --------------------------------------------------------------------------------


async def question(world: World, **changes: object) -> str:
    """What a person is asked, who then says no."""
    async with world.connect(answer="decline") as client:
        await world.call(client, "run_job", **{**GIVEN, **changes})
    (asked,) = world.questions
    return asked


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, ["Run `python3 train.py` on 1x RTX 4090?", ", at most $5.00. It uploads 1 file (",
              ("), brings back out. Then: destroyed once back, else stopped. A host that fails to"
              " start is destroyed, replaced at most 2x.")]),
        ({"max_replacements": 0, "files": {}}, ["It brings back out.", "is destroyed."]),
        ({"files": {"a": "12", "b": "345"}, "outputs": []},
         ["It uploads 2 files (5 B), brings nothing back. Then"]),
        ({"outputs": ["a", "b"]}, ["brings back a, b. "]),
        ({"outputs": ["a", "b", "c", "d"]}, ["brings back a, b and 2 more."]),
        ({"on_end": "stop"}, ["Then: stopped, disk kept at $", "/day. A host"]),
        ({"secrets": ["HF_TOKEN"]}, ["), gets HF_TOKEN, brings back out"]),
        ({"env": {"HF_TOKEN": "hf_0123456789abcdefghijklmnopqrstuvwx"}},
         ["lets the host read HF_TOKEN, brings back"]),
        ({"secrets": ["HF_TOKEN"], "env": {"API_KEY": "sk-0123456789abcdefghijklmnop"}},
         ["gets HF_TOKEN, lets the host read API_KEY, brings"]),
        ({"max_hours": 3}, [", 3 h, at most $5.00."]),
        ({"command": "x" * 80}, ["Run `xxxx", "…[cut]`"]),
    ],
)  # fmt: skip
async def test_the_question_of_a_job_names_all_that_it_does(
    tmp_path: Path, changes: Json, parts: list[str]
) -> None:
    """What is sent, what the host can read, what comes back, and how it ends."""
    policy = '[secrets]\nallow = ["HF_TOKEN"]\n'
    world = World(tmp_path, policy=policy, toolsets="all", environment={"HF_TOKEN": "hf_value-x"})
    asked = await question(world, **changes)
    for part in parts:
        assert part in asked
    assert "hf_value-x" not in asked
    assert ("lets the host read" in asked) == ("env" in changes)
    assert ("gets " in asked) == ("secrets" in changes)


@pytest.mark.parametrize(("hours", "fits"), [(8.0, True), (8.1, False)])
async def test_a_job_may_not_last_longer_than_a_lease(
    tmp_path: Path, hours: float, fits: bool
) -> None:
    """Refused before an offer is looked for, with the number that would do."""
    world = World(tmp_path, policy="[limits]\nmax_lease_hours = 8\n", toolsets="all")
    if fits:
        assert ", 8 h," in await question(world, max_hours=hours)
        return
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="max_hours: a lease may last 8 h at most") as refused:
            await world.call(client, "run_job", **{**GIVEN, "max_hours": hours})
    assert "Pass 8 or less" in str(refused.value)
    assert not any("bundles" in one.path for one in world.simulator.requests)


# -- logs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "age_s", "left"),
    [
        (LOGS_KEPT, 0, LOGS_KEPT),
        (LOGS_KEPT + 1, 0, LOGS_KEPT),
        (3, DAYS_KEPT * 86_400, 3),
        (3, DAYS_KEPT * 86_400 + 1, 0),
    ],
)
def test_a_hundred_logs_are_kept_for_thirty_days(
    tmp_path: Path, count: int, age_s: float, left: int
) -> None:
    """The newest ones; at the very bound a log stays."""
    now_s = 2_000_000_000.0
    for number in range(count):
        path = tmp_path / f"{number:03}.log"
        path.write_bytes(b"said")
        os.utime(path, (now_s - age_s - number * (not age_s),) * 2)
    (tmp_path / "note.txt").write_bytes(b"")
    assert prune(tmp_path, now_s, keep=()) == count - left
    found = sorted(path.stem for path in tmp_path.glob("*.log"))
    assert found == [f"{number:03}" for number in range(left)]
