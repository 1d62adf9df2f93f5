"""`vast-mcp install`: our entry in the settings of the MCP clients on this computer.

It shows what would change, asks, and writes; the rest of each file stays as it is, and the API key
goes into none of them (`vast-mcp login` keeps it).
"""

import argparse
import difflib
import shlex
import sys
from collections.abc import Mapping, Sequence

import anyio

from vast_mcp.cli.account import settings_of
from vast_mcp.cli.by_hand import Ask, says_yes
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.terminal import print_diff
from vast_mcp.errors import InputInvalid, VastMcpError
from vast_mcp.mcp_clients import showing
from vast_mcp.mcp_clients.changes import Change, Kind, carry_out, planned
from vast_mcp.mcp_clients.clients import CLIENTS, SERVER, Client, Computer, client_named
from vast_mcp.mcp_clients.launch import Launch, Process, how_started
from vast_mcp.text import clean_line

SPEED = "60"
"""Simulated minutes pass as seconds: a first try should not wait for a machine to load."""
_KEY = "VAST_API_KEY"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which clients, what the server should offer there, and how far to go."""
    names = ", ".join(client.name for client in CLIENTS)
    parser.add_argument(
        "clients", nargs="*", metavar="CLIENT", help=f"{names}; without one: all that are found"
    )
    parser.add_argument(
        "--simulate", action="store_true", help="on the simulator: no key, no money"
    )
    parser.add_argument("--read-only", action="store_true", help="only what changes nothing")
    parser.add_argument("--toolsets", metavar="A,B", help="sets of tools to offer")
    parser.add_argument("--remove", action="store_true", help="take the entry out again")
    parser.add_argument("--dry-run", action="store_true", help="show the changes, make none")
    parser.add_argument("--yes", action="store_true", help="make the changes without asking")
    parser.add_argument(
        "--print", action="store_true", dest="only_print", help="print the block to paste instead"
    )


def run(args: argparse.Namespace) -> int:
    """Find, show, ask, write.

    Raises:
        InputInvalid: a client that is not known.
        ConfigInvalid: a set of tools that does not exist, or nothing says how this program could
            be started again.
    """
    chosen = [_client(name) for name in dict.fromkeys(args.clients)]
    launch = served(how_started(Process.present()), args)
    if args.only_print:
        for client in chosen or [_client("claude-desktop")]:
            print(showing.block(client, launch))
        return Exit.FINE
    here = Computer.present()
    clients = chosen or [client for client in CLIENTS if client.present(here)]
    if not clients:
        print(
            "No MCP client was found here. `vast-mcp install CLIENT` writes its file all the same,"
            " and `--print CLIENT` prints the block to paste. Clients:"
            f" {', '.join(client.name for client in CLIENTS)}."
        )
        return Exit.FAILED
    if not chosen:
        print(f"Found: {', '.join(client.title for client in clients)}.")
    has_key = args.remove or args.dry_run or _has_key(args)
    walk = Walk(here, None if args.remove else launch, args.dry_run, args.yes, _typed())
    code = anyio.run(walk.through, clients)
    if walk.unasked:
        told = "nobody can be asked here, so nothing was written: use a terminal, or add --yes"
        print(f"\nvast-mcp install: {told}", file=sys.stderr)
    if walk.written and not args.remove:
        for line in notes(here.environ, simulated=args.simulate, has_key=has_key):
            print(line)
    return code


def served(launch: Launch, args: argparse.Namespace) -> Launch:
    """The command with what was asked for.

    Raises:
        ConfigInvalid: a set of tools that does not exist.
    """
    words = ["serve"]
    if args.simulate:
        words += ["--simulate", "--speed", SPEED]
    if args.read_only:
        words.append("--read-only")
    if args.toolsets:
        from vast_mcp.served import TOOLS  # noqa: PLC0415  all tools, only to check a name
        from vast_mcp.tools.toolsets import choose  # noqa: PLC0415

        choose(TOOLS, args.toolsets, read_only=args.read_only)
        words += ["--toolsets", args.toolsets]
    return launch.with_args(*words)


class Walk:
    """One client after the other; a fault of one does not keep the next from its turn."""

    def __init__(
        self, here: Computer, launch: Launch | None, dry_run: bool, sure: bool, ask: Ask | None
    ) -> None:
        self._here = here
        self._launch = launch
        self._dry_run = dry_run
        self._sure = sure
        self._ask = ask
        self.written = 0
        self.unasked = 0
        """Changes that nobody could be asked about."""

    async def through(self, clients: Sequence[Client]) -> int:
        """The exit code: fine if every client is as it was asked for."""
        code = Exit.FINE
        for client in clients:
            try:
                done = await self._one(client)
            except VastMcpError as error:
                print(f"{client.title}: {error}", file=sys.stderr)
                done = False
            code = code if done else Exit.FAILED
        return code

    async def _one(self, client: Client) -> bool:
        change = planned(client, self._here, self._launch)
        if change.kind is Kind.NOTHING:
            state = "has no entry" if self._launch is None else "is set up already"
            print(f"\n{client.title} {state}: {change.path}")
            for remark in change.remarks:
                print(remark)
            return True
        print(f"\n{client.title}: {change.path}{'' if change.before is not None else ' (new)'}")
        print_diff(showing.diff(change))
        for remark in change.remarks:
            print(remark)
        if change.command:
            print(f"by its own command: {shlex.join((client.program, *change.command[1:]))}")
        if self._dry_run:
            print("Not written: --dry-run.")
            return True
        if not await self._agreed(change):
            return False
        copy = await anyio.to_thread.run_sync(carry_out, change, self._here)
        self.written += 1
        kept = f" The file as it was: {copy}." if copy else ""
        said = "Removed." if self._launch is None else f"Written. {client.after}"
        print(f"{said}{kept}")
        return True

    async def _agreed(self, change: Change) -> bool:
        if self._sure:
            return True
        if self._ask is None:
            self.unasked += 1
            return False
        if await says_yes(self._ask, f"Change {change.client.title}?"):
            return True
        print("Not written.")
        return False


def notes(environ: Mapping[str, str], *, simulated: bool, has_key: bool) -> list[str]:
    """What a person should know of the server that a client will start."""
    found = []
    if not simulated and not has_key:
        found.append("\nNo API key yet: `vast-mcp login` takes it, checks it and keeps it.")
    elif not simulated and environ.get(_KEY):
        found.append(
            f"\nYour key is in {_KEY} here, and a client may not see that: `vast-mcp login` keeps"
            " it where the server finds it."
        )
    unseen = [
        name
        for name in sorted(environ)
        if name.startswith("VAST_") and name not in {_KEY, "VAST_MCP_HTTP_TOKEN"}
    ]
    if unseen:
        found.append(
            f"\nSet here, and perhaps not where the client starts: {', '.join(unseen)}. Limits that"
            " must hold belong into policy.toml (`vast-mcp policy init`)."
        )
    return found


def _has_key(args: argparse.Namespace) -> bool:
    return bool(settings_of(args).api_key)


def _typed() -> Ask | None:
    """A person's line; None where there is nobody to ask."""
    return input if sys.stdin.isatty() and sys.stdout.isatty() else None


def _client(name: str) -> Client:
    found = client_named(name)
    if found is not None:
        return found
    names = [client.name for client in CLIENTS]
    near = difflib.get_close_matches(name, names, n=1)
    meant = f"; did you mean {near[0]}?" if near else "."
    raise InputInvalid(
        "CLIENT",
        f"{str(clean_line(name, 40))!r} is not known{meant} Known are {', '.join(names)}.",
        hint=f"For any other, `vast-mcp install --print` prints a block; call the server {SERVER}.",
    )
