"""Every limit against every act that spends, through the real tools.

A limit that is broken refuses with its own name and sends nothing; one that is just kept does not
stand in the way. Machines that are there already meet the limits as they are now, not as they were
when they were rented.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.tools.test_serverless import made, template_hash
from tests.world import Json, ToolFailed, World
from vast_mcp.actions import (
    ChangeBid,
    CreateEndpoint,
    CreateInstance,
    ExtendLease,
    StartInstance,
    UpdateEndpoint,
)
from vast_mcp.guard.act import Act, Caller
from vast_mcp.models import Offer
from vast_mcp.policy import Deny

BASE = "[limits]\nverified_only = false\n"
MONEY: Mapping[str, tuple[str, str]] = {
    "limits.max_usd_per_hour": ("max_usd_per_hour = 0.01", "max_usd_per_hour = 2.9"),
    "limits.max_total_usd_per_hour": (
        "max_total_usd_per_hour = 0.001", "max_total_usd_per_hour = 5.9",
    ),
    "limits.max_running": ("max_running = 0", "max_running = 3"),
    "limits.max_usd_per_rental": ("max_usd_per_rental = 0.01", "max_usd_per_rental = 49.0"),
    "limits.max_lease_hours": ("max_lease_hours = 0.5", "max_lease_hours = 100.0"),
    "limits.max_usd_per_day": ("max_usd_per_day = 0.01", "max_usd_per_day = 24.0"),
    "limits.max_usd_per_month": ("max_usd_per_month = 0.01", "max_usd_per_month = 199.0"),
    "limits.min_credit_usd": ("min_credit_usd = 1000.0", "min_credit_usd = 2.0"),
    "limits.max_account_usd_per_hour": (
        "max_account_usd_per_hour = 0.001", "max_account_usd_per_hour = 9.0",
    ),
}  # fmt: skip
"""By rule: a line that breaks it and one that keeps it."""


def kinds(offer: Offer) -> dict[str, tuple[str, str]]:
    """The limits on what kind of machine it is, around this offer: another one, and its own."""
    limits = {
        "limits.max_disk_gb": ("max_disk_gb = 7.0", "max_disk_gb = 50.0"),
        "limits.max_usd_per_gb": ("max_usd_per_gb = 0.000001", "max_usd_per_gb = 0.05"),
        "limits.verified_only": ("verified_only = true", "verified_only = false"),
        "allow.gpu_names": ('gpu_names = ["H100 NVL"]', f'gpu_names = ["{offer.gpu_name}"]'),
        "allow.images": ('images = ["nobody/*"]', 'images = ["docker.io/vastai/*"]'),
        "allow.countries": ('countries = ["AQ"]', f'countries = ["{offer.country}"]'),
        "allow.datacenter_only": ("datacenter_only = true", "datacenter_only = false"),
        "allow.max_gpus": ("max_gpus = 0", f"max_gpus = {offer.num_gpus}"),
    }
    return {**MONEY, **limits, "budget.lora": ("max_cost_usd = 0.01", "max_cost_usd = 49.0")}


def policy(rule: str, line: str) -> str:
    """A file with this one line beside what all of these tests need."""
    table = "budget.lora" if rule.startswith("budget") else rule.partition(".")[0]
    base = "" if line.startswith("verified_only") else "verified_only = false\n"
    return f"[limits]\n{base}" + (f"{line}\n" if table == "limits" else f"[{table}]\n{line}\n")


async def odd_offer(world: World, rental: str = "on_demand") -> Offer:
    """An unverified host, in no datacenter, whose traffic costs something."""
    async with world.runtime() as runtime:
        found = await runtime.session.account.reads.search_offers(
            {"verified": {"eq": False}, "dph_total": {"lt": 0.9}},
            rental="interruptible" if rental == "interruptible" else "on_demand",
            disk_gb=50.0,
        )
    fit = [
        one
        for one in found.offers
        if not one.datacenter
        and one.max_hours > 30
        and 0.001 < max(one.upload_usd_per_gb, one.download_usd_per_gb) < 0.04
    ]
    return min(fit, key=lambda one: one.usd_per_hour)


async def holds(
    world: World,
    client: Client,
    tool: str,
    arguments: Json,
    act: Act,
    limits: Mapping[str, tuple[str, str]],
) -> None:
    """Each limit broken refuses with its name and sends nothing; kept, it does not deny."""
    for rule, (broken, kept) in limits.items():
        world.write_policy(policy(rule, broken))
        before, asked = len(world.simulator.mutations()), len(world.questions)
        with pytest.raises(ToolFailed) as refused:
            await world.call(client, tool, **arguments)
        assert rule in str(refused.value), (rule, str(refused.value))
        assert len(world.simulator.mutations()) == before, rule
        assert len(world.questions) == asked, rule
        world.write_policy(policy(rule, kept))
        async with world.runtime() as runtime:
            _, decision = await runtime.session.guard.preview(act, Caller())
        assert not isinstance(decision, Deny), (rule, decision)
    world.write_policy(BASE)


async def rented(world: World, client: Client, offer: Offer, **more: Any) -> int:  # noqa: ANN401
    """The odd offer, for the task "lora"."""
    instance_id = await world.rent(client, offer, lease_hours=2, task="lora", **more)
    world.run_until_ready()
    return instance_id


async def test_every_limit_binds_a_rent(tmp_path: Path) -> None:
    """What is new meets every limit."""
    world = World(tmp_path, policy=BASE)
    offer = await odd_offer(world)
    given: Json = {"offer_id": offer.offer_id, "lease_hours": 2.0, "task": "lora"}
    given["max_price_usd_per_hour"] = 1.0
    async with world.connect() as client:
        await holds(world, client, "create_instance", given, CreateInstance(**given), kinds(offer))


async def test_every_limit_binds_a_start(tmp_path: Path) -> None:
    """Limits may have changed since the rent: GPU, country, image, disk, traffic, price."""
    world = World(tmp_path, policy=BASE)
    offer = await odd_offer(world)
    async with world.connect() as client:
        instance_id = await rented(world, client, offer)
        await world.call(client, "stop_instance", instance_id=instance_id)
        world.run_until_ready(60)
        given: Json = {"instance_id": instance_id, "lease_hours": 2.0}
        await holds(
            world,
            client,
            "start_instance",
            given,
            StartInstance(**given),
            kinds(offer),
        )


async def test_every_limit_binds_an_extension(tmp_path: Path) -> None:
    """More hours on a machine that the person would not rent any more are refused."""
    world = World(tmp_path, policy=BASE)
    offer = await odd_offer(world)
    async with world.connect() as client:
        instance_id = await rented(world, client, offer)
        given: Json = {"instance_id": instance_id, "hours": 2.0}
        await holds(
            world,
            client,
            "extend_lease",
            given,
            ExtendLease(**given),
            kinds(offer),
        )


async def test_every_limit_binds_a_higher_bid(tmp_path: Path) -> None:
    """A higher bid spends more on the same machine."""
    world = World(tmp_path, policy=BASE)
    offer = await odd_offer(world, "interruptible")
    assert offer.min_bid is not None
    bid = round(offer.min_bid.dollars * 1.5 + 0.01, 3)
    async with world.connect() as client:
        instance_id = await rented(world, client, offer, bid_usd_per_hour=bid)
        given: Json = {"instance_id": instance_id, "bid_usd_per_hour": bid + 0.05}
        await holds(
            world,
            client,
            "change_bid",
            given,
            ChangeBid(**given),
            kinds(offer),
        )


async def test_every_limit_on_money_binds_an_endpoint_and_its_raise(tmp_path: Path) -> None:
    """Priced at its maximum; what kind of machine it rents is bound by its workergroup's search."""
    world = World(tmp_path, policy=BASE)
    given: Json = {"endpoint_name": "chat", "max_usd_per_worker_hour": 0.2, "lease_hours": 2.0}
    more: Json = {"endpoint_name": "chat", "max_workers": 2}
    async with world.connect() as client:
        await holds(world, client, "create_endpoint", given, CreateEndpoint(**given), MONEY)
        await made(world, client, max_usd_per_worker_hour=0.2, lease_hours=2)
        await holds(world, client, "update_endpoint", more, UpdateEndpoint(**more), MONEY)


