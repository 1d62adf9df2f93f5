"""SFTP and scp on a machine's disk: every path goes through `Disk`, so none leads out."""

import contextlib
import os
from collections.abc import AsyncIterator

import asyncssh

from vast_mcp.simulator.inside.disk import Disk


class DiskServer(asyncssh.SFTPServer):
    """The subsystem as `sshd` offers it, in a root of its own; owners are not changed."""

    def __init__(self, disk: Disk, channel: "asyncssh.SSHServerChannel[bytes]") -> None:
        super().__init__(channel)
        self._disk = disk

    def exit(self) -> None:
        """The end of the subsystem, with the status that `scp` waits for."""
        with contextlib.suppress(OSError, asyncssh.Error):
            self.channel.exit(0)

    def map_path(self, path: bytes) -> bytes:
        """Where it lies on the host; a link at the end is not followed."""
        return os.fsencode(self._disk.locate(os.fsdecode(path), follow=False))

    def reverse_map_path(self, path: bytes) -> bytes:
        """What is asked for here is a path of the machine already."""
        return path

    def _followed(self, path: bytes) -> bytes:
        return os.fsencode(self._disk.canonical(os.fsdecode(path)))

    def _regular(self, path: bytes) -> bytes:
        """The path with links followed; pipes and devices would block the server."""
        inside = self._followed(path)
        where = self._disk.locate(os.fsdecode(inside))
        if where.exists() and not where.is_file():
            raise asyncssh.SFTPFailure("not a regular file")
        return inside

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """A regular file."""
        return super().open(self._regular(path), pflags, attrs)

    def open56(
        self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs
    ) -> object:
        """A regular file, in newer versions of the protocol."""
        return super().open56(self._regular(path), desired_access, flags, attrs)

    def stat(self, path: bytes) -> os.stat_result:
        """Links followed."""
        return os.stat(os.fsdecode(self.map_path(self._followed(path))))  # noqa: PTH116

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Mode, times, size."""
        attrs.uid = attrs.gid = attrs.owner = attrs.group = None
        super().setstat(self._followed(path), attrs)

    def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """The same for a link itself."""
        attrs.uid = attrs.gid = attrs.owner = attrs.group = None
        super().lsetstat(path, attrs)

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        """The same for an open file."""
        attrs.uid = attrs.gid = attrs.owner = attrs.group = None
        super().fsetstat(file_obj, attrs)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """The names in a directory."""
        async for name in super().scandir(self._followed(path)):
            yield name

    def realpath(self, path: bytes) -> bytes:
        """The path inside the machine."""
        return self._followed(path)

    def readlink(self, path: bytes) -> bytes:
        """As the link was written."""
        return os.fsencode(os.readlink(os.fsdecode(self.map_path(path))))  # noqa: PTH115

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Kept as written; following it never leaves the machine."""
        os.symlink(oldpath, self.map_path(newpath))  # noqa: PTH211

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        """To what a link points at inside: some systems would follow it out of here themselves."""
        os.link(self.map_path(self._followed(oldpath)), self.map_path(newpath))

    def statvfs(self, path: bytes) -> os.statvfs_result:
        """Of the host's disk."""
        return os.statvfs(self.map_path(self._followed(path)))
