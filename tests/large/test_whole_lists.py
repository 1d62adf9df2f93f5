"""A list in pages is whole or an error: on a vendor whose machines come and go while it is read."""

import base64
import json
from dataclasses import dataclass, field
from typing import Literal

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.vendor import connect, instance_page, instance_row
from vast_mcp.api.reads import Reads
from vast_mcp.errors import ApiError

Paging = Literal["by key", "by key, filter ignored", "by position, filter ignored"]
PAGE = 25
_WORDS = ["appear", "vanish", "swap", "cut", "twice", "quiet"]
EVENTS = st.lists(st.tuples(st.sampled_from(_WORDS), st.integers(0, 10_000)), max_size=14)


@dataclass
class Restless(httpx2.AsyncBaseTransport):
    """A vendor's list: before each page one event happens, or the page itself is spoiled.

    `lived` holds the ids that were there from the first request to the last.
    """

    ids: list[int]
    events: list[tuple[str, int]]
    paging: Paging
    lived: set[int] = field(default_factory=set)
    asked: int = 0

    def __post_init__(self) -> None:
        self.lived = set(self.ids)
        self._next = max(self.ids, default=0) + 1

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One page."""
        self.asked += 1
        word, number = self.events.pop(0) if self.events else ("quiet", 0)
        if self.asked > 1:
            self._happen(word, number)
        rows, total, more = self._page(dict(request.url.params))
        if word == "cut" and rows:
            del rows[number % len(rows)]
        if word == "twice" and rows:
            rows.append(rows[number % len(rows)])
        token = base64.b64encode(json.dumps(more).encode()).decode() if more else None
        return instance_page([instance_row(id=one) for one in rows], total=total, token=token)

    def _happen(self, word: str, number: int) -> None:
        if word in {"appear", "swap"}:
            self.ids.append(self._next)
            self._next += 1
        if word in {"vanish", "swap"} and self.ids:
            self.lived.discard(self.ids.pop(number % len(self.ids)))

    def _page(self, query: dict[str, str]) -> tuple[list[int], int, dict[str, int] | None]:
        found = sorted(self.ids)
        above = json.loads(query["select_filters"]).get("id", {}).get("gt")
        if self.paging == "by key" and above is not None:
            found = [one for one in found if one > above]
        total = len(found)
        token = json.loads(base64.b64decode(query["after_token"])) if "after_token" in query else {}
        if self.paging == "by position, filter ignored":
            start = token.get("position", 0)
            rows = found[start : start + PAGE]
            return rows, total, {"position": start + PAGE} if start + PAGE < total else None
        rest = [one for one in found if one > token.get("id", 0)]
        rows = rest[:PAGE]
        return rows, total, {"id": rows[-1]} if len(rest) > PAGE else None


@settings(max_examples=60)
@given(
    count=st.integers(0, 90),
    events=EVENTS,
    paging=st.sampled_from(["by key", "by key, filter ignored", "by position, filter ignored"]),
)
def test_no_machine_that_lived_through_a_reading_is_missing_from_it(
    count: int, events: list[tuple[str, int]], paging: Paging
) -> None:
    """Whatever appears, ends or is cut meanwhile: the list holds all of them, or is an error."""
    vendor = Restless([*range(1, count + 1)], list(events), paging)

    async def read() -> list[int]:
        found = await Reads(connect(vendor)).list_instances()
        return [one.instance_id for one in found]

    try:
        found = anyio.run(read)
    except ApiError:
        assert events, "a quiet vendor is readable, however it pages"
        return
    assert vendor.lived <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "paging", ["by key", "by key, filter ignored", "by position, filter ignored"]
)
async def test_a_row_that_slips_between_two_pages_is_found(paging: Paging) -> None:
    """One ends on a page that was read and another appears: the totals agree all the time.

    Once among the pages by key, and once when a vendor that ignores the filter is read by tokens.
    """
    quiet = ("quiet", 0)
    events = [quiet, quiet, ("swap", 3), quiet, quiet, quiet, ("swap", 3)]
    vendor = Restless([*range(1, 80)], events, paging)
    found = await Reads(connect(vendor)).list_instances()
    assert vendor.lived <= {one.instance_id for one in found}


async def test_a_row_cut_from_the_first_page_is_not_made_up_for_by_one_that_appears() -> None:
    """Rows and totals agree by chance: one is missing, and another has come meanwhile."""
    vendor = Restless([*range(1, 27)], [("cut", 0), ("swap", 1)], "by key")
    found = await Reads(connect(vendor)).list_instances()
    assert vendor.lived <= {one.instance_id for one in found}


async def test_a_busy_account_is_read_in_one_pass() -> None:
    """Machines end and appear before every page: no page is asked for a second time."""
    events = [("appear", 1), ("vanish", 7)] * 20
    vendor = Restless([*range(1, 251)], events, "by key")
    found = await Reads(connect(vendor)).list_instances()
    assert vendor.lived <= {one.instance_id for one in found}
    assert vendor.asked <= 12


async def test_pages_that_never_add_up_are_an_error_and_never_a_shorter_list() -> None:
    """A vendor that cuts every page: nothing is concluded from what came."""
    vendor = Restless([*range(1, 80)], [("cut", 1)] * 400, "by key")
    with pytest.raises(ApiError):
        await Reads(connect(vendor)).list_instances()
