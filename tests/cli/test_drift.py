"""`doctor --drift`: what differs is found, nothing is sent but reads, and no value is told."""

import json
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.recorded.replies import corpus
from tests.recorded_vendor.doors import InMemory, on_loopback
from tests.recorded_vendor.vendor import KEY, Answer, RecordedVendor
from tests.world import World
from vast_mcp.api.connection import network_transport
from vast_mcp.cli._tap import Tap
from vast_mcp.cli.drift import printed
from vast_mcp.clock import SystemClock
from vast_mcp.errors import KeyMissing, PermitMissing

OWNER = {
    "id": 148201, "username": "someone", "email": "a@example.com", "fullname": None,
    "email_verified": True, "created_at": 1728748803601, "credit": 104.502, "balance": 0,
    "balance_threshold": -0.01, "balance_threshold_enabled": True, "autobill_threshold": None,
    "autobill_amount": None, "total_spend": 0, "paid_verified": 0, "paid_expected": 0,
    "billed_verified": 0.0, "billed_expected": 0.0, "got_signup_credit": 0, "billing_creditonly": 1,
    "has_rented": 0, "can_pay": True, "has_billing": True, "has_payout": False, "host_only": False,
    "last4": None, "billaddress_line1": None, "billaddress_country": None, "paypal_email": None,
    "wise_email": None, "phone_number": None, "password_resettable": None, "rights": None,
    "tfa_status": None, "tfa_login": 0, "api_key": "made-up-key", "key_id": 9, "ssh_key": "made up",
    "crisp_hmac": "made-up-hmac", "sid": 1,
}  # fmt: skip
"""A whole account: the corpus has only what our client reads of it."""
RENT = {"disk": 10, "label": "mine", "image": "ubuntu:22.04", "onstart": "true", "env": {}}
WHOLE = ("charges", "templates", "volumes", "endpoints", "workergroups", "workers", "keys")


class Lasting(dict[str, Answer]):
    """Answers that are given every time."""

    def pop(self, key: str, *_: object) -> Answer:
        """Give it and keep it."""
        return self[key]


def whole_replies() -> Lasting:
    """Whole replies of what the vendor of these tests tells only as far as our client reads it."""
    found = {reply.name: reply for reply in corpus()}
    replies = [found[f"account/{name}"] for name in WHOLE]
    bodies = {reply.routes[0]: reply.body for reply in replies} | {"user": OWNER}
    return Lasting({route: Answer(200, body) for route, body in bodies.items()})


Change = Callable[[str, Any], Any]
"""Path and body of an answer to the body that is sent instead."""


class Changed(httpx2.AsyncBaseTransport):
    """Another transport's answers, changed on their way."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, change: Change) -> None:
        self._inner = inner
        self._change = change
        self.methods: list[tuple[str, str]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask, change, hand on."""
        self.methods.append((request.method, request.url.path))
        answer = await self._inner.handle_async_request(request)
        content = await answer.aread()
        if not content.startswith((b"{", b"[")):
            return httpx2.Response(answer.status_code, content=content)
        body = self._change(request.url.path, json.loads(content))
        return httpx2.Response(answer.status_code, json=body)


async def drift(
    tmp: Path, change: Change = lambda _, body: body, *, machines: int = 1
) -> tuple[int, str, Changed]:
    """The exit code and the report on the recorded vendor, and what was asked."""
    world = World(tmp, api_key=KEY)
    vendor = RecordedVendor(lambda: world.clock.utc_us() / 1e6, burst=None)
    for offer_id in list(vendor.market.offers)[:machines]:
        vendor.answer("PUT", f"/api/v0/asks/{offer_id}/", {}, KEY, RENT)
    world.clock.move(300)
    vendor.instead = whole_replies()
    transport = Changed(InMemory(vendor), change)
    told: list[str] = []
    code = await printed(world.settings, world.clock, transport, told.append)
    return code, "".join(told), transport


