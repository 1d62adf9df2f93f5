"""What the account tools say about money, on the simulator's books.

See docs/design.md#key-and-account, docs/design.md#levels, docs/design.md#tools.
"""

from pathlib import Path

import httpx2
import pytest
from mcp import Client

from tests.database import break_ledgers
from tests.world import Json, Mode, ToolFailed, World
from vast_mcp.units import Usd


async def endpoint_with_a_worker(world: World, client: Client) -> int:
    """An endpoint of ours whose one warm worker bills."""
    made = await world.call(
        client,
        "create_endpoint",
        endpoint_name="chat",
        max_usd_per_worker_hour=0.5,
        max_workers=2,
        cold_workers=1,
    )
    async with world.runtime() as runtime:
        template = (await runtime.session.account.reads.templates(limit=1))[0]
    await world.call(
        client,
        "create_workergroup",
        endpoint_name="chat",
        template_hash=template.hash_id,
    )
    world.run_until_ready()
    return int(made["endpoint_id"])


async def rent_volume(world: World) -> None:
    """A volume that the account's owner rented elsewhere."""
    async with httpx2.AsyncClient(
        transport=world.transport,
        base_url="https://console.vast.ai/api/v0",
        headers={"Authorization": f"Bearer {world.api_key}"},
    ) as vendor:
        found = (await vendor.post("/volumes/search/", json={"limit": 1})).json()["offers"][0]
        rented = await vendor.put("/volumes/", json={"id": found["id"], "size": 100})
    assert rented.status_code == 200


def sums(answer: Json) -> float:
    """All groups together."""
    return float(sum(row["usd"] for row in answer["charged"]))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_idle_account_shows_its_credit_and_no_burn(tmp_path: Path, mode: Mode) -> None:
    """Balance, burn rate; runway only while something bills."""
    world = World(tmp_path, credit_usd=42.0)
    async with world.connect(mode) as client:
        answer = await world.call(client, "show_account")
    assert answer["credit_usd"] == 42.0
    assert answer["usd_per_hour_now"] == 0
    assert answer["bills_now"] == []
    assert answer["tonight"] == []
    assert "runway_hours" not in answer
    assert answer["max_usd_per_day"] == 25.0


async def test_a_running_machine_is_the_burn_rate_and_ends_tonight(tmp_path: Path) -> None:
    """What bills now and why, and `tonight`: what ends when."""
    world = World(tmp_path)
    offer = await world.cheap_offer()
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, lease_hours=5)
        world.run_until_ready()
        answer = await world.call(client, "show_account")
    (row,) = answer["bills_now"]
    assert row["instance_id"] == instance_id
    assert row["bills"] == "gpu+disk"
    assert row["made_by"] == "us"
    assert answer["usd_per_hour_now"] == pytest.approx(offer.usd_per_hour.dollars, abs=0.02)
    assert answer["usd_per_day_now"] == pytest.approx(answer["usd_per_hour_now"] * 24, abs=0.01)
    assert answer["runway_hours"] > 24
    assert f"instance {instance_id} ends: stopped; its disk is billed at" in answer["tonight"][0]
    assert answer["tonight"][0].startswith(row["lease_ends"])
    assert 0 < answer["spent_today_usd"] < answer["reserved_usd"]


async def test_a_machine_to_be_destroyed_is_said_to_lose_its_disk(tmp_path: Path) -> None:
    """What happens at the lease's end is told, not guessed (docs/design.md#leases)."""
    world = World(tmp_path, policy="[no_question]\nhours = 2\n")
    async with world.connect() as client:
        await world.rent(client, on_end="destroy")
        answer = await world.call(client, "show_account")
    assert len(world.questions) == 1
    assert "destroyed with its disk" in answer["tonight"][0]


async def test_without_a_yes_a_machine_is_only_stopped_and_that_is_said(tmp_path: Path) -> None:
    """A rent that the policy allowed covers no destroy; its disk goes on billing."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client, on_end="destroy")
        answer = await world.call(client, "show_account")
    assert world.questions == []
    assert "ends: stopped; its disk is billed at" in answer["tonight"][0]


async def test_a_volume_bills_without_a_lease_and_is_said_so(tmp_path: Path) -> None:
    """Volumes count too, and what nobody ends is named."""
    world = World(tmp_path)
    await rent_volume(world)
    async with world.connect() as client:
        answer = await world.call(client, "show_account")
    (row,) = answer["bills_now"]
    assert "volume_id" in row
    assert row["made_by"] == "others"
    assert "has no lease" in answer["tonight"][0]


async def test_a_stopped_machine_is_said_to_go_on_costing_its_disk(tmp_path: Path) -> None:
    """Why it bills; a stop does not end all cost."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)
        answer = await world.call(client, "show_account")
    assert answer["bills_now"][0]["bills"] == "disk"
    assert f"instance {instance_id} is stopped: its disk is billed" in answer["tonight"][0]


