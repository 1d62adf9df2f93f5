"""`make live`: the drift report on a real account, and, behind a price and a yes, one short rent.

The rent goes through the guard with all its limits and ends by a destroy, whatever happens between.
The same steps are then made on the simulator, and every kind of answer is compared: what the vendor
said, and what the simulator would have said.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import httpx2

from tests.live.scrub import Scrubber
from vast_mcp.actions import CreateInstance, DestroyInstance
from vast_mcp.api.connection import network_transport
from vast_mcp.cli._tap import Tap, TappedReply
from vast_mcp.cli.by_hand import agreed, says_yes
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.drift import printed
from vast_mcp.clock import Clock, ManualClock, SystemClock
from vast_mcp.config import SIMULATOR_KEY, Settings, read_settings
from vast_mcp.errors import ApiError, VastMcpError
from vast_mcp.models import Offer
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.simulator import Simulator, SimulatorTransport

MINUTES = 2.0
DISK_GB = 10.0
LEASE_HOURS = 0.25
"""A quarter of an hour: what a lease ends should this program be killed."""
IMAGE = "ubuntu:22.04"
_LOOK_EVERY_S = 10.0
Ask = Callable[[str], str]
Write = Callable[[str], object]


@dataclass(frozen=True)
class Trial:
    """What a run needs: the account, its clock and way out, a person, and what to allow."""

    settings: Settings
    clock: Clock
    transport: httpx2.AsyncBaseTransport
    ask: Ask
    write: Write
    price: float | None = None
    record: Path | None = None

    @property
    def bases(self) -> tuple[str, ...]:
        """Where the vendor is."""
        return (self.settings.api_base, self.settings.serverless_base)


async def run(trial: Trial) -> int:
    """Drift first; then the rent, if a price was named and a person says yes. The exit code."""
    tap = Tap(trial.transport, trial.bases, reads_only=True)
    code = await printed(trial.settings, trial.clock, tap, trial.write)
    seen = list(tap.seen)
    if trial.price is not None and code != Exit.VENDOR:
        real = Tap(trial.transport, trial.bases, reads_only=False)
        rented = await _rented(trial, real)
        seen += real.seen
        if rented is None:
            return Exit.REFUSED
        code = max(code, rented, await _compared(trial, real.seen))
    if trial.record is not None:
        _recorded(trial.record, seen)
        trial.write(f"\nScrubbed replies written to {trial.record}.\n")
    return code


async def _rented(trial: Trial, tap: Tap) -> int | None:
    """Rent, watch, destroy; None when it was not agreed to."""
    async with open_runtime(trial.settings, clock=trial.clock, transport=tap) as runtime:
        offer = await _cheapest(runtime, trial.price or 0.0)
        if offer is None:
            trial.write(f"\nNo verified offer up to ${trial.price}/h; nothing was rented.\n")
            return None
        most = offer.usd_per_hour.dollars * LEASE_HOURS
        question = (
            f"\nRent a {offer.gpu_name} at ${offer.usd_per_hour.dollars:.4f}/h for about"
            f" {MINUTES:g} minutes, at most ${most:.3f}, and destroy it?"
        )
        if not await says_yes(trial.ask, question):
            trial.write("Nothing was rented.\n")
            return None
        return await walked(runtime, trial.clock, offer, trial.write)


async def _cheapest(runtime: Runtime, price: float) -> Offer | None:
    found = await runtime.session.account.reads.search_offers(
        {"verified": {"eq": True}, "num_gpus": {"eq": 1}}, rental="on_demand", disk_gb=DISK_GB
    )
    fit = [one for one in found.offers if one.usd_per_hour.dollars <= price and one.max_hours > 1]
    return min(fit, key=lambda one: one.usd_per_hour, default=None)


async def walked(runtime: Runtime, clock: Clock, offer: Offer, write: Write) -> int:
    """Create, look, list, read the log, destroy, look again: through the guard, step by step."""
    guard, reads = runtime.session.guard, runtime.session.account.reads
    act = CreateInstance(
        offer_id=offer.offer_id, lease_hours=LEASE_HOURS, image=IMAGE, disk_gb=DISK_GB,
        max_price_usd_per_hour=offer.usd_per_hour.dollars * 1.05, label="vast-mcp-live",
        on_end="destroy",
    )  # fmt: skip
    outcome = await agreed(guard, act)
    write(f"rent: {outcome.status}\n")
    number = outcome.values.get("instance_id")
    if not isinstance(number, int):
        write("No machine came of it: run `vast-mcp leases` before anything else.\n")
        return Exit.FAILED
    try:
        until_s = clock.monotonic_s() + MINUTES * 60
        while clock.monotonic_s() < until_s:
            await clock.sleep(_LOOK_EVERY_S)
            one = await reads.show_instance(number)
            write(f"look: {'null' if one is None else one.actual_status}\n")
            await reads.list_instances()
        with suppress(ApiError):  # a machine that has not come up has no log yet
            await reads.logs(number, tail=5)
    finally:
        with anyio.CancelScope(shield=True):  # also on the way out that an interrupt takes
            ended = await _destroyed(runtime, number, write)
    return Exit.FINE if ended else Exit.FAILED


async def _destroyed(runtime: Runtime, number: int, write: Write) -> bool:
    try:
        outcome = await agreed(runtime.session.guard, DestroyInstance(number))
    except VastMcpError as error:
        write(f"destroy: FAILED ({type(error).__name__}). Destroy it on the console now.\n")
        return False
    write(f"destroy: {outcome.status}\n")
    return outcome.status == "destroyed"


async def _compared(trial: Trial, seen: Sequence[TappedReply]) -> int:
    """The same walk on the simulator, and where its answers have another shape."""
    clock = ManualClock(auto_advance=True)
    simulator = Simulator(clock)
    state = trial.settings.state_dir / "live-simulator"
    settings = replace(
        trial.settings, api_key=SIMULATOR_KEY, key_home=None, state_dir=state, ledger=None,
        environment={},
    )  # fmt: skip
    tap = Tap(SimulatorTransport(simulator), trial.bases, reads_only=False)
    async with open_runtime(settings, clock=clock, transport=tap) as runtime:
        offer = await _cheapest(runtime, 5.0)
        if offer is not None:
            await walked(runtime, clock, offer, lambda _: None)
    lines = unlike(seen, tap.seen)
    trial.write("\nAgainst the simulator:\n")
    trial.write("".join(f"  {line}\n" for line in lines) or "  every step has the same shape\n")
    return Exit.FAILED if lines else Exit.FINE


def unlike(real: Sequence[TappedReply], simulated: Sequence[TappedReply]) -> list[str]:
    """Operation by operation: statuses and fields that only one of the two ever answered."""
    lines: list[str] = []
    names = dict.fromkeys(one.operation.name for one in real)
    for name in names:
        ours = [one for one in simulated if one.operation.name == name]
        theirs = [one for one in real if one.operation.name == name]
        if not ours:
            lines.append(f"{name}: the simulator's walk did not ask it")
            continue
        statuses = {x.status for x in theirs} - {x.status for x in ours} - {429}
        lines += [f"{name}: {x}, which the simulator did not answer" for x in sorted(statuses)]
        there, here = _fields(theirs), _fields(ours)
        lines += [f"{name}: {path} only at the vendor" for path in sorted(there - here)]
        lines += [f"{name}: {path} only in the simulator" for path in sorted(here - there)]
    return lines


def _fields(seen: Sequence[TappedReply]) -> set[str]:
    return {path for one in seen if one.status < 400 and one.kind for path in _paths(one.body, "")}


_DATA_NAMES = ("ports", "label_counts", "extra_env")


def _paths(body: object, path: str) -> set[str]:
    """Every field's path; names that are data are not gone into."""
    if isinstance(body, list):
        return {found for inner in body for found in _paths(inner, f"{path}[]")}
    if not isinstance(body, dict):
        return set()
    found = {f"{path}.{name}".lstrip(".") for name in body}
    for name, inner in body.items():
        if name not in _DATA_NAMES:
            found |= _paths(inner, f"{path}.{name}".lstrip("."))
    return found


