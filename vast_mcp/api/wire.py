"""The vendor's offers and instances as our models. Pure.

Prices are read strictly: missing, not finite or negative is `VendorUnreadable`, never zero. Secrets
(`jupyter_token`, an instance's `onstart`, `image_login`, environment values) are not carried over.

See docs/vendor-api.md#offers, docs/vendor-api.md#instances, docs/vendor-api.md#templates.
"""

import ipaddress
import re
from collections.abc import Sequence
from typing import Any, TypedDict

from vast_mcp.api import _fields as f
from vast_mcp.api.query import COLUMNS
from vast_mcp.errors import VendorUnreadable
from vast_mcp.models import Instance, Offer, OfferPage, PortMapping, Rental
from vast_mcp.models.places import country_of
from vast_mcp.models.ports import TOP_PORT
from vast_mcp.text import clean_ends, clean_line
from vast_mcp.units import UsdPerHour, gb_from_mb, storage_rate

INTENT_VARIABLE = "VMCP_INTENT"
"""The only variable that is read out of an instance's environment."""
STATUS_LIMIT = 4_000
"""What is kept of a host's message, head and tail; far less of it is shown."""
_INTENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")
MOST_ROWS = 64
"""A search answers no more, whatever its `limit` says (reported with a date, 2026-09-29)."""
COLUMN_LIMIT = 40
"""Characters of a host's text that are kept beside an offer."""


def decode_offer(value: object, *, rental: Rental, disk_gb: float) -> Offer:
    """One offer, found by a search of that rental kind priced with that disk.

    Raises:
        VendorUnreadable: not an object, no id, or a price, an end or a number of GPUs that
            cannot be trusted.
    """
    fields = f.row(value, "an offer")
    if not f.whole(fields.get("num_gpus")):
        raise f.unreadable("num_gpus is missing or not a number")
    storage = f.price(fields, "storage_cost")
    total = f.price(fields, "dph_total")
    if rental == "reserved":
        discounted = f.optional_price(fields, "discounted_dph_total")
        total = total if discounted is None else discounted
    all_in = UsdPerHour.ceil(total)
    return Offer(
        offer_id=f.identifier(fields, "id", "ask_contract_id"),
        machine_id=f.count(fields, "machine_id"),
        host_id=f.count(fields, "host_id"),
        rental=rental,
        disk_gb=disk_gb,
        usd_per_hour=all_in,
        gpu_usd_per_hour=_gpu_part(fields, rental, all_in, storage_rate(storage, disk_gb)),
        storage_usd_per_gb_month=storage,
        min_bid=f.per_hour(f.optional_price(fields, "min_bid")),
        download_usd_per_gb=f.price(fields, "inet_down_cost"),
        upload_usd_per_gb=f.price(fields, "inet_up_cost"),
        reliability=f.number(fields.get("reliability2")) or f.real(fields, "reliability"),
        verified=_verified(fields, default=False),
        datacenter=f.count(fields, "hosting_type") == 1,
        country=_country(fields.get("geolocation")),
        location=f.label(fields, "geolocation"),
        driver_version=f.label(fields, "driver_version"),
        duration_s=max(0, int(f.amount(fields, "duration") or 0)),
        rentable=f.flag(fields, "rentable", default=True),
        static_ip=f.flag(fields, "static_ip"),
        columns=_columns(fields),
        **_gpus(fields),
        **_hardware(fields),
    )


def _columns(fields: f.Row) -> tuple[tuple[str, float | bool | str], ...]:
    """What can be searched by, as far as the row tells it in one value."""
    found: list[tuple[str, float | bool | str]] = []
    for name in sorted(COLUMNS & fields.keys()):
        value, number = fields[name], f.number(fields[name])
        if isinstance(value, bool):
            found.append((name, value))
        elif number is not None and not isinstance(value, str):
            found.append((name, int(number) if number.is_integer() else number))
        elif isinstance(value, str) and value:
            found.append((name, str(clean_line(value, COLUMN_LIMIT))))
    return tuple(found)


def is_offer(fields: f.Row, offer_id: int) -> bool:
    """Whether a row of the market is that offer: either of its two ids says so."""
    ids = (f.whole(fields.get("ask_contract_id")), f.whole(fields.get("id")))
    return offer_id in ids and has_gpu(fields)