async def test_others_machines_count_and_are_named_as_theirs(tmp_path: Path) -> None:
    """What we did not make is reported, and has no lease (docs/design.md#leases)."""
    world = World(tmp_path)
    instance_id = world.simulator.add_foreign_instance(label="\x1b[31mtheirs")
    async with world.connect() as client:
        answer = await world.call(client, "show_account")
    (row,) = answer["bills_now"]
    assert row["made_by"] == "others"
    assert row["untrusted_label"] == "theirs"
    assert answer["usd_per_hour_now"] > 0
    assert f"instance {instance_id} has no lease" in answer["tonight"][0]


async def test_an_endpoint_bills_by_its_workers_at_the_approved_price(tmp_path: Path) -> None:
    """Endpoints bill too; their workers are priced at their ceiling."""
    world = World(tmp_path)
    async with world.connect() as client:
        endpoint_id = await endpoint_with_a_worker(world, client)
        answer = await world.call(client, "show_account")
    (row,) = answer["bills_now"]
    assert row["endpoint_id"] == endpoint_id
    assert row["usd_per_hour_now"] == 0.5
    assert row["untrusted_label"] == "chat"
    assert answer["usd_per_hour_now"] == 0.5


async def test_a_short_runway_is_a_warning(tmp_path: Path) -> None:
    """At zero the vendor stops everything and later deletes disks (docs/vendor-api.md#billing)."""
    world = World(tmp_path, credit_usd=3.0)
    async with world.connect() as client:
        offer = await world.dear_offer(above_usd=0.3, below_usd=0.9)
        await world.rent(client, offer, lease_hours=1)
        world.run_until_ready()
        answer = await world.call(client, "show_account")
    assert answer["runway_hours"] < 24
    assert "credit lasts" in answer["warnings"][0]


@pytest.mark.parametrize("tool", ["show_account", "show_charges", "show_endpoints"])
async def test_without_a_key_the_answer_is_how_to_get_one(tmp_path: Path, tool: str) -> None:
    """Without a key `serve` starts, and tools say what is missing."""
    world = World(tmp_path, api_key="")
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="VAST_API_KEY"):
            await world.call(client, tool)


