"""The account: its money, its keys, its volumes, what it was charged."""

from dataclasses import dataclass

from vast_mcp.text import Untrusted
from vast_mcp.units import Usd, UsdPerHour


@dataclass(frozen=True, slots=True)
class VendorAccount:
    """Who the key belongs to and what is left. The vendor's answer may hold the key: dropped."""

    user_id: int
    name: Untrusted
    credit: Usd
    """What can be spent; may be below zero (docs/hazards.md#money)."""
    balance: Usd
    email_verified: bool | None


@dataclass(frozen=True, slots=True)
class SshKey:
    """A public key of the account or of an instance."""

    key_id: int | None
    public_key: str


@dataclass(frozen=True, slots=True)
class InboxNote:
    """What the vendor itself told the account about one machine.

    Two notes of one moment may bear the same id: `kind` belongs to what names a note.
    """

    note_id: str
    kind: str
    """The vendor's word: `outbid`, `instance_resumed`, `instance_started` and others."""
    instance_id: int
    created_us: int
    your_bid: UsdPerHour | None = None
    least_bid: UsdPerHour | None = None
    """Of an `outbid`: the bid that won. It was once seen below the own one."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Rented storage that outlives instances; bills until deleted."""

    volume_id: int
    machine_id: int
    label: Untrusted
    disk_gb: float
    usd_per_hour: UsdPerHour
    instance_ids: tuple[int, ...]
    status: Untrusted


@dataclass(frozen=True, slots=True)
class ChargeItem:
    """One line of what the vendor charged, for one contract."""

    source: str
    """`instance-<id>`, `volume-<id>`, `endpoint-<id>` …"""
    kind: str
    description: Untrusted
    amount: Usd
    gpu: Usd
    disk: Usd
    traffic: Usd
    start_us: int
    end_us: int
    raw_label: str = ""
    """Of the machine, as the vendor stored it, our mark included; never shown as it is."""


@dataclass(frozen=True, slots=True)
class Charges:
    """All charges of a period; complete, or an error was raised instead."""

    items: tuple[ChargeItem, ...]

    @property
    def total(self) -> Usd:
        """Their sum."""
        return sum((item.amount for item in self.items), Usd())
