"""Promise: the key a person logged in with is the one that is used, or none is."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests import keyrings
from tests.promises.test_sessions import PLAIN, SESSION, KeyedWorld, used
from tests.world import ToolFailed
from vast_mcp.config import Settings
from vast_mcp.logins import Logins


class LoggedIn(KeyedWorld):
    """A person who ran `vast-mcp login`; the official client's key files lie there as well."""

    @property
    def logins(self) -> Logins:
        """Read from the disk each time, as by a new process."""
        return Logins(self.tmp / "logins")

    @property
    def settings(self) -> Settings:
        """As start-up reads them."""
        held = replace(super().settings, logins=self.logins)
        keys = held.find_keys()
        return replace(
            held,
            api_key=keys[0].value if keys else "",
            key_origin=keys[0].origin if keys else "",
        )

    def login(self, key: str) -> Path:
        """`vast-mcp login`, without the check; where it was kept."""
        return self.logins.keep(self.settings.api_base, key).path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoggedIn:
    """With a key file of the official client that the vendor knows."""
    keyrings.absent(monkeypatch)
    found = LoggedIn(tmp_path)
    found.put_key("vast_api_key", PLAIN)
    return found


async def test_a_login_goes_before_the_official_clients_file(world: LoggedIn) -> None:
    """And a refused one is not replaced by it: the file is another choice."""
    world.login("a-key-that-was-deleted")
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="vast-mcp login"):
            await world.call(client, "show_account")
    assert used(world) == ["a-key-that-was-deleted"]


async def test_a_login_that_cannot_be_read_sends_no_key_at_all(world: LoggedIn) -> None:
    """The official client's key works, and may be another account's: rents there would surprise."""
    world.login(PLAIN).write_text("{")
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=r"damaged.*vast-mcp login"):
            await world.call(client, "show_account")
        with pytest.raises(ToolFailed, match="damaged"):
            await world.call(client, "show_instances")
    assert [key for key in used(world) if key] == []
    assert world.simulator.mutations() == []


async def test_a_two_factor_session_helps_a_login_that_lacks_it(world: LoggedIn) -> None:
    """`vastai tfa login` of the same account goes on working beside it."""
    world.login(PLAIN)
    world.simulator.require_two_factor()
    async with world.connect() as client:
        number = await world.rent(client)
        world.log_in()
        ended = await world.call(client, "destroy_instance", instance_id=number)
    assert ended["status"] == "destroyed"
    assert used(world) == [PLAIN, SESSION]
