"""Decode the replies of declared operations: only what a column names is carried over. Pure.

Ids are strict; foreign text comes out on one line; a secret that stands beside them is dropped.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from vast_mcp.api import _fields as f
from vast_mcp.operations import Json
from vast_mcp.operations.declaration import Column, ColumnKind, Reply
from vast_mcp.text import clean_line

R = TypeVar("R")
_WHOLE = 8192


def decode_rows(reply: Reply[R], answer: Json) -> tuple[R, ...]:
    """The rows of the declared columns.

    Raises:
        VendorUnreadable: the list is missing, or an id cannot be read.
    """
    columns = reply.columns()
    found = f.row(answer, "the answer").get(reply.at) if reply.at else answer
    if reply.form == "names":
        (name,) = columns
        names = f.row(found, reply.at)
        return tuple(reply.row(**{name: _clean(key)}) for key in names)
    if reply.form == "json_text" and isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError as broken:
            raise f.unreadable(f"{reply.at} is not JSON") from broken
    if reply.form == "object":
        listed = [] if found is None else [f.row(found, reply.at)]
    else:
        listed = f.rows(found, reply.at or "the answer")
    return tuple(_row(reply, columns, item) for item in listed)


def _row(reply: Reply[R], columns: Mapping[str, Column], item: f.Row) -> R:
    values = {name: _READ[column.kind](item, column.names) for name, column in columns.items()}
    return reply.row(**values)


def _text(item: f.Row, names: tuple[str, ...], limit: int = _WHOLE) -> str:
    found = next((item[name] for name in names if item.get(name)), "")
    return str(clean_line(found, limit)) if isinstance(found, str | int | float) else ""


def _clean(text: object) -> str:
    return str(clean_line(text))


def _time(item: f.Row, names: tuple[str, ...]) -> str:
    at_us = next((at for name in names if (at := f.instant_us(item.get(name)))), None)
    return "" if at_us is None else f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M}Z"


def _groups(item: f.Row, names: tuple[str, ...]) -> str:
    """The names of the permission groups; `{"api": {…}}` is how the vendor writes them."""
    found: object = next((item[name] for name in names if item.get(name)), None)
    if isinstance(found, dict) and isinstance(found.get("api"), dict):
        found = found["api"]
    return ", ".join(sorted(map(_clean, found))) if isinstance(found, dict) else ""


def _key_comment(item: f.Row, names: tuple[str, ...]) -> str:
    return _clean(" ".join(_text(item, names).split()[2:]))


def _key_fingerprint(item: f.Row, names: tuple[str, ...]) -> str:
    """As `ssh-keygen -l` prints it; empty for what is no key, which the vendor stores as well."""
    words = _text(item, names).split()
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error, ValueError):
        return ""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


_READ: Mapping[ColumnKind, Callable[[f.Row, tuple[str, ...]], object]] = {
    ColumnKind.ID: lambda item, names: f.identifier(item, *names),
    ColumnKind.TEXT: _text,
    ColumnKind.LABEL: lambda item, names: str(f.label(item, *names)),
    ColumnKind.TIME: _time,
    ColumnKind.GROUPS: _groups,
    ColumnKind.KEY_COMMENT: _key_comment,
    ColumnKind.KEY_FINGERPRINT: _key_fingerprint,
}
