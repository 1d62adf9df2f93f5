"""A job as it is shown: each field from what is known, and its output byte by byte."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.store.test_sealing import JOB
from tests.world import Json, World
from vast_mcp.errors import InputInvalid
from vast_mcp.store import Gpus, Job, JobAgreement, JobEnd, JobFacts, JobOutput, JobPhase, JobSpec
from vast_mcp.units import Usd, UsdPerHour
from vast_mcp.views.jobs import OUTPUT_SHOWN, ShownJob, job_row, output_after, wait_for_job

NOW_US = 1_780_315_200_000_000
MINUTE_US = 60_000_000
AGREED = JobAgreement(
    gpus=Gpus(1, "RTX 4090"),
    rate=UsdPerHour.of(0.3),
    ceiling=UsdPerHour.of(0.4),
    at_most=Usd.of(5),
    hours=4.0,
    disk_per_day=Usd.of(0.24),
    uploads=(),
)


def row(
    *,
    ends_us: int | None = None,
    spent: int = 0,
    agreed: JobAgreement | None = None,
    **changes: Any,  # noqa: ANN401  any field of a job
) -> Json:
    """A job with these fields, as it is shown."""
    job = replace(JOB, facts=JobFacts(), said=JobEnd(), instance_id=None, **changes)
    job = replace(job, spec=JobSpec("train", outputs=("out",), agreed=agreed))
    return dict(job_row(ShownJob(job, Usd(spent), ends_us, NOW_US)))


def of(
    phase: JobPhase = JobPhase.RUNNING,
    **facts: Any,  # noqa: ANN401  any fact of a job
) -> Json:
    """One with these facts."""
    said = JobEnd("It ended.", "Gone.")
    job = replace(JOB, phase=phase, facts=JobFacts(**facts), said=said)
    return dict(job_row(ShownJob(job, Usd(0), None, NOW_US)))


@pytest.mark.parametrize(
    ("ahead_us", "left"),
    [(0, 0), (-1, 0), (MINUTE_US - 1, 0), (MINUTE_US, 1), (90 * MINUTE_US, 90), (None, None)],
)
def test_the_minutes_left_are_whole_and_never_less_than_none(
    ahead_us: int | None, left: int | None
) -> None:
    """Of the lease that is running; without one nothing is told."""
    ends_us = None if ahead_us is None else NOW_US + ahead_us
    assert row(ends_us=ends_us).get("minutes_left") == left


@pytest.mark.parametrize(
    ("facts", "replaced"),
    [
        ({}, None),
        ({"failed_hosts": ("a",)}, 1),
        ({"failed_hosts": ("a", "b")}, 2),
        ({"failed_hosts": ("a",), "hopeless": True}, None),
        ({"failed_hosts": ("a", "b"), "hopeless": True}, 1),
    ],
)
def test_hosts_count_as_replaced_unless_no_other_was_tried(
    facts: Json, replaced: int | None
) -> None:
    """A fault that meets every host ends the job at the last one."""
    assert of(**facts).get("replaced") == replaced


@pytest.mark.parametrize(
    ("phase", "facts", "stop_asked", "said"),
    [
        ("waiting", JobFacts(waits_for="SSH"), False, "SSH"),
        ("waiting", JobFacts(waits_for="SSH"), True, "Being stopped. SSH"),
        ("running", JobFacts(waits_for="SSH"), False, None),
        ("running", JobFacts(), True, "Being stopped."),
        ("waiting", JobFacts(), False, None),
        ("failed", JobFacts(waits_for="SSH"), True, "It ended."),
    ],
)
def test_what_it_waits_for_is_said_while_it_waits(
    phase: str, facts: JobFacts, stop_asked: bool, said: str | None
) -> None:
    """And why it ended, once it has."""
    job = replace(JOB, phase=JobPhase(phase), facts=facts, stop_asked=stop_asked,
                  said=JobEnd("It ended."))  # fmt: skip
    assert dict(job_row(ShownJob(job, Usd(0), None, NOW_US))).get("said") == said


def test_money_is_told_of_a_job_and_not_of_a_command_beside_one() -> None:
    """A command on a machine that runs costs nothing of its own."""
    found = row(spent=1_234_500, agreed=AGREED)
    assert (found["cost_so_far_usd"], found["at_most_usd"]) == (1.2345, 5.0)
    assert row(agreed=None)["at_most_usd"] == 0
    assert "kind" not in found
    beside = of()
    assert beside["kind"] == "command"
    assert not {"cost_so_far_usd", "at_most_usd"} & set(beside)
    assert of(JobPhase.UPLOADING)["phase"] == "starting"
    assert row(phase=JobPhase.UPLOADING)["phase"] == "uploading"


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (JobOutput("out", sha256={"a": "1"}, files=1), {"sha256": "1", "files": 1}),
        (JobOutput("out", sha256={"a": "1", "b": "2"}), {}),
        (JobOutput("out", sha256={}), {}),
        (JobOutput("out", trouble="lost", bytes=5), {"untrusted_trouble": "lost", "bytes": 5}),
        (JobOutput("out", local="/x", empty=2), {"local": "/x", "empty_files": 2}),
        (JobOutput("out", empty=0), {}),
    ],
)
def test_an_output_is_told_with_its_checksum_if_it_is_one_file(
    output: JobOutput, shown: Json
) -> None:
    """Of many files the sums would fill the answer."""
    counts = {"files": 0, "bytes": 0}
    assert of(outputs=(output,))["outputs"] == [{"untrusted_path": "out", **counts, **shown}]


def test_what_was_printed_is_marked_as_foreign_and_cut() -> None:
    """The host's own words about what went wrong."""
    found = of(detail="x" * 900, whole_log="/log", exit_code=0)
    assert len(found["untrusted_detail"]) <= 300
    assert (found["whole_log"], found["exit_code"]) == ("/log", 0)
    assert found["machine"] == "Gone."
    assert "untrusted_detail" not in of()


