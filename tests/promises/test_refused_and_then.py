"""Refused, and then? Every refusal says first what happened to money, and ends in a step."""

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from mcp import Client

import vast_mcp
from tests.api.test_refusals import answer_of
from tests.policy.cases import exposure, rate, rent, usd
from tests.world import SEAL_KEY, Json, ToolFailed, World
from vast_mcp.account.freezing import freeze
from vast_mcp.api.next_steps import CHANGE_HINT, SSH_KEY_HINT
from vast_mcp.api.refusals import TABLE
from vast_mcp.cli.main import COMMANDS, parser_for
from vast_mcp.errors import OfferGone, StartQueued
from vast_mcp.guard.terminal import on_these_books
from vast_mcp.policy import Allowed, Deny, Limits
from vast_mcp.policy.actions import ACTS
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Request
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.served import TOOLS, strict_tools
from vast_mcp.server import create_server

CREATE_PATH = r"/asks/\d+"
MONEY_FIRST = "Not rented, nothing charged"
SCHEMAS = {tool.name: set(tool.parameters["properties"]) for tool in strict_tools(TOOLS)}
OTHER_OFFER = re.compile(r"another offer|search again", re.IGNORECASE)


async def _failed(world: World, tool: str, **arguments: object) -> str:
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, tool, **arguments)
    return str(failed.value)


async def test_every_known_refusal_of_a_rent_says_first_that_nothing_was_charged(
    tmp_path: Path,
) -> None:
    """The vendor's refusals, one after the other: money first, a step last, nothing reserved."""
    world = World(tmp_path)
    offer = await world.cheap_offer()
    told: dict[str, str] = {}
    async with world.connect() as client:
        for number, row in enumerate(TABLE):
            if row.kind is StartQueued or not row.settles_write:
                continue
            reply = answer_of(row)
            world.simulator.faults.add(
                "canned", "PUT", CREATE_PATH, status=reply.status, body=reply.body.decode()
            )
            with pytest.raises(ToolFailed) as failed:
                await world.call(
                    client, "create_instance", offer_id=offer.offer_id,
                    max_price_usd_per_hour=1, request_key=str(number),
                )  # fmt: skip
            said = str(failed.value)
            told[row.code or row.text] = said
            assert said.startswith(MONEY_FIRST), said
            assert row.whole or row.hint.rstrip(".") in said, (row, said)
            if row.kind is not OfferGone:
                assert not OTHER_OFFER.search(said), said
            world.clock.move(120)
        account = await world.call(client, "show_account")
        listed = await world.call(client, "show_instances")
    assert listed["instances"] == []
    assert "pending" not in listed
    assert not account.get("reserved_usd")
    assert SSH_KEY_HINT.rstrip(".") in told["no_ssh_key_for_vm"]
    assert CHANGE_HINT.rstrip(".") in told["invalid_request"]


@pytest.mark.parametrize("kind", ["status_before", "truncated_json"])
@pytest.mark.parametrize("path", ["/template", "/bundles", "/users/current", "/instances"])
async def test_whichever_inner_read_fails_a_rent_says_first_that_nothing_was_charged(
    tmp_path: Path, path: str, kind: str
) -> None:
    """A rent reads template, offer, credit and machines first: none of them has spent anything."""
    world = World(tmp_path)
    offer = await world.cheap_offer()
    async with world.connect() as client:
        found = await world.call(client, "search_templates", query="pytorch")
        fault = world.simulator.faults.add(kind, "*", path, times=50)  # type: ignore[arg-type]
        given: Json = {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1}
        if path == "/template":
            given["template_hash"] = found["templates"][0]["template_hash"]
        world.clock.move(60)
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, "create_instance", **given)
    assert fault.struck
    assert str(failed.value).startswith(MONEY_FIRST), str(failed.value)
    assert world.simulator.mutations() == []


