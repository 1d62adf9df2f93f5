"""See docs/vendor-api.md#errors."""

from typing import Any, get_args

import httpx2
import pytest

from tests.simulator.console import Console, console
from vast_mcp.cli.simulate import FAULT_PROFILES
from vast_mcp.simulator import KINDS, PROFILES, Profile, RateLimits
from vast_mcp.simulator.faults import SCRIPTED
from vast_mcp.simulator.limits import FORMS
from vast_mcp.simulator.profiles import _MIXES
from vast_mcp.simulator.strikes import wrong_typed

CREATE = {"image": "x/y", "disk": 50}


async def _create(vendor: Console, kind: str, **options: object) -> httpx2.Response:
    offer = await vendor.cheapest()
    vendor.simulator.faults.add(kind, "PUT", **options)  # type: ignore[arg-type]
    return await vendor.call("PUT", f"asks/{offer['id']}/", json=CREATE)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(("kind", "committed"), [("status_before", 0), ("status_after", 1)])
async def test_gateway_errors_before_and_after_the_commit(
    kind: str, status: int, committed: int
) -> None:
    """All four."""
    async with console() as vendor:
        response = await _create(vendor, kind, status=status)

        assert response.status_code == status
        assert len(vendor.simulator.world.instances) == committed
        assert vendor.simulator.faults.struck == {kind: 1}


@pytest.mark.parametrize("status", [200, 400])
async def test_success_false_with_a_live_contract(status: int) -> None:
    """A trap: refused in words, rented in fact."""
    async with console() as vendor:
        response = await _create(vendor, "success_false_live", status=status)

        assert response.status_code == status
        assert response.json()["success"] is False
        assert list(vendor.simulator.world.instances) == [response.json()["new_contract"]]


async def test_an_authentication_error_may_look_like_an_absence() -> None:
    """404 `auth_error` proves nothing (docs/vendor-api.md#errors)."""
    async with console() as vendor:
        number = await vendor.running()
        vendor.simulator.faults.add("auth_error_404", "GET")
        response = await vendor.call("GET", f"instances/{number}/")

        assert response.status_code == 404
        assert response.json()["error"] == "auth_error"


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_429(form: str) -> None:
    """Text with and without threshold, detail, msg, quota, JSON with headers."""
    async with console() as vendor:
        vendor.simulator.faults.add("rate_limited", form=form)
        response = await vendor.call("POST", "bundles/", json={})

        assert response.status_code == 429
        assert ("retry-after" in response.headers) == (form == "json")


async def test_wrong_types_keep_the_shape_of_the_keys() -> None:
    """Numbers as text, text as numbers, lists as objects."""
    async with console() as vendor:
        number = await vendor.running()
        vendor.simulator.faults.add("wrong_typed_json", "GET")
        shown = (await vendor.get(f"instances/{number}/"))["instances"]

        assert shown["id"] == f"about {number}"
        assert shown["image_uuid"] == 7
        assert wrong_typed([None, 1]) == {"0": None, "1": 1}


async def test_a_slow_answer_takes_its_simulated_time() -> None:
    """Eight portions on the simulator's clock."""
    async with console() as vendor:
        before = vendor.clock.utc_us()
        vendor.simulator.faults.add("slow_drip", seconds=4)
        user = await vendor.get("users/current")

        assert user["email"] == "sim@example.com"
        assert vendor.clock.utc_us() - before == 4_000_000


async def test_a_client_gives_up_an_answer_that_drips_past_its_patience() -> None:
    """Its read timeout counts for the whole body, on the simulator's clock."""
    async with console() as vendor:
        vendor.simulator.faults.add("slow_drip", seconds=60)
        with pytest.raises(httpx2.ReadTimeout):
            await vendor.call("GET", "users/current", timeout=20)


async def test_the_list_lags_for_one_request() -> None:
    """New ones are missing, destroyed ones still there."""
    async with console() as vendor:
        number = await vendor.rent()
        vendor.clock.move(10)
        for _ in range(2):
            vendor.simulator.faults.add("list_lag", "GET", "v1/instances", seconds=30)
        early = await vendor.get("/api/v1/instances/")
        vendor.clock.move(60)
        await vendor.call("DELETE", f"instances/{number}/")
        late = await vendor.get("/api/v1/instances/")

        assert early["total_instances"] == 0
        assert [row["id"] for row in late["instances"]] == [number]
        assert (await vendor.get("/api/v1/instances/"))["total_instances"] == 0


async def _seven(vendor: Console) -> list[int]:
    return sorted(vendor.simulator.add_foreign_instance() for _ in range(7))