async def test_the_recorded_vendor_is_as_expected(tmp_path: Path) -> None:
    """On replies in the recorded shapes nothing that vast-mcp uses differs."""
    code, said, transport = await drift(tmp_path)
    assert "DIFFERS" not in said
    assert code == 0
    assert "by ask_contract_id: found, by id: nothing" in said
    assert {"offers", "instances"} <= {
        line.split()[1] for line in said.splitlines() if line[:4] == "fits"
    }
    assert all(
        method in {"GET", "POST"} or "request_logs" in path for method, path in transport.methods
    )


def _gb_for_mb(path: str, body: Any) -> Any:  # noqa: ANN401  JSON
    if path.endswith("/bundles/"):
        body["offers"] = [row | {"gpu_ram": 24} for row in body["offers"]]
    return body


def _prices_as_text(path: str, body: Any) -> Any:  # noqa: ANN401  JSON
    if path.endswith("/bundles/"):
        body["offers"] = [row | {"dph_total": str(row["dph_total"])} for row in body["offers"]]
    return body


def _no_total(path: str, body: Any) -> Any:  # noqa: ANN401  JSON
    if path == "/api/v1/instances/":
        body["instances"] = [
            {k: v for k, v in row.items() if k != "dph_total"} for row in body["instances"]
        ]
    return body


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(_gb_for_mb, "! offers[].gpu_ram: out of range, about 10^1", id="unit"),
        pytest.param(_prices_as_text, "! offers[].dph_total: wrong type, text", id="type"),
        pytest.param(_no_total, "! instances[].dph_total: missing", id="missing"),
    ],
)
async def test_a_change_in_what_is_decoded_is_found(
    tmp_path: Path, change: Change, told: str
) -> None:
    """Exit 1, the field by its path, and what was found instead."""
    code, said, _ = await drift(tmp_path, change)
    assert (code, told in said) == (1, True), said


async def test_a_new_field_is_a_note_and_no_alarm(tmp_path: Path) -> None:
    """The vendor adds fields every month; that alone breaks nothing."""

    def more(path: str, body: Any) -> Any:  # noqa: ANN401  JSON
        return body | {"carbon": 0.2} if path.endswith("/users/current") else body

    code, said, _ = await drift(tmp_path, more)
    assert code == 0
    assert "carbon: new field, number" in said


async def test_a_report_holds_nothing_that_is_somebodys(tmp_path: Path) -> None:
    """Ids, labels, keys, addresses, credit: none of it, also where everything differs."""
    held: set[str] = set()

    def spoil(_: str, body: Any) -> Any:  # noqa: ANN401  JSON
        held.update(_values(body))
        return _spoiled(body)

    _, said, _ = await drift(tmp_path, spoil)
    body = said.partition("\n\n")[2]
    assert len(held) > 100
    assert {value for value in held if value in body} == set()
    assert KEY not in said


def _values(body: Any) -> set[str]:  # noqa: ANN401  JSON
    """Texts and numbers long enough not to stand in a report by chance."""
    if isinstance(body, dict):
        return {value for inner in body.values() for value in _values(inner)}
    if isinstance(body, list):
        return {value for inner in body for value in _values(inner)}
    words = {
        "unverified", "verified", "instance", "stopped", "running", "loading", "exited", "download",
        "jupyter",
    }  # fmt: skip
    text = "" if isinstance(body, bool) or body is None else str(body)
    return {text} if len(text) >= 6 and text not in words else set()


def _spoiled(body: Any) -> Any:  # noqa: ANN401  JSON
    """Every number as a text and every text as a number, containers kept."""
    if isinstance(body, dict):
        return {name: _spoiled(inner) for name, inner in body.items()}
    if isinstance(body, list):
        return [_spoiled(inner) for inner in body]
    if isinstance(body, str):
        return 7
    return body if body is None or isinstance(body, bool) else str(body)


