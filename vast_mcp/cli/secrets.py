"""`vast-mcp secrets`: values for machines, typed by a person at a terminal and shown to nobody.

Setting one is also what allows it: `create_instance(secrets=["NAME"])` may use it from then on,
unless the system's policy lists which secrets there are.
"""

import argparse
import getpass
import sys
from collections.abc import Callable
from pathlib import Path

from vast_mcp.account.secret_store import SecretStore, check_name
from vast_mcp.account.secrets import system_list
from vast_mcp.cli.account import settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.config import SEAL_KEY, Settings, load_or_make_secret
from vast_mcp.errors import InputInvalid, PolicyDenied
from vast_mcp.policy.source import policy_source
from vast_mcp.store import Cipher

Hidden = Callable[[str], str]
"""Puts a prompt and returns what was typed, unseen."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with which name. A value is never an argument: others could read it."""
    deeds = parser.add_subparsers(dest="deed", metavar="set | list | remove | show", required=True)
    for deed, line, named in (
        ("set", "type a value, hidden; machines can then get it by this name", "NAME"),
        ("list", "list the names and where each value is kept", ""),
        ("remove", "delete a value", "NAME"),
        ("show", "print what NAME=generate made for a rent", "RENT"),
    ):
        one = deeds.add_parser(deed, help=line, description=f"{line[0].upper()}{line[1:]}.")
        if named:
            one.add_argument("name", metavar=named)
        add_place_arguments(one)


def run(args: argparse.Namespace) -> int:
    """Only at a terminal: what a program types for a person proves nothing."""
    if args.deed != "list" and not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"vast-mcp secrets {args.deed}: only at a terminal", file=sys.stderr)
        return Exit.FAILED
    settings = settings_of(args)
    store = store_of(settings)
    match args.deed:
        case "set":
            return put(settings, store, args.name, getpass.getpass)
        case "remove":
            return remove(store, args.name)
        case "show":
            return show(store, args.name)
        case _:
            return listed(store)


def store_of(settings: Settings) -> SecretStore:
    """Where this account's secrets are kept."""
    home: Path = settings.home
    return SecretStore(home, Cipher(load_or_make_secret(home / SEAL_KEY)))


def put(settings: Settings, store: SecretStore, name: str, ask: Hidden) -> int:
    """Take a value, twice, and keep it.

    Raises:
        InputInvalid: a name that may not be, or an empty value.
        PolicyDenied: the system's policy lists the secrets, and this is none of them.
    """
    check_name(name)
    limits = policy_source(settings).current()
    listed_by = system_list(limits, settings.system_policy)
    if listed_by and name not in limits.secrets:
        raise PolicyDenied(
            f"Not set: {listed_by} lists the secrets machines may get, and {name} is not one of"
            " them.",
            rules=("secrets.allow",),
            hint="Only whoever manages that file can add it.",
        )
    value = ask(f"Value of {name} (not shown): ")
    if value != ask("Again: "):
        print("Not set: the values differ.")
        return Exit.FAILED
    where = store.put(name, value)
    print(
        f"{name} is set and allowed, kept in the {where}. The host of a machine that gets it"
        " can read it."
    )
    return Exit.FINE


def listed(store: SecretStore) -> int:
    """Names and places; never a value."""
    names = store.names()
    width = max(map(len, names), default=0)
    for name in sorted(names):
        print(f"{name:{width}}  {names[name]}")
    if not names:
        print("None. `vast-mcp secrets set NAME` adds one.")
    return Exit.FINE


def remove(store: SecretStore, name: str) -> int:
    """Forget it here; a machine that has it keeps it.

    Raises:
        InputInvalid: there is none of this name.
    """
    if not store.remove(name):
        raise InputInvalid("name", "no secret with this name", hint="`vast-mcp secrets list`")
    print(f"{name} is deleted here. Machines that got it still have it.")
    return Exit.FINE


def show(store: SecretStore, rent_id: str) -> int:
    """What was made for a rent.

    Raises:
        InputInvalid: nothing was.
    """
    text = store.generated(rent_id)
    if not text:
        raise InputInvalid("name", "nothing was generated for this rent")
    print(text, end="")
    return Exit.FINE
