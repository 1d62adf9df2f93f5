"""A port of the machine on this computer's loopback, for as long as the server lives.

Each connection takes the machine's shared session anew, so a forward outlives a lost connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vast_mcp.errors import InputInvalid
from vast_mcp.remote.address import Address
from vast_mcp.remote.errors import RemoteError, SshUnavailable
from vast_mcp.remote.pool import SessionPool

if TYPE_CHECKING:
    import asyncssh

LOOPBACK = "127.0.0.1"
_PIECE = 256 * 1024
_MOST_FORWARDS = 32
_MOST_CONNECTIONS = 64

Locate = Callable[[], Awaitable[Sequence[Address]]]
"""Where the machine is now: it may have moved since the forward was opened."""


@dataclass(frozen=True, slots=True)
class Forward:
    """An open forward."""

    instance_id: int
    remote_port: int
    local_port: int

    @property
    def url(self) -> str:
        """Where to point a browser on this computer."""
        return f"http://{LOOPBACK}:{self.local_port}"


class Forwards:
    """The forwards of one server. Listens on 127.0.0.1 only."""

    def __init__(self, pool: SessionPool) -> None:
        self._pool = pool
        self._open: dict[tuple[int, int], tuple[Forward, asyncio.Server]] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    async def open(
        self, instance_id: int, port: int, locate: Locate, *, local_port: int = 0
    ) -> Forward:
        """Forward the machine's port; the same one again gives the same forward.

        The session is opened first, so that an unreachable machine is told now.

        Raises:
            InputInvalid: not a port, or too many forwards.
            RemoteError: no session with the machine.
        """
        if not 1 <= port <= 65535:
            raise InputInvalid("port", "must be between 1 and 65535.")
        async with self._lock:
            if known := self._open.get((instance_id, port)):
                return known[0]
            if len(self._open) >= _MOST_FORWARDS:
                raise InputInvalid("port", f"{_MOST_FORWARDS} forwards are already open.")
            async with self._pool.session(instance_id, await locate()):
                pass
            server = await self._listen(instance_id, port, locate, local_port)
            forward = Forward(instance_id, port, server.sockets[0].getsockname()[1])
            self._open[instance_id, port] = (forward, server)
            return forward

    def list(self) -> tuple[Forward, ...]:
        """What is forwarded now."""
        return tuple(forward for forward, _ in self._open.values())

    async def drop(self, instance_id: int) -> None:
        """End the machine's forwards."""
        for key in [key for key in self._open if key[0] == instance_id]:
            _, server = self._open.pop(key)
            server.close()

    async def close(self) -> None:
        """End all forwards and their connections."""
        for _, server in self._open.values():
            server.close()
        self._open.clear()
        for task in list(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _listen(
        self, instance_id: int, port: int, locate: Locate, local_port: int
    ) -> asyncio.Server:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(self._busy) >= _MOST_CONNECTIONS:
                writer.close()
                return
            task = asyncio.create_task(self._serve(instance_id, port, locate, reader, writer))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)

        try:
            return await asyncio.start_server(accept, LOOPBACK, local_port)
        except OSError as error:
            raise InputInvalid("local_port", f"cannot listen on {local_port}.") from error

    async def _serve(
        self,
        instance_id: int,
        port: int,
        locate: Locate,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        import asyncssh  # noqa: PLC0415

        try:
            async with self._pool.session(instance_id, await locate(), key_patience_s=0) as session:
                far_reader, far_writer = await session.connection.open_connection(LOOPBACK, port)
                try:
                    await asyncio.gather(
                        _pump(reader.read, far_writer), _pump(far_reader.read, writer)
                    )
                finally:
                    far_writer.close()
        except (OSError, asyncssh.Error, RemoteError, SshUnavailable):
            return  # the browser sees a closed connection, which is what it is
        finally:
            writer.close()


async def _pump(
    read: Callable[[int], Awaitable[bytes]],
    writer: "asyncio.StreamWriter | asyncssh.SSHWriter[bytes]",
) -> None:
    while data := await read(_PIECE):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
