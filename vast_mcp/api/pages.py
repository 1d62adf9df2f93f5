"""Reading a list to its end. One that does not add up is unreadable, never short (safety §0.4)."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vast_mcp.api._fields import row, rows, unreadable, whole
from vast_mcp.api.connection import Connection
from vast_mcp.api.retry import Deadline, ask
from vast_mcp.errors import VendorUnreadable
from vast_mcp.operations import Call, Json

T = TypeVar("T")
MOST_PAGES = 400
"""A guard against a vendor that never ends: 10,000 instances, 40,000 charges."""
_READINGS = 2


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page: its rows, how many there are in all, and the token of the next."""

    items: tuple[T, ...]
    total: int
    token: str | None

    @classmethod
    def of(cls, answer: Json, name: str, total: str, decode: Callable[[object], T]) -> "Page[T]":
        """Decode one page.

        Raises:
            VendorUnreadable: the rows, the total or the token are missing or of a wrong type.
        """
        fields = row(answer, "the answer")
        in_all = whole(fields.get(total))
        token = fields.get("next_token")
        if in_all is None or in_all < 0:
            raise unreadable(f"{total} is missing")
        if "next_token" not in fields or not isinstance(token, str | None):
            raise unreadable("next_token is missing")
        items = tuple(decode(item) for item in rows(fields.get(name), name))
        return cls(items, in_all, token or None)


async def all_pages(
    connection: Connection,
    deadline: Deadline,
    call_for: Callable[[str | None], Call],
    read: Callable[[Json], Page[T]],
    *,
    identity: Callable[[T], Hashable] | None = None,
) -> list[T]:
    """All rows of all pages.

    A list that changes while it is read does not add up; it is read once more before that is an
    error.

    Raises:
        VendorUnreadable: repeated rows or pages, tokens that loop, an empty page in the middle, or
            a number of rows other than the vendor's own total.
    """
    for reading in range(_READINGS):
        try:
            return await _one_reading(connection, deadline, call_for, read, identity)
        except VendorUnreadable:
            if reading == _READINGS - 1:
                raise
    raise unreadable("the list")


async def _one_reading(
    connection: Connection,
    deadline: Deadline,
    call_for: Callable[[str | None], Call],
    read: Callable[[Json], Page[T]],
    identity: Callable[[T], Hashable] | None,
) -> list[T]:
    found: list[T] = []
    tokens: set[str] = set()
    pages: list[tuple[T, ...]] = []
    token: str | None = None
    for _ in range(MOST_PAGES):
        page = read(await ask(connection, call_for(token), deadline))
        if len(page.items) > 1 and page.items in pages:
            raise unreadable("a page came twice")
        pages.append(page.items)
        found += page.items
        token = page.token
        if token is None:
            _must_add_up(found, page.total, identity)
            return found
        if token in tokens or not page.items:
            raise unreadable("its pages do not come to an end")
        tokens.add(token)
    raise unreadable("its pages do not come to an end")


def _must_add_up(found: list[T], total: int, identity: Callable[[T], Hashable] | None) -> None:
    if len(found) != total:
        raise unreadable(f"{len(found)} rows came of {total}")
    if identity is not None:
        each_once(found, identity)


def each_once(found: list[T], identity: Callable[[T], Hashable]) -> list[T]:
    """The same rows.

    Raises:
        VendorUnreadable: one of them came twice, so another one may be missing.
    """
    if len({identity(item) for item in found}) != len(found):
        raise unreadable("a row came twice")
    return found
