"""Result files: logs and command outputs that a reply names.

See docs/hazards.md#result-files, docs/vendor-api.md#logs-and-commands.
"""

import httpx2
import pytest

from tests.api.vendor import KEY, Wire, connect, ok
from vast_mcp.api.reads import Reads
from vast_mcp.api.results import DOWNLOAD_LIMIT, PATIENCE_S, SHOWN_LIMIT
from vast_mcp.clock import ManualClock
from vast_mcp.errors import VendorDown, VendorRefused, VendorUnreadable

URL = "https://s3.amazonaws.com/vast.ai/instance_logs/abc.log"


def named(url: object = URL, **more: object) -> httpx2.Response:
    """The reply that names a result file."""
    return ok({"success": True, "result_url": url, "msg": "wait a few seconds", **more})


def wire_for(body: bytes, reply: httpx2.Response | None = None, polls: int = 0) -> Wire:
    """Names the file, then refuses it a few times, then gives it."""
    waiting = [httpx2.Response(404 if n % 2 else 403) for n in range(polls)]
    return Wire([reply or named(), *waiting, httpx2.Response(200, content=body)])


async def test_the_file_is_polled_without_the_key_until_it_is_there() -> None:
    """No auth header; 403 or 404 until the host has uploaded."""
    wire = wire_for(b"epoch 1\nepoch 2\n", polls=3)
    clock = ManualClock(auto_advance=True)
    text = await Reads(connect(wire, clock=clock)).logs(7, tail=100, match="epoch", daemon=True)
    assert text == "epoch 1\nepoch 2\n"
    assert wire.seen[0].content == b'{"filter": "epoch", "tail": "100", "daemon_logs": "true"}'
    for request in wire.seen[1:]:
        assert str(request.url) == URL
        assert "authorization" not in request.headers
        assert KEY not in str(request.headers)
    assert len(wire.seen) == 5
    assert clock.monotonic_s() < 4


async def test_the_signed_address_is_read_where_the_other_stays_refused() -> None:
    """Two addresses of one file (reported 2026-09): the unsigned one can be refused for ever."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        if "request_logs" in request.url.path:
            return named(temp_download_url=f"{URL}?X-Amz-Signature=s1gned")
        signed = "Signature" in str(request.url)
        return httpx2.Response(200, text="epoch 1\n") if signed else httpx2.Response(403)

    wire = Wire(handler)
    assert await Reads(connect(wire)).logs(7) == "epoch 1\n"
    assert len(wire.seen) == 2


async def test_the_other_address_is_read_where_the_signed_one_stays_refused() -> None:
    """The contrary witness: `result_url` read with success."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        if "request_logs" in request.url.path:
            return named(temp_download_url=f"{URL}?X-Amz-Signature=s1gned")
        signed = "Signature" in str(request.url)
        return httpx2.Response(403) if signed else httpx2.Response(200, text="epoch 1\n")

    assert await Reads(connect(Wire(handler))).logs(7) == "epoch 1\n"


async def test_a_file_that_stays_refused_is_not_told_as_uploaded_soon() -> None:
    """A lasting 403 is said, with another way to the log; it is not "not yet" for ever."""
    with pytest.raises(VendorDown, match=r"refuses.*run_command"):
        await Reads(connect(Wire([named(), httpx2.Response(403)]))).logs(7)


async def test_waiting_ends() -> None:
    """Bounded polls: about 12 s, then the error says to ask again."""
    wire, clock = Wire([named(), httpx2.Response(404)]), ManualClock(auto_advance=True)
    with pytest.raises(VendorDown, match="not uploaded"):
        await Reads(connect(wire, clock=clock)).logs(7)
    assert PATIENCE_S <= clock.monotonic_s() <= PATIENCE_S + 1
    assert len(wire.seen) < 15


@pytest.mark.parametrize(
    "url",
    [
        "http://s3.amazonaws.com/vast.ai/x",
        "https://evil.example/x",
        "https://s3.amazonaws.com.evil.example/x",
        "https://evils3.amazonaws.com/x",
        "https://evil.example#.s3.amazonaws.com/x",
        "https://s3.amazonaws.com@evil.example/x",
        "https://u:p@s3.amazonaws.com/x",
        "https://s3.amazonaws.com:8443/x",
        "https://127.0.0.1/x",
        "http://127.0.0.1:8900/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/x",
        "file:///etc/passwd",
        "//s3.amazonaws.com/x",
        "/relative",
        "https://",
        "x" * 5000,
        5,
        {"a": 1},
    ],
)
async def test_a_file_on_an_unknown_host_is_not_fetched(url: object) -> None:
    """Https on an allow-listed host, nothing else; no way into the local network."""
    wire = Wire([named(url), ok({})])
    with pytest.raises(VendorUnreadable):
        await Reads(connect(wire)).logs(7)
    assert len(wire.seen) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com/vast.ai/x",
        "https://vast-logs.s3.us-west-2.amazonaws.com/x?X-Amz-Signature=a%2Fb",
        "https://s3.us-east-1.amazonaws.com/b/x",
        "https://logs.vast.ai/x",
    ],
)
async def test_the_vendors_storage_is_known(url: str) -> None:
    """S3 addresses and the vendor's own names (docs/vendor-api.md#transport)."""
    wire = Wire([named(url), httpx2.Response(200, content=b"a")])
    assert await Reads(connect(wire)).logs(7) == "a"


