"""Which words lead to which command. Each is imported only when it is asked for."""

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from vast_mcp import __version__
from vast_mcp.cli.codes import MEANING, Exit, code_for
from vast_mcp.errors import VastMcpError
from vast_mcp.text import clean_line

COMMANDS = {
    "serve": ("serve", "serve MCP on stdio or HTTP (the default)"),
    "demo": ("demo", "run a scripted rent-to-destroy demo on the simulator"),
    "simulate": ("simulate", "serve a simulated Vast.ai on a loopback port"),
    "install": ("install", "set up the MCP clients on this computer, after showing how"),
    "login": ("login", "take your API key, typed unseen; check it and keep it"),
    "logout": ("logout", "forget the key of `login`"),
    "whoami": ("whoami", "which account the key belongs to, and where the key is from"),
    "doctor": ("doctor", "check key, reachability, clock, policy, ledger and leases"),
    "policy": ("limits", "show, check, create or explain the spend limits"),
    "budget": ("budget", "show each task's budget; at a terminal, raise one"),
    "pending": ("pending", "list list plans that wait for a yes"),
    "approve": ("approve", "approve a plan, at a terminal"),
    "deny": ("deny", "deny a plan"),
    "secrets": ("secrets", "set secrets for machines, typed hidden at a terminal"),
    "leases": ("leases", "list what is rented, and until when"),
    "extend": ("extend", "give a machine more hours, at a terminal"),
    "watch": ("watch", "enforce leases without any MCP client"),
    "open": ("open_link", "open a machine's jupyter or portal page, signed in"),
    "ssh-config": ("ssh_config", "write our running machines to ~/.ssh/config"),
    "freeze": (
        "freeze",
        "block all spending of the account; --stop-all also stops what is running",
    ),
    "unfreeze": ("unfreeze", "allow spending again, at a terminal"),
    "audit": ("audit", "show decisions and writes; verify that none was altered"),
}
"""Command → its module in this room, and its line in the help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the answer is the process's exit code."""
    words = _with_default(sys.argv[1:] if argv is None else list(argv))
    if words[0] not in COMMANDS and not words[0].startswith("-"):
        print(_unknown(words[0]), file=sys.stderr)
        return Exit.USAGE
    args = parser_for(words).parse_args(words)
    module = _module_of(args.command)
    try:
        return int(module.run(args))
    except VastMcpError as error:
        print(f"vast-mcp {args.command}: {error}", file=sys.stderr)
        return code_for(error)
    except KeyboardInterrupt:
        return 130
    except EOFError:  # Ctrl-D where a person was asked
        print(f"\nvast-mcp {args.command}: no answer, so nothing was done", file=sys.stderr)
        return Exit.FAILED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FINE


def parser_for(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser; only the command named first in `words` brings its own arguments."""
    codes = ", ".join(f"{code.value} {meaning}" for code, meaning in MEANING.items())
    parser = argparse.ArgumentParser(
        prog="vast-mcp",
        description="Rent, watch and shut down Vast.ai GPUs from any MCP client, within limits.",
        epilog=f"Exit codes: {codes}. Without a command: serve. Each command has --help.",
    )
    parser.add_argument("--version", action="version", version=f"vast-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    asked = words[0] if words else ""
    for name, (_, line) in COMMANDS.items():
        one = commands.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
        if name == asked:
            _module_of(name).add_arguments(one)
    return parser


def _with_default(words: list[str]) -> list[str]:
    """No command, or options at once: serve."""
    if not words or (words[0] not in COMMANDS and words[0] not in {"-h", "--help", "--version"}):
        if words and not words[0].startswith("-"):
            return words  # a misspelt command
        return ["serve", *words]
    return words


def _unknown(word: str) -> str:
    """A command that is not there, with the one that was meant."""
    near = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.6)
    said = f"vast-mcp: unknown command {str(clean_line(word, 40))!r}"
    meant = f"; did you mean `vast-mcp {near[0]}`?" if near else "."
    return f"{said}{meant} `vast-mcp --help` lists them."


def _module_of(command: str) -> ModuleType:
    return importlib.import_module(f"vast_mcp.cli.{COMMANDS[command][0]}")
