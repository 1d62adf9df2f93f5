"""Our own tar, written and read as a stream: many small files in one go, without their round trips.

Written in the oldest form that has long names (GNU `L`), which every tar unpacks. Read strictly:
only regular files whose name was asked for, each once, each no longer than expected. Links,
devices, directories, sparse files and names nobody asked for end the reading: nothing is ever
unpacked because an archive says so.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from tarfile import GNU_FORMAT, TarInfo

from vast_mcp.remote.errors import CopyDamaged

BLOCK = 512
_LONGEST_NAME = 8192
_MOST_GROWTH = 64 * 1024 * 1024
_MOST_SIZE = 0o77777777777


def header(name: str, size: int, mtime_s: int, mode: int) -> bytes:
    """The blocks in front of a file's content.

    Raises:
        ValueError: the size does not fit into this form of tar.
    """
    if not 0 <= size <= _MOST_SIZE:
        raise ValueError("too long for this form of tar")
    entry = TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, mode, min(max(0, mtime_s), _MOST_SIZE)
    return entry.tobuf(GNU_FORMAT, "utf-8", "strict")


def padding(size: int) -> bytes:
    """What fills the last block of a content of that size."""
    return b"\0" * (-size % BLOCK)


def end() -> bytes:
    """The end of an archive."""
    return b"\0" * (BLOCK * 2)


@dataclass(frozen=True, slots=True)
class FileBegins:
    """The content of this expected file follows."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class FileEnds:
    """The content of that file is complete."""

    name: str


Event = FileBegins | bytes | FileEnds


class TarReader:
    """Takes bytes in, gives files out. Knows beforehand which files may come, and how long."""

    def __init__(self, expected: Mapping[str, int]) -> None:
        self._expected = dict(expected)
        self._buffer = bytearray()
        self._name: str | None = None
        self._left = 0
        self._pad = 0
        self._long_name = ""
        self._discarding = False
        self.finished = False
        self.changed: list[str] = []
        """Files that came longer or shorter than expected; their content is passed over."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Expected files that have not begun."""
        return tuple(self._expected)

    def feed(self, data: bytes) -> Iterator[Event]:
        """What these bytes complete.

        Raises:
            CopyDamaged: the archive has what nobody asked for.
        """
        self._buffer += data
        while not self.finished and (yield from self._advance()):
            pass
        if self.finished:
            self._buffer.clear()

    def _advance(self) -> Generator[Event, None, bool]:
        """One step: a piece of content, its padding, or the next header. Whether it moved on."""
        if self._name is not None and self._left:
            if not self._buffer:
                return False
            piece = bytes(self._buffer[: self._left])
            del self._buffer[: len(piece)]
            self._left -= len(piece)
            if not self._discarding:
                yield piece
        elif self._name is not None:
            if len(self._buffer) < self._pad:
                return False
            del self._buffer[: self._pad]
            name, self._name = self._name, None
            if not self._discarding:
                yield FileEnds(name)
        elif (begun := self._next_header()) is None:
            return False
        elif isinstance(begun, FileBegins):
            yield begun
        return True

    def _next_header(self) -> FileBegins | bool | None:
        """The next file; `True` for a block that only says something about it."""
        if len(self._buffer) < BLOCK:
            return None
        block = bytes(self._buffer[:BLOCK])
        if block == b"\0" * BLOCK:
            self.finished = True
            return True
        size = _number(block[124:136])
        if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 32:
            raise CopyDamaged("The machine's archive is damaged.", hint="Try again.")
        kind = block[156:157]
        if kind == b"L":
            return self._take_long_name(size)
        if kind not in {b"0", b"\0"}:
            raise CopyDamaged("The machine's archive has something that is not a regular file.")
        del self._buffer[:BLOCK]
        prefix = block[345:500].rstrip(b"\0") if block[257:263] == b"ustar\0" else b""
        short = block[:100].partition(b"\0")[0]
        raw = prefix + b"/" + short if prefix else short
        name, self._long_name = self._long_name or raw.decode("utf-8", "replace"), ""
        return self._begin(name.removeprefix("./"), size)

    def _begin(self, name: str, size: int) -> FileBegins | bool:
        wanted = self._expected.pop(name, None)
        if wanted is None:
            raise CopyDamaged("The machine's archive has a file that was not requested.")
        self._discarding = size != wanted
        if self._discarding:
            if size > wanted + _MOST_GROWTH:
                raise CopyDamaged("A file on the machine grew while it was being copied.")
            self.changed.append(name)
        self._name, self._left, self._pad = name, size, -size % BLOCK
        return True if self._discarding else FileBegins(name, size)

    def _take_long_name(self, size: int) -> bool | None:
        if size > _LONGEST_NAME:
            raise CopyDamaged("The machine's archive has a name that is too long.")
        whole = BLOCK + size + (-size % BLOCK)
        if len(self._buffer) < whole:
            return None
        raw = bytes(self._buffer[BLOCK : BLOCK + size]).rstrip(b"\0")
        del self._buffer[:whole]
        self._long_name = raw.decode("utf-8", "replace")
        return True


def _number(text: bytes) -> int:
    try:
        return int(text.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise CopyDamaged("The machine's archive is damaged.", hint="Try again.") from error
