"""Which files may be touched: local ones under given roots only, and sane targets on the machine.

A local path is checked twice. Its text first: no `..`, no NUL, no control characters. Then each
step is opened relative to the handle of the step before with `O_NOFOLLOW`: a link, also one swapped
in a moment ago, ends the walk instead of leading it out. Paths are never joined and opened whole.
"""

import errno
import os
import posixpath
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.secret_names import looks_secret
from vast_mcp.text import clean_line

STAGE = ".vast-mcp-stage"
"""In each root: where downloads grow until they are whole. Never copied itself."""
LONGEST_NAME = 255
_LONGEST_PATH = 4096
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LINK_ERRORS = {errno.ELOOP, errno.EMLINK, errno.ENOTDIR}
_UNREAL = {("proc",), ("sys",), ("dev",)}
"""Below these a file has a second path that no rule about paths knows."""
_FORBIDDEN_TARGETS = {"/", "/root", "."}


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A path under a root, as names; it may not exist. Only its text has been checked."""

    root: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        """For showing. Never opened: that is what `Tree` is for."""
        return self.root.joinpath(*self.parts)


class LocalRoots:
    """The directories that copies may read and write: `~/vast-mcp`, and what a person added."""

    def __init__(self, home: Path, extra: Sequence[Path] = ()) -> None:
        """Take the roots as they are now; links in the way to them are resolved here, once.

        Raises:
            PathRefused: an added root is missing, no directory, or the whole disk.
        """
        self._home = home
        self._default = home / "vast-mcp"
        roots: list[tuple[Path, Path]] = [(self._default, home.resolve() / "vast-mcp")]
        for given in extra:
            real = given.expanduser().resolve()
            if not real.is_dir() or real == Path(real.anchor) or real.parts[1:2] in _UNREAL:
                raise PathRefused(f"{given} cannot be opened for files: not a directory below /.")
            roots.append((given.expanduser().absolute(), real))
        self._roots = tuple(roots)

    @property
    def roots(self) -> tuple[Path, ...]:
        """Where they really are, the one that relative paths start from first."""
        return tuple(real for _, real in self._roots)

    def place(self, text: str, *, allow_secrets: bool = False) -> LocalPlace:
        """The place that this text names: absolute under a root, or relative to `~/vast-mcp`.

        Raises:
            PathRefused: outside the roots, with `..` or control characters, or a secret's name.
        """
        check_text(text)
        if text == "~" or text.startswith("~/"):
            text = str(self._home) + text[1:]
        found = self._below(text) if text.startswith("/") else (self.roots[0], names(text))
        if found is None:
            allowed = ", ".join(str(root) for root in self.roots)
            raise PathRefused(
                f"{clean_line(text)} is outside the directories open for files: {allowed}.",
                hint="Move it there, or ask the user to add its directory with --files DIR.",
            )
        root, parts = found
        if not allow_secrets and looks_secret(parts):
            raise PathRefused(
                f"{clean_line(text)} looks like a secret.",
                hint="Pass secrets by name (`secrets`), never as files.",
            )
        if STAGE in parts:
            raise PathRefused(f"{STAGE} holds unfinished downloads.")
        return LocalPlace(root, parts)

    def _below(self, text: str) -> tuple[Path, tuple[str, ...]] | None:
        wanted = names(text)
        best: tuple[Path, tuple[str, ...]] | None = None
        for given, real in self._roots:
            for spelling in (given, real):
                head = spelling.parts[1:]
                if wanted[: len(head)] == head and (
                    best is None or len(wanted[len(head) :]) < len(best[1])
                ):
                    best = (real, wanted[len(head) :])
        return best


def names(text: str) -> tuple[str, ...]:
    """The components of a checked text, without empty ones and `.`."""
    return tuple(part for part in text.split("/") if part not in {"", "."})


def check_text(text: str) -> None:
    """Refuse what no honest path has.

    Raises:
        PathRefused: empty, too long, `..`, NUL, control characters, or not Unicode.
    """
    shown = clean_line(text, 80)
    if not text or len(os.fsencode(text) if _encodable(text) else b"") > _LONGEST_PATH:
        raise PathRefused("The path is empty or too long.")
    if not _encodable(text) or any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text):
        raise PathRefused(f"{shown!r} has control characters.")
    if ".." in text.split("/"):
        raise PathRefused(f"{shown!r} contains `..`.", hint="Name the directory itself.")
    if any(len(part.encode()) > LONGEST_NAME for part in text.split("/")):
        raise PathRefused(f"{shown!r} has a name longer than {LONGEST_NAME} bytes.")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def good_name(name: str) -> bool:
    """Whether a single name, such as a directory listing gives, can be used on both sides."""
    if name in {"", ".", ".."} or "/" in name:
        return False
    try:
        check_text(name)
    except PathRefused:
        return False
    return True


def remote_path(text: str, *, target: bool = False) -> str:
    """A path on the machine: absolute, or relative to the home directory.

    Raises:
        PathRefused: malformed, the whole disk, or as a target the home directory itself, which
            holds the keys that let us in.
    """
    check_text(text)
    if text == "~" or text.startswith("~/"):
        text = text[1:].lstrip("/") or "."
    path = ("/" if text.startswith("/") else "") + "/".join(names(text))
    path = path or "."
    if target and path in _FORBIDDEN_TARGETS:
        raise PathRefused(
            f"{path} cannot be a target: overwriting it breaks the machine's SSH.",
            hint="Name a directory below it, such as /workspace.",
        )
    parts = names(path)
    if path.startswith("/") and parts[:1] in _UNREAL:
        raise PathRefused(
            f"{clean_line(path, 80)} is not allowed: under /{parts[0]} other paths have second"
            " names.",
            hint="Name the directory itself.",
        )
    own = parts[1:] if path.startswith("/root") and parts[:1] == ("root",) else parts
    if target and own[:1] == (".ssh",) and (own is not parts or not path.startswith("/")):
        raise PathRefused("The machine's SSH keys cannot be a target.")
    if target and own[:1] == (".vmcp",) and (own is not parts or not path.startswith("/")):
        raise PathRefused("The guard inside the machine keeps its state there.")
    if path == "/":
        raise PathRefused("The whole disk cannot be copied.", hint="Name a directory.")
    return path


class Tree:
    """Handles below one root. Every method resolves names against handles, never against text."""

    def __init__(self, root: Path, *, make: bool = False) -> None:
        """Open the root itself; `make` creates it, for this user alone.

        Raises:
            PathRefused: it is missing or no directory.
        """
        if make:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = root
        with _told(root.name):
            try:
                self._fd = os.open(root, _DIRECTORY)
            except FileNotFoundError:
                raise PathRefused(
                    f"The folder {clean_line(root.name, 80)!r} for files does not exist yet.",
                    hint="Tell the user to create ~/vast-mcp and put the files there, or to open"
                    " another folder with `vast-mcp serve --files DIR`.",
                ) from None
        self._last: tuple[tuple[str, ...], int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the handles back."""
        self._forget()
        os.close(self._fd)

    def directory(self, parts: Sequence[str], *, make: bool = False) -> int:
        """A handle to that directory; it belongs to this tree and holds until the next call.

        Raises:
            PathRefused: a step is missing, a link, or no directory.
        """
        wanted = tuple(parts)
        if self._last and self._last[0] == wanted:
            return self._last[1]
        self._forget()
        current = os.dup(self._fd)
        try:
            for part in wanted:
                following = _step(current, part, make=make)
                os.close(current)
                current = following
        except BaseException:
            os.close(current)
            raise
        self._last = (wanted, current)
        return current

    def open_file(self, parts: Sequence[str]) -> tuple[int, os.stat_result]:
        """An own handle to a regular file, for reading.

        Raises:
            PathRefused: missing, a link, a device, a pipe or a directory.
        """
        with _told(parts[-1]):
            # O_NONBLOCK: opening a pipe must not wait for its other end.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(parts[-1], flags, dir_fd=self.directory(parts[:-1]))
        return _regular(descriptor, parts[-1])

    def open_stage(self, folder: Sequence[str], name: str) -> int:
        """An own handle to a private file that grows there, for reading and writing."""
        where = self.directory(folder, make=True)
        with _told(name):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o600, dir_fd=where)
        descriptor, seen = _regular(descriptor, name)
        if seen.st_nlink != 1:  # a hard link into the stage would write to a file elsewhere
            os.close(descriptor)
            raise PathRefused(f"{clean_line(name)} in {STAGE} has another hard link.")
        return descriptor

    def move(self, folder: Sequence[str], name: str, parts: Sequence[str]) -> None:
        """Put a staged file in place, in one step; a link that stands there is replaced itself.

        Raises:
            PathRefused: a directory stands there, or a step on the way is a link.
        """
        source = os.dup(self.directory(folder))
        try:
            with _told(parts[-1]):
                there = self.directory(parts[:-1], make=True)
                os.rename(name, parts[-1], src_dir_fd=source, dst_dir_fd=there)
        finally:
            os.close(source)

    def lstat(self, parts: Sequence[str]) -> os.stat_result | None:
        """What stands there, itself and not what it points to; none if nothing does."""
        try:
            if not parts:
                return os.fstat(self._fd)
            return os.stat(parts[-1], dir_fd=self.directory(parts[:-1]), follow_symlinks=False)
        except (FileNotFoundError, PathRefused):
            return None

    def free_bytes(self) -> int:
        """Room on the root's file system for an ordinary user."""
        seen = os.fstatvfs(self._fd)
        return seen.f_bavail * seen.f_frsize

    def remove_stage(self, folder: Sequence[str]) -> None:
        """Remove a stage folder and the files in it. Nothing else is ever removed."""
        if self.lstat(folder) is None:
            return
        where = self.directory(folder)
        for name in os.listdir(where):  # noqa: PTH208  a handle, not a path
            os.unlink(name, dir_fd=where)
        os.rmdir(folder[-1], dir_fd=self.directory(folder[:-1]))

    def _forget(self) -> None:
        if self._last:
            os.close(self._last[1])
            self._last = None


