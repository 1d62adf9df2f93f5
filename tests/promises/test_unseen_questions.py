"""Clients that declare questions and show none: nobody's no ends nothing, nobody's silence blocks.

Reported of several desktop clients and of headless modes: the client answers "decline" or "cancel"
within milliseconds, or never answers. Time is the person's own and is moved by hand.
"""

import re
from pathlib import Path

import anyio
import pytest
from mcp.types import ElicitResult

from tests.promises.test_confirmations import (
    ACTS,
    DONE,
    MODES,
    Act,
    Cell,
    Transport,
    client_of,
    lay_out,
)
from tests.world import Answer, Json, Mode, World, agree
from vast_mcp.guard.act import Caller
from vast_mcp.guard.answers import SILENCE_S
from vast_mcp.store import AuditEntry

TRANSPORTS: tuple[Transport, ...] = ("memory", "http")


async def approve(world: World, plan_id: str) -> None:
    """A person at a terminal."""
    async with world.runtime() as runtime:
        await runtime.session.guard.answers.approve(plan_id, Caller())


async def audited(world: World) -> list[AuditEntry]:
    """Every row of the audit."""
    async with world.runtime() as runtime:
        return await runtime.session.account.ledger.read(lambda tx: tx.audit())


def instantly(world: World, answer: Answer) -> Answer:
    """A client that answers by itself, a twentieth of a second after it was asked."""
    world.thinks_s = 0.05
    if answer == "accept" and not callable(answer):
        return agree
    return answer


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("answer", ["decline", "cancel"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_no_faster_than_a_person_reads_leaves_the_plan_for_a_terminal(
    tmp_path: Path, transport: Transport, mode: Mode, answer: Answer, act: Act
) -> None:
    """A client's own no is told as what it is, is not asked twice, and blocks no terminal."""
    cell = await lay_out(tmp_path, act)
    world = cell.world
    async with client_of(world, transport, mode, instantly(world, answer)) as client:
        told = await world.call(client, cell.tool, **cell.arguments)
        assert (told["status"], len(world.questions)) == ("needs_confirmation", 1)
        assert "faster than anyone can read" in told["said"]
        assert f"vast-mcp approve {told['plan_id']}" in told["next"]
        again = await world.call(client, cell.tool, **cell.arguments)
        assert (again, len(world.questions)) == (told, 1)
        by_id = await world.call(client, "confirm_plan", plan_id=told["plan_id"])
        assert (by_id["status"], len(world.questions)) == ("needs_confirmation", 1)
        assert cell.effects() == 0
        await approve(world, told["plan_id"])
        done = await world.call(client, "confirm_plan", plan_id=told["plan_id"])
    assert (done["status"], len(world.questions)) == (DONE[act], 1)
    assert cell.effects() >= 1


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_yes_faster_than_a_person_reads_counts_and_is_told(
    tmp_path: Path, transport: Transport, mode: Mode, act: Act
) -> None:
    """A person may have set the client to agree: it counts, in answer, audit and notice."""
    cell = await lay_out(tmp_path, act)
    world = cell.world
    async with client_of(world, transport, mode, instantly(world, "accept")) as client:
        told = await world.call(client, cell.tool, **cell.arguments)
    assert told["status"] == DONE[act]
    assert any("faster than anyone can read" in text for text in told["warnings"])
    assert "approved faster than anyone can read" in {row.verdict for row in await audited(world)}
    async with world.runtime() as runtime:
        letters = await runtime.session.account.ledger.read(lambda tx: tx.letters())
    assert [letter.kind for letter in letters] == ["hasty_answer"]


@pytest.mark.parametrize("act", ACTS)
async def test_a_slow_yes_is_not_remarked_upon(tmp_path: Path, act: Act) -> None:
    """Who reads for three seconds is a person."""
    cell = await lay_out(tmp_path, act)
    async with cell.world.connect() as client:
        told = await cell.world.call(client, cell.tool, **cell.arguments)
    assert told["status"] == DONE[act]
    assert "faster" not in str(told)


async def silent(cell: Cell, transport: Transport) -> tuple[Json, Json, Json]:
    """What three calls are told by a client of the older era that shows nobody the question."""
    world = cell.world
    asked = anyio.Event()

    async def never(_: str, __: Json) -> ElicitResult:
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError

    async def lose_patience() -> None:
        await asked.wait()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        world.clock.think(SILENCE_S - 3.5)  # 3 s went by when it was put
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        world.clock.think(1.0)

    async with client_of(world, transport, "legacy", never) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lose_patience)
            told = await world.call(client, cell.tool, **cell.arguments)
        again = await world.call(client, cell.tool, **cell.arguments)
        by_id = await world.call(client, "confirm_plan", plan_id=told["plan_id"])
        assert cell.effects() == 0
        await approve(world, told["plan_id"])
        done = await world.call(client, "confirm_plan", plan_id=told["plan_id"])
    return told, again | {"by_id": by_id["status"]}, done


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_silence_blocks_a_call_for_45_seconds_and_no_second_one(
    tmp_path: Path, transport: Transport, act: Act
) -> None:
    """The question is withdrawn, the plan waits for a terminal, a repeat is told so at once."""
    cell = await lay_out(tmp_path, act)
    told, again, done = await silent(cell, transport)
    assert (told["status"], len(cell.world.questions)) == ("needs_confirmation", 1)
    assert "withdrawn" in told["said"]
    assert "too late" in told["said"]
    assert f"vast-mcp approve {told['plan_id']}" in told["next"]
    assert again == told | {"by_id": "needs_confirmation"}
    assert done["status"] == DONE[act]


@pytest.mark.parametrize("mode", MODES)
async def test_wrong_digits_are_asked_for_once_more(tmp_path: Path, mode: Mode) -> None:
    """A slip of the finger is no no: the second question says so behind the act and the id."""
    cell = await lay_out(tmp_path, "destroy")
    slips = iter(["0000x", None])

    def typed(message: str, schema: Json) -> ElicitResult:
        slip = next(slips)
        if slip is None:
            return agree(message, schema)
        return ElicitResult(action="accept", content={"digits": slip})

    async with cell.world.connect(mode, typed) as client:
        told = await cell.world.call(client, cell.tool, **cell.arguments)
    first, second = cell.world.questions
    assert told["status"] == "destroyed"
    assert second.startswith(f"Destroy {cell.arguments['instance_id']} (wrong digits")
    assert first[-9:] == second[-9:]  # the same plan
    assert max(len(first), len(second)) <= 350


@pytest.mark.parametrize("mode", MODES)
async def test_wrong_digits_twice_keep_the_machine_and_say_until_when(
    tmp_path: Path, mode: Mode
) -> None:
    """The second miss is the no; the answer says when the same call is asked again."""
    cell = await lay_out(tmp_path, "destroy")

    def slip(_: str, __: Json) -> ElicitResult:
        return ElicitResult(action="accept", content={"digits": "12"})

    async with cell.world.connect(mode, slip) as client:
        told = await cell.world.call(client, cell.tool, **cell.arguments)
        assert (told["status"], len(cell.world.questions)) == ("kept", 2)
        assert re.search(r"until \d\d:\d\d:\d\d UTC", told["next"])
        again = await cell.world.call(client, cell.tool, **cell.arguments)
        assert (again["status"], len(cell.world.questions)) == ("kept", 2)
        cell.world.clock.move(61)
        await cell.world.call(client, cell.tool, **cell.arguments)
    assert len(cell.world.questions) == 4
    assert cell.effects() == 0


@pytest.mark.parametrize("mode", MODES)
async def test_a_missed_plan_that_is_called_again_is_asked_as_missed(
    tmp_path: Path, mode: Mode
) -> None:
    """The miss belongs to the plan, not to the call: who slips and calls again has one try."""
    cell = await lay_out(tmp_path, "destroy")
    slips = iter([{"digits": "12"}, None, {"digits": "13"}])

    def typed(_: str, __: Json) -> ElicitResult:
        slip = next(slips)
        if slip is None:
            raise RuntimeError("the dialog was closed with the window")
        return ElicitResult(action="accept", content=dict(slip))

    async with cell.world.connect(mode, typed) as client:
        with pytest.raises(Exception, match=r"."):
            await cell.world.call(client, cell.tool, **cell.arguments)
        told = await cell.world.call(client, cell.tool, **cell.arguments)
    assert told["status"] == "kept"
    assert [("wrong digits" in text) for text in cell.world.questions] == [False, True, True]
    assert cell.effects() == 0


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("mode", MODES)
async def test_with_ask_terminal_no_client_is_asked(tmp_path: Path, mode: Mode, act: Act) -> None:
    """`--ask terminal` is only stricter: what needed the client's yes needs a terminal's."""
    cell = await lay_out(tmp_path, act)
    world = cell.world
    world.ask = "terminal"
    async with world.connect(mode) as client:
        told = await world.call(client, cell.tool, **cell.arguments)
        assert (told["status"], world.questions) == ("needs_confirmation", [])
        by_id = await world.call(client, "confirm_plan", plan_id=told["plan_id"])
        assert (by_id["status"], cell.effects()) == ("needs_confirmation", 0)
        await approve(world, told["plan_id"])
        done = await world.call(client, "confirm_plan", plan_id=told["plan_id"])
    assert done["status"] == DONE[act]
