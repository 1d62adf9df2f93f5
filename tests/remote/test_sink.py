"""Where the bytes of an incoming file go: in order, bounded in memory, and no more than planned."""

import hashlib
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vast_mcp.clock import ManualClock
from vast_mcp.remote.errors import RemoteFailed
from vast_mcp.remote.progress import Meter
from vast_mcp.remote.sink import BUFFER, Sink

MIB = 1024 * 1024


class Held:
    """A digest that waits: a computer that is slower than its network."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.real = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Only once it may."""
        self.go.wait(20)
        self.real.update(data)


@asynccontextmanager
async def sink(
    path: Path, size: int, offset: int = 0, digest: object = None
) -> AsyncIterator[tuple[Sink, Meter]]:
    """One for a file of that size."""
    meter = Meter(ManualClock(), None, total_bytes=size, files=1)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    found = Sink(descriptor, offset, size, digest or hashlib.sha256(), meter)  # type: ignore[arg-type]
    try:
        yield found, meter
    finally:
        await found.settle()
        os.close(descriptor)


def content(size: int) -> bytes:
    """Bytes of which no two stretches are the same."""
    return b"".join(number.to_bytes(8, "big") for number in range(size // 8 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 5])
@pytest.mark.parametrize("piece", [65_536, BUFFER])
async def test_what_comes_is_written_and_summed_in_order(
    tmp_path: Path, size: int, piece: int
) -> None:
    """However it is cut and however long it is."""
    data, digest = content(size), hashlib.sha256()
    async with sink(tmp_path / "f", size, digest=digest) as (own, meter):
        for at in range(0, size, piece):
            if not own.put(data[at : at + piece]):
                await own.drain()
        await own.finish()
        assert (own.position, meter.moved) == (size, size)
    assert (tmp_path / "f").read_bytes() == data
    assert digest.digest() == hashlib.sha256(data).digest()


async def test_a_copy_that_goes_on_writes_behind_what_is_there(tmp_path: Path) -> None:
    """The first part stays as it was."""
    (tmp_path / "f").write_bytes(b"first")
    async with sink(tmp_path / "f", 11, offset=5) as (own, meter):
        assert own.put(b"second")
        await own.finish()
        assert (own.position, meter.moved) == (11, 6)
    assert (tmp_path / "f").read_bytes() == b"firstsecond"


async def test_a_slow_disk_holds_the_network_back(tmp_path: Path) -> None:
    """Eight buffers are in memory at most, whatever is sent."""
    held, size = Held(), 64 * MIB
    async with sink(tmp_path / "f", size, digest=held) as (own, meter):
        taken = 1
        while own.put(bytes(BUFFER)):
            taken += 1
        assert taken == 9  # eight full ones, and what had begun to wait
        held.go.set()
        await own.drain()
        own.put(bytes(BUFFER))
        assert meter.moved == 10 * BUFFER


async def test_what_is_sent_beyond_the_plan_is_dropped_and_not_for_ever(tmp_path: Path) -> None:
    """Two mebibytes may be under way; a host that goes on is cut off."""
    async with sink(tmp_path / "f", 10) as (own, meter):
        assert own.put(b"0123456789" + bytes(2 * MIB))
        await own.drain()
        assert not own.put(b"x")
        with pytest.raises(RemoteFailed, match="more than was requested"):
            await own.drain()
        assert meter.moved == 10
    async with sink(tmp_path / "g", 10) as (own, _):
        own.put(b"0123456789more")
        await own.finish()
    assert (tmp_path / "g").read_bytes() == b"0123456789"


async def test_a_disk_that_fails_is_told_as_what_it_is(tmp_path: Path) -> None:
    """Not as a fault of the machine."""
    path = tmp_path / "f"
    path.write_bytes(b"")
    meter = Meter(ManualClock(), None, total_bytes=64 * MIB, files=1)
    descriptor = os.open(path, os.O_RDONLY)
    own = Sink(descriptor, 0, 64 * MIB, hashlib.sha256(), meter)
    try:
        own.put(b"whole")
        with pytest.raises(OSError, match="Bad file descriptor"):  # it may only be read
            await own.finish()
        while own.put(bytes(BUFFER)):
            pass
        with pytest.raises(OSError, match="Bad file descriptor"):
            await own.drain()
    finally:
        os.close(descriptor)
