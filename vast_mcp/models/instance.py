"""A rented machine and the two words that matter about it: its state, and what it bills."""

from dataclasses import dataclass
from enum import StrEnum

from vast_mcp.models.instance_words import KNOWN_WISHES, StatusWords
from vast_mcp.models.start_failure import StartFailure, start_failure
from vast_mcp.text import Untrusted
from vast_mcp.units import UsdPerHour


class InstanceState(StrEnum):
    """One word for the vendor's four status fields.

    `ended`: a command in `args` mode is over. `outbid`: an interruptible machine that stands
    still without our stop; it may resume by itself. `failed`: it never came up, and why is known.
    """

    STARTING = "starting"
    READY = "ready"
    RUNNING_NO_SSH = "running_no_ssh"
    WAITING_FOR_GPU = "waiting_for_gpu"
    OUTBID = "outbid"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ENDED = "ended"
    FAILED = "failed"
    HOST_OFFLINE = "host_offline"
    UNKNOWN = "unknown"


class Billing(StrEnum):
    """What the meter counts now."""

    GPU_AND_DISK = "gpu+disk"
    DISK = "disk"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A port inside the instance and where it is reached from outside."""

    inside: int
    protocol: str
    outside: int


@dataclass(frozen=True, slots=True)
class Instance:
    """A rented machine as the vendor last described it. Holds no token, env value or script.

    `usd_per_hour` is the all-in price while running, `disk_usd_per_hour` the part that goes on
    while stopped.
    """

    instance_id: int
    machine_id: int
    label: Untrusted
    raw_label: str
    """As stored by the vendor, for parsing our own mark; never shown."""
    actual_status: str | None
    intended_status: str
    cur_state: str
    next_state: str
    status_message: Untrusted
    is_bid: bool
    gpu_name: str
    num_gpus: int
    gpu_ram_gb: float
    usd_per_hour: UsdPerHour
    disk_usd_per_hour: UsdPerHour
    min_bid: UsdPerHour | None
    download_usd_per_gb: float
    upload_usd_per_gb: float
    disk_gb: float
    disk_used_gb: float | None
    gpu_utilisation_percent: float | None
    image: Untrusted
    runtype: str
    template_hash: str | None
    country: str
    public_ip: str | None
    ssh_host: str | None
    ssh_port: int | None
    ports: tuple[PortMapping, ...]
    started_at_us: int | None
    """When the contract began, microseconds UTC."""
    contract_ends_us: int | None
    intent_mark: str | None = None
    """The value of VMCP_INTENT in its environment, which was set at its rent and never changes."""
    shows_environment: bool = False
    """Whether its variables could be read at all: some rows have null there."""
    verified: bool = True
    datacenter: bool = False
    """Whether its host stands in a datacenter; one that does not say so does not."""
    disk_mb_per_s: float = 0.0
    """How fast its disk writes; 0 where the vendor does not tell."""
    listed: bool = True
    """False: the vendor does not show it now, and this is what our own ledger holds of it."""

    @property
    def words(self) -> StatusWords:
        """What decides about its state."""
        return StatusWords(
            actual=self.actual_status,
            cur=self.cur_state,
            intended=self.intended_status,
            next=self.next_state,
            message=self.status_message,
            is_bid=self.is_bid,
            image=self.image,
            runtype=self.runtype,
        )


_TRANSIENT = {"created", "loading", "rebooting", "recycling"}
_HALTED = {"stopped", "exited"}
_RESTARTING = {"rebooting", "recycling"}


def state_of(instance: Instance) -> InstanceState:
    """The state in one word. What is missing or not recognised is `unknown`: it may bill."""
    words = instance.words
    actual = words.actual
    if actual == "running":
        return _running_state(instance)
    if actual == "offline":
        return InstanceState.HOST_OFFLINE
    if words.cur not in KNOWN_WISHES:
        return InstanceState.UNKNOWN
    if actual is None or actual in _TRANSIENT:
        return _pending_state(words)
    if actual in _HALTED:
        return _halted_state(words)
    if actual == "scheduling":
        stopped = words.intended == "stopped"
        return InstanceState.STOPPED if stopped else InstanceState.WAITING_FOR_GPU
    return InstanceState.UNKNOWN


def failure_of(instance: Instance) -> StartFailure | None:
    """Why it does not come up, as its host says; None where it says nothing of the kind."""
    return start_failure(instance.words)


def _running_state(instance: Instance) -> InstanceState:
    if instance.intended_status == "stopped":
        return InstanceState.STOPPING
    reachable = instance.ssh_port is not None or any(p.inside == 22 for p in instance.ports)
    return InstanceState.READY if reachable else InstanceState.RUNNING_NO_SSH


def _pending_state(words: StatusWords) -> InstanceState:
    if words.actual not in _RESTARTING and start_failure(words) is not None:
        return InstanceState.FAILED
    if words.cur == "running" and words.intended == "stopped":
        return InstanceState.STOPPING
    if words.cur == "running" or words.intended == "running":
        return InstanceState.STARTING
    if words.intended != "stopped":
        return InstanceState.UNKNOWN
    return InstanceState.OUTBID if words.is_bid else InstanceState.STOPPED


def _halted_state(words: StatusWords) -> InstanceState:
    if start_failure(words) is not None:
        return InstanceState.FAILED
    if words.intended == "stopped":
        return InstanceState.OUTBID if words.is_bid else InstanceState.STOPPED
    if words.intended != "running":
        return InstanceState.UNKNOWN
    if words.runs_command:
        return InstanceState.ENDED
    if words.cur == "running":
        return InstanceState.STOPPED  # its container ended by itself
    return InstanceState.WAITING_FOR_GPU


def billing_of(instance: Instance) -> Billing:
    """What it is counted to bill; a state that is not understood counts as the most expensive.

    The contract decides: while it is stopped only the disk bills, whatever its host last said.
    `loading` counts as GPU time although charges recorded in 2026 have none for it: too much is
    reserved rather than too little. What is told is `billing_told`.
    """
    words = instance.words
    state = state_of(instance)
    if state is InstanceState.HOST_OFFLINE:
        return Billing.NOTHING
    if state is InstanceState.UNKNOWN:
        return Billing.GPU_AND_DISK
    if words.actual in {None, "created", "scheduling"} | _HALTED:
        return Billing.DISK
    if words.actual == "loading" and words.cur == "stopped":
        return Billing.DISK
    return Billing.GPU_AND_DISK


def billing_told(instance: Instance) -> Billing:
    """What it bills as the vendor's charges have it: a machine that is still loading, its disk."""
    counted = billing_of(instance)
    if counted is Billing.GPU_AND_DISK and instance.words.actual == "loading":
        return Billing.DISK
    return counted


def rate_of(instance: Instance, billing: Billing) -> UsdPerHour:
    """What it costs per hour while it bills that."""
    match billing:
        case Billing.GPU_AND_DISK:
            return instance.usd_per_hour
        case Billing.DISK:
            return instance.disk_usd_per_hour
        case Billing.NOTHING:
            return UsdPerHour()


def halted(instance: Instance) -> bool:
    """Whether it rests because it is meant to: only its disk bills. No outbid machine is that."""
    return billing_of(instance) is Billing.DISK and instance.intended_status == "stopped"
