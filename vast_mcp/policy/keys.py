"""The keys of a policy file: what each holds, which way is tighter, and what it means.

This one table feeds the reader, the layering, the environment names, `policy show`, `policy init`
and the documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from vast_mcp.policy.limits import Limits
from vast_mcp.units import Usd, UsdPerHour

Value: TypeAlias = (
    Usd | UsdPerHour | float | int | bool | str | tuple[str, ...] | tuple[int, ...] | frozenset[str]
)
DANGEROUS_WORDS = (
    "prepay", "price_increase", "transfer", "keys", "team", "hosting", "network", "schedules",
)  # fmt: skip
"""What `[dangerous] allow` can name."""


class ValueKind(StrEnum):
    """What a key holds."""

    MONEY = "an amount in dollars"
    RATE = "a price in dollars per hour"
    NUMBER = "a number"
    COUNT = "a whole number"
    SWITCH = "true or false"
    WORDS = "a list of texts"
    IDS = "a list of ids"
    MINUTES = "a list of minutes"
    PERCENT = "a whole number from 1 to 100"
    ADDRESS = "an https address"


class Tighter(StrEnum):
    """Which of two values is the tighter one."""

    LEAST = "least"
    MOST = "most"
    ON = "on"
    SHARED = "shared"
    """Only what both lists hold."""
    JOINED = "joined"
    """What either list holds."""
    NEITHER = "neither"
    """No limit: what a later layer says simply holds."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the policy file."""

    table: str
    name: str
    kind: ValueKind
    tighter: Tighter
    meaning: str

    @property
    def dotted(self) -> str:
        """The name that reasons, origins and tables use: `limits.max_running`."""
        return f"{self.table}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that can tighten it: the table's name stands in all but one."""
        prefix = "" if self.table == "limits" else f"{self.table}_"
        return f"{PREFIX}{prefix}{self.name}".upper()


PREFIX = "VAST_MCP_"

_TABLES: Mapping[str, tuple[tuple[str, ValueKind, Tighter, str], ...]] = MappingProxyType(
    {
        "limits": (
            ("max_usd_per_hour", ValueKind.RATE, Tighter.LEAST,
             "maximum price per machine"),
            ("max_total_usd_per_hour", ValueKind.RATE, Tighter.LEAST,
             "maximum price of all rentals together"),
            ("max_running", ValueKind.COUNT, Tighter.LEAST, "maximum number of running machines"),
            ("max_usd_per_rental", ValueKind.MONEY, Tighter.LEAST,
             "maximum cost of one rental, extensions included"),
            ("max_lease_hours", ValueKind.NUMBER, Tighter.LEAST, "maximum length of a lease"),
            ("max_usd_per_day", ValueKind.MONEY, Tighter.LEAST,
             "maximum spent and reserved per UTC day"),
            ("max_usd_per_month", ValueKind.MONEY, Tighter.LEAST,
             "maximum spent and reserved per UTC month"),
            ("max_disk_gb", ValueKind.NUMBER, Tighter.LEAST, "maximum size of a disk"),
            ("max_usd_per_gb", ValueKind.MONEY, Tighter.LEAST, "maximum price of traffic, per GB"),
            ("min_credit_usd", ValueKind.MONEY, Tighter.MOST,
             "credit to leave on the account"),
            ("verified_only", ValueKind.SWITCH, Tighter.ON, "rent from verified hosts only"),
            ("max_usd_per_rental_unasked_client", ValueKind.MONEY, Tighter.LEAST,
             "above this cost, a client that cannot ask needs a person at a terminal"),
            ("max_account_usd_per_hour", ValueKind.RATE, Tighter.LEAST,
             "maximum price of the whole account, others' machines included"),
        ),
        "no_question": (
            ("usd_per_hour", ValueKind.RATE, Tighter.LEAST, "ask above this price"),
            ("usd_per_rental", ValueKind.MONEY, Tighter.LEAST, "ask above this cost per rental"),
            ("hours", ValueKind.NUMBER, Tighter.LEAST, "ask above this lease length"),
            ("usd_per_day", ValueKind.MONEY, Tighter.LEAST,
             "ask once the day's rents without a question exceed this"),
        ),
        "allow": (
            ("gpu_names", ValueKind.WORDS, Tighter.SHARED, "rent only these GPUs"),
            ("images", ValueKind.WORDS, Tighter.SHARED,
             "run only these images; * matches any text"),
            ("countries", ValueKind.WORDS, Tighter.SHARED, "rent only in these countries"),
            ("datacenter_only", ValueKind.SWITCH, Tighter.ON, "rent in datacenters only"),
            ("max_gpus", ValueKind.COUNT, Tighter.LEAST, "maximum number of GPUs in one machine"),
        ),
        "protect": (
            ("labels", ValueKind.WORDS, Tighter.JOINED,
             "machines with these labels need a person at a terminal; * matches any text"),
            ("ids", ValueKind.IDS, Tighter.JOINED,
             "these machines need a person at a terminal"),
        ),
        "dangerous": (
            ("allow", ValueKind.WORDS, Tighter.SHARED,
             "enable these sets of dangerous tools; each action still needs a person"),
        ),
        "secrets": (
            ("allow", ValueKind.WORDS, Tighter.SHARED,
             "names of secrets that may be given to a machine"),
        ),
        "files": (
            ("roots", ValueKind.WORDS, Tighter.SHARED, "more local folders that copying may use"),
        ),
        "notify": (
            ("desktop", ValueKind.SWITCH, Tighter.NEITHER,
             "show notices on the desktop, where one is reachable"),
            ("webhook_url", ValueKind.ADDRESS, Tighter.NEITHER,
             "post notices as JSON to this https address (http on loopback)"),
            ("before_minutes", ValueKind.MINUTES, Tighter.NEITHER,
             "give notice this long before a lease ends"),
            ("spend_percent", ValueKind.PERCENT, Tighter.NEITHER,
             "give notice once this share of a day's, month's or task's money is spent"),
        ),
    }
)  # fmt: skip

