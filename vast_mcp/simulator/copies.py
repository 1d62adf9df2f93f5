"""Copies between machines and volumes that the hosts carry out by themselves.

They begin half a minute after they were asked for, take as long as the slower line needs, and say
how far they are in the destination's status text only. The official client prints that and no
more: that a copy has ended is nowhere reported, and so it is here.

See docs/vendor-api.md#copying.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import basename, join, normpath
from typing import TYPE_CHECKING, Protocol

from vast_mcp.simulator.book import Book
from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.inside.disk import Disk
from vast_mcp.simulator.machines import Machine

if TYPE_CHECKING:
    from vast_mcp.simulator.world import Volume

BEGINS_AFTER_US = 30_000_000
_STEPS = 10
_LOCAL_MBPS = 8_000.0
_NEVER_US = 1 << 62
_BREAKS_SSH = ("/", "/root")
_LOCKED_OUT_US = 1 << 61


class Store(Protocol):
    """Where files lie: a real disk, or names with sizes as long as no machine can be entered."""

    def below(self, path: str) -> dict[str, int]:
        """Sizes of what a copy of this path moves, by the name it gets below the destination."""
        ...

    def is_directory(self, path: str) -> bool:
        """Whether a directory stands there."""
        ...


@dataclass(frozen=True, slots=True)
class Names:
    """Files without content."""

    files: dict[str, int]

    def below(self, path: str) -> dict[str, int]:
        """A slash at the end means the directory's content, none the thing itself, as in rsync."""
        top = normpath(path)
        if top in self.files:
            return {basename(top): self.files[top]}
        head = "" if path.endswith("/") else f"{basename(top)}/"
        start = top.rstrip("/") + "/"
        found = ((name, size) for name, size in self.files.items() if name.startswith(start))
        return {head + name.removeprefix(start): size for name, size in found}

    def is_directory(self, path: str) -> bool:
        """Whether anything lies below."""
        start = normpath(path).rstrip("/") + "/"
        return any(name.startswith(start) for name in self.files)


@dataclass(frozen=True, slots=True)
class Real:
    """The private directory of a machine or volume."""

    disk: Disk

    def below(self, path: str) -> dict[str, int]:
        """Regular files and links; a link has no size."""
        return {name: size for name, size, _ in self.entries(path)}

    def entries(self, path: str) -> Iterator[tuple[str, int, Path]]:
        """The same, with where each lies on this host."""
        top = self.disk.locate(path)
        if top.is_file():
            yield basename(normpath(path)), top.stat().st_size, top
            return
        head = "" if path.endswith("/") else f"{basename(normpath(path))}/"
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                where = Path(folder) / name
                size = 0 if where.is_symlink() else where.stat().st_size
                if where.is_symlink() or where.is_file():
                    yield head + where.relative_to(top).as_posix(), size, where

    def is_directory(self, path: str) -> bool:
        """Whether a directory stands there."""
        return self.disk.locate(path).is_dir()


@dataclass(slots=True)
class End:
    """One side of a copy: a machine, or a volume beside one."""

    machine: Machine
    contract: Contract | None = None
    volume: "Volume | None" = None

    @property
    def store(self) -> Store:
        """Its files, as they are now."""
        owner = self.contract or self.volume
        if owner is None or owner.disk is None:
            return Names({} if owner is None else owner.files)
        return Real(owner.disk)

    @property
    def reachable(self) -> bool:
        """Stopped ones are; a host that is not heard is not."""
        return self.contract is None or self.contract.state.charges