def has_gpu(fields: f.Row) -> bool:
    """False for the volumes that a search without GPUs lists as well (recorded 2026-08-24)."""
    return fields.get("resource_type") != "disk" and f.whole(fields.get("num_gpus")) != 0


def decode_page(
    rows: Sequence[f.Row], *, truncated: object, limit: int | None, rental: Rental, disk_gb: float
) -> OfferPage:
    """One answer of a search. A row that cannot be read is told, and hides none of the others.

    Raises:
        VendorUnreadable: not one row can be read, though there are some.
    """
    offers: list[Offer] = []
    faults: list[str] = []
    with_gpu = [fields for fields in rows if has_gpu(fields)]
    for fields in with_gpu:
        try:
            offers.append(decode_offer(fields, rental=rental, disk_gb=disk_gb))
        except VendorUnreadable as error:
            if len(faults) + 1 == len(with_gpu):
                raise
            faults.append(error.message)
    most = MOST_ROWS if limit is None else min(limit, MOST_ROWS)
    return OfferPage(
        offers=tuple(offers),
        cut=bool(truncated) or len(rows) >= most,
        without_gpu=len(rows) - len(with_gpu),
        unreadable=tuple(faults),
    )


def decode_instance(value: object) -> Instance:
    """One instance of the account.

    Raises:
        VendorUnreadable: not an object, no id, or a price that cannot be trusted.
    """
    fields = f.row(value, "an instance")
    label = fields.get("label")
    runtype = f.word(fields, "image_runtype")
    disk_gb = f.real(fields, "disk_space")
    return Instance(
        instance_id=f.identifier(fields, "id"),
        machine_id=f.count(fields, "machine_id"),
        label=f.label(fields, "label"),
        raw_label=label if isinstance(label, str) else "",
        actual_status=_status(fields),
        intended_status=f.word(fields, "intended_status"),
        cur_state=f.word(fields, "cur_state"),
        next_state=f.word(fields, "next_state"),
        status_message=clean_ends(fields.get("status_msg") or "", STATUS_LIMIT),
        is_bid=f.flag(fields, "is_bid"),
        usd_per_hour=UsdPerHour.ceil(f.price(fields, "dph_total")),
        disk_usd_per_hour=_disk_part(fields, disk_gb),
        min_bid=f.per_hour(f.optional_price(fields, "min_bid")),
        download_usd_per_gb=f.optional_price(fields, "inet_down_cost") or 0.0,
        upload_usd_per_gb=f.optional_price(fields, "inet_up_cost") or 0.0,
        disk_gb=disk_gb,
        disk_used_gb=_unless_negative(fields.get("disk_usage")),
        gpu_utilisation_percent=_unless_negative(fields.get("gpu_util")),
        image=f.label(fields, "image_uuid", "image"),
        runtype=runtype,
        template_hash=f.word(fields, "template_hash_id", "template_hash") or None,
        country=_country(fields.get("geolocation")),
        started_at_us=f.instant_us(fields.get("start_date")),
        contract_ends_us=f.instant_us(fields.get("end_date")),
        intent_mark=_intent(fields.get("extra_env")),
        shows_environment=isinstance(fields.get("extra_env"), list | dict),
        datacenter=f.count(fields, "hosting_type") == 1,
        verified=_verified(fields, default=True),
        disk_mb_per_s=max(0.0, f.real(fields, "disk_bw")),
        **_gpus(fields),
        **_doors(fields, runtype),
    )


class _Gpus(TypedDict):
    gpu_name: str
    num_gpus: int
    gpu_ram_gb: float


def _gpus(fields: f.Row) -> _Gpus:
    return {
        "gpu_name": f.word(fields, "gpu_name"),
        "num_gpus": f.count(fields, "num_gpus"),
        "gpu_ram_gb": gb_from_mb(f.real(fields, "gpu_ram")),
    }


class _Hardware(TypedDict):
    cpu_cores: float
    ram_gb: float
    max_disk_gb: float
    disk_mb_per_s: float
    download_mbit: float
    upload_mbit: float
    direct_ports: int
    cuda_max: float
    dlperf: float


def _hardware(fields: f.Row) -> _Hardware:
    return {
        "cpu_cores": f.number(fields.get("cpu_cores_effective")) or f.real(fields, "cpu_cores"),
        "ram_gb": _own_ram_gb(fields),
        "max_disk_gb": f.real(fields, "disk_space"),
        "disk_mb_per_s": f.real(fields, "disk_bw"),
        "download_mbit": f.real(fields, "inet_down"),
        "upload_mbit": f.real(fields, "inet_up"),
        "direct_ports": f.count(fields, "direct_port_count"),
        "cuda_max": f.real(fields, "cuda_max_good"),
        "dlperf": f.real(fields, "dlperf"),
    }


