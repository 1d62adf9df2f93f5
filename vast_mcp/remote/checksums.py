"""SHA-256 of files on the machine: by its own tools where it has them, else by reading back."""

import asyncio
import hashlib
import os
import posixpath
import shlex
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, cast

from vast_mcp.remote.errors import RemoteFailed
from vast_mcp.remote.pipe import pipe
from vast_mcp.remote.progress import Verified
from vast_mcp.remote.session import SshSession

if TYPE_CHECKING:
    import asyncssh

PIECE = 1024 * 1024
_PARALLEL = 8
# openssl first: it uses the processor's SHA instructions where coreutils often does not.
_SCRIPT = """cd -- "$1" || exit 9
if command -v openssl >/dev/null 2>&1; then exec xargs -0 openssl sha256 -r
else exec xargs -0 sha256sum; fi"""


def script_line(script: str, *arguments: str) -> str:
    """A script of ours for any login shell; the arguments reach it as `$1` …, never as code."""
    return shlex.join(["exec", "sh", "-c", script, "sh", *arguments])


def as_operand(path: str) -> str:
    """A path that no command takes for an option."""
    return path if path.startswith("/") else f"./{path}"


async def remote_digests(
    session: SshSession, sftp: "asyncssh.SFTPClient", base: str, names: Sequence[str]
) -> tuple[dict[str, str], Verified]:
    """The digest of each file below `base`; a file that cannot be read is left out.

    Raises:
        SshUnavailable: the connection was lost.
    """
    if not names:
        return {}, "sha256"
    found = await _by_command(session, base, names)
    missing = [name for name in names if name not in found]
    if not missing:
        return found, "sha256"
    found.update(await _by_reading(sftp, base, missing))
    return found, "re-read" if len(missing) == len(names) else "sha256"


async def _by_command(session: SshSession, base: str, names: Sequence[str]) -> dict[str, str]:
    output = bytearray()
    longest = sum(len(name.encode()) * 2 + 200 for name in names)

    async def take(data: bytes) -> None:
        if len(output) < longest:
            output.extend(data)

    try:
        line = script_line(_SCRIPT, as_operand(base))
        await pipe(session, line, feed=nul_separated(names), take=take)
    except RemoteFailed:
        return {}  # a server that only copies files
    wanted = set(names)
    return {name: digest for name, digest in _rows(bytes(output)) if name in wanted}


async def nul_separated(names: Sequence[str]) -> AsyncIterator[bytes]:
    """Names for a command's standard input, none of which can be an option."""
    for start in range(0, len(names), 1000):
        yield b"".join(b"./" + name.encode() + b"\0" for name in names[start : start + 1000])


def _rows(output: bytes) -> Iterable[tuple[str, str]]:
    for line in output.split(b"\n"):
        escaped = line.startswith(b"\\")  # coreutils' sign for a name with a backslash
        digest, _, rest = line.removeprefix(b"\\").partition(b" ")
        name = rest[1:].removeprefix(b"./")
        if len(digest) != 64 or not rest:
            continue
        if escaped:
            name = name.replace(b"\\\\", b"\\")
        yield name.decode("utf-8", "replace"), digest.decode("ascii", "replace").lower()


async def _by_reading(
    sftp: "asyncssh.SFTPClient", base: str, names: Sequence[str]
) -> dict[str, str]:
    import asyncssh  # noqa: PLC0415

    found: dict[str, str] = {}
    places = asyncio.Semaphore(_PARALLEL)

    async def read(name: str) -> None:
        async with places:
            digest = hashlib.sha256()
            try:
                async with sftp.open(posixpath.join(base, name).encode(), "rb") as file:
                    while data := await file.read(PIECE * 4):
                        digest.update(cast(bytes, data))  # opened without an encoding
            except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
                raise
            except asyncssh.SFTPError:
                return
            found[name] = digest.hexdigest()

    await asyncio.gather(*(read(name) for name in names))
    return found


def local_digest(descriptor: int, length: int) -> "hashlib._Hash":
    """The running digest of the first `length` bytes of an open file. Blocks: for a thread."""
    digest = hashlib.sha256()
    offset = 0
    while offset < length and (data := os.pread(descriptor, min(PIECE, length - offset), offset)):
        digest.update(data)
        offset += len(data)
    return digest
