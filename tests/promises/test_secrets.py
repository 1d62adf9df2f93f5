"""Secrets never come out, and foreign text comes out clean, by whatever door.

See docs/design.md#foreign-text-and-secrets, docs/hazards.md#agents.
"""

import json
import logging
import unicodedata
from pathlib import Path

import pytest

from tests.promises.things import OPEN_POLICY, calls_of, furnish, said_by, tools
from tests.world import Json, World
from vast_mcp.simulator.faults import Kind

KEY = "canary-account-key-0123456789abcdef"
ENV = "canary-env-value-2b7e151628aed2a6"
ONSTART = "canary-onstart-ab9f3c"
FAULTS: tuple[Kind, ...] = ("status_before", "truncated_json", "html", "rate_limited")
SHORT_FORMS = (KEY, ENV, ONSTART)
NASTY = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202edrawkcab\u202c zero\u200bwidth"
    " tag\U000e0041\U000e0042 nul\x00 c1\x9b31m bom\ufeff sep\u2028line"
)


def furnished(tmp: Path) -> World:
    """A world whose key is a canary."""
    world = World(tmp, policy=OPEN_POLICY, toolsets="all", seed=11, api_key=KEY)
    world.simulator.world.account_key = KEY
    return world


async def test_no_secret_comes_out_of_any_tool_resource_log_line_or_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Canaries in key, env, onstart and tokens; nothing repeats them."""
    caplog.set_level(logging.DEBUG, logger="vast_mcp")
    world = furnished(tmp_path)
    things = await furnish(world)
    secrets = set(SHORT_FORMS)
    simulated = world.simulator.world
    simulated.secrets["HF_TOKEN"] = ENV
    simulated.api_keys[41_000] = {"id": 41_000, "name": "ci", "key": ONSTART}
    async with world.simulator.ssh_servers(), world.connect() as client:
        await world.rent(
            client, env={"TOKEN": ENV}, onstart=f"echo {ONSTART}", request_key="canary"
        )
        for contract in world.simulator.world.instances.values():
            secrets |= {contract.secret, contract.api_key}
        for endpoint in world.simulator.world.serverless.endpoints.values():
            secrets.add(endpoint.api_key)
        world.simulator.write_log(things.running, f"the key is {KEY}")
        said = [
            (spec.name, json.dumps((await said_by(client, spec.name, arguments))[1]))
            for spec in sorted(tools(), key=lambda one: (not one.reads, one.name))
            for arguments in calls_of(spec, things)
        ]
        for resource in (await client.list_resources()).resources:
            shown = await client.read_resource(str(resource.uri))
            said.append((str(resource.uri), shown.model_dump_json()))
        for kind in FAULTS:
            world.simulator.faults.add(kind, times=3)
            said.append((kind, str(await said_by(client, "show_account", {}))))
            world.simulator.faults.planned.clear()
    printed = capfd.readouterr()
    said += [
        ("stdout", printed.out),
        ("stderr", printed.err),
        ("log", caplog.text),
        ("questions", "".join(world.questions)),
    ]
    assert len(said) > 40
    for where, text in said:
        for secret in secrets:
            assert secret not in text, f"{where} tells {secret}"
        assert "/simulator/results/" not in text, where
    assert not [file for file in files_under(tmp_path) if KEY.encode() in file.read_bytes()]


def files_under(folder: Path) -> list[Path]:
    """Everything that was written to the disk."""
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_no_foreign_text_reaches_a_client_uncleaned(tmp_path: Path) -> None:
    """Labels, logs, status messages, template names come out clean."""
    world = furnished(tmp_path)
    things = await furnish(world)
    simulator = world.simulator
    for instance_id in things.instances:
        simulator.write_log(instance_id, NASTY)
        simulator.set_status(instance_id, status_msg=NASTY, geolocation=f"Sweden{NASTY}, SE")
        mark = str(simulator.world.instances[instance_id].label)
        label = NASTY + mark[mark.index(" vm1.") :] if " vm1." in mark else NASTY
        simulator.set_label(instance_id, label)
    for template in simulator.world.templates:
        template["name"] = template["desc"] = NASTY + str(template["name"])
        template["readme"] = NASTY
    said: list[tuple[str, Json]] = []
    async with world.simulator.ssh_servers(), world.connect(answer="decline") as client:
        said += [
            (spec.name, (await said_by(client, spec.name, arguments))[1])
            for spec in tools()
            for arguments in calls_of(spec, things)
        ]
        for resource in (await client.list_resources()).resources:
            shown = await client.read_resource(str(resource.uri))
            said.append((str(resource.uri), shown.model_dump(mode="json")))
    said.append(("questions", {"asked": world.questions}))
    for where, answer in said:
        for text in strings_in(answer):
            for char in text:
                bad = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
                assert char in "\n\t" or not bad, f"{where}: U+{ord(char):04X} in {text!r}"


def strings_in(value: object) -> list[str]:
    """Every text in a JSON value, JSON texts within opened."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in strings_in(part)]
    if isinstance(value, list):
        return [text for item in value for text in strings_in(item)]
    return []
