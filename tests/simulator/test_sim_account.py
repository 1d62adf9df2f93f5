"""See docs/vendor-api.md#account, docs/vendor-api.md#ssh, docs/vendor-api.md#templates."""

import json

from tests.simulator.console import console

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITEST me@here"


async def test_both_slash_forms_are_the_same_route() -> None:
    """Both forms work (docs/vendor-api.md#where-the-sources-disagree)."""
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
    """The server stores whatever it gets; instances created afterwards have them."""
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
    """POST with the text, DELETE by id; 404 `no_such_ssh_key` (docs/vendor-api.md#ssh)."""
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
    """Upper-cased names, few characters in values, masked in the list."""
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
    """A plain string matches inside; `extra_filters` is a JSON text."""
    async with console() as vendor:
        by_hash = await vendor.get(
            "template/",
            params={"select_filters": '{"hash_id":{"eq":"4e17788f74f075dd9aab7d0d4427968f"}}'},
        )
        by_word = await vendor.get("template/", params={"select_filters": '{"name":"comfy"}'})

        assert [row["name"] for row in by_hash["templates"]] == ["PyTorch"]
        assert json.loads(by_hash["templates"][0]["extra_filters"])
        assert by_word["templates_found"] == 1


async def test_api_keys_are_listed_with_what_a_client_must_drop() -> None:
    """The account's own key and those made since; a row may hold the key itself."""
    async with console() as vendor:
        wanted = {"name": "ci", "permissions": {"api": {"misc": {}, "user_read": {}}}}
        made = (await vendor.call("POST", "auth/apikeys/", json=wanted)).json()
        rows = (await vendor.get("auth/apikeys/"))["apikeys"]
    assert [row["name"] for row in rows] == ["default", "ci"]
    assert rows[1]["id"] == made["id"]
    assert rows[1]["permissions"] == wanted["permissions"]
    assert all(row["key"] for row in rows)
