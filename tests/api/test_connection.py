"""What goes over the wire, and what is concluded when nothing comes back.

See docs/design.md#sending-once, docs/hazards.md#retries, docs/vendor-api.md#instance-operations,
docs/vendor-api.md#offers, docs/vendor-api.md#transport, docs/vendor-api.md#traps.
"""

from collections.abc import Awaitable, Callable

import anyio
import httpx2
import pytest

from tests.api.vendor import KEY, Wire, connect, ok
from vast_mcp.api import connection as module
from vast_mcp.api.connection import serverless_for
from vast_mcp.api.permit import Permit
from vast_mcp.api.reads import Reads
from vast_mcp.api.writes import Writes
from vast_mcp.errors import (
    ApiError,
    InputInvalid,
    KeyMissing,
    NeverSent,
    OutcomeUnknown,
    PermitMissing,
    VendorDown,
    VendorUnreadable,
)
from vast_mcp.operations import Call, JsonObject, instances, market, on_instances, serverless

CALL = instances.stop_instance(5)
Trace = Callable[[str, dict[str, object]], Awaitable[None]]


async def stop(wire: httpx2.AsyncBaseTransport, timeout_s: float = 5.0) -> JsonObject:
    """Send a write with its permit."""
    async with connect(wire) as connection:
        return await Writes(connection).send(CALL, Permit.for_call(CALL), timeout_s)


async def test_a_request_looks_like_the_official_clients() -> None:
    """Bearer key, JSON values with spaces in the query, `+` for a space."""
    wire = Wire([ok({"success": True, "instances": [], "total_instances": 0, "next_token": None})])
    await Reads(connect(wire)).list_instances(label="a b")
    request = wire.seen[0]
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.url.raw_path == (
        b"/api/v1/instances/?select_filters=%7B%22label%22%3A+%7B%22eq%22%3A+%22a+b%22%7D%7D"
        b"&order_by=%5B%7B%22col%22%3A+%22id%22%2C+%22dir%22%3A+%22asc%22%7D%5D&limit=25"
    )
    assert request.headers["user-agent"] == "test"


async def test_a_write_is_sent_with_its_body_and_answered_with_the_object() -> None:
    """PUT instances/{id}/ with the state; the client sends JSON."""
    wire = Wire([ok({"success": True})])
    assert await stop(wire) == {"success": True}
    assert wire.seen[0].content == b'{"state": "stopped"}'
    assert wire.seen[0].headers["content-type"] == "application/json"


async def test_a_public_operation_carries_no_key_and_needs_none() -> None:
    """The list of card names is public; the key stays at home (docs/vendor-api.md#keys)."""
    for key in (KEY, None):
        wire = Wire([ok({"gpu_names": ["RTX 4090"]})])
        assert await Reads(connect(wire, key=key)).gpu_names() == ["RTX 4090"]
        assert "authorization" not in wire.seen[0].headers


@pytest.mark.parametrize("key", [None, "", "  \n"])
async def test_without_a_key_nothing_is_sent_and_the_error_says_how_to_get_one(
    key: str | None,
) -> None:
    """Without a key tools answer with how to get one (docs/design.md#key-and-account)."""
    wire = Wire([ok({})])
    with pytest.raises(KeyMissing, match=r"vast-mcp login.*VAST_API_KEY.*--simulate"):
        await Reads(connect(wire, key=key)).account()
    with pytest.raises(KeyMissing):
        await Writes(connect(wire, key=key)).send(CALL, Permit.for_call(CALL))
    assert wire.seen == []


def test_the_key_is_in_no_representation() -> None:
    """Keys never appear (docs/design.md#foreign-text-and-secrets)."""
    connection = connect(Wire([]))
    assert KEY not in repr(connection)
    assert KEY not in repr(Reads(connection))
    assert KEY not in repr(Writes(connection))
    assert connection.scrub(f"x {KEY}") == "x [secret]"


