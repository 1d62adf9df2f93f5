"""Every stage a host can show while a job waits for it, and what becomes of host, job and money.

See docs/hazards.md#money.
"""

from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest

from tests.jobs.leaping_world import LeapingWorld, moment
from tests.world import Json, scale
from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.faults import Kind
from vast_mcp.simulator.lifecycle import STAGES
from vast_mcp.store import Transaction
from vast_mcp.units import Usd

MAX_COST_USD = 1.0
AFTER_S = 120
"""So long after its rent a host comes up, or dies; before that it stays where it was put."""
DEADLINE_S = 15 * 60
"""A host that may still come up is given this long."""
GRACE_S = 120
"""For the look that notices, the destroy, and the proof that it is gone."""
OVER = {"done", "failed", "stopped"}

HALTED = {"stopping", "exited", "never_placed"}
"""The contract does not want to run."""
WAITED_FOR = {
    "provisioning", "created", "loading", "starting", "resuming", "rebooting", "recycling",
    "stuck", "running", "dead_host",
}  # fmt: skip
"""From these a machine may still come up: the job waits, to its deadline. All others are over."""
MEETS_EVERY_HOST = {"no_image", "login_needed", "disk_full"}
"""The image or what was asked of it is at fault: no other host is rented for it."""
FATES = ("comes up", "stalls", "dies")
DESTROYS: tuple[Kind, ...] = (
    "success_false_200", "late_execution", "auth_error_404", "answer_lost_after_commit",
    "request_lost", "rate_limited", "status_before",
)  # fmt: skip
"""What the first destroy meets, in turns."""
LATE_S = 300
TABLE = list(product(STAGES, FATES))
ROWS = [
    (number, *row)
    for number, row in enumerate(TABLE)
    if scale("VAST_MCP_TEST_JOB_TABLE", 0) or number % 4 == 0
]
"""Every fourth, which meets every stage or its neighbour and every fate; all with a 1 there."""


@dataclass
class Watcher:
    """Puts the job's first machine on its stage, and looks at everything with each request."""

    world: LeapingWorld
    stage: str
    fate: str
    most_at_once: int = 0
    put: list[Contract] = field(default_factory=list)

    async def look(self) -> None:
        """Before and after each request."""
        alive = self.world.simulator.world.instances
        self.most_at_once = max(self.most_at_once, len(alive))
        if not self.put and alive:
            self.put += alive.values()
            self._befall(self.put[0])
        for contract in self.put:
            if self.stage == "running" and self.fate != "comes up":
                contract.mapped["22/tcp"] = 1  # nothing listens there: SSH never answers

    def _befall(self, contract: Contract) -> None:
        world = self.world.simulator.world
        world.fleet.enter(contract, self.stage, world.now_us)
        contract.due_us = None  # it stays there
        contract.wants_to_run = self.stage not in HALTED

        def happen() -> None:
            if contract.destroyed_us is None and self.fate == "dies":
                world.fleet.destroy(contract, world.now_us)
            elif contract.destroyed_us is None and self.fate == "comes up":
                world.fleet.enter(contract, "running", world.now_us)

        world.later(world.now_us + AFTER_S * 1_000_000, happen)

    @property
    def first_lived_s(self) -> float:
        """From the first machine's rent to its end."""
        (contract,) = self.put
        assert contract.destroyed_us is not None
        return (contract.destroyed_us - contract.created_us) / 1_000_000


async def carried(world: LeapingWorld, watcher: Watcher) -> Json:
    """A job to its end; what it may still cost never passes its cap, however often one looks."""
    async with world.open(), world.served() as client:
        world.simulator.attendants.append(watcher.look)
        job_id = await world.started(
            client, command="echo trained", outputs=[], max_cost_usd=MAX_COST_USD
        )
        ledger = world.running[0].session.account.ledger

        def bound(tx: Transaction) -> Usd:
            exposure = tx.exposure(world.clock.lease_us(), task=f"job {job_id}")
            return exposure.task_spent + exposure.task_reserved

        while True:
            row = await ledger.read(lambda tx: tx.job(job_id))
            assert await ledger.read(bound) <= Usd.of(MAX_COST_USD)
            if row is not None and row.phase.over:
                shown = await world.call(client, "show_jobs", job_id=job_id)
                return dict(shown["jobs"][0])
            await moment()


@pytest.mark.parametrize(("number", "stage", "fate"), ROWS)
async def test_a_host_on_any_stage_is_used_or_replaced_in_time(
    tmp_path: Path, number: int, stage: str, fate: str
) -> None:
    """One machine at a time, in time, whatever its destroy meets, within budget."""
    world = LeapingWorld(tmp_path)
    kind = DESTROYS[number % len(DESTROYS)]
    world.simulator.faults.add(kind, "DELETE", "/instances/", seconds=LATE_S)
    watcher = Watcher(world, stage, fate)
    job = await carried(world, watcher)
    used = fate == "comes up" and stage in WAITED_FOR
    if stage in MEETS_EVERY_HOST:
        assert (job["phase"], job.get("replaced", 0), len(watcher.put)) == ("failed", 0, 1), job
        assert "No other host would fare better" in job["said"]
        return
    assert (job["phase"], job.get("replaced", 0)) == ("done", 0 if used else 1), job
    assert watcher.most_at_once == 1
    if not used:
        deadline_s = DEADLINE_S if stage in WAITED_FOR and fate == "stalls" else AFTER_S
        slow_s = LATE_S if kind == "late_execution" else GRACE_S
        assert watcher.first_lived_s <= deadline_s + slow_s + GRACE_S
    assert world.alive == set()
    assert world.credit_usd - world.simulator.books.balance_usd <= MAX_COST_USD
