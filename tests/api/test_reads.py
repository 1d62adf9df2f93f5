"""Each question to the vendor: whole answers or an error, never less.

See docs/hazards.md#reading, docs/vendor-api.md#billing, docs/vendor-api.md#instances,
docs/vendor-api.md#serverless, docs/vendor-api.md#templates.
"""

import base64
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.vendor import Wire, connect, instance_page, instance_row, offer_row, ok
from vast_mcp.api.reads import Reads
from vast_mcp.errors import (
    ApiError,
    NotFound,
    Unauthorized,
    VendorRefused,
    VendorUnreadable,
)
from vast_mcp.units import Usd


def reads(*answers: httpx2.Response | Exception) -> Reads:
    """Reads over a wire that gives these answers in order."""
    return Reads(connect(Wire(answers)))


def numbered(*ids: int) -> list[dict[str, Any]]:
    """Instances with these ids."""
    return [instance_row(id=number) for number in ids]


async def test_a_list_is_read_over_all_its_pages() -> None:
    """Read until next_token is null; rows are counted against total_instances."""
    wire = Wire(
        [
            instance_page(numbered(1, 2), total=3, token="T1"),
            instance_page(numbered(3), total=3),
        ]
    )
    found = await Reads(connect(wire)).list_instances()
    assert [instance.instance_id for instance in found] == [1, 2, 3]
    assert wire.seen[1].url.params["after_token"] == "T1"


@pytest.mark.parametrize(
    "pages",
    [
        [instance_page(numbered(1, 2), total=3)],
        [instance_page(numbered(1, 1), total=2)],
        [instance_page(numbered(1), total=2, token="T"), instance_page(numbered(1), total=2)],
        [instance_page(numbered(1), total=99, token="T")],
        [instance_page([], total=1, token="T")],
        [instance_page(numbered(1), total=0)],
        [ok({"success": True, "instances": [], "next_token": None})],
        [ok({"success": True, "instances": [], "total_instances": 0})],
        [ok({"success": True, "instances": [], "total_instances": 0, "next_token": 5})],
        [ok({"success": True, "total_instances": 0, "next_token": None})],
        [ok({"success": True, "instances": None, "total_instances": 0, "next_token": None})],
        [ok({"success": True, "instances": {}, "total_instances": 0, "next_token": None})],
        [instance_page([{"id": "x"}])],
        [ok([])],
        [ok(None)],
        [httpx2.Response(200, content=b"")],
    ],
    ids=[
        "too few", "twice on a page", "twice on two pages", "looping token", "empty page",
        "too many", "no total", "no token", "odd token", "no rows", "null rows", "odd rows",
        "odd row", "a list", "null", "nothing",
    ],
)  # fmt: skip
async def test_a_list_that_does_not_add_up_is_an_error_and_never_short(
    pages: list[httpx2.Response],
) -> None:
    """An unreadable list is not an empty list."""
    with pytest.raises(VendorUnreadable):
        await reads(*pages).list_instances()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx2.Response(410, json={"success": False, "msg": "retired"}), VendorRefused),
        (ok({"success": False, "msg": "no"}), VendorRefused),
        (httpx2.Response(404, json={"error": "auth_error"}), Unauthorized),
        (httpx2.Response(404, json={"error": "not_found"}), NotFound),
    ],
)
async def test_a_refused_list_is_an_error(answer: httpx2.Response, kind: type[ApiError]) -> None:
    """Another program read a 410 as zero instances and left three strays billing."""
    with pytest.raises(kind):
        await reads(answer).list_instances()


async def test_a_list_that_changes_while_it_is_read_is_read_once_more() -> None:
    """An instance that ends between two pages is no reason for an error."""
    found = await reads(
        instance_page(numbered(1, 2), total=3, token="T"),
        instance_page([], total=1),
        instance_page(numbered(2), total=1),
    ).list_instances()
    assert [instance.instance_id for instance in found] == [2]


