"""No tool goes round the guard: whatever is registered is called, and nothing may change.

See docs/design.md#the-wall.
"""

from pathlib import Path

import pytest

from tests.promises.things import (
    OPEN_POLICY,
    UNSEEN_BY_THE_VENDOR,
    calls_of,
    furnish,
    said_by,
    tools,
    wanted_of,
)
from tests.world import Answer, World, report
from vast_mcp.clock import SystemClock

DENY_ALL = '[levels]\n"*" = "deny"\n'
ASK_ALL = '[levels]\n"*" = "ask"\n'
BROKEN = "[limits\nmax_running = lots"
DONE = {"needs_confirmation", "declined", "kept", "changed", "refused"}
CASES: dict[str, tuple[str, Answer, bool]] = {
    "everything denied": (DENY_ALL, "accept", False),
    "asked and declined": (ASK_ALL, "decline", False),
    "asked and cancelled": (ASK_ALL, "cancel", False),
    "cannot ask": (ASK_ALL, None, False),
    "broken policy, declined": (BROKEN, "decline", False),
    "broken policy, cannot ask": (BROKEN, None, False),
    "read-only": (OPEN_POLICY, "accept", True),
}


@pytest.mark.parametrize("case", CASES)
async def test_no_registered_tool_changes_anything_without_a_yes(tmp_path: Path, case: str) -> None:
    """Every registered tool is called and the simulator sees zero mutations."""
    policy, answer, read_only = CASES[case]
    world = World(tmp_path, policy=OPEN_POLICY, toolsets="all", seed=11)
    things = await furnish(world)
    before = len(world.simulator.mutations())
    world.write_policy(policy)
    world.read_only = read_only
    called = 0
    async with world.simulator.ssh_servers(), world.connect(answer=answer) as client:
        for spec in tools():
            for arguments in calls_of(spec, things):
                if policy == ASK_ALL and things.covered(spec.name, arguments):
                    continue
                called += 1
                failed, said = await said_by(client, spec.name, arguments)
                told = f"{spec.name} {arguments} said {said}"
                assert len(world.simulator.mutations()) == before, told
                if failed:
                    assert len(str(said["error"]).split()) >= 5, told
                    assert "Traceback" not in said["error"], told
                elif not spec.reads:
                    nothing = "nothing was sent" in said.get("said", "")
                    assert said["status"] in DONE or nothing, told
                    assert said.get("said"), told
                    assert said.get("next"), told
    report(f"{case}: {len(tools())} tools, {called} calls, 0 mutations")


def test_every_tool_has_generated_arguments(tmp_path: Path) -> None:
    """A tool that is added without arguments for the test above fails the suite."""
    world = World(tmp_path)
    names = [spec.name for spec in tools()]
    assert len(set(names)) == len(names)
    for spec in tools():
        assert isinstance(wanted_of(spec), list)
    assert world.questions == []


WRITERS = [
    spec.name for spec in tools() if not spec.reads and spec.name not in UNSEEN_BY_THE_VENDOR
]


@pytest.mark.parametrize("name", WRITERS)
async def test_the_same_calls_do_change_something_once_there_is_a_yes(
    tmp_path: Path, name: str
) -> None:
    """Negative control: the calls above are valid ones, not refused as nonsense."""
    world = World(tmp_path, policy=OPEN_POLICY, toolsets="all", seed=11)
    things = await furnish(world)
    before = len(world.simulator.mutations())
    (spec,) = (spec for spec in tools() if spec.name == name)
    answers = []
    async with world.simulator.ssh_servers(), world.connect(answer="accept") as client:
        for arguments in calls_of(spec, things):
            answers.append(await said_by(client, name, arguments))
            if await _more_mutations(world, before):
                return
            if "vast-mcp approve" in str(answers[-1]):
                return  # a person at a terminal is the only way: the chat could not
    pytest.fail(f"{name} never did anything: {answers}")


async def _more_mutations(world: World, before: int) -> bool:
    """Whether something reached the vendor; a job begins after its answer, so it is awaited."""
    for _ in range(40):
        if len(world.simulator.mutations()) > before:
            return True
        await SystemClock().sleep(0.01)
    return False
