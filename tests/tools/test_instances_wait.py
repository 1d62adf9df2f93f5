"""Waiting and logs through a real client, on simulated time.

See docs/design.md#foreign-text-and-secrets, docs/vendor-api.md#instances.
"""

import json
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest

from tests.world import ToolFailed, World


def looks(world: World, instance_id: int) -> list[float]:
    """When the machine was read, in seconds of the simulator's clock."""
    path = f"/api/v0/instances/{instance_id}"
    return [
        one.at_us / 1e6
        for one in world.simulator.requests
        if one.method == "GET" and one.path.rstrip("/") == path
    ]


async def test_a_wait_returns_as_soon_as_it_runs(tmp_path: Path) -> None:
    """It looks at once, then every 10 s, and reports progress."""
    world = World(tmp_path)
    told: list[str] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        assert total is None or progress <= total
        told.append(message or "")

    async with world.connect() as client:
        instance_id = await world.rent(client)
        before = len(looks(world, instance_id))
        for _ in range(20):
            began_s = world.clock.monotonic_s()
            result = await client.call_tool(
                "wait_for_instance", {"instance_id": instance_id}, progress_callback=heard
            )
            answer = result.structured_content or {}
            assert world.clock.monotonic_s() - began_s <= 46
            if answer["reached"]:
                break
            assert answer["ok_to_leave"] is True
            assert answer["poll_again_after_seconds"] >= 10
    assert answer["reached"] is True
    assert answer["bills"] == "gpu+disk"
    assert answer["elapsed_seconds"] > 0
    assert answer["ssh"].startswith("ssh ")
    assert told
    polls = looks(world, instance_id)[before:]
    gaps = [later - earlier for earlier, later in pairwise(polls)]
    assert sum(gap < 9.9 for gap in gaps) <= 20  # only the first look of a new call is immediate


async def test_one_call_lasts_45_seconds_at_most(tmp_path: Path) -> None:
    """Many clients give up at 60 s."""
    world = World(tmp_path)
    world.simulator.fail_next_creates("stuck")
    async with world.connect() as client:
        instance_id = await world.rent(client)
        began_s = world.clock.monotonic_s()
        answer = await world.call(client, "wait_for_instance", instance_id=instance_id)
        lasted_s = world.clock.monotonic_s() - began_s
        polls = looks(world, instance_id)[-4:]
    assert 35 <= lasted_s <= 46
    assert answer["verdict"] == "normal"
    assert answer["expected_seconds"] == 300
    assert all(b - a >= 10 for a, b in pairwise(polls))


@pytest.mark.parametrize(
    ("how", "after_s"), [("broken_image", 60), ("failed", 300), ("stuck", 700)]
)
async def test_a_machine_that_never_comes_up_is_told_to_be_dead(
    tmp_path: Path, how: str, after_s: float
) -> None:
    """OCI error, exited after a rent, a host that stays silent: more waiting will not help."""
    world = World(tmp_path)
    world.simulator.fail_next_creates(how)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready(after_s)
        answer = await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert answer["verdict"] == "dead"
    assert answer["reached"] is False
    assert answer["ok_to_leave"] is False
    assert f"destroy_instance({instance_id})" in answer["next"]


async def test_a_host_that_goes_away_while_loading_is_dead(tmp_path: Path) -> None:
    """`offline` while waiting after a rent does not recover by itself."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.simulator.take_offline(instance_id)
        answer = await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert answer["verdict"] == "dead"
    assert answer["state"] == "host_offline"


async def test_a_start_whose_gpu_is_taken_is_slow_not_dead(tmp_path: Path) -> None:
    """`exited` after a start is where it begins; after 30 s the GPU most likely went away."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)
        world.simulator.take_gpu(instance_id)
        started = await world.call(client, "start_instance", instance_id=instance_id)
        answer = await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert started["status"] == "queued"
    assert answer["verdict"] == "slow"
    assert answer["state"] == "waiting_for_gpu"
    assert f"stop_instance({instance_id})" in answer["next"]


async def test_a_passing_fault_does_not_end_a_wait(tmp_path: Path) -> None:
    """One bad answer between good looks is not a verdict."""
    world = World(tmp_path)
    world.simulator.fail_next_creates("stuck")
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.simulator.faults.add("html", "GET", f"/instances/{instance_id}", skip=2, times=1)
        answer = await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert answer["verdict"] == "normal"


async def test_logs_are_cleaned_cut_and_say_how_to_get_more(tmp_path: Path) -> None:
    """Foreign text, at most 2,000 tokens, the end of it."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        early = await world.call(client, "show_logs", instance_id=instance_id)
        world.run_until_ready()
        for number in range(400):
            world.simulator.write_log(instance_id, f"step {number} \x1b[31m{'x' * 60}\u202e")
        short = await world.call(client, "show_logs", instance_id=instance_id, tail=3)
        full = await world.call(client, "show_logs", instance_id=instance_id, tail=1000)
        found = await world.call(client, "show_logs", instance_id=instance_id, filter="step 7 ")
        daemon = await world.call(client, "show_logs", instance_id=instance_id, daemon=True)
    assert "Empty" in early["next"]
    assert short["lines"] == 3
    assert "tail=" in short["next"]
    assert full["untrusted_log"].splitlines()[-1].startswith("step 399")
    assert "\x1b" not in full["untrusted_log"]
    assert "\u202e" not in full["untrusted_log"]
    assert len(json.dumps(full, ensure_ascii=False).encode()) / 4 <= 2_000
    assert "filter" in full["next"]
    assert found["untrusted_log"].startswith("step 7 ")
    assert daemon["untrusted_log"].startswith("daemon:")
    assert not world.simulator.leaked_authorization


async def test_logs_of_nothing_are_an_error(tmp_path: Path) -> None:
    """The vendor's 404 in our words, with the next step."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=r"no instance 99999999 .* show_instances lists"):
            await world.call(client, "show_logs", instance_id=99_999_999)


@pytest.mark.parametrize("stuck_s", [0.0, 12.0, 29.0])
async def test_a_vendor_that_answers_slowly_does_not_make_a_wait_longer(
    tmp_path: Path, stuck_s: float
) -> None:
    """Promise (tool): up to 45 s, whatever a look takes; many clients give up at 60 s."""
    world = World(tmp_path)
    world.simulator.fail_next_creates("stuck")
    async with world.connect() as client:
        instance_id = await world.rent(client)
    world.transport = Slow(world, stuck_s)
    async with world.connect() as client:
        began_s = world.clock.monotonic_s()
        await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert world.clock.monotonic_s() - began_s <= 46


class Slow(httpx2.AsyncBaseTransport):
    """A vendor that takes its time over each look at a machine."""

    def __init__(self, world: World, seconds: float) -> None:
        self._inner, self._clock, self._seconds = world.transport, world.clock, seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The simulator's answer, late."""
        if request.method == "GET" and "/instances/" in request.url.path:
            self._clock.move(self._seconds)
        return await self._inner.handle_async_request(request)
