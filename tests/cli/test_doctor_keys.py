"""What `doctor` says of the key: where it is from, when it ends, what it may do."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests import keyrings
from tests.cli.test_doctor import findings
from tests.promises.test_sessions import PLAIN, SESSION, KeyedWorld, keyed
from tests.world import World
from vast_mcp.actions.prove_rights import NOWHERE
from vast_mcp.cli.doctor import _key
from vast_mcp.config import Settings
from vast_mcp.logins import KeyPlace, Login, Logins

HOUR_S = 3600


async def test_doctor_says_when_a_session_ends_and_that_it_may_end_machines(tmp_path: Path) -> None:
    """The happy account: a fresh login."""
    world = keyed(tmp_path)
    found = await findings(world)
    assert "two-factor session from" in found["key"].says
    assert "ends about 2026-06-08" in found["key"].says
    assert (found["key"].sound, found["ending"].sound) == (True, True)
    assert {request.path for request in world.simulator.mutations()} == {
        f"/api/v0/instances/{NOWHERE}/"
    }


async def test_doctor_faults_a_key_that_may_not_end_machines(tmp_path: Path) -> None:
    """A plain key on an account with a second factor enforces no lease: a fault, with the cure."""
    world = KeyedWorld(tmp_path)
    world.put_key("vast_api_key", PLAIN)
    world.simulator.require_two_factor()
    found = await findings(world)
    assert found["instances"].sound is True
    assert found["ending"].sound is False
    assert "vastai tfa login" in found["ending"].says


async def test_doctor_tells_of_a_session_that_is_not_used(tmp_path: Path) -> None:
    """Whoever logged in and left VAST_API_KEY set wonders why nothing changed."""

    class Given(KeyedWorld):
        @property
        def settings(self) -> Settings:
            return replace(super().settings, key_origin="VAST_API_KEY")

    world = Given(tmp_path, environment={"VAST_API_KEY": PLAIN})
    world.log_in()
    said = [str(one) for one in (await findings(world)).values()]
    assert any("VAST_API_KEY takes precedence" in line for line in said)
    assert SESSION not in "".join(said)


async def test_doctor_says_which_login_is_used_and_which_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key of `vast-mcp login`, and VAST_API_KEY in front of it; a login that cannot be read."""
    keyrings.absent(monkeypatch)
    logins = Logins(tmp_path / "logins")
    path = logins.keep("https://console.vast.ai", PLAIN).path

    def lines(given: str) -> list[str]:
        environment = {"VAST_API_KEY": given} if given else {}
        settings = replace(
            World(tmp_path).settings,
            api_base="https://console.vast.ai",
            api_key=given or (logins.find("https://console.vast.ai") or nothing).value,
            key_origin="VAST_API_KEY" if given else str(path),
            key_home=tmp_path,
            logins=logins,
            environment=environment,
        )
        return [str(line) for line in _key(settings, 0)]

    nothing = Login(KeyPlace.FILE, path)
    assert lines("") == [f"ok     key          from vast-mcp login, kept in {path}"]
    assert "key of vast-mcp login is not used: VAST_API_KEY" in lines("given-key")[1]
    path.chmod(0o640)
    assert any("chmod 600" in line for line in lines(""))
    path.write_text("{")
    (fault,) = lines("")
    assert fault.startswith("FAULT  key")
    assert "damaged" in fault


async def test_doctor_tells_of_leases_that_outlive_the_session(tmp_path: Path) -> None:
    """Nothing here could end them afterwards."""
    world = keyed(tmp_path)
    world.clock.move(7 * 24 * HOUR_S - 2 * HOUR_S)
    async with world.connect() as client:
        number = await world.rent(client, lease_hours=4)
    found = await findings(world)
    assert f"instance {number}" in found["session"].says
    assert found["key"].sound is None  # less than a day is left


async def test_doctor_sends_no_write_in_read_only_mode(tmp_path: Path) -> None:
    """Not even to a machine that is none."""
    world = keyed(tmp_path)
    world.read_only = True
    found = await findings(world)
    assert found["ending"].sound is None
    assert world.simulator.mutations() == []


async def test_doctor_does_not_try_on_an_account_that_has_such_a_machine(tmp_path: Path) -> None:
    """Ids that have grown so long are a reason not to know, never to destroy."""
    world = keyed(tmp_path)
    number = world.simulator.add_foreign_instance()
    contract = world.simulator.world.instances.pop(number)
    contract.id = NOWHERE
    world.simulator.world.instances[NOWHERE] = contract
    found = await findings(world)
    assert found["ending"].sound is None
    assert world.simulator.mutations() == []
    assert NOWHERE in world.simulator.world.instances


async def test_doctor_tells_of_a_session_file_that_others_can_read(tmp_path: Path) -> None:
    """As it does of the key's own file."""
    world = keyed(tmp_path)
    world.put_key("vast_tfa_key", SESSION).chmod(0o644)
    said = [str(one) for one in _key(world.settings, world.clock.utc_us())]
    assert any("chmod 600" in line and "vast_tfa_key" in line for line in said)
