"""Several machines under one question: what is asked, what is set apart, what is answered."""

import re
from pathlib import Path

import pytest
from mcp.types import ElicitResult

from tests.world import Json, Mode, ToolFailed, World, agree

MODES: tuple[Mode, ...] = ("legacy", "auto")


def type_count_and_digits(message: str, schema: Json) -> ElicitResult:
    """A person who reads how many there are and which comes last."""
    if "digits" not in schema["properties"]:
        return agree(message, schema)
    ids = re.findall(r"(\d{7,}) \(", message)
    return ElicitResult(action="accept", content={"digits": f"{len(ids)} {ids[-1][-4:]}"})


async def rented(world: World, count: int) -> list[int]:
    """So many machines that run."""
    offers = await world.offers()
    async with world.connect() as client:
        ids = [
            await world.rent(client, offer, label=f"m{i}")
            for i, offer in zip(range(count), offers, strict=False)
        ]
    world.run_until_ready()
    return ids


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tool", ["stop_instance", "destroy_instance"])
async def test_four_machines_are_ended_under_one_question(
    tmp_path: Path, mode: Mode, tool: str
) -> None:
    """One question of at most 350 characters and 60 for each further machine; a row for each."""
    world = World(tmp_path, seed=5)
    ids = await rented(world, 4)
    async with world.connect(mode, type_count_and_digits) as client:
        told = await world.call(client, tool, instance_ids=ids)
    done = "stopped" if tool == "stop_instance" else "destroyed"
    (question,) = world.questions
    assert question.startswith(f"{tool.split('_', maxsplit=1)[0].capitalize()} {ids[0]} (")
    assert len(question) <= 350 + 3 * 60
    assert all(str(each) in question for each in ids)
    assert (told["status"], told["said"]) == (done, f"4 of 4 {done}.")
    assert {row["instance_id"]: row["status"] for row in told["machines"]} == dict.fromkeys(
        ids, done
    )


async def test_several_wants_the_count_and_the_last_digits(tmp_path: Path) -> None:
    """The last four digits alone, or another count, destroy nothing."""
    world = World(tmp_path, seed=5)
    ids = await rented(world, 2)
    wrong = iter([f"{str(ids[-1])[-4:]}", f"3 {str(ids[-1])[-4:]}"])

    def typed(_: str, __: Json) -> ElicitResult:
        return ElicitResult(action="accept", content={"digits": next(wrong)})

    async with world.connect(answer=typed) as client:
        told = await world.call(client, "destroy_instance", instance_ids=ids)
        left = await world.call(client, "show_instances")
    assert (told["status"], len(world.questions)) == ("kept", 2)
    assert len(left["instances"]) == 2


async def test_what_is_stopped_already_is_not_asked_about(tmp_path: Path) -> None:
    """Stopping what is stopped changes nothing, so nobody is asked, alone or among others."""
    world = World(tmp_path, seed=5)
    ids = await rented(world, 2)
    async with world.connect() as client:
        await world.call(client, "stop_instance", instance_id=ids[0])
        world.questions.clear()
        alone = await world.call(client, "stop_instance", instance_id=ids[0])
        assert (alone["status"], world.questions) == ("stopped", [])
        assert "already stopped" in alone["said"]
        mixed = await world.call(client, "stop_instance", instance_ids=ids)
        assert mixed["status"] == "stopped"
        assert str(ids[0]) not in world.questions[0]
        world.questions.clear()
        again = await world.call(client, "stop_instance", instance_ids=ids)
    assert (again["status"], world.questions) == ("stopped", [])


async def test_a_strangers_and_a_protected_machine_are_set_apart(tmp_path: Path) -> None:
    """What needs a person in a terminal is not part of the question, and says how to ask."""
    world = World(tmp_path, seed=5, policy="[protect]\nlabels = ['m1']\n")
    ids = await rented(world, 3)
    foreign = world.simulator.add_foreign_instance(label="theirs")
    world.run_until_ready()
    async with world.connect(answer=type_count_and_digits) as client:
        told = await world.call(client, "destroy_instance", instance_ids=[*ids, foreign])
        left = await world.call(client, "show_instances")
    rows = {row["instance_id"]: row for row in told["machines"]}
    assert [rows[each]["status"] for each in ids] == ["destroyed", "not_done", "destroyed"]
    assert rows[foreign]["status"] == "not_done"
    assert f"destroy_instance(instance_id={foreign})" in rows[foreign]["said"]
    assert str(foreign) not in world.questions[0]
    assert {row["instance_id"] for row in left["instances"]} == {ids[1], foreign}


async def test_one_that_changed_since_the_question_is_skipped_and_the_rest_go_on(
    tmp_path: Path,
) -> None:
    """A machine relabelled while the person reads is not what they agreed to."""
    world = World(tmp_path, seed=5)
    ids = await rented(world, 3)

    def meanwhile(message: str, schema: Json) -> ElicitResult:
        world.simulator.set_label(ids[1], "somebody else's now")
        return type_count_and_digits(message, schema)

    async with world.connect(answer=meanwhile) as client:
        told = await world.call(client, "destroy_instance", instance_ids=ids)
    rows = {row["instance_id"]: row["status"] for row in told["machines"]}
    assert rows == {ids[0]: "destroyed", ids[1]: "changed", ids[2]: "destroyed"}
    assert told["status"] == "partly"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"instance_id": 1, "instance_ids": [2]},
        {"instance_ids": []},
        {"instance_ids": list(range(1, 11))},
    ],
)
async def test_exactly_one_of_the_two_names_machines(tmp_path: Path, arguments: Json) -> None:
    """Neither, both, none or more than eight are refused and nothing is sent."""
    world = World(tmp_path, seed=5)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="instance_id"):
            await world.call(client, "stop_instance", **arguments)
    assert world.simulator.mutations() == []
