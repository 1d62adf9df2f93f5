"""`vast-mcp watch`: leases enforced without any MCP client; for cron, systemd, a spare machine."""

import argparse
import sys
from pathlib import Path

import anyio

from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.hints import command_of, install_hint
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.clock import SystemClock
from vast_mcp.config import Settings
from vast_mcp.errors import ConfigInvalid
from vast_mcp.keeper.rounds import Keeper
from vast_mcp.keeper.tick import Tick, look_once
from vast_mcp.runtime import Runtime

_AGAIN_S = 31.0
_MORE_LOOKS = 5
"""Three answers that agree over a minute settle it, one may be lost, and one look acts on it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Once or for good, and whose books."""
    parser.add_argument("--once", action="store_true", help="check once and exit, as from cron")
    parser.add_argument(
        "--install-hint",
        action="store_true",
        help="print a systemd unit, a launchd plist and a cron line; nothing is installed",
    )
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Watch. `--once`: 0 when all that was due was done, 1 when some failed, 4 when unreadable."""
    if args.install_hint:
        print(install_hint(command_of(args), Path.home(), sys.platform))
        return Exit.FINE
    settings = settings_of(args)
    if settings.read_only:
        raise ConfigInvalid("Read-only: nothing may be stopped, so watching is pointless.")
    return anyio.run(_once if args.once else _always, settings)


async def _once(settings: Settings) -> int:
    async with opened(settings) as runtime:
        seen = await _looked(runtime)
        _tell(seen)
        if seen.unread is not None:
            raise seen.unread
        await runtime.messenger.ticked(seen)
    return Exit.FAILED if seen.failed else Exit.FINE


async def _looked(runtime: Runtime) -> Tick:
    """One look; where the clocks disagree, as many as confirm which of them is right."""
    clock = runtime.session.account.clock
    seen = await look_once(runtime.session.guard)
    for _ in range(_MORE_LOOKS):
        if not seen.doubt:
            break
        if clock.doubt():
            print(f"{clock.doubt()} Checking again in {_AGAIN_S:.0f} s.", flush=True)
            await clock.sleep(_AGAIN_S)
        seen = await look_once(runtime.session.guard)
    return seen


async def _always(settings: Settings) -> int:
    async def tell(seen: Tick) -> None:
        _tell(seen)

    async with opened(settings) as runtime:
        print("watching; Ctrl-C ends it", flush=True)
        listeners = [tell, runtime.messenger.ticked]
        rights = runtime.session.rights
        await Keeper(runtime.session.guard, SystemClock(), listeners=listeners, rights=rights).run()
    return Exit.FINE


def _tell(seen: Tick) -> None:
    for line in (*seen.did, *(f"FAILED {line}" for line in seen.failed)):
        print(line, flush=True)
