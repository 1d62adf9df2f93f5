"""`pending`, `approve`, `deny`, `audit`, `doctor`: a person's own way to the account.

See docs/design.md#key-and-account.
"""

from pathlib import Path

from mcp import Client

from tests.cli.shell import Shell, at_terminal, shell
from tests.database import opened
from tests.world import SEAL_KEY
from vast_mcp.server import create_server

A_WHILE = 0.3
"""Hours: long enough for a machine to load, short enough that its plan has not expired."""


async def plan(at: Shell) -> str:
    """A destroy that waits for a yes, made by a client that cannot ask."""
    server = create_server(at.runtime, SEAL_KEY)
    async with at.runtime() as opened:
        offer = (await at.world.offers(opened))[0]
    async with Client(server) as client:
        instance_id = await at.world.rent(client, offer)
        at.world.run_until_ready()
        waiting = await at.world.call(client, "destroy_instance", instance_id=instance_id)
    assert waiting["status"] == "needs_confirmation"
    return str(waiting["plan_id"])


async def test_pending_shows_the_stored_question(tmp_path: Path) -> None:
    """What is approved is what was asked, to the letter."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        plan_id = await plan(at)
        done = await at.run("pending")
    assert done.code == 0
    assert done.out.startswith(f"{plan_id}\n  Destroy ")


async def test_approve_refuses_without_a_terminal(tmp_path: Path) -> None:
    """A model that can run commands is not a person at a terminal."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        plan_id = await plan(at)
        done = await at.run("approve", plan_id)
    assert done.code == 1
    assert "only a person at a terminal" in done.err


async def test_approve_at_a_terminal_lets_the_plan_be_carried_out(tmp_path: Path) -> None:
    """It marks the plan; `confirm_plan` then performs it (docs/design.md#commands)."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        plan_id = await plan(at)
        digits = plan_id.split("-")[1][-4:]

        code, shown = await at_terminal(at, "approve", plan_id, types=digits)
        pending = await at.run("pending")

        assert code == 0, shown
        assert "confirm_plan" in shown
        assert "approved; waits for confirm_plan" in pending.out
        async with Client(create_server(at.runtime, SEAL_KEY)) as client:
            outcome = await at.world.call(client, "confirm_plan", plan_id=plan_id)
    assert outcome["status"] == "destroyed"


async def test_wrong_digits_approve_nothing(tmp_path: Path) -> None:
    """The plan goes on waiting."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        plan_id = await plan(at)
        code, shown = await at_terminal(at, "approve", plan_id, types="0")
        pending = await at.run("pending")
    assert code == 1
    assert "Not approved" in shown
    assert "approved; waits" not in pending.out


async def test_deny_ends_the_plan(tmp_path: Path) -> None:
    """A no needs no terminal and cannot be undone."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        plan_id = await plan(at)
        done = await at.run("deny", plan_id)
        again = await at.run("deny", plan_id)
        pending = await at.run("pending")
    assert (done.code, again.code) == (0, 2)
    assert pending.out == "nothing waits for a yes\n"
    assert not at.world.simulator.world.fleet.destroyed


async def test_audit_shows_what_was_done_and_verifies(tmp_path: Path) -> None:
    """Every decision and write, oldest first."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        await plan(at)
        shown, verified = await at.run("audit"), await at.run("audit", "verify")
    assert "decision create_instance allowed" in shown.out
    assert (verified.code, verified.out[:6]) == (0, "whole:")


async def test_audit_verify_names_the_first_altered_row(tmp_path: Path) -> None:
    """Exit 1, so that a script notices."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        await plan(at)
        [ledger] = at.settings.state_dir.glob(f"{'[0-9a-f]' * 16}.db")
        with opened(ledger) as books:
            books.execute("UPDATE audit SET verdict = 'denied' WHERE seq = 2")
        books.close()
        done = await at.run("audit", "verify")
    assert done.code == 1
    assert "BROKEN: " in done.out
    assert "row 2 was altered" in done.out


async def test_doctor_finds_a_sound_account_sound(tmp_path: Path) -> None:
    """A line each, exit 0, and the key is nowhere in it."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        await plan(at)
        done = await at.run("doctor")
    assert done.code == 0, done.out
    subjects = [line[7:19].strip() for line in done.out.splitlines()]
    assert subjects == [
        "key", "policy", "account", "instances", "endpoints", "ssh keys", "ending", "clock",
        "state", "ledger", "spending", "leases",
    ]  # fmt: skip
    assert "sim-key" not in done.out


async def test_doctor_finds_a_refused_key_and_a_broken_policy(tmp_path: Path) -> None:
    """Each fault has its line; exit 1. A refused key is told once, not once per permission."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        policy = tmp_path / "broken.toml"
        policy.write_text("[limits]\nmax_runing = 1\n", encoding="utf-8")
        at.extra |= {"VAST_API_KEY": "wrong-key-0123", "VAST_MCP_POLICY": str(policy)}
        done = await at.run("doctor")
    faults = [line for line in done.out.splitlines() if line.startswith("FAULT")]
    assert done.code == 1
    assert "max_runing" in faults[0]
    assert ["does not accept the API key" in line for line in faults] == [False, True]
    assert "not checked" in done.out.splitlines()[-1]
    assert "wrong-key-0123" not in done.out + done.err


async def test_doctor_without_a_key_says_how_to_get_one(tmp_path: Path) -> None:
    """The first thing a newcomer meets."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        at.extra["VAST_API_KEY"] = ""
        done = await at.run("doctor")
    assert done.code == 1
    assert "or sets VAST_API_KEY" in done.out.splitlines()[0]
    assert done.out.count("or sets VAST_API_KEY") == 1


async def test_doctor_names_an_address_that_no_machine_could_use(tmp_path: Path) -> None:
    """A fault, by the variable's name; a password in it is not repeated."""
    async with shell(tmp_path, hours_ago=A_WHILE) as at:
        at.extra["VAST_URL"] = at.address.replace("//", "//me:pass-0123@").replace(
            "http:", "https:"
        )
        done = await at.run("doctor")
    faults = [line for line in done.out.splitlines() if line.startswith("FAULT")]
    assert done.code == 1
    assert "VAST_URL" in faults[0]
    assert "pass-0123" not in done.out + done.err