@pytest.mark.parametrize("group_by", ["instance", "day", "kind"])
@pytest.mark.parametrize("period", ["day", "week", "month"])
async def test_every_grouping_sums_to_what_the_vendor_charged(
    tmp_path: Path, period: str, group_by: str
) -> None:
    """The groups are parts of one total."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client)
        world.run_until_ready(7200)
        answer = await world.call(client, "show_charges", period=period, group_by=group_by)
    assert answer["total_usd"] > 0
    assert sums(answer) == pytest.approx(answer["total_usd"], abs=0.002)


async def test_charges_name_the_instance_and_split_it_by_kind(tmp_path: Path) -> None:
    """A row per contract, the dearest first (docs/vendor-api.md#billing)."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.run_until_ready(7200)
        answer = await world.call(client, "show_charges", period="day")
    (row,) = answer["charged"]
    assert row["group"] == f"instance-{instance_id}"
    assert "warnings" not in answer
    assert row["gpu_usd"] > 0
    assert row["disk_usd"] > 0


@pytest.mark.parametrize("period", ["week", "month"])
async def test_charges_of_several_days_stand_under_their_days(tmp_path: Path, period: str) -> None:
    """A contract of 30 hours is charged on two UTC days."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client, lease_hours=24)
        world.run_until_ready(30 * 3600)
        answer = await world.call(client, "show_charges", period=period, group_by="day")
    days = [row["group"] for row in answer["charged"]]
    assert len(days) == 2
    assert days == sorted(days)


@pytest.mark.parametrize(
    ("period", "group_by"), [("week", "day"), ("week", "instance"), ("month", "kind")]
)
async def test_a_row_that_reaches_beyond_its_window_counts_once(
    tmp_path: Path, period: str, group_by: str
) -> None:
    """Whether rows are cut to the window is not known: the sum is the same both ways."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client, lease_hours=24)
        world.run_until_ready(30 * 3600)
        world.simulator.show_whole_charges()
        answer = await world.call(client, "show_charges", period=period, group_by=group_by)
        counted = (await world.call(client, "show_account"))["spent_month_usd"]
    spent = world.simulator.books.spent_usd
    assert answer["total_usd"] == pytest.approx(spent, abs=0.01)
    assert sum(row["usd"] for row in answer["charged"]) == pytest.approx(spent, abs=0.01)
    assert spent - 0.01 <= counted <= spent * 1.1


async def test_what_the_vendor_charged_corrects_the_own_meter(tmp_path: Path) -> None:
    """Spent = own meter, corrected by the vendor's charges (docs/design.md#money)."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
        async with world.runtime() as runtime:
            day = (await world.call(client, "show_charges", period="day"))["from"][:10]
            await runtime.session.guard.record_charges(
                {(f"instance-{instance_id}", day): Usd.of(9)}
            )
        answer = await world.call(client, "show_account")
    assert answer["spent_today_usd"] > 8


async def test_charges_are_recorded_day_by_day(tmp_path: Path) -> None:
    """Only a window of one day can correct that day; a month's sum corrects none."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client, lease_hours=24)
        world.run_until_ready(30 * 3600)
        before = (await world.call(client, "show_account"))["spent_month_usd"]
        await world.call(client, "show_charges", period="month", group_by="kind")
        after = (await world.call(client, "show_account"))["spent_month_usd"]
    assert after == pytest.approx(before, rel=0.1)


async def test_charges_that_the_books_cannot_take_are_told_all_the_same(tmp_path: Path) -> None:
    """What was charged is read from the vendor; that the caps do not know it is said."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client)
        world.run_until_ready(7200)
    break_ledgers(tmp_path / "state")
    async with world.connect() as client:
        answer = await world.call(client, "show_charges", period="day")
    assert answer["total_usd"] > 0
    assert "These charges are not in the ledger: " in answer["warnings"][0]


async def test_a_wrong_period_is_refused_in_one_line(tmp_path: Path) -> None:
    """Argument errors are one line, without library URLs (docs/design.md#answers)."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, "show_charges", period="year")
    assert "\n" not in str(failed.value)
    assert "http" not in str(failed.value)
    assert "period" in str(failed.value)


async def test_show_policy_names_what_is_not_built_in_and_where_it_stands(tmp_path: Path) -> None:
    """Limits in force, with their origin."""
    world = World(
        tmp_path, policy='[limits]\nmax_running = 2\n[levels]\nstop_instance = "person"\n'
    )
    async with world.connect() as client:
        answer = await world.call(client, "show_policy")
    assert answer["limits"]["limits.max_running"] == "2"
    assert answer["limits"]["levels.stop_instance"] == "person"
    assert str(world.policy_path) in answer["set_by"]["limits.max_running"]
    assert "limits.max_usd_per_hour" not in answer["set_by"]
    assert answer["pending"] == []


async def test_show_policy_says_that_the_file_is_broken(tmp_path: Path) -> None:
    """A broken policy file leaves reading open, and is named (docs/design.md#layers)."""
    world = World(tmp_path, policy="[limits\n")
    async with world.connect() as client:
        assert (await world.call(client, "show_policy"))["broken"]


async def test_a_plan_that_waits_is_listed_until_it_is_carried_out(tmp_path: Path) -> None:
    """`show_policy` with pending plans; `confirm_plan` redeems."""
    world = World(tmp_path)
    async with world.connect(answer=None) as client:
        instance_id = await world.rent(client)
        asked = await world.call(client, "stop_instance", instance_id=instance_id)
        (plan,) = (await world.call(client, "show_policy"))["pending"]
        assert plan["plan_id"] == asked["plan_id"]
        assert plan["tool"] == "stop_instance"
        assert plan["needs"] == "a yes"
        await world.call(client, "confirm_plan", plan_id=plan["plan_id"])
        assert (await world.call(client, "show_policy"))["pending"] == []


async def test_the_answers_are_lean(tmp_path: Path) -> None:
    """At most 2,000 tokens by default; an instance at most 120 (docs/design.md#answers)."""
    world = World(tmp_path)
    async with world.connect() as client:
        for number in range(3):
            await world.rent(client, request_key=str(number))
        world.run_until_ready()
        account = await client.call_tool("show_account", {})
        policy = await client.call_tool("show_policy", {})
    for answer in (account, policy):
        assert len(getattr(answer.content[0], "text", "")) / 4 <= 600
