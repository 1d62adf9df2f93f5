"""How copies are told, whoever carries them out."""

from vast_mcp.guard.act import Outcome
from vast_mcp.operations import JsonObject
from vast_mcp.remote.progress import CopyReport
from vast_mcp.remote.transfers import Transfer
from vast_mcp.units import size_words


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
        said=f"The copy continues by itself: {share}.",
        next=then,
        values=values,
    )


def count_words(report: CopyReport) -> str:
    """What was copied: `2 files copied (4.1 kB moved), 1 was there already, 1 of them empty`."""
    said = f"{_files(report.files)} copied ({size_words(report.moved_bytes)} moved)"
    if report.unchanged:
        were = "was" if report.unchanged == 1 else "were"
        said += f", {report.unchanged} {were} already there"
    return said + _empty_words(report)


def _empty_words(report: CopyReport) -> str:
    """Equal checksums of nothing prove nothing, so files without content are said."""
    whole = report.files + report.unchanged
    if not report.empty:
        return ""
    if report.empty == whole:
        return "; it is empty" if whole == 1 else "; all of them are empty"
    return f"; {report.empty} of them {'is' if report.empty == 1 else 'are'} empty"


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"
