"""Weakenings of what an answer says of money, ports and the market."""

from tests.negative.weakening import Weakening

PORTS = "tests/tools/test_open_ports.py"
WORDS = "tests/tools/test_money_words.py"
SEARCHES = "tests/tools/test_market_answers.py"

OF_ANSWERS: tuple[Weakening, ...] = (
    Weakening(
        "ports are rented on a host that has none",
        "vast_mcp/actions/open_ports.py",
        "    if need <= has:\n",
        "    if need <= has or not has:\n",
        (f"{PORTS}::test_ports_on_a_host_that_has_none_are_refused_before_money",),
    ),
    Weakening(
        "what a failed machine does not bill is told as spent",
        "vast_mcp/instances/cost_estimate.py",
        "            day: max(Usd(), amount - less.get(day, Usd()))\n",
        "            day: max(less.get(day, Usd()), amount)\n",
        (f"{WORDS}::test_a_failed_container_has_spent_its_disk_and_not_its_gpu",),
    ),
    Weakening(
        "a median by name is computed from a part of the market",
        "vast_mcp/market/comparing.py",
        '                "median": _median(prices) if self.whole else None,\n',
        '                "median": _median(prices),\n',
        (f"{SEARCHES}::test_prices_by_name_are_not_computed_from_a_part_of_the_market",),
    ),
)
