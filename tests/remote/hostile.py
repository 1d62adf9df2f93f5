"""What an attacker writes: names, archives, and a machine that lists whatever it likes."""

import io
import random  # noqa: TID251  handed in, seeded
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh

from vast_mcp.remote.paths import STAGE
from vast_mcp.remote.tar_stream import header, padding

PIECES = (
    "..", ".", "", "a", "b", "good.txt", "link", "dirlink", "secret", "pipe", "null", "up", "hard",
    "-rf", "-oProxyCommand=touch x", "--rsh=x", "-", "--", "~", "~root", "a\0b", "\n", "a\nb", "//",
    "/", "…", "%2e%2e", "..\\..", "\u202e", "\ud800", "x" * 300, "x" * 255, "é" * 130, STAGE, "A",
    "GOOD.TXT", "etc", "passwd", "home", "vast-mcp", "Vast-MCP", "dev", "proc", "self", "root",
    "cwd", "fd", "$(id)", "`id`", "; id", "| id", "'", '"', "*", "\x1b[2J", "\x7f", "\u200b",
    "CON", "nul", "a:b", "file:///etc/passwd", ".ssh", "authorized_keys", " .env", ".ENV", "id_RSA",
)  # fmt: skip
HOSTS = (
    "-oProxyCommand=touch x", "-o", "ProxyCommand=", "-F/x", "-p22", "a", "1", "127.0.0.1", ".",
    "-", " ", "\n", "\r", "\0", "\t", ";", "&", "|", "$(id)", "`id`", "'", '"', "%h", "%%", "@",
    "root@", ":", "::1", "%eth0", "[", "]", "/", "\\", "\u202e", "\uff41", "é", "x" * 64,
    "ssh4.vast.ai", "0x7f", "#", "!", "*", "?", "~", "{a,b}", "<", ">", ",", "=",
)  # fmt: skip

GOOD = ("a", "1", "127.0.0.1", "ssh4.vast.ai", ".example", "2001:db8::1")


def text(draw: random.Random, pieces: tuple[str, ...], glue: str, most: int = 6) -> str:
    """A generated text."""
    return glue.join(draw.choice(pieces) for _ in range(draw.randint(1, most)))


def archive(draw: random.Random, names: list[str]) -> bytes:
    """A tar stream of wanted and unwanted entries, of every type, with sizes that lie."""
    raw = bytearray()
    for _ in range(draw.randint(1, 6)):
        name = draw.choice(names) if draw.random() < 0.8 else text(draw, PIECES, "/", 4)
        data = b"h" * draw.choice((10, 10, 10, 0, 1, 511, 512, 600))
        told = len(data) if draw.random() < 0.9 else draw.choice((0, 5, 10**6, 0o77777777777))
        block = bytearray(header(name.encode("utf-8", "replace").decode(), told, 0, 0o4777))
        if draw.random() < 0.2:
            at = len(block) - 512
            block[at + 156 : at + 157] = draw.choice([b"1", b"2", b"3", b"5", b"6", b"x", b"S"])
            block[at + 157 : at + 168] = b"/etc/passwd"
            told_sum = sum(block[at:]) - sum(block[at + 148 : at + 156]) + 256
            block[at + 148 : at + 156] = b"%06o\0 " % told_sum
        if draw.random() < 0.05:
            block[draw.randrange(len(block))] ^= 0xFF
        raw += block + data + padding(len(data))
    return bytes(raw)


class HostileFiles(asyncssh.SFTPServer):
    """Lists the names it was given, says of each that it is a file, and serves any that is asked.

    `asked` are the paths that a client opened.
    """

    names: tuple[bytes, ...] = ()
    asked: list[bytes]

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], root: Path) -> None:
        super().__init__(channel, chroot=str(root).encode())

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """The top is a directory, everything else a file."""
        return self._attrs(directory=path.rstrip(b"/").endswith(b"/out"))

    def _attrs(self, *, directory: bool = False) -> asyncssh.SFTPAttrs:
        kind = asyncssh.FILEXFER_TYPE_DIRECTORY if directory else asyncssh.FILEXFER_TYPE_REGULAR
        mode = 0o40755 if directory else 0o104777
        return asyncssh.SFTPAttrs(type=kind, size=7, permissions=mode, mtime=1, atime=1)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """Whatever it was told to."""
        del path
        for name in self.names:
            yield asyncssh.SFTPName(name, attrs=self._attrs())

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Any name."""
        del pflags, attrs
        self.asked.append(path)
        return io.BytesIO(b"hostile")

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        """Of an open one."""
        del file_obj
        return self._attrs()
