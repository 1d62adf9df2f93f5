"""See docs/vendor-api.md#ssh."""

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from tests.remote.servers import Machine, in_process, needs_sshd, openssh
from vast_mcp.clock import ManualClock, SystemClock
from vast_mcp.remote.address import address
from vast_mcp.remote.errors import HostKeyChanged, RemoteFailed, SshUnavailable
from vast_mcp.remote.known_hosts import KnownHosts
from vast_mcp.remote.pool import SessionPool
from vast_mcp.remote.session import connect


async def enter_when_the_key_arrives(machine: Machine, line: str) -> None:
    """The key is there after twelve seconds: it is waited for, and not much longer."""

    class Arriving(ManualClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if self.monotonic_s() >= 12:
                machine.authorized.write_text(line)

    clock = Arriving(auto_advance=True)
    session = await connect(
        7, [machine.where], key=machine.key, known_hosts=machine.known_hosts, clock=clock
    )
    assert 12 <= clock.monotonic_s() <= 15
    await session.close()


def test_importing_the_room_does_not_load_asyncssh() -> None:
    """`asyncssh` is imported only when used (docs/design.md#start-up)."""
    code = (
        "import sys, vast_mcp.remote, vast_mcp.remote.pool, vast_mcp.remote.upload,"
        " vast_mcp.remote.download, vast_mcp.remote.forward; sys.exit('asyncssh' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_first_key_is_recorded_privately_and_told(tmp_path: Path) -> None:
    """Hazard F4: trust on first use, the fingerprint shown."""
    async with in_process(tmp_path) as machine:
        session = await machine.session()
        again = await machine.session()
        recorded = machine.known_hosts.path(7)
        assert session.host_key.first_use
        assert not again.host_key.first_use
        assert session.host_key.fingerprint == again.host_key.fingerprint
        assert session.host_key.fingerprint.startswith("SHA256:")
        assert stat.S_IMODE(recorded.stat().st_mode) == 0o600
        await session.close()
        await again.close()


async def test_a_changed_key_is_refused_until_forgotten(tmp_path: Path) -> None:
    """Hazard F4: another key is refused unless a recycle was seen."""
    async with in_process(tmp_path) as machine:
        await (await machine.session()).close()
        port = machine.port
    async with in_process(tmp_path, port=port) as machine:
        with pytest.raises(HostKeyChanged) as refusal:
            await machine.session()
        assert refusal.value.expected != refusal.value.presented
        assert machine.known_hosts.forget(7)
        await (await machine.session()).close()


async def test_a_machine_with_several_keys_shows_the_known_one(tmp_path: Path) -> None:
    """With a recorded RSA key an added Ed25519 key is no change."""
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    async with in_process(tmp_path, host_key=rsa) as machine:
        session = await machine.session()
        assert session.host_key.algorithm == "ssh-rsa"
        await session.close()
        await (await machine.session()).close()


def test_a_damaged_host_key_file_is_not_taken_for_none(tmp_path: Path) -> None:
    """A record that cannot be read must not become a new first use."""
    known = KnownHosts(tmp_path)
    known.meet(3, "ssh-ed25519", "AAAA")
    known.path(3).write_text("garbage")
    with pytest.raises(RemoteFailed):
        known.meet(3, "ssh-ed25519", "BBBB")
    known.path(3).unlink()
    known.path(3).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RemoteFailed):
        known.recorded(3)


async def test_a_key_on_its_way_is_waited_for(tmp_path: Path) -> None:
    """An attached key arrives after 10 to 15 seconds (docs/vendor-api.md#ssh)."""
    async with in_process(tmp_path) as machine:
        line = machine.authorized.read_text()
        machine.authorized.write_text("")
        await enter_when_the_key_arrives(machine, line)


async def test_a_key_that_never_arrives_is_given_up_after_forty_seconds(tmp_path: Path) -> None:
    """Auth failures end as such, within the stated patience, and record no host key."""
    clock = ManualClock(auto_advance=True)
    async with in_process(tmp_path) as machine:
        machine.authorized.write_text("")
        with pytest.raises(SshUnavailable) as failure:
            await connect(
                7, [machine.where], key=machine.key, known_hosts=machine.known_hosts, clock=clock
            )
        assert failure.value.reason == "auth"
        assert 30 <= clock.monotonic_s() <= 41
        assert machine.known_hosts.recorded(7) is None


async def test_refused_and_silent_ports_are_told_apart(tmp_path: Path) -> None:
    """Refused, timeout, auth and host key are different answers."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with in_process(tmp_path) as machine:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        free = await asyncio.start_server(silent, "127.0.0.1", 0)
        closed = free.sockets[0].getsockname()[1]
        free.close()
        for number, reason in ((port, "timeout"), (closed, "refused")):
            with pytest.raises(SshUnavailable) as failure:
                await connect(
                    7,
                    [address("127.0.0.1", number)],
                    key=machine.key,
                    known_hosts=machine.known_hosts,
                    clock=SystemClock(),
                    connect_timeout_s=0.4,
                )
            assert failure.value.reason == reason
        server.close()
        await server.wait_closed()
        await SystemClock().sleep(0.05)  # lets the silent ones see that we have gone


async def test_the_proxy_is_taken_when_the_direct_port_is_closed(tmp_path: Path) -> None:
    """Addresses are tried in order."""
    async with in_process(tmp_path) as machine:
        dead = address("127.0.0.1", 1)
        session = await connect(
            7, [dead, machine.where], key=machine.key, known_hosts=machine.known_hosts,
            clock=SystemClock(),
        )  # fmt: skip
        assert session.address.port == machine.port
        await session.close()


async def test_a_session_is_shared_and_closed_when_idle(tmp_path: Path) -> None:
    """Connection reuse per machine, with an idle close."""
    clock = ManualClock()
    async with in_process(tmp_path) as machine:
        pool = SessionPool(key=machine.key, known_hosts=machine.known_hosts, clock=clock, idle_s=60)
        async with pool.session(7, [machine.where]) as first, pool.session(7, []) as second:
            assert first is second
        await asyncio.sleep(0)  # noqa: TID251  lets the idle timer start
        async with pool.session(7, [machine.where]) as third:
            assert third is first
        await asyncio.sleep(0)  # noqa: TID251
        await clock.advance(61)
        await first.connection.wait_closed()
        assert first.closed
        await pool.close()
        with pytest.raises(SshUnavailable):
            async with pool.session(7, [machine.where]):
                pass


async def test_more_machines_than_the_limit_take_the_place_of_idle_ones(tmp_path: Path) -> None:
    """Bounded: idle sessions give way, busy ones refuse."""
    async with in_process(tmp_path) as machine:
        pool = SessionPool(
            key=machine.key, known_hosts=machine.known_hosts, clock=SystemClock(), limit=1
        )
        async with pool.session(1, [machine.where]) as first:
            with pytest.raises(SshUnavailable, match="in use"):
                async with pool.session(2, [machine.where]):
                    pass
        async with pool.session(2, [machine.where]):
            assert first.closed
        await pool.close()


@needs_sshd
async def test_another_machine_in_the_place_of_a_known_one_is_refused(tmp_path: Path) -> None:
    """Against a real sshd: a wrong host key refused, until the known one is forgotten."""
    async with openssh(tmp_path) as machine:
        session = await machine.session()
        assert session.host_key.first_use
        await session.close()
        port = machine.port
    async with openssh(tmp_path, port=port) as machine:
        with pytest.raises(HostKeyChanged):
            await machine.session()
        machine.known_hosts.forget(7)
        session = await machine.session()
        assert session.host_key.first_use
        await session.close()


@needs_sshd
async def test_a_key_on_its_way_to_a_real_sshd_is_waited_for(tmp_path: Path) -> None:
    """Refused at first, then let in; without patience it is told as such."""
    async with openssh(tmp_path) as machine:
        line = machine.authorized.read_text()
        machine.authorized.write_text("")
        with pytest.raises(SshUnavailable) as failure:
            await machine.session()
        assert failure.value.reason == "auth"

        await enter_when_the_key_arrives(machine, line)
