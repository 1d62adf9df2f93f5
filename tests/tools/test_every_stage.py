"""A machine in every stage of its life: the word, what bills, the verdict, against the vendor.

See docs/vendor-api.md#instances.
"""

from pathlib import Path

import pytest

from tests.world import World
from vast_mcp.keeper.tick import look_once
from vast_mcp.simulator.lifecycle import STAGES

WORDS = {
    "provisioning": ("starting", "disk", "normal"),
    "created": ("starting", "disk", "normal"),
    "loading": ("starting", "disk", "normal"),
    "starting": ("starting", "disk", "normal"),
    "running": ("ready", "gpu+disk", "normal"),
    "stopping": ("stopping", "gpu+disk", "dead"),
    "exited": ("stopped", "disk", "dead"),
    "scheduling": ("waiting_for_gpu", "disk", "slow"),
    "resuming": ("starting", "disk", "normal"),
    "rebooting": ("starting", "gpu+disk", "normal"),
    "recycling": ("starting", "gpu+disk", "normal"),
    "broken_image": ("starting", "disk", "dead"),
    "ended": ("stopped", "disk", "dead"),
    "registry_limit": ("starting", "disk", "dead"),
    "disk_full": ("starting", "disk", "dead"),
    "old_driver": ("starting", "disk", "dead"),
    "port_taken": ("starting", "disk", "dead"),
    "no_image": ("stopped", "disk", "dead"),
    "login_needed": ("stopped", "disk", "dead"),
    "no_cdi": ("stopped", "disk", "dead"),
    "dead_host": ("stopped", "disk", "dead"),
    "frozen": ("unknown", "gpu+disk", "dead"),
    "offline": ("host_offline", "nothing", "dead"),
    "unknown": ("unknown", "gpu+disk", "dead"),
}
"""By stage of the simulator. `loading` is told to bill its disk, as recorded
charges have it, while more is reserved; `unknown` counts as the most expensive, because nobody
knows. All of them have run before: a restart that fails is not a machine that never came up."""
TOLD_DEARER = {"unknown"}


@pytest.mark.parametrize("stage", sorted(WORDS))
async def test_a_machine_is_told_as_what_it_is(tmp_path: Path, stage: str) -> None:
    """One word for the state, the truth about what bills, and whether waiting helps."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        async with world.runtime() as runtime:
            await look_once(runtime.session.guard)  # it was seen running
        contract = world.simulator.world.instances[instance_id]
        contract.wants_to_run = stage not in {"stopping", "exited"}
        world.simulator.set_stage(instance_id, stage)
        contract.due_us = None
        (row,) = (await world.call(client, "show_instances"))["instances"]
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
    state, bills, verdict = WORDS[stage]
    assert (row["state"], row["bills"]) == (state, bills)
    assert (waited["state"], waited["verdict"]) == (state, verdict)
    if stage not in TOLD_DEARER:
        real = {frozenset(): "nothing", frozenset({"disk"}): "disk"}
        assert bills == real.get(frozenset(contract.rates()), "gpu+disk")
    elsewhere = {"outbid", "never_placed", "stuck", "failed"}  # the last looks like scheduling
    assert set(WORDS) | elsewhere == set(STAGES)
