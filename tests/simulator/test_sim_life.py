"""The life of a machine.

See docs/design.md#simulator, docs/vendor-api.md#billing, docs/vendor-api.md#instance-operations,
docs/vendor-api.md#instances.
"""

import pytest

from tests.simulator.console import Console, console


async def _statuses(vendor: Console, instance_id: int, seconds: int) -> list[str | None]:
    """The distinct statuses in order, looked at every simulated second."""
    seen: list[str | None] = []
    for _ in range(seconds):
        status = (await vendor.show(instance_id))["actual_status"]
        if not seen or seen[-1] != status:
            seen.append(status)
        vendor.clock.move(1)
    return seen


async def test_a_rental_goes_from_null_over_created_and_loading_to_running() -> None:
    """The documented order of states; loading ends within ten simulated minutes."""
    async with console() as vendor:
        instance_id = await vendor.rent()

        assert await _statuses(vendor, instance_id, 600) == [None, "created", "loading", "running"]


async def test_every_machine_of_the_market_is_running_within_ten_minutes() -> None:
    """Loading ends within ten simulated minutes without faults (docs/design.md#simulator)."""
    async with console(credit_usd=1_000_000) as vendor:
        for offer in await vendor.offers():
            await vendor.rent(offer)
        vendor.clock.move(600)
        vendor.simulator.catch_up()

        stages = {contract.stage for contract in vendor.simulator.world.instances.values()}
        assert stages == {"running"}


async def test_ports_heartbeat_and_address_come_with_the_vendors_quirks() -> None:
    """No ports and no load for some seconds after it runs; a line end in one address of sixteen."""
    async with console() as vendor:
        instance_id = await vendor.rent(runtype="ssh_direc ssh_proxy", env={"-p 8000:8000": "1"})
        while (shown := await vendor.show(instance_id))["actual_status"] != "running":
            vendor.clock.move(1)

        assert shown["ports"] is None
        assert not shown["gpu_util"]
        assert shown["public_ipaddr"].endswith("\n") == (instance_id % 16 == 0)
        vendor.clock.move(15)
        later = await vendor.show(instance_id)
        assert set(later["ports"]) == {"22/tcp", "8000/tcp"}
        assert isinstance(later["ports"]["22/tcp"][0]["HostPort"], str)
        assert later["gpu_util"] is not None
        assert later["status_msg"].startswith("success, running vastai/pytorch:x/ssh")


async def test_stop_ends_in_exited_and_start_comes_back() -> None:
    """After a stop the container shows `exited`; both are asynchronous."""
    async with console() as vendor:
        instance_id = await vendor.running()
        await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "stopped"})
        shown = await vendor.show(instance_id)
        assert (shown["actual_status"], shown["intended_status"]) == ("running", "stopped")
        vendor.clock.move(10)
        shown = await vendor.show(instance_id)
        assert (shown["actual_status"], shown["cur_state"]) == ("exited", "stopped")
        assert shown["instance"]["gpuCostPerHour"] == 0

        await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "running"})
        assert await _statuses(vendor, instance_id, 60) == ["loading", "running"]


async def test_a_start_waits_while_somebody_else_has_the_gpu() -> None:
    """Scheduling: intended running, GPU taken."""
    async with console() as vendor:
        instance_id = await vendor.running()
        await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "stopped"})
        vendor.clock.move(10)
        vendor.simulator.take_gpu(instance_id)
        queued = await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "running"})
        assert (queued.status_code, queued.json()) == (
            200,
            {
                "success": False,
                "error": "resources_unavailable",
                "msg": "Required resources are currently unavailable, state change queued.",
            },
        )
        vendor.clock.move(3600)

        shown = await vendor.show(instance_id)
        assert (shown["actual_status"], shown["intended_status"]) == ("exited", "running")
        vendor.simulator.free_gpu(instance_id)
        vendor.clock.move(60)
        assert (await vendor.show(instance_id))["actual_status"] == "running"


