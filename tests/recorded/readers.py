"""Everything that reads a reply: methods of the client, tools, resources and prompts, by route."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.recorded.quiet_vendor import QuietVendor
from tests.recorded.replies import Reply
from tests.world import Json, ToolFailed, World
from vast_mcp.errors import VastMcpError
from vast_mcp.session import Session

ABSENT_ID = 49983612
HOUR_S = 3600.0


@dataclass(frozen=True)
class Desk:
    """One account on a quiet vendor, with a client on it and the client's own readings."""

    world: World
    vendor: QuietVendor
    client: Client
    session: Session


@dataclass(frozen=True)
class Outcome:
    """What a reader made of a reply: an answer, or the sentence with which it gave up."""

    reader: str
    answer: Any = None
    refusal: str = ""

    @property
    def text(self) -> str:
        """All of it as one text, to look for a word in."""
        return f"{self.answer} {self.refusal}"


Ask: TypeAlias = Callable[[Desk, int], Awaitable[Any]]


@dataclass(frozen=True)
class Reader:
    """One way of reading. `ask` takes the desk and the id of the machine that the reply names."""

    name: str
    ask: Ask

    async def read(self, desk: Desk, reply: Reply) -> Outcome:
        """Let it read; an error that carries a sentence is an outcome, anything else a crash."""
        desk.world.clock.move(HOUR_S)  # no earlier answer is young enough to be shared
        try:
            return Outcome(self.name, answer=await self.ask(desk, instance_of(reply)))
        except (ToolFailed, VastMcpError, MCPError) as error:
            return Outcome(self.name, refusal=str(error))


@asynccontextmanager
async def open_desk(tmp: Path, vendor: QuietVendor) -> AsyncIterator[Desk]:
    """A client on a real server whose vendor is the given one."""
    world = World(tmp, toolsets="all")
    world.transport = vendor
    world.clock.move(14 * 24 * HOUR_S)  # the middle of a month, so that one holds some days
    async with world.connect() as client, world.runtime() as runtime:
        yield Desk(world, vendor, client, runtime.session)


def instance_of(reply: Reply) -> int:
    """The machine that a reply describes; one that nobody has for the other replies."""
    found = reply.body.get("instances") if isinstance(reply.body, dict) else None
    return int(found["id"]) if isinstance(found, dict) and "id" in found else ABSENT_ID


def _tool(name: str, /, **arguments: Any) -> Reader:  # noqa: ANN401  arguments of any tool
    async def ask(desk: Desk, instance_id: int) -> Json:
        given = {key: instance_id if value is _ID else value for key, value in arguments.items()}
        return await desk.world.call(desk.client, name, **given)

    shown = ",".join(str(value) for value in arguments.values() if isinstance(value, str))
    return Reader(f"{name}({shown})", ask)


def _resource(uri: str) -> Reader:
    async def ask(desk: Desk, instance_id: int) -> str:
        found = await desk.client.read_resource(uri.replace("{id}", str(instance_id)))
        return "".join(getattr(part, "text", "") for part in found.contents)

    return Reader(uri, ask)


def _prompt(name: str, **arguments: Any) -> Reader:  # noqa: ANN401  arguments of any prompt
    async def ask(desk: Desk, instance_id: int) -> str:
        given = {k: str(instance_id) if v is _ID else str(v) for k, v in arguments.items()}
        found = await desk.client.get_prompt(name, given)
        return "".join(getattr(one.content, "text", "") for one in found.messages)

    return Reader(f"prompt {name}", ask)


def _method(name: str, *given: Any, **named: Any) -> Reader:  # noqa: ANN401  as the method takes
    async def ask(desk: Desk, instance_id: int) -> Any:  # noqa: ANN401  what it answers
        arguments = [instance_id if value is _ID else value for value in given]
        answer = await getattr(desk.session.account.reads, name)(*arguments, **named)
        if isinstance(answer, list | tuple):
            return [_shown(one) for one in answer]
        return _shown(answer)

    return Reader(f"reads.{name}", ask)


def _shown(answer: Any) -> Any:  # noqa: ANN401  a model or a plain value
    """A model's fields as far as its repr shows them: the rest is kept out of every text."""
    if answer is None or isinstance(answer, str):
        return answer
    return {one.name: getattr(answer, one.name) for one in fields(answer) if one.repr}


_ID = object()
READERS: dict[str, tuple[Reader, ...]] = {
    "user": (_tool("show_account"), _resource("vast://account"), _method("account")),
    "list": (
        _tool("show_instances"), _tool("show_account"), _resource("vast://instances"),
        _resource("vast://account"), _resource("vast://spend"),
        _prompt("review_spend"), _prompt("clean_up"), _prompt("end_of_day"),
        _method("list_instances"),
    ),
    "instance": (
        _tool("show_instances", instance_id=_ID), _tool("wait_for_instance", instance_id=_ID),
        _resource("vast://instances/{id}"), _prompt("diagnose_instance", instance_id=_ID),
        _method("show_instance", _ID),
    ),
    "offers": (
        _tool("search_offers", limit=50, hours=1),
        _tool("search_offers", limit=50, hours=1, rental="interruptible"),
        _tool("search_offers", limit=50, hours=1, rental="reserved"),
        _resource("vast://gpu-prices"), _method("search_offers", {}, disk_gb=8.0),
    ),
    "templates": (_tool("search_templates"), _method("templates")),
    "charges": (
        _tool("show_charges", period="month", group_by="instance"),
        _tool("show_charges", period="week", group_by="kind"),
    ),
    "volumes": (_resource("vast://volumes"), _tool("show_account"), _method("volumes")),
    "ssh_keys": (_method("ssh_keys"),),
    "instance_keys": (_method("instance_ssh_keys", _ID),),
    "endpoints": (
        _tool("show_endpoints"), _resource("vast://endpoints"), _tool("show_account"),
        _method("endpoints"),
    ),
    "workergroups": (
        _resource("vast://workergroups"), _tool("show_endpoints"), _method("workergroups"),
    ),
    "workers": (_method("workers", 123), _tool("show_endpoints")),
    "gpu_names": (_tool("search_offers", gpu_names=["5090"]), _method("gpu_names")),
    "logs": (_tool("show_logs", instance_id=_ID), _resource("vast://instances/{id}/logs")),
    "command": (_tool("list_disk", instance_id=_ID, path="/root"),),
}  # fmt: skip
"""Which readers a route's replies reach; the first shows all that the reply holds."""