@pytest.mark.parametrize(
    ("base", "given_base", "used"),
    [
        ("https://console.vast.ai", None, "https://run.vast.ai"),
        ("https://console.vast.ai/", None, "https://run.vast.ai"),
        ("http://127.0.0.1:8900", None, "http://127.0.0.1:8900"),
        ("http://127.0.0.1:8900", "http://127.0.0.1:8901/", "http://127.0.0.1:8901"),
        ("https://console.vast.ai", "https://other.example", "https://other.example"),
    ],
)
def test_the_serverless_host_moves_with_the_api_base(
    base: str, given_base: str | None, used: str
) -> None:
    """The official client sends the key to the real host all the same."""
    assert serverless_for(base, given_base) == used


async def test_workers_are_asked_of_the_serverless_host() -> None:
    """Workers live on run.vast.ai (docs/vendor-api.md#serverless)."""
    wire = Wire([ok([])])
    assert await Reads(connect(wire)).workers(7) == []
    assert str(wire.seen[0].url) == "https://run.vast.ai/get_endpoint_workers/"


async def test_a_read_follows_a_redirect_to_the_same_host_only() -> None:
    """307/308 keep method and body; another host never sees the key."""
    away = httpx2.Response(307, headers={"location": "https://evil.example/api/v0/instances/7/"})
    near = httpx2.Response(308, headers={"location": "/api/v0/instances/7?owner=me"})
    wire = Wire([near, ok({"instances": None})])
    assert await Reads(connect(wire)).show_instance(7) is None
    assert [request.url.path for request in wire.seen] == [
        "/api/v0/instances/7/",
        "/api/v0/instances/7",
    ]
    wire = Wire([away])
    with pytest.raises(VendorUnreadable):
        await Reads(connect(wire)).show_instance(7)
    assert len(wire.seen) == 1


async def test_a_redirect_cannot_lead_a_read_to_an_undeclared_route() -> None:
    """The wall judges each hop."""
    wire = Wire([httpx2.Response(307, headers={"location": "/api/v0/subaccounts/"})])
    with pytest.raises(PermitMissing):
        await Reads(connect(wire)).show_instance(7)
    assert len(wire.seen) == 1


async def test_redirects_in_a_circle_end() -> None:
    """At most three are followed."""
    wire = Wire([httpx2.Response(307, headers={"location": "/api/v0/instances/7/"})])
    with pytest.raises(VendorUnreadable):
        await Reads(connect(wire)).show_instance(7)
    assert len(wire.seen) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_write_follows_no_redirect(status: int) -> None:
    """A write is sent once, to one place; whether it was executed is not known."""
    wire = Wire([httpx2.Response(status, headers={"location": "/api/v0/instances/5/"})])
    with pytest.raises(OutcomeUnknown):
        await stop(wire)
    assert len(wire.seen) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (httpx2.ConnectError("refused"), NeverSent),
        (httpx2.ConnectTimeout("slow"), NeverSent),
        (httpx2.PoolTimeout("busy"), NeverSent),
        (httpx2.ReadTimeout("slow"), OutcomeUnknown),
        (httpx2.WriteTimeout("slow"), OutcomeUnknown),
        (httpx2.ReadError("reset"), OutcomeUnknown),
        (httpx2.WriteError("reset"), OutcomeUnknown),
        (httpx2.CloseError("reset"), OutcomeUnknown),
        (httpx2.RemoteProtocolError("half"), OutcomeUnknown),
        (httpx2.DecodingError("gzip"), OutcomeUnknown),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_a_write_without_an_answer_is_never_sent_or_unknown(
    fault: Exception, kind: type[ApiError]
) -> None:
    """Connect and DNS failures are refused; after bytes may have left it is unknown."""
    wire = Wire([fault])
    with pytest.raises(kind) as raised:
        await stop(wire)
    assert type(raised.value) is kind
    assert len(wire.seen) == 1
    assert raised.value.__cause__ is None


