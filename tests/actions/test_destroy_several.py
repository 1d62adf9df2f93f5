"""Several machines under one yes: each judged for itself, none that changed, a row for each."""

from pathlib import Path

import pytest

from tests.instances.samples import instance
from tests.promises.test_several_at_once import rented, type_count_and_digits
from tests.world import World
from vast_mcp.actions.destroy_several import (
    ROOM_EACH,
    DestroyInstances,
    Part,
    SeveralSight,
    _summed,
)
from vast_mcp.actions.stop_destroy import DestroyInstance, StopInstance
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Form, Sight
from vast_mcp.operations import JsonObject
from vast_mcp.policy.facts import Owner, Request, Target


async def test_one_question_names_every_machine_and_is_confirmed_by_count_and_last_digits(
    tmp_path: Path,
) -> None:
    """Each is a request under the same yes; the question may grow by sixty letters for each."""
    world = World(tmp_path, seed=5)
    ids = await rented(world, 3)
    async with world.account() as account:
        sight = await DestroyInstances((*ids, ids[0])).look(account)
    assert isinstance(sight, SeveralSight)
    assert [one.act.instance_id for one in sight.parts] == ids
    targets = [one.target.target_id for one in (sight.request, *sight.also) if one.target]
    assert targets == ids
    assert (sight.form, sight.digits) == (Form.DIGITS, f"3 {str(ids[-1])[-4:]}")
    assert (sight.room, sight.label) == (2 * ROOM_EACH, "m0 / m1 / m2")
    assert sight.handle == f"destroy-3-{ids[-1]}"
    assert all(f"{one} (1x" in sight.question for one in ids)
    assert "3 machines. Their disks are deleted for good. Type the number" in sight.question


@pytest.mark.parametrize(("count", "taken"), [(0, False), (1, True), (8, True), (9, False)])
async def test_one_to_eight_machines_are_taken_at_once(
    tmp_path: Path, count: int, *, taken: bool
) -> None:
    """A name given twice counts once."""
    ids = tuple(range(1, count + 1)) * 2
    async with World(tmp_path).account() as account:
        if taken:
            sight = await DestroyInstances(ids).look(account)
            assert sight.settled is not None
            assert sight.settled.said == f"0 of {count} destroyed."
        else:
            with pytest.raises(InputInvalid, match="one to 8 different ids"):
                await DestroyInstances(ids).look(account)


def part(number: int) -> Part:
    """Machine 1, 2 or 3, ready to be destroyed."""
    target = Target("instance", number, f"m{number}", Owner.OURS)
    snapshot: JsonObject = {"instance_id": number, "gpu": "1x RTX 4090"}
    return Part(
        DestroyInstance(number), Sight(Request("destroy_instance", target), snapshot, "", "")
    )


PARTS = (part(1), part(2), part(3))
SIGHT = SeveralSight(PARTS[0].sight.request, {}, "", "", parts=PARTS, apart=({"instance_id": 9},))
ACT = DestroyInstances((1, 2, 3))


@pytest.mark.parametrize(
    ("changed", "left"),
    [((), [1, 2, 3]), ((2,), [1, 3]), ((1,), [2, 3]), ((1, 3), [2]), ((1, 2, 3), [1, 2, 3])],
)
def test_what_changed_since_the_yes_is_skipped_and_the_rest_goes_on(
    changed: tuple[int, ...], left: list[int]
) -> None:
    """Where nothing is left of it the yes does not hold at all."""
    approved: JsonObject = {
        str(number): {"instance_id": number, "gpu": "2x" if number in changed else "1x RTX 4090"}
        for number in (1, 2, 3)
    }
    assert ACT.holds(approved, SIGHT) is (len(changed) < 3)
    sight = ACT.narrowed(approved, SIGHT)
    assert isinstance(sight, SeveralSight)
    assert [one.act.instance_id for one in sight.parts] == left
    assert [one.target.target_id for one in (sight.request, *sight.also) if one.target] == (
        left if len(changed) < 3 else [1]
    )
    skipped = [one["instance_id"] for one in sight.apart if one.get("status") == "changed"]
    assert skipped == (list(changed) if len(changed) < 3 else [])
    assert sight.apart[0] == {"instance_id": 9}


def test_a_machine_that_the_question_did_not_name_is_not_covered() -> None:
    """However much it looks like one of them."""
    assert not ACT.holds({"4": PARTS[0].sight.snapshot}, SIGHT)
    assert not ACT.holds({"1": "1x RTX 4090"}, SIGHT)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("stopped", "stopped"), "stopped", "2 of 2 stopped."),
        (("stopped", "destroyed"), "stopped", "2 of 2 stopped."),
        (("stopped", "not_done"), "partly", "1 of 2 stopped."),
        (("not_done", "stopping"), "not_done", "0 of 2 stopped."),
    ],
)
def test_the_answer_counts_what_is_done(words: tuple[str, ...], status: str, said: str) -> None:
    """One that is gone need not be stopped; where something is left, the rows say what."""
    rows: list[JsonObject] = [{"instance_id": 1, "status": word} for word in words]
    told = _summed("stopped", rows)
    assert (told.status, told.said) == (status, said)
    assert bool(told.next) is (status != "stopped")
    assert told.values == {"machines": rows}


async def test_each_row_says_what_is_next_only_where_something_is(tmp_path: Path) -> None:
    """What is done needs no further step; what is not yet seen done has one."""
    world = World(tmp_path, seed=5)
    ids = await rented(world, 2)
    world.simulator.faults.add("status_before", "PUT", f"/instances/{ids[1]}", times=9, status=500)
    async with world.connect(answer=type_count_and_digits) as client:
        told = await world.call(client, "stop_instance", instance_ids=ids)
    first, second = told["machines"]
    assert (first["status"], "next" in first) == ("stopped", False)
    assert second["status"] == "unknown"
    assert f"show_instances(instance_id={ids[1]})" in second["next"]


@pytest.mark.parametrize(
    ("then", "now", "holds"),
    [
        ({}, {}, True),
        ({}, {"gpu": "2x RTX 4090"}, False),
        ({"listed": False}, {"gpu": "2x RTX 4090"}, True),
        ({}, {"listed": False}, True),
        ({"listed": False}, {"instance_id": 2}, False),
    ],
)
def test_a_yes_to_an_ending_holds_for_the_machine_by_all_that_is_shown_of_it(
    then: JsonObject, now: JsonObject, *, holds: bool
) -> None:
    """One that the vendor does not show is known by its id alone."""
    plain: JsonObject = {"instance_id": instance().instance_id, "gpu": "1x RTX 4090"}
    sight = Sight(Request("stop_instance"), {**plain, **now}, "", "")
    assert StopInstance(1).holds({**plain, **then}, sight) is holds
