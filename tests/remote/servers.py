"""Machines to talk to on loopback: asyncssh's own server in process, and OpenSSH's sshd."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from vast_mcp.account.ssh_key import KEY_NAME, public_key
from vast_mcp.clock import SystemClock
from vast_mcp.remote.address import Address, address
from vast_mcp.remote.known_hosts import KnownHosts
from vast_mcp.remote.session import SshSession, connect

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
BIG = os.environ.get("VAST_MCP_TEST_BIG") == "1"
needs_sshd = pytest.mark.skipif(
    SSHD is None or os.geteuid() != 0,
    reason="needs OpenSSH's sshd (apt-get install openssh-server), run as root: we log in as root",
)
Files = Callable[["asyncssh.SSHServerChannel[bytes]"], asyncssh.SFTPServer]
big_only = pytest.mark.skipif(not BIG, reason="long; set VAST_MCP_TEST_BIG=1")


@dataclass(frozen=True)
class Machine:
    """A server to connect to, and our own state beside it."""

    port: int
    state: Path
    home: Path
    authorized: Path

    @property
    def log(self) -> Path:
        """What a real sshd says."""
        return self.state.parent / "sshd.log"

    @property
    def where(self) -> Address:
        """Its address."""
        return address("127.0.0.1", self.port)

    @property
    def key(self) -> Path:
        """Our private key."""
        return self.state / KEY_NAME

    @property
    def known_hosts(self) -> KnownHosts:
        """Our host-key files."""
        return KnownHosts(self.state)

    async def session(self, instance_id: int = 7, **more: float) -> SshSession:
        """A session with it."""
        return await connect(
            instance_id,
            [self.where],
            key=self.key,
            known_hosts=self.known_hosts,
            clock=SystemClock(),
            **{"key_patience_s": 0.0, **more},
        )


def _prepare(tmp: Path) -> tuple[Path, Path, Path]:
    state, home = tmp / "state", tmp / "machine"
    home.mkdir(parents=True, exist_ok=True)
    authorized = tmp / "authorized_keys"
    authorized.write_text(public_key(state) + "\n")
    authorized.chmod(0o600)
    return state, home, authorized


@asynccontextmanager
async def in_process(
    tmp: Path,
    *,
    process: Callable[[asyncssh.SSHServerProcess[str]], object] | None = None,
    host_key: asyncssh.SSHKey | None = None,
    port: int = 0,
    files: Files | None = None,
) -> AsyncIterator[Machine]:
    """The in-process server: SFTP inside a directory, commands only if `process` is given."""
    state, home, authorized = _prepare(tmp)

    def below_home(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=os.fsencode(home))

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            del username
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            del username
            wanted = key.export_public_key().decode().split()[1]
            return wanted in authorized.read_text()

    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=Server,
        server_host_keys=[host_key or asyncssh.generate_private_key("ssh-ed25519")],
        sftp_factory=files or below_home,
        process_factory=process,
    )
    try:
        yield Machine(server.get_port(), state, home, authorized)
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def openssh(
    tmp: Path, *, port: int = 0, strict_file: Path | None = None, forced: str = ""
) -> AsyncIterator[Machine]:
    """A real sshd with a new key of its own, as this user.

    With `strict_file` it reads that key file and is strict about it, as sshd is unless it is told
    otherwise; `forced` stands for what an image does to every login.
    """
    state, home, authorized = _prepare(tmp)
    Path("/run/sshd").mkdir(exist_ok=True)  # noqa: ASYNC240  sshd wants it
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp / "host_key").write_bytes(key.export_private_key("openssh"))
    (tmp / "host_key").chmod(0o600)
    config = tmp / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp / 'host_key'}\n"
        f"AuthorizedKeysFile {strict_file or authorized}\nUsePAM no\nPidFile none\n"
        f"StrictModes {'yes' if strict_file else 'no'}\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
        f"Subsystem sftp internal-sftp\nLogLevel {'INFO' if strict_file else 'ERROR'}\n"
        + (f"ForceCommand {forced}\n" if forced else "")
    )
    assert SSHD
    with (tmp / "sshd.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220  it starts at once
            [SSHD, "-f", str(config), "-D", "-e"], stderr=log
        )
    try:
        await _listening(port, process)
        yield Machine(port, state, home, authorized)
    finally:
        process.terminate()
        process.wait(10)


async def _listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    clock = SystemClock()
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert process.poll() is None, "sshd ended at once"
            await clock.sleep(0.05)
            continue
        writer.close()
        return
    raise AssertionError("sshd does not listen")
