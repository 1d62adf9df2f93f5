"""Promise: a person sets a secret at a terminal; that allows it, and it lies nowhere in clear."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests import keyrings
from tests.tools.ssh_world import ssh_world
from tests.world import ToolFailed, World
from vast_mcp.cli import secrets
from vast_mcp.cli.main import main
from vast_mcp.config import Settings
from vast_mcp.errors import InputInvalid, PolicyDenied

CANARY = "hf_canary-7d1f0c2be94a"


def _typed(*lines: str) -> Callable[[str], str]:
    left = list(lines)
    return lambda _prompt: left.pop(0)


def _settings(tmp_path: Path) -> Settings:
    return World(tmp_path).settings


def _in_clear(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file()
            and CANARY.encode() in path.read_bytes()]  # fmt: skip


async def test_what_is_set_is_allowed_reaches_the_machine_and_lies_nowhere(tmp_path: Path) -> None:
    """No policy lists it: the act of setting it is the permission."""
    async with ssh_world(tmp_path) as lab:
        with pytest.raises(ToolFailed, match="vast-mcp secrets set HF_TOKEN"):
            await lab.machine(secrets=["HF_TOKEN"])
        settings = lab.world.settings
        store = secrets.store_of(settings)
        assert secrets.put(settings, store, "HF_TOKEN", _typed(CANARY, CANARY)) == 0
        machine = await lab.machine(secrets=["HF_TOKEN"])
        order = lab.world.simulator.world.instances[machine].order
        assert dict(order.env)["HF_TOKEN"] == CANARY
        shown = await lab.run(machine, f"echo {CANARY}; echo -n {CANARY} | wc -c")
        assert CANARY not in str(shown)
        assert secrets.remove(store, "HF_TOKEN") == 0
        with pytest.raises(ToolFailed, match="vast-mcp secrets set HF_TOKEN"):
            await lab.machine(secrets=["HF_TOKEN"], request_key="second")
    assert _in_clear(tmp_path / "state") == []
    assert all(CANARY not in question for question in lab.world.questions)


def test_the_file_is_private_and_the_list_has_no_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names and places only."""
    settings = _settings(tmp_path)
    store = secrets.store_of(settings)
    secrets.put(settings, store, "HF_TOKEN", _typed(CANARY, CANARY))
    capsys.readouterr()
    assert secrets.listed(store) == 0
    out = capsys.readouterr().out
    assert out == "HF_TOKEN  private file\n"
    assert CANARY not in out
    (file,) = store.folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert _in_clear(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "VAST_API_KEY",
        "CONTAINER_ID",
        "VMCP_INTENT",
        "PATH",
        "LD_PRELOAD",
        "vast_key",
        "a b",
        "1X",
        "",
    ],
)
def test_some_names_cannot_be_set(name: str, tmp_path: Path) -> None:
    """They belong to the machine, its shell or this server."""
    settings = _settings(tmp_path)
    with pytest.raises(InputInvalid):
        secrets.put(settings, secrets.store_of(settings), name, _typed("x" * 8, "x" * 8))


def test_the_list_is_a_table_in_the_order_of_names_and_an_empty_one_says_how_to_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Places stand below each other."""
    settings = _settings(tmp_path)
    store = secrets.store_of(settings)
    assert secrets.listed(store) == 0
    assert capsys.readouterr().out == "None. `vast-mcp secrets set NAME` adds one.\n"
    for name in ("LONG_NAME", "A"):
        store.put(name, CANARY)
    secrets.listed(store)
    assert capsys.readouterr().out == "A          private file\nLONG_NAME  private file\n"


def test_what_is_not_there_cannot_be_removed_or_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in the name is told; what was made for a rent is printed as it is."""
    store = secrets.store_of(_settings(tmp_path))
    with pytest.raises(InputInvalid, match="no secret with this name"):
        secrets.remove(store, "HF_TOKEN")
    with pytest.raises(InputInvalid, match="nothing was generated"):
        secrets.show(store, "rent1")
    store.keep_generated("rent1", "A=1\n")
    assert secrets.show(store, "rent1") == 0
    assert capsys.readouterr().out == "A=1\n"


