"""Files from the machine: into a private stage, compared by checksum, then moved in.

What the machine says is a stranger's word: names were judged by the plan, sizes are held to it,
and nothing is written outside the stage before it is whole.
"""

import fcntl
import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from vast_mcp.clock import Clock
from vast_mcp.remote.blocks import receive_file, resume_offset
from vast_mcp.remote.checksums import (
    as_operand,
    local_digest,
    nul_separated,
    remote_digests,
    script_line,
)
from vast_mcp.remote.errors import (
    CopyDamaged,
    CopyRefused,
    PathRefused,
    RemoteFailed,
    SshUnavailable,
)
from vast_mcp.remote.paths import STAGE, Tree
from vast_mcp.remote.pipe import pipe
from vast_mcp.remote.plan import FREE_DISK_FLOOR_BYTES, CopyPlan, PlannedFile
from vast_mcp.remote.progress import CopyReport, Meter, Report, Verified
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.sftp import each, open_sftp
from vast_mcp.remote.tar_stream import FileBegins, FileEnds, TarReader
from vast_mcp.remote.threads import in_thread
from vast_mcp.remote.upload import FEW, SMALL

if TYPE_CHECKING:
    import asyncssh

_GB = 1_000_000_000
# GNU tar only: the others have no list of names that is safe from options.
_PACK = """cd -- "$1" || exit 9
case $(tar --version 2>/dev/null) in *"GNU tar"*) ;; *) exit 8;; esac
exec tar --format=gnu --no-recursion --hard-dereference --ignore-failed-read \
--null --verbatim-files-from -T - -cf -"""


async def download(
    session: SshSession,
    plan: CopyPlan,
    *,
    clock: Clock,
    free_disk_floor_bytes: int = FREE_DISK_FLOOR_BYTES,
    progress: Report | None = None,
) -> CopyReport:
    """Carry out a planned download.

    Raises:
        CopyRefused: the disk would be fuller than the floor allows; nothing was fetched.
        CopyDamaged: a file arrived differently twice; the others are in place.
        PathRefused: the destination leads out of its root.
    """
    meter = Meter(clock, progress, total_bytes=plan.total_bytes, files=len(plan.files))
    known = f"{session.instance_id}\0{plan.remote}\0{plan.local.path}"
    stage = (STAGE, hashlib.sha256(known.encode()).hexdigest()[:16])
    async with open_sftp(session) as sftp:
        with Tree(plan.local.root, make=True) as tree, _alone(tree, stage):
            work = _Download(session, sftp, tree, plan, meter, stage)
            return await work.run(free_disk_floor_bytes)


@contextmanager
def _alone(tree: Tree, stage: tuple[str, ...]) -> Iterator[None]:
    """Hold the stage, also against other servers: whoever ends first takes it away with him.

    The operating system lets go of it when a process dies.
    """
    handle = os.dup(tree.directory(stage, make=True))
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            seen = tree.lstat(stage)
            free = seen is not None and seen.st_ino == os.fstat(handle).st_ino
        except BlockingIOError:
            free = False
        except OSError:  # a file system without locks
            free = True
        if not free:
            raise SshUnavailable(
                "The same copy is already running.",
                reason="busy",
                hint="Wait for it to end; the same call then finds the files in place.",
            )
        yield
    finally:
        os.close(handle)


