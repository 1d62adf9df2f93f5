"""Directories that hold our own limits, keys or code are never open for copying."""

from dataclasses import replace
from pathlib import Path

import pytest

import vast_mcp
from tests.tools.ssh_world import ssh_world
from tests.world import ToolFailed
from vast_mcp.config import Settings
from vast_mcp.logins import Logins
from vast_mcp.remote.own_places import held_of_ours
from vast_mcp.runtime import local_roots


def settings_in(tmp: Path) -> Settings:
    """As start-up would read them."""
    return Settings(
        api_key="k",
        state_dir=tmp / "state",
        user_policy=tmp / "config" / "policy.toml",
        system_policy=tmp / "etc" / "policy.toml",
    )


async def test_a_policy_cannot_open_the_directory_that_holds_the_policy(tmp_path: Path) -> None:
    """A download below such a root could rewrite the limits; nothing is read and nothing sent."""
    policy = f"[files]\nroots = ['{tmp_path}']\n"
    async with ssh_world(tmp_path, policy=policy) as lab:
        instance_id = await lab.machine()
        sent = len(lab.world.simulator.mutations())
        with pytest.raises(ToolFailed, match="which no copy may touch") as raised:
            await lab.call(
                "copy_files",
                source=f"C.{instance_id}:/workspace/policy.toml",
                destination=f"local:{tmp_path}/policy.toml",
            )
        assert len(lab.world.simulator.mutations()) == sent
    assert "Only the user" in str(raised.value)
    assert lab.world.policy_path.read_text() == policy


def test_a_checkout_in_the_default_directory_closes_it(tmp_path: Path) -> None:
    """Whoever cloned this project into ~/vast-mcp is told; its code is not overwritten."""
    code = Path(vast_mcp.__file__).resolve().parent
    settings = settings_in(tmp_path)
    assert held_of_ours(code.parent, settings) == "this server's own code"
    assert held_of_ours(code / "tools", settings) == "this server's own code"
    (tmp_path / "state").mkdir()
    assert "keys" in held_of_ours(tmp_path / "state" / "known_hosts", settings)
    assert held_of_ours(tmp_path / "work", settings) == ""
    logins = Logins(tmp_path / "else" / "logins")
    elsewhere = replace(settings, ledger=tmp_path / "own" / "ledger.db", logins=logins)
    assert held_of_ours(tmp_path / "else", elsewhere) == "the keys of vast-mcp login"


def test_the_usual_directory_is_open(tmp_path: Path) -> None:
    """The test above would be worth nothing if everything were closed."""
    settings = settings_in(tmp_path)
    assert local_roots(settings).roots[0].name == "vast-mcp"
