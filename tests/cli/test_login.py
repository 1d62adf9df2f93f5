"""`login`, `logout`, `whoami`: the key is checked, kept, used, told of and forgotten."""

import asyncio
import json
import os
import pty
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests import keyrings
from tests.cli.shell import Shell, shell
from tests.world import World
from vast_mcp.api.connection import network_transport
from vast_mcp.cli import login, logout, whoami
from vast_mcp.cli.main import main
from vast_mcp.config import Settings
from vast_mcp.errors import InputInvalid, KeyMissing, Unauthorized, VendorDown
from vast_mcp.logins import Logins

KEY = "sim-key"


def _nobody(world: World, tmp_path: Path) -> Settings:
    """A person without any key."""
    return replace(
        world.settings,
        api_key="",
        key_origin="",
        key_home=tmp_path,
        environment={},
        logins=Logins(tmp_path / "logins"),
    )


async def test_a_key_is_checked_kept_shown_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From no key to the account and back."""
    keyrings.absent(monkeypatch)
    world = World(tmp_path)
    settings = _nobody(world, tmp_path)
    with pytest.raises(KeyMissing, match="vast-mcp login"):
        await whoami.shown(settings, world.transport, False)
    assert await login.kept(settings, KEY, world.transport) == 0
    out = capsys.readouterr().out
    assert "account 100001, credit $100.00" in out
    assert "private file" in out
    assert KEY not in out
    assert await whoami.shown(settings, world.transport, True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["account"], told["credit_usd"]) == (100001, 100.0)
    assert told["key_from"] == str(Logins(tmp_path / "logins").path(settings.api_base))
    assert logout.forgotten(settings) == 0
    assert "forgotten here" in capsys.readouterr().out
    assert logout.forgotten(settings) == 0
    assert "There is no login" in capsys.readouterr().out


async def test_a_key_that_the_vendor_does_not_know_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that could not be checked; the earlier login stays."""
    keyrings.absent(monkeypatch)
    world = World(tmp_path)
    settings = _nobody(world, tmp_path)
    await login.kept(settings, KEY, world.transport)
    with pytest.raises(Unauthorized, match="nothing was kept"):
        await login.kept(settings, "another-key", world.transport)
    away = replace(settings, api_base="http://127.0.0.1:1")
    with pytest.raises(VendorDown):
        await login.kept(away, KEY, network_transport())
    assert settings.login is not None
    assert settings.login.value == KEY
    assert len(list((tmp_path / "logins").iterdir())) == 1


@pytest.mark.parametrize("key", ["", "short", "with space", "zeile\nzwei", "schlüssel", "x" * 513])
async def test_what_is_no_key_is_not_sent(tmp_path: Path, key: str) -> None:
    """A slip of the clipboard would go into a header."""
    world = World(tmp_path)
    with pytest.raises(InputInvalid, match="printable characters"):
        await login.kept(_nobody(world, tmp_path), key, world.transport)


async def test_in_the_keyring_it_is_in_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a logout takes it out there."""
    backend = keyrings.named("keyring.backends.macOS")
    keyrings.installed(monkeypatch, backend)
    world = World(tmp_path)
    settings = _nobody(world, tmp_path)
    await login.kept(settings, KEY, world.transport)
    assert "desktop's keyring" in capsys.readouterr().out
    assert list(backend.kept.values()) == [KEY]
    assert all(KEY not in path.read_text() for path in (tmp_path / "logins").iterdir())
    await whoami.shown(settings, world.transport, False)
    assert "key from the keyring (vast-mcp login)" in capsys.readouterr().out
    logout.forgotten(settings)
    assert backend.kept == {}


def test_a_key_as_an_argument_is_refused_and_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Other programs and the shell's history have seen it by then."""
    assert main(["login", "canary-key-7d1f0c2be94a"]) == 2
    said = capsys.readouterr()
    assert "canary" not in said.out + said.err
    assert "make another" in said.err


@pytest.mark.parametrize("address", ["http://example.com", "ftp://example.com", "example.com"])
def test_an_address_that_is_neither_https_nor_loopback_gets_no_key(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it is asked for."""
    monkeypatch.setenv("VAST_URL", address)
    assert main(["login", "--stdin"]) == 2
    assert "VAST_URL" in capsys.readouterr().err


def test_without_a_terminal_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    """A prompt that nobody sees would hang."""
    assert main(["login"]) == 2
    assert "--stdin" in capsys.readouterr().err


async def test_the_real_commands_log_in_serve_the_doctor_and_log_out(tmp_path: Path) -> None:
    """In processes of their own, the key on standard input, the vendor on loopback."""
    async with shell(tmp_path) as at:
        at.extra["VAST_API_KEY"] = ""
        assert (await _typed(at, f"{KEY}\n", "login", "--stdin")).startswith("Logged in at http://")
        told = await at.run("doctor")
        assert "from vast-mcp login, kept in " in told.out
        assert "forgotten here" in (await at.run("logout")).out


async def _typed(at: Shell, text: str, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vast_mcp", *words, env=at.environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(text.encode()), 60)
    assert process.returncode == 0
    return out.decode()


async def test_what_is_typed_at_a_terminal_is_not_shown(tmp_path: Path) -> None:
    """The terminal's own echo is off while it is typed."""
    async with shell(tmp_path) as at:
        at.extra["VAST_API_KEY"] = ""
        person, terminal = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vast_mcp", "login", env=at.environment, start_new_session=True,
            stdin=terminal, stdout=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        seen = b""
        while b"not shown" not in seen:
            seen += await asyncio.to_thread(os.read, person, 4096)
        os.write(person, f"{KEY}\n".encode())
        assert await asyncio.wait_for(process.wait(), 60) == 0
        seen += await asyncio.to_thread(os.read, person, 65536)
        os.close(person)
    assert b"Logged in" in seen
    assert KEY.encode() not in seen