WRONG: dict[str, Json] = {
    "an unknown argument": {"offer_id": 1, "gpu": "RTX 4090"},
    "an impossible value": {"offer_id": 1, "lease_hours": -1},
    "an impossible port": {"offer_id": 1, "ports": ["70000"]},
    "nothing to rent": {},
    "a label that imitates a mark": {"offer_id": 1, "label": "x vm1.y"},
    "a template that is not there": {"offer_id": 1, "template_hash": "0" * 32},
    "a plan nobody made": {"offer_id": 1, "preview": True},
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_rent_that_is_asked_wrongly_says_first_that_nothing_was_charged(
    tmp_path: Path, case: str
) -> None:
    """Arguments that cannot be used, offers that are gone: the same first words."""
    said = await _failed(World(tmp_path), "create_instance", **WRONG[case])
    assert said.startswith(MONEY_FIRST), said


async def test_a_rent_without_a_key_or_under_a_broken_policy_says_first_that_nothing_was_charged(
    tmp_path: Path,
) -> None:
    """What closes all spending says the same first words, and the file by its path."""
    keyless = World(tmp_path / "a", api_key="")
    assert (await _failed(keyless, "create_instance", offer_id=1)).startswith(MONEY_FIRST)
    (tmp_path / "b").mkdir()
    broken = World(tmp_path / "b", policy="[limits]\nmax_usd_per_huor = 1\n")
    offer = await broken.cheap_offer()
    said = await _failed(broken, "create_instance", offer_id=offer.offer_id)
    assert said.startswith(MONEY_FIRST)
    assert str(broken.policy_path) in said


async def test_a_refusal_by_a_number_names_the_file_and_what_writes_it(tmp_path: Path) -> None:
    """To "raise my limit" the model is told where the person does it, and with which command."""
    world = World(tmp_path)
    offer = await world.cheap_offer()
    asked: Json = {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1, "lease_hours": 500}
    fresh = await _failed(world, "create_instance", **asked)
    assert f"in {world.policy_path} (`vast-mcp policy init` writes it)" in fresh
    world.write_policy("[limits]\nmax_lease_hours = 20\n")
    stated = await _failed(world, "create_instance", **asked)
    assert f"limits.max_lease_hours, in {world.policy_path}" in stated
    assert "policy init" not in stated
    tight = World(tmp_path, environment={"VAST_MCP_MAX_LEASE_HOURS": "3"})
    assert "limits.max_lease_hours, in VAST_MCP_MAX_LEASE_HOURS" in await _failed(
        tight, "create_instance", **asked
    )
    async with world.connect() as client:
        policy = await world.call(client, "show_policy")
    assert policy["file"] == str(world.policy_path)


# -- no argument is named that a tool lacks ----------------------------------------------------

CALL = re.compile(r"\b([a-z]+(?:_[a-z]+)+)\(([^()]*)\)")
NAMED = re.compile(r"\b([a-z_]+)=")
WORD = re.compile(r"(?<![\w.\[/-])([a-z]+(?:_[a-z]+)+)(?![\w.\]])")
COLUMNS = {"copy_id", "start_us", "stop_asked", "wait_us"}
"""Values and columns whose first word is also a tool's."""
EVERYTHING_WRONG = rent(
    usd_per_hour=rate(9), adds_usd_per_hour=rate(9), adds_running=9, lease_hours=999,
    cost=usd(5000), rental_total=usd(5000), disk_gb=9999, usd_per_gb_traffic=usd(1),
    verified=False, datacenter=False, num_gpus=8, max_contract_hours=5, max_cost_usd=usd(1),
)  # fmt: skip
LONG_ONLY = rent(lease_hours=999, cost=usd(90), rental_total=usd(90), max_contract_hours=5)
STRICT = Limits(
    allow=Allowed((), (), (), datacenter_only=True, max_gpus=1), max_account_usd_per_hour=rate(1)
)


@pytest.mark.parametrize("action", sorted(name for name in ACTS if name in SCHEMAS))
@pytest.mark.parametrize("asked", [EVERYTHING_WRONG, LONG_ONLY], ids=["all", "long"])
def test_no_refusal_of_the_policy_names_an_argument_that_the_tool_lacks(
    asked: Request, action: str
) -> None:
    """`Retry with x=` names an argument of the refused tool; `Search again with`, of the search."""
    decision = decide(Request(action, spend=asked.spend), exposure(), STRICT)
    for reason in decision.reasons if isinstance(decision, Deny) else ():
        for sentence in re.split(r"(?<=[.;]) ", reason.model_can):
            tool = "search_offers" if "Search again" in sentence else action
            for name in NAMED.findall(sentence):
                assert name in SCHEMAS[tool], (action, sentence)


def _sentences() -> Iterator[tuple[str, str]]:
    """Every text of the program that is no docstring, with what is filled in later as `…`."""
    for path in Path(vast_mcp.__file__).parent.rglob("*.py"):
        if "simulator" in path.parts:
            continue
        waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.JoinedStr):
                parts = [
                    str(part.value) if isinstance(part, ast.Constant) else "…"
                    for part in node.values
                ]
                yield path.name, "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, node.value
            documented = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            inner = (
                () if documented or isinstance(node, ast.JoinedStr) else ast.iter_child_nodes(node)
            )
            waiting += inner


def _docstrings_of_tools() -> Iterator[tuple[str, str]]:
    for tool in strict_tools(TOOLS):
        yield tool.name, tool.description or ""


def test_no_sentence_names_a_call_with_an_argument_that_the_tool_lacks() -> None:
    """Wherever a text says `tool(argument=…)`, that tool exists and takes that argument."""
    seen = 0
    for place, text in (*_sentences(), *_docstrings_of_tools()):
        for tool, inside in CALL.findall(text):
            if tool not in SCHEMAS:
                continue
            seen += 1
            for name in NAMED.findall(inside):
                assert name in SCHEMAS[tool], (place, text)
    assert seen > 30


