"""Every declared operation against what the official client does and sees on the same simulator.

The table below is written from the vendor's own commands, not from the declarations: which words
do the same, whether they change anything, and where the change shows afterwards.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.listening import listening
from tests.oracle.client import OfficialClient
from tests.oracle.conftest import ROOT
from tests.promises.test_no_bypass import ASK_ALL, DENY_ALL
from tests.world import Answer, Json, World
from vast_mcp.operations.declared import DECLARED
from vast_mcp.simulator import Request
from vast_mcp.simulator.faults import WireKind

pytestmark = pytest.mark.oracle
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICanaryCanaryCanaryCanaryCanaryCanaryCan me@home"
CANARIES = ("canary-variable-5d1f", "canary-api-key-77aa", "AAAAICanaryCanary")


@dataclass(frozen=True)
class Machine:
    """A running machine that was rented here, and the key on it."""

    instance_id: int
    key_id: int


@dataclass(frozen=True)
class Twin:
    """What the official client does for one declared request."""

    words: Callable[[Machine], tuple[str, ...]]
    arguments: Callable[[Machine], Json]
    method: str = ""
    """The vendor's, where it writes."""
    shown: str = ""
    """The vendor's route whose answer differs afterwards."""
    status: str = ""
    """Ours, when it is done."""
    unseen: str = ""
    """The status where the request never arrived; empty: it is sent again, and done."""

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return bool(self.method)


TWINS: dict[tuple[str, str], Twin] = {
    ("label_instance", ""): Twin(
        lambda it: ("label", "instance", str(it.instance_id), "renamed"),
        lambda it: {"instance_id": it.instance_id, "label": "renamed"},
        shown="/api/v0/instances/{instance_id}/",
        status="labelled",
        method="PUT",
    ),
    ("attach_ssh_key", ""): Twin(
        lambda it: ("attach", "ssh", str(it.instance_id), KEY),
        lambda it: {"instance_id": it.instance_id, "public_key": KEY},
        shown="/api/v0/instances/{instance_id}/ssh/",
        status="attached",
        method="POST",
    ),
    ("detach_ssh_key", ""): Twin(
        lambda it: ("detach", "ssh", str(it.instance_id), str(it.key_id)),
        lambda it: {"instance_id": it.instance_id, "key_id": it.key_id},
        shown="/api/v0/instances/{instance_id}/ssh/",
        status="detached",
        method="DELETE",
    ),
    ("recycle_instance", ""): Twin(
        lambda it: ("recycle", "instance", str(it.instance_id)),
        lambda it: {"instance_id": it.instance_id},
        shown="/api/v0/instances/{instance_id}/",
        status="recycling",
        method="PUT",
        unseen="unknown",
    ),
    ("show_keys", "ssh"): Twin(lambda _: ("show", "ssh-keys"), lambda _: {"kind": "ssh"}),
    ("show_keys", "api"): Twin(lambda _: ("show", "api-keys"), lambda _: {"kind": "api"}),
    ("show_keys", "env"): Twin(lambda _: ("show", "env-vars"), lambda _: {"kind": "env"}),
}
WRITES = [name for name, twin in TWINS.items() if twin.writes]
READS = [name for name, twin in TWINS.items() if not twin.writes]


@dataclass
class Scene:
    """An account with a machine, keys and variables, and everything that was said."""

    world: World
    machine: Machine
    said: list[str] = field(default_factory=list)

    async def call(self, name: str, arguments: Json, *, answer: Answer = "accept") -> Json:
        """Our tool, as a client sees it; an error as `{"error": …}`."""
        async with self.world.connect(answer=answer) as client:
            result = await client.call_tool(name, arguments)
        self.said.append(result.model_dump_json())
        text = "".join(getattr(part, "text", "") for part in result.content)
        return {"error": text} if result.is_error else dict(result.structured_content or {})

    async def vendor(self, path: str) -> Any:  # noqa: ANN401  the vendor's JSON
        """A read as the official client sends it."""
        key = {"authorization": f"Bearer {self.world.api_key}"}
        self.world.clock.move(10)
        shown = path.format(instance_id=self.machine.instance_id)
        reply = await self.world.simulator.handle(Request("GET", shown, {"owner": "me"}, key))
        assert reply.status == 200, reply
        return _steady(json.loads(reply.body))


def _steady(answer: Any) -> Any:  # noqa: ANN401  the vendor's JSON
    """Without the telemetry, which differs from one moment to the next."""
    row = answer.get("instances") if isinstance(answer, dict) else None
    return {name: row[name] for name in ("label", "actual_status")} if row else answer


async def scene(tmp: Path, **options: Any) -> Scene:  # noqa: ANN401  World's own
    """Furnished before any of it is measured."""
    world = World(tmp, toolsets="all", seed=7, **options)
    world.simulator.limits.intervals = False
    simulated = world.simulator.world
    simulated.ssh_keys[40_900] = {"id": 40_900, "public_key": KEY, "created_at": 1774048157.1}
    simulated.api_keys[41_000] = {"id": 41_000, "name": "ci", "key": CANARIES[1]}
    simulated.secrets["HF_TOKEN"] = CANARIES[0]
    async with world.connect() as client:
        instance_id = await world.rent(client, label="mine")
    world.run_until_ready()
    own = next(key for key in simulated.instances[instance_id].keys if key["id"] != 40_900)
    simulated.instances[instance_id].keys[:] = [own]
    return Scene(world, Machine(instance_id, int(str(own["id"]))))


