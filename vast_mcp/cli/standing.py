"""What closes spending, as lines for whoever sets a server up: no key, a broken policy, read-only.

Said at the start; that it is frozen stands in the ledger (`frozen_ledger.py`).
"""

from collections.abc import Iterator

from vast_mcp.api.next_steps import missing_key
from vast_mcp.config import Settings
from vast_mcp.policy.source import policy_source


def closed_by_settings(settings: Settings) -> Iterator[str]:
    """Every reason that is known without the ledger, each with what to do."""
    if not settings.api_key:
        yield f"nothing can be read or rented: {missing_key(settings.key_trouble)}"
    if fault := policy_source(settings).current().broken:
        yield (
            f"nothing can be rented: the policy cannot be read ({fault})."
            " `vast-mcp policy check` lists every fault."
        )
    if settings.read_only:
        yield (
            "nothing can be changed: the server is read-only (--read-only or VAST_MCP_READ_ONLY)."
        )