class _Doors(TypedDict):
    public_ip: str | None
    ssh_host: str | None
    ssh_port: int | None
    ports: tuple[PortMapping, ...]


def _doors(fields: f.Row, runtype: str) -> _Doors:
    return {
        "public_ip": _address(fields.get("public_ipaddr")),
        "ssh_host": _host(fields.get("ssh_host")),
        "ssh_port": _ssh_port(fields.get("ssh_port"), runtype),
        "ports": _ports(fields.get("ports")),
    }


def _country(geolocation: object) -> str:
    return country_of(geolocation) if isinstance(geolocation, str) else ""


def _gpu_part(fields: f.Row, rental: Rental, all_in: UsdPerHour, disk: UsdPerHour) -> UsdPerHour:
    # For bids and reserved offers `dph_base` is the on-demand price, so the rest is what counts.
    base = f.optional_price(fields, "dph_base") if rental == "on_demand" else None
    if base is not None:
        return UsdPerHour.ceil(base)
    return max(UsdPerHour(), all_in - disk)


def _disk_part(fields: f.Row, disk_gb: float) -> UsdPerHour:
    total = f.optional_price(fields, "storage_total_cost")
    if total is not None:
        return UsdPerHour.ceil(total)
    return storage_rate(f.price(fields, "storage_cost"), disk_gb)


def _own_ram_gb(fields: f.Row) -> float:
    # `cpu_ram` is the whole machine's; the share of a part of it follows `gpu_frac`.
    share = f.number(fields.get("gpu_frac"))
    return gb_from_mb(f.real(fields, "cpu_ram")) * (share if share and 0 < share <= 1 else 1.0)


def _verified(fields: f.Row, *, default: bool) -> bool:
    verification = fields.get("verification")
    if isinstance(verification, str):
        return verification == "verified"
    return f.flag(fields, "verified", default=default)


def _status(fields: f.Row) -> str | None:
    if fields.get("actual_status") is None:
        return None
    return f.word(fields, "actual_status") or "unknown"


def _unless_negative(value: object) -> float | None:
    found = f.number(value)
    return None if found is None or found < 0 else found


def _above_zero(value: object) -> float | None:
    found = f.number(value)
    return found if found is not None and found > 0 else None


def _address(value: object) -> str | None:
    try:
        return str(ipaddress.ip_address(value.strip())) if isinstance(value, str) else None
    except ValueError:
        return None


def _host(value: object) -> str | None:
    return value if isinstance(value, str) and _HOST.fullmatch(value) else None


def _port(value: object, top: int = 65_535) -> int | None:
    found = f.whole(value)
    return found if found is not None and 0 < found <= top else None


def _ssh_port(value: object, runtype: str) -> int | None:
    """The proxy's port, which is one higher for jupyter instances (docs/vendor-api.md#ssh)."""
    found = _port(value)
    if found is None:
        return None
    return _port(found + 1) if "jupyter" in runtype else found


def _ports(value: object) -> tuple[PortMapping, ...]:
    if not isinstance(value, dict):
        return ()
    found = []
    for name, places in value.items():
        number, _, protocol = str(name).partition("/")
        inside, outside = _port(number, TOP_PORT), _port(_first_host_port(places))
        if inside is not None and outside is not None and protocol in {"", "tcp", "udp"}:
            found.append(PortMapping(inside, protocol or "tcp", outside))
    return tuple(found)


def _first_host_port(places: Any) -> object:  # noqa: ANN401  wire decoding
    if isinstance(places, list) and places and isinstance(places[0], dict):
        return places[0].get("HostPort")
    return None


def _intent(environment: object) -> str | None:
    pairs: list[Any] = []
    if isinstance(environment, dict):
        pairs = [list(pair) for pair in environment.items()]
    elif isinstance(environment, list):
        pairs = environment
    for pair in pairs:
        if isinstance(pair, list) and len(pair) == 2 and pair[0] == INTENT_VARIABLE:
            value = pair[1]
            return value if isinstance(value, str) and _INTENT.fullmatch(value) else None
    return None
