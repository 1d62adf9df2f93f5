"""The kinds of declared writes that no tool uses yet: what adds a row, what moves, what is secret.

The declarations below are made for these tests on routes that the simulator has. They are sent to
it by a function of the test's own, since the wall knows declared operations only.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from tests.promises.test_secrets import files_under
from tests.world import World
from vast_mcp.actions import DeclaredAct
from vast_mcp.cli import deny
from vast_mcp.cli.secrets import store_of
from vast_mcp.errors import ApiError, OutcomeUnknown, PolicyDenied
from vast_mcp.guard.act import Booking, Caller, Errand, Outcome, Pending, Settled
from vast_mcp.operations import Call, Data, JsonObject, Operation
from vast_mcp.operations._fields import AtSending, OnWire
from vast_mcp.operations.declaration import Adds, DeclaredWrite, Moves, Sets, VendorRoute, single
from vast_mcp.operations.keys import SHOW_KEYS, VariableRow
from vast_mcp.operations.on_instances import OneInstance
from vast_mcp.runtime import Runtime
from vast_mcp.simulator import Request
from vast_mcp.store import PlanState, Transaction

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFak mine"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A line to register."""

    kind: Literal["ssh"]
    public_key: Annotated[str, OnWire("ssh_key")]


@dataclass(frozen=True, slots=True)
class NewVariable:
    """A variable's name, and the name of the secret that becomes its value."""

    kind: Literal["env"]
    name: Annotated[str, OnWire("key")]
    secret: Annotated[str, Field(min_length=1), OnWire("value", at_sending=AtSending.SECRET)]


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """What it is called."""

    kind: Literal["api"]
    name: Annotated[str, OnWire("name")]
    permissions: Annotated[dict[str, Any], OnWire("permissions")] = field(
        default_factory=lambda: {"api": {"misc": {}}}
    )


def write(path: str, arguments: type[Any], example: Any, **more: Any) -> DeclaredWrite[Any]:  # noqa: ANN401  any declaration
    """A write on the account's own things."""
    operation = Operation("make_thing", "POST", path, "keys", data=Data.CHANGES)
    fields: dict[str, Any] = {
        "name": "create_ssh_key", "title": "Make", "toolset": "keys", "says": "Make it.",
        "doing": "Making a thing", "arguments": arguments, "example": example, "level": "person",
        "by": "kind", "routes": {example.kind: VendorRoute(operation)},
        "question": "Make it?", "status": "made", "done": "It is made.",
    }  # fmt: skip
    return DeclaredWrite(**{**fields, **more})


ADDS = write(
    "/api/v0/ssh/",
    NewKey,
    NewKey("ssh", KEY),
    lost=Adds(
        SHOW_KEYS.routes["ssh"],
        lambda row: row.key_id,
        lambda sent, row: row.untrusted_name == sent.given.public_key.split()[-1],
    ),
)
SECRET = write(
    "/api/v0/secrets/",
    NewVariable,
    NewVariable("env", "HF_TOKEN", "HF"),
    lost=Sets(SHOW_KEYS.routes["env"], lambda sent, rows: _named(sent.given.name, rows)),
)
SECRET_REPLY = write(
    "/api/v0/auth/apikeys/",
    NewApiKey,
    NewApiKey("api", "ci"),
    secret_reply="key",
    lost=Adds(
        SHOW_KEYS.routes["api"],
        lambda row: row.key_id,
        lambda sent, row: row.untrusted_name == sent.given.name,
    ),
)


def _named(name: str, rows: Sequence[VariableRow]) -> bool:
    return any(row.untrusted_name == name for row in rows)


@dataclass
class Sender:
    """Sends to the simulator; an answer may be lost before or after it was carried out."""

    world: World
    lost: Literal["", "before", "after"] = ""
    twice: bool = False
    """Somebody else does the same at the same moment."""
    calls: list[Call] = field(default_factory=list)

    async def __call__(self, call: Call, *, timeout_s: float = 60.0) -> JsonObject:
        """The vendor's answer."""
        assert timeout_s > 0
        self.calls.append(call)
        if self.lost == "before":
            raise OutcomeUnknown("lost")
        headers = {"authorization": f"Bearer {self.world.api_key}"}
        request = Request(
            call.operation.method, call.path, {}, headers, json.dumps(call.body).encode()
        )
        replies = [await self._handled(request) for _ in range(1 + self.twice)]
        if self.lost == "after":
            raise OutcomeUnknown("lost")
        return replies[0]

    async def _handled(self, request: Request) -> JsonObject:
        self.world.clock.move(5)
        reply = await self.world.simulator.handle(request)
        assert reply.status == 200, reply
        return dict(json.loads(reply.body))


