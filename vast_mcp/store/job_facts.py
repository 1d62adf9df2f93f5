"""What was agreed of a job, and what has happened to it: typed, and each decides something.

As with leases (`facts`), `_facts_codec` is the only place that knows how these are stored. Only the
server at work on a job writes its facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vast_mcp.operations import JsonObject
from vast_mcp.store.facts import Gpus
from vast_mcp.units import Usd, UsdPerHour


class JobKind(StrEnum):
    """Whose the job's machine is."""

    RUN = ""
    """It rents a machine of its own, and ends it."""
    COMMAND = "command"
    """A mere command: its machine was there before, and stays."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A local file or directory, as it was when the person was asked."""

    path: str
    files: int
    bytes: int
    doubt: str = ""
    """Why it looks like a secret."""


@dataclass(frozen=True, slots=True)
class JobAgreement:
    """What the question named of machine, money and uploads; the yes covers no more."""

    gpus: Gpus
    rate: UsdPerHour
    """Of the best offer then."""
    ceiling: UsdPerHour
    """No machine of the job costs more, with its disk."""
    at_most: Usd
    """In all, however many hosts fail."""
    hours: float
    """The longest lease."""
    disk_per_day: Usd
    uploads: tuple[Upload, ...]


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What was asked for and agreed. No environment values, no contents of files."""

    command: str = field(repr=False)
    """Sealed in the file, and forgotten when the job is over."""
    kind: JobKind = JobKind.RUN
    directory: str = ""
    """Where a mere command runs; empty: the machine's home."""
    outputs: tuple[str, ...] = ()
    """Paths on the machine that are brought back."""
    gpu_names: tuple[str, ...] = ()
    offer_id: int | None = None
    """The first to be rented; others of its kind after it."""
    image: str | None = None
    template_hash: str | None = None
    disk_gb: float | None = None
    max_replacements: int = 0
    """Hosts that may fail before the job does."""
    on_end: str = "stop"
    """`destroy` only once every output is home."""
    restart_on_resume: bool = False
    """A command that vanished with its machine's restart begins again."""
    agreed: JobAgreement | None = None
    """None: a mere command, which may rent nothing."""
    carried: JsonObject = field(default_factory=dict)
    """What another version of this program wrote: carried along, never read."""


@dataclass(frozen=True, slots=True)
class JobRent:
    """One rent of a job, written down before it is sent: the next server finds it by its key."""

    request_key: str
    offer_id: int
    lease_hours: float
    max_price_usd_per_hour: float
    label: str = ""
    task: str = ""
    """The budget that it counts against."""
    job_id: str = ""
    image: str | None = None
    template_hash: str | None = None
    disk_gb: float | None = None


@dataclass(frozen=True, slots=True)
class JobOutput:
    """One named output, brought home or not."""

    path: str
    local: str = ""
    files: int = 0
    bytes: int = 0
    empty: int = 0
    """Files without content among them."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """By file; the first of them."""
    trouble: str = ""
    """Why not all of it is home; empty when it is."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What has happened to a job. `*_us` are UTC microseconds of the lease clock."""

    # -- a machine -------------------------------------------------------------------------
    rent: JobRent | None = None
    """The rent that is under way, or made the present machine."""
    tried: tuple[int, ...] = ()
    """Offer ids that a rent was begun of."""
    denials: int = 0
    """Rents that the policy refused."""
    trouble: str = ""
    """Why the last rent failed, or why the command has no exit status."""
    up_by_us: int | None = None
    """A host that has not come up by then has failed."""
    waits_for: str = ""
    """What keeps the machine from being used yet."""
    key_us: int = 0
    """When our SSH key was last given to it."""
    shut_us: int = 0
    """Since when it refuses SSH; 0: it does not."""
    explained: str = ""
    """What its log says of that."""
    rebooted: bool = False
    """Once, for a tunnel that hangs."""

    # -- a host that fails -----------------------------------------------------------------
    failing: str = ""
    """Why the present host is given up: it is destroyed before another is rented."""
    failed_hosts: tuple[str, ...] = ()
    """Why each was."""
    failed_machines: tuple[int, ...] = ()
    """Offers of these come last."""
    quote: str = ""
    """What the host that failed printed of its start."""
    hopeless: bool = False
    """No other host would do better."""
    needs: str = ""
    """What hosts that failed have shown to be needed, in the search language."""

    # -- the command -----------------------------------------------------------------------
    started: bool = False
    """It may have begun: from then on the machine may hold results, and its destroy is not free."""
    started_us: int | None = None
    lost: int = 0
    """Looks in a row at a machine that did not answer."""
    absent: int = 0
    """Looks in a row that found neither the command nor its exit status."""
    output_bytes: int = 0
    term_us: int | None = None
    """When it was told to end; a while later it is killed."""
    timed_out: bool | None = None
    """Whether its time was up; None: it was not told to end."""
    exit_code: int | None = None

    # -- the end ---------------------------------------------------------------------------
    outputs: tuple[JobOutput, ...] = ()
    """Those that were tried to be brought home."""
    whole_log: str = ""
    """The file with all that was printed, where it is more than is kept of every job."""
    verified: bool = False
    """Every named output is home: its machine may be destroyed where that was agreed."""
    leave: bool = False
    """Whoever ended its machine decided what becomes of the disk."""
    why: str = ""
    """Why it ends early, in a sentence of ours."""
    detail: str = ""
    """What others said of that."""
    ends: int = 0
    """How often its machine's end was tried."""
    machine: str = ""
    """What became of its machine."""

    carried: JsonObject = field(default_factory=dict)
    """What another version of this program wrote: carried along, never read."""


@dataclass(frozen=True, slots=True)
class JobEnd:
    """What the end was, for people."""

    why: str = ""
    machine: str = ""
    cost: Usd = Usd(0)
