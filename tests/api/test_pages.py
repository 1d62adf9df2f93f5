"""How a long list is read: with how many requests, and which answers are never taken for a list."""

import json
import operator
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.api.vendor import Wire, connect, instance_page, instance_row
from tests.large.test_whole_lists import PAGE, Paging, Restless
from vast_mcp.api.pages import Page, Progress, each_once
from vast_mcp.api.reads import Reads
from vast_mcp.errors import VendorUnreadable


async def reading(
    count: int, paging: Paging = "by key", events: str = ""
) -> tuple[list[int], int, list[tuple[int, int]]]:
    """The ids that were read of so many, with how many requests, and the progress told."""
    words = [(word, 0) for word in events.split()]
    vendor = Restless(list(range(1, count + 1)), words, paging)
    told: list[tuple[int, int]] = []

    async def between(progress: Progress) -> None:
        told.append((progress.rows, progress.total))

    found = await Reads(connect(vendor)).list_instances(between=between, deadline_s=300)
    return [one.instance_id for one in found], vendor.asked, told


@pytest.mark.parametrize(
    ("count", "requests", "told"),
    [
        (0, 1, []),
        (1, 1, []),
        (PAGE, 1, []),
        (PAGE + 1, 2, [(25, 26)]),
        (2 * PAGE, 2, [(25, 50)]),
        (60, 3, [(25, 60), (50, 60)]),
    ],
)
async def test_a_list_takes_one_request_for_each_page(
    count: int, requests: int, told: list[tuple[int, int]]
) -> None:
    """Whoever waits is told after each page but the last how far it is."""
    assert await reading(count) == (list(range(1, count + 1)), requests, told)


@pytest.mark.parametrize("paging", ["by key, filter ignored", "by position, filter ignored"])
async def test_a_vendor_that_does_not_filter_is_read_twice_by_its_own_tokens(
    paging: Paging,
) -> None:
    """Three tries for the second page, then two readings that show the same."""
    found, requests, _ = await reading(60, paging)
    assert found == list(range(1, 61))
    assert requests == 1 + 3 + 2 * 3


async def test_a_page_that_is_not_whole_is_asked_for_again() -> None:
    """Twice more; the list is then as good as one that was whole at once."""
    assert (await reading(60, events="quiet cut quiet"))[:2] == (list(range(1, 61)), 4)
    assert (await reading(60, events="quiet cut twice quiet"))[:2] == (list(range(1, 61)), 5)


async def test_a_row_that_appears_while_it_is_read_is_part_of_it() -> None:
    """It has the greatest key, so it lies on a page that is still to come."""
    assert await reading(60, events="quiet quiet appear") == (
        list(range(1, 62)), 3, [(25, 60), (50, 60)],
    )  # fmt: skip


async def test_a_list_that_changes_in_each_of_four_readings_is_unreadable() -> None:
    """Nothing is concluded from what may lack a row."""
    with pytest.raises(VendorUnreadable, match=r"changed|rows came of|twice"):
        await reading(60, "by position, filter ignored", "quiet " + "swap " * 40)


def page(ids: list[int], total: int, token: str | None) -> httpx2.Response:
    """A page of these machines."""
    return instance_page([instance_row(id=one) for one in ids], total=total, token=token)


async def listed(*pages: httpx2.Response) -> tuple[list[int], int]:
    """What is read when the vendor answers so, and with how many requests."""
    wire = Wire(pages)
    found = await Reads(connect(wire)).list_instances(deadline_s=300)
    return [one.instance_id for one in found], len(wire.seen)


async def test_a_vendor_with_pages_of_its_own_size_is_read_by_its_tokens() -> None:
    """Its first page is not asked for again."""
    pages = page([1, 2], 5, "a"), page([3, 4], 5, "b"), page([5], 5, None)
    assert await listed(*pages) == ([1, 2, 3, 4, 5], 3)


async def test_a_list_that_does_not_add_up_is_read_once_more_from_its_beginning() -> None:
    """The first page that was kept is not taken again."""
    pages = page([1, 2], 5, "a"), page([3, 4], 5, None)
    again = page([1, 2], 3, "a"), page([3], 3, None)
    assert await listed(*pages, *again) == ([1, 2, 3], 4)


