"""Declared writes through the main door: asked as declared, sent once, settled by what is seen.

See docs/design.md#sending-once.
"""

from pathlib import Path

import pytest
from mcp.types import ElicitResult

from tests.tools.ssh_world import ssh_world
from tests.world import ToolFailed, World


async def machine(world: World) -> int:
    """A running machine that was rented here."""
    async with world.connect() as client:
        instance_id = await world.rent(client)
    world.run_until_ready()
    return instance_id


async def test_a_recycle_wants_the_digits_of_the_id_and_names_what_is_lost(tmp_path: Path) -> None:
    """The container's disk is lost: a plain yes is too quick for that."""
    world = World(tmp_path, toolsets="all")
    instance_id = await machine(world)
    asked = []

    def wrong(question: str, schema: object) -> ElicitResult:
        asked.append((question, schema))
        return ElicitResult(action="accept", content={"digits": "0000"})

    before = len(world.simulator.mutations())
    async with world.connect(answer=wrong) as client:
        kept = await world.call(client, "recycle_instance", instance_id=instance_id)
    assert kept["status"] == "declined"
    assert len(asked) == 2
    assert "Every file outside a volume is lost" in asked[0][0]
    assert "wrong digits" in asked[1][0]
    assert len(world.simulator.mutations()) == before


async def test_a_recycled_machine_has_a_new_container_and_may_show_a_new_host_key(
    tmp_path: Path,
) -> None:
    """Its sessions end and its recorded key is dropped: the next login is no alarm."""
    async with ssh_world(tmp_path, toolsets="all") as lab:
        instance_id = await lab.machine()
        await lab.run(instance_id, "touch /root/mine")
        done = await lab.call("recycle_instance", instance_id=instance_id)
        lab.world.run_until_ready()
        left = await lab.run(instance_id, "ls /root")
    assert done["status"] == "recycling"
    assert left["status"] == "done"
    assert "mine" not in left["untrusted_output"]
    assert "SHA256:" in left["warnings"][0]


@pytest.mark.parametrize("kind", ["answer_lost_after_commit", "reset_after_commit"])
async def test_a_recycle_whose_answer_was_lost_is_seen_and_not_sent_again(
    tmp_path: Path, kind: str
) -> None:
    """A second one would lose what was begun after the first."""
    world = World(tmp_path, toolsets="all")
    instance_id = await machine(world)
    before = len(world.simulator.mutations())
    world.simulator.faults.add(kind, "PUT", "recycle", times=1)  # type: ignore[arg-type]
    async with world.connect() as client:
        done = await world.call(client, "recycle_instance", instance_id=instance_id)
    assert done["status"] == "recycling"
    assert "answer was lost" in done["said"]
    assert len(world.simulator.mutations()) == before + 1


async def test_a_recycle_that_never_arrived_is_unknown_and_not_sent_again(tmp_path: Path) -> None:
    """A running machine proves nothing: its new container may have come up already."""
    world = World(tmp_path, toolsets="all")
    instance_id = await machine(world)
    before = len(world.simulator.mutations())
    fault = world.simulator.faults.add("request_lost", "PUT", "recycle", times=3)
    async with world.connect() as client:
        told = await world.call(client, "recycle_instance", instance_id=instance_id)
    assert told["status"] == "unknown"
    assert "before repeating" in told["next"]
    assert fault.struck == 1
    assert len(world.simulator.mutations()) == before + 1  # the one that was lost on its way


async def test_a_machine_that_does_not_run_is_not_recycled(tmp_path: Path) -> None:
    """Refused with what helps, before anybody is asked."""
    world = World(tmp_path, toolsets="all")
    instance_id = await machine(world)
    async with world.connect() as client:
        await world.call(client, "stop_instance", instance_id=instance_id)
        asked = len(world.questions)
        with pytest.raises(ToolFailed, match=r"needs it running.*start_instance"):
            await world.call(client, "recycle_instance", instance_id=instance_id)
    assert len(world.questions) == asked


def keys_of(world: World, instance_id: int) -> list[int]:
    """The ids of the keys on a machine, as its owner's console shows them."""
    return [int(str(key["id"])) for key in world.simulator.world.instances[instance_id].keys]


async def test_a_key_is_taken_off_a_machine_after_a_yes(tmp_path: Path) -> None:
    """And once more is no error: it is not there, which is what was asked for."""
    world = World(tmp_path, toolsets="all")
    instance_id = await machine(world)
    (key_id,) = keys_of(world, instance_id)
    given = {"instance_id": instance_id, "key_id": key_id}
    async with world.connect() as client:
        done = await world.call(client, "detach_ssh_key", **given)
        again = await world.call(client, "detach_ssh_key", **given)
    assert done["status"] == again["status"] == "detached"
    assert "does not have" in again["said"]
    assert keys_of(world, instance_id) == []
    assert f"SSH key {key_id} off {instance_id}" in world.questions[-1]


@pytest.mark.parametrize(
    ("kind", "sends"), [("answer_lost_after_commit", 1), ("request_lost", 2), ("status_after", 1)]
)
async def test_a_detach_whose_answer_was_lost_is_settled_by_the_keys_that_are_left(
    tmp_path: Path, kind: str, sends: int
) -> None:
    """It names its end state: seen there, it is done; not seen, it is sent again."""
    world = World(tmp_path, toolsets="all")
    instance_id = await machine(world)
    (key_id,) = keys_of(world, instance_id)
    before = len(world.simulator.mutations())
    world.simulator.faults.add(kind, "DELETE", "ssh", times=1, status=502)  # type: ignore[arg-type]
    async with world.connect() as client:
        done = await world.call(client, "detach_ssh_key", instance_id=instance_id, key_id=key_id)
    assert done["status"] == "detached"
    assert keys_of(world, instance_id) == []
    assert len(world.simulator.mutations()) == before + sends


async def test_a_detach_that_no_answer_settles_says_that_it_may_be_repeated(
    tmp_path: Path,
) -> None:
    """Four sendings came to nothing: unknown, and the next step is no harm."""
    world = World(tmp_path, toolsets="all")
    instance_id = await machine(world)
    (key_id,) = keys_of(world, instance_id)
    world.simulator.faults.add("request_lost", "DELETE", "ssh", times=9)
    async with world.connect() as client:
        told = await world.call(client, "detach_ssh_key", instance_id=instance_id, key_id=key_id)
    assert told["status"] == "unknown"
    assert "repeating it does no harm" in told["next"]
    assert keys_of(world, instance_id) == [key_id]
