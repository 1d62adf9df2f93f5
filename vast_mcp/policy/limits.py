"""The limits in force, as one frozen value; a person may change every number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from vast_mcp.units import Usd, UsdPerHour

BUILT_IN = "built-in"
"""The origin of a value that nobody has stated."""


class Level(StrEnum):
    """How far an act must go for a yes; each is stricter than the one before."""

    ALLOW = "allow"
    ASK = "ask"
    PERSON = "person"
    DENY = "deny"

    @property
    def rank(self) -> int:
        """0 for allow up to 3 for deny."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class NoQuestion:
    """Below all four of these a spending act needs no question."""

    usd_per_hour: UsdPerHour = UsdPerHour(1_000_000)
    usd_per_rental: Usd = Usd(5_000_000)
    hours: float = 24.0
    usd_per_day: Usd = Usd(10_000_000)
    """All rents of one UTC day that nobody was asked about."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be rented at all. None is "any"; an empty tuple is "nothing"."""

    gpu_names: tuple[str, ...] | None = None
    images: tuple[str, ...] | None = None
    """Shell-style patterns over `repository:tag`."""
    countries: tuple[str, ...] | None = None
    datacenter_only: bool = False
    max_gpus: int | None = None


@dataclass(frozen=True, slots=True)
class Protected:
    """Machines that only a person at a terminal may touch."""

    labels: tuple[str, ...] = ()
    """Shell-style patterns over the user's part of the label."""
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRules:
    """`[files]`: more local roots for copying, and caps. Used once copying exists."""

    roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotifyRules:
    """`[notify]`: how a person is reached, and when. No limit: it loosens and tightens nothing."""

    desktop: bool = True
    """Where a desktop is reachable."""
    webhook_url: str | None = None
    """Holds a secret in most cases: shown only as its host."""
    before_minutes: tuple[int, ...] = (30, 10)
    spend_percent: int = 80


@dataclass(frozen=True, slots=True)
class Limits:
    """The effective policy: built-in numbers, changed by files, tightened by every later layer."""

    max_usd_per_hour: UsdPerHour = UsdPerHour(3_000_000)
    max_total_usd_per_hour: UsdPerHour = UsdPerHour(6_000_000)
    max_running: int = 4
    max_usd_per_rental: Usd = Usd(50_000_000)
    max_lease_hours: float = 168.0
    max_usd_per_day: Usd = Usd(25_000_000)
    max_usd_per_month: Usd = Usd(200_000_000)
    max_disk_gb: float = 500.0
    max_usd_per_gb: Usd = Usd(50_000)
    min_credit_usd: Usd = Usd(1_000_000)
    verified_only: bool = True
    max_usd_per_rental_unasked_client: Usd = Usd(15_000_000)
    max_account_usd_per_hour: UsdPerHour | None = None
    no_question: NoQuestion = field(default_factory=NoQuestion)
    allow: Allowed = field(default_factory=Allowed)
    protect: Protected = field(default_factory=Protected)
    budgets: Mapping[str, Usd] = field(default_factory=lambda: MappingProxyType({}))
    """`[budget.<task>] max_cost_usd`: a person's cap on everything done for one task."""
    secrets: tuple[str, ...] = ()
    files: FileRules = field(default_factory=FileRules)
    notify: NotifyRules = field(default_factory=NotifyRules)
    levels: Mapping[str, Level] = field(default_factory=lambda: MappingProxyType({}))
    """`[levels]`: action name or "*" to a level that makes it stricter, never looser."""
    dangerous: frozenset[str] = frozenset()
    read_only: bool = False
    broken: str = ""
    """Why the policy could not be read; then only stop and destroy of own machines remain."""
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Key (dotted) to where its value came from: "built-in", a path, "VAST_MCP_MAX_…"."""
    digest: str = BUILT_IN
    """Changes whenever any of the above changes; stands in every plan."""
    file: str = ""
    """The file in which a person changes them, with the command that helps; empty: not known."""

    def place_of(self, dotted: str) -> str:
        """Where a person would change this key, for a sentence: a file, or a variable."""
        origin = self.origins.get(dotted, BUILT_IN).partition(" (")[0]
        return self.file or "the policy file" if origin in {BUILT_IN, ""} else origin
