"""`vast-mcp policy …`: what holds, where it came from, and what a rent would meet."""

import argparse
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

from vast_mcp.cli.terminal import add_json_argument, aligned, print_json, print_table
from vast_mcp.clock import Clock
from vast_mcp.policy.decision import Allow, Ask, Decision, Deny, Reason
from vast_mcp.policy.engine import decide
from vast_mcp.policy.explain import LONGEST_HOURS, dearest, nothing_yet, rent_of, without_unstated
from vast_mcp.policy.limits import Level, Limits
from vast_mcp.policy.source import PolicySource
from vast_mcp.policy.table import rows_in_force, starter_file
from vast_mcp.text import clean_line
from vast_mcp.units import UsdPerHour

FINE, FAILED, USAGE, REFUSED = 0, 1, 2, 3
_HEAD = ("limit", "value", "from")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The four commands below `vast-mcp policy`."""
    commands = parser.add_subparsers(dest="policy_command", required=True, metavar="command")
    show = _command(commands, "show", "show the limits in force and where each comes from")
    add_json_argument(show)
    _command(commands, "check", "list every fault and exit 1 if the policy cannot be used")
    _command(commands, "init", "write a commented policy file with the default values")
    explain = _command(commands, "explain", "explain how an action would be decided")
    acts = explain.add_subparsers(dest="policy_act", required=True, metavar="act")
    create = _command(acts, "create", "renting a machine")
    create.add_argument("--gpu", required=True, help='the GPU\'s name, such as "RTX 4090"')
    create.add_argument("--hours", required=True, type=_hours, help="lease, in hours")
    create.add_argument(
        "--usd-per-hour",
        type=_amount,
        help="all-in price; without it, prices up to which each decision holds",
    )
    create.add_argument("--disk-gb", type=_amount, default=50.0, help="disk size (50 GB)")


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, line: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")


def run(args: argparse.Namespace, source: PolicySource, clock: Clock) -> int:
    """Run one of the commands on this policy; the answer is the exit code."""
    match args.policy_command:
        case "show":
            return _show(source, args.json)
        case "check":
            return _check(source)
        case "init":
            return _init(source.user_path)
        case "explain":
            return _explain(args, source.current(), clock.utc_us())
        case _:
            return USAGE


def _show(source: PolicySource, as_json: bool) -> int:
    limits = source.current()
    rows = [tuple(map(_plain, row)) for row in rows_in_force(limits)]
    if as_json:
        named = [dict(zip(_HEAD, row, strict=True)) for row in rows]
        print_json({"limits": named, "digest": limits.digest, "broken": limits.broken})
        return FAILED if limits.broken else FINE
    _print_fault(limits)
    print_table(_HEAD, rows)
    if limits.read_only:
        print("\nread-only: nothing can be changed (--read-only or VAST_MCP_READ_ONLY)")
    print(f"\nsystem file: {_standing(source.system_path)}")
    print(f"user file:   {_standing(source.user_path)}")
    print(f"digest:      {limits.digest[:16]}")
    return FAILED if limits.broken else FINE


def _check(source: PolicySource) -> int:
    faults = source.faults()
    print("\n".join(map(_plain, faults)) or "the policy is fine")
    return FAILED if faults else FINE


def _init(path: Path | None) -> int:
    if path is None:
        print("there is no default place for a policy file: name one with --policy")
        return USAGE
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Exclusive, so that neither a file nor a link that is there is ever written through.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{path} already exists and was not changed")
        return FAILED
    except OSError as error:
        print(f"{path} cannot be written: {error.strerror}")
        return FAILED
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(starter_file())
    except OSError as error:  # half of it would be there already at the next try, and be read
        path.unlink(missing_ok=True)
        print(f"{path} cannot be written: {error.strerror}")
        return FAILED
    print(f"written: {path}")
    return FINE


def _explain(args: argparse.Namespace, limits: Limits, now_us: int) -> int:
    _print_fault(limits)
    print("Assumed: nothing rented or spent yet, enough credit, a verified host, 1 GPU.")
    unlooked = [name for name in ("images", "countries") if getattr(limits.allow, name) is not None]
    if unlooked:
        print(f"Not checked: allow.{', allow.'.join(unlooked)}.")
        limits = without_unstated(limits)
    what = f"1x {_plain(args.gpu)} for {args.hours:g} h with {args.disk_gb:g} GB disk"
    if args.usd_per_hour is None:
        return _explain_prices(args, limits, now_us, what)
    price = UsdPerHour.of(args.usd_per_hour)
    request = rent_of(args.gpu, args.hours, price, args.disk_gb, now_us)
    cost = request.spend.cost if request.spend else ""
    print(f"{what} at {price}: at most {cost}.")
    return _print_decision(decide(request, nothing_yet(now_us), limits))


def _explain_prices(args: argparse.Namespace, limits: Limits, now_us: int, what: str) -> int:
    most = {
        level: dearest(level, args.gpu, args.hours, args.disk_gb, limits, now_us)
        for level in (Level.ALLOW, Level.ASK, Level.PERSON)
    }
    print(f"{what}, by its all-in price:")
    rows, below = [], None
    for level, words in _LEVEL_WORDS.items():
        price = most[level]
        if price is not None and (below is None or price > below):
            rows.append((f"  up to {price}", words))
            below = price
    if below is None:
        request = rent_of(args.gpu, args.hours, UsdPerHour(), args.disk_gb, now_us)
        print("  at any price")
        return _print_decision(decide(request, nothing_yet(now_us), limits))
    print(*aligned([*rows, ("  above", "refused")]), sep="\n")
    return FINE


_LEVEL_WORDS = {
    Level.ALLOW: "done without a question",
    Level.ASK: "one question",
    Level.PERSON: "a person at a terminal",
}


def _print_decision(decision: Decision) -> int:
    match decision:
        case Allow():
            print("Done without a question.")
            return FINE
        case Ask(level=level, reasons=reasons):
            print("One question first:" if level is Level.ASK else "A person at a terminal first:")
            _print_reasons(reasons)
            return FINE
        case Deny(reasons=reasons):
            print("Refused:")
            _print_reasons(reasons)
            return REFUSED
        case _:
            assert_never(decision)


def _print_reasons(reasons: Iterable[Reason]) -> None:
    rows = [(f"  {_plain(reason.rule)}", _plain(reason.says)) for reason in reasons]
    print(*aligned(rows), sep="\n")


def _print_fault(limits: Limits) -> None:
    if limits.broken:
        print(f"BROKEN: {_plain(limits.broken)}")
        print(
            "Until it is repaired, only stop and destroy of machines rented here are possible, each"
        )
        print("with a question. The defaults follow.\n")


def _standing(path: Path | None) -> str:
    if path is None:
        return "none"
    try:
        return f"{path}{'' if path.exists() else ' (does not exist)'}"
    except OSError:
        return f"{path} (cannot be read)"


def _plain(text: str) -> str:
    return str(clean_line(text, 300))


def _hours(text: str) -> float:
    hours = _amount(text)
    if not 0 < hours <= LONGEST_HOURS:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most {LONGEST_HOURS}")
    return hours


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and 0 <= amount <= 1_000_000):
        raise argparse.ArgumentTypeError(f"not a number: {text[:40]!r}")
    return amount