# -- its output ------------------------------------------------------------------------------


async def printed(
    tmp_path: Path, text: bytes | None, cursor: int | None, hidden: str = ""
) -> tuple[str, int]:
    """What is shown of this output from a cursor on, and the next cursor."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        session = runtime.session
        if text is not None:
            path = session.jobs.log_of("job1")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        session.account.redactor.learn(hidden)
        return await output_after(session, "job1", cursor)


LONG = "".join(f"{number:07}\n" for number in range(1000)).encode()


@pytest.mark.parametrize(
    ("text", "cursor", "shown", "following"),
    [
        (None, None, "", 0),
        (None, 5, "", 5),
        (b"abc", None, "abc", 3),
        (b"abc", 0, "abc", 3),
        (b"abc", 1, "bc", 3),
        (b"abc", 3, "", 3),
        (b"abc", 9, "", 3),
        (LONG, None, LONG[-4000:].decode(), 8000),
        (LONG, 0, LONG[:4000].decode(), 4000),
        (LONG, 4000, LONG[4000:].decode(), 8000),
        ("aé".encode()[:2], 0, "a", 1),
        ("é".encode() * 2001, None, "é" * 2000, 4002),
        (b"x" + "é".encode() * 2000, None, "é" * 2000, 4001),
        (b"x" + "é".encode() * 2000 + b"z", None, "é" * 1999 + "z", 4002),
        (b"x" * OUTPUT_SHOWN + b"y", None, "x" * (OUTPUT_SHOWN - 1) + "y", OUTPUT_SHOWN + 1),
    ],
)
async def test_output_is_shown_in_portions_from_a_byte_on(
    tmp_path: Path, text: bytes | None, cursor: int | None, shown: str, following: int
) -> None:
    """Without a cursor its end; no character is shown in halves, no byte twice."""
    assert await printed(tmp_path, text, cursor) == (shown, following)


@pytest.mark.parametrize("at", [3_990, 3_996, 4_000, 4_005, 0, 7_990])
@pytest.mark.parametrize("cursor", [None, 0, 4_000, 3_995, 4_003])
async def test_a_secret_across_two_portions_is_in_neither(
    tmp_path: Path, at: int, cursor: int | None
) -> None:
    """An older release may have kept it, or it has become known since."""
    secret = "tops3cret!"
    text = (b"." * at + secret.encode()).ljust(8_000, b".")
    shown, following = await printed(tmp_path, text, cursor, secret)
    start = 4_000 if cursor is None else cursor
    mask = "." * at + "[secret]**"
    assert shown == mask.ljust(8_000, ".")[start : start + OUTPUT_SHOWN]
    assert following == min(8_000, start + OUTPUT_SHOWN)


# -- waiting ---------------------------------------------------------------------------------


async def waited(tmp_path: Path, seconds: float, job: Job) -> float:
    """How long a call waits for this job."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        await runtime.session.account.ledger.write(lambda tx: tx.add_job(job))
        before_s = world.clock.monotonic_s()
        await wait_for_job(runtime.session, job.job_id, seconds)
        return world.clock.monotonic_s() - before_s


@pytest.mark.parametrize(
    ("seconds", "phase", "slept"),
    [(0, "running", 0), (0.4, "running", 0), (0.5, "running", 0.5), (10, "running", 10),
     (10, "done", 0)],
)  # fmt: skip
async def test_a_job_is_waited_for_no_longer_than_asked(
    tmp_path: Path, seconds: float, phase: str, slept: float
) -> None:
    """Twice a second it is looked at; one that is over is told at once."""
    job = replace(JOB, phase=JobPhase(phase), principal="local")
    assert await waited(tmp_path, seconds, job) == pytest.approx(slept)


async def test_another_principals_job_is_none(tmp_path: Path) -> None:
    """Its id tells nothing."""
    with pytest.raises(InputInvalid, match="no such job"):
        await waited(tmp_path, 0, replace(JOB, principal="somebody else"))