def goes_into(destination: str, name: str, *, single: bool) -> bool:
    """Whether a copy of this name goes below the destination, which has a slash at its end.

    A directory moved into one of its own name is merged with it.
    """
    own = posixpath.basename(destination.rstrip("/"))
    return destination.endswith("/") and (single or own != name)


def is_folder(place: LocalPlace) -> bool:
    """Whether a directory stands there already: a single file then goes into it, as with cp."""
    try:
        with Tree(place.root) as tree:
            seen = tree.lstat(place.parts)
    except PathRefused:  # the root is made with its first file
        return False
    return seen is not None and stat.S_ISDIR(seen.st_mode)


def _step(current: int, part: str, *, make: bool) -> int:
    if not good_name(part):
        raise PathRefused(f"{clean_line(part, 80)!r} is not a name.")
    with _told(part):
        if make:
            with suppress(FileExistsError):
                os.mkdir(part, 0o755 if part != STAGE else 0o700, dir_fd=current)
        return os.open(part, _DIRECTORY, dir_fd=current)


def _regular(descriptor: int, name: str) -> tuple[int, os.stat_result]:
    seen = os.fstat(descriptor)
    if not stat.S_ISREG(seen.st_mode):
        os.close(descriptor)
        raise PathRefused(f"{clean_line(name)} is not a regular file.")
    return descriptor, seen


@contextmanager
def _told(name: str) -> Iterator[None]:
    """The operating system's refusals as ours, with the name alone: no path of the disk leaks."""
    try:
        yield
    except OSError as error:
        shown = clean_line(name, 80)
        if error.errno in _LINK_ERRORS:
            raise PathRefused(
                f"{shown!r} is a link or not a directory; links are not followed."
            ) from error
        if error.errno == errno.ENOENT:
            raise PathRefused(f"{shown!r} does not exist.") from error
        raise PathRefused(f"{shown!r} cannot be used: {error.strerror}.") from error