async def test_with_a_simulator_on_loopback_its_own_files_are_fetched() -> None:
    """`simulate` serves everything on one loopback port (docs/design.md#key-and-account)."""
    wire = Wire(
        [named("http://127.0.0.1:8900/simulator/results/t"), httpx2.Response(200, text="a")]
    )
    assert await Reads(connect(wire, api_base="http://127.0.0.1:8900")).logs(7) == "a"


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """No redirects."""
    away = httpx2.Response(status, headers={"location": "http://169.254.169.254/"})
    wire = Wire([named(), away])
    with pytest.raises(VendorUnreadable):
        await Reads(connect(wire)).logs(7)
    assert len(wire.seen) == 2


async def test_of_a_huge_log_the_end_is_kept() -> None:
    """A size cap, tail first."""
    body = b"start" + b"x" * (DOWNLOAD_LIMIT + 1000) + b"the end"
    text = await Reads(connect(wire_for(body))).logs(7)
    assert text.endswith("the end")
    assert len(text) <= SHOWN_LIMIT


async def test_a_log_is_cleaned_and_holds_no_key() -> None:
    """Logs are foreign text: no escapes, no invisible characters; and never the key."""
    body = f"a\x1b[31mb\u202ec {KEY} \xff".encode("utf-8", "replace") + b"\xff"
    text = await Reads(connect(wire_for(body))).logs(7)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert KEY not in text


async def test_a_reply_without_a_file_is_itself_the_answer() -> None:
    """No result_url means that the reply is all there is."""
    assert await Reads(connect(Wire([ok({"success": True, "msg": "no logs yet"})]))).logs(7) == (
        "no logs yet"
    )


async def test_a_listing_loses_the_hosts_own_prefix() -> None:
    """The CLI deletes every occurrence of writeable_path."""
    reply = named(writeable_path="/var/lib/docker/x/merged")
    wire = wire_for(b"/var/lib/docker/x/merged/workspace:\ntotal 0\n", reply)
    text = await Reads(connect(wire)).list_disk(7, "ls /workspace")
    assert text == "/workspace:\ntotal 0\n"
    assert wire.seen[0].content == b'{"command": "ls /workspace"}'


async def test_a_refused_request_is_not_polled() -> None:
    """On a running instance the vendor answers 400 and points to ssh."""
    wire = Wire([httpx2.Response(400, json={"success": False, "msg": "use ssh"})])
    with pytest.raises(VendorRefused):
        await Reads(connect(wire)).list_disk(7, "ls")
    assert len(wire.seen) == 1


@pytest.mark.parametrize(
    ("prefix", "shown"), [("/", "/a/b"), ("", "/a/b"), (None, "/a/b"), (5, "/a/b"), ("/a", "/b")]
)
async def test_a_prefix_that_is_none_takes_nothing_out(prefix: object, shown: str) -> None:
    """A single slash would take every slash."""
    wire = wire_for(b"/a/b", named(writeable_path=prefix))
    assert await Reads(connect(wire)).list_disk(7, "ls /a") == shown


async def test_an_address_that_is_empty_is_none() -> None:
    """Then the reply's own words are the answer."""
    reply = ok({"success": True, "result_url": "", "temp_download_url": None, "msg": "no logs"})
    assert await Reads(connect(Wire([reply]))).logs(7) == "no logs"


@pytest.mark.parametrize("status", [403, 404, 408, 429, 500, 503])
async def test_a_storage_that_fails_for_a_moment_is_asked_again(status: int) -> None:
    """Not yet there, or not well: the host may still be uploading."""
    wire = Wire([named(), httpx2.Response(status), httpx2.Response(200, content=b"text")])
    assert await Reads(connect(wire)).logs(7) == "text"


@pytest.mark.parametrize("status", [400, 401, 410, 499])
async def test_a_storage_that_refuses_is_not_asked_again(status: int) -> None:
    """Waiting does not change its mind."""
    wire = Wire([named(), httpx2.Response(status), httpx2.Response(200, content=b"text")])
    with pytest.raises(VendorUnreadable, match=str(status)):
        await Reads(connect(wire)).logs(7)
    assert len(wire.seen) == 2
