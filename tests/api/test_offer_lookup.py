"""One offer looked up by its id: what is asked, what counts as found, when it is called gone."""

import json
from typing import Any

import httpx2
import pytest

from tests.api.vendor import Wire, connect, offer_row, ok
from vast_mcp.api.reads import Reads
from vast_mcp.errors import ApiError

OFFER = 28113344


def answers_to(column: str, row: dict[str, Any]) -> Wire:
    """A vendor who finds that row by that column only."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return ok({"offers": [row] if column in json.loads(request.content) else []})

    return Wire(answer)


@pytest.mark.parametrize(
    ("column", "asked"),
    [
        pytest.param("ask_contract_id", 1, id="as recorded"),
        pytest.param("id", 2, id="as one report has it"),
    ],
)
async def test_an_offer_is_found_by_whichever_id_the_vendor_searches(
    column: str, asked: int
) -> None:
    """`ask_contract_id` first (recorded 2026-09-05), `id` before an offer is called gone."""
    wire = answers_to(column, offer_row(id=OFFER))
    offer = await Reads(connect(wire)).find_offer(OFFER, rental="on_demand", disk_gb=50)
    assert offer is not None
    assert offer.offer_id == OFFER
    assert len(wire.seen) == asked
    sent = json.loads(wire.seen[-1].content)
    assert sent["verified"] == sent["rented"] == {"eq": "any"}
    assert "external" not in sent
    assert "rentable" not in sent


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param({"id": OFFER, "ask_contract_id": OFFER}, id="both"),
        pytest.param({"id": OFFER, "ask_contract_id": None}, id="only its id"),
        pytest.param({"id": None, "ask_contract_id": OFFER}, id="only its ask_contract_id"),
        pytest.param({"id": 7, "ask_contract_id": OFFER}, id="another id"),
        pytest.param({"id": str(OFFER), "ask_contract_id": 7}, id="as a text"),
    ],
)
async def test_a_row_is_the_offer_when_either_of_its_ids_says_so(ids: dict[str, Any]) -> None:
    """Rows carry both; what is rented is the id that was asked for."""
    wire = answers_to("ask_contract_id", offer_row(**ids))
    offer = await Reads(connect(wire)).find_offer(OFFER, rental="on_demand", disk_gb=50)
    assert offer is not None
    assert offer.offer_id == OFFER


async def test_another_offer_than_the_one_asked_for_is_never_taken() -> None:
    """A vendor that ignores the filter answers with any offers at all."""
    wire = Wire([ok({"offers": [offer_row(id=7, ask_contract_id=7)]})])
    assert await Reads(connect(wire)).find_offer(OFFER, rental="on_demand", disk_gb=50) is None
    assert len(wire.seen) == 2


async def test_a_second_look_that_fails_is_an_error_and_not_a_gone_offer() -> None:
    """Half an answer proves nothing: gone is said only when both looks were answered."""
    wire = Wire([ok({"offers": []}), httpx2.Response(200, content=b"<html>")])
    with pytest.raises(ApiError):
        await Reads(connect(wire)).find_offer(OFFER, rental="on_demand", disk_gb=50)
