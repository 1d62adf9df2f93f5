"""What a copy would move, found out before a byte moves: counted, capped and told."""

import os
import posixpath
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from vast_mcp.remote.errors import CopyRefused, PathRefused, RemoteFailed
from vast_mcp.remote.paths import (
    STAGE,
    LocalPlace,
    Tree,
    goes_into,
    good_name,
    is_folder,
    remote_path,
)
from vast_mcp.remote.secret_names import looks_secret, secret_inside
from vast_mcp.remote.selection import WHOLE, Names, Selection
from vast_mcp.remote.threads import in_thread
from vast_mcp.text import clean_line

if TYPE_CHECKING:
    import asyncssh

PARTIAL = ".vmcp-"
"""How the names of unfinished uploads begin on the machine. Never copied themselves."""
_GB = 1_000_000_000
FREE_DISK_FLOOR_BYTES = 2 * _GB
_SKIPS_KEPT = 1000

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """Caps of one copy."""

    max_bytes: int = 200 * _GB
    max_files: int = 200_000
    max_depth: int = 40


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file below the source, as it was when planned."""

    parts: Names
    size: int
    mtime_s: int
    executable: bool = False

    @property
    def name(self) -> str:
        """Its path below the source."""
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something below the source that is not copied, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """A copy that may be carried out. Of a single file, `files` has one entry without a path."""

    direction: Direction
    local: LocalPlace
    remote: str
    single: bool
    files: tuple[PlannedFile, ...]
    folders: tuple[Names, ...]
    skipped: tuple[Skipped, ...]
    skipped_count: int
    doubt: str = ""
    """Why the one file that was named looks like a secret: the question says it."""

    @property
    def total_bytes(self) -> int:
        """What would move if nothing were there yet."""
        return sum(file.size for file in self.files)

    def local_parts(self, file: PlannedFile) -> Names:
        """Where the file lies below the local root."""
        return self.local.parts if self.single else (*self.local.parts, *file.parts)

    def remote_name(self, file: PlannedFile) -> str:
        """Where the file lies on the machine."""
        return self.remote if self.single else posixpath.join(self.remote, *file.parts)


@dataclass(slots=True)
class _Gathered:
    """A plan in the making; refuses as soon as a cap is passed, so a huge tree costs little."""

    limits: CopyLimits
    selection: Selection
    files: list[PlannedFile] = field(default_factory=list)
    folders: list[Names] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    skipped_count: int = 0
    total: int = 0
    seen: int = 0
    doubt: str = ""

    def skip(self, parts: Names, why: str) -> None:
        self.skipped_count += 1
        if len(self.skipped) < _SKIPS_KEPT:
            self.skipped.append(Skipped(str(clean_line("/".join(parts), 300)), why))

    def wants(self, parts: Names, kind: str) -> bool:
        """Judge one entry by its name; counts all, so that a tree of refused names ends as well."""
        self.seen += 1
        if self.seen > self.limits.max_files * 4:
            raise CopyRefused(f"More than {self.seen - 1} entries.", hint=_SMALLER)
        name = parts[-1]
        if name == STAGE or name.startswith(PARTIAL) or self.selection.excludes(parts):
            return False
        if not good_name(name):
            self.skip(parts, "unusable name")
        elif not self.selection.allow_secrets and looks_secret((name,)):
            self.skip(parts, "looks like a secret")
        elif len(parts) > self.limits.max_depth:
            raise CopyRefused(f"More than {self.limits.max_depth} directories deep.", hint=_SMALLER)
        elif kind == "file":
            return self.selection.takes(parts)
        elif kind == "directory":
            return True
        else:
            self.skip(parts, kind)
        return False

    def take(self, file: PlannedFile) -> None:
        self.files.append(file)
        self.total += file.size
        if len(self.files) > self.limits.max_files:
            raise CopyRefused(f"More than {self.limits.max_files} files.", hint=_SMALLER)
        if self.total > self.limits.max_bytes:
            raise CopyRefused(f"More than {self.limits.max_bytes / _GB:g} GB.", hint=_SMALLER)

    def plan(self, direction: Direction, local: LocalPlace, remote: str, single: bool) -> CopyPlan:
        if not self.files and not self.folders and single:
            raise CopyRefused("There is nothing to copy.")
        return CopyPlan(
            direction=direction,
            local=local,
            remote=remote,
            single=single,
            files=tuple(sorted(self.files, key=lambda file: file.parts)),
            folders=tuple(sorted(self.folders)),
            skipped=tuple(self.skipped),
            skipped_count=self.skipped_count,
            doubt=self.doubt,
        )


_SMALLER = "Copy a part of it, or leave some out with exclude."


def plan_upload(
    source: LocalPlace,
    destination: str,
    *,
    selection: Selection = WHOLE,
    limits: CopyLimits = CopyLimits(),
) -> CopyPlan:
    """What an upload would send. Reads the local disk only; run it in a thread.

    The destination names the copy itself; with a slash at its end, the directory it goes into.

    Raises:
        PathRefused: the source cannot be read, or the destination is none.
        CopyRefused: above a cap.
    """
    gathered = _Gathered(limits, selection)
    with Tree(source.root, make=not source.parts) as tree:
        seen = tree.lstat(source.parts)
        if seen is None:
            raise PathRefused(f"{clean_line(source.path)} does not exist.")
        single = not stat.S_ISDIR(seen.st_mode)
        if single:
            inside, seen = _look_inside(tree, source.parts)
            if inside or looks_secret(source.parts):
                gathered.doubt = f"holds {inside}" if inside else "has a secret's name"
            gathered.take(_planned(source.parts[-1:], seen))
        elif looks_secret(source.parts):
            raise PathRefused(
                f"{clean_line(source.path)} looks like a secret.",
                hint="Pass secrets by name (`secrets`), never as a directory.",
            )
        else:
            _walk(tree, source.parts, gathered)
    if source.parts and goes_into(destination, source.parts[-1], single=single):
        destination += source.parts[-1]
    return gathered.plan("up", source, remote_path(destination, target=True), single)


def _walk(tree: Tree, base: Names, gathered: _Gathered) -> None:
    pending: list[Names] = [()]
    while pending:
        below = pending.pop()
        for entry, seen in _entries(tree.directory((*base, *below))):
            parts = (*below, entry)
            kind = _kind(seen.st_mode)
            if not gathered.wants(parts, kind):
                continue
            if kind == "directory":
                gathered.folders.append(parts)
                pending.append(parts)
            elif inside := _look_inside(tree, (*base, *parts))[0]:
                gathered.skip(parts, f"looks like a secret: holds {inside}")
            else:
                gathered.take(_planned(parts, seen))


def _look_inside(tree: Tree, parts: Names) -> tuple[str, os.stat_result]:
    """What secret a file seems to hold, and the file as it was then.

    Raises:
        PathRefused: a link, a pipe or a device by now.
    """
    descriptor, seen = tree.open_file(parts)
    try:
        found = secret_inside(
            seen.st_size,
            lambda start, most: os.pread(descriptor, most, start),
            linked=seen.st_nlink > 1,
        )
    finally:
        os.close(descriptor)
    return found, seen


def _entries(handle: int) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(handle) as entries:
        for entry in entries:
            try:
                yield entry.name, entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # removed while we look


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISREG(mode):
        return "file"
    return "a link" if stat.S_ISLNK(mode) else "not a regular file"


def _planned(parts: Names, seen: os.stat_result) -> PlannedFile:
    return PlannedFile(parts, seen.st_size, int(seen.st_mtime), bool(seen.st_mode & stat.S_IXUSR))


async def plan_download(
    sftp: "asyncssh.SFTPClient",
    source: str,
    destination: LocalPlace,
    *,
    into: bool = False,
    selection: Selection = WHOLE,
    limits: CopyLimits = CopyLimits(),
) -> CopyPlan:
    """What a download would fetch. Every name is judged: they are a stranger's.

    `into` puts the copy below the destination under the source's own name; so does a root, and
    for a single file a directory that stands there. `sftp` must give names
    as bytes (`open_sftp` does).

    Raises:
        PathRefused: the source is malformed.
        RemoteFailed: it does not exist or cannot be listed.
        CopyRefused: above a cap.
    """
    remote = remote_path(source)
    gathered = _Gathered(limits, selection)
    single = await _gather_remote(sftp, remote, gathered)
    name = posixpath.basename(remote)
    there = single and await in_thread(lambda: is_folder(destination))
    into = into or there or not destination.parts
    shown = "/".join(destination.parts) + "/" * into
    if remote != "." and goes_into(shown, name, single=single):
        destination = LocalPlace(destination.root, (*destination.parts, name))
    return gathered.plan("down", destination, remote, single)


async def survey_remote(
    sftp: "asyncssh.SFTPClient", path: str, limits: CopyLimits = CopyLimits()
) -> tuple[bool, tuple[PlannedFile, ...], int]:
    """Whether it is a single file, every regular file there, and how many others were left out.

    Raises:
        RemoteFailed: it does not exist or cannot be listed.
        CopyRefused: above a cap.
    """
    gathered = _Gathered(limits, Selection(allow_secrets=True))
    single = await _gather_remote(sftp, path, gathered)
    files = tuple(sorted(gathered.files, key=lambda file: file.parts))
    return single, files, gathered.skipped_count


async def _gather_remote(sftp: "asyncssh.SFTPClient", remote: str, gathered: _Gathered) -> bool:
    """Everything at and below a path of the machine; whether it is a single file."""
    import asyncssh  # noqa: PLC0415

    try:
        top = await sftp.stat(remote.encode())
        if top.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
            async for parts, seen in _remote_walk(sftp, remote, gathered):
                gathered.take(_planned_remote(parts, seen))
            return False
        if top.type != asyncssh.FILEXFER_TYPE_REGULAR:
            raise PathRefused(f"{clean_line(remote)} is not a regular file.")
        gathered.take(_planned_remote((posixpath.basename(remote),), top))
    except asyncssh.SFTPError as error:
        raise RemoteFailed(
            f"{clean_line(remote)} cannot be read on the machine: {clean_line(error.reason)}."
        ) from error
    return True


async def _remote_walk(
    sftp: "asyncssh.SFTPClient", remote: str, gathered: _Gathered
) -> AsyncIterator[tuple[Names, "asyncssh.SFTPAttrs"]]:
    pending: list[Names] = [()]
    while pending:
        below = pending.pop()
        async for entry in sftp.scandir(posixpath.join(remote, *below).encode()):
            name = _decoded(entry.filename)
            if name in {".", ".."}:
                continue
            parts = (*below, name)
            kind = _remote_kind(entry.attrs)
            if not gathered.wants(parts, kind):
                continue
            if kind == "directory":
                gathered.folders.append(parts)
                pending.append(parts)
            else:
                yield parts, entry.attrs


def _decoded(name: str | bytes) -> str:
    """Not Unicode becomes a lone surrogate, which no good name has."""
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def _remote_kind(seen: "asyncssh.SFTPAttrs") -> str:
    import asyncssh  # noqa: PLC0415

    kinds: dict[int, str] = {
        asyncssh.FILEXFER_TYPE_DIRECTORY: "directory",
        asyncssh.FILEXFER_TYPE_REGULAR: "file",
        asyncssh.FILEXFER_TYPE_SYMLINK: "a link",
    }
    return kinds.get(seen.type, "not a regular file")


def _planned_remote(parts: Names, seen: "asyncssh.SFTPAttrs") -> PlannedFile:
    executable = bool((seen.permissions or 0) & stat.S_IXUSR)
    return PlannedFile(parts, max(0, seen.size or 0), int(seen.mtime or 0), executable)


def by_folder(files: Sequence[PlannedFile]) -> tuple[Names, ...]:
    """The directories that these files need below the source, parents first."""
    needed = {file.parts[:depth] for file in files for depth in range(1, len(file.parts))}
    return tuple(sorted(needed))
