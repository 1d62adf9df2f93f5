"""Every `VAST_MCP_…` variable: start-up choices, and the keys of the policy that it can tighten.

A variable that is in neither list is a fault that closes spending: it may be a cap that somebody
believes to hold.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from vast_mcp.policy.keys import KEYS, PREFIX, Key

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        f"{PREFIX}ASK": "where questions go: `client` or `terminal` (`--ask`)",
        f"{PREFIX}FILES": "further directories for copies, with colons between (`--files`)",
        f"{PREFIX}HTTP_TOKEN": "HTTP: the bearer token (`--token-file`)",
        f"{PREFIX}LEDGER": "ledger file (`--ledger`)",
        f"{PREFIX}POLICY": "policy file (`--policy`)",
        f"{PREFIX}READ_ONLY": "1: offer only what changes nothing (`--read-only`)",
        f"{PREFIX}TOOLSETS": "sets of tools to offer (`--toolsets`)",
    }
)
LEVELS = f"{PREFIX}LEVELS"
BUDGET = f"{PREFIX}BUDGET_"
_TESTS = f"{PREFIX}TEST_"
"""Sizes and seeds of this project's own test suites."""


def by_variable() -> dict[str, Key]:
    """The key that each variable tightens; a limit's table may be named or left out."""
    known = {key.variable: key for key in KEYS}
    limits = {f"{PREFIX}LIMITS_{key.name}".upper(): key for key in KEYS if key.table == "limits"}
    return {**limits, **known}


def policy_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """All that mean the policy, or nothing that we know; an empty one counts as not set."""
    return {
        name: text.strip()
        for name, text in variables.items()
        if text.strip()
        and name.upper().startswith(PREFIX)
        and name not in SETTINGS
        and not name.startswith(_TESTS)
    }


def variables_table() -> Iterator[tuple[str, str]]:
    """Each variable and what it does, for people."""
    yield from SETTINGS.items()
    for key in KEYS:
        also = f" (also `{PREFIX}LIMITS_{key.name}`)".upper() if key.table == "limits" else ""
        yield key.variable, f"tightens `{key.dotted}`{also.replace('ALSO', 'also')}"
    yield f"{BUDGET}<TASK>", "tightens `budget.<task>.max_cost_usd`"
    yield LEVELS, "tightens `levels`: `action=level`, with commas between"
