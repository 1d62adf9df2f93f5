"""`vast-mcp budget`: the way that a refused task's message names, walked by a person."""

import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client

from tests.cli.shell import Shell, at_terminal, shell
from tests.cli.test_freeze import answering
from tests.world import SEAL_KEY, ToolFailed, World
from vast_mcp.cli.budget import budgeted
from vast_mcp.cli.main import parser_for
from vast_mcp.policy.budget import command_for
from vast_mcp.server import create_server
from vast_mcp.units import Usd

NAMED = re.compile(r"`(vast-mcp [^`]+)`")


@asynccontextmanager
async def served(at: Shell) -> AsyncIterator[Client]:
    """A client on a server over the shell's own books."""
    async with Client(create_server(at.runtime, SEAL_KEY)) as client:
        yield client


async def refused(world: World, client: Client, tool: str, **given: object) -> str:
    """What the model reads of it."""
    with pytest.raises(ToolFailed) as failed:
        await world.call(client, tool, **given)
    return str(failed.value)


async def test_the_command_that_a_refusal_names_opens_what_it_refused(tmp_path: Path) -> None:
    """Refused for a task's budget: the person types the named command, and the call succeeds."""
    async with shell(tmp_path) as at, served(at) as client:
        world = at.world
        async with at.runtime() as opened:
            first, second = (await world.offers(opened))[:2]
        rent = {"max_price_usd_per_hour": 1.0, "task": "lora"}
        await world.call(
            client, "create_instance", **rent, offer_id=first.offer_id, max_cost_usd=1.0,
            lease_hours=1,
        )  # fmt: skip
        more = {**rent, "offer_id": second.offer_id, "lease_hours": 20}
        told = await refused(world, client, "create_instance", **more)
        assert "set by an earlier call's max_cost_usd or the user" in told
        command = NAMED.search(told)
        assert command is not None, told
        words = command.group(1).replace("USD", "40").split()[1:]
        piped = await at.run(*words)
        still = await refused(world, client, "create_instance", **more)
        code, shown = await at_terminal(at, *words, types="yes")
        again = await world.call(client, "create_instance", **more)
        account = await world.call(client, "show_account")
        listed = await at.run("budget")
    assert (piped.code, code) == (1, 0), shown
    assert "only a person at a terminal" in piped.err
    assert "budget.lora" in still
    assert again["status"] == "rented"
    assert '"lora": $40.00, of which $' in listed.out
    assert account["budgets"][0]["max_cost_usd"] == 40


@pytest.mark.parametrize(("word", "code", "cap"), [("yes", 0, 5), ("no", 1, None)])
async def test_a_budget_can_be_set_before_the_task_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, code: int, cap: int | None
) -> None:
    """A person gives a name a budget; the model cannot raise it, and reads it in show_policy."""
    asked: list[str] = []
    async with shell(tmp_path) as at:
        assert await budgeted(at.settings, " LoRA ", Usd.of(5), answering(word, asked)) == code
        async with served(at) as client:
            policy = await at.world.call(client, "show_policy")
            async with at.runtime() as opened:
                offer = (await at.world.offers(opened))[0]
                entries = await opened.session.account.ledger.read(lambda tx: tx.audit(10))
            if cap is not None:
                told = await refused(
                    at.world, client, "create_instance", offer_id=offer.offer_id, task="lora",
                    max_price_usd_per_hour=1.0, max_cost_usd=50, lease_hours=24 * 6,
                )  # fmt: skip
                assert "is $5.00 (set by" in told
    assert "none yet" in capsys.readouterr().out
    budgets = {one["task"]: one["max_cost_usd"] for one in policy.get("budgets", [])}
    assert budgets == ({} if cap is None else {"lora": cap})
    assert [one.verdict for one in entries if one.tool == "budget"] == (["set"] if cap else [])


async def test_a_budget_of_the_policy_is_named_by_file_and_holds_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The terminal's word passes no policy; both places are named where both refuse."""
    async with shell(tmp_path) as at, served(at) as client:
        at.world.write_policy("[budget.Lora]\nmax_cost_usd = 0.05\n")
        async with at.runtime() as opened:
            offer = (await at.world.offers(opened))[0]
        rent = {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1.0, "task": "lora"}
        stated = await refused(at.world, client, "create_instance", **rent, lease_hours=20)
        assert f"(budget.Lora, in {at.world.policy_path})" in stated
        assert await budgeted(at.settings, "lora", Usd.of(0.04), answering("yes", [])) == 0
        assert await budgeted(at.settings, "lora", Usd.of(0.06), answering("yes", [])) == 0
        both = await refused(
            at.world, client, "create_instance", **rent, max_cost_usd=0.05, lease_hours=20
        )
    shown = capsys.readouterr().out
    assert f"The policy limits it to $0.05 (budget.Lora, in {at.world.policy_path})" in shown
    for place in (f"budget.Lora, in {at.world.policy_path}", "`vast-mcp budget lora USD`",
                  "this call's argument"):  # fmt: skip
        assert place in both


async def test_a_longer_lease_is_bound_by_what_a_person_set_since(tmp_path: Path) -> None:
    """`extend_lease` has no max_cost_usd: the refusal names the command, and the command works."""
    async with shell(tmp_path) as at, served(at) as client:
        async with at.runtime() as opened:
            offer = (await at.world.offers(opened))[0]
        made = await at.world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0,
            max_cost_usd=1.0, lease_hours=1,
        )  # fmt: skip
        extend = {"instance_id": made["instance_id"], "hours": 20}
        told = await refused(at.world, client, "extend_lease", **extend)
        assert "this call's" not in told
        task = re.search(r'`vast-mcp budget "(rental \w+)" USD`', told)
        assert task is not None, told
        assert await budgeted(at.settings, task.group(1), Usd.of(40), answering("yes", [])) == 0
        longer = await at.world.call(client, "extend_lease", **extend)
    assert longer["status"] == "extended"


@pytest.mark.parametrize(
    "task", ["lora", "fine tune", "a;reboot", "$(id)", "`id`", "--policy", "ü"]
)
def test_a_tasks_name_never_speaks_to_the_persons_shell(task: str) -> None:
    """The model chose the name; what is pasted is one command with these words and no other."""
    command = NAMED.search(command_for(task))
    assert command is not None
    words = shlex.split(command.group(1).replace("USD", "7.5"))
    args = parser_for(words[1:2]).parse_args(words[1:])
    assert args.task in {task, None}
    assert not re.search(r"[;$`&|<>\\]", command.group(1))


@pytest.mark.parametrize("usd", ["0", "-3", "nan", "1e9", "five"])
async def test_an_amount_that_is_none_is_a_usage_error(usd: str) -> None:
    """Exit code 2, before anything is opened."""
    with pytest.raises(SystemExit) as ended:
        parser_for(["budget"]).parse_args(["budget", "lora", usd])
    assert ended.value.code == 2