async def test_drift_lets_no_write_through(tmp_path: Path) -> None:
    """The way out itself refuses, whoever asks: also a destroy of a machine that is none."""
    world = World(tmp_path)
    bases = (world.settings.api_base, world.settings.serverless_base)
    tap = Tap(world.transport, bases, reads_only=True)
    async with httpx2.AsyncClient(transport=tap, base_url=world.settings.api_base) as client:
        for method, path, body in (
            ("DELETE", "/api/v0/instances/999999999999/", {}),
            ("PUT", "/api/v0/asks/7/", {}),
            ("PUT", "/api/v0/instances/7/", {"state": "stopped"}),
            ("PUT", "/api/v0/instances/command/7/", {"command": "rm -rf /root"}),
            ("POST", "/api/v0/endptjobs/", {}),
            ("POST", "/api/v0/unheard-of/", {}),
        ):
            with pytest.raises(PermitMissing):
                await client.request(method, path, json=body)
    assert not world.simulator.requests


async def test_a_refused_key_is_told_and_ends_the_report(tmp_path: Path) -> None:
    """Exit 4: nothing was learned about the vendor."""
    world = World(tmp_path, api_key="some-wrong-key")
    told: list[str] = []
    code = await printed(world.settings, world.clock, world.transport, told.append)
    assert code == 4
    assert "was refused with 404 (Unauthorized)" in "".join(told)
    with pytest.raises(KeyMissing):
        await printed(
            replace(world.settings, api_key=""), world.clock, world.transport, told.append
        )


async def test_the_command_reads_a_vendor_on_a_port_and_prints_the_report(tmp_path: Path) -> None:
    """The whole way: a process, its environment, HTTP on loopback, the report on stdout."""
    clock = SystemClock()
    vendor = RecordedVendor(lambda: clock.utc_us() / 1e6, pace=0.05, burst=None)
    vendor.instead = whole_replies()
    with on_loopback(vendor) as address:
        environ = {
            "HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "VAST_URL": address,
            "VAST_API_KEY": KEY,
        }
        process = await create_subprocess_exec(
            sys.executable, "-m", "vast_mcp", "doctor", "--drift",
            env=environ, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
    assert process.returncode == 0, out.decode() + err.decode()
    assert out.decode().startswith("vast-mcp ")
    assert "0 subject(s) differ" in out.decode()
    assert vendor.done == []
    assert KEY not in out.decode()


RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
RECORDED_READS = {
    "user": "user",
    "offers": "offers_on_demand",
    "instance": "instance_stopped_v0",
    "templates": "templates",
    "ssh_keys": "ssh_keys",
    "charges": "charges",
    "endpoints": "docs_GET__api_v0_endptjobs_200_schema",
    "workergroups": "docs_GET__api_v0_workergroups_200_schema",
    "workers": "docs_POST__get_endpoint_workers_200_schema",
    "inbox": "notify_inbox",
}


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded replies are not in the repository")
async def test_the_recorded_replies_over_http_differ_nowhere_that_matters(tmp_path: Path) -> None:
    """Every reading on the replies themselves, from a port of this machine."""
    world = World(tmp_path, api_key=KEY)
    vendor = RecordedVendor(lambda: world.clock.utc_us() / 1e6, burst=None)
    bodies = {
        route: json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["body"]
        for route, name in RECORDED_READS.items()
    }
    row = bodies["instance"]["instances"]
    bodies["list"] = {
        "success": True, "instances": [row], "instances_found": 1, "total_instances": 1,
        "next_token": None,
    }  # fmt: skip
    vendor.instead = Lasting({route: Answer(200, body) for route, body in bodies.items()})
    told: list[str] = []
    with on_loopback(vendor) as address:
        settings = replace(world.settings, api_base=address, serverless_base=address)
        await printed(settings, world.clock, network_transport(), told.append)
    said = "".join(told)
    assert "  ! " not in said
    assert [line for line in told if "was unusable" in line] == []
    fields = int(said.rstrip().splitlines()[-1].split()[0])
    assert fields > 400
