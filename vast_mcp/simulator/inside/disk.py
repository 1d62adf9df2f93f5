"""A machine's disk: a private directory that stands for `/`, and volumes mounted into it.

No path leads out. Links are followed here, one by one, as inside a chroot, and never by the
operating system: what `locate` answers contains no link any more.
"""

import contextlib
import errno
import os
import shutil
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

_MOST_LINKS = 40
_STANDARD = ("etc", "home", "opt", "root/.ssh", "tmp", "usr", "var/log", "workspace")
HOME = "/root"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a directory."""

    name: str
    size: int
    is_directory: bool


@dataclass(slots=True)
class Disk:
    """`mounts`: absolute path inside the machine to the directory of a volume."""

    root: Path
    mounts: dict[str, Path] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the directories that every image has, and those that volumes are mounted on."""
        for behind in self.mounts.values():
            behind.mkdir(parents=True, exist_ok=True)
        for name in _STANDARD:
            self._make_folder(name)
        for path in self.mounts:
            self._make_folder(path, mount=True)

    def _make_folder(self, path: str, *, mount: bool = False) -> None:
        """Like `mkdir -p`, but a link that a program left in the way is followed in here only."""
        at = "/"
        for part in path.strip("/").split("/"):
            at = self.canonical(part, cwd=at)
            where = self.root / at.strip("/") if mount else self.locate(at)
            if not where.is_dir():
                with contextlib.suppress(FileExistsError, NotADirectoryError):
                    where.mkdir(parents=True)  # a resolved path: no part of it is a link

    def write(self, path: str, text: str) -> None:
        """What the container's start writes; whatever a program left under that name goes.

        Raises:
            OSError: its directory is none any more.
        """
        folder, _, name = path.rpartition("/")
        where = self.locate(folder or "/") / name
        if where.is_symlink() or (where.exists() and not where.is_dir()):
            where.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(where, flags, 0o644), "w", encoding="utf-8") as file:
            file.write(text)

    def wipe(self) -> None:
        """A fresh container: everything is gone except what lies on volumes."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(mode=0o700)
        self.prepare()

    def canonical(self, path: str, *, cwd: str = HOME, follow: bool = True) -> str:
        """The absolute path inside the machine with every link resolved.

        `follow=False` leaves a link alone that is the last part. Parts that do not exist pass.

        Raises:
            OSError: links lead in a circle, or the path holds a zero byte.
        """
        if "\0" in path:
            raise OSError(errno.EINVAL, "Invalid argument", path)
        left = deque((path if path.startswith("/") else f"{cwd}/{path}").split("/"))
        done: list[str] = []
        hops = 0
        while left:
            part = left.popleft()
            if part in ("", "."):
                continue
            if part == "..":
                del done[-1:]
                continue
            here = self._host([*done, part])
            if here.is_symlink() and (follow or any(left)):
                hops += 1
                if hops > _MOST_LINKS:
                    raise OSError(errno.ELOOP, "Too many levels of symbolic links", path)
                target = here.readlink().as_posix()
                done = [] if target.startswith("/") else done
                left.extendleft(reversed(target.split("/")))
                continue
            done.append(part)
        return "/" + "/".join(done)

    def locate(self, path: str, *, cwd: str = HOME, follow: bool = True) -> Path:
        """Where a path of the machine lies on the host: always inside the private directory."""
        return self._host(self.canonical(path, cwd=cwd, follow=follow).strip("/").split("/"))

    def _host(self, parts: list[str]) -> Path:
        inside = "/" + "/".join(parts)
        for mount, behind in self.mounts.items():
            if inside == mount or inside.startswith(mount + "/"):
                return behind.joinpath(*inside[len(mount) :].strip("/").split("/"))
        return self.root.joinpath(*parts)

    def inside(self, host_path: object) -> str:
        """A path as the machine knows it, out of what an error of the host names."""
        text = str(host_path or "")
        for mount, behind in self.mounts.items():
            text = text.replace(str(behind), mount)
        return text.removeprefix(str(self.root))

    def open(self, path: str, flags: int, *, cwd: str = HOME) -> int:
        """A descriptor of a regular file; anything else could block whoever opens it.

        Raises:
            OSError: as the operating system says, or EACCES for what is not a regular file.
        """
        where = self.locate(path, cwd=cwd)
        if where.exists() and not where.is_file():
            if where.is_dir():
                raise OSError(errno.EISDIR, "Is a directory", path)
            raise OSError(errno.EACCES, "Not a regular file", path)
        return os.open(where, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)

    def put(self, path: str, size: int) -> None:
        """Make a file of that size, its directories too; it holds nothing but zeros."""
        where = self.locate(path)
        where.parent.mkdir(parents=True, exist_ok=True)
        with where.open("wb") as file:
            file.truncate(size)

    def entries(self, path: str) -> list[Entry]:
        """What a directory holds by name, or the file itself.

        Raises:
            OSError: there is no such path.
        """
        where = self.locate(path)
        if not where.is_dir():
            return [Entry(where.name, where.stat().st_size, is_directory=False)]
        found = sorted(where.iterdir(), key=lambda one: one.name)
        return [Entry(x.name, x.lstat().st_size, x.is_dir() and not x.is_symlink()) for x in found]

    def used_bytes(self, path: str = "/") -> int:
        """The sizes of all files at and below a path, volumes left out; 0 if there is none."""
        where = self.locate(path)
        if where.is_file():
            return where.stat().st_size
        return sum(
            (Path(folder) / name).lstat().st_size
            for folder, _, names in os.walk(where)
            for name in names
        )

    def remove(self, path: str) -> None:
        """Remove a file, a link, or a directory with all below; a mount point is only emptied.

        Raises:
            OSError: there is no such path.
        """
        where = self.locate(path, follow=False)
        if where.is_dir() and not where.is_symlink():
            for inner in list(where.iterdir()):
                if inner.is_dir() and not inner.is_symlink():
                    shutil.rmtree(inner)
                else:
                    inner.unlink()
            kept = {self.root, *self.mounts.values()}
            if where not in kept and not self._holds_mount(where):
                where.rmdir()
        else:
            where.unlink()

    def _holds_mount(self, where: Path) -> bool:
        points = [self.root / mount.strip("/") for mount in self.mounts]
        return any(where == point or where in point.parents for point in points)
