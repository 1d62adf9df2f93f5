"""What a job's end says of its outputs: home, empty, or never named."""

from pathlib import Path

import pytest

from tests.jobs.leaping_world import LeapingWorld


@pytest.mark.parametrize(
    ("command", "outputs", "said"),
    [
        ("echo trained", [], "it named no outputs, so only what it printed was brought back"),
        ("touch a.txt", ["a.txt"], "but its named outputs were brought back empty"),
        ("mkdir out", ["out"], "but its named outputs were brought back empty"),
        ("touch a.txt; echo 1 > b.txt", ["a.txt", "b.txt"], "checksums match; empty: a.txt."),
        ("mkdir out; touch out/a; echo 1 > out/b", ["out"], "1 of the files is empty"),
        ("echo 1 > b.txt", ["b.txt"], "every named output is back, checksums match."),
    ],
)
async def test_the_end_of_a_job_claims_no_more_of_its_outputs_than_there_is(
    tmp_path: Path, command: str, outputs: list[str], said: str
) -> None:
    """Equal checksums of nothing, or of no output at all, were told as a success."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, command=command, files={}, outputs=outputs)
        (job,) = (await world.over(client, job_id))["jobs"]
    assert job["phase"] == "done", job
    assert said in job["said"]
    if not outputs:
        assert "checksums" not in job["said"]
