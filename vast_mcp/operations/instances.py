"""Renting, watching and ending instances.

See docs/vendor-api.md#creating-an-instance, docs/vendor-api.md#logs-and-commands.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vast_mcp.errors import InputInvalid
from vast_mcp.operations._declare import (
    Call,
    Data,
    Json,
    JsonObject,
    Money,
    Operation,
    in_query,
)

Connect = Literal["ssh", "jupyter", "args"]

RUNTYPES: dict[Connect, str] = {
    "ssh": "ssh_direc ssh_proxy",
    "jupyter": "jupyter_direc ssh_direc ssh_proxy",
    "args": "args",
}
"""The vendor's composite words, as its own client sends them (no final t in `direc`)."""

CREATE_INSTANCE = Operation(
    "create_instance", "PUT", "/api/v0/asks/{offer_id}/", "instances",
    money=Money.SPENDS, data=Data.CHANGES, interval_s=4.5,
)  # fmt: skip
LIST_INSTANCES = Operation(
    "list_instances", "GET", "/api/v1/instances/", "instances", interval_s=1.0
)
SHOW_INSTANCE = Operation(
    "show_instance", "GET", "/api/v0/instances/{instance_id}/", "instances", interval_s=2.0
)
_MANAGE = "/api/v0/instances/{instance_id}/"
START_INSTANCE = Operation(
    "start_instance", "PUT", _MANAGE, "instances", money=Money.SPENDS, interval_s=1.0,
    admits=lambda body: body == {"state": "running"},
)  # fmt: skip
STOP_INSTANCE = Operation(
    "stop_instance", "PUT", _MANAGE, "instances", money=Money.SAVES, data=Data.CHANGES,
    interval_s=1.0, admits=lambda body: body == {"state": "stopped"},
)  # fmt: skip
DESTROY_INSTANCE = Operation(
    "destroy_instance", "DELETE", _MANAGE, "instances",
    money=Money.SAVES, data=Data.DESTROYS, interval_s=3.0,
)  # fmt: skip
REBOOT_INSTANCE = Operation(
    "reboot_instance", "PUT", "/api/v0/instances/reboot/{instance_id}/", "instances",
    data=Data.CHANGES, interval_s=1.0,
)  # fmt: skip
CHANGE_BID = Operation(
    "change_bid", "PUT", "/api/v0/instances/bid_price/{instance_id}/", "instances",
    money=Money.SPENDS, interval_s=5.5,
)  # fmt: skip
REQUEST_LOGS = Operation(
    "request_logs", "PUT", "/api/v0/instances/request_logs/{instance_id}/", "instances",
    interval_s=1.0,
)  # fmt: skip
_COMMAND = "/api/v0/instances/command/{instance_id}/"
_PLAIN = r"[\w./@%+=:,~-]"
_ARGUMENT = rf" +(?:{_PLAIN}+|'(?:{_PLAIN}| )*'|\"(?:{_PLAIN}| )*\")"
_LISTING = re.compile(rf"(?:ls|du)(?:{_ARGUMENT})*")
_REMOVAL = re.compile(rf"rm(?:{_ARGUMENT})+")
COMMAND_LIMIT = 512
"""Characters the vendor takes in one command (docs/vendor-api.md#logs-and-commands)."""


def _is_command(body: JsonObject, form: re.Pattern[str]) -> bool:
    """Whether the body is one plain command: no second one can hide behind `;`, `$(` or a newline.

    Words are letters, digits and `. / @ % + = : , ~ -`; quotes may add spaces. No globs.
    """
    command = body.get("command")
    return (
        body.keys() == {"command"}
        and isinstance(command, str)
        and len(command) <= COMMAND_LIMIT
        and form.fullmatch(command) is not None
    )


LIST_DISK = Operation(
    "list_disk", "PUT", _COMMAND, "instances", interval_s=1.5,
    admits=lambda body: _is_command(body, _LISTING),
)  # fmt: skip
DELETE_DISK_FILES = Operation(
    "delete_disk_files", "PUT", _COMMAND, "instances", data=Data.DESTROYS, interval_s=1.5,
    admits=lambda body: _is_command(body, _REMOVAL),
)  # fmt: skip
LIST_INSTANCE_SSH_KEYS = Operation(
    "list_instance_ssh_keys", "GET", "/api/v0/instances/{instance_id}/ssh/", "instances",
    interval_s=1.0,
)  # fmt: skip

