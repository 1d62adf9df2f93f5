"""A yes holds once, for what was shown, for ten minutes, under the policy it was given under.

See docs/design.md#clock, docs/design.md#questions.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)

from tests.world import Json, Mode, World, agree
from vast_mcp.guard.act import Caller


async def running_machine(world: World, label: str = "") -> int:
    """A machine of ours that has run, so that ending it needs a question."""
    async with world.connect() as client:
        instance_id = await world.rent(client, label=label)
    world.run_until_ready()
    return instance_id


def effects(world: World) -> int:
    """Requests that changed something so far."""
    return sum(one.changed for one in world.simulator.mutations())


async def plan_for(world: World, tool: str, **arguments: object) -> str:
    """The plan that a client which cannot ask is given."""
    async with world.connect(answer=None) as client:
        said = await world.call(client, tool, **arguments)
    assert said["status"] == "needs_confirmation", said
    return str(said["plan_id"])


async def one_leg(
    client: Client,
    tool: str,
    arguments: Json,
    **answer: Any,  # noqa: ANN401  the SDK's own
) -> CallToolResult | InputRequiredResult:
    """One request of a 2026-07-28 conversation, by hand."""
    result: CallToolResult | InputRequiredResult = await client.session.call_tool(
        tool, arguments, allow_input_required=True, **answer
    )
    return result


async def answered(client: Client, tool: str, arguments: Json, sealed: Json) -> Json:
    """The structured answer of the leg that carries this sealed answer; empty if it asks again."""
    result = await one_leg(client, tool, arguments, **sealed)
    return dict(getattr(result, "structured_content", None) or {})


async def asked_by_hand(client: Client, tool: str, arguments: Json) -> Json:
    """The first leg: the answer to give back together with the sealed state."""
    required = await one_leg(client, tool, arguments)
    assert isinstance(required, InputRequiredResult)
    ((name, request),) = (required.input_requests or {}).items()
    assert isinstance(request, ElicitRequest)
    assert isinstance(request.params, ElicitRequestFormParams)
    reply = agree(request.params.message, request.params.requested_schema)
    return {"input_responses": {name: reply}, "request_state": required.request_state}


async def test_a_sealed_answer_sent_three_times_acts_once(tmp_path: Path) -> None:
    """The SDK replays sealed answers; the plan is redeemed once."""
    world = World(tmp_path, seed=2)
    arguments = {"instance_id": await running_machine(world)}
    async with world.connect() as client:
        sealed = await asked_by_hand(client, "destroy_instance", arguments)
        first = await answered(client, "destroy_instance", arguments, sealed)
        assert first["status"] == "destroyed"
        done = effects(world)
        for _ in range(2):
            again = await answered(client, "destroy_instance", arguments, sealed)
            assert again == {**first, "replayed": True}
    assert effects(world) == done


async def test_an_old_sealed_answer_does_not_fit_a_new_question(tmp_path: Path) -> None:
    """After stop, start and a fresh ask, the first answer stops nothing."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    arguments = {"instance_id": instance_id}
    async with world.connect() as client:
        sealed = await asked_by_hand(client, "stop_instance", arguments)
        stopped = await answered(client, "stop_instance", arguments, sealed)
        assert stopped["status"] == "stopped"
        await world.call(client, "start_instance", instance_id=instance_id, lease_hours=1)
        world.run_until_ready(300)
        before = effects(world)
        await one_leg(client, "stop_instance", arguments)  # a fresh question is open now
        told = await answered(client, "stop_instance", arguments, sealed)
        assert told.get("status") != "stopped", told
    assert effects(world) == before


