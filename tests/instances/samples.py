"""Offers, machines and rentals as values, for tests of pure read models."""

from dataclasses import replace
from typing import Any

from vast_mcp.account.lease_label import Mark
from vast_mcp.instances.state import Held
from vast_mcp.models import Instance, Offer
from vast_mcp.store import Rental, RentalState
from vast_mcp.text import Untrusted
from vast_mcp.units import UsdPerHour

NOW_US = 1_780_315_200 * 1_000_000
SECOND_US = 1_000_000
_OFFER = Offer(
    offer_id=30_000_001,
    machine_id=1,
    host_id=1,
    rental="on_demand",
    gpu_name="RTX 4090",
    num_gpus=1,
    gpu_ram_gb=24.564,
    cpu_cores=16,
    ram_gb=64,
    disk_gb=50,
    max_disk_gb=500,
    usd_per_hour=UsdPerHour.of(0.4),
    gpu_usd_per_hour=UsdPerHour.of(0.39),
    storage_usd_per_gb_month=0.15,
    min_bid=UsdPerHour.of(0.2),
    download_usd_per_gb=0.01,
    upload_usd_per_gb=0.01,
    download_mbit=800,
    upload_mbit=800,
    disk_mb_per_s=2000,
    reliability=0.99,
    verified=True,
    datacenter=False,
    country="SE",
    location=Untrusted("Sweden, SE"),
    cuda_max=12.4,
    driver_version=Untrusted("550.127.05"),
    direct_ports=100,
    dlperf=95,
    duration_s=30 * 86_400,
    rentable=True,
)
_INSTANCE = Instance(
    instance_id=27_000_001,
    machine_id=1,
    label=Untrusted("train"),
    raw_label="train",
    actual_status="running",
    intended_status="running",
    cur_state="running",
    next_state="running",
    status_message=Untrusted(""),
    is_bid=False,
    gpu_name="RTX 4090",
    num_gpus=1,
    gpu_ram_gb=24.564,
    usd_per_hour=UsdPerHour.of(0.4),
    disk_usd_per_hour=UsdPerHour.of(0.01),
    min_bid=None,
    download_usd_per_gb=0.01,
    upload_usd_per_gb=0.01,
    disk_gb=50,
    disk_used_gb=1.0,
    gpu_utilisation_percent=None,
    image=Untrusted("vastai/pytorch"),
    runtype="ssh_direc ssh_proxy",
    template_hash=None,
    country="SE",
    public_ip="192.0.2.7",
    ssh_host="ssh5.vast.ai",
    ssh_port=10_133,
    ports=(),
    started_at_us=NOW_US,
    contract_ends_us=NOW_US + 30 * 86_400 * SECOND_US,
)
_RENTAL = Rental(
    intent_id="abcdefghijk",
    principal="local",
    kind="instance",
    state=RentalState.ACTIVE,
    request_key="",
    digest="",
    label="train",
    usd_per_hour=UsdPerHour.of(0.4),
    disk_usd_per_hour=UsdPerHour.of(0.01),
    created_us=NOW_US,
    lease_ends_us=NOW_US + 4 * 3600 * SECOND_US,
    target_id=27_000_001,
)


def offer(**changes: Any) -> Offer:  # noqa: ANN401  any field
    """One 4090 in Sweden for $0.40/h, changed."""
    return replace(_OFFER, **changes)


def instance(**changes: Any) -> Instance:  # noqa: ANN401  any field
    """A machine that runs and maps no port yet, changed."""
    return replace(_INSTANCE, **changes)


def rental(**changes: Any) -> Rental:  # noqa: ANN401  any field
    """Our rental of it, changed."""
    return replace(_RENTAL, **changes)


def held(
    *,
    ours: bool = True,
    after_s: float = 0,
    mark: Mark | None = None,
    books: dict[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401  any field
) -> Held:
    """That machine some seconds after it was rented; `books` changes our rental."""
    kept = rental(**(books or {})) if ours else None
    return Held(instance(**changes), NOW_US + int(after_s * SECOND_US), kept, mark)
