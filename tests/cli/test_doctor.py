"""What `doctor` and `leases` say is so, and what they could not see they do not call fine.

See docs/design.md#levels.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.database import break_ledgers
from tests.notices.receiver import rented
from tests.tools.test_account import endpoint_with_a_worker, rent_volume
from tests.world import World
from vast_mcp.cli.doctor import DateNoting, DoctorLine, examined
from vast_mcp.cli.leases import looked, show
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.store import Transaction
from vast_mcp.units import Usd


async def findings(world: World) -> dict[str, DoctorLine]:
    """What doctor finds on this account, by subject."""
    own = world.transport
    world.transport = noting = DateNoting(own)
    try:
        async with world.runtime() as opened:
            return {
                one.subject: one async for one in examined(world.settings, opened.session, noting)
            }
    finally:
        world.transport = own


@contextmanager
def full_disk(largest: int) -> Iterator[None]:
    """No file of this process may grow past this: what is there can be read, nothing be added."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def size_of(file: str) -> int:
    """In bytes."""
    return Path(file).stat().st_size


def capped(tx: Transaction, task: str) -> None:
    """Any write."""
    tx.lower_task_cap(task, Usd(1))


async def test_doctor_finds_a_ledger_that_can_be_read_and_not_written(tmp_path: Path) -> None:
    """A full disk closes all spending, and the refusal sends the person to `vast-mcp doctor`."""
    world = World(tmp_path)
    await rented(world)
    async with world.runtime() as server:
        ledger = server.session.account.ledger
        for number in range(8):
            await ledger.write(partial(capped, task=f"task {number}"))
        journal = size_of(f"{ledger.place}-wal")
        assert journal > 32_768  # the index beside it has this size and is there already
        with full_disk(journal):
            with pytest.raises(LedgerUnavailable):
                await ledger.write(partial(capped, task="one more"))
            found = await findings(world)
        after = await findings(world)
    assert found["ledger"].sound is False
    assert "cannot be used" in found["ledger"].says
    assert after["ledger"].sound is True


async def test_doctor_calls_a_volume_a_volume(tmp_path: Path) -> None:
    """The person's own storage is no machine of somebody else's."""
    world = World(tmp_path)
    await rented(world)
    await rent_volume(world)
    said = (await findings(world))["leases"].says
    assert said.startswith("1 alive; 1 volume")
    assert "machine" not in said


class EndpointsDown(httpx2.AsyncBaseTransport):
    """The vendor answers for everything but endpoints."""

    def __init__(self, world: World) -> None:
        self._inner = world.transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Refuse that one route."""
        if "endptjobs" in request.url.path:
            return httpx2.Response(500, text="down")
        return await self._inner.handle_async_request(request)


class Dateless(httpx2.AsyncBaseTransport):
    """A way to the vendor on which `Date` gets lost, as a proxy may do."""

    def __init__(self, world: World) -> None:
        self._inner = world.transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Take it off."""
        answer = await self._inner.handle_async_request(request)
        del answer.headers["date"]
        return answer


async def test_doctor_does_without_the_vendors_time(tmp_path: Path) -> None:
    """No answer has to carry a `Date`; everything else is looked at all the same."""
    world = World(tmp_path)
    world.transport = Dateless(world)
    found = await findings(world)
    assert "did not send its time" in found["clock"].says
    assert found["account"].sound is True
    assert "leases" in found


async def test_an_endpoint_that_could_not_be_read_is_not_called_gone(tmp_path: Path) -> None:
    """Its workers may bill: a list that cannot be read means nobody knows, never "none"."""
    world = World(tmp_path)
    async with world.connect() as client:
        number = await endpoint_with_a_worker(world, client)
    own, world.transport = world.transport, EndpointsDown(world)
    async with world.runtime() as opened:
        rows, _, unread = await looked(opened.session)
    assert [row.state for row in rows if row.what == f"endpoint {number}"] == ["not seen"]
    assert "Endpoints could not be read" in unread[0]
    assert (await findings(world))["leases"].sound is not True
    world.transport = own
    world.simulator.world.serverless.endpoints.clear()
    async with world.runtime() as opened:
        rows, _, _ = await looked(opened.session)
    assert [row.state for row in rows if row.what == f"endpoint {number}"] == ["gone"]


async def test_leases_shows_what_the_vendor_shows_when_the_ledger_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What bills is needed most then; our mark in a label tells whose it is and its end."""
    world = World(tmp_path)
    number = await rented(world)
    break_ledgers(tmp_path / "state")
    monkeypatch.setattr("vast_mcp.cli.leases.opened", lambda _: world.runtime())
    code = await show(world.settings)
    said = capsys.readouterr().out
    assert f"instance {number}" in said
    assert "2026-06-01T16:00Z" in said
    assert "The ledger cannot be read" in said
    assert code == 1


async def test_leases_without_the_vendor_promises_no_destroy_that_nobody_agreed_to(
    tmp_path: Path,
) -> None:
    """A rent that was not asked about covers nothing: at its end it is stopped."""
    world = World(tmp_path)
    await rented(world, on_end="destroy")
    for _ in range(40):
        world.simulator.faults.add("status_before", "GET", "/instances/", status=500)
    async with world.runtime() as opened:
        rows, trouble, _ = await looked(opened.session)
    assert trouble
    assert [row.then for row in rows] == ["stop"]
