"""`vast-mcp logout`: forget the key of `vast-mcp login`, and say what would be used now."""

import argparse

from vast_mcp.cli.account import settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.login import KEYS_PAGE
from vast_mcp.config import Settings


def add_arguments(_: argparse.ArgumentParser) -> None:
    """None: it is the login of the address in use."""


def run(args: argparse.Namespace) -> int:
    """Forget it.

    Raises:
        ConfigInvalid: it cannot be taken out of where it is kept.
    """
    return forgotten(settings_of(args))


def forgotten(settings: Settings) -> int:
    """Forget the key of this address.

    Raises:
        ConfigInvalid: it cannot be taken out of where it is kept.
    """
    found = settings.logins.forget(settings.api_base) if settings.logins else None
    if found is None:
        print(f"There is no login at {settings.api_base}.")
    else:
        print(f"The key of {settings.api_base} is forgotten here ({found.place}).")
        print(f"Vast.ai still accepts it: delete it on {KEYS_PAGE} if others may know it.")
    left = settings.find_keys()
    if left:
        print(f"A key from {left[0].origin} is used now.")
    return Exit.FINE
