"""Declared operations on the account's keys: SSH keys, API keys, variables.

Values are never among the columns: a public key is named by its comment and its fingerprint, an API
key by its id, a variable by its name (docs/vendor-api.md#keys, docs/vendor-api.md#ssh).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from vast_mcp.operations import account
from vast_mcp.operations._declare import Operation
from vast_mcp.operations.declaration import Column, ColumnKind, DeclaredRead, Reply, VendorRoute

_PUBLIC = ("public_key", "key", "ssh_key")


@dataclass(frozen=True, slots=True)
class SshKeyRow:
    """A public key of the account; every machine that is created gets it."""

    key_id: Annotated[int, Column(("id",), ColumnKind.ID)]
    untrusted_name: Annotated[str, Column(_PUBLIC, ColumnKind.KEY_COMMENT)]
    fingerprint: Annotated[str, Column(_PUBLIC, ColumnKind.KEY_FINGERPRINT)]
    created: Annotated[str, Column(("created_at",), ColumnKind.TIME)]


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key: what it is called and what it may do."""

    key_id: Annotated[int, Column(("id",), ColumnKind.ID)]
    untrusted_name: Annotated[str, Column(("name", "key_name"), ColumnKind.LABEL)]
    untrusted_rights: Annotated[str, Column(("rights",), ColumnKind.LABEL)]
    permissions: Annotated[str, Column(("permissions",), ColumnKind.GROUPS)]
    untrusted_team: Annotated[str, Column(("team_name",), ColumnKind.LABEL)]


@dataclass(frozen=True, slots=True)
class VariableRow:
    """A variable that every machine of the account gets."""

    untrusted_name: Annotated[str, Column((), ColumnKind.LABEL)]


@dataclass(frozen=True, slots=True)
class KindOfKey:
    """Which keys are listed."""

    kind: Annotated[Literal["ssh", "api", "env"], Field(description="env: account variables")]


SHOW_KEYS = DeclaredRead(
    name="show_keys",
    title="Show keys",
    toolset="keys",
    says="List the account's SSH keys, API keys or variables: ids, names, permissions, never"
    " values. Free.",
    arguments=KindOfKey,
    example=KindOfKey("ssh"),
    by="kind",
    routes={
        "ssh": VendorRoute(account.LIST_SSH_KEYS, ("show ssh-keys",), Reply(SshKeyRow)),
        "api": VendorRoute(
            Operation("list_api_keys", "GET", "/api/v0/auth/apikeys/", "keys", interval_s=1.0),
            ("show api-keys", "show api-key"),
            Reply(ApiKeyRow, "apikeys"),
        ),
        "env": VendorRoute(
            Operation("list_variables", "GET", "/api/v0/secrets/", "keys", interval_s=5.0),
            ("show env-vars",),
            Reply(VariableRow, "secrets", "names"),
        ),
    },
)

ON_KEYS = (SHOW_KEYS,)
