"""A job as it is shown: what is left of its lease, what it cost, what waits, what came home."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.store.test_sealing import JOB
from tests.world import World
from vast_mcp.services.jobs import ShownJob, _read, job_row, wait_for_job
from vast_mcp.store import JobPhase
from vast_mcp.text import Redactor
from vast_mcp.units import Usd

NOW_US = 1_780_315_200_000_000
MINUTE_US = 60_000_000
SPEC = {"command": "python3 train.py", "gpu": "RTX 4090", "at_most_micros": 2_500_000}


def row(lease_ends_us: int | None = None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  any field
    """The row of a job on machine 7 that has cost $1.25."""
    job = replace(JOB, **{"spec": SPEC, "phase": JobPhase.RUNNING, "created_us": NOW_US, **changes})
    return dict(job_row(ShownJob(job, Usd.of(1.25), lease_ends_us, NOW_US)))


@pytest.mark.parametrize(
    ("lease_ends_us", "minutes"),
    [
        (None, None),
        (NOW_US + 90 * MINUTE_US, 90),
        (NOW_US + 2 * MINUTE_US - 1, 1),
        (NOW_US, 0),
        (NOW_US - 5 * MINUTE_US, 0),
    ],
)
def test_what_is_left_of_its_lease_is_told_in_whole_minutes(
    lease_ends_us: int | None, minutes: int | None
) -> None:
    """Never less than none; a job without a machine has none to tell."""
    assert row(lease_ends_us).get("minutes_left") == minutes


def test_a_job_is_told_with_its_money_and_a_mere_command_without() -> None:
    """What it has cost, and what a person agreed to at most."""
    told = row()
    assert (told["cost_so_far_usd"], told["at_most_usd"]) == (1.25, 2.5)
    assert (told["phase"], told["command"], told["gpu"]) == (
        "running",
        "python3 train.py",
        "RTX 4090",
    )
    assert (told["instance_id"], "kind" in told) == (7, False)
    assert told["created"].startswith("2026-06-01T12:00")
    assert "ended" not in told
    assert row(ended_us=NOW_US + MINUTE_US)["ended"].startswith("2026-06-01T12:01")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"stop_asked": True}, "Being stopped."),
        ({"facts": {"waits_for": "a GPU"}}, None),
        ({"phase": JobPhase.WAITING, "facts": {"waits_for": "a GPU"}}, "a GPU"),
        (
            {"phase": JobPhase.WAITING, "stop_asked": True, "facts": {"waits_for": "a GPU"}},
            "Being stopped. a GPU",
        ),
        ({"phase": JobPhase.DONE, "said": {"why": "Done."}, "stop_asked": True}, "Done."),
    ],
)
def test_what_a_job_waits_for_is_told_while_it_waits_and_its_end_when_it_is_over(
    changes: dict[str, Any], said: str | None
) -> None:
    """In words, and nothing where there is nothing to say."""
    assert (row(**changes).get("said") or None) == said


@pytest.mark.parametrize(
    ("facts", "replaced"),
    [
        ({}, None),
        ({"failed_hosts": [1, 2]}, 2),
        ({"failed_hosts": [1, 2], "hopeless": True}, 1),
        ({"failed_hosts": [1], "hopeless": True}, None),
    ],
)
def test_hosts_that_were_replaced_are_counted_without_the_last_one(
    facts: dict[str, Any], replaced: int | None
) -> None:
    """Where it was given up the last host had no successor."""
    assert row(facts=facts).get("replaced") == replaced


@pytest.mark.parametrize(
    ("sums", "shown"), [({"a": "s1"}, "s1"), ({"a": "s1", "b": "s2"}, None), ({}, None)]
)
def test_an_output_of_one_file_is_told_with_its_checksum(
    sums: dict[str, str], shown: str | None
) -> None:
    """And where it lies here, or what kept it from coming home."""
    output = {"path": "/w/m", "local": "/h/m", "files": 1, "bytes": 9, "sha256": sums}
    (told,) = row(facts={"outputs": [output]})["outputs"]
    assert told.get("sha256") == shown
    assert (told["untrusted_path"], told["local"], told["bytes"]) == ("/w/m", "/h/m", 9)
    (lost,) = row(facts={"outputs": [{"path": "/w/m", "trouble": "gone"}]})["outputs"]
    assert lost["untrusted_trouble"] == "gone"


@pytest.mark.parametrize("seconds", [0.0, 0.4, 1.0])
async def test_a_job_is_waited_for_as_long_as_was_asked_and_no_longer(
    tmp_path: Path, seconds: float
) -> None:
    """In steps of half a second; one that is over is told at once."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        ledger, services = runtime.services.ledger, runtime.services
        await ledger.write(lambda tx: tx.add_job(replace(JOB, phase=JobPhase.RUNNING)))
        began_s = world.clock.monotonic_s()
        await wait_for_job(services, JOB.job_id, seconds)
        assert world.clock.monotonic_s() - began_s == seconds // 0.5 * 0.5
        await ledger.write(lambda tx: tx.update_job(JOB, phase=JobPhase.DONE))
        began_s = world.clock.monotonic_s()
        assert (await wait_for_job(services, JOB.job_id, 60)).job.phase is JobPhase.DONE
        assert world.clock.monotonic_s() == began_s


@pytest.mark.parametrize(
    ("size", "cursor", "begins", "length"),
    [
        (10, None, 0, 10),
        (4_000, None, 0, 4_000),
        (10_000, None, 6_000, 4_000),
        (10_000, 0, 0, 4_000),
        (10_000, 5_000, 5_000, 4_000),
        (10_000, 8_000, 8_000, 2_000),
        (10_000, 10_000, 10_000, 0),
        (10_000, 99_999, 10_000, 0),
    ],
)
def test_a_log_is_read_in_portions_from_a_cursor_or_its_end(
    tmp_path: Path, size: int, cursor: int | None, begins: int, length: int
) -> None:
    """No byte twice, none left out."""
    content = bytes(33 + number % 90 for number in range(size))
    (tmp_path / "log").write_bytes(content)
    data, start = _read(tmp_path / "log", cursor, Redactor().needles)
    assert (data, start) == (content[begins : begins + length], begins)
    assert _read(tmp_path / "none", cursor, Redactor().needles) == (b"", cursor or 0)
