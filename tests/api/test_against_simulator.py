"""The client against the built-in simulator: two halves written from one vendor description.

See docs/vendor-api.md#creating-an-instance, docs/vendor-api.md#logs-and-commands.
"""

import pytest

from vast_mcp.api.connection import Connection
from vast_mcp.api.permit import Permit
from vast_mcp.api.query import parse_query
from vast_mcp.api.reads import Reads
from vast_mcp.api.writes import Writes
from vast_mcp.clock import ManualClock
from vast_mcp.errors import NotFound
from vast_mcp.models import InstanceState, state_of
from vast_mcp.operations import Call, JsonObject, instances, serverless
from vast_mcp.operations.instances import CreateSpec
from vast_mcp.simulator.simulator import Simulator
from vast_mcp.simulator.transport import SimulatorTransport


class Desk:
    """A simulator and a client of it."""

    def __init__(self, key: str = "sim-key") -> None:
        self.clock = ManualClock(auto_advance=True)
        self.simulator = Simulator(self.clock)
        connection = Connection(
            api_key=key,
            transport=SimulatorTransport(self.simulator),
            clock=self.clock,
            api_base="http://127.0.0.1:8900",
        )
        self.reads = Reads(connection)
        self._writes = Writes(connection)

    async def write(self, call: Call) -> JsonObject:
        """Send a write with its permit, far enough from the one before."""
        self.clock.move(6)
        return await self._writes.send(call, Permit.for_call(call))

    async def rent(self, count: int, label: str) -> list[int]:
        """Rent the best offers."""
        page = await self.reads.search_offers(
            parse_query("num_gpus=1"), disk_gb=50, order=(("dph_total", "asc"),), limit=count
        )
        rented = []
        for offer in page.offers:
            spec = CreateSpec("a/b:c", 50, label, env=(("VMCP_INTENT", "mark1"),))
            answer = await self.write(instances.create_instance(offer.offer_id, spec))
            contract = answer["new_contract"]
            assert isinstance(contract, int)
            rented.append(contract)
        return rented


async def test_a_rental_is_found_started_read_stopped_and_destroyed() -> None:
    """The whole way of one machine, with the price that was shown."""
    desk = Desk()
    (number,) = await desk.rent(1, "mine")
    desk.clock.move(1200)
    found = await desk.reads.show_instance(number)
    assert found is not None
    assert state_of(found) is InstanceState.READY
    assert found.intent_mark == "mark1"
    assert found.raw_label == "mine"
    assert "started" in await desk.reads.logs(number, tail=5)
    await desk.write(instances.stop_instance(number))
    desk.clock.move(120)
    assert "/workspace" in await desk.reads.list_disk(number, "ls -l /workspace")
    charges = await desk.reads.charges(0, desk.clock.utc_us())
    assert charges.items[0].source == f"instance-{number}"
    await desk.write(instances.destroy_instance(number))
    desk.clock.move(60)
    assert await desk.reads.show_instance(number) is None
    assert await desk.reads.list_instances() == []
    assert desk.simulator.leaked_authorization == []


async def test_thirty_instances_are_listed_over_two_pages() -> None:
    """Pages of 25; a label narrows the list (docs/vendor-api.md#instances)."""
    desk = Desk()
    ours = await desk.rent(28, "a") + await desk.rent(2, "b")
    listed = await desk.reads.list_instances()
    assert sorted(instance.instance_id for instance in listed) == sorted(ours)
    assert len(await desk.reads.list_instances(label="b")) == 2


async def test_every_other_question_is_answered() -> None:
    """Each read once, against the simulator's own forms of the answers."""
    desk = Desk()
    made = await desk.write(
        serverless.create_endpoint("x", max_workers=1, cold_workers=0, min_load=0)
    )
    assert isinstance(made["result"], int)
    assert (await desk.reads.endpoints())[0].raw_name == "x"
    assert await desk.reads.workers(made["result"]) == []
    assert await desk.reads.workergroups() == []
    assert await desk.reads.volumes() == []
    assert await desk.reads.ssh_keys() == ()
    assert "RTX 4090" in await desk.reads.gpu_names()
    assert (await desk.reads.account()).credit.dollars > 90
    template = (await desk.reads.templates(limit=1))[0]
    assert await desk.reads.template(template.hash_id) == template
    with pytest.raises(NotFound):
        await desk.reads.workers(999)
