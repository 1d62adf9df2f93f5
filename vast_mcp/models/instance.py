"""A rented machine and the two words that matter about it: its state, and what it bills."""

from dataclasses import dataclass
from enum import StrEnum

from vast_mcp.text import Untrusted
from vast_mcp.units import UsdPerHour


class InstanceState(StrEnum):
    """One word for the vendor's four status fields (vast-api §7)."""

    STARTING = "starting"
    READY = "ready"
    RUNNING_NO_SSH = "running_no_ssh"
    WAITING_FOR_GPU = "waiting_for_gpu"
    OUTBID = "outbid"
    STOPPING = "stopping"
    STOPPED = "stopped"
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
    """The value of VMCP_INTENT in its environment: our mark when the label was changed."""
    verified: bool = True


_TRANSIENT = {"created", "loading", "rebooting", "recycling"}
_HALTED = {"stopped", "exited"}


def state_of(instance: Instance) -> InstanceState:
    """The state in one word. Anything not recognised is `unknown`, which counts as billing."""
    actual = instance.actual_status
    wants_running = instance.intended_status == "running"
    if actual == "running":
        return _running_state(instance)
    if actual == "offline":
        return InstanceState.HOST_OFFLINE
    if actual is None or actual in _TRANSIENT:
        return _pending_state(instance, wants_running=wants_running)
    if actual in _HALTED:
        return _halted_state(instance, wants_running=wants_running)
    return InstanceState.UNKNOWN


def _running_state(instance: Instance) -> InstanceState:
    if instance.intended_status == "stopped":
        return InstanceState.STOPPING
    reachable = instance.ssh_port is not None or any(p.inside == 22 for p in instance.ports)
    return InstanceState.READY if reachable else InstanceState.RUNNING_NO_SSH


def _pending_state(instance: Instance, *, wants_running: bool) -> InstanceState:
    if "oci runtime create failed" in instance.status_message.lower():
        return InstanceState.FAILED
    if instance.cur_state == "running" and instance.intended_status == "stopped":
        return InstanceState.STOPPING
    if wants_running or instance.cur_state == "running":
        return InstanceState.STARTING
    if instance.is_bid and instance.cur_state == "stopped":
        return InstanceState.OUTBID
    return InstanceState.STOPPED


def _halted_state(instance: Instance, *, wants_running: bool) -> InstanceState:
    if wants_running and instance.cur_state != "running":
        return InstanceState.WAITING_FOR_GPU
    if wants_running:
        return InstanceState.FAILED
    return InstanceState.STOPPED


def billing_of(instance: Instance) -> Billing:
    """What it bills now; a state that is not understood counts as the dearest.

    `loading` is counted as GPU time: the vendor's pages contradict each other (safety §1).
    """
    actual = instance.actual_status
    if actual == "offline":
        return Billing.NOTHING
    if actual in _HALTED:
        return Billing.DISK
    if actual in {None, "created"}:
        return Billing.DISK
    return Billing.GPU_AND_DISK


def halted(instance: Instance) -> bool:
    """Whether it rests because it is meant to: only its disk bills. No outbid machine is that."""
    return billing_of(instance) is Billing.DISK and instance.intended_status == "stopped"