async def _page(vendor: Console, token: str | None = None) -> Any:  # noqa: ANN401
    return await vendor.get("/api/v1/instances/", params={"after_token": token} if token else {})


async def test_a_truncated_page_says_that_it_was_the_last() -> None:
    """Only the total gives it away (docs/hazards.md#lost-answers)."""
    async with console() as vendor:
        await _seven(vendor)
        vendor.simulator.faults.add("page_truncated", "GET")
        page = await _page(vendor)

        assert (len(page["instances"]), page["next_token"], page["total_instances"]) == (2, None, 7)


async def test_a_repeated_page_shows_machines_twice() -> None:
    """The second page is the first again."""
    async with console() as vendor:
        await _seven(vendor)
        first = await _page(vendor)
        vendor.simulator.faults.add("page_repeated", "GET", times=2)
        again, doubled = await _page(vendor, first["next_token"]), await _page(vendor)

        assert again["instances"] == first["instances"]
        assert doubled["instances"][0] == doubled["instances"][-1]


async def test_looping_pages_never_end() -> None:
    """The token leads back to the beginning."""
    async with console() as vendor:
        ids = await _seven(vendor)
        vendor.simulator.faults.add("page_looping", "GET", times=9)
        seen, token = [], None
        for _ in range(4):
            page = await _page(vendor, token)
            seen += [row["id"] for row in page["instances"]]
            token = page["next_token"]

        assert seen == ids[:5] * 4
        assert token is not None


async def test_an_unknown_status_is_shown_for_one_request() -> None:
    """A word that no document knows."""
    async with console() as vendor:
        number = await vendor.running()
        vendor.simulator.faults.add("unknown_status", "GET", times=2)
        listed = (await vendor.get("/api/v1/instances/"))["instances"][0]["actual_status"]
        one = (await vendor.show(number))["actual_status"]

        assert [listed, one] == ["migrating", "migrating"]
        assert (await vendor.show(number))["actual_status"] == "running"


@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_the_vendors_clock_may_be_off(seconds: int) -> None:
    """Date and `start_date`, for one request or for good."""
    async with console() as vendor:
        number = await vendor.running()
        true = await vendor.call("GET", f"instances/{number}/")
        vendor.simulator.faults.add("clock_skew", "GET", seconds=seconds)
        struck = await vendor.call("GET", f"instances/{number}/")
        vendor.simulator.set_clock_skew(seconds)
        standing = await vendor.call("GET", f"instances/{number}/")

        assert struck.headers["date"] == standing.headers["date"] != true.headers["date"]
        starts = [x.json()["instances"]["start_date"] for x in (true, struck, standing)]
        assert starts == [starts[0], starts[0] + seconds, starts[0] + seconds]


def test_every_kind_is_drawn_by_some_profile() -> None:
    """No fault is written that no mix contains."""
    drawn = {rate.kind for rates in _MIXES.values() for rate in rates}

    assert drawn == set(KINDS) - SCRIPTED
    assert {rate.kind for rate in _MIXES["chaos"]} == set(KINDS) - SCRIPTED


@pytest.mark.parametrize("profile", ["chaos", "flaky_reads"])
async def test_one_number_replays_every_fault(profile: str) -> None:
    """Same seed, same requests: the same answers and the same strikes."""

    async def story(seed: int) -> tuple[list[str], dict[str, int]]:
        async with console(seed=seed, fault_profile=profile) as vendor:
            told = []
            for at in range(150):
                path = ("/api/v1/instances/", "users/current", "ssh/")[at % 3]
                try:
                    response = await vendor.call("GET", path)
                    told.append(f"{response.status_code} {response.text} {response.headers}")
                except httpx2.TransportError as broken:
                    told.append(repr(broken))
            return told, dict(vendor.simulator.faults.struck)

    first = await story(3)
    assert first == await story(3)
    assert first != await story(4)
    assert sum(first[1].values()) > 5


async def test_a_profile_strikes_only_what_it_names() -> None:
    """`lossy` is about the answers of writes."""
    async with console(fault_profile="lossy") as vendor:
        for _ in range(200):
            await vendor.get("users/current")

        assert not vendor.simulator.faults.struck


async def test_a_served_simulator_forgets_its_oldest_requests() -> None:
    """A server that runs for days keeps its counts, not its record."""
    async with console(rate_limits=RateLimits(intervals=False)) as vendor:
        vendor.simulator.remember_only(3)
        for _ in range(5):
            await vendor.get("users/current")

        assert len(vendor.simulator.requests) == 3
        assert vendor.simulator.books_view()["requests"] == 5


def test_the_command_line_names_every_profile() -> None:
    """The list is written out there for a cheap `--help`."""
    assert FAULT_PROFILES == PROFILES == get_args(Profile)
