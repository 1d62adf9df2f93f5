"""Whether all spending is frozen, as a line for whoever sets a server up.

Nothing is asked of the network: the freeze is looked for in the account's ledger if it is known.
"""

from vast_mcp.account.freezing import frozen
from vast_mcp.account.ledger import known_ledger
from vast_mcp.config import Settings
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.store import SqliteLedger


async def closed_by_ledger(settings: Settings) -> list[str]:
    """Why nothing can be rented now, with what to do; empty when the ledger closes nothing."""
    place = settings.ledger or known_ledger(settings.state_dir, settings.key_digest)
    if place is None or not place.is_file():
        return []
    ledger = SqliteLedger(place)
    try:
        since = await frozen(ledger)
    except LedgerUnavailable as error:
        return [f"nothing can be rented: {error}"]
    finally:
        await ledger.close()
    if not since:
        return []
    return [
        f"nothing can be rented: all spending is frozen by {since}; `vast-mcp unfreeze` lifts it"
    ]
