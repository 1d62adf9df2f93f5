"""Keys, two-factor sessions and their refusals, as they were recorded of the vendor."""

import json
import re
from pathlib import Path

import pytest

from tests.simulator.console import Console, console

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
NOWHERE = "instances/999999999999/"
SESSION = "session-key"


def bearer(key: str | None) -> dict[str, str]:
    """The header of a request with this key."""
    return {"Authorization": f"Bearer {key}" if key else ""}


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        pytest.param("GET", "users/current", "wrong", 404, id="account"),
        pytest.param("GET", "/api/v1/instances/", "wrong", 404, id="list"),
        pytest.param("PUT", "asks/1/", "wrong", 404, id="create"),
        pytest.param("POST", "bundles/", "wrong", 404, id="search"),
        pytest.param("GET", "charges/", "wrong", 404, id="charges"),
        pytest.param("GET", "charges/", None, 403, id="charges-without-header"),
        pytest.param("GET", "users/current", None, 401, id="no-key"),
    ],
)
async def test_a_wrong_key_is_refused_as_the_vendor_does(
    method: str, path: str, key: str | None, status: int
) -> None:
    """404 `auth_error` on every route, the v1 list among them (stated with date, 2026-10-01)."""
    async with console(key=key) as vendor:
        response = await vendor.call(method, path, json={})
        assert response.status_code == status
        assert response.json()["error"] == "auth_error"


async def test_a_scoped_key_does_what_its_categories_say_and_no_more() -> None:
    """Logs are `instance_read`, creating `instance_write`, searching `misc`; refusals are 401."""
    async with console(key="second") as vendor:
        vendor.simulator.add_key("second", "misc", "instance_read")
        number = vendor.simulator.add_foreign_instance()
        offer = (await vendor.offers(limit=1))[0]
        logs = await vendor.call("PUT", f"instances/request_logs/{number}/", json={})
        create = await vendor.call("PUT", f"asks/{offer['id']}/", json={"image": "x/y"})
        user = await vendor.call("GET", "users/current")
        assert logs.status_code == 200
        assert (create.status_code, user.status_code) == (401, 401)
        assert user.json()["msg"] == "Your key lacks the user_read permission group"


async def _inside(vendor: Console) -> tuple[int, int]:
    """Ask as the key inside a machine from now on; that machine and another one."""
    offer = await vendor.cheapest()
    created = (await vendor.call("PUT", f"asks/{offer['id']}/", json={"image": "x/y"})).json()
    other = vendor.simulator.add_foreign_instance()
    vendor.http.headers.update(bearer(created["instance_api_key"]))
    return created["new_contract"], other


async def test_the_key_inside_a_machine_reaches_that_machine_only() -> None:
    """The create reply's restricted key may show, label, stop and destroy its own."""
    async with console() as vendor:
        number, other = await _inside(vendor)
        own = await vendor.call("PUT", f"instances/{number}/", json={"state": "stopped"})
        theirs = await vendor.call("DELETE", f"instances/{other}/", json={})
        listing = await vendor.call("GET", "/api/v1/instances/")
        assert own.json()["success"] is True
        assert (theirs.status_code, listing.status_code) == (401, 401)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded replies are not in the repository")
@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("container_key_create", "PUT", "asks/0/"),
        ("container_key_new_key", "POST", "auth/apikeys/"),
        ("container_key_other_instance", "DELETE", "instances/{other}/"),
        ("container_key_other_instance", "PUT", "instances/{other}/"),
        ("destroy_needs_2fa_401", "DELETE", NOWHERE),
        ("err_404_session_expired", "DELETE", NOWHERE),
        ("bad_key_404", "GET", "users/current/"),
    ],
)
async def test_a_refused_key_is_told_what_the_recording_says(
    name: str, method: str, path: str
) -> None:
    """Status, code and text; where a recording cuts its text, what it kept is in ours."""
    recorded = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    async with console() as vendor:
        other = 0
        if name.startswith("container"):
            _, other = await _inside(vendor)
        elif name.startswith("bad"):
            vendor.http.headers.update(bearer("no-such-key"))
        elif name.startswith("err"):
            vendor.simulator.open_session(SESSION, hours=1)
            vendor.http.headers.update(bearer(SESSION))
            vendor.clock.move(3601)
        else:
            vendor.simulator.require_two_factor()
        reply = await vendor.call(method, path.format(other=other), json={})
    assert (reply.status_code, reply.json()["error"]) == (recorded["status"], "auth_error")
    assert set(reply.json()) == set(recorded["body"])
    for part in re.split(r"\s*\.\.\.\s*", recorded["body"]["msg"]):
        assert part in reply.json()["msg"]


async def test_a_second_factor_takes_the_right_to_destroy_from_a_plain_key() -> None:
    """The plain key reads and stops, the session key also destroys, until the session ends."""
    async with console() as vendor:
        number = await vendor.running()
        vendor.simulator.open_session(SESSION)
        plain = await vendor.call("DELETE", f"instances/{number}/", json={})
        stop = await vendor.call("PUT", f"instances/{number}/", json={"state": "stopped"})
        assert (plain.status_code, stop.status_code) == (401, 200)
        assert "Two Factor Authentication" in plain.json()["msg"]
        nowhere = await vendor.call("DELETE", NOWHERE, json={}, headers=bearer(SESSION))
        assert (nowhere.status_code, nowhere.json()["error"]) == (404, "no_such_instance")
        vendor.clock.move(7 * 24 * 3600)
        ended = await vendor.call(
            "DELETE", f"instances/{number}/", json={}, headers=bearer(SESSION)
        )
        assert (ended.status_code, ended.json()["msg"]) == (
            404,
            "Session expired. Please log in again.",
        )
        assert number in vendor.simulator.world.instances


async def test_a_deleted_key_is_401_where_an_unknown_one_is_404() -> None:
    """The official client tells them apart by status, and takes the first for an ended session."""
    async with console() as vendor:
        vendor.simulator.delete_key("sim-key")
        reply = await vendor.call("GET", "users/current")
        assert (reply.status_code, reply.json()["msg"]) == (401, "Invalid user key")