@pytest.mark.parametrize(("verb", "word"), [("reboot", "rebooting"), ("recycle", "recycling")])
async def test_reboot_and_recycle_pass_through_their_own_status(verb: str, word: str) -> None:
    """Both keep the GPU and come back by themselves."""
    async with console() as vendor:
        instance_id = await vendor.running()
        await vendor.call("PUT", f"instances/{verb}/{instance_id}/", json={})

        seen = await _statuses(vendor, instance_id, 600)
        assert seen[0] == word
        assert seen[-1] == "running"


async def test_an_outbid_rental_stops_and_resumes_by_itself() -> None:
    """Cur = intended = next = stopped while outbid; it resumes when the bid wins."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        instance_id = await vendor.running(offer=offer, price=offer["min_bid"])
        vendor.simulator.outbid(instance_id)

        shown = await vendor.show(instance_id)
        states = (shown["cur_state"], shown["intended_status"], shown["next_state"])
        assert states == ("stopped", "stopped", "stopped")
        assert shown["min_bid"] > shown["dph_base"]
        await vendor.call(
            "PUT", f"instances/bid_price/{instance_id}/", json={"price": shown["min_bid"]}
        )
        vendor.clock.move(60)
        assert (await vendor.show(instance_id))["actual_status"] == "running"


async def test_a_bid_of_null_takes_the_winning_price() -> None:
    """The server picks the winning bid."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        instance_id = await vendor.running(offer=offer, price=offer["min_bid"])
        vendor.simulator.outbid(instance_id, 0.9)
        await vendor.call("PUT", f"instances/bid_price/{instance_id}/", json={"price": None})

        assert (await vendor.show(instance_id))["dph_base"] == 0.9


async def test_the_market_itself_outbids_low_bids_within_days() -> None:
    """Bids follow the market: outbid and back."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        instance_id = await vendor.running(offer=offer, price=offer["min_bid"])
        stages = set()
        for _ in range(60):
            vendor.clock.move(3600)
            vendor.simulator.catch_up()
            stages.add(vendor.simulator.world.instances[instance_id].stage)

        assert {"outbid", "running"} <= stages


async def test_an_on_demand_rental_has_no_bid_to_change() -> None:
    """On demand cannot become interruptible."""
    async with console() as vendor:
        instance_id = await vendor.rent()
        response = await vendor.call(
            "PUT", f"instances/bid_price/{instance_id}/", json={"price": 0.2}
        )

        assert response.status_code == 400


async def test_an_offline_host_shows_offline_and_comes_back() -> None:
    """Running → offline → running."""
    async with console() as vendor:
        instance_id = await vendor.running()
        vendor.simulator.take_offline(instance_id)
        assert (await vendor.show(instance_id))["actual_status"] == "offline"
        vendor.simulator.bring_back(instance_id)
        assert (await vendor.show(instance_id))["actual_status"] == "running"
        vendor.simulator.take_offline(instance_id, silent=True)
        assert (await vendor.show(instance_id))["actual_status"] == "unknown"


async def test_a_stop_while_offline_holds_when_the_host_returns() -> None:
    """The contract's wish outlives the silence of the host."""
    async with console() as vendor:
        instance_id = await vendor.running()
        vendor.simulator.take_offline(instance_id)
        await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "stopped"})
        vendor.simulator.bring_back(instance_id)

        assert (await vendor.show(instance_id))["actual_status"] == "exited"


@pytest.mark.parametrize(
    ("how", "status"), [("broken_image", "created"), ("failed", "exited"), ("stuck", None)]
)
async def test_a_doomed_rental_never_runs(how: str, status: str | None) -> None:
    """The failures of the waiting rules 2, 3 and 5."""
    async with console() as vendor:
        vendor.simulator.fail_next_creates(how)
        instance_id = await vendor.rent()
        seen = await _statuses(vendor, instance_id, 700)

        assert "running" not in seen
        assert seen[-1] == status
        if how == "broken_image":
            assert "OCI runtime create failed" in (await vendor.show(instance_id))["status_msg"]


