"""Where a command reads from and writes to: a file, the session, memory, nowhere."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

PORTION = 65_536


class Source(Protocol):
    """Standard input."""

    async def read(self, size: int = PORTION) -> bytes:
        """The next bytes; empty at the end."""
        ...


class Sink(Protocol):
    """Standard output or error. `descriptor` is a real one where there is a file behind."""

    descriptor: int | None

    async def write(self, data: bytes) -> None:
        """Take these bytes.

        Raises:
            BrokenPipeError: nobody reads them any more.
        """
        ...


@dataclass(slots=True)
class Memory:
    """Bytes kept in the process: both ends of a pipe, one after the other."""

    data: bytearray = field(default_factory=bytearray)
    descriptor: int | None = None

    async def write(self, data: bytes) -> None:
        """Append."""
        self.data += data

    async def read(self, size: int = PORTION) -> bytes:
        """Take from the front."""
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken


@dataclass(slots=True)
class Nothing:
    """`/dev/null`."""

    descriptor: int | None = None

    async def write(self, data: bytes) -> None:
        """Forget."""

    async def read(self, size: int = PORTION) -> bytes:  # noqa: ARG002
        """The end, at once."""
        return b""


@dataclass(slots=True)
class Told:
    """Whoever is told each text that is written, such as a container's log."""

    say: Callable[[str], None]
    descriptor: int | None = None

    async def write(self, data: bytes) -> None:
        """Pass it on."""
        self.say(data.decode("utf-8", "replace"))


class File:
    """An open file; it is closed when the last command that holds it has gone."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor: int | None = descriptor

    async def write(self, data: bytes) -> None:
        """Write all of it."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._open(), view) :]

    async def read(self, size: int = PORTION) -> bytes:
        """The next bytes."""
        return os.read(self._open(), size)

    def _open(self) -> int:
        if self.descriptor is None:
            raise BrokenPipeError
        return self.descriptor

    def __del__(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


@dataclass(frozen=True, slots=True)
class Streams:
    """The three of a command."""

    stdin: Source
    out: Sink
    err: Sink

    async def say(self, text: str) -> None:
        """A text on standard output."""
        await self.out.write(text.encode("utf-8", "surrogateescape"))

    async def complain(self, text: str) -> None:
        """A line on standard error."""
        await self.err.write(f"{text}\n".encode("utf-8", "surrogateescape"))
