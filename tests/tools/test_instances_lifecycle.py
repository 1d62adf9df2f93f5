"""Start, extend, bid, keep and clear machines through a real client; what the tools claim to be."""

import inspect
import json
from pathlib import Path
from typing import get_args

import pytest

from tests.world import Json, ToolFailed, World
from vast_mcp.models import InstanceState
from vast_mcp.tools import declared, disk, instances, lifecycle, market
from vast_mcp.tools._instance_rows import StateWord

MODULES = (market, instances, lifecycle, disk, declared)
TOOLS = [spec for module in MODULES for spec in module.TOOLS]
READS = {
    "search_offers", "search_templates", "show_instances", "wait_for_instance", "show_logs",
    "list_disk", "show_keys",
}  # fmt: skip
DESTROYS = {
    "stop_instance", "destroy_instance", "reboot_instance", "delete_disk_files", "detach_ssh_key",
    "recycle_instance",
}  # fmt: skip
EXTRA = {
    "reboot_instance", "label_instance", "attach_ssh_key", "list_disk", "delete_disk_files",
    "detach_ssh_key", "recycle_instance", "show_keys",
}  # fmt: skip


async def test_a_stopped_machine_starts_under_a_new_lease_and_is_extended(tmp_path: Path) -> None:
    """Hours are added to the present end; the answer names the new end and the added cost."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
        world.run_until_ready()
        stopped = await world.call(client, "stop_instance", instance_id=instance_id)
        started = await world.call(client, "start_instance", instance_id=instance_id, lease_hours=2)
        world.run_until_ready()
        longer = await world.call(client, "extend_lease", instance_id=instance_id, hours=1)
        row = (await world.call(client, "show_instances"))["instances"][0]
    assert stopped["bills"] == "disk"
    assert started["lease_ends"] < longer["lease_ends"] == row["lease_ends"]
    assert longer["added_usd"] > 0


async def test_a_bid_is_raised_with_a_yes_and_lowered_without(tmp_path: Path) -> None:
    """A rise spends; a fall does not."""
    world = World(tmp_path)
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    bid = round(offer.min_bid.dollars * 1.5, 4)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, bid_usd_per_hour=bid)
        world.run_until_ready()
        lower = await world.call(
            client, "change_bid", instance_id=instance_id, bid_usd_per_hour=bid * 0.8
        )
        assert world.questions == []
        higher = await world.call(
            client, "change_bid", instance_id=instance_id, bid_usd_per_hour=bid * 1.1
        )
    assert len(world.questions) == 1
    assert "Raise the bid" in world.questions[0]
    assert higher["usd_per_hour"] > lower["usd_per_hour"]


async def test_a_label_changes_and_the_lease_mark_stays(tmp_path: Path) -> None:
    """The mark behind the user's text is what every layer reads."""
    world = World(tmp_path, toolsets="all")
    async with world.connect() as client:
        instance_id = await world.rent(client, label="a")
        await world.call(client, "label_instance", instance_id=instance_id, label="b")
        row = (await world.call(client, "show_instances"))["instances"][0]
        with pytest.raises(ToolFailed, match="label"):
            await world.call(client, "label_instance", instance_id=instance_id, label="x vm1.y")
    raw = world.simulator.world.instances[instance_id].label or ""
    assert raw.startswith("b vm1.")
    assert row["untrusted_label"] == "b"


async def test_a_key_is_attached_once_and_a_private_one_never_leaves(tmp_path: Path) -> None:
    """Attaching a key that is there already is no error: the tool claims to be repeatable."""
    world = World(tmp_path, toolsets="all")
    private = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----"
    async with world.connect() as client:
        instance_id = await world.rent(client)
        again = await world.call(client, "attach_ssh_key", instance_id=instance_id)
        sent = len(world.simulator.requests)
        with pytest.raises(ToolFailed, match="private key"):
            await world.call(client, "attach_ssh_key", instance_id=instance_id, public_key=private)
    assert again["status"] == "attached"
    assert "already" in again["said"]
    assert len(world.simulator.requests) == sent


async def test_files_of_a_stopped_disk_are_listed_and_deleted_with_a_yes(tmp_path: Path) -> None:
    """The vendor's `ls` and `rm`; on a running machine it is ssh."""
    world = World(tmp_path, toolsets="all")
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        with pytest.raises(ToolFailed, match="ssh"):
            await world.call(client, "list_disk", instance_id=instance_id)
        await world.call(client, "stop_instance", instance_id=instance_id)
        world.simulator.put_file(instance_id, "/workspace/a.bin", 1000)
        world.simulator.put_file(instance_id, "/workspace/b.bin", 2000)
        before = await world.call(client, "list_disk", instance_id=instance_id)
        asked = len(world.questions)
        await world.call(
            client, "delete_disk_files", instance_id=instance_id, paths=["/workspace/a.bin"]
        )
        after = await world.call(client, "list_disk", instance_id=instance_id)
    assert "a.bin" in before["untrusted_listing"]
    assert "a.bin" not in after["untrusted_listing"]
    assert "b.bin" in after["untrusted_listing"]
    assert len(world.questions) == asked + 1


