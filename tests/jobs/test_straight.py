"""One question, and the result is home: the path every job is meant to take."""

import hashlib
from pathlib import Path

from tests.jobs.leaping_world import LeapingWorld


async def test_a_job_asks_once_and_brings_its_checkpoint_home(tmp_path: Path) -> None:
    """The sentence of the first page: run it, bring it back, shut it down, under $5."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client)
        shown = await world.over(client, job_id)
        job = shown["jobs"][0]
        assert job["phase"] == "done", shown
        assert len(world.questions) == 1
        saved = world.home / f"job-{job_id}" / "out" / "model.pt"
        told = shown["untrusted_output"].split()[-1]
        assert hashlib.sha256(saved.read_bytes()).hexdigest() == told
        assert job["outputs"][0]["sha256"] == told
        assert world.alive == set()
        assert 0 < job["cost_so_far_usd"] < 5
