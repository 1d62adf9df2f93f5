import httpx2
import pytest

from tests.simulator.console import console
from vast_mcp.simulator import RateLimits

CREATE = {"image": "x/y", "disk": 50}


async def test_a_lost_answer_leaves_the_instance_behind() -> None:
    """Safety: the create happened, nobody was told."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        fault = vendor.simulator.faults.add("answer_lost_after_commit", "PUT", r"/asks/")
        with pytest.raises(httpx2.ReadTimeout):
            await vendor.call("PUT", f"asks/{offer['id']}/", json=CREATE)

        assert len(vendor.simulator.world.instances) == 1
        assert fault.struck == 1
        assert vendor.simulator.mutations()[-1].status == 0
        assert vendor.simulator.mutations()[-1].changed


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("request_lost", httpx2.ReadTimeout),
        ("reset", httpx2.ReadError),
        ("refused_connection", httpx2.ConnectError),
    ],
)
async def test_a_lost_request_changes_nothing(kind: str, error: type[Exception]) -> None:
    """Safety: the request never arrived."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.faults.add(kind, "PUT")  # type: ignore[arg-type]
        with pytest.raises(error):
            await vendor.call("PUT", f"asks/{offer['id']}/", json=CREATE)

        assert vendor.simulator.world.instances == {}


async def test_a_late_request_is_carried_out_when_its_time_comes() -> None:
    """Safety: a create may run a minute after its client gave up."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.faults.add("late_execution", "PUT", seconds=45)
        with pytest.raises(httpx2.ReadTimeout):
            await vendor.call("PUT", f"asks/{offer['id']}/", json=CREATE)
        assert (await vendor.get("/api/v1/instances/"))["total_instances"] == 0
        vendor.clock.move(100)

        listed = (await vendor.get("/api/v1/instances/"))["instances"]
        assert len(listed) == 1
        assert listed[0]["start_date"] == vendor.clock.utc_us() / 1e6 - 55


@pytest.mark.parametrize(
    ("kind", "status", "committed"),
    [
        ("status_before", 502, 0),
        ("status_after", 502, 1),
        ("html", 200, 0),
        ("truncated_json", 200, 1),
        ("success_false_200", 200, 1),
        ("rate_limited", 429, 0),
    ],
)
async def test_each_broken_answer_says_whether_it_happened(
    kind: str, status: int, committed: int
) -> None:
    """The documented failure forms, before and after the commit."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        vendor.simulator.faults.add(kind, "PUT")  # type: ignore[arg-type]
        response = await vendor.call("PUT", f"asks/{offer['id']}/", json=CREATE)

        assert response.status_code == status
        assert len(vendor.simulator.world.instances) == committed


async def test_a_fault_strikes_as_often_as_told_and_lets_others_pass() -> None:
    """Scripts count: skip, then times."""
    async with console() as vendor:
        vendor.simulator.faults.add("status_before", "GET", "users", skip=1, times=2, status=503)
        statuses = [(await vendor.call("GET", "users/current")).status_code for _ in range(5)]

        assert statuses == [200, 503, 503, 200, 200]


async def test_chaos_breaks_some_requests_and_the_same_ones_for_one_seed() -> None:
    """`--faults chaos`: seeded."""

    async def story(seed: int) -> list[str]:
        async with console(seed=seed, fault_profile="chaos") as vendor:
            told = []
            for _ in range(120):
                try:
                    told.append(str((await vendor.call("GET", "users/current")).status_code))
                except httpx2.TransportError as broken:
                    told.append(type(broken).__name__)
            return told

    first = await story(1)
    assert first == await story(1)
    assert first != await story(2)
    assert 60 < first.count("200") < 120


async def test_documented_intervals_are_kept_on_the_simulators_clock() -> None:
    """4.5 s between creates, 429 as JSON with Retry-After (docs/vendor-api.md#rate-limits)."""
    async with console(rate_limits=True) as vendor:
        first, second = (await vendor.offers(limit=2, verified={"eq": True}))[:2]
        await vendor.rent(first)
        response = await vendor.call("PUT", f"asks/{second['id']}/", json=CREATE)

        assert response.status_code == 429
        assert response.headers["retry-after"] == "5"
        assert response.json()["retry_after"] == 5
        vendor.clock.move(4.5)
        await vendor.rent(second)


@pytest.mark.parametrize("form", ["text", "detail"])
async def test_the_other_two_forms_of_429_carry_no_waiting_time(form: str) -> None:
    """Plain text and `detail`, as the vendor's documents show them for an endpoint's interval."""
    async with console(rate_limits=RateLimits(form=form)) as vendor:  # type: ignore[arg-type]
        await vendor.call("DELETE", "instances/7/")
        response = await vendor.call("DELETE", "instances/7/")

        assert response.status_code == 429
        assert "API requests too frequent" in response.text
        assert "retry-after" not in response.headers


async def test_the_shared_limit_of_an_account_refuses_in_the_recorded_form_and_refills() -> None:
    """Five requests in ten seconds over all endpoints, as err_429_bundles was recorded."""
    async with console(rate_limits=RateLimits(bucket=5)) as vendor:
        statuses = [(await vendor.call("POST", "bundles/", json={})).status_code for _ in range(4)]
        statuses.append((await vendor.call("GET", "users/current/")).status_code)
        refused = await vendor.call("POST", "bundles/", json={})
        vendor.clock.move(10)

        assert statuses == [200] * 5
        assert refused.status_code == 429
        assert refused.headers["x-ratelimit-limit"] == "5.0"
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert refused.headers["retry-after"] == "10"
        assert refused.json() == {
            "error": "HTTPTooManyRequests",
            "msg": "API requests too frequent",
            "retry_after": 10,
            "limit": 5.0,
            "remaining": 0,
        }
        assert (await vendor.call("POST", "bundles/", json={})).status_code == 200


async def test_the_date_header_shows_the_simulators_clock() -> None:
    """Its `Date` shows its own clock (docs/design.md#simulator)."""
    async with console() as vendor:
        response = await vendor.call("GET", "users/current")

        assert response.headers["date"] == "Mon, 01 Jun 2026 12:00:00 GMT"