KEYS: tuple[Key, ...] = tuple(
    Key(table, *entry) for table, entries in _TABLES.items() for entry in entries
)
TABLES: tuple[str, ...] = (*_TABLES, "budget", "levels")


def keys_of(table: str) -> dict[str, Key]:
    """The keys of one table by name."""
    return {key.name: key for key in KEYS if key.table == table}


def value_of(limits: Limits, key: Key) -> Value | None:
    """What holds for this key; None is "not set"."""
    holder, name = _place(limits, key)
    value: Value | None = getattr(holder, name)
    return tuple(sorted(value)) if isinstance(value, frozenset) else value


def with_value(limits: Limits, key: Key, value: Value | None) -> Limits:
    """The same limits with another value for this key."""
    holder, name = _place(limits, key)
    if key.table == "dangerous" and isinstance(value, tuple):
        value = frozenset(str(word) for word in value)
    # The table above keeps kinds and fields together; a test builds every key both ways.
    change: dict[str, Any] = {name: value}
    if holder is not limits:
        change = {key.table: replace(holder, **change)}
    changed: Limits = replace(limits, **change)
    return changed


def _place(limits: Limits, key: Key) -> tuple[Any, str]:
    match key.table:
        case "limits":
            return limits, key.name
        case "dangerous" | "secrets":
            return limits, key.table
        case _:
            return getattr(limits, key.table), key.name


def shown(value: Value | None) -> str:
    """A value for a reader; of an address only the host, since the rest is a secret."""
    match value:
        case None:
            return "not set"
        case str():
            address = urlsplit(value)
            return f"{address.scheme}://{address.hostname}/[secret]"
        case bool():
            return "yes" if value else "no"
        case tuple() | frozenset():
            return ", ".join(str(entry) for entry in value) or "none"
        case float():
            return f"{value:.10g}"
        case _:
            return str(value)


def literal(value: Value) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple() | frozenset():
            return f"[{', '.join(_quoted(entry) for entry in value)}]"
        case Usd() | UsdPerHour():
            whole, _, digits = f"{Decimal(value.micros) / 1_000_000:f}".partition(".")
            return f"{whole}.{digits:0<2}"
        case str():
            return _quoted(value)
        case _:
            return f"{value:.10g}"


def _quoted(entry: str | int) -> str:
    return f'"{entry}"' if isinstance(entry, str) else str(entry)
