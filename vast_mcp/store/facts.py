"""What the books know of a rental beyond its row's columns: typed, and each decides something.

`_facts_codec` is the only place that knows how these are stored. A changed fact is written with
`replace(rental.facts, ...)` inside the transaction that read the rental, so that of several
processes none undoes what another wrote.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from vast_mcp.operations import JsonObject
from vast_mcp.units import UsdPerHour


class KeyState(StrEnum):
    """How our SSH key stands on a machine; the keeper gives it where it is due."""

    UNKNOWN = ""
    """Not our concern: an endpoint, or a machine that was taken in."""
    NONE = "none"
    """The machine was rented without SSH."""
    DUE = "due"
    GIVEN = "given"
    LOOK = "look"
    """Given, and the container was restarted since: the keeper looks whether it is still there."""
    REFUSED = "refused"
    """Refused for good; not tried again."""


class Halt(StrEnum):
    """What our stop or destroy of a machine was sent for."""

    NONE = ""
    """None was sent, or by a release that noted no cause."""
    ASKED = "asked"
    LEASE = "lease"
    JOB = "job"
    START = "start"
    UNAPPROVED = "unapproved"
    BID = "bid"
    OTHER = "other"
    """A cause that only a newer release has a name for."""

    @classmethod
    def _missing_(cls, value: object) -> "Halt":  # noqa: ARG003
        return cls.OTHER


@dataclass(frozen=True, slots=True)
class Gpus:
    """How many GPUs of which kind."""

    count: int
    name: str
    """As the vendor spells it: `RTX 4090`."""

    def __str__(self) -> str:
        return f"{self.count}x {self.name}"


class LowStretch(NamedTuple):
    """A time in which a machine was seen to bill less than it was counted at."""

    from_us: int
    rate_micros: int
    """Micro-dollars per hour."""
    until_us: int


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """What was approved of an endpoint; all None for an instance."""

    workers: int | None = None
    """The approved maximum: so many machines count as running, and more than these are ended."""
    per_worker: UsdPerHour | None = None
    """The approved price of one worker; an endpoint with a more expensive one is ended."""


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """The state of a lease, for the keeper and the acts. Never a secret, no path of this computer.

    `*_us` are UTC microseconds of the lease clock; 0 or None: it never happened.
    """

    # -- what was approved -----------------------------------------------------------------
    gpus: Gpus | None = None
    """A machine that comes with others is destroyed before it ever ran."""
    is_bid: bool = False
    """Interruptible: outbid it goes on counting, and a machine of the other kind is destroyed."""
    disk_gb: float = 0.0
    """What is shown of a machine that the vendor does not list; 0: unknown."""
    ports: tuple[str, ...] = ()
    """Container ports it was rented with; one that is not among them never gets an address."""
    guarded_inside: bool = False
    """It carries our start script, which mends a key file by itself: waiting for it pays."""
    endpoint: EndpointFacts = EndpointFacts()
    adopted: bool = False
    """Taken in and not rented here: no agreement covers a destroy at its end."""
    unasked_day: str = ""
    """UTC day (`YYYY-MM-DD`) of a start or extension that nobody was asked about."""
    unasked_from_us: int = 0
    """What it costs from then on counts against that day's cap on unasked spend."""
    upload_roots: tuple[str, ...] = ()
    """Digests of local roots whose uploads to this machine had their yes; they need no other."""

    # -- finding out what a rent became ----------------------------------------------------
    answered_us: int | None = None
    """When the vendor answered the rent: absence is then believed sooner than of a lost answer."""
    named_id: int | None = None
    """The instance id in that answer: a claim, looked at first."""
    unmarked_id: int | None = None
    """A new machine that seems to be the result and lacks our mark: counted, never acted on."""
    good_reads: int = 0
    """Complete lists without the machine; three and a horizon release the reservation."""
    missed: int = 0
    """Lists in a row that lack a machine known before; enough of them prove it gone."""
    checked: bool = True
    """False: nobody has compared the machine with what was approved yet; the next look does."""
    breach: str = ""
    """How it differs from what was approved; the keeper destroys or stops it."""
    key: KeyState = KeyState.UNKNOWN

    # -- running and stopping --------------------------------------------------------------
    start_us: int | None = None
    """The last start that was sent; one that has not come up in ten minutes is stopped again."""
    starting: bool = False
    """That start may not have arrived: a machine still seen at rest is not taken for stopped."""
    came_up: bool | None = None
    """Whether the machine ran after that start; None: it was never started again. Once True it is
    never given up as a failed start."""
    stop_sent: bool = False
    """A stop was sent: it is repeated while the machine wants to run, and no time is sold."""
    stopped_for: Halt = Halt.NONE
    """What the last stop was sent for; for the words about it alone."""
    ended_for: Halt = Halt.NONE
    """What the destroy was sent for."""
    rested_us: int | None = None
    """When it was first seen at rest, the last time it was."""
    seen_us: int = 0
    """A read that began before this shows an older state and changes neither price nor state."""
    parked_us: int | None = None
    """When a bid was rented that did not win at once; given up after ten minutes."""
    destroy_us: int = 0
    """When a destroy was sent; only lists read after it may prove the machine gone."""

    # -- price -----------------------------------------------------------------------------
    rise_intent: str = ""
    """The call that is raising its price: until it has settled no other call lowers it."""
    raised_us: int = 0
    """When something that makes it more expensive was last sent; it may still arrive."""
    low: tuple[LowStretch, ...] = ()
    """When it billed less than was counted; for what is shown, never for the limits."""

    carried: JsonObject = field(default_factory=dict)
    """What another version of this program wrote: carried along, never read."""