async def test_a_workergroup_meets_image_disk_and_money(tmp_path: Path) -> None:
    """What its template runs and takes is decided with every limit; the search holds the rest."""
    world = World(tmp_path, policy=BASE)
    broken = {
        **{rule: lines[0] for rule, lines in MONEY.items()},
        "allow.images": 'images = ["nobody/*"]',
        "limits.max_disk_gb": "max_disk_gb = 1.0",
    }
    async with world.connect() as client:
        await made(world, client, max_usd_per_worker_hour=0.2, lease_hours=2)
        hash_id = await template_hash(world)
        for rule, line in broken.items():
            world.write_policy(policy(rule, line))
            before = len(world.simulator.mutations())
            with pytest.raises(ToolFailed) as refused:
                await world.call(
                    client, "create_workergroup", endpoint_name="chat", template_hash=hash_id
                )
            assert rule in str(refused.value), (rule, str(refused.value))
            assert len(world.simulator.mutations()) == before
        world.write_policy('[allow]\ncountries = ["EU"]\nmax_gpus = 1\n')
        answer = await world.call(
            client, "create_workergroup", endpoint_name="chat", template_hash=hash_id
        )
        assert answer["status"] == "created"


async def test_every_limit_binds_a_job(tmp_path: Path) -> None:
    """It picks its machine itself: under any broken limit it rents nothing and asks nobody."""
    world = World(tmp_path, policy=BASE, toolsets="all")
    offer = await odd_offer(world)
    given: Json = {"command": "true", "offer_id": offer.offer_id, "max_hours": 2.0, "task": "lora"}
    async with world.connect() as client:
        for rule, (broken, _) in kinds(offer).items():
            world.write_policy(policy(rule, broken))
            before = len(world.simulator.mutations())
            with pytest.raises(ToolFailed):
                await world.call(client, "run_job", **given)
            assert len(world.simulator.mutations()) == before, rule
            assert world.questions == [], rule
