"""Declared operations on one instance (docs/vendor-api.md#instance-operations)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from vast_mcp.errors import InputInvalid
from vast_mcp.operations import instances
from vast_mcp.operations._declare import Call, Data, Operation
from vast_mcp.operations._fields import AtSending, OnWire
from vast_mcp.operations.declaration import (
    Attempt,
    Column,
    ColumnKind,
    DeclaredWrite,
    InstanceId,
    Reply,
    Sets,
    VendorRoute,
    single,
)
from vast_mcp.text import clean_line

_PUBLIC_KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]{40,}={0,3}( [^\n\r]{0,200})?"
)


@dataclass(frozen=True, slots=True)
class InstanceNow:
    """What a machine's own row says of a change that was sent."""

    label: Annotated[str, Column(("label",), ColumnKind.TEXT)]
    status: Annotated[str, Column(("actual_status",), ColumnKind.TEXT)]


@dataclass(frozen=True, slots=True)
class AttachedKey:
    """A public key on one machine."""

    key_id: Annotated[int, Column(("id",), ColumnKind.ID)]
    public_key: Annotated[str, Column(("public_key", "key", "ssh_key"), ColumnKind.TEXT)]


INSTANCE_ROW = VendorRoute(
    instances.SHOW_INSTANCE, ("show instance",), Reply(InstanceNow, "instances", "object"),
    fixed=(("owner", "me"),),
)  # fmt: skip


INSTANCE_KEYS = VendorRoute(
    instances.LIST_INSTANCE_SSH_KEYS, reply=Reply(AttachedKey, "ssh_keys", "json_text")
)


@dataclass(frozen=True, slots=True)
class Relabelling:
    """Which machine, and the user's part of its label."""

    instance_id: InstanceId
    label: Annotated[
        str,
        Field(max_length=200),
        OnWire(
            "label",
            at_sending=AtSending.LEASE_LABEL,
            holds=Annotated[str, Field(max_length=1024)],
        ),
    ]


def _line(sent: Attempt[Relabelling]) -> str:
    """As a row of the machine shows it."""
    return str(clean_line(str(sent.body["label"]), 8192))


LABEL_INSTANCE = DeclaredWrite(
    name="label_instance",
    title="Label an instance",
    toolset="instances",
    says="Change an instance's label; the lease mark behind it stays. Free.",
    doing="Changing a label",
    arguments=Relabelling,
    example=Relabelling(27_000_001, "renamed"),
    routes=single(
        VendorRoute(
            Operation(
                "label_instance", "PUT", "/api/v0/instances/{instance_id}/", "instances",
                data=Data.CHANGES, interval_s=1.0,
            ),
            ("label instance",),
        )
    ),
    lost=Sets(INSTANCE_ROW, lambda sent, rows: any(row.label == _line(sent) for row in rows)),
    level="allow",
    question="Relabel {instance_id} ({target})?",
    status="labelled",
    done="The label is set.",
)  # fmt: skip


def label_instance(instance_id: int, label: str) -> Call:
    """Set the whole label, a lease mark included."""
    return LABEL_INSTANCE.call(Relabelling(instance_id, ""), {"label": label})


@dataclass(frozen=True, slots=True)
class KeyToAttach:
    """Which machine, and which public key.

    Raises:
        InputInvalid: anything that is not one public key, before it can leave this computer.
    """

    instance_id: InstanceId
    public_key: Annotated[
        str,
        Field(max_length=4000, description="one public-key line; default: this server's key"),
        OnWire(
            "ssh_key",
            at_sending=AtSending.OWN_SSH_KEY,
            holds=Annotated[str, Field(min_length=1, max_length=4096)],
        ),
    ] = ""

    def __post_init__(self) -> None:
        """Refuse a key before a question is put about it."""
        if self.public_key:
            check_public_key(self.public_key)


def check_public_key(text: str) -> None:
    """Refuse anything but one line that is an SSH public key.

    Raises:
        InputInvalid: among others for a private key, which must never leave the machine.
    """
    if "PRIVATE KEY" in text:
        raise InputInvalid(
            "public_key",
            "this is a private key; it was not sent anywhere",
            hint="Pass the matching .pub line.",
        )
    if not _PUBLIC_KEY.fullmatch(text.strip()):
        raise InputInvalid("public_key", 'must be one line such as "ssh-ed25519 AAAA… name"')