@dataclass
class Bench:
    """An open account, and what is sent on it."""

    world: World
    runtime: Runtime
    sender: Sender

    async def carry_out(self, declared: DeclaredWrite[Any]) -> Outcome:
        """Its example, as after a person's yes."""
        account = self.runtime.session.account
        act = DeclaredAct(declared, declared.example)
        sight = await act.look(account)
        booking = Booking("intent1", account.now_us(), "local", "", asked=True)
        errand = Errand(sight, sight.snapshot, booking, self.sender)
        return await act.carry_out(account, errand)


@asynccontextmanager
async def bench(tmp: Path, **how: Any) -> AsyncIterator[Bench]:  # noqa: ANN401  the sender's
    """One account; the secret HF is allowed and set."""
    world = World(tmp, policy='[secrets]\nallow = ["HF"]\n', environment={"HF": "canary-hf-1234"})
    async with world.runtime() as runtime:
        yield Bench(world, runtime, Sender(world, **how))


async def test_what_adds_a_row_is_done_when_its_answer_comes(tmp_path: Path) -> None:
    """The plain way: listed before, sent once."""
    async with bench(tmp_path) as it:
        done = await it.carry_out(ADDS)
    assert (done.status, done.said) == ("made", "It is made.")
    assert len(it.sender.calls) == 1


async def test_one_new_row_that_matches_proves_that_it_was_added(tmp_path: Path) -> None:
    """Ids were listed before, so an older row of the same name proves nothing."""
    async with bench(tmp_path) as it:
        await it.carry_out(ADDS)
        it.sender.lost = "after"
        done = await it.carry_out(ADDS)
    assert done.status == "made"
    assert "answer was lost" in done.said
    assert len(it.sender.calls) == 2


async def test_no_new_row_within_a_minute_proves_that_nothing_was_added(tmp_path: Path) -> None:
    """Three readings, and the call may be made again."""
    async with bench(tmp_path, lost="before") as it:
        began_s = it.world.clock.monotonic_s()
        told = await it.carry_out(ADDS)
        took_s = it.world.clock.monotonic_s() - began_s
    assert told.status == "refused"
    assert "nothing new was listed" in told.said
    assert 55 <= took_s <= 75
    assert len(it.sender.calls) == 1


async def test_two_new_rows_that_match_are_nobodys_proof(tmp_path: Path) -> None:
    """One of them is somebody else's: which one cannot be told."""
    async with bench(tmp_path, lost="after", twice=True) as it:
        told = await it.carry_out(ADDS)
    assert told.status == "unknown"
    assert "Do not repeat" in told.next


async def test_a_list_that_cannot_be_read_leaves_it_unknown(tmp_path: Path) -> None:
    """Fewer than three readings are no absence."""
    async with bench(tmp_path, lost="before") as it:
        account = it.runtime.session.account
        act = DeclaredAct(ADDS, ADDS.example)
        sight = await act.look(account)
        booking = Booking("intent1", account.now_us(), "local", "", asked=True)

        async def lost(call: Call, *, timeout_s: float = 60.0) -> JsonObject:
            it.world.simulator.faults.add("status_before", "GET", "ssh", times=99, status=500)
            return await it.sender(call, timeout_s=timeout_s)

        told = await act.carry_out(account, Errand(sight, sight.snapshot, booking, lost))
    assert told.status == "unknown"


async def test_nothing_is_sent_where_the_ids_before_cannot_be_read(tmp_path: Path) -> None:
    """Without them a lost answer could not be settled."""
    async with bench(tmp_path) as it:
        it.world.simulator.faults.add("status_before", "GET", "ssh", times=99, status=500)
        with pytest.raises(ApiError):
            await it.carry_out(ADDS)
    assert it.sender.calls == []


