"""`vast-mcp serve`: MCP on stdio or HTTP, on the vendor or on the built-in simulator."""

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import httpx2

from vast_mcp.cli.files import add_files_argument, opened_directories
from vast_mcp.cli.logs import configure
from vast_mcp.cli.places import add_place_arguments, environment_of
from vast_mcp.cli.simulate import RUN_PYTHON, add_market_arguments, port_number
from vast_mcp.cli.standing import closed_by_settings
from vast_mcp.clock import Clock, PairedClock, ScaledClock, SystemClock
from vast_mcp.config import SEAL_KEY, SIMULATOR_KEY, Settings, load_or_make_secret, read_settings
from vast_mcp.errors import ConfigInvalid
from vast_mcp.policy.source import policy_source
from vast_mcp.resources.notices import Notices
from vast_mcp.server import create_server
from vast_mcp.text import Redactor
from vast_mcp.transports import HttpDoor, auth_options, serve_http, serve_stdio

if TYPE_CHECKING:
    from vast_mcp.runtime import Runtime
    from vast_mcp.simulator import Simulator, SimulatorTransport
    from vast_mcp.simulator.profiles import Profile

_AT_A_TERMINAL = (
    "vast-mcp: waiting for an MCP client on stdin. Ctrl-C ends it;"
    " `vast-mcp --help` lists commands."
)
_NOT_FOR_THE_SIMULATOR = ("VAST_API_KEY", "VAST_URL", "VAST_SERVERLESS_URL")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How it is reached, what it offers, on what it works."""
    _add_door_arguments(parser)
    parser.add_argument(
        "--toolsets",
        metavar="A,B",
        help="sets of tools to offer, such as market,work or all (VAST_MCP_TOOLSETS; default)",
    )
    parser.add_argument(
        "--read-only",
        action="store_true",
        help="offer only tools that change nothing (VAST_MCP_READ_ONLY)",
    )
    parser.add_argument(
        "--ask",
        choices=("client", "terminal"),
        help="where questions go: to the client's dialog, or only to `vast-mcp approve` in a"
        " terminal, which is stricter (VAST_MCP_ASK; client)",
    )
    add_place_arguments(parser)
    add_files_argument(parser)
    _add_simulator_arguments(parser)


def _add_door_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--transport",
        choices=("stdio", "http"),
        default="stdio",
        help="how clients reach it (%(default)s)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="HTTP: address to listen on (%(default)s)"
    )
    parser.add_argument(
        "--port",
        type=port_number,
        default=8765,
        metavar="PORT",
        help="HTTP: port, 0 for a free one (%(default)s)",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="HTTP: the bearer token; else from VAST_MCP_HTTP_TOKEN",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="HOST",
        help="HTTP: a host name this server may be called by; repeatable",
    )


def _add_simulator_arguments(parser: argparse.ArgumentParser) -> None:
    simulated = parser.add_argument_group("use the built-in simulator: no key, no money")
    simulated.add_argument(
        "--simulate",
        action="store_true",
        help="rent simulated GPUs; VAST_API_KEY and VAST_URL are ignored. Vendor, money,"
        " machines, their shell and SSH are simulated; a program such as `python3 train.py`"
        " is not run: the log says so, and named outputs become marked placeholders",
    )
    add_market_arguments(simulated)
    simulated.add_argument(
        "--simulate-port",
        type=port_number,
        metavar="PORT",
        help="also serve that simulator on this loopback port, 0 for a free one",
    )
    simulated.add_argument("--run-python", action="store_true", help=RUN_PYTHON)


@dataclass(frozen=True, slots=True)
class Stage:
    """On what the server works: the vendor, or a simulator."""

    settings: Settings
    clock: Clock
    transport: Callable[[], httpx2.AsyncBaseTransport]
    simulator: "LateSimulator | None" = None


def run(args: argparse.Namespace) -> int:
    """Serve until the client leaves or a signal comes."""
    door = _door(args) if args.transport == "http" else None
    stage = _simulated(args) if args.simulate else _real(args)
    files = opened_directories(args.files, os.environ, stage.settings, Path.home())
    stage = replace(stage, settings=replace(stage.settings, files=files))
    secrets = [key.value for key in stage.settings.find_keys()]
    redactor = Redactor([*secrets, door.token if door else ""])
    configure(redactor)
    state = stage.settings.home
    seal_key = load_or_make_secret(state / SEAL_KEY)
    # Where it finds rich, the SDK's server prepares a handler with it that our logging never uses.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None forbids the import
    return anyio.run(_serve, args, stage, door, seal_key, redactor)


async def _serve(
    args: argparse.Namespace,
    stage: Stage,
    door: HttpDoor | None,
    seal_key: bytes,
    redactor: Redactor,
) -> int:
    for line in closed_by_settings(stage.settings):
        print(f"vast-mcp: {line}", file=sys.stderr, flush=True)
    notices = Notices()
    server = create_server(
        lambda: _account(stage, notices, redactor),
        seal_key,
        toolsets=stage.settings.toolsets,
        read_only=stage.settings.read_only,
        limits=policy_source(stage.settings).current(),
        simulated=stage.simulator is not None,
        notices=notices,
        open_after_listing=SystemClock(),
        **auth_options(door),
    )
    async with AsyncExitStack() as stack:
        if stage.simulator is not None:
            stack.push_async_callback(stage.simulator.close)
        if stage.simulator is not None and args.simulate_port is not None:
            await stack.enter_async_context(
                _published(stage.simulator.transport.simulator, args.simulate_port)
            )
        if door is None:
            if sys.stdin.isatty():
                print(_AT_A_TERMINAL, file=sys.stderr, flush=True)
            return await serve_stdio(server)
        return await serve_http(server, door, on_ready=_announce)


@asynccontextmanager
async def _account(stage: Stage, notices: Notices, redactor: Redactor) -> "AsyncIterator[Runtime]":
    """The account behind the server, opened after the first listing (`opening.py`)."""
    # In a thread: the server goes on answering, and a client that leaves does not wait for it.
    await anyio.to_thread.run_sync(_import_the_rest, abandon_on_cancel=True)
    from vast_mcp.cli.frozen_ledger import closed_by_ledger  # noqa: PLC0415  imported by now
    from vast_mcp.runtime import open_runtime  # noqa: PLC0415  as above

    for line in await closed_by_ledger(stage.settings):
        print(f"vast-mcp: {line}", file=sys.stderr, flush=True)
    async with open_runtime(
        stage.settings,
        clock=stage.clock,
        transport=stage.transport(),
        keep=True,
        listeners=[notices.ticked],
        redactor=redactor,
    ) as opened:
        yield opened


def _import_the_rest() -> None:
    """What the first listing did not need; then garbage is collected as usual."""
    import vast_mcp.cli.frozen_ledger  # noqa: PLC0415
    import vast_mcp.runtime  # noqa: PLC0415
    import vast_mcp.served  # noqa: F401, PLC0415

    gc.freeze()
    gc.enable()


def _network() -> httpx2.AsyncBaseTransport:
    from vast_mcp.api.connection import network_transport  # noqa: PLC0415  as the runtime

    return network_transport()


def _announce(address: str) -> None:
    print(f"vast-mcp: serving MCP at {address}", file=sys.stderr, flush=True)


def _door(args: argparse.Namespace) -> HttpDoor:
    lines = [os.environ.get("VAST_MCP_HTTP_TOKEN", "").strip()]
    if args.token_file:
        try:
            lines = Path(args.token_file).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigInvalid(f"--token-file {args.token_file} cannot be read.") from error
        if not 1 <= len(lines) <= 2:
            raise ConfigInvalid(
                f"--token-file {args.token_file} must contain a token, or a label and then a token."
            )
    subject = lines[0] if len(lines) == 2 else "operator"
    return HttpDoor(args.host, args.port, lines[-1], subject, tuple(args.allowed_host))


def _real(args: argparse.Namespace) -> Stage:
    if args.simulate_port is not None:
        raise ConfigInvalid("--simulate-port only works with --simulate.")
    if args.run_python:
        raise ConfigInvalid("--run-python only works with --simulate.")
    settings = read_settings(environment_of(args), Path.home())
    return Stage(settings, SystemClock(), _network)


def _simulated(args: argparse.Namespace) -> Stage:
    environ = environment_of(args)
    for name in _NOT_FOR_THE_SIMULATOR:
        environ.pop(name, None)
    if not args.ledger:
        environ.pop("VAST_MCP_LEDGER", None)  # the ledger of real rents has no part in a game
    settings = read_settings(environ, Path.home())
    settings = replace(settings, api_key=SIMULATOR_KEY, key_origin="--simulate", key_home=None)
    if not args.ledger:
        state = Path(tempfile.mkdtemp(prefix="vast-mcp-simulate-"))
        settings = replace(settings, state_dir=state, ledger=state / "ledger.db")
    try:
        clock = ScaledClock(speed=args.speed)
    except ValueError as wrong:
        raise ConfigInvalid(f"--speed: {wrong}.") from wrong
    transport = LateSimulator(clock, args.seed, args.faults, run_python=args.run_python)
    programs = "run on this computer" if args.run_python else "are simulated, not run"
    print(
        f"vast-mcp: simulated; no money is spent. Programs {programs}. Ledger: {settings.ledger}",
        file=sys.stderr,
    )
    return Stage(settings, PairedClock(clock), lambda: transport, transport)


class LateSimulator(httpx2.AsyncBaseTransport):
    """A simulator that is drawn when it is first needed: no client waits for a market to list."""

    def __init__(
        self, clock: Clock, seed: int, faults: "Profile", *, run_python: bool = False
    ) -> None:
        self._clock = clock
        self._run_python = run_python
        self._seed = seed
        self._faults = faults
        self._transport: SimulatorTransport | None = None
        self._machines = AsyncExitStack()
        self._inhabited = False

    @property
    def transport(self) -> "SimulatorTransport":
        """The simulator's own, made now if need be."""
        if self._transport is None:
            from vast_mcp.simulator import Simulator, SimulatorTransport  # noqa: PLC0415

            simulator = Simulator(self._clock, seed=self._seed, fault_profile=self._faults)
            self._transport = SimulatorTransport(simulator)
        return self._transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hand it over. The first rent brings the SSH servers, which cost a second to import."""
        if not self._inhabited and request.method == "PUT" and "/asks/" in request.url.path:
            self._inhabited = True
            machines = self.transport.simulator.ssh_servers(run_python=self._run_python)
            await self._machines.enter_async_context(machines)
        return await self.transport.handle_async_request(request)

    async def close(self) -> None:
        """End the machines and remove their disks."""
        await self._machines.aclose()


@asynccontextmanager
async def _published(simulator: "Simulator", port: int) -> AsyncIterator[None]:
    """The same simulator for others, on loopback.

    Raises:
        ConfigInvalid: the port cannot be had.
    """
    from vast_mcp.simulator import serve_http as serve_simulator  # noqa: PLC0415

    settled = anyio.Event()
    fault = ""

    def ready(number: int) -> None:
        where = f"http://127.0.0.1:{number}"
        print(f"vast-mcp: the simulator itself is at {where}", file=sys.stderr, flush=True)
        settled.set()

    async def serve() -> None:
        nonlocal fault
        try:
            await serve_simulator(simulator, port, on_ready=ready)
        except OSError as taken:
            fault = os.strerror(taken.errno or 0)
            settled.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        await settled.wait()
        if not fault:
            yield
        tasks.cancel_scope.cancel()
    if fault:  # raised out here: the group would wrap it, and nobody would read it for the trace
        raise ConfigInvalid(f"--simulate-port {port}: {fault}.")
