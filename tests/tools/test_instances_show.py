"""Renting, showing, waiting and reading logs through a real client.

See docs/vendor-api.md#instances.
"""

import json
from pathlib import Path

import pytest

from tests.world import Json, Mode, ToolFailed, World


def tokens(value: object) -> float:
    """The project's measure: bytes of compact JSON over four."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()) / 4


async def shown(world: World, client: object, instance_id: int) -> Json:
    """The detailed row of one machine."""
    answer = await world.call(client, "show_instances", instance_id=instance_id)  # type: ignore[arg-type]  # the client
    row: Json = answer["instances"][0]
    return row


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_preview_decides_and_prices_and_does_nothing(tmp_path: Path, mode: Mode) -> None:
    """Nothing reserved, nothing sent, nobody asked (docs/design.md#tools)."""
    world = World(tmp_path)
    dear = await world.dear_offer()
    async with world.connect(mode) as client:
        cheap = (await world.call(client, "search_offers"))["offers"][0]
        allowed = await world.call(
            client, "create_instance", offer_id=cheap["offer_id"], preview=True
        )
        asked = await world.call(
            client,
            "create_instance",
            offer_id=dear.offer_id,
            max_price_usd_per_hour=3,
            preview=True,
        )
        refused = await world.call(
            client,
            "create_instance",
            offer_id=cheap["offer_id"],
            lease_hours=200,
            preview=True,
        )
    assert allowed["status"] == "preview"
    assert allowed["said"].startswith("Decision: allow")
    assert allowed["usd_per_hour"] == pytest.approx(cheap["usd_per_hour"], abs=0.0002)
    assert allowed["max_cost_usd"] > 4 * cheap["usd_per_hour"]
    assert asked["said"].startswith("Decision: ask")
    assert f"Offer {dear.offer_id}" in asked["said"]
    assert refused["said"].startswith("Decision: deny")
    assert "limits.max_lease_hours" in refused["said"]
    assert world.questions == []
    assert not world.simulator.mutations()
    async with world.runtime() as runtime:
        assert await runtime.session.account.ledger.read(lambda tx: tx.live_rentals()) == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"image": "a b"}, "image"),
        ({"env": {"-p 80:80": "1"}}, "env"),
        ({"ports": ["80:8080"]}, "ports"),
        ({"args": ["run"]}, "args"),
        ({"disk_gb": 4}, "disk_gb"),
        ({"secrets": ["HF_TOKEN"]}, "secrets"),
    ],
)
async def test_a_wrong_term_is_named_and_nothing_is_sent(
    tmp_path: Path, given: Json, named: str
) -> None:
    """Parameters whose machinery does not exist are not there either."""
    world = World(tmp_path)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=named):
            await world.call(client, "create_instance", offer_id=30_000_000, **given)
    assert not world.simulator.mutations()


