"""`vast-mcp simulate`: the simulator on a loopback port, for any Vast client."""

import argparse
import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from functools import partial

from vast_mcp.clock import ScaledClock

DEFAULT_PORT = 8900
LAST_PORT = 65_535
RUN_PYTHON = (
    "DANGER: Python that a model (or any caller) writes on a simulated machine really runs on"
    " this computer, as you; its restrictions stop accidents, not intent. Without it no program"
    " runs"
)
FAULTS = {
    "none": "nothing goes wrong; offers last two hours, machines run within ten minutes",
    "real": "what was recorded of Vast.ai, about as often: taken offers, failed starts, late"
    " rows, queued starts, five requests in 10 s",
    "chaos": "a little of everything",
    "lossy": "answers to writes are lost, late or broken",
    "flaky_reads": "reads fail, lag or contradict each other",
    "hostile_market": "prices jump, offers vanish, hosts die, bids are outbid",
}
"""What `--faults` can be, and what each means."""
FAULT_PROFILES = tuple(FAULTS)
"""As `vast_mcp.simulator.PROFILES`, written out so that `--help` does not pay for the market."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Port, seed, speed and faults; all have defaults."""
    parser.add_argument(
        "--port",
        type=port_number,
        default=DEFAULT_PORT,
        metavar="PORT",
        help="loopback port, 0 for a free one (%(default)s)",
    )
    add_market_arguments(parser)
    parser.add_argument("--ssh", action="store_true", help="machines accept SSH on loopback")
    parser.add_argument(
        "--old-list",
        action="store_true",
        help="act as an account that still has the unpaginated instance list (GET"
        " /api/v0/instances/)",
    )
    parser.add_argument("--run-python", action="store_true", help="with --ssh: " + RUN_PYTHON)


def add_market_arguments(parser: argparse._ActionsContainer) -> None:
    """Which market a simulator draws, how fast it lives, what goes wrong in it."""
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="random seed of the market; same seed, same market (%(default)s)",
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="simulated seconds per real second (%(default)g)",
    )
    parser.add_argument(
        "--faults",
        choices=FAULT_PROFILES,
        default="none",
        help="faults to inject, by the seed (%(default)s): "
        + "; ".join(f"{name}: {means}" for name, means in FAULTS.items()),
    )


def port_number(text: str) -> int:
    """A TCP port as typed; 0 means a free one."""
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"must be from 0 to {LAST_PORT}")
    return number


def _announce(args: argparse.Namespace, key: str, port: int) -> None:
    print(
        f"Vast.ai simulator, seed {args.seed}, speed {args.speed:g}. Point a client at it:\n"
        f"  VAST_URL=http://127.0.0.1:{port} VAST_API_KEY={key}\nIts books:"
        f" http://127.0.0.1:{port}/simulator/books. Stop it with Ctrl-C.",
        file=sys.stderr,
        flush=True,
    )


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted; 0 afterwards, 1 when the port cannot be had, 2 for a bad speed."""
    # Imported here so that `vast-mcp --help` does not pay for the market.
    from vast_mcp.simulator import ACCOUNT_KEY, Simulator, serve_http  # noqa: PLC0415
    from vast_mcp.simulator.world import Choices  # noqa: PLC0415

    try:
        clock = ScaledClock(speed=args.speed)
    except ValueError as wrong:
        print(f"vast-mcp simulate: --speed: {wrong}", file=sys.stderr)
        return 2
    choices = Choices(old_list=args.old_list)
    simulator = Simulator(clock, seed=args.seed, fault_profile=args.faults, choices=choices)

    async def serve() -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is not None and hasattr(signal, "SIGHUP"):
            # So that the directories of machines are removed whoever ends this process.
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
        async with AsyncExitStack() as stack:
            if args.ssh:
                machines = simulator.ssh_servers(run_python=args.run_python)
                await stack.enter_async_context(machines)
            await serve_http(simulator, args.port, on_ready=partial(_announce, args, ACCOUNT_KEY))

    try:
        asyncio.run(serve())
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except OSError as taken:
        why = os.strerror(taken.errno or 0)
        print(f"vast-mcp simulate: --port {args.port}: {why}", file=sys.stderr)
        return 1
    return 0