def test_no_sentence_names_a_tool_that_is_not_there() -> None:
    """A word that looks like a tool, in any sentence of the program, is one, or an argument."""
    verbs = {name.partition("_")[0] for name in SCHEMAS}
    known = {*SCHEMAS, *set().union(*SCHEMAS.values()), *COLUMNS}
    seen = set()
    for place, text in _sentences():
        for word in WORD.findall(text) if " " in text else ():
            if word.partition("_")[0] in verbs:
                assert word in known, (place, text)
                seen.add(word)
    assert len(seen & set(SCHEMAS)) > 20


def test_a_step_that_needs_a_tool_which_is_not_loaded_says_so() -> None:
    """Otherwise the model calls what it cannot see: `(toolset all)` stands beside its name."""
    extras = [spec.name for spec in TOOLS if spec.extra]
    seen = 0
    for place, text in _sentences():
        if place in _OF_EXTRAS or " " not in text:
            continue
        for name in extras:
            for found in re.finditer(rf"\b{name}\b", text):
                seen += 1
                assert "(toolset all)" in text[found.end() : found.end() + 32], (place, text)
    assert seen >= 3


_OF_EXTRAS = {"upkeep.py", "commanding.py", "disk.py"}
"""What these say is said by a tool of the same toolset."""


def test_every_refusal_of_the_vendor_ends_in_a_step() -> None:
    """No row leaves its reader alone; a request that is at fault never blames the offer."""
    for row in TABLE:
        assert row.hint or row.whole, row
        if row.kind is not OfferGone:
            assert not OTHER_OFFER.search(row.hint) or "refuses" in row.hint, row


# -- no command is named that the terminal lacks ------------------------------------------------

COMMAND = re.compile(r"`(vast-mcp [a-z][^`]*)`")
FILLED = {"…": "1", "HOURS": "2", "USD": "5", "ID": "1", "NAME": "token", "DIR": "/tmp", "N": "1"}


def _named_commands() -> Iterator[tuple[str, list[str]]]:
    for place, text in _sentences():
        for found in COMMAND.findall(text):
            words = shlex.split(re.sub(r"[\[\]]", "", found))[1:]
            if words[0] != "…":  # the whole command is filled in later
                yield f"{place}: {found}", words


def test_no_sentence_names_a_command_that_the_terminal_lacks() -> None:
    """Every `vast-mcp …` of the program's texts parses, with its arguments."""
    seen = set()
    for place, words in _named_commands():
        assert words[0] in COMMANDS, place
        seen.add(words[0])
        if (len(words) > 1 and words[1] != "…") or words[0] not in _NAMED_ALONE:
            given = [FILLED.get(word, word).replace("…", "1") for word in words]
            try:
                parser_for(words[:1]).parse_args(given)
            except SystemExit as ended:
                raise AssertionError(place) from ended
    assert {"budget", "unfreeze", "extend", "approve", "policy", "doctor", "secrets"} <= seen


_NAMED_ALONE = {"extend", "approve", "deny", "open", "policy", "secrets"}
"""Commands whose name alone is no call: a sentence may speak of them."""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_on_other_books_than_the_usual_is_named_with_their_place(command: str) -> None:
    """Whatever command works on a ledger is told which one, once, and it parses."""
    flags = " --ledger '/tmp/my books.db'"
    told = on_these_books(f"run `vast-mcp {command} 5` now", flags)
    shown = all_usage(command)
    on_books = "--ledger" in shown and command != "serve"
    assert (flags in told) == on_books
    assert on_these_books(told, flags) == told
    assert on_these_books(told, "") == told


def all_usage(command: str) -> str:
    """What `--help` of a command and of its own commands would print."""
    parser = parser_for([command])
    shown = []
    waiting: list[argparse.ArgumentParser] = [parser]
    while waiting:
        one = waiting.pop()
        if one is not parser:
            shown.append(one.format_usage())
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += [
                    sub
                    for name, sub in action.choices.items()
                    if one is not parser or name == command
                ]
    return "\n".join(shown)


async def test_a_refusal_names_the_command_with_this_servers_books(tmp_path: Path) -> None:
    """On a ledger of its own, as with `serve --simulate`, the named command lifts this freeze."""
    world = World(tmp_path)
    place = tmp_path / "my books.db"
    settings = replace(world.settings, ledger=place)

    def opened() -> AbstractAsyncContextManager[Runtime]:
        return open_runtime(settings, clock=world.clock, transport=world.transport)

    async with opened() as other:
        await freeze(other.session.account.ledger, other.session.account.clock)
    offer = await world.cheap_offer()
    async with Client(create_server(opened, SEAL_KEY)) as client:
        with pytest.raises(ToolFailed) as failed:
            await world.call(client, "create_instance", offer_id=offer.offer_id)
        policy = await world.call(client, "show_policy")
    wanted = f"`vast-mcp unfreeze --ledger '{place}'`"
    assert wanted in str(failed.value)
    assert wanted in policy["frozen"]
