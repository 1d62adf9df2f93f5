import json

import pytest

from tests.simulator.console import console

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITEST me@here"


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        pytest.param("GET", "users/current", "wrong", 401, id="most-routes"),
        pytest.param("PUT", "asks/1/", "wrong", 401, id="create"),
        pytest.param("POST", "bundles/", "wrong", 404, id="search"),
        pytest.param("GET", "charges/", "wrong", 404, id="charges"),
        pytest.param("GET", "charges/", None, 403, id="charges-without-header"),
        pytest.param("GET", "users/current", None, 401, id="no-key"),
    ],
)
async def test_a_wrong_key_is_refused_as_the_vendor_does(
    method: str, path: str, key: str | None, status: int
) -> None:
    """401, 404 or 403 by route (vast-api §2)."""
    async with console(key=key) as vendor:
        response = await vendor.call(method, path, json={})

        assert response.status_code == status
        assert response.json()["error"] == "auth_error"


async def test_both_slash_forms_are_the_same_route() -> None:
    """Both forms work (api-differences §1)."""
    async with console() as vendor:
        assert await vendor.get("users/current/") == await vendor.get("users/current")


async def test_what_is_not_simulated_says_so_by_name() -> None:
    """An unmodelled route is a gap of the simulator, not a 404 of the vendor."""
    async with console() as vendor:
        response = await vendor.call("POST", "team/", json={})

        assert response.status_code == 501
        assert response.json()["msg"] == "POST /api/v0/team/ is not simulated"
        assert vendor.simulator.mutations()[-1].path == "/api/v0/team/"


async def test_account_keys_are_stored_as_text_and_reach_later_rentals() -> None:
    """The server stores whatever it gets; instances created afterwards have them (vast-api §9)."""
    async with console() as vendor:
        early = await vendor.rent()
        key = (await vendor.call("POST", "ssh/", json={"ssh_key": KEY})).json()["key"]
        late = await vendor.rent()

        assert [row["public_key"] for row in await vendor.get("ssh/")] == [KEY]
        assert json.loads((await vendor.get(f"instances/{early}/ssh"))["ssh_keys"]) == []
        assert json.loads((await vendor.get(f"instances/{late}/ssh"))["ssh_keys"]) == [key]
        await vendor.call("PUT", f"ssh/{key['id']}/", json={"ssh_key": "other"})
        await vendor.call("DELETE", f"ssh/{key['id']}/", json={})
        assert await vendor.get("ssh/") == []


async def test_a_key_can_be_attached_once_and_detached() -> None:
    """POST with the text, DELETE by id; 404 `no_such_ssh_key` (vast-api §9)."""
    async with console() as vendor:
        instance_id = await vendor.rent()
        first = await vendor.call("POST", f"instances/{instance_id}/ssh/", json={"ssh_key": KEY})
        twice = await vendor.call("POST", f"instances/{instance_id}/ssh/", json={"ssh_key": KEY})
        path = f"instances/{instance_id}/ssh/{first.json()['key']['id']}/"
        gone = await vendor.call("DELETE", path, json={})
        again = await vendor.call("DELETE", path, json={})

        assert twice.json()["success"] is False
        assert gone.json()["success"] is True
        assert again.json()["error"] == "no_such_ssh_key"
        assert await vendor.get("ssh/") == []


async def test_environment_secrets_are_masked_and_picky() -> None:
    """Upper-cased names, few characters in values, masked in the list (vast-api §16)."""
    async with console() as vendor:
        sent = {"key": "hf_token", "value": "hf_x"}
        assert (await vendor.call("POST", "secrets/", json=sent)).status_code == 200
        wrong = [
            ("POST", sent, "existing_key"),
            ("PUT", {**sent, "key": "no"}, "nonexistent_key"),
            ("POST", {"key": "u", "value": "a b"}, "invalid_characters"),
            ("DELETE", {"key": "no"}, "nonexistent_key"),
        ]
        for method, body, error in wrong:
            assert (await vendor.call(method, "secrets/", json=body)).json()["error"] == error
        assert (await vendor.get("secrets/"))["secrets"] == {"HF_TOKEN": "*****"}


async def test_templates_are_found_by_operator_and_by_substring() -> None:
    """A plain string matches inside; `extra_filters` is a JSON text (vast-api §14)."""
    async with console() as vendor:
        by_hash = await vendor.get(
            "template/",
            params={"select_filters": '{"hash_id":{"eq":"4e17788f74f075dd9aab7d0d4427968f"}}'},
        )
        by_word = await vendor.get("template/", params={"select_filters": '{"name":"comfy"}'})

        assert [row["name"] for row in by_hash["templates"]] == ["PyTorch"]
        assert json.loads(by_hash["templates"][0]["extra_filters"])
        assert by_word["templates_found"] == 1


async def test_a_scoped_key_does_what_its_categories_say_and_no_more() -> None:
    """Logs are `instance_read`, creating is `instance_write`, searching `misc` (vast-api §2)."""
    async with console(key="second") as vendor:
        vendor.simulator.add_key("second", "misc", "instance_read")
        number = vendor.simulator.add_foreign_instance()
        offer = (await vendor.offers(limit=1))[0]
        logs = await vendor.call("PUT", f"instances/request_logs/{number}/", json={})
        create = await vendor.call("PUT", f"asks/{offer['id']}/", json={"image": "x/y"})
        user = await vendor.call("GET", "users/current")

        assert logs.status_code == 200
        assert (create.status_code, user.status_code) == (403, 403)
        assert create.json()["error"] == "not_authorized"


async def test_the_key_inside_a_machine_reaches_that_machine_only() -> None:
    """The create reply's restricted key: show, start, stop, destroy its own (vast-api §21)."""
    async with console() as vendor:
        offer = await vendor.cheapest()
        created = await vendor.call("PUT", f"asks/{offer['id']}/", json={"image": "x/y"})
        number, other = created.json()["new_contract"], vendor.simulator.add_foreign_instance()
        vendor.http.headers["Authorization"] = f"Bearer {created.json()['instance_api_key']}"
        own = await vendor.call("PUT", f"instances/{number}/", json={"state": "stopped"})
        theirs = await vendor.call("DELETE", f"instances/{other}/", json={})
        listing = await vendor.call("GET", "/api/v1/instances/")

        assert own.json()["success"] is True
        assert (theirs.status_code, listing.status_code) == (403, 403)
