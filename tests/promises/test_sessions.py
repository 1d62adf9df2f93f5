"""Two-factor sessions: which key is used, what happens at its end, and who is told before."""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from tests.world import ToolFailed, World
from vast_mcp.actions.prove_rights import NOWHERE
from vast_mcp.config import Settings
from vast_mcp.guard.act import Caller
from vast_mcp.keeper.rounds import Keeper
from vast_mcp.simulator import Simulator, SimulatorTransport

SESSION, NEXT_SESSION, PLAIN = "session-key-0001", "session-key-0002", "sim-key"
HOUR_S = 3600
WEEK_S = 7 * 24 * HOUR_S


class KeyedWorld(World):
    """A world whose keys lie where the official client puts them."""

    @property
    def settings(self) -> Settings:
        """As start-up reads them from the files."""
        held = replace(super().settings, key_home=self.tmp / "home")
        keys = held.find_keys()
        return replace(
            held,
            api_key=keys[0].value if keys else "",
            key_origin=keys[0].origin if keys else "",
        )

    def put_key(self, name: str, value: str) -> Path:
        """Write a key file now; its age is counted on the world's clock."""
        path = self.tmp / "home" / ".config" / "vastai" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)
        path.chmod(0o600)
        now_s = self.clock.utc_us() / 1_000_000
        os.utime(path, (now_s, now_s))
        return path

    def log_in(self, value: str = SESSION, hours: float = 7 * 24) -> None:
        """`vastai tfa login`."""
        self.simulator.open_session(value, hours)
        self.put_key("vast_tfa_key", value)


def keyed(
    tmp: Path, *, plain: str = PLAIN, environment: Mapping[str, str] | None = None
) -> KeyedWorld:
    """An account with a second factor, on whose computer somebody has logged in."""
    world = KeyedWorld(tmp, environment=environment or {})
    if plain:
        world.put_key("vast_api_key", plain)
    world.log_in()
    return world


def used(world: World) -> list[str]:
    """The keys that the vendor saw, one after another."""
    seen = [request.headers.get("authorization", "") for request in world.simulator.requests]
    return [key.removeprefix("Bearer ") for key in dict.fromkeys(seen)]


async def test_a_session_is_used_before_the_plain_key(tmp_path: Path) -> None:
    """After `vastai tfa login` nobody has to set anything."""
    world = keyed(tmp_path)
    async with world.connect() as client:
        number = await world.rent(client)
        answer = await world.call(client, "destroy_instance", instance_id=number)
    assert answer["status"] == "destroyed"
    assert used(world) == [SESSION]


async def test_a_read_goes_on_with_the_plain_key_when_the_session_has_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The official client's fall-back; the change is told once, and holds neither key."""
    world = keyed(tmp_path)
    world.clock.move(WEEK_S + 1)
    with caplog.at_level(logging.WARNING):
        async with world.connect() as client:
            first = await world.call(client, "show_account")
            await world.call(client, "show_instances")
    assert used(world) == [SESSION, PLAIN]
    told = [r.getMessage() for r in caplog.records if "session" in r.getMessage()]
    assert len(told) == 1
    assert "has ended" in told[0]
    assert "vastai tfa login" in first["warnings"][0]
    assert SESSION not in str(first) + told[0]


async def test_a_stop_whose_session_has_ended_is_sent_again_with_the_plain_key(
    tmp_path: Path,
) -> None:
    """A refused key means that nothing was done, so the write may go out again: once."""
    world = keyed(tmp_path)
    async with world.connect() as client:
        number = await world.rent(client)
        world.run_until_ready()
        world.simulator.keys.sessions[SESSION] = 0
        answer = await world.call(client, "stop_instance", instance_id=number)
    assert answer["status"] == "stopped"