async def test_a_rent_sends_its_ports_and_variables_and_shows_neither_value(tmp_path: Path) -> None:
    """Environment values go to the vendor and nowhere else."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(
            client, ports=["8080", "53/udp"], env={"MODE": "value-of-mode"}, label="web"
        )
        world.run_until_ready()
        row = await shown(world, client, instance_id)
    body = world.simulator.mutations()[0].json
    assert isinstance(body, dict)
    env = body["env"]
    assert isinstance(env, dict)
    assert env["-p 8080:8080"] == env["-p 53:53/udp"] == "1"
    assert env["MODE"] == "value-of-mode"
    assert "value-of-mode" not in json.dumps(row)
    assert row["untrusted_label"] == "web"


async def test_a_row_says_state_money_and_end_in_120_tokens(tmp_path: Path) -> None:
    """Five machines take at most 600 tokens (docs/design.md#answers)."""
    world = World(tmp_path, policy="[limits]\nmax_running = 8\nmax_usd_per_day = 90\n")
    async with world.connect() as client:
        for offer in (await world.offers())[:5]:
            await world.rent(client, offer, label=f"worker-{offer.offer_id}")
        world.run_until_ready()
        answer = await world.call(client, "show_instances")
    assert len(answer["instances"]) == 5
    assert tokens(answer) <= 600
    for row in answer["instances"]:
        assert tokens(row) <= 120
        assert row["made_by"] == "us"
        assert row["state"] in {"ready", "running_no_ssh"}
        assert row["bills"] == "gpu+disk"
        assert row["cost_so_far_usd"] > 0
        assert row["lease_ends"].endswith("Z")


async def test_detail_tells_how_it_is_reached(tmp_path: Path) -> None:
    """A direct ssh where a port is mapped, ports as addresses, the host's words as untrusted."""
    world = World(tmp_path)
    offer = next(one for one in await world.offers() if one.direct_ports > 4)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, ports=["8080"])
        early = await shown(world, client, instance_id)
        world.run_until_ready()
        row = await shown(world, client, instance_id)
    assert "ssh" not in early
    assert early["state"] == "starting"
    assert row["state"] == "ready"
    assert row["ssh"].startswith("ssh -p 2")
    assert "vast.ai" not in row["ssh"]
    assert row["ssh_config"].startswith(f"Host vast-{instance_id}\n")
    assert row["ports"][0].startswith("8080 -> http://")
    assert "success" in row["untrusted_status"]
    assert row["on_end"] == "stop"


async def test_a_host_without_open_ports_is_reached_through_the_proxy(tmp_path: Path) -> None:
    """Its mapping never comes; it is ready all the same."""
    world = World(tmp_path)
    offer = next(one for one in await world.offers() if one.direct_ports == 0)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer)
        world.run_until_ready()
        row = await shown(world, client, instance_id)
    assert row["state"] == "ready"
    assert "vast.ai" in row["ssh"]


async def test_a_strangers_machine_is_told_apart(tmp_path: Path) -> None:
    """Rented elsewhere: no lease, no end, and that is said."""
    world = World(tmp_path)
    other = world.simulator.add_foreign_instance(label="mine\x1b[31m\u202e too")
    async with world.connect() as client:
        mine = await world.rent(client, label="train-a")
        world.run_until_ready()
        every = await world.call(client, "show_instances")
        ready = await world.call(client, "show_instances", label="TRAIN")
        stopped = await world.call(client, "show_instances", state="stopped")
    rows = {row["instance_id"]: row for row in every["instances"]}
    assert rows[other]["made_by"] == "others"
    assert "no lease" in rows[other]["warnings"][0]
    assert "lease_ends" not in rows[other]
    assert rows[other]["untrusted_label"] == "mine too"
    assert [row["instance_id"] for row in ready["instances"]] == [mine]
    assert stopped["instances"] == []
    assert stopped["next"] == "No instance matches."


async def test_an_outbid_machine_names_the_bid_it_needs_and_a_stopped_one_does_not(
    tmp_path: Path,
) -> None:
    """The vendor shows both alike."""
    world = World(tmp_path)
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    bid = offer.min_bid.dollars * 1.2
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, bid_usd_per_hour=bid)
        world.run_until_ready()
        world.simulator.outbid(instance_id, floor_usd_per_hour=bid * 1.5)
        outbid = await shown(world, client, instance_id)
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
        await world.call(client, "stop_instance", instance_id=instance_id)
        stopped = await shown(world, client, instance_id)
    assert outbid["state"] == "outbid"
    assert outbid["needs_bid_usd_per_hour"] == pytest.approx(bid * 1.5, abs=0.001)
    assert waited["verdict"] == "dead"
    assert "change_bid" in waited["next"]
    assert stopped["state"] == "stopped"
    assert "needs_bid_usd_per_hour" not in stopped
    assert stopped["disk_usd_per_day"] > 0


