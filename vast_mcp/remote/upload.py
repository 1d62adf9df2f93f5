"""Files to the machine: staged beside their place, compared by checksum, then moved in.

An interrupted upload leaves its stage; the same upload again goes on where it stopped.
"""

import hashlib
import os
import posixpath
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from vast_mcp.clock import Clock
from vast_mcp.remote.blocks import resume_offset, send_file
from vast_mcp.remote.checksums import as_operand, local_digest, remote_digests, script_line
from vast_mcp.remote.errors import CopyDamaged, PathRefused, RemoteFailed
from vast_mcp.remote.paths import Tree
from vast_mcp.remote.pipe import pipe
from vast_mcp.remote.plan import PARTIAL, CopyPlan, PlannedFile, by_folder
from vast_mcp.remote.progress import CopyReport, Meter, Report, Verified
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.sftp import (
    FileStat,
    each,
    is_directory,
    list_files,
    make_directories,
    move_over,
    open_sftp,
    remove_folder,
)
from vast_mcp.remote.tar_stream import end, header, padding
from vast_mcp.remote.threads import in_thread

if TYPE_CHECKING:
    import asyncssh

SMALL = 256 * 1024
"""Up to this size a file travels in the stream of small ones."""
FEW = 16
"""From this many small files on, a stream is worth its start."""
_CHUNK = 1024 * 1024
# -o: the files belong to whoever unpacks, not to the numbers in the archive.
_UNPACK = 'mkdir -p -- "$1" && cd -- "$1" && exec tar -xof -'


async def upload(
    session: SshSession, plan: CopyPlan, *, clock: Clock, progress: Report | None = None
) -> CopyReport:
    """Carry out a planned upload.

    Nothing at the destination changes before everything has arrived and been compared; then each
    file is put in place in one step.

    Raises:
        SshUnavailable: the connection was lost; the same upload again goes on.
        CopyDamaged: a file arrived differently twice.
        RemoteFailed: the machine refused something, such as for want of space.
    """
    meter = Meter(clock, progress, total_bytes=plan.total_bytes, files=len(plan.files))
    async with open_sftp(session) as sftp:
        with Tree(plan.local.root) as tree:
            return await _Upload(session, sftp, tree, plan, meter).run()


