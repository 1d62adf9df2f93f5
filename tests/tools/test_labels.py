"""What a machine is called is told wherever it is shown, and marked where it is cut."""

from pathlib import Path

from tests.world import World

LONG = "train the seventh ablation of the summer with every augmentation there is"


async def test_charges_say_which_machine_by_its_label(tmp_path: Path) -> None:
    """An id alone means nothing to the person who reads the bill; a destroyed machine keeps it."""
    world = World(tmp_path)
    world.simulator.add_foreign_instance(label="somebody's work")
    async with world.connect() as client:
        named = await world.rent(client, label="train-a")
        bare = await world.rent(client, request_key="second")
        world.run_until_ready(7200)
        await world.call(client, "destroy_instance", instance_id=named)
        world.clock.move(60)
        shown = (await world.call(client, "show_charges", period="day"))["charged"]
        by_day = await world.call(client, "show_charges", period="day", group_by="day")
    labels = {row["group"]: row.get("untrusted_label") for row in shown}
    assert labels[f"instance-{named}"] == "train-a"
    assert labels[f"instance-{bare}"] is None
    assert "somebody's work" in labels.values()
    assert " vm1." not in str(shown)
    assert "untrusted_label" not in str(by_day)


async def test_a_label_that_is_cut_is_marked_as_cut_wherever_it_is_shown(tmp_path: Path) -> None:
    """Two machines whose labels begin alike must not look as if they were called the same."""
    world = World(tmp_path, toolsets="all")
    async with world.connect() as client:
        machine = await world.rent(client, label=LONG)
        second = await world.rent(client, label=LONG, request_key="second")
        world.run_until_ready(3600)
        rows = [
            (await world.call(client, "show_instances"))["instances"][0],
            (await world.call(client, "show_instances", instance_id=machine))["instances"][0],
            (await world.call(client, "show_account"))["bills_now"][0],
            (await world.call(client, "show_charges", period="day"))["charged"][0],
        ]
        await world.call(client, "stop_instance", instance_ids=[machine, second])
        leases = str(await client.read_resource("vast://leases"))
    for row in rows:
        assert row["untrusted_label"].startswith("train the seventh")
        assert row["untrusted_label"].endswith("[cut]")
        assert len(row["untrusted_label"]) <= 40
    assert world.questions[-1].count("[cut]") >= 2
    assert "[cut]" in leases


async def test_a_short_label_is_shown_whole(tmp_path: Path) -> None:
    """Forty characters fit, and carry no mark."""
    world = World(tmp_path)
    label = "x" * 40
    async with world.connect() as client:
        await world.rent(client, label=label)
        (row,) = (await world.call(client, "show_instances"))["instances"]
    assert row["untrusted_label"] == label