def test_two_different_lines_set_nothing(tmp_path: Path) -> None:
    """A slip of the hand would be found on the machine, hours later."""
    settings = _settings(tmp_path)
    store = secrets.store_of(settings)
    assert secrets.put(settings, store, "HF_TOKEN", _typed("one-value", "another")) == 1
    assert dict(store.names()) == {}


def test_a_systems_list_of_secrets_decides_and_is_named(tmp_path: Path) -> None:
    """Who manages the machine says which secrets there are."""
    system = tmp_path / "system.toml"
    system.write_text('[secrets]\nallow = ["HF_TOKEN"]\n')
    settings = replace(_settings(tmp_path), system_policy=system)
    store = secrets.store_of(settings)
    with pytest.raises(PolicyDenied, match=r"system\.toml"):
        secrets.put(settings, store, "OTHER", _typed("x" * 8, "x" * 8))
    assert secrets.put(settings, store, "HF_TOKEN", _typed(CANARY, CANARY)) == 0


@pytest.mark.parametrize("deed", [["set", "X"], ["remove", "X"], ["show", "abc"]])
def test_only_a_person_at_a_terminal_may(
    deed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that pipes a value in is no person; values are no arguments."""
    assert main(["secrets", *deed]) == 1
    assert "only at a terminal" in capsys.readouterr().err


def test_a_keyring_is_used_where_it_encrypts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The optional package; one that writes plain text is no keyring."""
    backend = keyrings.named("keyring.backends.SecretService")
    keyrings.installed(monkeypatch, backend)
    settings = _settings(tmp_path)
    store = secrets.store_of(settings)
    secrets.put(settings, store, "HF_TOKEN", _typed(CANARY, CANARY))
    assert (dict(store.names()), store.find("HF_TOKEN")) == ({"HF_TOKEN": "keyring"}, CANARY)
    secrets.remove(store, "HF_TOKEN")
    assert backend.kept == {}

    keyrings.installed(monkeypatch, keyrings.named("keyrings.alt.file", "PlaintextKeyring"))
    secrets.put(settings, store, "HF_TOKEN", _typed(CANARY, CANARY))
    assert dict(store.names()) == {"HF_TOKEN": "private file"}


def test_values_that_an_earlier_release_left_in_clear_are_sealed(tmp_path: Path) -> None:
    """`secrets/<rent>.env`: read, sealed, overwritten, and still shown to the person."""
    settings = _settings(tmp_path)
    store = secrets.store_of(settings)
    store.folder.mkdir(parents=True)
    old = store.folder / "abcdefghijk.env"
    old.write_text(f"VLLM_API_KEY={CANARY}\n")
    other = store.folder / "linked"
    os.link(old, other)
    assert store.all_generated() == [CANARY]
    assert store.generated("abcdefghijk") == f"VLLM_API_KEY={CANARY}\n"
    assert _in_clear(tmp_path) == []


async def test_a_credential_in_plain_text_is_warned_of_in_question_and_answer(
    tmp_path: Path,
) -> None:
    """Variables, scripts, commands: said to the person and to the model, which learns the way."""
    policy = "[no_question]\nusd_per_hour = 0.0\n"
    async with ssh_world(tmp_path, policy=policy) as lab:
        offer = await lab.world.cheap_offer()
        told = await lab.call(
            "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0,
            env={"HF_TOKEN": CANARY}, onstart="export DB_PASSWORD=hunter22",
        )  # fmt: skip
        lab.world.run_until_ready()
        number = told["instance_id"]
        ran = await lab.run(number, "echo $X", env={"API_KEY": "abcdefgh1"})
        quiet = await lab.run(number, "echo plain")
    question, warnings = lab.world.questions[0], " ".join(told["warnings"])
    for text in (question, warnings):
        assert "host can read HF_TOKEN, DB_PASSWORD in onstart" in text
    assert "vast-mcp secrets set HF_TOKEN" in warnings
    assert CANARY not in question + warnings
    assert "The host can read API_KEY." in " ".join(ran["warnings"])
    assert "can read" not in str(quiet.get("warnings", ""))
