"""`watch` and `leases`: an end is enforced without any server, and nothing else is touched.

See docs/design.md#leases.
"""

from pathlib import Path

from mcp import Client

from tests.cli.shell import Shell, shell
from tests.world import SEAL_KEY
from vast_mcp.server import create_server


async def rent(at: Shell, lease_hours: float, key: str) -> int:
    """One cheap machine under a lease, rented through a client inside the test."""
    server = create_server(at.runtime, SEAL_KEY)
    async with at.runtime() as opened:
        offers = await at.world.offers(opened)
    async with Client(server) as client:
        return await at.world.rent(
            client, offers[0], lease_hours=lease_hours, request_key=key, label=key
        )


def alive(at: Shell) -> dict[int, str]:
    """Every machine of the account and whether its owner wants it to run."""
    at.world.simulator.catch_up()
    return {
        one.id: "running" if one.wants_to_run else "stopped"
        for one in at.world.simulator.world.instances.values()
    }


async def test_watch_once_ends_what_is_over_and_nothing_else(tmp_path: Path) -> None:
    """An ended lease is stopped; a healthy one and a stranger's are left alone."""
    async with shell(tmp_path, hours_ago=10) as at:
        over = await rent(at, 4, "over")
        healthy = await rent(at, 20, "healthy")
        stranger = at.world.simulator.add_foreign_instance(label="theirs")
        at.world.run_until_ready(5 * 3600)

        done = await at.run("watch", "--once")

        assert done.code == 0
        assert "Traceback" not in done.err
        assert f'notice: The lease of instance {over} "over" has ended: stopped.' in done.err
        assert f"lease of {over} ended: stopped" in done.out
        assert alive(at) == {over: "stopped", healthy: "running", stranger: "running"}


async def test_a_second_watch_does_nothing_more(tmp_path: Path) -> None:
    """What has ended stays ended without another request that changes anything."""
    async with shell(tmp_path, hours_ago=10) as at:
        await rent(at, 4, "over")
        at.world.run_until_ready(5 * 3600)
        assert "stopped" in (await at.run("watch", "--once")).out
        before = len(at.world.simulator.mutations())

        done = await at.run("watch", "--once")

        assert (done.code, done.out) == (0, "")
        assert len(at.world.simulator.mutations()) == before


async def test_watch_refuses_to_run_read_only(tmp_path: Path) -> None:
    """It could not stop anything, so it says so instead of pretending."""
    async with shell(tmp_path) as at:
        at.extra["VAST_MCP_READ_ONLY"] = "1"
        done = await at.run("watch", "--once")
    assert done.code == 2
    assert "Read-only" in done.err


async def test_watch_tells_when_the_vendor_is_out_of_reach(tmp_path: Path) -> None:
    """Cron mails it: exit 4, one line, no traceback."""
    async with shell(tmp_path) as at:
        at.extra["VAST_URL"] = "http://127.0.0.1:9"
        done = await at.run("watch", "--once")
    assert done.code == 4
    assert len(done.err.splitlines()) == 1


async def test_leases_shows_ours_with_its_end_and_a_stranger_without(tmp_path: Path) -> None:
    """A person sees in one look what will end by itself and what will not."""
    async with shell(tmp_path) as at:
        ours = await rent(at, 4, "mine")
        stranger = at.world.simulator.add_foreign_instance(label="theirs")

        done = await at.run("leases")

        rows = {line.split()[1]: line for line in done.out.splitlines()[1:]}
        assert done.code == 0
        assert "stop" in rows[str(ours)]
        assert "mine" in rows[str(ours)]
        assert "not ours: never touched" in rows[str(stranger)]


async def test_leases_of_an_empty_account(tmp_path: Path) -> None:
    """Nothing is said plainly."""
    async with shell(tmp_path) as at:
        done = await at.run("leases")
    assert (done.code, done.out) == (0, "nothing is rented\n")
