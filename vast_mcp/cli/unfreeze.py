"""`vast-mcp unfreeze`: a person opens spending again, within the limits."""

import argparse

import anyio

from vast_mcp.account.freezing import frozen, unfreeze
from vast_mcp.cli.account import opened, settings_of
from vast_mcp.cli.by_hand import Ask, at_a_terminal, says_yes
from vast_mcp.cli.codes import Exit
from vast_mcp.cli.places import add_place_arguments
from vast_mcp.config import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose books."""
    add_place_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Only a person lifts it: an agent that spends must not be able to talk a tool into this."""
    if not at_a_terminal("unfreeze"):
        return Exit.FAILED
    return anyio.run(unfrozen, settings_of(args), input)


async def unfrozen(settings: Settings, ask: Ask) -> int:
    """The conversation with the person; `ask` puts a prompt and returns a line."""
    async with opened(settings) as runtime:
        session = runtime.session
        since = await frozen(session.account.ledger)
        if not since:
            print("Nothing is frozen.")
            return Exit.FINE
        print(f"Frozen by {since}.")
        if not await says_yes(ask, "Allow spending again, within the limits?"):
            print("It stays frozen.")
            return Exit.FAILED
        await unfreeze(session.account.ledger, session.account.clock)
    print("Spending is allowed again, within the limits.")
    return Exit.FINE