class EndsBeforeTheWrite(SimulatorTransport):
    """The session ends between the look and the write."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(simulator)
        self._simulator_of = simulator

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """End it when the write arrives."""
        if request.method == "PUT" and b"stopped" in await request.aread():
            self._simulator_of.keys.sessions[SESSION] = 0
        return await super().handle_async_request(request)


async def test_a_session_that_ends_under_a_write_does_not_lose_it(tmp_path: Path) -> None:
    """The write itself is refused and sent again under a permit of its own."""
    world = keyed(tmp_path)
    async with world.connect() as client:
        number = await world.rent(client)
        world.run_until_ready()
    world.transport = EndsBeforeTheWrite(world.simulator)
    async with world.connect() as client:
        answer = await world.call(client, "stop_instance", instance_id=number)
    assert answer["status"] == "stopped"
    stops = [r.status for r in world.simulator.mutations() if r.json == {"state": "stopped"}]
    assert stops == [404, 200]


async def test_a_new_login_is_found_without_a_restart(tmp_path: Path) -> None:
    """A destroy that lacks the second factor takes the session that lies there by now."""
    world = keyed(tmp_path)
    async with world.connect() as client:
        number = await world.rent(client)
        world.clock.move(WEEK_S + 1)
        await world.call(client, "show_account")
        with pytest.raises(ToolFailed, match="vastai tfa login"):
            await world.call(client, "destroy_instance", instance_id=number)
        world.log_in(NEXT_SESSION)
        answer = await world.call(client, "destroy_instance", instance_id=number)
    assert answer["status"] == "destroyed"
    assert used(world) == [SESSION, PLAIN, NEXT_SESSION]


async def test_a_key_in_the_environment_is_never_replaced(tmp_path: Path) -> None:
    """A file may hold a key of another account; what was named stands alone."""
    world = keyed(tmp_path, environment={"VAST_API_KEY": "ended-session-key"})
    world.simulator.open_session("ended-session-key", hours=0)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="unless VAST_API_KEY is set"):
            await world.call(client, "show_account")
    assert used(world) == ["ended-session-key"]


class TwoAccounts(SimulatorTransport):
    """A second account of the same vendor answers one key; every request of that key is kept."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(simulator)
        self.seen: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """By the key."""
        if request.headers.get("authorization") != "Bearer another-accounts-key":
            return await super().handle_async_request(request)
        self.seen.append(request.url.path)
        return httpx2.Response(200, json={"id": 999_001, "credit": 5.0, "instances": []})


async def test_a_key_of_another_account_takes_no_place(tmp_path: Path) -> None:
    """The key file was changed to another account's: its machines are not ours to touch."""
    world = keyed(tmp_path)
    world.transport = accounts = TwoAccounts(world.simulator)
    async with world.connect() as client:
        await world.call(client, "show_account")  # the account is known from here on
        world.put_key("vast_api_key", "another-accounts-key")
        world.simulator.keys.sessions[SESSION] = 0
        for _ in range(2):
            with pytest.raises(ToolFailed, match="has ended"):
                await world.call(client, "show_instances")
    assert accounts.seen == ["/api/v0/users/current"]


async def test_the_end_of_a_session_before_a_lease_is_told(tmp_path: Path) -> None:
    """Nothing on this computer could end the machine afterwards."""
    world = keyed(tmp_path)
    world.clock.move(WEEK_S - 2 * HOUR_S)
    async with world.connect() as client:
        number = await world.rent(client, lease_hours=4)
        world.run_until_ready()
        answer = await world.call(client, "show_account")
    (warning,) = [text for text in answer["warnings"] if "session" in text]
    assert f"before the leases of instance {number}" in warning
    assert "2026-" in warning


async def test_the_right_to_end_is_tried_on_a_machine_that_is_none(tmp_path: Path) -> None:
    """404 shows that the key may, 401 that it may not; nothing else is ever sent."""
    world = keyed(tmp_path)
    async with world.runtime() as opened:
        may = await opened.session.rights.prove(Caller())
    world.simulator.keys.sessions[SESSION] = 0
    async with world.runtime() as opened:
        may_not = await opened.session.rights.prove(Caller())
    assert (may.may_end, may_not.may_end) == (True, False)
    assert "Two Factor" in may_not.says
    paths = {request.path for request in world.simulator.mutations()}
    assert paths == {f"/api/v0/instances/{NOWHERE}/"}


async def test_the_keeper_tries_the_right_once_a_day_while_something_lives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And at once when the key has changed; it says so in the log, and in the account."""
    world = keyed(tmp_path)
    tries = []

    async def look(keeper: Keeper) -> int:
        await keeper.look()
        await keeper.check_rights()
        tries.append(sum(str(NOWHERE) in r.path for r in world.simulator.mutations()))
        return tries[-1]

    async with world.runtime() as opened:
        keeper = Keeper(opened.session.guard, world.clock, rights=opened.session.rights)
        assert await look(keeper) == 0  # none of our rentals lives
    async with world.connect() as client:
        await world.rent(client, lease_hours=30)
    async with world.runtime() as opened:
        keeper = Keeper(opened.session.guard, world.clock, rights=opened.session.rights)
        assert await look(keeper) == 1
        world.clock.move(HOUR_S)
        assert await look(keeper) == 1
        world.clock.move(24 * HOUR_S)
        assert await look(keeper) == 2
        world.simulator.keys.sessions[SESSION] = 0
        with caplog.at_level(logging.WARNING, "vast_mcp.keeper"):
            assert await look(keeper) == 3
    assert "may not end machines" in caplog.text


async def test_the_right_is_not_tried_in_read_only_mode(tmp_path: Path) -> None:
    """Not one request that is meant to change something."""
    world = keyed(tmp_path)
    world.read_only = True
    async with world.runtime() as opened:
        rights = await opened.session.rights.daily()
    assert rights is None
    assert world.simulator.mutations() == []