@asynccontextmanager
async def official(it: Scene, tmp: Path) -> AsyncIterator[OfficialClient]:
    """The official client on the same simulator."""
    program = ROOT / ".venv-oracle" / "bin" / "vastai"
    if not program.exists():
        pytest.skip("the official client is not installed: run `make oracle`")
    async with listening(it.world.simulator) as base:
        port = int(base.rpartition(":")[2])
        yield OfficialClient(program, it.world.simulator, it.world.clock, port, tmp)


def test_the_table_names_every_route_of_every_declaration() -> None:
    """A declaration that is added without its twin fails here."""
    declared = {(one.name, choice) for one in DECLARED for choice in one.routes}
    assert declared == TWINS.keys()


@pytest.mark.parametrize("name", TWINS, ids=" ".join)
async def test_the_official_client_is_answered_and_counts_as_we_do(
    tmp_path: Path, name: tuple[str, str]
) -> None:
    """The same request by either client: one mutation if it writes, none if it reads."""
    twin = TWINS[name]
    theirs, ours = await scene(tmp_path / "theirs"), await scene(tmp_path / "ours")
    before = [len(one.world.simulator.mutations()) for one in (theirs, ours)]
    async with official(theirs, tmp_path) as client:
        printed = await client.run(*twin.words(theirs.machine))
    answer = await ours.call(name[0], twin.arguments(ours.machine))
    assert "not simulated" not in printed
    assert "error" not in answer, answer
    after = [len(one.world.simulator.mutations()) for one in (theirs, ours)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [twin.writes] * 2
    if twin.writes:
        theirs_now, ours_now = await theirs.vendor(twin.shown), await ours.vendor(twin.shown)
        assert _alike(theirs_now) == _alike(ours_now), printed
    else:
        assert _listed(answer) <= set(printed.replace("'", " ").replace(",", " ").split())
    _nothing_told(ours)


def _alike(shown: Any) -> Any:  # noqa: ANN401  the vendor's JSON
    """The same without our mark behind a label and without the ids of new keys."""
    if isinstance(shown, dict) and "label" in shown:
        return {**shown, "label": str(shown["label"]).partition(" vm1.")[0]}
    return sorted(key["public_key"].split()[-1] for key in json.loads(shown["ssh_keys"]))


def _listed(answer: Json) -> set[str]:
    """What identifies the rows of our answer."""
    return {str(row.get("key_id") or row["untrusted_name"]) for row in answer["rows"]}


@pytest.mark.parametrize("name", WRITES, ids=" ".join)
async def test_what_was_changed_shows_afterwards_and_only_then(
    tmp_path: Path, name: tuple[str, str]
) -> None:
    """A refusal, a no and a read-only server leave what the vendor shows as it was."""
    twin = TWINS[name]
    it = await scene(tmp_path)
    before = await it.vendor(twin.shown)
    mutations = len(it.world.simulator.mutations())
    for policy, answer, read_only in (
        (DENY_ALL, "accept", False), (ASK_ALL, "decline", False), (ASK_ALL, None, False),
        ("", "accept", True),
    ):  # fmt: skip
        it.world.write_policy(policy)
        it.world.read_only = read_only
        await it.call(name[0], twin.arguments(it.machine), answer=answer)  # type: ignore[arg-type]
        it.world.clock.move(120)  # a no is remembered for a minute
        assert len(it.world.simulator.mutations()) == mutations
        assert await it.vendor(twin.shown) == before
    it.world.read_only = False
    done = await it.call(name[0], twin.arguments(it.machine))
    assert done.get("status") == twin.status, done
    assert await it.vendor(twin.shown) != before
    _nothing_told(it)


LOST: tuple[WireKind, ...] = ("answer_lost_after_commit", "status_after", "request_lost")


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("name", WRITES, ids=" ".join)
async def test_a_lost_answer_is_settled_as_declared(
    tmp_path: Path, name: tuple[str, str], kind: WireKind
) -> None:
    """Done where the end state is seen; sent again only where that does no harm."""
    twin = TWINS[name]
    it = await scene(tmp_path)
    before = await it.vendor(twin.shown)
    mutations = len(it.world.simulator.mutations())
    it.world.simulator.faults.add(kind, twin.method, "/instances/", status=502)
    told = await it.call(name[0], twin.arguments(it.machine))
    sent = len(it.world.simulator.mutations()) - mutations
    arrived = kind != "request_lost"
    if arrived or not twin.unseen:
        assert told["status"] == twin.status, told
        assert await it.vendor(twin.shown) != before
    else:
        assert told["status"] == twin.unseen, told
    assert sent == (1 if arrived or twin.unseen else 2)
    _nothing_told(it)


def _nothing_told(it: Scene) -> None:
    """No value of a key or variable came out, by answer or question."""
    said = " ".join([*it.said, *it.world.questions])
    assert not [canary for canary in CANARIES if canary in said]
