"""How copies are told, whoever carries them out."""

from vast_mcp.guard.act import Outcome
from vast_mcp.operations import JsonObject
from vast_mcp.remote.progress import CopyReport
from vast_mcp.remote.transfers import Transfer


def under_way(transfer: Transfer, machine: int, then: str) -> Outcome:
    """A copy that goes on after the call has answered."""
    now = transfer.progress
    values: JsonObject = {"instance_id": machine, "copy_id": transfer.copy_id}
    if now is not None:
        values |= {
            "done_bytes": now.done_bytes,
            "total_bytes": now.total_bytes,
            "bytes_per_second": int(now.bytes_per_s),
        }
    share = f"{now.done_bytes / max(1, now.total_bytes):.0%} moved" if now else "beginning"
    return Outcome(
        status="copying",
        said=f"The copy goes on by itself: {share}.",
        next=then,
        values=values,
    )


def count_words(report: CopyReport) -> str:
    """What was copied: `2 files copied (4.1 kB moved), 1 was there already`."""
    moved = f"{_files(report.files)} copied ({size_words(report.moved_bytes)} moved)"
    if not report.unchanged:
        return moved
    return f"{moved}, {report.unchanged} {'was' if report.unchanged == 1 else 'were'} there already"


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def size_words(count: int) -> str:
    """A size as people say it."""
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
