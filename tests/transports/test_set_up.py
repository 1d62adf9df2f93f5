"""Setting it up is not silent: what closes spending is said, and nothing hangs or rambles."""

import asyncio
import os
import pty
import re
import shlex
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.cli.test_doctor import findings
from tests.transports.processes import INITIALIZE, started
from tests.world import World
from vast_mcp.account.freezing import freeze
from vast_mcp.cli import leases, pending
from vast_mcp.cli.account import found_without_key, opened
from vast_mcp.cli.frozen_ledger import closed_by_ledger
from vast_mcp.cli.main import main
from vast_mcp.errors import ConfigInvalid, KeyMissing

PATIENCE_S = 2.0
EVERY_RENT_NEEDS_A_PERSON = {
    "VAST_MCP_MAX_USD_PER_RENTAL_UNASKED_CLIENT": "0.01",
    "VAST_MCP_NO_QUESTION_USD_PER_RENTAL": "0.01",
}


class Silent(httpx2.AsyncBaseTransport):
    """A vendor that takes every request and never answers."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Wait for ever."""
        await anyio.sleep_forever()
        raise AssertionError(request)


async def test_the_end_of_stdin_ends_the_server_though_the_vendor_does_not_answer(
    tmp_path: Path,
) -> None:
    """A client that leaves is not kept waiting for books that nobody here needs."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        async with started(tmp_path, VAST_URL=address, VAST_API_KEY="a-key-0123") as server:
            await server.greet()
            assert server.process.stdin is not None
            began = time.perf_counter()
            server.process.stdin.close()
            assert await server.ended() == 0
            assert time.perf_counter() - began < PATIENCE_S


async def test_serve_says_at_start_why_nothing_can_be_rented(tmp_path: Path) -> None:
    """No key and a broken policy, each with what to do, before any tool is called."""
    policy = tmp_path / "p.toml"
    policy.write_text("[limits]\nmax_runing = 1\n", encoding="utf-8")
    async with started(tmp_path, VAST_URL="http://127.0.0.1:9", VAST_MCP_POLICY=str(policy)) as at:
        await at.send(INITIALIZE)
        declared = (await at.receive(1))["result"]["capabilities"]
    assert declared["resources"] == {"subscribe": False, "listChanged": False}
    said = "".join(at.log)
    assert "nothing can be read or rented: No Vast.ai API key is set." in said
    assert "`vast-mcp login`" in said
    assert f"nothing can be rented: the policy cannot be read ({policy}: line 2:" in said
    assert "vast-mcp policy check" in said


async def test_a_freeze_is_told_at_start_and_by_doctor(tmp_path: Path) -> None:
    """A person may have frozen all spending weeks ago."""
    world = World(tmp_path)
    assert await closed_by_ledger(world.settings) == []
    assert "open" in (await findings(world))["spending"].says
    async with world.runtime() as runtime:
        await freeze(runtime.session.account.ledger, world.clock, "the person")
    (line,) = await closed_by_ledger(world.settings)
    assert "frozen by the person" in line
    assert "`vast-mcp unfreeze`" in line
    told = (await findings(world))["spending"]
    assert told.sound is None
    assert "frozen by the person" in told.says


async def test_doctor_names_the_host_and_gives_up_after_three_seconds(tmp_path: Path) -> None:
    """Somebody who sets it up behind a proxy is not left in front of a still screen."""
    world = World(tmp_path)
    answered = (await findings(world))["account"]
    assert "console.vast.ai (https://console.vast.ai)" in answered.says
    world.transport = Silent()
    began = time.perf_counter()
    told = (await findings(world))["account"]
    assert time.perf_counter() - began < 3 + PATIENCE_S
    assert told.sound is False
    assert told.says.startswith("console.vast.ai (https://console.vast.ai) did not answer within 3")


async def test_a_taken_port_is_one_line_and_the_health_of_the_server_has_an_address(
    tmp_path: Path,
) -> None:
    """Exit 2 and no traceback; /healthz tells whoever watches over processes that it lives."""
    serve = ("--simulate", "--transport", "http")
    async with started(tmp_path, *serve, "--port", "0", VAST_MCP_HTTP_TOKEN="t" * 20) as first:
        address = await first.said(r"serving MCP at (\S+)/mcp")
        async with httpx2.AsyncClient(trust_env=False) as http:
            healthy = await http.get(f"{address}/healthz")
            refused = await http.post(f"{address}/mcp", json={})
        assert (healthy.status_code, healthy.text) == (200, "ok\n")
        assert refused.status_code == 401
        port = address.rpartition(":")[2]
        async with started(tmp_path, *serve, "--port", port) as second:
            assert await second.ended() == 2
    lines = [line for line in second.log if "Ledger:" not in line]
    assert len(lines) == 1, lines
    assert f"Cannot listen on 127.0.0.1:{port}" in lines[0]
    assert "--port" in lines[0]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("serv", "vast-mcp serve"), ("docter", "vast-mcp doctor"), ("aprove", "vast-mcp approve")],
)
def test_a_misspelt_command_is_answered_with_the_right_one(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line instead of the list of all commands; exit 2."""
    assert main([word]) == 2
    said = capsys.readouterr().err
    assert f"did you mean `{meant}`?" in said
    assert said.count("\n") == 1
    assert main(["quux"]) == 2
    assert "did you mean" not in capsys.readouterr().err


