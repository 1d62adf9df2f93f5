"""Two-factor sessions as the official client knows them: it and ours read the same files."""

from pathlib import Path

import pytest

from tests.oracle.client import OpenClient
from vast_mcp.config import find_keys

pytestmark = pytest.mark.oracle

SESSION = "session-key-0001"


def put_keys(home: Path) -> Path:
    """A session and a plain key where the client keeps them; the session's file."""
    place = home / ".config" / "vastai"
    place.mkdir(parents=True)
    (place / "vast_api_key").write_text("sim-key")
    (place / "vast_tfa_key").write_text(SESSION)
    return place / "vast_tfa_key"


async def test_the_client_and_ours_fall_back_alike_when_a_session_ends(
    official: OpenClient, tmp_path: Path
) -> None:
    """The session is sent first; its end is known by the simulator's words; then the key file."""
    session = put_keys(tmp_path)
    ours = [key.value for key in find_keys({}, tmp_path)]
    async with official() as client:
        client.simulator.open_session(SESSION)
        await client.run("show", "user", "--raw", key=None)
        client.simulator.keys.sessions[SESSION] = 0
        said = await client.run("show", "user", "--raw", key=None)
        seen = [x.headers.get("authorization", "")[7:] for x in client.simulator.requests]
    assert "2FA session has expired" in said
    assert [key for key in dict.fromkeys(seen) if key] == ours == [SESSION, "sim-key"]
    assert not session.exists()  # the client removes it; ours leaves files alone


async def test_the_client_knows_our_refusal_of_a_plain_key(official: OpenClient) -> None:
    """It tells the person to log in only where the refusal speaks of Two Factor Authentication."""
    async with official() as client:
        contract = await client.rented()
        client.simulator.require_two_factor()
        said = await client.run("destroy", "instance", str(contract.id), "--yes")
    assert "vastai tfa login" in said
    assert contract.id in client.simulator.world.instances