async def test_an_end_in_sight_and_a_full_disk_are_warned_of(tmp_path: Path) -> None:
    """30 minutes before the lease ends; from 85 % of a disk that cannot grow."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1, disk_gb=10)
        world.run_until_ready(45 * 60)
        world.simulator.put_file(instance_id, "/workspace/big", 9_000_000_000)
        row = await shown(world, client, instance_id)
    assert any("lease ends in 14 min" in text for text in row["warnings"])
    assert any("disk" in text and "full" in text for text in row["warnings"])


async def test_a_rent_whose_answer_was_lost_stands_under_pending(tmp_path: Path) -> None:
    """Until it is found or proven absent, with what not to do."""
    world = World(tmp_path)
    world.simulator.faults.add("request_lost", "PUT", "/asks/")
    offer = await world.cheap_offer()
    async with world.connect() as client:
        answer = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1
        )
        found = await world.call(client, "show_instances")
    assert answer["status"] == "unknown"
    assert found["pending"][0]["intent"] == answer["intent"]
    assert found["pending"][0]["state"] == "unknown"
    assert "Do not rent again" in found["next"]


async def test_an_instance_that_is_gone_is_said_to_be_gone_with_its_cost(tmp_path: Path) -> None:
    """An error that tells the truth: there is nothing to show."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        await world.call(client, "destroy_instance", instance_id=instance_id)
        with pytest.raises(ToolFailed, match=r"no longer exists.*cost \$"):
            await shown(world, client, instance_id)
        with pytest.raises(ToolFailed, match="There is no instance 99999999"):
            await shown(world, client, 99_999_999)
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert waited["verdict"] == "dead"
    assert waited["state"] == "gone"


async def test_many_machines_are_cut_and_how_to_get_the_rest_is_said(tmp_path: Path) -> None:
    """An answer stays at about 2,000 tokens (docs/design.md#answers)."""
    world = World(tmp_path)
    for number in range(40):
        card = "RTX 4090" if number % 2 else "RTX 3090"
        world.simulator.add_foreign_instance(label=f"{number} " + "x" * 150, gpu_name=card)
    async with world.connect() as client:
        answer = await world.call(client, "show_instances")
    assert tokens(answer) <= 2_000
    assert len(answer["instances"]) < 40
    assert "more: filter by state, label or instance_id" in answer["next"]


async def test_a_list_that_cannot_be_read_is_an_error_not_an_empty_account(tmp_path: Path) -> None:
    """What cannot be read is never taken for nothing."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client)
        world.simulator.faults.add("html", "GET", "/instances", times=100)
        with pytest.raises(ToolFailed):
            await world.call(client, "show_instances")


async def test_a_list_that_lags_hides_no_machine_and_shows_no_dead_one(tmp_path: Path) -> None:
    """The vendor's list may be some seconds behind a rent and a destroy."""
    world = World(tmp_path)
    async with world.connect() as client:
        first = await world.rent(client)
        world.clock.move(300)
        world.simulator.set_list_lag(20)
        second = await world.rent(client, (await world.offers())[1])
        both = await world.call(client, "show_instances")
        await world.call(client, "destroy_instance", instance_id=first)
        left = await world.call(client, "show_instances")
    assert {row["instance_id"] for row in both["instances"]} == {first, second}
    assert [row["instance_id"] for row in left["instances"]] == [second]


async def test_without_books_the_label_tells_the_lease_and_that_is_said(tmp_path: Path) -> None:
    """A lost ledger leaves the mark in the label; costs are not guessed."""
    world = World(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client, label="train-a")
    for path in list((tmp_path / "state").glob("*.db*")):
        path.write_bytes(b"no database at all" * 100)
    async with world.connect() as client:
        answer = await world.call(client, "show_instances")
    row = answer["instances"][0]
    assert row["instance_id"] == instance_id
    assert row["made_by"] == "us"
    assert row["lease_ends"].endswith("Z")
    assert "cost_so_far_usd" not in row
    assert "ledger" in answer["warnings"][0]
