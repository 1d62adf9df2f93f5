"""`vast-mcp audit`: every decision and every write; `verify` proves that nobody altered them."""

import argparse
import json
from datetime import UTC, datetime

import anyio

from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.config import Settings
from vast_mcp.store import AuditEntry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Show or verify, how many, whose books."""
    parser.add_argument(
        "audit_command",
        metavar="show|verify",
        nargs="?",
        choices=("show", "verify"),
        default="show",
        help="show the newest entries (default), or verify that none was altered",
    )
    parser.add_argument("--last", type=_count, default=30, metavar="N", help="entries to show (30)")
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show the last entries, oldest first; or verify the chain: 1 with the first broken row."""
    settings = settings_of(args)
    if args.audit_command == "verify":
        return anyio.run(_verify, settings)
    return anyio.run(_show, settings, args.last)


async def _show(settings: Settings, last: int) -> int:
    async with opened(settings) as runtime:
        entries = await runtime.session.account.ledger.read(lambda tx: tx.audit(last))
        place = runtime.session.account.ledger.place
    for entry in reversed(entries):
        print(_line(entry))
    noun = "entry" if len(entries) == 1 else "entries"
    print(f"{len(entries)} {noun} from {place}" if entries else f"no entries yet in {place}")
    return Exit.FINE


async def _verify(settings: Settings) -> int:
    async with opened(settings) as runtime:
        fault = await runtime.session.account.ledger.read(lambda tx: tx.audit_fault())
        place = runtime.session.account.ledger.place
    if fault:
        print(f"BROKEN: {place}: {fault}")
        return Exit.FAILED
    print(f"whole: {place}")
    return Exit.FINE


def _line(entry: AuditEntry) -> str:
    at = datetime.fromtimestamp(entry.at_us / 1_000_000, UTC)
    detail = json.dumps(entry.detail, sort_keys=True) if entry.detail else ""
    words = (f"{at:%Y-%m-%d %H:%M:%S}Z", entry.phase, entry.tool, entry.verdict, entry.subject)
    return " ".join(part for part in (*words, detail) if part)


def _count(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError("must be from 1 to 10000")
    return number
