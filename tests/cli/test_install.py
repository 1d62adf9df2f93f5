"""`install`: finds the clients, shows, asks, writes; the key goes into no client's file."""

import argparse
from pathlib import Path

import pytest

from tests.mcp_clients.homes import SAMPLES, client, computer, written
from vast_mcp.cli.by_hand import Ask
from vast_mcp.cli.install import Walk, notes, served
from vast_mcp.cli.main import main
from vast_mcp.errors import ConfigInvalid
from vast_mcp.mcp_clients.launch import Launch

LAUNCH = Launch("/opt/vast-mcp", ("serve",))
KEY = "canary-key-7d1f0c2be94a"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test, without any client's command on the PATH."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path


def _asked(*answers: str) -> tuple[list[str], Ask]:
    put: list[str] = []
    left = list(answers)

    def ask(prompt: str) -> str:
        put.append(prompt)
        return left.pop(0)

    return put, ask


async def test_each_change_is_shown_and_made_on_a_yes_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A no leaves the file; the next client still has its turn."""
    for name in ("cursor", "zed"):
        written(tmp_path, name, SAMPLES[name])
    put, ask = _asked("no", "yes")
    walk = Walk(computer(tmp_path), LAUNCH, False, False, ask)
    assert await walk.through([client("cursor"), client("zed")]) == 1
    assert client("cursor").file(computer(tmp_path)).read_text() == SAMPLES["cursor"]
    assert "/opt/vast-mcp" in client("zed").file(computer(tmp_path)).read_text()
    assert [prompt.partition("?")[0] for prompt in put] == ["Change Cursor", "Change Zed"]
    out = capsys.readouterr().out
    assert out.count('+    "vast": {') == 2
    assert "value" not in out


async def test_one_broken_file_does_not_keep_the_others_from_their_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its fault is told with its place."""
    written(tmp_path, "cursor", '{"mcpServers": }')
    walk = Walk(computer(tmp_path), LAUNCH, False, True, None)
    assert await walk.through([client("cursor"), client("windsurf")]) == 1
    assert walk.written == 1
    assert "mcp.json, line 1, column 16: " in capsys.readouterr().err


def test_without_clients_the_way_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What there is, and how to go on."""
    assert main(["install"]) == 1
    assert "--print CLIENT" in capsys.readouterr().out
    assert [path.name for path in home.iterdir()] == []


def test_twice_is_once_and_the_key_is_in_no_file(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an empty home to set up, and back."""
    monkeypatch.setenv("VAST_API_KEY", KEY)
    for name in ("cursor", "codex", "zed"):
        written(home, name, SAMPLES[name])
    assert main(["install", "--dry-run"]) == 0
    assert "--dry-run" in capsys.readouterr().out
    assert main(["install"]) == 1  # nobody can be asked in a test
    assert "add --yes" in capsys.readouterr().err
    assert main(["install", "--yes", "--simulate", "--read-only", "--toolsets", "market"]) == 0
    out = capsys.readouterr().out
    assert "Found: Cursor, Codex, Zed." in out
    assert main(["install", "--yes"]) == 0
    assert "vast-mcp login" in capsys.readouterr().out
    assert main(["install", "--yes"]) == 0
    assert capsys.readouterr().out.count("set up already") == 3
    for path in home.rglob("*"):
        assert path.is_dir() or KEY not in path.read_text()
    assert main(["install", "--yes", "--remove"]) == 0
    for name in ("cursor", "codex", "zed"):
        path = client(name).file(computer(home))
        assert path.read_text().rstrip() == SAMPLES[name].rstrip()


def test_a_block_is_printed_for_any_client_and_nothing_is_written(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For whoever wants to paste it."""
    assert main(["install", "--print", "vscode", "codex", "--simulate"]) == 0
    out = capsys.readouterr().out
    assert '"servers": {' in out
    assert "[mcp_servers.vast]" in out
    assert out.count('"--simulate"') == 2
    assert main(["install", "--print"]) == 0
    assert '"mcpServers": {' in capsys.readouterr().out
    assert list(home.iterdir()) == []


def test_a_misspelt_client_is_told_the_right_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage, before anything is touched."""
    assert main(["install", "curso", "--yes"]) == 2
    assert "did you mean cursor?" in capsys.readouterr().err
    assert list(home.iterdir()) == []


def test_what_is_asked_for_stands_in_the_command() -> None:
    """`serve` first; a set of tools that does not exist is refused here, not in the client."""
    args = argparse.Namespace(simulate=True, read_only=True, toolsets="market,work")
    assert served(Launch("vast-mcp"), args).words == (
        *("vast-mcp", "serve", "--simulate", "--speed", "60", "--read-only"),
        *("--toolsets", "market,work"),
    )
    with pytest.raises(ConfigInvalid, match="markt"):
        served(Launch("vast-mcp"), argparse.Namespace(**{**vars(args), "toolsets": "markt"}))


def test_what_a_client_will_not_see_is_told() -> None:
    """A limit that stands in a terminal's environment alone does not hold in a client."""
    seen = notes({"VAST_MCP_MAX_USD_PER_DAY": "1"}, simulated=True, has_key=False)
    assert "VAST_MCP_MAX_USD_PER_DAY" in " ".join(seen)
    assert "vast-mcp login" in notes({}, simulated=False, has_key=False)[0]
    assert notes({}, simulated=False, has_key=True) == []
    assert notes({}, simulated=True, has_key=False) == []