class Hanging(httpx2.AsyncBaseTransport):
    """Never answers; tells the stages of a request that it went through, as a network does."""

    def __init__(self, *events: str) -> None:
        self._events = events

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Tell the stages, then hang."""
        trace: Trace = request.extensions["trace"]
        for event in self._events:
            await trace(event, {})
        await anyio.Event().wait()
        raise AssertionError


async def test_a_timeout_counts_as_sent_unless_the_network_says_otherwise() -> None:
    """The total timeout covers connecting and waiting; only the first is proof of not sent."""
    with pytest.raises(NeverSent):
        await stop(Hanging("connection.connect_tcp.started"), 0.02)
    with pytest.raises(OutcomeUnknown):
        await stop(
            Hanging("connection.connect_tcp.started", "http11.send_request_headers.started"), 0.02
        )
    with pytest.raises(OutcomeUnknown):
        await stop(Hanging(), 0.02)
    with pytest.raises(VendorDown):
        await Reads(connect(Hanging())).show_instance(7, deadline_s=0.02)


async def test_an_answer_without_end_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The size cap: unreadable for a read, unknown for a write."""
    monkeypatch.setattr(module, "ANSWER_LIMIT", 1000)
    body = b'{"success": true, "x": "' + b"a" * 5000 + b'"}'
    with pytest.raises(VendorUnreadable):
        await Reads(connect(Wire([httpx2.Response(200, content=body)]))).account()
    with pytest.raises(OutcomeUnknown):
        await stop(Wire([httpx2.Response(200, content=body)]))


async def test_a_write_is_never_sent_twice_whatever_comes_back() -> None:
    """The official client re-sends a create that timed out; we never do."""
    call = serverless.delete_endpoint(3)
    for answer in (httpx2.Response(503), httpx2.Response(429), httpx2.ReadError("reset")):
        wire = Wire([answer])
        async with connect(wire) as connection:
            writes, permit = Writes(connection), Permit.for_call(call)
            with pytest.raises(ApiError):
                await writes.send(call, permit)
            with pytest.raises(PermitMissing):
                await writes.send(call, permit)
        assert len(wire.seen) == 1


async def test_a_permit_fits_whatever_text_the_request_holds() -> None:
    """The digest of the call and that of the wire agree: emoji, quotes, spaces, a query."""
    wire = Wire([ok({"success": True})])
    odd = 'a b+c%20&=\U0001f680 \u00e9 "quoted" \\ \n'
    label = on_instances.label_instance(5, odd)
    call = Call(label.operation, label.path, (("x y", odd), ("empty", "")), label.body)
    assert await Writes(connect(wire)).send(call, Permit.for_call(call)) == {"success": True}
    assert wire.seen[0].url.params["x y"] == odd


async def test_half_a_surrogate_is_refused_before_it_is_sent() -> None:
    """A text that cannot be encoded is the caller's mistake, not an unknown outcome."""
    call = on_instances.label_instance(5, "\ud800")
    with pytest.raises(InputInvalid):
        Permit.for_call(call)


async def test_a_write_needs_the_permit_for_that_very_call() -> None:
    """The permit is bound to the request on the wire (docs/design.md#the-wall)."""
    wire = Wire([ok({"success": True})])
    permit = Permit.for_call(instances.start_instance(5))
    with pytest.raises(PermitMissing):
        await Writes(connect(wire)).send(CALL, permit)
    assert wire.seen == []


def test_a_search_says_all_four_default_filters_unless_overridden() -> None:
    """Default filters differ between CLI, SDK and spec: send them."""
    body = market.search_offers({"verified": None, "rented": {"eq": True}}, disk_gb=50).body
    assert body is not None
    assert "verified" not in body
    assert body["rented"] == {"eq": True}
    assert body["external"] == {"eq": False}
    assert body["rentable"] == {"eq": True}
