"""What happens after a question: eras, answers and acts, every cell of the matrix.

See docs/design.md#questions.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from mcp import Client
from mcp.types import ElicitResult

from tests.promises.over_http import connect_http
from tests.world import Answer, Json, Mode, World

Transport = Literal["memory", "http"]
Act = Literal["stop", "destroy", "rent", "bid"]
MODES: tuple[Mode, ...] = ("legacy", "auto")
ANSWERS: tuple[Answer, ...] = ("accept", "decline", "cancel", None)
ACTS: tuple[Act, ...] = ("stop", "destroy", "rent", "bid")
DONE = {"stop": "stopped", "destroy": "destroyed", "rent": "rented", "bid": "bid_changed"}


@dataclass
class Cell:
    """One act, ready to be asked for."""

    world: World
    tool: str
    arguments: Json

    def effects(self) -> int:
        """Requests that changed something, since the cell was set up."""
        return sum(one.changed for one in self.world.simulator.mutations()) - self.before

    before: int = 0


async def lay_out(tmp: Path, act: Act) -> Cell:
    """A world in which this act needs a question."""
    world = World(tmp, seed=5)
    if act == "rent":
        offer = await world.dear_offer()
        ceiling = offer.usd_per_hour.dollars + 0.01
        arguments: Json = {"offer_id": offer.offer_id, "max_price_usd_per_hour": ceiling}
        return Cell(world, "create_instance", {**arguments, "lease_hours": 3})
    async with world.connect() as client:
        extra: Json = {}
        offer = await world.cheap_offer("interruptible" if act == "bid" else "on_demand")
        if act == "bid":
            assert offer.min_bid is not None
            extra = {"bid_usd_per_hour": round(offer.min_bid.dollars + 0.02, 3)}
        instance_id = await world.rent(client, offer, label="night run", **extra)
    world.run_until_ready()
    assert world.questions == []
    tool = {"stop": "stop_instance", "destroy": "destroy_instance"}.get(act, "change_bid")
    arguments = {"instance_id": instance_id}
    if act == "bid":
        arguments["bid_usd_per_hour"] = round(extra["bid_usd_per_hour"] + 0.1, 3)
    cell = Cell(world, tool, arguments)
    cell.before = cell.effects()
    return cell


@asynccontextmanager
async def client_of(
    world: World, transport: Transport, mode: Mode, answer: Answer
) -> AsyncIterator[Client]:
    """A client in memory, or over HTTP on a socket."""
    if transport == "memory":
        async with world.connect(mode, answer) as client:
            yield client
        return
    async with connect_http(world, mode, answer) as client:
        yield client


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("answer", ANSWERS, ids=str)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transport", ["memory", "http"])
async def test_every_cell_of_the_matrix_comes_out_right(
    tmp_path: Path, transport: Transport, mode: Mode, answer: Answer, act: Act
) -> None:
    """Prototype matrix: era x transport x answer x act has the right outcome."""
    cell = await lay_out(tmp_path, act)
    world = cell.world
    async with client_of(world, transport, mode, answer) as client:
        said = await world.call(client, cell.tool, **cell.arguments)
        if answer == "accept":
            assert (said["status"], len(world.questions)) == (DONE[act], 1)
            assert cell.effects() >= 1
        elif answer is None:
            assert (said["status"], len(world.questions)) == ("needs_confirmation", 0)
            assert cell.effects() == 0
            done = await world.call(client, "confirm_plan", plan_id=said["plan_id"])
            assert done["status"] == DONE[act], done
            effects = cell.effects()
            again = await world.call(client, "confirm_plan", plan_id=said["plan_id"])
            assert again["replayed"] is True
            assert again["status"] == DONE[act]
            assert cell.effects() == effects
        else:
            wanted = "kept" if act == "destroy" else "declined"
            assert (said["status"], len(world.questions)) == (wanted, 1)
            again = await world.call(client, cell.tool, **cell.arguments)
            assert (again["status"], len(world.questions)) == (wanted, 1)  # not asked again
            assert "plan_id" not in said  # no other way in is offered
            assert cell.effects() == 0
    for question in world.questions:
        assert len(question) <= 350
        assert question.endswith("]")


@pytest.mark.parametrize("act", ACTS)
async def test_a_question_names_its_act_first_and_its_code_last(tmp_path: Path, act: Act) -> None:
    """Act, id before any other long number, label second to last, code last."""
    cell = await lay_out(tmp_path, act)
    async with cell.world.connect(answer="decline") as client:
        await cell.world.call(client, cell.tool, **cell.arguments)
    (question,) = cell.world.questions
    words = {"stop": "Stop", "destroy": "Destroy", "rent": "Rent", "bid": "Raise the bid of"}
    assert question.startswith(words[act])
    assert re.search(r"\[[A-Z]{6}\]$", question)
    if act == "rent":
        assert f"Offer {cell.arguments['offer_id']}." in question
    else:
        assert re.findall(r"\d{4,}", question)[0] == str(cell.arguments["instance_id"])
        assert re.search(r'"night run" \[[A-Z]{6}\]$', question)


async def test_wrong_digits_keep_the_machine(tmp_path: Path) -> None:
    """Wrong digits end the plan as `kept`."""
    cell = await lay_out(tmp_path, "destroy")
    wrong = f"{(int(str(cell.arguments['instance_id'])[-4:]) + 1) % 10_000:04}"

    def slip(_: str, __: Json) -> ElicitResult:
        return ElicitResult(action="accept", content={"digits": wrong})

    async with cell.world.connect(answer=slip) as client:
        said = await cell.world.call(client, cell.tool, **cell.arguments)
    assert said["status"] == "kept"
    assert cell.effects() == 0