def _recorded(directory: Path, seen: Sequence[TappedReply]) -> None:
    """One file a kind of answer: the operation, the status, the scrubbed body."""
    directory.mkdir(parents=True, exist_ok=True)
    scrubber, counts = Scrubber(), dict[str, int]()
    for one in seen:
        kind = one.kind
        if kind is None:
            continue
        name = f"{one.operation.name}_{one.status}"
        counts[name] = counts.get(name, 0) + 1
        said = {
            "operation": one.operation.name,
            "kind": str(kind),
            "status": one.status,
            "body": scrubber.scrubbed(kind, one.body),
        }
        path = directory / f"{name}_{counts[name]:02d}.json"
        path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m tests.live.trial [--price USD] [--record DIR]`, with the key as always."""
    parser = argparse.ArgumentParser(prog="make live", description=__doc__)
    parser.add_argument(
        "--price", type=float, metavar="USD", help="rent one offer up to this price per hour"
    )
    parser.add_argument("--record", type=Path, metavar="DIR", help="write scrubbed replies there")
    args = parser.parse_args(argv)
    if args.price is not None and not (sys.stdin.isatty() and 0 < args.price <= 5):
        sys.stderr.write("--price: between 0 and 5 dollars, and at a terminal\n")
        return Exit.USAGE
    trial = Trial(
        read_settings(os.environ, Path.home()), SystemClock(), network_transport(), input,
        sys.stdout.write, args.price, args.record,
    )  # fmt: skip
    try:
        return anyio.run(run, trial)
    except VastMcpError as error:
        sys.stderr.write(f"make live: {error}\n")
        return Exit.VENDOR if isinstance(error, ApiError) else Exit.FAILED


if __name__ == "__main__":
    sys.exit(main())