async def test_the_books_are_read_without_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key often lives in the client's settings only; the person's terminal has none."""
    world = World(tmp_path)
    async with world.connect(answer=None) as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        waiting = await world.call(client, "destroy_instance", instance_id=instance_id)
    keyless = replace(world.settings, api_key="")
    assert await leases.show(keyless) == 4
    told = capsys.readouterr().out
    assert f"instance {instance_id}" in told
    assert "No Vast.ai API key is set" in told
    async with opened(keyless, clock=world.clock) as runtime:
        plans = await runtime.session.guard.answers.pending()
        assert [plan.plan_id for plan in plans] == [waiting["plan_id"]]
        assert await runtime.session.account.ledger.read(lambda tx: tx.audit(1))
        assert await runtime.session.account.ledger.read(lambda tx: tx.audit_fault()) == ""


async def test_of_several_ledgers_none_is_guessed(tmp_path: Path) -> None:
    """Without a key, the books of two accounts: the person chooses, and is told how."""
    world = World(tmp_path)
    keyless = replace(world.settings, api_key="")
    assert found_without_key(keyless) == keyless  # nothing there: the missing key is told
    with pytest.raises(KeyMissing):
        await pending._pending(keyless)
    keyless.state_dir.mkdir(exist_ok=True)
    for name in ("0123456789abcdef", "fedcba9876543210"):
        (keyless.state_dir / f"{name}.db").touch()
    with pytest.raises(ConfigInvalid) as refused:
        await pending._pending(keyless)
    assert "--ledger FILE" in str(refused.value)
    assert "fedcba9876543210.db" in str(refused.value)
    assert found_without_key(world.settings) == world.settings


async def test_the_command_that_an_answer_names_approves_at_that_very_server(
    tmp_path: Path,
) -> None:
    """Typed as written, in a terminal without key or settings, beside `serve --simulate`."""
    async with started(tmp_path, "--simulate", **EVERY_RENT_NEEDS_A_PERSON) as server:
        await server.greet()
        found = await server.ask(
            2, "tools/call", name="search_offers", arguments={"limit": 1, "hours": 1}
        )
        offer = found["structuredContent"]["offers"][0]
        asked = await server.ask(
            3, "tools/call", name="create_instance",
            arguments={"offer_id": offer["offer_id"], "lease_hours": 1},
        )  # fmt: skip
        told = asked["structuredContent"]
        command = re.search(r"`vast-mcp ([^`]+)`", told["next"])
        assert command is not None, told
        code, shown = await _typed(tmp_path, *shlex.split(command[1]))
        assert code == 0, shown
        done = await server.ask(
            4, "tools/call", name="confirm_plan", arguments={"plan_id": told["plan_id"]}
        )
    assert done["structuredContent"]["status"] == "rented", done


async def _typed(home: Path, *words: str) -> tuple[int, str]:
    """Run a command on a terminal of its own; a person types what its prompt wants."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vast_mcp", *words, stdin=theirs, stdout=theirs, stderr=theirs,
        env={"PATH": os.environ["PATH"], "HOME": str(home / "person")},
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    try:
        async with asyncio.timeout(60):
            while not (wanted := re.search(r"Type (\d+) to approve", shown)):
                shown += (await asyncio.to_thread(os.read, ours, 4096)).decode()
            os.write(ours, f"{wanted[1]}\n".encode())
            await process.wait()
            shown += os.read(ours, 65536).decode()
    finally:
        os.close(ours)
    return process.returncode or 0, shown