@given(
    st.lists(st.integers(1, 9), max_size=8),
    st.integers(0, 9),
    st.integers(1, 4),
)
def test_whatever_pages_come_the_list_is_whole_or_an_error(
    ids: list[int], total: int, size: int
) -> None:
    """Property: every list returned holds exactly `total` different instances."""
    chunks = [ids[n : n + size] for n in range(0, len(ids), size)] or [[]]

    def page(request: httpx2.Request) -> httpx2.Response:
        token = request.url.params.get("after_token")
        number = int(base64.b64decode(token)) if token else 0
        following = base64.b64encode(str(number + 1).encode()).decode()
        return instance_page(
            numbered(*chunks[number]),
            total=total,
            token=following if number + 1 < len(chunks) else None,
        )

    async def read() -> list[int]:
        found = await Reads(connect(Wire(page))).list_instances()
        return [instance.instance_id for instance in found]

    try:
        found = anyio.run(read)
    except VendorUnreadable:
        assert len(ids) != total or len(set(ids)) != total
        return
    assert found == ids
    assert len(set(found)) == total


async def test_an_instance_is_absent_only_when_the_vendor_says_so_in_a_known_form() -> None:
    """Null, or 404 no_such_instance; a revoked key is a 404 as well."""
    absent = [
        ok({"instances": None}),
        httpx2.Response(404, json={"success": False, "error": "no_such_instance"}),
        httpx2.Response(404, json={"success": False, "error": "not_found", "msg": "x"}),
    ]
    for answer in absent:
        assert await reads(answer).show_instance(7) is None
    unclear = [
        ok({}),
        ok({"instances": []}),
        ok({"instances": instance_row(id=8)}),
        ok([]),
        httpx2.Response(404, content=b"<html>nothing here"),
        httpx2.Response(404, json={"success": False, "error": "auth_error"}),
        httpx2.Response(404, json={}),
        httpx2.Response(410, json={"success": False, "error": "not_found"}),
        ok({"success": False, "error": "no_such_instance"}),
    ]
    for answer in unclear:
        with pytest.raises(ApiError):
            await reads(answer).show_instance(7)


async def test_offers_come_priced_with_the_disk_that_was_asked_for() -> None:
    """dph_total includes storage for allocated_storage (docs/vendor-api.md#offers)."""
    wire = Wire([ok({"offers": [offer_row()]})])
    found = await Reads(connect(wire)).search_offers(
        {"num_gpus": {"eq": "1"}}, rental="interruptible", disk_gb=60, limit=5
    )
    assert found.offers[0].offer_id == 28113344
    assert found.offers[0].rental == "interruptible"
    sent = wire.seen[0].content
    for part in (b'"type": "bid"', b'"allocated_storage": 60.0', b'"limit": 5', b'"rented"'):
        assert part in sent


async def test_charges_are_read_over_all_pages_and_add_up() -> None:
    """Per contract, with gpu, disk and traffic items; the total counts contracts."""
    row = {
        "type": "instance", "source": "instance-5", "amount": 1.5, "start": 10, "end": 20,
        "items": [
            {"type": "gpu", "amount": 1.0}, {"type": "disk", "amount": 0.25},
            {"type": "bwd", "amount": 0.2}, {"type": "bwu", "amount": 0.05},
        ],
    }  # fmt: skip
    wire = Wire(
        [
            ok({"count": 1, "total": 2, "next_token": "T", "results": [row]}),
            ok({"count": 1, "total": 2, "next_token": None, "results": [row]}),
        ]
    )
    charges = await Reads(connect(wire)).charges(1_500_000, 9_000_001)
    assert charges.total == Usd.of(3)
    assert charges.items[0].traffic == Usd.of("0.25")
    filters = wire.seen[0].url.params["select_filters"]
    assert filters == '{"day": {"gte": 1, "lte": 10}}'
    with pytest.raises(VendorUnreadable):
        await reads(ok({"total": 2, "next_token": None, "results": [row]})).charges(0, 1)


