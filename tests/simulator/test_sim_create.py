"""See docs/vendor-api.md#creating-an-instance."""

import pytest

from tests.simulator.console import console
from vast_mcp.simulator import Choices


async def test_a_create_answers_the_contract_and_takes_the_offer_off_the_market() -> None:
    """`new_contract` is the instance id."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        instance_id = await vendor.rent(offer, label="train-a", env={"A": "1"}, onstart="run")

        shown = await vendor.show(instance_id)
        assert 10_000_000 <= instance_id <= 99_999_999
        assert shown["label"] == "train-a"
        assert shown["extra_env"] == [["A", "1"]]
        assert shown["machine_id"] == offer["machine_id"]
        assert shown["dph_total"] == pytest.approx(offer["dph_total"])
        assert offer["id"] not in {row["id"] for row in await vendor.offers()}


async def test_neither_image_nor_template_is_refused() -> None:
    """400 `invalid_args` with the ask's id."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        response = await vendor.call("PUT", f"asks/{offer['id']}/", json={"disk": 10})

        assert response.status_code == 400
        assert response.json()["error"] == "invalid_args"
        assert response.json()["ask_id"] == offer["id"]


async def test_an_unknown_ask_is_a_400_that_says_so_in_msg() -> None:
    """Pasted: the code stands in `msg`, two blanks behind it, while `error` is `invalid_args`."""
    async with console() as vendor:
        response = await vendor.call("PUT", "asks/12345678/", json={"image": "x/y"})

        assert response.status_code == 400
        assert response.json()["error"] == "invalid_args"
        assert "error 404/3603: no_such_ask  Instance type" in response.json()["msg"]


async def test_an_offer_somebody_took_is_gone_although_it_was_shown() -> None:
    """A test's lever; the vendor's own answer."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.take_offer(offer["id"])

        response = await vendor.call("PUT", f"asks/{offer['id']}/", json={"image": "x/y"})
        assert response.status_code == 400


async def test_a_raced_offer_is_a_410_or_a_stopped_contract() -> None:
    """`cancel_unavail` decides."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.race_offer(offer["id"])

        refused = await vendor.call(
            "PUT", f"asks/{offer['id']}/", json={"image": "x/y", "cancel_unavail": True}
        )
        assert refused.status_code == 410
        assert refused.json()["error"] == "no_such_ask"
        instance_id = await vendor.rent(offer, cancel_unavail=False)
        shown = await vendor.show(instance_id)
        states = (shown["cur_state"], shown["intended_status"], shown["next_state"])
        assert states == ("stopped", "stopped", "stopped")


async def test_a_bid_below_the_floor_is_a_410_or_a_parked_rental() -> None:
    """Tried live, 2026-10-01: with `cancel_unavail` 410; without it parked, and no success."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        order = {"image": "x/y", "price": 0.002, "disk": 50}
        path = f"asks/{offer['id']}/"
        refused = await vendor.call("PUT", path, json={**order, "cancel_unavail": True})
        assert (refused.status_code, refused.json()["error"]) == (410, "no_such_ask")
        assert refused.json()["ask_id"] == offer["id"]
        assert vendor.simulator.world.instances == {}

        response = await vendor.call("PUT", path, json=order)
        assert response.status_code == 200
        assert response.json().keys() == {"success", "new_contract", "instance_api_key"}
        assert response.json()["success"] is False
        left = await vendor.show(response.json()["new_contract"])
        assert (left["cur_state"], left["is_bid"]) == ("stopped", True)
        vendor.clock.move(3600)
        await vendor.show(left["id"])
        spent = vendor.simulator.books.spent_by(left["id"])
        assert spent["gpu"] == 0
        assert spent["disk"] > 0


@pytest.mark.parametrize("field", [{"label": "x" * 257}, {"args": ["x" * 16_385]}])
async def test_what_is_too_long_is_refused_in_the_vendors_words(field: dict[str, object]) -> None:
    """Pasted by three people: one text for image, arguments and label."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        path = f"asks/{offer['id']}/"
        response = await vendor.call("PUT", path, json={"image": "x/y", **field})
        assert response.status_code == 400
        assert response.json()["msg"].startswith("error 400/3471: Invalid args: len(image) > 1024")


async def test_a_bid_at_the_floor_wins_and_costs_the_bid() -> None:
    """Equality is accepted; dph_base is the bid (docs/vendor-api.md#billing)."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        instance_id = await vendor.running(offer=offer, price=offer["min_bid"])

        shown = await vendor.show(instance_id)
        assert shown["is_bid"] is True
        assert shown["dph_base"] == offer["min_bid"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"image": "x/y", "price": 129}, id="price"),
        pytest.param({"image": "x/y", "disk": 999_999}, id="disk"),
        pytest.param({"image": "x/y", "disk": "much"}, id="disk-text"),
        pytest.param({"image": "x/y", "env": "-e A=1"}, id="env-text"),
        pytest.param({"image": "x/y", "onstart": "#" * 16_385}, id="onstart"),
        pytest.param({"image": "x/y", "label": "#" * 257}, id="label"),
        pytest.param({"image": "x" * 1025}, id="image"),
        pytest.param({"template_hash_id": "nope"}, id="template"),
    ],
)
async def test_a_create_that_asks_the_impossible_is_refused_and_makes_nothing(
    body: dict[str, object],
) -> None:
    """The vendor's bounds."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        response = await vendor.call("PUT", f"asks/{offer['id']}/", json=body)

        assert response.status_code == 400
        assert vendor.simulator.world.instances == {}


async def test_without_credit_nothing_is_rented() -> None:
    """`Insufficient credits` (docs/vendor-api.md#errors)."""
    async with console(credit_usd=0.01) as vendor:
        offer = await vendor.cheapest()
        response = await vendor.call("PUT", f"asks/{offer['id']}/", json={"image": "x/y"})

        assert response.status_code == 400
        assert "credit" in response.json()["msg"].lower()


async def test_a_new_account_may_have_an_hourly_spend_cap() -> None:
    """`spend_rate_limit`; off unless chosen (docs/vendor-api.md#errors)."""
    async with console(choices=Choices(spend_rate_limit_usd_per_hour=0.01)) as vendor:
        offer = await vendor.cheapest()
        response = await vendor.call("PUT", f"asks/{offer['id']}/", json={"image": "x/y"})

        assert response.json()["error"] == "spend_rate_limit"


async def test_a_template_fills_what_the_request_leaves_null() -> None:
    """Null scalars beside a template do not override it."""
    async with console() as vendor:
        template = "4e17788f74f075dd9aab7d0d4427968f"
        instance_id = await vendor.rent(image=None, template_hash_id=template, onstart=None)

        shown = await vendor.show(instance_id)
        assert shown["image_uuid"].startswith("vastai/pytorch:cuda-")
        assert shown["template_hash_id"] == template
        assert "jupyter" in shown["image_runtype"]
        assert shown["onstart"] == "entrypoint.sh"
