"""What is asked, and what is already running and spent: all that a decision may look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from vast_mcp.units import Usd, UsdPerHour


class Owner(StrEnum):
    """Whose machine it is: ours when its mark verifies or the ledger knows it, else foreign."""

    OURS = "ours"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Target:
    """The existing thing an act is aimed at."""

    kind: str
    """`instance` or `endpoint`."""
    target_id: int
    label: str
    owner: Owner
    never_ran: bool = False
    """Neither the ledger nor the vendor ever showed it running. If unknown: False."""

    @property
    def ours(self) -> bool:
        """Whether its mark verifies or the ledger knows it."""
        return self.owner is Owner.OURS


@dataclass(frozen=True, slots=True)
class Spend:
    """What an act adds to the bill at worst, and what it rents."""

    usd_per_hour: UsdPerHour
    """All-in price of this machine while running."""
    adds_usd_per_hour: UsdPerHour
    """By how much the account's total rate rises."""
    adds_running: int
    lease_hours: float
    """The whole lease from its beginning, extensions included."""
    cost: Usd
    """Worst case of what is added: rate x time, plus expected traffic."""
    rental_total: Usd
    """Worst case of this rental from its first second, extensions included."""
    by_day: Mapping[str, Usd]
    """`cost` split over UTC days, `YYYY-MM-DD`."""
    disk_gb: float = 0.0
    usd_per_gb_traffic: Usd = Usd()
    """The dearer of upload and download."""
    gpu_name: str = ""
    num_gpus: int = 0
    image: str = ""
    country: str = ""
    datacenter: bool = True
    verified: bool = True
    max_contract_hours: float | None = None
    """The longest lease the offer can carry."""
    task: str = ""
    max_cost_usd: Usd | None = None
    """The call's own cap on its task."""
    job_id: str = ""
    """The job in whose name it is done: its own ceiling binds as well."""
    fixed: bool = True
    """What is rented is known. False: an endpoint's maximum, whose machines a workergroup's search
    decides about; the rules about one machine's kind are kept there."""


@dataclass(frozen=True, slots=True)
class Request:
    """One act, as the policy sees it."""

    action: str
    """The tool's name: `create_instance`, `stop_instance`, `change_bid` …"""
    target: Target | None = None
    spend: Spend | None = None
    raises: bool = False
    """For a bid or an endpoint's maximum: whether it goes up."""
    corrective: bool = False
    """Our own lease end, or the undoing of a rent that came out dearer than approved."""
    covered: bool = False
    """Inside what a person's yes to a larger act already named."""
    dangerous_set: str = ""
    """The policy's `[dangerous]` word this act needs, if any."""
    can_ask: bool = True
    """Whether the caller's client can put a question to its person."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What we rent and owe already: the union of ledger and vendor, unknown outcomes included."""

    running: int = 0
    usd_per_hour: UsdPerHour = UsdPerHour()
    by_day: Mapping[str, Usd] = field(default_factory=lambda: MappingProxyType({}))
    """Spent and reserved, per UTC day `YYYY-MM-DD`."""
    by_month: Mapping[str, Usd] = field(default_factory=lambda: MappingProxyType({}))
    """The same per UTC month, `YYYY-MM`."""
    today: str = ""
    reserved: Usd = Usd()
    """Set aside by everything that runs and not yet accrued."""
    unasked_today: Usd = Usd()
    """Worst case of today's rents that nobody was asked about."""
    task_spent: Usd = Usd()
    task_reserved: Usd = Usd()
    task_cap: Usd | None = None
    """The lowest cap this task was ever given, by a call or by the policy."""
    job_spent: Usd = Usd()
    job_reserved: Usd = Usd()
    job_cap: Usd | None = None
    """What a person agreed that the job may cost in all; None where it is no job's act."""
    credit: Usd | None = None
    """Less what open reservations may still take. None when unreadable: spending is refused."""
    account_usd_per_hour: UsdPerHour | None = None
    """Everything that bills on the account, others' machines included."""
    frozen: str = ""
    """Who froze all spending and when, for a sentence; empty while nothing is frozen."""
