"""See docs/vendor-api.md#billing."""

from typing import Literal, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from vast_mcp.clock import ManualClock
from vast_mcp.simulator import Simulator
from vast_mcp.simulator.routes import all_routes

Act: TypeAlias = Literal["stop", "start", "offline", "back", "traffic", "reboot", "rent", "destroy"]
STORY = st.lists(
    st.tuples(
        st.sampled_from(
            ["stop", "start", "offline", "back", "traffic", "reboot", "rent", "destroy"]
        ),
        st.integers(min_value=0, max_value=30_000),
        st.integers(min_value=0, max_value=7),
    ),
    max_size=12,
)


def _do(simulator: Simulator, act: str) -> None:
    """One event in the life of the youngest machine."""
    world = simulator.world
    number = max(world.instances, default=None)
    if number is None or act == "rent":
        simulator.add_foreign_instance()
        return
    contract = world.instances[number]
    match act:
        case "stop":
            world.fleet.stop(contract, world.now_us)
        case "start":
            world.fleet.start(contract, world.now_us)
        case "offline":
            simulator.take_offline(number)
        case "back":
            simulator.bring_back(number)
        case "traffic":
            simulator.use_traffic(number, up_gb=1)
        case "reboot":
            simulator.set_stage(number, "rebooting")
        case _:
            world.fleet.destroy(contract, world.now_us)


def _live(story: list[tuple[str, int, int]], *, glances: bool) -> Simulator:
    clock = ManualClock()
    simulator = Simulator(clock, credit_usd=2.0)
    for act, seconds, looks in story:
        _do(simulator, act)
        for _ in range(looks if glances else 0):
            clock.move(seconds / max(1, looks) // 1)
            simulator.catch_up()
        rest = seconds - (seconds / max(1, looks) // 1) * looks if glances else seconds
        clock.move(rest)
        simulator.catch_up()
    return simulator


@settings(max_examples=25)
@given(story=STORY)
def test_money_is_the_same_however_often_anyone_looks(story: list[tuple[str, int, int]]) -> None:
    """Billing to the second, exact: independent of the requests in between."""
    seldom, often = _live(story, glances=False), _live(story, glances=True)

    assert often.books.balance_nano == seldom.books.balance_nano
    assert often.world.now_us == seldom.world.now_us


@settings(max_examples=25)
@given(story=STORY)
def test_the_books_add_up_and_nothing_runs_without_credit(
    story: list[tuple[str, int, int]],
) -> None:
    """Balance = credit - spent; at zero everything that could stop has stopped."""
    simulator = _live(story, glances=False)
    books = simulator.books

    assert abs(books.balance_usd - (2.0 - books.spent_usd)) < 1e-9
    if books.balance_nano < 0:
        assert not any(x.state.bills_gpu for x in simulator.world.instances.values())


def test_every_writing_route_is_known_as_a_mutation() -> None:
    """What tests count as `mutations()`: all but reads, searches and fetches."""
    reading = {
        f"{route.method} {route.pattern}"
        for route in all_routes()
        if route.method != "GET" and route.mutates is False
    }

    assert reading == {
        "POST /api/v0/bundles",
        "PUT /api/v0/search/asks",
        "POST /api/v0/volumes/search",
        "PUT /api/v0/instances/request_logs/{id}",
        "POST /get_endpoint_workers",
        "POST /get_workergroup_workers",
        "POST /get_endpoint_logs",
        "POST /get_autogroup_logs",
        "POST /get_workergroup_logs",
    }


def test_no_route_stands_in_the_table_twice() -> None:
    """One operation, one line."""
    names = [(route.method, route.pattern) for route in all_routes()]

    assert len(names) == len(set(names))
    assert not any(pattern.endswith("/") for _, pattern in names)
