"""Commands that answers name for a person's terminal, made whole."""

import re

_ON_THE_BOOKS = re.compile(
    r"`vast-mcp (?:approve|audit|budget|deny|doctor|extend|freeze|leases|open|pending|secrets"
    r"|ssh-config|unfreeze|watch)\b[^`]*`"
)
"""Those that work on the ledger, as texts name them."""


def on_these_books(text: str, flags: str) -> str:
    """`text` in which every such command finds this server's books, wherever they lie.

    `flags` is what a command needs for it (` --ledger FILE`), empty where the usual place is meant:
    without it `vast-mcp unfreeze` would lift a freeze of another account, or none.
    """
    if not flags:
        return text
    return _ON_THE_BOOKS.sub(lambda found: _with(found.group(), flags), text)


def _with(command: str, flags: str) -> str:
    return command if "--ledger" in command else f"{command[:-1]}{flags}`"