@pytest.mark.parametrize("path", ["workspace", "/a;rm -rf /", "/a$(id)", "/a\nrm /b", "/a' b"])
async def test_a_listing_is_one_plain_command_or_nothing(tmp_path: Path, path: str) -> None:
    """No second command hides in a path."""
    world = World(tmp_path, toolsets="all")
    async with world.connect() as client:
        with pytest.raises(ToolFailed):
            await world.call(client, "list_disk", instance_id=27_000_001, path=path)
    assert not [one for one in world.simulator.requests if "command" in one.path]


async def test_a_listing_of_nothing_says_that_there_is_no_such_machine(tmp_path: Path) -> None:
    """The vendor's own code in our words, with the next step."""
    world = World(tmp_path, toolsets="all")
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=r"no instance 99999999 .* show_instances lists"):
            await world.call(client, "list_disk", instance_id=99_999_999)


async def test_a_reboot_asks_and_keeps_the_price(tmp_path: Path) -> None:
    """It interrupts what runs."""
    world = World(tmp_path, toolsets="all")
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        answer = await world.call(client, "reboot_instance", instance_id=instance_id)
    assert answer["status"] == "rebooting"
    assert world.questions[0].startswith(f"Reboot {instance_id}")


async def test_a_stopped_machine_is_not_rebooted_and_nobody_is_asked(tmp_path: Path) -> None:
    """The vendor would refuse it after the person's yes; what starts it is named."""
    world = World(tmp_path, toolsets="all")
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)
        asked = len(world.questions)
        with pytest.raises(ToolFailed, match=r"is stopped.*start_instance"):
            await world.call(client, "reboot_instance", instance_id=instance_id)
    assert len(world.questions) == asked


def test_every_state_has_its_word_in_the_filter() -> None:
    """A state that is added to the model is added here."""
    assert list(get_args(StateWord)) == [state.value for state in InstanceState]


def test_annotations_tell_the_truth() -> None:
    """A client skips its own question for what claims to read: it must be true."""
    assert {spec.name for spec in TOOLS if spec.reads} == READS
    assert {spec.name for spec in TOOLS if spec.destroys} == DESTROYS
    assert {spec.name for spec in TOOLS if spec.extra} == EXTRA
    assert len({spec.title for spec in TOOLS}) == len(TOOLS)


@pytest.mark.parametrize("spec", TOOLS, ids=lambda spec: spec.name)
def test_a_description_is_short_and_says_what_first(spec: object) -> None:
    """At most 1,200 characters; the first line is a whole sentence."""
    text = inspect.cleandoc(getattr(spec, "function").__doc__ or "")  # noqa: B009
    assert 40 < len(text) <= 1200
    assert text.splitlines()[0].endswith(".")


async def test_the_listing_of_these_tools_is_small(tmp_path: Path) -> None:
    """Every client pays for it in every conversation: the default ones in 5,200 tokens."""
    world = World(tmp_path)
    async with world.connect() as client:
        listed = (await client.list_tools()).tools
    own = {spec.name for spec in TOOLS if not spec.extra}
    sizes = {
        tool.name: len(
            json.dumps(
                tool.model_dump(by_alias=True, exclude_none=True, mode="json"),
                separators=(",", ":"),
                ensure_ascii=False,
            ).encode()
        )
        / 4
        for tool in listed
        if tool.name in own
    }
    assert sizes.keys() == own
    assert sum(sizes.values()) <= 5_200, sizes


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("attach_ssh_key", {}),
        ("run_command", {"command": "nvidia-smi"}),
        ("forward_port", {"port": 8000}),
    ],
)
async def test_a_machine_without_ssh_says_so_before_anything(
    tmp_path: Path, tool: str, given: Json, *, stopped: bool
) -> None:
    """It runs its image's own command: no key, no command and no start would open it."""
    world = World(tmp_path, toolsets="all")
    async with world.connect() as client:
        instance_id = await world.rent(client, connect="args", args=["serve"])
        world.run_until_ready()
        if stopped:
            await world.call(client, "stop_instance", instance_id=instance_id)
            world.run_until_ready(60)
        sent, asked = len(world.simulator.mutations()), len(world.questions)
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, tool, instance_id=instance_id, **given)
    assert 'connect="args"' in str(failed.value)
    assert "has no SSH" in str(failed.value)
    assert "start_instance" not in str(failed.value)
    assert len(world.simulator.mutations()) == sent
    assert len(world.questions) == asked
