"""One connection to a machine: who may enter, what a session runs, what is forwarded."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import asyncssh

from vast_mcp.simulator.door import NO_TMUX
from vast_mcp.simulator.inside.machine import Machine
from vast_mcp.simulator.inside.streams import PORTION, Streams

Forward: TypeAlias = Callable[
    ["asyncssh.SSHReader[Any]", "asyncssh.SSHWriter[Any]"], Awaitable[None]
]
"""What takes over a forwarded connection."""
_GONE = (asyncssh.Error, OSError, EOFError)


class Guest(asyncssh.SSHServer):
    """A connection. Only `root`, only with a key; forwarding only to ports that are mapped."""

    def __init__(
        self,
        guests: "set[Guest]",
        admits: Callable[[asyncssh.SSHKey], bool],
        mapped: dict[str, int],
    ) -> None:
        self._guests = guests
        self._admits = admits
        self._mapped = mapped
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Somebody is at the door."""
        self._connection = conn
        self._guests.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the protocol's shape
        """Gone."""
        self._guests.discard(self)

    def leave(self) -> None:
        """The machine stops: the connection breaks off."""
        if self._connection is not None:
            self._connection.abort()

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002  the protocol's shape
        """Nobody enters without proof."""
        return True

    def public_key_auth_supported(self) -> bool:
        """The only way in."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """A key that is attached, and has arrived."""
        return username == "root" and self._admits(key)

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int  # noqa: ARG002
    ) -> "bool | Forward":  # fmt: skip
        """`-L` to a port of the machine; the lever `map_port` says where it really is."""
        real = self._mapped.get(f"{dest_port}/tcp")
        if dest_host not in ("127.0.0.1", "localhost", "::1") or real is None:
            return False

        async def forward(
            reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]"
        ) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", real)
            try:
                await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
            finally:
                back.close()
                writer.close()

        return forward


async def _pass_on(source: object, target: object) -> None:
    """From one end to the other; both kinds of stream have the same four methods."""
    with contextlib.suppress(*_GONE):
        while data := await source.read(PORTION):  # type: ignore[attr-defined]
            target.write(data)  # type: ignore[attr-defined]
            await target.drain()  # type: ignore[attr-defined]
    with contextlib.suppress(*_GONE):
        target.write_eof()  # type: ignore[attr-defined]


class _Listener:
    """Standard input as it comes from the client."""

    def __init__(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self._process = process

    async def read(self, size: int = PORTION) -> bytes:
        """The next bytes; the end, too, when the client has left."""
        try:
            return await self._process.stdin.read(size)
        except _GONE:
            return b""


class _Teller:
    """Standard output or error on its way to the client."""

    descriptor: int | None = None

    def __init__(self, writer: "asyncssh.SSHWriter[bytes]") -> None:
        self._writer = writer

    async def write(self, data: bytes) -> None:
        """Send, and wait while the client is slow."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except _GONE as gone:
            raise BrokenPipeError from gone


async def converse(machine: Machine, process: "asyncssh.SSHServerProcess[bytes]") -> None:
    """Run what the session asks for, a script from its input if nothing; then tell the status.

    The session ends only when no process in the background writes to it any more.
    """
    streams = Streams(_Listener(process), _Teller(process.stdout), _Teller(process.stderr))
    if machine.contract.door.auto_tmux and not machine.disk.locate(NO_TMUX).exists():
        with contextlib.suppress(*_GONE):
            await streams.complain("no sessions")
            process.exit(1)
        return
    before = set(machine.processes.table)
    text = process.command if process.command is not None else "sh -s"
    job = machine.execute(text, streams)
    status = await job.wait()
    for other in machine.processes.living():
        if other.pid not in before and other.holds_session and other.started_by == job.pid:
            await other.wait()
    with contextlib.suppress(*_GONE):
        process.exit(status)