async def test_a_sealed_answer_is_honoured_by_a_second_process_and_once(tmp_path: Path) -> None:
    """The seal key lies beside the ledger, so another server redeems, once."""
    world = World(tmp_path, seed=2)
    arguments = {"instance_id": await running_machine(world)}
    async with world.connect() as one, world.connect() as other:
        sealed = await asked_by_hand(one, "destroy_instance", arguments)
        answers: list[Json] = []

        async def answer(client: Client) -> None:
            answers.append(await answered(client, "destroy_instance", arguments, sealed))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer, one)
            tasks.start_soon(answer, other)
    # The second may have used up its 20 s of waiting, which pass at once on this clock.
    told = [said for said in answers if said["status"] != "under_way"]
    assert {said["status"] for said in told} <= {"destroyed", "destroying"}
    assert sum("replayed" not in said for said in told) == 1
    assert sum(one.method == "DELETE" for one in world.simulator.mutations()) == 1


@pytest.mark.parametrize("servers", [1, 2])
async def test_eight_confirmations_of_one_plan_at_once_act_once(
    tmp_path: Path, servers: int
) -> None:
    """A plan is performed once, also by two server processes on one ledger."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "destroy_instance", instance_id=instance_id)
    answers: list[Json] = []
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(world.connect(answer=None)) for _ in range(servers)
        ]

        async def confirm(client: Client) -> None:
            answers.append(await world.call(client, "confirm_plan", plan_id=plan_id))

        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(confirm, clients[number % servers])
    # Whoever waited its 20 s (which pass at once on this clock) is told that it is under way.
    told = [said for said in answers if said["status"] != "under_way"]
    # The waiting ones move the clock, which may use up the patience of the one that looks.
    (status,) = {said["status"] for said in told}
    assert status in {"destroyed", "destroying"}
    assert sum("replayed" not in said for said in told) == 1
    assert sum(one.method == "DELETE" for one in world.simulator.mutations()) == 1


def _relabel(world: World, instance_id: int) -> None:
    mark = str(world.simulator.world.instances[instance_id].label)
    world.simulator.set_label(instance_id, "results, keep " + mark[mark.index("vm1.") :])


def _other_machine(world: World, instance_id: int) -> None:
    world.simulator.set_status(instance_id, machine_id=1)


def _later_start(world: World, instance_id: int) -> None:
    start = world.simulator.world.instances[instance_id].created_us / 1e6
    world.simulator.set_status(instance_id, start_date=start + 86_400)


def _other_image(world: World, instance_id: int) -> None:
    world.simulator.set_status(instance_id, image_uuid="somebody/else:latest")


SWAPS: tuple[Callable[[World, int], None], ...] = (
    _relabel,
    _other_machine,
    _later_start,
    _other_image,
)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("swap", SWAPS, ids=lambda swap: swap.__name__)
async def test_a_target_that_changed_while_asking_is_not_touched(
    tmp_path: Path, mode: Mode, swap: Callable[[World, int], None]
) -> None:
    """Relabelled or recycled between question and answer: nothing done."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world, label="train")
    before = effects(world)

    def meanwhile(message: str, schema: Json) -> ElicitResult:
        swap(world, instance_id)
        return agree(message, schema)

    async with world.connect(mode, meanwhile) as client:
        said = await world.call(client, "destroy_instance", instance_id=instance_id)
        assert said["status"] == "changed", said
    assert effects(world) == before


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_machine_that_vanished_while_asking_is_ended_on_proof_alone(
    tmp_path: Path, mode: Mode
) -> None:
    """Not being shown proves nothing: the destroy agreed to is sent, to that id and no other."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world, label="train")
    sent = len(world.simulator.mutations())

    def meanwhile(message: str, schema: Json) -> ElicitResult:
        world.simulator.host_gone(instance_id)
        return agree(message, schema)

    async with world.connect(mode, meanwhile) as client:
        said = await world.call(client, "destroy_instance", instance_id=instance_id)
    assert (said["status"], said["bills"]) == ("destroyed", "nothing")
    told = world.simulator.mutations()[sent:]
    assert {(one.method, str(instance_id) in one.path) for one in told} == {("DELETE", True)}


async def test_a_policy_changed_since_the_question_voids_the_yes(tmp_path: Path) -> None:
    """Policy changed → `changed`, nothing done."""
    world = World(tmp_path, seed=2, policy="")
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "stop_instance", instance_id=instance_id)
    before = effects(world)
    world.write_policy("[limits]\nmax_running = 3\n")
    async with world.connect(answer=None) as client:
        said = await world.call(client, "confirm_plan", plan_id=plan_id)
        assert said["status"] == "changed"
        again = await world.call(client, "confirm_plan", plan_id=plan_id)
        assert again["status"] == "refused"
    assert effects(world) == before


@pytest.mark.parametrize("seconds", [601, -1], ids=["expired", "clock set back"])
async def test_a_plan_does_not_outlive_its_ten_minutes_nor_precede_itself(
    tmp_path: Path, seconds: int
) -> None:
    """A plan expires after 10 min, or when the clock stands before its making."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "stop_instance", instance_id=instance_id)
    before = effects(world)
    world.clock.move(seconds)
    async with world.connect(answer=None) as client:
        said = await world.call(client, "confirm_plan", plan_id=plan_id)
    assert said["status"] == "refused"
    assert "expired" in said["said"]
    assert effects(world) == before


