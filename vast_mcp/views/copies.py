"""Copies that outlast the call which began them, shown beside the jobs."""

from vast_mcp.account.context import Account
from vast_mcp.operations import JsonObject
from vast_mcp.remote.transfers import Transfer
from vast_mcp.showing import given
from vast_mcp.text import clean_line


def copy_rows(account: Account, copy_id: str | None = None) -> list[JsonObject]:
    """The copies of this server whose end nobody has taken yet, or the one of this id."""
    known = account.remote.transfers.list()
    return [_row(transfer) for transfer in known if copy_id in {None, transfer.copy_id}]


def _row(copy: Transfer) -> JsonObject:
    now = copy.progress
    return given(
        {
            "job_id": copy.copy_id,
            "kind": "copy",
            "phase": "running" if copy.running else "ended",
            "command": f"copy {clean_line(copy.said, 120)}",
            "instance_id": copy.instance_id,
            "done_bytes": now.done_bytes if now else None,
            "total_bytes": now.total_bytes if now else None,
            "said": "" if copy.running else "The same copy_files call says how it ended.",
        }
    )
