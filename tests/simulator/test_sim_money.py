"""Money on the simulated account.

See docs/vendor-api.md#billing, docs/vendor-api.md#creating-an-instance.
"""

import json

import pytest

from tests.simulator.console import Console, console

HOUR = 3600


async def _spent(vendor: Console, instance_id: int) -> dict[str, float]:
    vendor.simulator.catch_up()
    return vendor.simulator.books.spent_by(instance_id)


async def test_the_account_begins_with_a_hundred_dollars() -> None:
    """The balance starts at $100; it is shown as `credit`."""
    async with console() as vendor:
        user = await vendor.get("users/current")

        assert user["credit"] == 100.0
        assert user["api_key"] == "sim-key"


async def test_gpu_bills_only_while_running_and_disk_always_to_the_second() -> None:
    """GPU from `running`, storage from creation, month of 720 h."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        instance_id = await vendor.rent(offer, disk=72)
        contract = vendor.simulator.world.instances[instance_id]
        vendor.clock.move(600)
        vendor.simulator.catch_up()
        loaded_us = contract.running_since_us
        assert loaded_us is not None
        vendor.clock.move(2 * HOUR)

        spent = await _spent(vendor, instance_id)
        running_s = (vendor.clock.utc_us() - loaded_us) / 1e6
        disk = offer["storage_cost"] * 72 / 720 * (2 * HOUR + 600) / HOUR
        assert spent["gpu"] == pytest.approx(offer["dph_base"] * running_s / HOUR, abs=1e-8)
        assert spent["disk"] == pytest.approx(disk, abs=1e-6)


async def test_the_bill_does_not_depend_on_how_often_one_looks() -> None:
    """Billing is exact: a thousand requests or one give the same sum."""
    async with console() as often, console() as once:
        one, two = await often.rent(), await once.rent()
        for _ in range(1000):
            often.clock.move(7.3)
            often.simulator.catch_up()
        once.clock.move(7300)

        assert await _spent(often, one) == await _spent(once, two)


async def test_a_stopped_rental_costs_its_disk_and_an_offline_one_nothing() -> None:
    """Stopped is not free; offline is."""
    async with console() as vendor:
        instance_id = await vendor.running()
        await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "stopped"})
        vendor.clock.move(60)
        before = await _spent(vendor, instance_id)
        vendor.clock.move(10 * HOUR)
        after = await _spent(vendor, instance_id)
        vendor.simulator.take_offline(instance_id)
        vendor.clock.move(10 * HOUR)

        assert after["gpu"] == before["gpu"]
        assert after["disk"] > before["disk"]
        assert await _spent(vendor, instance_id) == after


async def test_destroy_ends_every_charge() -> None:
    """Only destroy ends storage charges (docs/vendor-api.md#traps)."""
    async with console() as vendor:
        instance_id = await vendor.running()
        await vendor.call("DELETE", f"instances/{instance_id}/", json={})
        before = await _spent(vendor, instance_id)
        vendor.clock.move(100 * HOUR)

        assert await _spent(vendor, instance_id) == before
        assert vendor.simulator.world.burn_usd_per_hour() == 0


async def test_an_empty_balance_stops_everything_at_that_instant() -> None:
    """Balance ≤ 0: everything stops, storage keeps accruing."""
    async with console(credit_usd=1.0) as vendor:
        instance_id = await vendor.running()
        vendor.clock.move(24 * HOUR)

        shown = await vendor.show(instance_id)
        assert (shown["actual_status"], shown["intended_status"]) == ("exited", "stopped")
        spent = await _spent(vendor, instance_id)
        assert spent["gpu"] < 1.0
        assert -0.5 < (await vendor.get("users/current"))["credit"] < 0
        refused = await vendor.call("PUT", f"instances/{instance_id}/", json={"state": "running"})
        assert refused.status_code == 400


async def test_traffic_is_billed_by_the_byte() -> None:
    """Bandwidth in any state, $/GB of the host."""
    async with console() as vendor:
        instance_id = await vendor.running()
        shown = await vendor.show(instance_id)
        before = (await _spent(vendor, instance_id))["traffic"]
        vendor.simulator.use_traffic(instance_id, up_gb=10)

        after = (await _spent(vendor, instance_id))["traffic"]
        assert after - before == pytest.approx(10 * shown["inet_up_cost"])


async def test_charges_need_both_ends_of_the_day() -> None:
    """The vendor's 400 text."""
    async with console() as vendor:
        response = await vendor.call("GET", "charges/")

        assert response.status_code == 400
        assert response.json()["msg"].startswith("Must provide both 'day' gte and lte filters")


async def test_charges_list_each_contract_with_items_that_add_up_to_the_books() -> None:
    """Rows per contract, items gpu, disk, bwd, bwu."""
    async with console() as vendor:
        start = vendor.clock.utc_us() / 1e6
        instance_id = await vendor.running(label="a")
        vendor.simulator.add_foreign_instance(label="theirs")
        vendor.simulator.use_traffic(instance_id, up_gb=5, down_gb=5)
        vendor.clock.move(5 * HOUR)
        window = json.dumps({"day": {"gte": start, "lte": start + 86400}})
        answer = await vendor.get("charges/", params={"select_filters": window, "limit": "1"})

        assert (answer["count"], answer["total"]) == (1, 2)
        rest = await vendor.get(
            "charges/", params={"select_filters": window, "after_token": answer["next_token"]}
        )
        row = next(r for r in rest["results"] + answer["results"] if r["metadata"]["label"] == "a")
        assert row["source"] == f"instance-{instance_id}"
        spent = await _spent(vendor, instance_id)
        sums = {item["type"]: item["amount"] for item in row["items"]}
        assert sums["gpu"] == pytest.approx(spent["gpu"])
        assert sums["disk"] == pytest.approx(spent["disk"])
        assert row["amount"] == pytest.approx(spent["total"], abs=0.001)


async def test_charges_keep_to_their_window() -> None:
    """A day's charges are that day's."""
    async with console() as vendor:
        start = vendor.clock.utc_us() / 1e6
        shown = await vendor.show(await vendor.running())
        vendor.clock.move(48 * HOUR)
        amounts = []
        for day in (0, 1, 5):
            window = {"day": {"gte": start + day * 86400, "lte": start + (day + 1) * 86400}}
            answer = await vendor.get("charges/", params={"select_filters": json.dumps(window)})
            amounts.append(sum(row["amount"] for row in answer["results"]))

        assert amounts[0] > 0
        assert amounts[1] == pytest.approx(24 * shown["dph_total"], abs=0.001)
        assert amounts[2] == 0


async def test_volumes_bill_until_deleted_and_cannot_go_while_used() -> None:
    """Rent, list, delete; a volume in use is kept (docs/vendor-api.md#volumes)."""
    async with console() as vendor:
        found = (await vendor.call("POST", "volumes/search/", json={"limit": 1})).json()["offers"][
            0
        ]
        rented = await vendor.call("PUT", "volumes/", json={"id": found["id"], "size": 100})
        name = rented.json()["volume_name"]
        volume = (await vendor.get("volumes?owner=me&type=all_volume"))["volumes"][0]
        instance_id = await vendor.rent(env={f"-v {name}:/data": "1"})
        used = await vendor.call("DELETE", f"volumes/?id={volume['id']}", json={})
        await vendor.call("DELETE", f"instances/{instance_id}/", json={})
        vendor.clock.move(720 * HOUR)
        gone = await vendor.call("DELETE", f"volumes/?id={volume['id']}", json={})
        again = await vendor.call("DELETE", f"volumes/?id={volume['id']}", json={})

        assert name == f"V.{volume['id']}"
        assert used.status_code == 400
        assert gone.json()["success"] is True
        assert again.json()["error"] == "no_such_volume"
        paid = vendor.simulator.books.accounts[f"volume-{volume['id']}"].total_nano() / 1e9
        assert paid == pytest.approx(100 * found["storage_cost"])
