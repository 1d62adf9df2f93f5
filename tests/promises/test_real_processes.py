"""The same over real pipes: a server process, a client, the built-in simulator.

See docs/design.md#questions.
"""

import os
import sys
from pathlib import Path
from typing import cast

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult

from tests.world import Answer, Json, Mode, World, agree, said, scale
from vast_mcp.clock import SystemClock

EVERY = [
    (mode, answer)
    for mode in ("legacy", "auto")
    for answer in ("accept", "decline", "cancel", None)
]
CELLS = (
    EVERY if scale("VAST_MCP_TEST_STDIO_CELLS", 3) >= len(EVERY) else [EVERY[0], EVERY[5], EVERY[7]]
)


@pytest.mark.parametrize(("mode", "answer"), CELLS, ids=str)
async def test_a_server_process_asks_as_the_matrix_says(
    tmp_path: Path, mode: Mode, answer: Answer
) -> None:
    """Stdio: rent, stop and destroy over pipes, both eras, every kind of client."""
    policy = tmp_path / "policy.toml"
    policy.write_text("[no_question]\nusd_per_hour = 0.01\n", encoding="utf-8")
    world = World(tmp_path)  # for its questions and its shorthand only
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "vast_mcp", "serve", "--simulate", "--seed", "3", "--policy", str(policy)],
        env=environ,
        cwd=Path(__file__).parents[2],
    )
    callback = None if answer is None else world.asked(_unhurried(answer))
    async with Client(server, mode=mode, elicitation_callback=callback) as client:
        found = await world.call(client, "search_offers", limit=3)
        offer_id = cast("int", found["offers"][0]["offer_id"])
        rented = await world.call(client, "create_instance", offer_id=offer_id)
        if answer in ("decline", "cancel"):
            assert (rented["status"], len(world.questions)) == ("declined", 1)
            assert "instance_id" not in str(await world.call(client, "show_instances"))
            return
        rented = await _confirmed(world, client, rented, answer)
        assert rented["status"] == "rented", rented
        instance_id = rented["instance_id"]
        for tool, done in (("stop_instance", "stopped"), ("destroy_instance", "destroyed")):
            ended = await world.call(client, tool, instance_id=instance_id)
            ended = await _confirmed(world, client, ended, answer)
            assert ended["status"] == done, ended
    assert len(world.questions) == (3 if answer == "accept" else 0)


def _unhurried(answer: Answer) -> Answer:
    """A person who takes longer to say no than a client that says it by itself."""

    async def reply(message: str, schema: Json) -> ElicitResult:
        if answer in ("decline", "cancel"):
            await SystemClock().sleep(1.2)
            return said(answer)
        return agree(message, schema)

    return reply


async def _confirmed(world: World, client: Client, told: Json, answer: Answer) -> Json:
    if answer is not None:
        return told
    assert told["status"] == "needs_confirmation", told
    return await world.call(client, "confirm_plan", plan_id=told["plan_id"])