async def test_a_declined_call_is_asked_again_only_after_a_minute(tmp_path: Path) -> None:
    """The same call within 60 s is answered the same unasked; then asked anew."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    async with world.connect(answer="decline") as client:
        await world.call(client, "stop_instance", instance_id=instance_id)
        world.clock.move(50)
        await world.call(client, "stop_instance", instance_id=instance_id)
        assert len(world.questions) == 1
        world.clock.move(20)
        await world.call(client, "stop_instance", instance_id=instance_id)
    assert len(world.questions) == 2
    assert world.questions[0] != world.questions[1]  # another code: no old answer fits


async def test_a_declined_plan_cannot_be_confirmed_by_its_id(tmp_path: Path) -> None:
    """A declined plan is refused, whoever names it."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "stop_instance", instance_id=instance_id)
    before = effects(world)
    async with world.connect(answer="decline") as client:
        assert (await world.call(client, "confirm_plan", plan_id=plan_id))["status"] == "declined"
        assert (await world.call(client, "confirm_plan", plan_id=plan_id))["status"] == "refused"
    async with world.connect(answer=None) as client:
        assert (await world.call(client, "confirm_plan", plan_id=plan_id))["status"] == "refused"
    assert effects(world) == before


async def test_a_plan_belongs_to_its_principal(tmp_path: Path) -> None:
    """Another principal's plan does not exist for a caller (docs/design.md#key-and-account)."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "stop_instance", instance_id=instance_id)
    async with world.runtime() as runtime:
        stranger = Caller(principal="token:somebody")
        with pytest.raises(Exception, match="no such plan"):
            await runtime.session.guard.redeem(plan_id, stranger)


async def test_what_needs_a_person_is_approved_at_a_terminal_and_then_done_once(
    tmp_path: Path,
) -> None:
    """The chat cannot give a person's yes; `approve` marks, `confirm_plan` acts."""
    world = World(tmp_path, seed=2, policy='[levels]\nstop_instance = "person"\n')
    instance_id = await running_machine(world)
    before = effects(world)
    async with world.connect(answer="accept") as client:
        said = await world.call(client, "stop_instance", instance_id=instance_id)
        assert said["status"] == "needs_confirmation"
        assert f"vast-mcp approve {said['plan_id']}" in said["next"]
        refused = await world.call(client, "confirm_plan", plan_id=said["plan_id"])
        assert refused["status"] == "needs_confirmation"
        assert (effects(world), world.questions) == (before, [])
        async with world.runtime() as runtime:
            await runtime.session.guard.answers.approve(said["plan_id"], Caller())
        done = await world.call(client, "confirm_plan", plan_id=said["plan_id"])
        assert done["status"] == "stopped"
        assert world.questions == []  # a person has answered already
