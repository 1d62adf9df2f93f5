"""`vast-mcp whoami`: which account the key belongs to, and where the key is from."""

import argparse
import json

import anyio
import httpx2

from vast_mcp import __version__
from vast_mcp.api.connection import Connection, network_transport
from vast_mcp.api.keyring import KeyRing, ring_of
from vast_mcp.api.next_steps import missing_key
from vast_mcp.api.reads import Reads
from vast_mcp.cli.account import settings_of
from vast_mcp.cli.codes import Exit
from vast_mcp.clock import SystemClock
from vast_mcp.config import Settings
from vast_mcp.models.account import VendorAccount


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """For people, or for scripts."""
    parser.add_argument("--json", action="store_true", help="one JSON object, for scripts")


def run(args: argparse.Namespace) -> int:
    """Ask the vendor whose key it is.

    Raises:
        ApiError: there is no key, it is not known, or the vendor could not be reached.
    """
    return anyio.run(shown, settings_of(args), network_transport(), args.json)


async def shown(settings: Settings, transport: httpx2.AsyncBaseTransport, as_json: bool) -> int:
    """Print the account, and which key answered.

    Raises:
        ApiError: there is no key, it is not known, or the vendor could not be reached.
    """
    ring = KeyRing.among(settings.find_keys, missing=settings.key_trouble)
    if ring.current is None:
        raise missing_key(settings.key_trouble)
    account = await account_of(settings, ring, transport)
    found = {
        "account": account.user_id,
        "credit_usd": account.credit.dollars,
        "key_from": ring.current.origin,
        "address": settings.api_base,
    }
    if as_json:
        print(json.dumps(found))
    else:
        print(f"{described(account)}\nkey from {ring.current.origin}\nat {settings.api_base}")
    return Exit.FINE


async def account_of(
    settings: Settings, key: str | KeyRing, transport: httpx2.AsyncBaseTransport
) -> VendorAccount:
    """The account of a key, read at the address of these settings.

    Raises:
        ApiError: the key is not known, may not read it, or the vendor could not be reached.
    """
    connection = Connection(
        api_key=ring_of(key) if isinstance(key, str) else key,
        transport=transport,
        clock=SystemClock(),
        api_base=settings.api_base,
        serverless_base=settings.serverless_base,
        user_agent=f"vast-mcp/{__version__}",
    )
    async with connection:
        return await Reads(connection).account()


def described(account: VendorAccount) -> str:
    """The account in a few words."""
    return f"account {account.user_id}, credit {account.credit}"
