"""Whether a copy that the vendor's machines carry out has arrived, as seen from both ends.

The vendor takes such a copy on and never says that it is done. So its end is looked
at: what shall come is listed on the source, what has come on the target, and when the sizes agree
both ends compute checksums. Only equal ones count as done.

See docs/vendor-api.md#copying.
"""

import posixpath
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vast_mcp.clock import Clock
from vast_mcp.remote.checksums import remote_digests
from vast_mcp.remote.errors import CopyDamaged, CopyRefused, RemoteFailed
from vast_mcp.remote.plan import PlannedFile, by_folder, survey_remote
from vast_mcp.remote.progress import CopyReport, Meter, Report
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.sftp import is_directory, list_files, open_sftp, told
from vast_mcp.text import clean_line

if TYPE_CHECKING:
    pass

LOOK_EVERY_S = 8.0
"""Between two looks at the target."""
PATIENCE_S = 600.0
"""A copy of which nothing more arrives for so long is given up; the vendor may go on with it."""
Enter = Callable[[], AbstractAsyncContextManager[SshSession]]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a copy of a path would move: regular files only, links are not followed."""

    path: str
    single: bool
    files: tuple[PlannedFile, ...]
    left_out: int
    """Links, devices and names that cannot be compared; the vendor may copy them all the same."""

    @property
    def base(self) -> str:
        """What the files' names are below."""
        return posixpath.dirname(self.path) if self.single else self.path

    @property
    def sizes(self) -> Mapping[str, int]:
        """By name below the base."""
        return {file.name: file.size for file in self.files}


async def survey(session: SshSession, path: str) -> Survey:
    """See what lies there.

    Raises:
        RemoteFailed: nothing does, or it cannot be read.
        CopyRefused: no file, or more than anybody compares.
    """
    async with open_sftp(session) as sftp:
        single, files, left_out = await survey_remote(sftp, path)
    if not files:
        raise CopyRefused(f"{clean_line(path)} has no files on the source.")
    return Survey(path, single, files, left_out)


@dataclass(frozen=True, slots=True)
class Expected:
    """A copy that was asked for: `place` is the name the thing itself gets on the target."""

    survey: Survey
    place: str

    @property
    def base(self) -> str:
        """What the files' names are below, over there."""
        return posixpath.dirname(self.place) if self.survey.single else self.place

    def named(self, name: str) -> str:
        """A file's name below that base; a single file may get a new one."""
        return posixpath.basename(self.place) if self.survey.single else name


async def arrived(session: SshSession, expected: Expected) -> frozenset[str]:
    """The files that stand on the target in their full size, by their names on the source.

    Raises:
        RemoteFailed: a directory stands where a single file is to go.
    """
    async with open_sftp(session) as sftp:
        if expected.survey.single and await is_directory(sftp, expected.place):
            raise RemoteFailed(
                f"{clean_line(expected.place)} is a directory on the target.",
                hint="End the destination with a slash to copy into it.",
            )
        there = await list_files(sftp, expected.base, by_folder(expected.survey.files))
    return frozenset(
        name
        for name, size in expected.survey.sizes.items()
        if (seen := there.get(expected.named(name))) and seen.size == size
    )


async def watch(
    source: Enter,
    target: Enter,
    expected: Expected,
    before: frozenset[str],
    *,
    clock: Clock,
    progress: Report,
) -> CopyReport:
    """Look until all of it stands on the target with the source's checksums.

    `before` are the files that stood there in full size when the copy was asked for.

    Raises:
        CopyDamaged: the sizes agree and the contents do not, for as long as we wait.
        RemoteFailed: nothing more arrives.
        SshUnavailable: one of them cannot be entered any more.
    """
    sizes = expected.survey.sizes
    meter = Meter(clock, progress, total_bytes=sum(sizes.values()), files=len(sizes))
    meter.there(sum(sizes[name] for name in before))
    meter.phase("moving")
    seen = before
    moved_s = clock.monotonic_s()
    while True:
        await clock.sleep(LOOK_EVERY_S)
        async with target() as session:
            now = await arrived(session, expected)
        if more := now - seen:
            moved_s = clock.monotonic_s()
            meter.add(sum(sizes[name] for name in more))
        seen |= now
        whole = len(now) == len(sizes)
        if whole and (digests := await _same(source, target, expected)) is not None:
            meter.phase("done")
            return _report(meter, expected, before, digests)
        if clock.monotonic_s() - moved_s > PATIENCE_S:
            raise _given_up(len(now), len(sizes))


def _given_up(there: int, wanted: int) -> CopyDamaged | RemoteFailed:
    minutes = int(PATIENCE_S // 60)
    if there == wanted:
        return CopyDamaged(
            f"All {wanted} files have the right size on the target, but different content.",
            hint="Something may be writing to them; the same call compares again.",
        )
    return RemoteFailed(
        f"{there} of {wanted} files have arrived, and none in {minutes} minutes.",
        hint="Vast.ai reports nothing more; check untrusted_status in show_instances, then call"
        " again.",
    )


async def _same(source: Enter, target: Enter, expected: Expected) -> dict[str, str] | None:
    """The digests if both ends have the same ones."""
    async with source() as session:
        ours = await _digests(session, expected.survey.base, list(expected.survey.sizes))
    names = {name: expected.named(name) for name in expected.survey.sizes}
    async with target() as session:
        theirs = await _digests(session, expected.base, list(names.values()))
    same = all(name in ours and ours[name] == theirs.get(there) for name, there in names.items())
    return ours if same else None


async def _digests(session: SshSession, base: str, names: list[str]) -> dict[str, str]:
    with told("a checksum"):
        async with open_sftp(session) as sftp:
            found, _ = await remote_digests(session, sftp, base, names)
    return found


def _report(
    meter: Meter, expected: Expected, before: frozenset[str], digests: dict[str, str]
) -> CopyReport:
    return CopyReport(
        files=len(expected.survey.files) - len(before),
        unchanged=len(before),
        moved_bytes=meter.moved,
        resumed_bytes=0,
        moving_s=meter.moving_s,
        elapsed_s=meter.elapsed_s,
        digests=digests,
        changed=(),
        verified="sha256",
        place=str(clean_line(expected.place, 300)),
        empty=sum(not file.size for file in expected.survey.files),
    )