async def test_a_destroyed_rental_is_null_and_a_second_destroy_a_404() -> None:
    """`no_such_instance` means already gone or never yours."""
    async with console() as vendor:
        instance_id = await vendor.running()
        first = await vendor.call("DELETE", f"instances/{instance_id}/", json={})
        second = await vendor.call("DELETE", f"instances/{instance_id}/", json={})

        assert first.json()["success"] is True
        assert (await vendor.get(f"instances/{instance_id}/"))["instances"] is None
        assert second.status_code == 404
        assert second.json()["error"] == "no_such_instance"


async def test_a_host_that_goes_away_takes_the_rental_with_it() -> None:
    """offline/unknown → gone."""
    async with console() as vendor:
        instance_id = await vendor.running()
        vendor.simulator.host_gone(instance_id)

        assert (await vendor.get(f"instances/{instance_id}/"))["instances"] is None


async def test_a_rental_ends_with_its_contract_and_cannot_be_started_again() -> None:
    """Expired contracts cannot restart."""
    async with console() as vendor:
        offer = await vendor.cheapest(duration={"lt": 86400})
        instance_id = await vendor.running(offer=offer)
        vendor.clock.move(offer["duration"])

        assert (await vendor.show(instance_id))["actual_status"] == "exited"
        response = await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "running"})
        assert response.status_code == 400


async def test_bulk_changes_answer_success_false_for_what_they_do_not_know() -> None:
    """A 200 with `success: false` is a normal failure form (docs/vendor-api.md#transport)."""
    async with console() as vendor:
        instance_id = await vendor.running()
        body = {"state": "stopped", "ids": [instance_id, 99]}
        response = await vendor.call("PUT", "instances/", json=body)

        assert (response.status_code, response.json()["success"]) == (200, False)
        assert (await vendor.show(instance_id))["intended_status"] == "stopped"
        gone = await vendor.call("DELETE", "instances/", json={"instance_ids": [instance_id]})
        assert gone.json()["success"] is True
        assert vendor.simulator.world.instances == {}


async def test_a_field_can_be_overridden_for_one_instance() -> None:
    """A test's lever: any shown field, without moving the life."""
    async with console() as vendor:
        instance_id = await vendor.running()
        vendor.simulator.set_status(instance_id, gpu_util=97.0)
        vendor.simulator.set_stage(instance_id, "frozen")

        shown = await vendor.show(instance_id)
        assert (shown["gpu_util"], shown["actual_status"]) == (97.0, "frozen")


async def test_a_stopped_machine_shows_zeros_and_no_ports() -> None:
    """As recorded 2026-09-05: zeros in place of nulls, 65535 and -1 where no ports were asked for.

    A machine that runs shows the same two beside its mapped SSH port, and a count of open ports.
    """
    async with console() as vendor:
        instance_id = await vendor.running(runtype="ssh_direc ssh_proxy")
        running = await vendor.show(instance_id)
        assert (running["direct_port_start"], running["direct_port_end"]) == (65_535, -1)
        assert running["direct_port_count"] > 0
        assert "22/tcp" in running["ports"]
        other = await vendor.running(runtype="ssh_direc ssh_proxy", env={"-p 80:80": "1"})
        running = await vendor.show(other)
        assert 0 < running["direct_port_start"] < running["direct_port_end"] < 65_535
        await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "stopped"})
        vendor.clock.move(60)
        shown = await vendor.show(instance_id)
    assert (shown["gpu_util"], shown["gpu_temp"], shown["uptime_mins"]) == (0.0, 0.0, None)
    assert (shown["direct_port_start"], shown["direct_port_end"]) == (65_535, -1)
    assert shown["ports"] is None
    assert shown["external"] is False
