"""Reading a list to its end. One that does not add up is unreadable, never short."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from vast_mcp.api._fields import row, rows, unreadable, whole
from vast_mcp.api.connection import Connection
from vast_mcp.api.retry import Deadline, ask
from vast_mcp.errors import VendorUnreadable
from vast_mcp.operations import Call, Json

T = TypeVar("T")
MOST_ROWS = 200_000
"""A guard against a vendor that never ends."""
_READINGS = 2
_TOKEN_READINGS = 4
_TRIES = 3
"""So often a page is asked for that is not whole."""
_REPEATS_SEEN = 50


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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading of a list has come: one page of several was read."""

    rows: int
    total: int
    """As the first page said it; the list may change while it is read."""


Between = Callable[[Progress], Awaitable[None]]
"""Called between two pages; what it raises ends the reading."""
DeadlineFor = Callable[[bool], Deadline]
"""The deadline of a page; True for each page after the first."""


async def no_pause(progress: Progress) -> None:
    """Nothing is done between two pages."""


@dataclass(frozen=True, slots=True)
class KeyedList(Generic[T]):
    """A list that is ordered by a whole number which each row keeps for life.

    `call_for` asks for the page behind a key, or behind a token of the vendor's; with neither, for
    the first. `page_rows` is how many rows a page has that is not the last.
    """

    call_for: Callable[[int | None, str | None], Call]
    read: Callable[[Json], Page[T]]
    key: Callable[[T], int]
    page_rows: int


async def all_keyed(
    connection: Connection, listed: KeyedList[T], deadline_for: DeadlineFor, between: Between
) -> list[T]:
    """Every row that was in the list from the beginning of the reading to its end.

    Each page asks for the rows above the last key, and the vendor says how many there are above
    it: a page is whole in itself, whatever appears or goes meanwhile, and no row can move to a page
    that was read already. A vendor that does not filter by the key is read by its own tokens, until
    two readings one after the other show the same keys: a row that slipped between two pages
    leaves one in the first reading that the second cannot show. So is a list whose first page is
    nearly full and not the last: rows were cut from it, and others that appear meanwhile could make
    the numbers agree. A vendor whose first page is smaller has pages of its own kind, and is read
    as `all_pages` reads.

    Raises:
        VendorUnreadable: pages that contradict themselves even when they are asked for again.
        ApiError: a page could not be read; nothing is concluded from the pages before it.
    """
    answer = await ask(connection, listed.call_for(None, None), deadline_for(False))
    first = listed.read(answer)
    if not _is_whole(listed, first, None):
        if first.token is not None and len(first.items) > listed.page_rows // 2:
            return await _by_tokens(connection, listed, deadline_for, between)
        return await all_pages(
            connection,
            deadline_for,
            lambda token: listed.call_for(None, token),
            listed.read,
            identity=listed.key,
            between=between,
            first=first,
        )
    found, total, left = [*first.items], first.total, first.total - len(first.items)
    while left:
        if len(found) >= MOST_ROWS:
            raise unreadable("its pages do not end")
        await between(Progress(len(found), total))
        last = listed.key(found[-1])
        page = await _whole_page(connection, listed, deadline_for(True), last)
        if page is None:
            return await _by_tokens(connection, listed, deadline_for, between)
        found += page.items
        left = page.total - len(page.items)
    return found


def _is_whole(listed: KeyedList[T], page: Page[T], last: int | None) -> bool:
    """Whether these are the least keys above the last, as many as a page holds."""
    keys = [listed.key(item) for item in page.items]
    rising = all(a < b for a, b in pairwise(keys if last is None else [last, *keys]))
    least = min(page.total, listed.page_rows)
    more = page.token is not None
    return rising and least <= len(keys) <= page.total and more == (len(keys) < page.total)


async def _whole_page(
    connection: Connection, listed: KeyedList[T], deadline: Deadline, last: int
) -> Page[T] | None:
    """The rows above this key, or None when what comes cannot be those."""
    for _ in range(_TRIES):
        page = listed.read(await ask(connection, listed.call_for(last, None), deadline))
        if _is_whole(listed, page, last):
            return page
    return None


async def _by_tokens(
    connection: Connection, listed: KeyedList[T], deadline_for: DeadlineFor, between: Between
) -> list[T]:
    before: set[int] | None = None
    for _ in range(_TOKEN_READINGS):
        try:
            found = await _one_reading(
                connection,
                deadline_for,
                lambda token: listed.call_for(None, token),
                listed.read,
                listed.key,
                between,
            )
        except VendorUnreadable:
            continue
        keys = {listed.key(item) for item in found}
        if keys == before or len(found) <= 1:
            return found
        before = keys
    raise unreadable("the list changed in each of several readings")


async def all_pages(
    connection: Connection,
    deadline_for: DeadlineFor,
    call_for: Callable[[str | None], Call],
    read: Callable[[Json], Page[T]],
    *,
    identity: Callable[[T], Hashable] | None = None,
    between: Between = no_pause,
    first: Page[T] | None = None,
) -> list[T]:
    """All rows of all pages, by the vendor's own tokens.

    A list that changes while it is read does not add up; it is read once more before that is an
    error. `first` is its first page where that was read already.

    Raises:
        VendorUnreadable: repeated pages, tokens that loop, an empty page in the middle, or a number
            of rows other than the vendor's own total.
    """
    for reading in range(_READINGS):
        try:
            return await _one_reading(
                connection, deadline_for, call_for, read, identity, between, first
            )
        except VendorUnreadable:
            if reading == _READINGS - 1:
                raise
            first = None
    raise unreadable("the list")


async def _one_reading(
    connection: Connection,
    deadline_for: DeadlineFor,
    call_for: Callable[[str | None], Call],
    read: Callable[[Json], Page[T]],
    identity: Callable[[T], Hashable] | None,
    between: Between,
    first: Page[T] | None = None,
) -> list[T]:
    found: list[T] = []
    tokens: set[str] = set()
    pages: list[tuple[T, ...]] = []
    totals: set[int] = set()
    token: str | None = None
    while len(found) <= MOST_ROWS:
        if first is not None and token is None:
            page = first
        else:
            page = read(await ask(connection, call_for(token), deadline_for(token is not None)))
        if len(page.items) > 1 and page.items in pages[-_REPEATS_SEEN:]:
            raise unreadable("a page came twice")
        pages.append(page.items)
        totals.add(page.total)
        found += page.items
        token = page.token
        if token is None:
            _must_add_up(found, totals, identity)
            return found
        if token in tokens or not page.items:
            raise unreadable("its pages do not end")
        tokens.add(token)
        await between(Progress(len(found), page.total))
    raise unreadable("its pages do not end")


def _must_add_up(
    found: list[T], totals: set[int], identity: Callable[[T], Hashable] | None
) -> None:
    if totals != {len(found)}:
        raise unreadable(f"{len(found)} rows came of {max(totals)}")
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