async def test_a_secret_argument_is_a_name_until_it_is_sent(tmp_path: Path) -> None:
    """Plan, question and answer hold the name; the body alone holds the value."""
    async with bench(tmp_path) as it:
        act = DeclaredAct(SECRET, SECRET.example)
        sight = await act.look(it.runtime.session.account)
        done = await it.carry_out(SECRET)
    assert act.arguments()["secret"] == "HF"
    assert "canary" not in json.dumps([act.arguments(), sight.snapshot, done.to_json()])
    assert it.sender.calls[0].body == {"key": "HF_TOKEN", "value": "canary-hf-1234"}
    assert it.world.simulator.world.secrets == {"HF_TOKEN": "canary-hf-1234"}


async def test_a_secret_that_was_not_allowed_is_refused_before_anybody_is_asked(
    tmp_path: Path,
) -> None:
    """And nothing of it is said."""
    async with bench(tmp_path) as it:
        act = DeclaredAct(SECRET, NewVariable("env", "X", "OTHER"))
        with pytest.raises(PolicyDenied, match="OTHER"):
            await act.look(it.runtime.session.account)


async def test_a_secret_in_a_reply_goes_to_a_private_file_and_the_redactor(tmp_path: Path) -> None:
    """The answer says where the person sees it."""
    async with bench(tmp_path) as it:
        done = await it.carry_out(SECRET_REPLY)
        (made,) = it.world.simulator.world.api_keys.values()
        value = str(made["key"])
        scrubbed = it.runtime.session.account.redactor.scrub(f"the key is {value}")
    assert done.status == "made"
    assert value not in json.dumps(done.to_json())
    assert value not in scrubbed
    assert "vast-mcp secrets show intent1" in done.next
    kept = store_of(it.world.settings)
    assert kept.generated("intent1") == f"key={value}\n"
    assert not [file for file in files_under(tmp_path) if value.encode() in file.read_bytes()]


async def test_a_secret_whose_answer_was_lost_is_said_to_be_lost(tmp_path: Path) -> None:
    """It exists and nobody has its value: delete it and make another."""
    async with bench(tmp_path, lost="after") as it:
        done = await it.carry_out(SECRET_REPLY)
        (number,) = it.world.simulator.world.api_keys
    assert "value was lost" in done.said
    assert f"delete {number}" in done.said


MOVES = DeclaredWrite(
    name="take_snapshot", title="Move", toolset="instances", says="Move it.", doing="Moving",
    arguments=OneInstance, example=OneInstance(1),
    routes=single(
        VendorRoute(
            Operation("move", "POST", "/api/v0/things/{instance_id}/", "x", data=Data.CHANGES)
        )
    ),
    lost=Moves(), level="ask", question="Move {instance_id} ({target})?", status="moved",
    done="Moved.",
)  # fmt: skip


async def test_what_moves_is_not_sent_again_until_a_person_closes_it(tmp_path: Path) -> None:
    """The same call is answered with its unknown outcome; `vast-mcp deny` frees it."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
    caller = Caller(can_ask=True)
    async with world.runtime() as runtime:
        guard, ledger = runtime.session.guard, runtime.session.account.ledger
        act = DeclaredAct(MOVES, OneInstance(instance_id))
        asked = await guard.propose(act, caller)
        assert isinstance(asked, Pending)
        lost = Outcome("unknown", "It was sent and its answer was lost.")

        def end(tx: Transaction) -> None:
            now_us = world.clock.utc_us()
            plan = asked.plan
            tx.update_plan(plan, state=PlanState.DONE, changed_us=now_us, outcome=lost.to_json())

        await ledger.write(end)
        again = await guard.propose(act, caller)
        assert isinstance(again, Settled)
        assert again.outcome.status == "unknown"
        assert f"vast-mcp deny {asked.plan.plan_id}" in again.outcome.next
        assert await guard.answers.close("none-such") is None
    said = await deny._denied(world.settings, asked.plan.plan_id)
    assert said.startswith("Closed")
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        assert await guard.answers.close(asked.plan.plan_id) is None
        afresh = await guard.propose(act, caller)
    assert isinstance(afresh, Pending)
    assert afresh.plan.plan_id != asked.plan.plan_id
