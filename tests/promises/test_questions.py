"""How often a person is asked.

See docs/design.md#money, docs/hazards.md#questions.
"""

from pathlib import Path

from tests.world import World


async def test_rent_use_destroy_asks_once_where_it_can_ask(tmp_path: Path) -> None:
    """A median workflow has at most one prompt: the cheap rent needs none."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", limit=3)
        rented = await world.call(
            client, "create_instance", offer_id=found["offers"][0]["offer_id"]
        )
        world.run_until_ready()
        await world.call(client, "wait_for_instance", instance_id=rented["instance_id"])
        await world.call(client, "show_logs", instance_id=rented["instance_id"])
        await world.call(client, "destroy_instance", instance_id=rented["instance_id"])
    assert len(world.questions) == 1
    assert world.questions[0].startswith("Destroy")


async def test_a_client_that_cannot_ask_shows_one_dialog_for_a_destroy(tmp_path: Path) -> None:
    """Its own dialog on `confirm_plan`, once; the rent needs none (docs/design.md#questions)."""
    world = World(tmp_path, seed=1)
    confirmations = 0
    async with world.connect(answer=None) as client:
        found = await world.call(client, "search_offers", limit=3)
        said = await world.call(client, "create_instance", offer_id=found["offers"][0]["offer_id"])
        assert said["status"] == "rented"
        world.run_until_ready()
        said = await world.call(client, "destroy_instance", instance_id=said["instance_id"])
        while said["status"] == "needs_confirmation":
            confirmations += 1
            assert said["plan_id"].startswith("destroy-")
            said = await world.call(client, "confirm_plan", plan_id=said["plan_id"])
    assert (said["status"], confirmations) == ("destroyed", 1)


async def test_a_machine_that_never_ran_is_destroyed_unasked(tmp_path: Path) -> None:
    """Nothing is lost with it, so nobody is asked (docs/design.md#levels)."""
    world = World(tmp_path, seed=1)
    async with world.connect(answer="decline") as client:
        instance_id = await world.rent(client)
        said = await world.call(client, "destroy_instance", instance_id=instance_id)
    assert (said["status"], world.questions) == ("destroyed", [])


async def test_a_machine_that_ran_unseen_is_not_taken_for_one_that_never_did(
    tmp_path: Path,
) -> None:
    """If it is unknown whether it ran, it ran: one that resumes shows `loading` too."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    async with world.connect(answer="decline") as client:
        instance_id = await world.rent(
            client, offer, bid_usd_per_hour=round(offer.min_bid.dollars + 0.01, 3)
        )
        world.run_until_ready()
        world.simulator.put_file(instance_id, "/workspace/model.pt", 10**9)
        world.simulator.set_stage(instance_id, "resuming")
        said = await world.call(client, "destroy_instance", instance_id=instance_id)
    assert said["status"] == "kept"
    assert len(world.questions) == 1


async def test_rents_nobody_was_asked_about_have_a_cap_of_their_own(tmp_path: Path) -> None:
    """Above $10 a day of unasked rents the next one asks (docs/design.md#limits)."""
    world = World(tmp_path, seed=1, policy="[no_question]\nusd_per_day = 0.9\n")
    offers = await world.offers()
    async with world.connect(answer="decline") as client:
        statuses = []
        for offer in offers[:4]:
            said = await world.call(
                client,
                "create_instance",
                offer_id=offer.offer_id,
                lease_hours=6,
                max_price_usd_per_hour=1.0,
            )
            statuses.append(said["status"])
    assert statuses[0] == "rented"
    assert statuses[-1] == "declined"
    assert statuses == sorted(statuses, key=["rented", "declined"].index)
