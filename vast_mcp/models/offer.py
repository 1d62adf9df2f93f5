"""Offers of the market and the templates one can start from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vast_mcp.text import Untrusted
from vast_mcp.units import UsdPerHour

DEFAULT_DISK_GB = 50.0
DEFAULT_IMAGE = "vastai/pytorch:@vastai-automatic-tag"
Rental = Literal["on_demand", "interruptible", "reserved"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A machine, or a part of one, as it can be rented now.

    `usd_per_hour` is all-in: GPUs plus storage for `disk_gb`, at the minimum bid where
    `rental` is interruptible. Offer ids are volatile; the machine id is stable.
    """

    offer_id: int
    machine_id: int
    host_id: int
    rental: Rental
    gpu_name: str
    num_gpus: int
    gpu_ram_gb: float
    cpu_cores: float
    ram_gb: float
    disk_gb: float
    """The disk that `usd_per_hour` pays for."""
    max_disk_gb: float
    usd_per_hour: UsdPerHour
    gpu_usd_per_hour: UsdPerHour
    storage_usd_per_gb_month: float
    min_bid: UsdPerHour | None
    """Per machine; the floor of a bid."""
    download_usd_per_gb: float
    upload_usd_per_gb: float
    download_mbit: float
    upload_mbit: float
    disk_mb_per_s: float
    reliability: float
    verified: bool
    datacenter: bool
    country: str
    """Two capital letters, or empty when the vendor shows none."""
    location: Untrusted
    cuda_max: float
    driver_version: Untrusted
    direct_ports: int
    dlperf: float
    duration_s: int
    """Seconds until the host's contract ends; nothing can be rented beyond it."""
    rentable: bool
    static_ip: bool = False
    columns: tuple[tuple[str, float | bool | str], ...] = field(
        default=(), compare=False, repr=False
    )
    """Every searchable column as the vendor's row has it, in the vendor's units. For showing only;
    texts are cleaned and written by hosts."""

    @property
    def max_hours(self) -> float:
        """The longest lease this offer can carry, in hours."""
        return self.duration_s / 3600


@dataclass(frozen=True, slots=True)
class OfferPage:
    """One answer of a search: at most 64 rows, whatever was asked (reported 2026-09-29)."""

    offers: tuple[Offer, ...]
    cut: bool
    """The vendor has more that match, or may have."""
    without_gpu: int = 0
    """Rows that hold no GPU: volumes stand among the offers, and nothing rents them as one."""
    unreadable: tuple[str, ...] = ()
    """Why each further row was left out: an offer whose price or end is unknown is none."""


@dataclass(frozen=True, slots=True)
class Template:
    """A prepared image with its settings. `hash_id` changes when its owner edits it."""

    template_id: int
    hash_id: str
    name: Untrusted
    image: Untrusted
    tag: Untrusted
    recommended_disk_gb: float | None
    runtype: str
    ssh: bool
    jupyter: bool
    private: bool
    created_count: int
    description: Untrusted
    has_onstart: bool = False
    onstart: str | None = field(default=None, repr=False)
    """Its start script; None when the vendor did not tell it. For sending on only: never shown."""
    docker_options: tuple[str, ...] = ()
    """Its docker flags and variables by name (`--entrypoint`, `-e HOME`), without any value."""
    extra_filters: Mapping[str, object] | None = field(default_factory=dict)
    """What it adds to a search, in the wire's form; None when that cannot be read."""

    @property
    def full_image(self) -> str:
        """The image with its tag: the vendor keeps the two apart."""
        image, tag = str(self.image), str(self.tag)
        last = image.rpartition("/")[2]
        return f"{image}:{tag}" if tag and ":" not in last and "@" not in last else image

    ports: tuple[str, ...] = ()
    """The ports inside that its docker options open: `8080`, `53/udp`."""


def image_for(asked: str | None, template: Template | None) -> str:
    """The image that will run: the one asked for, else the template's, else the default."""
    return asked or (template.full_image if template else DEFAULT_IMAGE)


def disk_for(asked_gb: float | None, template: Template | None) -> float:
    """The disk that will be rented, in GB: the one asked for, else the template's, else 50."""
    if asked_gb is not None:
        return asked_gb
    return (template.recommended_disk_gb if template else None) or DEFAULT_DISK_GB
