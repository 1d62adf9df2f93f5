"""Whether something speaks HTTP at an address: one small GET, the first bytes of the answer."""

import asyncio
from typing import TYPE_CHECKING

from vast_mcp.remote.address import Address
from vast_mcp.remote.forward import LOOPBACK
from vast_mcp.remote.session import SshSession

if TYPE_CHECKING:
    import asyncssh

_ASK = b"GET / HTTP/1.0\r\nHost: localhost\r\nUser-Agent: vast-mcp\r\nConnection: close\r\n\r\n"
_ENOUGH = 64
_TLS_ALERT = b"\x15\x03"


async def http_at(where: Address, timeout_s: float) -> bool:
    """Whether an HTTP server answers there; one that wants TLS counts."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(where.host, where.port)
            return await _answers(reader, writer)
    except (OSError, TimeoutError):
        return False


async def http_inside(session: SshSession, port: int, timeout_s: float) -> bool:
    """The same, asked from inside the machine: its port need not be open to the world."""
    import asyncssh  # noqa: PLC0415

    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await session.connection.open_connection(LOOPBACK, port)
            return await _answers(reader, writer)
    except (OSError, TimeoutError, asyncssh.Error):
        return False


async def _answers(
    reader: "asyncio.StreamReader | asyncssh.SSHReader[bytes]",
    writer: "asyncio.StreamWriter | asyncssh.SSHWriter[bytes]",
) -> bool:
    try:
        writer.write(_ASK)
        first = b""
        while len(first) < _ENOUGH and (piece := await reader.read(_ENOUGH)):
            first += piece
            if first.startswith((b"HTTP/", _TLS_ALERT)):
                return True
        return False
    finally:
        writer.close()
