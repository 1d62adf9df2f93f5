"""The account a command works on: its settings, and everything opened for it."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2

from vast_mcp.account.ledger import ledgers_in
from vast_mcp.api.connection import network_transport
from vast_mcp.cli.logs import configure
from vast_mcp.cli.places import environment_of
from vast_mcp.clock import Clock, SystemClock
from vast_mcp.config import Settings, read_settings
from vast_mcp.errors import ConfigInvalid
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.text import Redactor


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings of this command.

    Raises:
        ConfigInvalid: one of them cannot be used.
    """
    return read_settings(environment_of(args), Path.home())


def found_without_key(settings: Settings) -> Settings:
    """The same settings; where no key tells the account, with the only ledger that is there.

    Raises:
        ConfigInvalid: there are several.
    """
    if settings.api_key or settings.ledger is not None:
        return settings
    found = ledgers_in(settings.state_dir)
    if len(found) > 1:
        raise ConfigInvalid(
            "No API key is set, and several accounts have ledgers here:"
            f" {', '.join(str(path) for path in found)}.",
            hint="Name one with --ledger FILE, or set the account's VAST_API_KEY.",
        )
    return replace(settings, ledger=found[0]) if found else settings


@asynccontextmanager
async def opened(
    settings: Settings,
    *,
    clock: Clock | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    level: str = "WARNING",
) -> AsyncIterator[Runtime]:
    """The account, opened for one command; no keeper.

    Without a key the books are those that lie in the state directory, if they are one account's.

    Raises:
        ConfigInvalid: without a key, several accounts have books there.
    """
    settings = found_without_key(settings)
    redactor = Redactor(key.value for key in settings.find_keys())
    configure(redactor, level)
    async with open_runtime(
        settings,
        clock=clock or SystemClock(),
        transport=transport or network_transport(),
        redactor=redactor,
    ) as runtime:
        yield runtime
