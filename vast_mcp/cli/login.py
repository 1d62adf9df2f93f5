"""`vast-mcp login`: the API key, typed unseen, checked with the vendor and kept for the server.

It is never an argument and never part of a client's settings: both are read by other programs.
"""

import argparse
import getpass
import re
import sys
import warnings
from collections.abc import Callable

import anyio
import httpx2

from vast_mcp.api.connection import network_transport
from vast_mcp.cli.account import settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.whoami import account_of, described
from vast_mcp.config import Settings
from vast_mcp.errors import Forbidden, InputInvalid, Unauthorized
from vast_mcp.logins import KeyPlace, Logins

KEYS_PAGE = "https://cloud.vast.ai/manage-keys/"
_KEY = re.compile(r"[\x21-\x7e]{6,512}")
"""What a key can be: it goes into a header. Shorter ones could not be masked anywhere."""

Hidden = Callable[[str], str]
"""Puts a prompt and returns what was typed, unseen."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How the key comes; `given` is there to be refused without being repeated."""
    parser.add_argument("--stdin", action="store_true", help="read the key from standard input")
    parser.add_argument("given", nargs="*", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Take the key, check it, keep it.

    Raises:
        ConfigInvalid: VAST_URL would send a key unencrypted; or it cannot be kept.
        InputInvalid: what was given is no key, or came as an argument.
        ApiError: the vendor does not know it, or could not be reached; nothing was kept.
    """
    if args.given:
        raise InputInvalid(
            "KEY",
            "not taken from the command line, which other programs and the shell's history see",
            hint=f"Delete that key on {KEYS_PAGE}, make another, and type it when asked.",
        )
    settings = settings_of(args)
    if args.stdin:
        key = sys.stdin.readline().strip()
    elif sys.stdin.isatty():
        print(f"Keys are made on {KEYS_PAGE}.")
        key = _unseen("API key (not shown): ").strip()
    else:
        print("vast-mcp login: at a terminal, or with the key on --stdin", file=sys.stderr)
        return Exit.USAGE
    return anyio.run(kept, settings, key, network_transport())


async def kept(settings: Settings, key: str, transport: httpx2.AsyncBaseTransport) -> int:
    """Check this key and keep it for the address of these settings.

    Raises:
        InputInvalid: it is no key.
        ApiError: the vendor does not know it, or could not be reached; nothing was kept.
        ConfigInvalid: it cannot be kept.
    """
    if not _KEY.fullmatch(key):
        raise InputInvalid("KEY", "must be 6 to 512 printable characters without spaces")
    try:
        who = described(await account_of(settings, key, transport))
    except Unauthorized as error:
        raise Unauthorized(
            f"{settings.api_base} does not know this key; nothing was kept.",
            hint=f"Copy it once more, or make another on {KEYS_PAGE}.",
            status=error.status,
        ) from error
    except Forbidden:
        who = "the key is known, and may not read the account"
    logins = settings.logins or Logins(settings.home)
    login = logins.keep(settings.api_base, key)
    print(f"Logged in at {settings.api_base}: {who}.")
    if login.place is KeyPlace.KEYRING:
        print("The key is kept in the desktop's keyring.")
    else:
        print(
            f"The key is kept in a private file, {login.path} (no keyring that encrypts was found;"
            " the extra vast-mcp[keyring] uses the desktop's)."
        )
    if settings.environment.get("VAST_API_KEY"):
        print("VAST_API_KEY is set here and takes precedence: unset it to use this login.")
    print("Clients that run already see it once they start the server again.")
    return Exit.FINE


def _unseen(prompt: str) -> str:
    """Typed without an echo.

    Raises:
        InputInvalid: this terminal cannot hide what is typed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError) as error:
            raise InputInvalid(
                "KEY", "this terminal cannot hide what is typed", hint="Use --stdin."
            ) from error
