"""The profile `real`: what recordings and reports of the vendor show, about as often."""

from collections import Counter
from contextlib import suppress
from typing import Any

import httpx2

from tests.simulator.console import Console, console
from vast_mcp.simulator.world import Choices

RENTS = 60


def _object(answer: httpx2.Response) -> dict[str, Any]:
    """The answer's JSON object; empty for a page of a proxy."""
    try:
        found: dict[str, Any] = answer.json()
    except ValueError:
        return {}
    return found


async def _rented(vendor: Console, **more: object) -> int:
    """The id of the next rent that a market under faults lets through."""
    for _ in range(20):
        vendor.clock.move(60)
        found = _object(await vendor.call("POST", "bundles/", json={"limit": 5}))
        for offer in found.get("offers", [])[:1]:
            sent = {"image": "a/b:1", "disk": 10, "cancel_unavail": True, **more}
            with suppress(httpx2.TimeoutException):
                answer = _object(await vendor.call("PUT", f"asks/{offer['id']}/", json=sent))
                if answer.get("success"):
                    return int(answer["new_contract"])
    raise AssertionError("nothing could be rented")


async def test_rows_come_late_and_never_later_than_seen() -> None:
    """A machine is in no answer for up to 15 s after its create."""
    async with console(choices=Choices(rows_lag_s=15.0)) as vendor:
        late = 0
        for _ in range(8):
            number = await vendor.rent()
            late += (await vendor.get(f"instances/{number}/"))["instances"] is None
            listed = await vendor.get("/api/v1/instances/")
            assert (listed["total_instances"] == len(listed["instances"])) is True
            vendor.clock.move(15)
            assert (await vendor.get(f"instances/{number}/"))["instances"]["id"] == number
            await vendor.call("DELETE", f"instances/{number}/", json={})
        assert late >= 6


async def test_the_gpu_of_a_stopped_machine_is_taken_for_a_while() -> None:
    """A start then waits, and comes up by itself once the other one has left."""
    async with console(choices=Choices(gpu_taken_share=1.0)) as vendor:
        number = await vendor.running()
        await vendor.call("PUT", f"instances/{number}/", json={"state": "stopped"})
        vendor.clock.move(60)
        await vendor.call("PUT", f"instances/{number}/", json={"state": "running"})
        vendor.clock.move(60)
        shown = await vendor.show(number)
        assert (shown["actual_status"], shown["intended_status"]) == ("exited", "running")
        vendor.clock.move(6000)
        assert (await vendor.show(number))["actual_status"] == "running"


async def test_a_log_can_be_read_by_its_signed_address_alone() -> None:
    """The plain address answers 403 for good, the signed one the text."""
    async with console(choices=Choices(unsigned_refused_share=1.0)) as vendor:
        number = await vendor.running()
        told = (await vendor.call("PUT", f"instances/request_logs/{number}/", json={})).json()
        for _ in range(4):
            plain = await vendor.http.get(told["result_url"])
            signed = await vendor.http.get(told["temp_download_url"])
        assert (plain.status_code, signed.status_code) == (403, 200)


async def test_five_requests_in_ten_seconds_are_all_that_it_takes() -> None:
    """The sixth is refused as recorded: body and headers say when to come back."""
    async with console(fault_profile="real", rate_limits=True) as vendor:
        paths = ("users/current", "ssh", "volumes", "endptjobs", "template", "workergroups")
        answers = [await vendor.call("GET", f"{path}/") for path in paths]
        refused = answers[-1]
    assert refused.status_code == 429
    assert refused.json()["error"] == "HTTPTooManyRequests"
    assert refused.headers["x-ratelimit-limit"] == "5.0"
    assert 1 <= int(refused.headers["retry-after"]) <= 10


async def test_what_befalls_many_rents_is_as_frequent_as_reported() -> None:
    """Most machines run; some never do, each for a reason that hosts were seen to give."""
    async with console(fault_profile="real", credit_usd=1e6) as vendor:
        ends = Counter[str]()
        for _ in range(RENTS):
            number = await _rented(vendor)
            vendor.clock.move(900)
            vendor.simulator.catch_up()
            contract = vendor.simulator.world.contract_ever(number)
            assert contract is not None
            ends[contract.stage] += 1
            with suppress(httpx2.TimeoutException):
                await vendor.call("DELETE", f"instances/{number}/", json={})
        struck = vendor.simulator.faults.struck
    assert 0.6 < ends["running"] / RENTS < 0.97
    assert struck["stuck_loading"] >= 3
    assert struck["offer_taken"] + struck["offer_raced"] >= 3
    assert struck["price_drift"] >= 3


async def test_the_default_stays_playable() -> None:
    """Without faults: no late rows, no taken GPUs, and every machine runs within ten minutes."""
    async with console() as vendor:
        assert vendor.simulator.world.choices == Choices()
        numbers = [await vendor.rent() for _ in range(6)]
        vendor.clock.move(600)
        stages = {(await vendor.show(number))["actual_status"] for number in numbers}
        assert stages == {"running"}
