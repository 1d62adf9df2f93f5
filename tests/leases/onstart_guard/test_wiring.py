"""Rented machines carry the guard, and say so when they cannot.

See docs/design.md#leases.
"""

from pathlib import Path

import pytest

from tests.leases.onstart_guard.container import noise
from tests.world import ToolFailed, World
from vast_mcp.actions import CreateInstance
from vast_mcp.guard.act import Caller, Outcome, Ready
from vast_mcp.leases.onstart_guard import ONSTART_LIMIT

PYTORCH = "4e17788f74f075dd9aab7d0d4427968f"
VIRTUAL = "c56feb2a5be25f2e43c3d1b5fd31e0a5"
ALL = ["server", "watch", "inside"]


def _onstart(world: World, instance_id: int) -> str:
    return world.simulator.world.instances[instance_id].order.onstart or ""


async def _rent(world: World, **arguments: object) -> tuple[dict[str, object], str]:
    offer = await world.cheap_offer()
    given = {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1.0, **arguments}
    async with world.connect() as client:
        answer = await world.call(client, "create_instance", **given)
    return answer, _onstart(world, int(answer["instance_id"]))


async def test_a_rented_machine_carries_the_guard_for_its_own_mark(tmp_path: Path) -> None:
    """It looks for its own intent, believes no other, and is named among the layers."""
    world = World(tmp_path)
    answer, onstart = await _rent(world, onstart="echo mine\n")
    contract = world.simulator.world.instances[int(str(answer["instance_id"]))]
    intent = dict(contract.order.env)["VMCP_INTENT"]

    assert answer["lease_layers"] == ALL
    assert f"i={intent} " in onstart
    assert "https://console.vast.ai/api/v0/instances/$CONTAINER_ID/" in onstart
    assert str(answer["lease_ends"]).translate(str.maketrans("", "", "-:TZ")) in onstart
    assert "C=$(t 10080)" in onstart, "168 h, the policy's longest lease"
    assert onstart.endswith("fi\necho mine\n")
    assert world.api_key not in onstart


async def test_a_templates_own_start_script_is_put_behind_the_guard(tmp_path: Path) -> None:
    """The request's onstart replaces the template's: without this its services never start."""
    answer, onstart = await _rent(World(tmp_path), template_hash=PYTORCH)
    assert answer["lease_layers"] == ALL
    assert onstart.endswith("fi\nentrypoint.sh")


async def test_with_args_there_is_no_guard_and_that_is_told(tmp_path: Path) -> None:
    """No start script runs in that mode, so nobody is told of a layer that is not there."""
    answer, onstart = await _rent(
        World(tmp_path), connect="args", image="x/y", onstart="/bin/serve", args=["a"]
    )
    assert onstart == "/bin/serve"
    assert answer["lease_layers"] == ["server", "watch"]
    assert any("No guard runs inside" in str(text) for text in answer["warnings"])  # type: ignore[attr-defined]


async def test_a_long_script_is_packed_and_a_hopeless_one_refused_before_money(
    tmp_path: Path,
) -> None:
    """What fits once it is packed is rented; what cannot fit costs nothing."""
    world = World(tmp_path)
    _, onstart = await _rent(world, onstart="echo one\n" * 1900)
    assert "gunzip" in onstart
    assert len(onstart) <= ONSTART_LIMIT
    with pytest.RaisesGroup(pytest.RaisesExc(ToolFailed, match="onstart"), flatten_subgroups=True):
        await _rent(world, onstart=noise(20_000))
    assert len(world.simulator.world.instances) == 1


async def test_an_idle_stop_needs_a_guard_to_do_it(tmp_path: Path) -> None:
    """What cannot be kept is refused, not promised."""
    world = World(tmp_path)
    offer = await world.cheap_offer()

    async def rent(**arguments: object) -> Outcome:
        act = CreateInstance(
            offer_id=offer.offer_id, lease_hours=1, max_price_usd_per_hour=1.0,
            idle_stop_minutes=30, **arguments,  # type: ignore[arg-type]
        )  # fmt: skip
        async with world.runtime() as runtime:
            caller = Caller(principal="local")
            proposal = await runtime.session.guard.propose(act, caller)
            assert isinstance(proposal, Ready)
            return await runtime.session.guard.perform(proposal, caller)

    with pytest.raises(Exception, match="idle_stop_minutes"):
        await rent(connect="args")
    outcome = await rent()
    instance_id = outcome.values["instance_id"]
    assert "nvidia-smi" in _onstart(world, int(str(instance_id)))
    assert "[ $z -ge 30 ]" in _onstart(world, int(str(instance_id)))


async def test_a_long_script_that_packs_well_is_rented_and_another_is_told_its_sizes(
    tmp_path: Path,
) -> None:
    """Only what the vendor would cut is refused, with the numbers that count."""
    world = World(tmp_path)
    _, onstart = await _rent(world, onstart="echo one and the same line\n" * 900)
    assert len(onstart.encode()) <= ONSTART_LIMIT
    offer = (await world.offers())[1]
    random = noise(24_000)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=rf"{ONSTART_LIMIT} bytes fit.*{len(random)}"):
            await world.call(
                client,
                "create_instance",
                offer_id=offer.offer_id,
                max_price_usd_per_hour=1.0,
                onstart=random,
            )
