"""A job under an ending lease is told two minutes before, also with every computer of ours off."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.leases.onstart_guard.container import Container, container, shell_path, until

every_shell = pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
_JOB = """
import os, signal, sys, time
told = []
def on(*_):
    told.append("TERM")
    open(sys.argv[1], "a").write("TERM\\n")
signal.signal(signal.SIGTERM, on)
open(sys.argv[1], "w").close()
while True:
    time.sleep(0.02)
"""


@asynccontextmanager
async def job(box: Container, name: str, home: str = ".vmcp") -> AsyncIterator[Path]:
    """A program in a group of its own, noted as `jobs/script.py` does; the file of its signals."""
    folder = box.home / home / name
    folder.mkdir(parents=True)
    heard = folder / "heard"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _JOB, str(heard), start_new_session=True
    )
    (folder / "pid").write_text(f"{process.pid}\n")
    try:
        await until(heard.exists, "the job runs")
        yield heard
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@every_shell
@pytest.mark.parametrize("home", [".vmcp", "root/.vmcp"])
async def test_a_running_job_hears_it_once_two_minutes_before_the_end(
    tmp_path: Path, shell: str, home: str
) -> None:
    """SIGTERM 2 minutes before any stop; later ones would mean: at once."""
    shell_path(shell)
    async with container(tmp_path, shell) as box, job(box, "j1", home) as heard:
        box.label(10)
        await box.arm(10)
        await box.pass_minutes(7)
        assert heard.read_text() == ""
        await box.pass_minutes(2)
        await until(lambda: heard.read_text() != "", "the job is told")
        assert box.running
        await box.pass_minutes(4)
        assert not box.running
        assert heard.read_text() == "TERM\n"


async def test_one_that_ended_or_was_told_or_has_more_time_is_left_alone(tmp_path: Path) -> None:
    """A number may be another program's by now; a job's own server may have been first."""
    async with (
        container(tmp_path) as box,
        job(box, "ended") as ended,
        job(box, "told") as told,
        job(box, "other") as other,
    ):
        (ended.parent / "exit").write_text("0\n")
        (told.parent / "term").touch()
        (box.home / ".vmcp" / "odd").mkdir()
        (box.home / ".vmcp" / "odd" / "pid").write_text("")
        box.label(10)
        await box.arm(10)
        await box.pass_minutes(7)
        box.label(60)
        await box.pass_minutes(30)
        assert other.read_text() == ""
        await box.pass_minutes(34)
        assert not box.running
        assert [one.read_text() for one in (ended, told, other)] == ["", "", "TERM\n"]