class _Upload:
    """One upload while it runs. Names in it are paths below the source."""

    def __init__(
        self,
        session: SshSession,
        sftp: "asyncssh.SFTPClient",
        tree: Tree,
        plan: CopyPlan,
        meter: Meter,
    ) -> None:
        self._session = session
        self._sftp = sftp
        self._tree = tree
        self._plan = plan
        self._meter = meter
        self._files = {_name(plan, file): file for file in plan.files}
        self._base = posixpath.dirname(plan.remote) or "." if plan.single else plan.remote
        self._stage = ""
        self._fresh = False
        self._sent: dict[str, str] = {}
        self._changed: list[str] = []
        self._verified: Verified = "sha256"

    async def run(self) -> CopyReport:
        await self._open_stage()
        unchanged, staged = await self._compare()
        wanted = [name for name in self._files if name not in unchanged]
        self._meter.phase("moving")
        await self._send(wanted, staged)
        await self._verify()
        self._meter.phase("placing")
        await self._place()
        self._meter.phase("done")
        return CopyReport(
            files=len(self._sent),
            unchanged=len(unchanged),
            moved_bytes=self._meter.moved,
            resumed_bytes=self._meter.resumed,
            moving_s=self._meter.moving_s,
            elapsed_s=self._meter.elapsed_s,
            digests=unchanged | self._sent,
            changed=tuple(self._changed),
            verified=self._verified,
        )

    async def _open_stage(self) -> None:
        """Inside the destination if that exists, else beside it: a rename must not cross disks."""
        known = f"{self._plan.local.path}\0{self._plan.remote}"
        name = PARTIAL + hashlib.sha256(known.encode()).hexdigest()[:16]
        self._fresh = not await is_directory(self._sftp, self._base)
        beside = self._fresh and not self._plan.single
        parent = (posixpath.dirname(self._base) or ".") if beside else self._base
        self._stage = posixpath.join(parent, name)
        self._fresh = beside
        await make_directories(self._sftp, self._stage, [()])

    async def _compare(self) -> tuple[dict[str, str], dict[str, FileStat]]:
        """What need not be sent: unchanged in place (by content), and what the stage has."""
        folders = by_folder(self._plan.files)
        staged = await list_files(self._sftp, self._stage, folders)
        there = {} if self._fresh else await list_files(self._sftp, self._base, folders)
        same = [name for name, file in self._files.items() if _is(there.get(name), file)]
        if not same:
            return {}, staged
        ours = await in_thread(lambda: {name: self._digest(name) for name in same})
        theirs, _ = await remote_digests(self._session, self._sftp, self._base, same)
        unchanged = {n: d for n, d in ours.items() if d is not None and theirs.get(n) == d}
        for name in unchanged:
            self._meter.there(self._files[name].size)
            self._meter.file_done()
        return unchanged, staged

    def _digest(self, name: str) -> str | None:
        with suppress(PathRefused):
            descriptor, seen = self._tree.open_file(self._plan.local_parts(self._files[name]))
            try:
                if seen.st_size == self._files[name].size:
                    return local_digest(descriptor, seen.st_size).hexdigest()
            finally:
                os.close(descriptor)
        return None

    async def _send(self, names: Iterable[str], staged: dict[str, FileStat]) -> None:
        small: list[str] = []
        big: list[str] = []
        for name in names:
            if _is(staged.get(name), self._files[name]):
                await self._keep_staged(name)
            else:
                (small if self._files[name].size <= SMALL else big).append(name)
        if len(small) >= FEW:
            await self._send_stream(small)
            small = [n for n in small if n not in self._sent and n not in self._changed]
        rest = sorted(small + big)
        await make_directories(
            self._sftp, self._stage, by_folder([self._files[name] for name in rest])
        )
        await each(self._send_one, [name for name in rest if self._files[name].size <= SMALL])
        for name in rest:
            if self._files[name].size > SMALL:
                present = staged[name].size if name in staged else 0
                await self._send_one(name, resume_offset(present, self._files[name].size))

    async def _keep_staged(self, name: str) -> None:
        digest = await in_thread(lambda: self._digest(name))
        if digest is None:
            self._changed.append(name)
        else:
            self._sent[name] = digest
            self._meter.there(self._files[name].size, resumed=True)
            self._meter.file_done()

    async def _send_one(self, name: str, offset: int = 0) -> None:
        file = self._files[name]
        try:
            descriptor, seen = self._tree.open_file(self._plan.local_parts(file))
        except PathRefused:
            self._changed.append(name)
            return
        try:
            if seen.st_size != file.size:
                self._changed.append(name)
                return
            self._meter.there(offset, resumed=True)
            self._sent[name] = await send_file(
                self._sftp,
                descriptor,
                posixpath.join(self._stage, name),
                size=file.size,
                mtime_s=file.mtime_s,
                executable=file.executable,
                offset=offset,
                meter=self._meter,
            )
        finally:
            os.close(descriptor)
        self._meter.file_done()

    async def _send_stream(self, names: list[str]) -> None:
        """Small files as one archive; if the machine cannot unpack, they go one by one."""
        packed: dict[str, str] = {}
        try:
            line = script_line(_UNPACK, as_operand(self._stage))
            ended = await pipe(self._session, line, feed=self._packed(names, packed))
        except RemoteFailed:
            return
        if ended.exit_code == 0:
            self._sent |= packed
            for _ in packed:
                self._meter.file_done()

    async def _packed(self, names: list[str], packed: dict[str, str]) -> AsyncIterator[bytes]:
        pending = iter(names)
        while chunk := await in_thread(lambda: self._pack(pending, packed)):
            self._meter.add(len(chunk))
            yield chunk
        yield end()

    def _pack(self, pending: Iterable[str], packed: dict[str, str]) -> bytes:
        chunk = bytearray()
        for name in pending:
            file = self._files[name]
            try:
                data = self._whole(file)
            except PathRefused:
                data = None
            if data is None:
                self._changed.append(name)
                continue
            packed[name] = hashlib.sha256(data).hexdigest()
            mode = 0o755 if file.executable else 0o644
            chunk += header(f"./{name}", file.size, file.mtime_s, mode) + data + padding(file.size)
            if len(chunk) >= _CHUNK:
                break
        return bytes(chunk)

    def _whole(self, file: PlannedFile) -> bytes | None:
        descriptor, _ = self._tree.open_file(self._plan.local_parts(file))
        with os.fdopen(descriptor, "rb") as opened:
            data = opened.read(file.size + 1)
        return data if len(data) == file.size else None

    async def _verify(self) -> None:
        """Compare all that arrived; send once more what differs."""
        self._meter.phase("verifying")
        for last in (False, True):
            names = list(self._sent)
            theirs, self._verified = await remote_digests(
                self._session, self._sftp, self._stage, names
            )
            bad = [name for name in names if theirs.get(name) != self._sent[name]]
            if not bad:
                return
            if last:
                raise CopyDamaged(
                    f"{len(bad)} of {len(names)} files arrived differently twice; none was put in"
                    " place.",
                    hint="Its disk may be full or failing: check with `df -h`.",
                )
            for name in bad:
                del self._sent[name]
                await self._send_one(name)

    async def _place(self) -> None:
        if self._fresh and not self._changed:
            await make_directories(self._sftp, self._stage, self._plan.folders)
            await move_over(self._sftp, self._stage, self._base)
            return
        folders = () if self._plan.single else self._plan.folders
        await make_directories(self._sftp, self._base, [(), *folders])
        await each(self._place_one, list(self._sent))
        await remove_folder(self._sftp, self._stage)

    async def _place_one(self, name: str) -> None:
        target = self._plan.remote_name(self._files[name])
        await move_over(self._sftp, posixpath.join(self._stage, name), target)


def _name(plan: CopyPlan, file: PlannedFile) -> str:
    """Below the stage; a single file already has the name it gets."""
    return posixpath.basename(plan.remote) if plan.single else file.name


def _is(seen: FileStat | None, file: PlannedFile) -> bool:
    return seen is not None and (seen.size, seen.mtime_s) == (file.size, file.mtime_s)
