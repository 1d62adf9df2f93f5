"""What closes spending, as lines for whoever sets a server up: no key, a broken policy, a freeze.

Nothing is asked of the network: a freeze is looked for in the account's ledger if it is known.
"""

from collections.abc import Iterator

from vast_mcp.account.ledger import known_ledger
from vast_mcp.api.classify import missing_key
from vast_mcp.config import Settings
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.guard.freezing import frozen
from vast_mcp.runtime import policy_source
from vast_mcp.store import SqliteLedger


async def closed_because(settings: Settings) -> list[str]:
    """Every reason why nothing can be rented now, each with what to do."""
    return [*_by_settings(settings), *await _by_ledger(settings)]


def _by_settings(settings: Settings) -> Iterator[str]:
    if not settings.api_key:
        yield f"nothing can be read or rented: {missing_key(settings.key_trouble)}"
    if fault := policy_source(settings).current().broken:
        yield (
            f"nothing can be rented: the policy cannot be read ({fault})."
            " `vast-mcp policy check` lists every fault."
        )
    if settings.read_only:
        yield "nothing can be changed: it runs read-only (--read-only or VAST_MCP_READ_ONLY)."


async def _by_ledger(settings: Settings) -> list[str]:
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
        f"nothing can be rented: all spending is frozen by {since}; `vast-mcp unfreeze` ends it"
    ]