@pytest.mark.parametrize(
    "pages",
    [
        [page([1, 2], 4, "a"), page([], 4, "b"), page([3, 4], 4, None)],
        [page([1, 2], 6, "a"), page([3, 4], 6, "a"), page([5, 6], 6, None)],
        [page([1, 2], 4, "a"), page([1, 2], 4, None)],
        [page([1, 2], 3, "a"), page([3, 4], 3, None)],
        [page([1, 2], 5, "a"), page([3, 4], 5, None)],
        [page([1, 2], 4, "a"), page([2, 3], 4, None)],
        [page([1, 2], 4, "a"), page([3, 4], 5, None)],
        [page([2, 1], 2, None)],
        [page([1, 1], 2, None)],
    ],
)
async def test_pages_that_contradict_themselves_are_no_list(pages: list[httpx2.Response]) -> None:
    """An empty page in the middle, a token twice, rows twice or too few, totals that differ."""
    if len(pages) == 1 and [row["id"] for row in pages[0].json()["instances"]] == [2, 1]:
        assert await listed(*pages) == ([2, 1], 1)  # whole, though in another order
        return
    with pytest.raises(VendorUnreadable):
        await listed(*pages, *pages)


def of(**fields: Any) -> Page[Any]:  # noqa: ANN401  what a vendor may send
    """A page with these fields, of whose rows nothing is decoded."""
    whole = {"rows": [{"n": 1}, {"n": 2}], "total": 2, "next_token": None, **fields}
    answer = json.loads(json.dumps({name: x for name, x in whole.items() if x != "absent"}))
    read: Callable[[Any], Any] = operator.itemgetter("n")
    return Page.of(answer, "rows", "total", read)


@pytest.mark.parametrize(
    ("fields", "items", "total", "token"),
    [
        ({}, (1, 2), 2, None),
        ({"rows": []}, (), 2, None),
        ({"total": 0}, (1, 2), 0, None),
        ({"next_token": ""}, (1, 2), 2, None),
        ({"next_token": "t"}, (1, 2), 2, "t"),
    ],
)
def test_a_page_has_rows_a_total_and_a_token(
    fields: dict[str, object], items: tuple[object, ...], total: int, token: str | None
) -> None:
    """An empty token is none."""
    assert of(**fields) == Page(items, total, token)


@pytest.mark.parametrize(
    "fields",
    [
        {"total": "absent"},
        {"total": -1},
        {"total": "two"},
        {"total": None},
        {"next_token": "absent"},
        {"next_token": 5},
        {"rows": "absent"},
        {"rows": None},
        {"rows": {}},
    ],
)
def test_a_page_that_lacks_one_of_them_is_unreadable(fields: dict[str, object]) -> None:
    """Never an empty list, never a last page."""
    with pytest.raises(VendorUnreadable):
        of(**fields)


def test_a_row_that_comes_twice_may_hide_another_one() -> None:
    """By what tells rows apart, not by all that they say."""
    assert each_once([1, 2, 3], lambda number: number) == [1, 2, 3]
    with pytest.raises(VendorUnreadable, match="a row came twice"):
        each_once([1, 2, 3], lambda number: number % 2)


@pytest.mark.parametrize(("rows", "requests"), [(12, 2), (13, 5)])
async def test_a_first_page_more_than_half_full_and_not_whole_is_read_until_two_readings_agree(
    rows: int, requests: int
) -> None:
    """Rows were cut from it; a smaller one has pages of the vendor's own size."""
    ids = list(range(1, rows + 1))
    pages = page(ids, rows + 1, "a"), page([rows + 1], rows + 1, None)
    expected = [*ids, rows + 1]
    again = () if requests == 2 else (pages[0],)
    assert await listed(*again, *pages, *pages) == (expected, requests)


async def test_a_list_that_shrank_to_a_single_row_needs_no_second_reading() -> None:
    """One row fits on one page: none can have slipped between two."""
    first = page(list(range(1, 14)), 20, "a")
    assert await listed(first, page([1], 1, None), page([1], 1, None)) == ([1], 2)