class _Download:
    """One download while it runs. Names in it are paths below the source."""

    def __init__(
        self,
        session: SshSession,
        sftp: "asyncssh.SFTPClient",
        tree: Tree,
        plan: CopyPlan,
        meter: Meter,
        stage: tuple[str, ...],
    ) -> None:
        self._session = session
        self._sftp = sftp
        self._tree = tree
        self._plan = plan
        self._meter = meter
        self._stage = stage
        self._files = {file.name: file for file in plan.files}
        self._base = posixpath.dirname(plan.remote) or "." if plan.single else plan.remote
        self._got: dict[str, str] = {}
        self._changed: list[str] = []
        self._verified: Verified = "sha256"

    async def run(self, floor_bytes: int) -> CopyReport:
        unchanged = await self._compare()
        wanted = [name for name in self._files if name not in unchanged]
        await in_thread(lambda: self._make_room(wanted, floor_bytes))
        self._meter.phase("moving")
        await self._fetch(wanted)
        bad = await self._verify()
        self._meter.phase("placing")
        await in_thread(self._place)
        if bad:
            raise CopyDamaged(
                f"{len(bad)} of {len(wanted)} files arrived differently twice and were not put in"
                " place; the others were.",
                hint="Copy them again when nothing is writing to them.",
            )
        self._meter.phase("done")
        return CopyReport(
            files=len(self._got),
            unchanged=len(unchanged),
            moved_bytes=self._meter.moved,
            resumed_bytes=self._meter.resumed,
            moving_s=self._meter.moving_s,
            elapsed_s=self._meter.elapsed_s,
            digests=unchanged | self._got,
            changed=tuple(self._changed),
            verified=self._verified,
        )

    async def _compare(self) -> dict[str, str]:
        """Files that are in place already, by content."""
        ours = await in_thread(self._present)
        theirs, _ = await remote_digests(self._session, self._sftp, self._base, list(ours))
        unchanged = {name: digest for name, digest in ours.items() if theirs.get(name) == digest}
        for name in unchanged:
            self._meter.there(self._files[name].size)
            self._meter.file_done()
        return unchanged

    def _present(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, file in self._files.items():
            parts = self._plan.local_parts(file)
            seen = self._tree.lstat(parts)
            if seen is None or (seen.st_size, int(seen.st_mtime)) != (file.size, file.mtime_s):
                continue
            with suppress(PathRefused):
                descriptor, seen = self._tree.open_file(parts)
                try:
                    found[name] = local_digest(descriptor, seen.st_size).hexdigest()
                finally:
                    os.close(descriptor)
        return found

    def _make_room(self, names: Iterable[str], floor_bytes: int) -> None:
        self._tree.directory(self._stage, make=True)
        needed = 0
        for name in names:
            seen = self._tree.lstat((*self._stage, _staged(self._files[name])))
            needed += max(0, self._files[name].size - (seen.st_size if seen else 0))
        left = self._tree.free_bytes() - needed
        if needed and left < floor_bytes:
            raise CopyRefused(
                f"{needed / _GB:.1f} GB would leave {max(0, left) / _GB:.1f} GB free on this"
                f" disk; {floor_bytes / _GB:g} GB must stay free.",
                hint="Free some space, or leave some out with exclude.",
            )

    async def _fetch(self, names: list[str]) -> None:
        small = [name for name in names if self._files[name].size <= SMALL]
        if len(small) >= FEW:
            await self._fetch_stream(small)
        rest = [name for name in names if name not in self._got and name not in self._changed]
        await each(self._fetch_one, [name for name in rest if self._files[name].size <= SMALL])
        for name in rest:
            if self._files[name].size > SMALL:
                await self._fetch_one(name)

    async def _fetch_one(self, name: str, *, resume: bool = True) -> None:
        import asyncssh  # noqa: PLC0415

        file = self._files[name]
        descriptor = self._tree.open_stage(self._stage, _staged(file))
        try:
            present = os.fstat(descriptor).st_size if resume else 0
            # Whole already: only the digest is missing, and it decides whether that is true.
            offset = present if present == file.size else resume_offset(present, file.size)
            self._meter.there(offset, resumed=True)
            self._got[name] = await receive_file(
                self._session,
                self._sftp,
                posixpath.join(self._base, name),
                descriptor,
                size=file.size,
                offset=offset,
                stream=file.size > SMALL,
                meter=self._meter,
            )
        except (RemoteFailed, asyncssh.SFTPError):
            if self._session.closed:  # the machine is gone, not the file
                raise
            self._changed.append(name)
        finally:
            os.close(descriptor)
        self._meter.file_done()

    async def _fetch_stream(self, names: list[str]) -> None:
        """Small files as one archive, read strictly; what does not come is fetched one by one."""
        reader = TarReader({name: self._files[name].size for name in names})
        unpacked = _Unpacked(self._tree, self._stage, self._files, reader)

        async def take(data: bytes) -> None:
            self._meter.add(len(data))
            for name, digest in await in_thread(lambda: unpacked.take(data)):
                self._got[name] = digest
                self._meter.file_done()

        try:
            line = script_line(_PACK, as_operand(self._base))
            await pipe(self._session, line, feed=nul_separated(names), take=take)
        except RemoteFailed:
            return
        finally:
            unpacked.close()
        self._changed.extend(reader.changed)

    async def _verify(self) -> list[str]:
        """Compare all that arrived, fetch once more what differs; what still does is returned."""
        self._meter.phase("verifying")
        bad: list[str] = []
        for last in (False, True):
            names = list(self._got)
            theirs, verified = await remote_digests(self._session, self._sftp, self._base, names)
            self._verified = verified
            bad = [name for name in names if theirs.get(name) != self._got[name]]
            for name in bad:
                del self._got[name]
                if not last:
                    await self._fetch_one(name, resume=False)
            if not bad:
                break
        return bad

    def _place(self) -> None:
        for name in self._got:
            file = self._files[name]
            descriptor = self._tree.open_stage(self._stage, _staged(file))
            try:
                os.fchmod(descriptor, 0o644)  # never executable: a stranger wrote it
                os.utime(descriptor, (file.mtime_s, file.mtime_s))
                os.fsync(descriptor) if file.size > SMALL else None
            finally:
                os.close(descriptor)
            self._tree.move(self._stage, _staged(file), self._plan.local_parts(file))
        for folder in self._plan.folders:
            self._tree.directory((*self._plan.local.parts, *folder), make=True)
        self._tree.remove_stage(self._stage)


class _Unpacked:
    """Writes what the strict reader gives into the stage. Runs in a thread, one call at a time."""

    def __init__(
        self,
        tree: Tree,
        stage: tuple[str, ...],
        files: dict[str, PlannedFile],
        reader: TarReader,
    ) -> None:
        self._tree = tree
        self._stage = stage
        self._files = files
        self._reader = reader
        self._descriptor = -1
        self._digest = hashlib.sha256()

    def take(self, data: bytes) -> list[tuple[str, str]]:
        """Write these bytes; the files that they complete, with digests."""
        complete: list[tuple[str, str]] = []
        for event in self._reader.feed(data):
            if isinstance(event, FileBegins):
                staged = _staged(self._files[event.name])
                self._descriptor = self._tree.open_stage(self._stage, staged)
                os.ftruncate(self._descriptor, 0)
                self._digest = hashlib.sha256()
            elif isinstance(event, FileEnds):
                self.close()
                complete.append((event.name, self._digest.hexdigest()))
            else:
                os.write(self._descriptor, event)
                self._digest.update(event)
        return complete

    def close(self) -> None:
        """Give back the handle of a file that is not complete."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _staged(file: PlannedFile) -> str:
    """A name of ours, not the machine's; another version of the file gets another one."""
    known = f"{file.name}\0{file.size}\0{file.mtime_s}"
    return hashlib.sha256(known.encode()).hexdigest()[:32]