def _has_key(sent: Attempt[KeyToAttach], rows: Sequence[AttachedKey]) -> bool:
    ours = str(sent.body["ssh_key"]).split()[:2]
    return any(row.public_key.split()[:2] == ours for row in rows)


ATTACH_SSH_KEY = DeclaredWrite(
    name="attach_ssh_key",
    title="Attach an SSH key",
    toolset="instances",
    says="Give an SSH public key access to an instance; works after about 15 s. Free.",
    doing="Adding a key to a machine",
    arguments=KeyToAttach,
    example=KeyToAttach(27_000_001, f"ssh-ed25519 {'A' * 68} me@home"),
    routes=single(
        VendorRoute(
            Operation(
                "attach_ssh_key", "POST", "/api/v0/instances/{instance_id}/ssh/", "instances",
                data=Data.CHANGES, interval_s=1.0,
            ),
            ("attach ssh",),
        )
    ),
    lost=Sets(INSTANCE_KEYS, _has_key),
    level="allow",
    question="Give {instance_id} ({target}) another SSH key?",
    status="attached",
    done="The key is attached; it works after about 15 s.",
    already=("already associated", "The machine already has this key."),
    needs_ssh=True,
)  # fmt: skip


def attach_ssh_key(instance_id: int, public_key: str) -> Call:
    """Add a public key to the machine; it arrives after 10 to 15 s (docs/vendor-api.md#ssh)."""
    return ATTACH_SSH_KEY.call(KeyToAttach(instance_id), {"public_key": public_key})


@dataclass(frozen=True, slots=True)
class KeyToDetach:
    """Which machine, and which of the account's keys."""

    instance_id: InstanceId
    key_id: Annotated[int, Field(ge=1, description="from show_keys (toolset all)")]


DETACH_SSH_KEY = DeclaredWrite(
    name="detach_ssh_key",
    title="Detach an SSH key",
    toolset="instances",
    says="Take an SSH key off an instance: who has only that key can no longer log in. Free.",
    doing="Taking a key off a machine",
    arguments=KeyToDetach,
    example=KeyToDetach(27_000_001, 40_001),
    routes=single(
        VendorRoute(
            Operation(
                "detach_ssh_key", "DELETE", "/api/v0/instances/{instance_id}/ssh/{key_id}/",
                "instances", data=Data.CHANGES, interval_s=2.0,
            ),
            ("detach ssh",),
        )
    ),
    lost=Sets(
        INSTANCE_KEYS,
        lambda sent, rows: all(row.key_id != sent.given.key_id for row in rows),
    ),
    level="ask",
    question="Take SSH key {key_id} off {instance_id} ({target})? Who has only that key is locked"
    " out.",
    status="detached",
    done="The key is detached.",
    already=("no_such_ssh_key", "The machine does not have this key."),
)  # fmt: skip


_REBUILDING = frozenset({"recycling", "created", "loading"})
"""A machine that ran, so that only a new container explains them."""


@dataclass(frozen=True, slots=True)
class OneInstance:
    """Which machine."""

    instance_id: InstanceId


RECYCLE_INSTANCE = DeclaredWrite(
    name="recycle_instance",
    title="Recycle an instance",
    toolset="instances",
    says="Rebuild an instance's container from its image, keeping GPU and price.\n\n"
    "Every file outside a volume is lost; the SSH host key changes.",
    doing="Recycling a machine",
    arguments=OneInstance,
    example=OneInstance(27_000_001),
    routes=single(
        VendorRoute(
            Operation(
                "recycle_instance", "PUT", "/api/v0/instances/recycle/{instance_id}/", "instances",
                data=Data.DESTROYS, interval_s=1.0,
            ),
            ("recycle instance",),
        )
    ),
    lost=Sets(
        INSTANCE_ROW,
        lambda _, rows: any(row.status in _REBUILDING for row in rows),
        repeats=False,
    ),
    level="ask",
    question="Recycle {instance_id} ({target})? Every file outside a volume is lost for good; GPU"
    " and price stay.",
    status="recycling",
    done="Recycling: the container is rebuilt from its image; GPU and price stay.",
    next="wait_for_instance(instance_id={instance_id})",
    typed="instance_id",
    needs_running=True,
    new_container=True,
)  # fmt: skip

ON_INSTANCES = (LABEL_INSTANCE, ATTACH_SSH_KEY, DETACH_SSH_KEY, RECYCLE_INSTANCE)
