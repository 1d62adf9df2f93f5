"""The start script lets SSH in where the vendor's delivery does not: shown on a real sshd."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.leases.onstart_guard.container import Container, container
from tests.remote.servers import Machine, needs_sshd, openssh
from vast_mcp.leases.onstart_guard import wrap_onstart
from vast_mcp.remote.errors import SshUnavailable

STRANGER = 65534
SHELLS = ("dash", "bash", "busybox")


@asynccontextmanager
async def strict(shell: str = "dash") -> AsyncIterator[tuple[Container, Machine, Path]]:
    """A container and a strict sshd that reads its key file; its third is that file.

    A strict sshd looks at every directory above the file, so it cannot lie below a temporary
    directory that everybody may write to.
    """
    home = Path(tempfile.mkdtemp(prefix="vast-mcp-", dir="/run"))
    keys = home / "root" / ".ssh" / "authorized_keys"
    try:
        async with container(home, shell) as box:
            box.label(30)
            async with openssh(home / "sshd", strict_file=keys) as machine:
                yield box, machine, keys
    finally:
        shutil.rmtree(home, ignore_errors=True)


def deliver(machine: Machine, keys: Path, *, with_key: bool = True) -> None:
    """Write the key file as the vendor was seen to: of another owner, writable by all."""
    keys.parent.mkdir(exist_ok=True)
    keys.write_text(machine.authorized.read_text() if with_key else "")
    for place, modes in ((keys, 0o666), (keys.parent, 0o777), (keys.parent.parent, 0o777)):
        place.chmod(modes)
        os.chown(place, STRANGER, STRANGER)


async def refused(machine: Machine) -> bool:
    """Whether our key is turned away."""
    try:
        await (await machine.session()).close()
    except SshUnavailable as error:
        return error.reason == "auth"
    return False


@needs_sshd
@pytest.mark.parametrize("shell", SHELLS)
async def test_a_key_file_of_a_stranger_is_set_right_at_the_start(shell: str) -> None:
    """Without it a strict sshd refuses every key for the whole rental; the log names the file."""
    async with strict(shell) as (box, machine, keys):
        deliver(machine, keys)
        assert await refused(machine)
        assert "bad ownership or modes for" in machine.log.read_text()
        await box.arm(30, user="echo mine")
        assert "mine" in box.output
        await box.pass_minutes(0.1)
        assert not await refused(machine)
        assert (keys.stat().st_uid, keys.stat().st_mode & 0o777) == (0, 0o600)


@needs_sshd
async def test_a_file_that_is_written_again_within_two_minutes_is_set_right_again() -> None:
    """The vendor delivers keys 10 to 15 seconds after they were attached, into the same file."""
    async with strict() as (box, machine, keys):
        deliver(machine, keys)
        await box.arm(30)
        await box.pass_minutes(0.05)  # it has gone to sleep: nothing is healed meanwhile
        for _ in range(3):
            deliver(machine, keys)
            assert await refused(machine)
            await box.pass_minutes(0.4)
            assert not await refused(machine)


@needs_sshd
async def test_our_key_is_let_in_where_the_vendor_delivers_none() -> None:
    """Team accounts take no keys of single machines, and a restart may leave the account's only."""
    async with strict() as (box, machine, keys):
        deliver(machine, keys, with_key=False)
        key = machine.authorized.read_text()
        await box.start(wrap_onstart(box.guard(30, ssh_key=key), "echo mine"))
        await box.pass_minutes(0.1)
        assert not await refused(machine)
        await box.pass_minutes(3)
        assert keys.read_text().count(key.split()[1]) == 1, "it is added once"


async def test_logins_are_not_put_into_tmux(tmp_path: Path) -> None:
    """`ssh host command` runs nothing on the vendor's images unless this file exists."""
    async with container(tmp_path) as box:
        box.label(30)
        await box.arm(30)
        await box.pass_minutes(0.1)
    assert (tmp_path / "root" / ".no_auto_tmux").exists()


async def test_without_chown_and_chmod_the_script_and_the_lease_go_on(tmp_path: Path) -> None:
    """An image with next to no tools is no reason to lose the guard."""
    async with container(tmp_path) as box:
        for name in ("chown", "chmod", "id"):
            (box.home / "bin" / name).unlink()
        box.label(2)
        await box.arm(2, user="echo mine")
        assert "mine" in box.output
        await box.pass_minutes(4)
        assert not box.running


async def test_a_key_with_shell_in_it_is_no_key(tmp_path: Path) -> None:
    """It stands inside the script's quotes."""
    async with container(tmp_path) as box:
        for text in ("ssh-ed25519 AAAA$(id)", "ssh-ed25519 'AAAA'", "ssh-rsa"):
            with pytest.raises(ValueError, match="public key"):
                box.guard(5, ssh_key=text)


async def test_the_machines_own_key_is_read_from_its_file_where_the_environment_lacks_it(
    tmp_path: Path,
) -> None:
    """The vendor leaves it in `~/.vast_api_key` too (reported 2026-09): the lease still ends."""
    async with container(tmp_path) as box:
        (box.home / ".vast_api_key").write_text(box.environment.pop("CONTAINER_API_KEY") + "\n")
        box.label(2)
        await box.arm(2)
        await box.pass_minutes(4)
        assert not box.running
