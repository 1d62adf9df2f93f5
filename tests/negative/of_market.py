"""Weakenings around searching and renting a market as it is, and around endpoints' records."""

from tests.negative.weakening import Weakening

LOOKUP = "tests/api/test_offer_lookup.py"
MARKET = "tests/tools/test_market_as_it_is.py"
SCALING = "tests/actions/test_update_endpoint.py"
CONTAINER = "tests/actions/test_container.py"

OF_MARKET: tuple[Weakening, ...] = (
    Weakening(
        "an offer is called gone after one lookup",
        "vast_mcp/api/reads.py",
        '        for column in ("ask_contract_id", "id"):\n',
        '        for column in ("ask_contract_id",):\n',
        (LOOKUP,),
    ),
    Weakening(
        "any row that a lookup answers is taken for the offer",
        "vast_mcp/api/wire.py",
        "    return offer_id in ids and has_gpu(fields)\n",
        "    return bool(ids)\n",
        (LOOKUP,),
    ),
    Weakening(
        "a full answer counts as the whole market",
        "vast_mcp/market/browsing.py",
        "        whole = joined and (above or not page.cut)\n",
        "        whole = joined\n",
        (MARKET, "-k", "whole"),
    ),
    Weakening(
        "a bound by another price is believed",
        "vast_mcp/market/browsing.py",
        "    return any(offer.offer_id in found for offer in page.offers)\n",
        "    return bool(page)\n",
        (MARKET, "-k", "another_price"),
    ),
    Weakening(
        "an endpoint's change sends no maximum",
        "vast_mcp/operations/serverless.py",
        '            "max_workers": scaling.max_workers,\n',
        "",
        (SCALING, "-k", "knob"),
    ),
    Weakening(
        "an endpoint's change overwrites another's",
        "vast_mcp/actions/update_endpoint.py",
        "        if fresh != seen:\n",
        "        if fresh.endpoint_id != seen.endpoint_id:\n",
        (SCALING, "-k", "another_made"),
    ),
    Weakening(
        "a lease's end waits for a record that cannot be read",
        "vast_mcp/actions/end_endpoint.py",
        "            if scaling is None:\n                raise\n",
        "            raise\n",
        (SCALING, "-k", "cannot_be_read"),
    ),
    Weakening(
        "the id in a reply is taken for our endpoint",
        "vast_mcp/actions/create_endpoint.py",
        "                    if endpoint.raw_name == name:\n",
        "                    if endpoint.raw_name:\n",
        (SCALING, "-k", "reply_names"),
    ),
    Weakening(
        "a variable that is lost is lost in silence",
        "vast_mcp/actions/container.py",
        '    lost = [str(clean_line(name, 40)) for name, value in pairs if ";" in value]\n',
        "    lost: list[str] = []\n",
        (CONTAINER, "-k", "lost"),
    ),
)
