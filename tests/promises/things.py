"""An account with one of everything, and valid arguments for every tool there is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from mcp import Client

from tests.world import Json, World
from vast_mcp.operations.declared import DECLARED
from vast_mcp.served import TOOLS, strict_tools
from vast_mcp.simulator import Request
from vast_mcp.tools._spec import ToolSpec

OPEN_POLICY = "[no_question]\nusd_per_hour = 2.0\nusd_per_rental = 20.0\nusd_per_day = 25.0\n"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFak me"


@dataclass(frozen=True)
class Things:
    """What exists on the account."""

    running: int
    stopped: int
    foreign: int
    interruptible: int
    endpoint: str
    foreign_endpoint: str
    offer: int
    template: str
    plan: str

    @property
    def instances(self) -> tuple[int, ...]:
        """Machines of every kind: ours running, ours stopped, ours by bid, another's."""
        return self.running, self.stopped, self.interruptible, self.foreign

    def covered(self, tool: str, arguments: Json) -> bool:
        """Whether the yes to our endpoint, given while furnishing, named this as well."""
        return tool == "create_workergroup" and arguments["endpoint_name"] == self.endpoint


async def furnish(world: World) -> Things:
    """Rent, stop, serve and plan, so that every tool has something to be pointed at."""
    world.simulator.add_foreign_instance(label="somebody's work")
    (foreign,) = world.simulator.world.instances
    await serve_elsewhere(world, "theirs")
    async with world.connect() as client:
        running = await world.rent(client)
        stopped = await world.rent(client, request_key="second")
        bid = await world.cheap_offer("interruptible")
        price = (bid.min_bid.dollars if bid.min_bid else 0.1) + 0.05
        interruptible = await world.rent(client, bid, bid_usd_per_hour=round(price, 3))
        await world.call(client, "stop_instance", instance_id=stopped)
        made = await world.call(
            client,
            "create_endpoint",
            endpoint_name="serving",
            max_usd_per_worker_hour=0.3,
            max_workers=1,
        )
        assert made["status"] == "created", made
    world.run_until_ready()
    async with world.connect(answer=None) as client:
        waiting = await world.call(client, "destroy_instance", instance_id=running)
    offer = (await world.cheap_offer()).offer_id
    return Things(
        running=running,
        stopped=stopped,
        foreign=foreign,
        interruptible=interruptible,
        endpoint="serving",
        foreign_endpoint="theirs",
        offer=offer,
        template=str(world.simulator.world.templates[0]["hash_id"]),
        plan=str(waiting["plan_id"]),
    )


async def serve_elsewhere(world: World, name: str) -> None:
    """An endpoint that the account's owner made on the console."""
    body = json.dumps({"endpoint_name": name, "max_workers": 1, "cold_workers": 0}).encode()
    key = {"authorization": f"Bearer {world.api_key}"}
    reply = await world.simulator.handle(Request("POST", "/api/v0/endptjobs/", {}, key, body))
    assert reply.status == 200, reply


def calls_of(spec: ToolSpec, things: Things) -> Iterator[Json]:
    """Valid arguments for a tool, once for each machine it could be pointed at.

    Raises:
        LookupError: a tool has a required argument that nobody has taught this file to make.
    """
    seen: list[Json] = []
    for instance_id in things.instances:
        for endpoint in (things.endpoint, things.foreign_endpoint):
            for choice in _choices(spec):
                arguments = {**dict(_made(spec, things, instance_id, endpoint)), **choice}
                if arguments not in seen:
                    seen.append(arguments)
                    yield arguments


def _choices(spec: ToolSpec) -> list[Json]:
    """The values of the argument by which a declared tool chooses among its routes."""
    declared = {one.name: one for one in DECLARED}.get(spec.name)
    if declared is None or not declared.by:
        return [{}]
    return [{declared.by: choice} for choice in declared.routes]


def _made(
    spec: ToolSpec, things: Things, instance_id: int, endpoint: str
) -> Iterator[tuple[str, object]]:
    values: Json = {
        "instance_id": instance_id,
        "instance_ids": [instance_id],
        "offer_id": things.offer,
        "plan_id": things.plan,
        "endpoint_name": endpoint,
        "template_hash": things.template,
        "max_usd_per_worker_hour": 0.2,
        "hours": 1.0,
        "bid_usd_per_hour": 0.9,
        "label": "renamed",
        "paths": ["/workspace/old"],
        "path": "/workspace",
        "command": "true",
        "public_key": PUBLIC_KEY,
        "job_id": "job-1",
        "script": "print(1)",
        "source": f"C.{things.running}:/workspace/out",
        "destination": f"C.{instance_id}:/workspace/in",
        "port": 8080,
        "search_query": "num_gpus=1",
        "gpu_name": "RTX 4090",
        "name": "thing",
        **_ESPECIALLY.get(spec.name, {}),
    }
    declared = {one.name: one for one in DECLARED}.get(spec.name)
    for name in wanted_of(spec):
        if name not in values and declared is not None:
            values[name] = getattr(declared.example, name)
        if name not in values:
            raise LookupError(f"{spec.name}: teach {__name__} to make a value for {name!r}")
        yield name, values[name]


def wanted_of(spec: ToolSpec) -> list[str]:
    """The required arguments of a tool, and those it needs to have any effect."""
    (tool,) = strict_tools([spec])
    required = [str(name) for name in tool.parameters.get("required", ())]
    needed = [*_ESPECIALLY.get(spec.name, {}), *_ONE_OF.get(spec.name, ())]
    return [*required, *(name for name in needed if name not in required)]


_ESPECIALLY: dict[str, Json] = {
    "create_instance": {"max_price_usd_per_hour": 1.0, "label": "another"},
    "create_endpoint": {"endpoint_name": "second", "max_usd_per_worker_hour": 0.2},
    "update_endpoint": {"cold_workers": 1},
    "run_job": {"gpu_names": ["RTX 4090"], "max_cost_usd": 2.0},
}
"""Arguments that are optional but without which a call would do nothing, or the wrong thing."""


_ONE_OF = {"stop_instance": ("instance_id",), "destroy_instance": ("instance_id",)}
"""Of two arguments of which exactly one is needed, the one that is given here."""


UNSEEN_BY_THE_VENDOR = {
    "run_command": "tests/tools/test_work_commands.py",
    "forward_port": "tests/tools/test_work_commands.py",
    "stop_job": "tests/jobs",
}
"""Tools whose effect lies on the machine itself, over SSH, and where it is tested instead."""


def tools() -> tuple[ToolSpec, ...]:
    """Every tool that this version can serve, extras included."""
    return TOOLS


async def said_by(client: Client, tool: str, arguments: Json) -> tuple[bool, Json]:
    """Whether a tool failed, and what it said: its structured answer or `{"error": …}`."""
    result = await client.call_tool(tool, arguments)
    text = "".join(getattr(part, "text", "") for part in result.content)
    if result.is_error:
        return True, {"error": text}
    return False, dict(result.structured_content or {})
