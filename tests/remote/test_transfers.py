"""Copies that go on by themselves: stopped, resumed and asked for again, against a real sshd."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.remote.servers import needs_sshd, openssh
from tests.remote.test_copies import Impatient, listing
from vast_mcp.clock import ManualClock, SystemClock
from vast_mcp.remote.download import download
from vast_mcp.remote.errors import SshUnavailable
from vast_mcp.remote.paths import STAGE, LocalRoots
from vast_mcp.remote.plan import plan_download, plan_upload
from vast_mcp.remote.progress import CopyReport, Report
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.sftp import open_sftp
from vast_mcp.remote.transfers import Transfer, Transfers, Work
from vast_mcp.remote.upload import upload

CLOCK = SystemClock()
SIZE = 96 * 1024 * 1024


def copying(session: SshSession, direction: str, roots: LocalRoots, far: Path) -> Work:
    """The work of a copy, as the tool begins it."""

    async def work(report: Report) -> CopyReport:
        if direction == "up":
            plan = plan_upload(roots.place("f"), f"{far}/g")
            return await upload(session, plan, clock=Impatient(), progress=report)
        async with open_sftp(session) as sftp:
            plan = await plan_download(sftp, f"{far}/f", roots.place("g"))
        return await download(
            session, plan, clock=Impatient(), progress=report, free_disk_floor_bytes=0
        )

    return work


async def test_the_end_of_a_copy_is_told_for_a_while_and_then_the_same_call_copies_anew() -> None:
    """Nobody came back for it: hours later the files are others, and are not said to be there."""
    clock = ManualClock(auto_advance=True)
    transfers = Transfers(clock)
    done: list[int] = []

    async def work(report: Report) -> CopyReport:
        del report
        done.append(len(done))
        raise SshUnavailable(f"end {len(done)}", reason="lost")

    first = transfers.begin("key", 7, "a to b", work)
    await asyncio.wait({first.task})
    clock.move(60)
    assert transfers.find("key") is first
    assert transfers.begin("key", 7, "a to b", work) is first
    clock.move(3600)
    second = transfers.begin("key", 7, "a to b", work)
    with pytest.raises(SshUnavailable, match="end 2"):
        await transfers.wait(second, 10)
    third = transfers.begin("key", 7, "a to b", work)
    await asyncio.wait({third.task})
    clock.move(3600)
    assert transfers.find("key") is None
    await transfers.close()


async def half_way(transfer: Transfer) -> None:
    """Until it has moved a third."""
    while transfer.progress is None or transfer.progress.done_bytes < SIZE // 3:
        assert transfer.running
        await asyncio.sleep(0)  # noqa: TID251  the copy moves on meanwhile


@needs_sshd
@pytest.mark.parametrize("direction", ["up", "down"])
async def test_a_stopped_copy_keeps_its_stage_and_is_resumed_by_the_next(
    direction: str, tmp_path: Path
) -> None:
    """Stopping puts nothing half in place; the same copy goes on where it stopped."""
    roots = LocalRoots(tmp_path / "home")
    here = tmp_path / "home" / "vast-mcp"
    here.mkdir(parents=True)
    async with openssh(tmp_path) as machine:
        source, target = (here, machine.home) if direction == "up" else (machine.home, here)
        (source / "f").write_bytes(os.urandom(SIZE))
        session = await machine.session()
        transfers = Transfers(CLOCK)
        work = copying(session, direction, roots, machine.home)
        first = transfers.begin("key", 7, "f to g", work)
        waiting = asyncio.create_task(transfers.wait(first, 60))
        await half_way(first)
        assert await transfers.cancel(first.copy_id)
        assert not await transfers.cancel(first.copy_id)
        with pytest.raises(SshUnavailable, match="cancelled"):
            await waiting
        assert not (target / "g").exists()
        stage = [name for name in listing(target) if name.startswith((".vmcp-", STAGE))]
        assert len(stage) == 1
        assert transfers.list() == ()
        assert not session.closed
        second = transfers.begin("key", 7, "f to g", work)
        assert second is not first
        report = await transfers.wait(second, 60)
        assert report is not None
        assert report.resumed_bytes > 0
        assert report.moved_bytes < SIZE
        assert (target / "g").read_bytes() == (source / "f").read_bytes()
        await transfers.close()
        await session.close()


@needs_sshd
@pytest.mark.parametrize("direction", ["up", "down"])
async def test_a_cancelled_task_is_as_good_as_a_stopped_copy(
    direction: str, tmp_path: Path
) -> None:
    """Whoever runs a copy as a task of his own may cancel it at any moment."""
    roots = LocalRoots(tmp_path / "home")
    here = tmp_path / "home" / "vast-mcp"
    here.mkdir(parents=True)
    async with openssh(tmp_path) as machine:
        source, target = (here, machine.home) if direction == "up" else (machine.home, here)
        (source / "f").write_bytes(os.urandom(SIZE // 4))
        session = await machine.session()
        work = copying(session, direction, roots, machine.home)
        for delay_s in (0.0, 0.01, 0.03, 0.08, 0.15):
            task = asyncio.ensure_future(work(lambda _: None))
            await CLOCK.sleep(delay_s)
            task.cancel()
            await asyncio.wait({task})
            placed = target / "g"
            assert task.cancelled() == (not placed.exists())
            if placed.exists():
                assert placed.read_bytes() == (source / "f").read_bytes()
                break
        await work(lambda _: None)
        assert (target / "g").read_bytes() == (source / "f").read_bytes()
        await session.close()


@needs_sshd
async def test_a_dropped_machine_ends_its_copies_and_no_others(tmp_path: Path) -> None:
    """When a machine is gone, what copies to it ends."""
    roots = LocalRoots(tmp_path / "home")
    (tmp_path / "home" / "vast-mcp").mkdir(parents=True)
    async with openssh(tmp_path) as machine:
        (machine.home / "f").write_bytes(os.urandom(SIZE))
        session = await machine.session()
        transfers = Transfers(CLOCK)
        one = transfers.begin("one", 7, "f", copying(session, "down", roots, machine.home))
        other = transfers.begin("other", 8, "sleep", sleeping)
        await transfers.drop(7)
        assert one.task.cancelled()
        assert transfers.list() == (other,)
        await transfers.close()
        assert other.task.cancelled()
        await session.close()


async def sleeping(report: Report) -> CopyReport:
    """A copy that never ends."""
    del report
    await asyncio.Event().wait()
    raise AssertionError