OPERATIONS = (
    CREATE_INSTANCE, LIST_INSTANCES, SHOW_INSTANCE, START_INSTANCE, STOP_INSTANCE,
    DESTROY_INSTANCE, REBOOT_INSTANCE, CHANGE_BID, REQUEST_LOGS, LIST_DISK, DELETE_DISK_FILES,
    LIST_INSTANCE_SSH_KEYS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CreateSpec:
    """Everything that shapes a new instance.

    `bid_usd_per_hour` makes it interruptible; None is on demand: the two are never mixed up,
    because the vendor reads any `price` as a bid. `ports` are inside ports such as `8080` or
    `53/udp`. `runtype` None is sent with a template only, whose own way of connecting then holds.
    """

    image: str | None
    disk_gb: float
    label: str
    template_hash: str | None = None
    bid_usd_per_hour: float | None = None
    env: tuple[tuple[str, str], ...] = ()
    ports: tuple[str, ...] = ()
    onstart: str | None = None
    connect: Connect | None = "ssh"
    args: tuple[str, ...] = ()
    image_login: str | None = field(default=None, repr=False)
    docker_options: tuple[tuple[str, str], ...] = ()
    """Raw keys such as ("-h", "host") or ("-v V.1:/data", "1"), beside variables and ports."""


def create_instance(offer_id: int, spec: CreateSpec) -> Call:
    """Rent this offer once. `cancel_unavail` is always on: rent now, or nothing is created."""
    env: dict[str, Json] = dict(spec.env)
    for port in spec.ports:
        number, _, protocol = port.partition("/")
        suffix = f"/{protocol}" if protocol and protocol != "tcp" else ""
        env[f"-p {number}:{number}{suffix}"] = "1"
    env.update(spec.docker_options)
    body: JsonObject = {
        "client_id": "me",
        "image": spec.image,
        "env": env,
        "price": spec.bid_usd_per_hour,
        "disk": spec.disk_gb,
        "label": spec.label,
        "extra": None,
        "onstart": spec.onstart,
        "image_login": spec.image_login,
        "python_utf8": False,
        "lang_utf8": False,
        "use_jupyter_lab": spec.connect == "jupyter",
        "jupyter_dir": None,
        "force": False,
        "cancel_unavail": True,
        "template_hash_id": spec.template_hash,
        "user": None,
    }
    if spec.connect is not None:
        body["runtype"] = RUNTYPES[spec.connect]
    if spec.args:
        body["args"] = list(spec.args)
    return CREATE_INSTANCE.call(body, offer_id=offer_id)


PAGE_ROWS = 25
"""The most rows the vendor puts on one page of instances (docs/vendor-api.md#instances)."""


def list_instances(
    *,
    label: str | None = None,
    labels: Sequence[str] = (),
    only_id: int | None = None,
    above_id: int | None = None,
    after_token: str | None = None,
) -> Call:
    """One page of the account's instances, oldest first.

    `label` and each of `labels` must match exactly (the official client filters by `label` with
    `in` as well); `only_id` asks for one row, `above_id` for those with a greater
    id (`id` is filterable and the list is paged by it, says the vendor's OpenAPI file, 2026-08).
    """
    filters: JsonObject = {} if label is None else {"label": {"eq": label}}
    if labels:
        filters["label"] = {"in": [*labels]}
    if only_id is not None:
        filters["id"] = {"eq": only_id}
    if above_id is not None:
        filters["id"] = {"gt": above_id}
    query = {
        "select_filters": in_query(filters),
        "order_by": in_query([{"col": "id", "dir": "asc"}]),
        "limit": str(PAGE_ROWS),
    }
    if after_token is not None:
        query["after_token"] = after_token
    return LIST_INSTANCES.call(query=query)


def show_instance(instance_id: int) -> Call:
    """One instance; the answer's `instances` is null when there is none."""
    return SHOW_INSTANCE.call(query={"owner": "me"}, instance_id=instance_id)


def list_instance_ssh_keys(instance_id: int) -> Call:
    """The public keys attached to one instance."""
    return LIST_INSTANCE_SSH_KEYS.call(instance_id=instance_id)


def start_instance(instance_id: int) -> Call:
    """Ask for the GPU again. Asynchronous: it may wait until the GPU is free."""
    return START_INSTANCE.call({"state": "running"}, instance_id=instance_id)


def stop_instance(instance_id: int) -> Call:
    """Halt it; the disk stays and goes on billing."""
    return STOP_INSTANCE.call({"state": "stopped"}, instance_id=instance_id)


def destroy_instance(instance_id: int) -> Call:
    """Delete the machine and its disk for good."""
    return DESTROY_INSTANCE.call({}, instance_id=instance_id)


def reboot_instance(instance_id: int) -> Call:
    """Stop and start the container, keeping the GPU."""
    return REBOOT_INSTANCE.call({}, instance_id=instance_id)


def change_bid(instance_id: int, bid_usd_per_hour: float) -> Call:
    """Set the bid, in dollars per hour for the whole machine."""
    return CHANGE_BID.call({"client_id": "me", "price": bid_usd_per_hour}, instance_id=instance_id)


def request_logs(
    instance_id: int, *, tail: int | None = None, match: str = "", daemon: bool = False
) -> Call:
    """Ask the host to upload its log; the answer names where. The vendor wants strings."""
    body: JsonObject = {}
    if match:
        body["filter"] = match
    if tail is not None:
        body["tail"] = str(tail)
    if daemon:
        body["daemon_logs"] = "true"
    return REQUEST_LOGS.call(body, instance_id=instance_id)


def list_disk(instance_id: int, command: str) -> Call:
    """Run `ls …` or `du …` on a stopped instance's disk.

    Raises:
        InputInvalid: anything but one plain `ls` or `du`.
    """
    if not _is_command({"command": command}, _LISTING):
        raise InputInvalid("command", "must be one plain `ls …` or `du …`, at most 512 characters")
    return LIST_DISK.call({"command": command}, instance_id=instance_id)


def delete_disk_files(instance_id: int, command: str) -> Call:
    """Run `rm …` on a stopped instance's disk.

    Raises:
        InputInvalid: anything but one plain `rm` with its paths.
    """
    if not _is_command({"command": command}, _REMOVAL):
        raise InputInvalid("command", "must be one plain `rm …`, at most 512 characters, no globs")
    return DELETE_DISK_FILES.call({"command": command}, instance_id=instance_id)
