"""`show_keys`: what the account's keys are called and what they may do, never what they are.

See docs/design.md#foreign-text-and-secrets.
"""

import json
from pathlib import Path

import pytest

from tests.world import Json, ToolFailed, World

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFak"


async def shown(world: World, kind: str) -> list[Json]:
    """The rows of one kind."""
    async with world.connect() as client:
        answer = await world.call(client, "show_keys", kind=kind)
    return list(answer["rows"])


def add_ssh_key(world: World, number: int, text: object) -> None:
    """A key of the account, as the vendor stores whatever it gets."""
    row = {"id": number, "user_id": 1, "public_key": text, "created_at": 1774048157.145925}
    world.simulator.world.ssh_keys[number] = row


async def test_ssh_keys_are_named_by_comment_and_fingerprint(tmp_path: Path) -> None:
    """The text of a key is of no use to a model, and its comment is foreign text."""
    world = World(tmp_path, toolsets="keys")
    add_ssh_key(world, 1000, f"{KEY} me\x1b[31m@home")
    add_ssh_key(world, 1001, "id.pub")  # the official client registers a path literally
    rows = await shown(world, "ssh")
    assert rows[0] == {
        "key_id": 1000,
        "untrusted_name": "me@home",
        "fingerprint": rows[0]["fingerprint"],
        "created": "2026-03-20 23:09Z",
    }
    assert rows[0]["fingerprint"].startswith("SHA256:")
    assert rows[1] == {"key_id": 1001, "created": "2026-03-20 23:09Z"}
    assert "AAAA" not in json.dumps(rows)


async def test_api_keys_are_shown_without_the_key(tmp_path: Path) -> None:
    """Only declared columns are carried: a row that holds the key gives nothing away."""
    world = World(tmp_path, toolsets="keys")
    permissions = {"api": {"misc": {}, "instance_read": {"constraints": {"id": {"eq": 5}}}}}
    made = {"id": 41_000, "name": "ci", "key": "canary-1234567890", "permissions": permissions}
    world.simulator.world.api_keys[41_000] = made
    rows = await shown(world, "api")
    assert [row["key_id"] for row in rows] == [9, 41_000]
    assert rows[1]["untrusted_name"] == "ci"
    assert rows[1]["permissions"] == "instance_read, misc"
    assert "canary" not in json.dumps(rows)
    assert "constraints" not in json.dumps(rows)


async def test_variables_are_shown_by_name_alone(tmp_path: Path) -> None:
    """Their values are masked by the vendor; that is not relied on."""
    world = World(tmp_path, toolsets="keys")
    world.simulator.world.secrets |= {"HF_TOKEN": "canary-1", "WANDB_KEY": "canary-2"}
    rows = await shown(world, "env")
    assert rows == [{"untrusted_name": "HF_TOKEN"}, {"untrusted_name": "WANDB_KEY"}]


async def test_an_account_without_keys_has_no_rows(tmp_path: Path) -> None:
    """An empty list is an answer."""
    world = World(tmp_path, toolsets="keys")
    assert await shown(world, "ssh") == []
    assert await shown(world, "env") == []


@pytest.mark.parametrize(("path", "kind"), [("ssh", "ssh"), ("apikeys", "api"), ("secrets", "env")])
async def test_a_list_that_cannot_be_read_is_no_empty_list(
    tmp_path: Path, path: str, kind: str
) -> None:
    """What cannot be trusted is told as that."""
    world = World(tmp_path, toolsets="keys")
    world.simulator.faults.add(
        "canned", "GET", path, times=9, status=200, body='{"success": true, "unlike": []}'
    )
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="cannot be trusted"):
            await world.call(client, "show_keys", kind=kind)


async def test_many_rows_are_cut_and_counted(tmp_path: Path) -> None:
    """A long list does not fill the conversation."""
    world = World(tmp_path, toolsets="keys")
    for number in range(60):
        add_ssh_key(world, number + 1, f"{KEY} k{number}")
    async with world.connect() as client:
        answer = await world.call(client, "show_keys", kind="ssh")
    assert len(answer["rows"]) == 50
    assert answer["more"] == 10
