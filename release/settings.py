"""The settings that an installer asks a person for: the key, what is offered, and the limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vast_mcp.policy.keys import KEYS, shown, value_of
from vast_mcp.policy.limits import Limits

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "limits.max_usd_per_hour": "Most dollars per hour, one machine",
        "limits.max_total_usd_per_hour": "Most dollars per hour, all machines",
        "limits.max_usd_per_rental": "Most dollars for one rental",
        "limits.max_usd_per_day": "Most dollars per day",
        "limits.max_usd_per_month": "Most dollars per month",
        "limits.max_running": "Most machines at once",
        "limits.max_lease_hours": "Longest lease, in hours",
    }
)
"""The limits that an installer shows; the policy file has all of them."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One question of an installer, answered through one environment variable."""

    name: str
    variable: str
    title: str
    description: str
    kind: str = "string"
    secret: bool = False
    default: str | bool = ""


def settings() -> Iterator[Setting]:
    """The key first, then what is offered, then the limits.

    A limit is a text with an empty default: an empty variable counts as not set, and a number
    that an installer filled in would hold against a policy file that a person raised.
    """
    yield Setting(
        "api_key",
        "VAST_API_KEY",
        "Vast.ai API key",
        "From your account's Keys page; a restricted key is enough. Empty: the key that"
        " `vast-mcp login` or the official client's file holds.",
        secret=True,
    )
    yield Setting(
        "read_only",
        "VAST_MCP_READ_ONLY",
        "Read only",
        "Offer only tools that change nothing.",
        kind="boolean",
        default=False,
    )
    yield Setting(
        "toolsets",
        "VAST_MCP_TOOLSETS",
        "Sets of tools",
        "default, all, or names with commas between.",
        default="default",
    )
    yield from _limits()


def _limits() -> Iterator[Setting]:
    plain = Limits()
    for key in KEYS:
        if key.dotted in TITLES:
            yield Setting(
                key.name,
                key.variable,
                TITLES[key.dotted],
                f"Empty: what the policy says, {shown(value_of(plain, key))} unless you changed"
                " it. A number here can only lower that.",
            )
