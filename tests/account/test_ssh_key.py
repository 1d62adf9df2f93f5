"""The key pair of our own: made once, whole, and private.

See docs/design.md#files-and-ssh.
"""

import multiprocessing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest

from tests.world import World
from vast_mcp.account.ssh_key import KEY_NAME, public_key
from vast_mcp.errors import ConfigInvalid

FORK = multiprocessing.get_context("fork")
PROCESSES = 8
ROUNDS = 5


def tell(state_dir: Path, go: Pipe, done: Pipe) -> None:
    """One process that needs the key at the same instant as others."""
    go.recv()
    done.send(public_key(state_dir))


def test_processes_that_make_the_key_at_once_agree_on_one(tmp_path: Path) -> None:
    """Several servers, one state directory: none reads a half-written key."""
    for number in range(ROUNDS):
        place = tmp_path / str(number)
        pipes = [(FORK.Pipe(), FORK.Pipe()) for _ in range(PROCESSES)]
        workers = [
            FORK.Process(target=tell, args=(place, go[0], done[1]), daemon=True)
            for go, done in pipes
        ]
        for worker in workers:
            worker.start()
        for go, _ in pipes:
            go[1].send(None)
        told = {done[0].recv() for _, done in pipes}
        for worker in workers:
            worker.join(10)
        assert len(told) == 1
        assert (place / KEY_NAME).stat().st_mode & 0o077 == 0
        assert sorted(one.name for one in place.iterdir()) == [KEY_NAME, f"{KEY_NAME}.pub"]


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    """What is wrong and what to do, not a traceback of a library."""
    (tmp_path / KEY_NAME).write_bytes(b"nothing")
    with pytest.raises(ConfigInvalid, match="damaged"):
        public_key(tmp_path)


async def test_a_rent_with_a_damaged_key_is_told_as_a_rent(tmp_path: Path) -> None:
    """The machine exists and bills: that must not end in an error about a file."""
    world = World(tmp_path, seed=1)
    world.settings.state_dir.mkdir(parents=True)
    (world.settings.state_dir / KEY_NAME).write_bytes(b"nothing")
    async with world.connect() as client:
        offer = await world.cheap_offer()
        said = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=2.0
        )
    assert said["status"] == "rented"
    assert "damaged" in " ".join(said["warnings"])
    assert len(world.simulator.world.instances) == 1