async def test_a_page_of_charges_that_comes_twice_is_an_error() -> None:
    """A vendor that does not turn the page adds up to its total, and doubles every sum."""
    rows = [{"type": "instance", "source": f"instance-{n}", "amount": 1.5} for n in (1, 2)]
    pages = [
        ok({"total": 4, "next_token": "T", "results": rows}),
        ok({"total": 4, "next_token": None, "results": rows}),
    ]
    with pytest.raises(VendorUnreadable, match="page came twice"):
        await reads(*pages, *pages).charges(0, 1)


async def test_workers_are_none_only_while_the_endpoint_is_not_ready() -> None:
    """`error_msg` while not ready is empty; any other answer is not a list."""
    worker = {"id": 3, "status": "IDLE", "cur_load": 1.5}
    assert (await reads(ok([worker])).workers(1))[0].worker_id == 3
    assert (await reads(ok({"workers": [worker]})).workers(1))[0].bills
    assert await reads(ok({"error_msg": "endpoint is not ready"})).workers(1) == []
    for answer in (ok({"error_msg": "invalid api_key"}), ok({}), ok("authenticate: invalid")):
        with pytest.raises(VendorUnreadable):
            await reads(answer).workers(1)


async def test_ssh_keys_come_in_three_forms() -> None:
    """A list with `key` or `public_key`, or the JSON text of one (docs/vendor-api.md#ssh)."""
    assert (await reads(ok([{"id": 1, "key": "ssh-ed25519 A"}])).ssh_keys())[0].key_id == 1
    text = ok({"success": True, "ssh_keys": '[{"id": 2, "public_key": "ssh-rsa B"}]'})
    assert (await reads(text).instance_ssh_keys(5))[0].public_key == "ssh-rsa B"
    assert await reads(ok({"success": True, "ssh_keys": "[]"})).instance_ssh_keys(5) == ()
    for odd in ("{", None, 5):
        with pytest.raises(VendorUnreadable):
            await reads(ok({"success": True, "ssh_keys": odd})).instance_ssh_keys(5)


async def test_a_template_is_found_by_its_very_hash() -> None:
    """The hash changes on edit; a row with another hash is not it."""
    row = {"id": 5, "hash_id": "abc", "name": "PyTorch", "onstart": "x", "use_ssh": True}
    wire = Wire([ok({"success": True, "templates": [row]})])
    found = await Reads(connect(wire)).template("abc")
    assert found is not None
    assert found.has_onstart
    assert wire.seen[0].url.params["select_filters"] == '{"hash_id": {"eq": "abc"}}'
    assert await reads(ok({"success": True, "templates": [row]})).template("abcd") is None
    with pytest.raises(VendorUnreadable):
        await reads(ok({"success": True})).template("abc")


TWICE = b'{"success": true, "instances": [], "total_instances": 0, "next_token": null, %s}'


@pytest.mark.parametrize(
    "again", [b'"instances": [{"id": 1}]', b'"total_instances": 3', b'"success": false']
)
async def test_a_reply_that_says_a_field_twice_is_unreadable(again: bytes) -> None:
    """Of two values nobody knows which holds: no account is taken for empty on one of them."""
    twice = httpx2.Response(200, content=TWICE % again)
    with pytest.raises(VendorUnreadable):
        await reads(twice, twice, twice, twice).list_instances()


@pytest.mark.parametrize(
    ("question", "name", "row"),
    [
        ("endpoints", "results", {"id": 7, "endpoint_name": "a", "max_workers": 2}),
        ("workergroups", "results", {"id": 7, "endpoint_id": 1}),
        (
            "volumes",
            "volumes",
            {"id": 7, "machine_id": 1, "disk_space": 10, "storage_total_cost": 0.1},
        ),
    ],
)
async def test_a_row_that_comes_twice_makes_the_list_unreadable(
    question: str, name: str, row: dict[str, Any]
) -> None:
    """Where one row stands twice another may be missing, and what bills unseen is not counted."""
    answer = ok({"success": True, name: [row, row]})
    with pytest.raises(VendorUnreadable, match="twice"):
        await getattr(reads(answer, answer, answer), question)()
