"""The vendor's account, charges, volumes, keys and serverless objects as our models. Pure.

Keys that user and endpoint objects hold are dropped.

See docs/vendor-api.md#account, docs/vendor-api.md#billing, docs/vendor-api.md#serverless.
"""

import json

from vast_mcp.api import _fields as f
from vast_mcp.models import (
    ChargeItem,
    Endpoint,
    InboxNote,
    Scaling,
    SshKey,
    VendorAccount,
    Volume,
    Worker,
    Workergroup,
)
from vast_mcp.text import MESSAGE_LIMIT, clean_line
from vast_mcp.units import Usd, UsdPerHour

_KEY_LIMIT = 16_384


def decode_account(value: object) -> VendorAccount:
    """The key's owner. Credit may be below zero; without a credit the answer is not trusted."""
    fields = f.row(value, "the account")
    balance = f.amount(fields, "balance", optional=True)
    verified = fields.get("email_verified")
    return VendorAccount(
        user_id=f.identifier(fields, "id"),
        name=f.label(fields, "username", "fullname", "email"),
        credit=f.money(fields, "credit"),
        balance=Usd.of(balance or 0),
        email_verified=None if verified is None else bool(verified),
    )


def decode_note(value: object) -> InboxNote | None:
    """One notice about a machine; None for any other, and for what cannot be told apart or placed.

    Nothing depends on a notice, so nothing in one is an error.
    """
    fields = value if isinstance(value, dict) else {}
    about = fields.get("associated_id")
    about = about if isinstance(about, dict) else {}
    note_id, kind = f.word(fields, "event_id"), f.word(fields, "notif_type")
    instance_id, created_us = (
        f.whole(about.get("instance_id")),
        f.instant_us(fields.get("created_at")),
    )
    if not (note_id and kind and created_us and instance_id and instance_id > 0):
        return None
    return InboxNote(
        note_id=note_id,
        kind=kind,
        instance_id=instance_id,
        created_us=created_us,
        your_bid=_bid(about.get("your_bid")),
        least_bid=_bid(about.get("new_min_bid")),
    )


def _bid(value: object) -> UsdPerHour | None:
    found = f.number(value)
    return f.per_hour(found) if found is not None and found > 0 else None


def decode_charge(value: object) -> ChargeItem:
    """One contract's charges, split by what they were for."""
    fields = f.row(value, "a charge")
    parts = {"gpu": Usd(), "disk": Usd(), "traffic": Usd()}
    for item in f.rows(fields.get("items") or [], "a charge's items"):
        kind = {"bwd": "traffic", "bwu": "traffic"}.get(f.word(item, "type"), f.word(item, "type"))
        if kind in parts:
            parts[kind] += f.money(item, "amount")
    return ChargeItem(
        source=f.word(fields, "source"),
        kind=f.word(fields, "type"),
        description=clean_line(fields.get("description") or "", MESSAGE_LIMIT),
        amount=f.money(fields, "amount"),
        start_us=f.instant_us(fields.get("start")) or 0,
        end_us=f.instant_us(fields.get("end")) or 0,
        raw_label=_label(fields.get("metadata")),
        **parts,
    )


def _label(metadata: object) -> str:
    """The machine's label: the published example of a charge has it in `metadata`."""
    found = metadata.get("label") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else ""


def decode_volume(value: object) -> Volume:
    """One rented volume; a price that is missing is an error, not free."""
    fields = f.row(value, "a volume")
    users = fields.get("instances")
    ids = [
        f.whole(user.get("id") if isinstance(user, dict) else user)
        for user in (users if isinstance(users, list) else [])
    ]
    return Volume(
        volume_id=f.identifier(fields, "id"),
        machine_id=f.count(fields, "machine_id"),
        label=f.label(fields, "label", "name"),
        disk_gb=f.real(fields, "disk_space"),
        usd_per_hour=UsdPerHour.ceil(f.price(fields, "storage_total_cost")),
        instance_ids=tuple(number for number in ids if number is not None),
        status=f.label(fields, "status"),
    )


def decode_ssh_keys(value: object) -> tuple[SshKey, ...]:
    """Public keys, from a list or from the JSON text of one (docs/vendor-api.md#ssh)."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else []
        except ValueError as broken:
            raise f.unreadable("ssh_keys is not JSON") from broken
    if not isinstance(value, list):
        raise f.unreadable("the list of ssh keys is not a list")
    return tuple(_ssh_key(item) for item in value)


def _ssh_key(item: object) -> SshKey:
    if isinstance(item, str):
        return SshKey(None, str(clean_line(item, _KEY_LIMIT)))
    fields = f.row(item, "an ssh key")
    text = next((fields[n] for n in ("public_key", "key", "ssh_key") if fields.get(n)), None)
    if not isinstance(text, str):
        raise f.unreadable("an ssh key without its text")
    return SshKey(f.whole(fields.get("id")), str(clean_line(text, _KEY_LIMIT)))


def decode_endpoint(value: object) -> Endpoint:
    """One endpoint. Limits that decide about money must be there."""
    fields = f.row(value, "an endpoint")
    name = fields.get("endpoint_name")
    workers = f.whole(fields.get("max_workers"))
    if workers is None or workers < 0:
        raise f.unreadable("max_workers is missing or not a number")
    return Endpoint(
        endpoint_id=f.identifier(fields, "id"),
        name=f.label(fields, "endpoint_name"),
        scaling=Scaling(
            endpoint_name=name if isinstance(name, str) else "",
            max_workers=workers,
            cold_workers=f.count(fields, "cold_workers"),
            min_load=f.real(fields, "min_load"),
            endpoint_state=f.word(fields, "endpoint_state") or "active",
            min_cold_load=f.number(fields.get("min_cold_load")),
            target_util=f.number(fields.get("target_util")),
            cold_mult=f.number(fields.get("cold_mult")),
            max_queue_time=f.number(fields.get("max_queue_time")),
            target_queue_time=f.number(fields.get("target_queue_time")),
            inactivity_timeout=f.number(fields.get("inactivity_timeout")),
        ),
    )


def decode_workergroup(value: object) -> Workergroup:
    """One workergroup; its search is shown as text whatever form it came in."""
    fields = f.row(value, "a workergroup")
    search = fields.get("search_params") or fields.get("search_query") or ""
    shown = search if isinstance(search, str) else json.dumps(search)
    return Workergroup(
        workergroup_id=f.identifier(fields, "id"),
        endpoint_id=f.whole(fields.get("endpoint_id")),
        endpoint_name=f.label(fields, "endpoint_name"),
        template_hash=f.word(fields, "template_hash") or None,
        search=clean_line(shown, MESSAGE_LIMIT),
    )


def decode_worker(value: object) -> Worker:
    """One machine of an endpoint; a status that is missing counts as billing."""
    fields = f.row(value, "a worker")
    return Worker(
        worker_id=f.identifier(fields, "id"),
        status=f.word(fields, "status") or "UNKNOWN",
        current_load=f.real(fields, "cur_load"),
    )