@dataclass(slots=True)
class Copy:
    """One copy while it lasts. `left` are the files still to come."""

    source: End
    target: End
    src_path: str
    dst_path: str
    due_us: int
    began_us: int | None = None
    lasts_us: int = 0
    left: list[tuple[str, int]] = field(default_factory=list)
    total: int = 0
    moved: int = 0

    def begin(self, now_us: int) -> None:
        """See what is to be moved, and how long the slower of both lines needs for it."""
        self.began_us = now_us
        self.left = list(self.source.store.below(self.src_path).items())
        self.total = sum(size for _, size in self.left)
        mbps = _LOCAL_MBPS
        if self.source.machine.id != self.target.machine.id:
            mbps = min(self.source.machine.inet_up_mbps, self.target.machine.inet_down_mbps)
        self.lasts_us = int(self.total * 8 / mbps) + 1_000_000

    def advance(self, now_us: int) -> None:
        """Put down the files that have arrived by now."""
        share = min(1.0, (now_us - (self.began_us or now_us)) / max(1, self.lasts_us))
        single = len(self.left) == 1 and self.moved == 0 and self._names_file(self.left[0][0])
        source = self.source.store
        lie: dict[str, Path] = {}
        if isinstance(source, Real):
            lie = {name: where for name, _, where in source.entries(self.src_path)}
        while self.left and self.moved + self.left[0][1] <= share * self.total:
            name, size = self.left.pop(0)
            path = self.dst_path if single else join(self.dst_path, name)
            if name in lie or not isinstance(source, Real):  # it may be gone by now
                put(self.target.store, path, size, lie.get(name))
            self.moved += size
        if self.target.contract is not None:
            self.target.contract.status_note = f"Copying {share:.0%}" if share < 1 else None
        self.due_us = now_us + max(1, self.lasts_us // _STEPS)

    @property
    def ended(self) -> bool:
        """Whether all is there."""
        return self.began_us is not None and not self.left

    def _names_file(self, name: str) -> bool:
        """A single file takes the destination for its name, unless that is a directory."""
        same = name == basename(normpath(self.src_path)) and not self.src_path.endswith("/")
        onto = self.dst_path.endswith("/") or self.target.store.is_directory(self.dst_path)
        return same and not onto


def put(target: Store, path: str, size: int, content: Path | None) -> None:
    """One file at that path of the destination; without content it holds zeros."""
    if isinstance(target, Names):
        target.files[normpath(path)] = size
    elif isinstance(target, Real) and content is None:
        target.disk.put(path, size)
    elif isinstance(target, Real):
        onto = target.disk.locate(path, follow=False)
        onto.parent.mkdir(parents=True, exist_ok=True)
        onto.unlink(missing_ok=True)
        shutil.copy2(content or "", onto, follow_symlinks=False)


class Copies:
    """All copies under way."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.running: list[Copy] = []

    def begin(self, source: End, target: End, src_path: str, dst_path: str, now_us: int) -> None:
        """Ask for one."""
        due_us = now_us + BEGINS_AFTER_US
        self.running.append(Copy(source, target, src_path, dst_path, due_us))

    def cancel(self, target: Contract | None, volume: "Volume | None") -> None:
        """End those onto this one; files that are complete stay."""
        for copy in list(self.running):
            if copy.target.contract is target and copy.target.volume is volume:
                self._end(copy)

    def next_due_us(self) -> int:
        """When anything happens next to any of them."""
        return min((copy.due_us for copy in self.running), default=_NEVER_US)

    def step(self, now_us: int) -> None:
        """Everything due at this instant."""
        for copy in [copy for copy in self.running if copy.due_us <= now_us]:
            ends = (copy.source, copy.target)
            if any(end.contract and end.contract.destroyed_us is not None for end in ends):
                self._end(copy)
            elif not all(end.reachable for end in ends):
                copy.due_us = now_us + BEGINS_AFTER_US
            else:
                self._go_on(copy, now_us)

    def _go_on(self, copy: Copy, now_us: int) -> None:
        before = copy.moved
        try:
            if copy.began_us is None:
                copy.begin(now_us)
            copy.advance(now_us)
        except OSError:
            self._end(copy)  # a path that cannot be: nobody is told, as nobody is told of the end
            return
        self._charge(copy, copy.moved - before, now_us)
        if copy.ended:
            self._end(copy)
            target = copy.target.contract
            if target is not None and normpath(copy.dst_path) in _BREAKS_SSH:
                target.keys_usable_us.update({key["id"]: _LOCKED_OUT_US for key in target.keys})

    def _charge(self, copy: Copy, count: int, now_us: int) -> None:
        """Traffic of both sides; within one machine it is free (docs/vendor-api.md#copying)."""
        source, target = copy.source, copy.target
        if source.machine.id == target.machine.id:
            return
        for end, kind, rate in (
            (source, "bwu", source.machine.inet_up_usd_per_gb),
            (target, "bwd", target.machine.inet_down_usd_per_gb),
        ):
            if end.contract is not None:
                account = self._book.account(f"instance-{end.contract.id}")
                account.charge(now_us, kind, count / 1e9 * rate)

    def _end(self, copy: Copy) -> None:
        self.running.remove(copy)
        if copy.target.contract is not None:
            copy.target.contract.status_note = None
