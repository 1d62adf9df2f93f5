"""Where each client keeps its servers, on each system, and what tells that it is installed."""

from pathlib import Path

import pytest

from tests.mcp_clients.homes import SAMPLES, client, computer, nothing_installed
from vast_mcp.mcp_clients.clients import CLIENTS, Computer

SUPPORT = "Library/Application Support"
CLINE = "User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"


@pytest.mark.parametrize(
    ("name", "linux", "macos", "windows"),
    [
        (
            "claude-desktop",
            ".config/Claude/claude_desktop_config.json",
            f"{SUPPORT}/Claude/claude_desktop_config.json",
            "AppData/Roaming/Claude/claude_desktop_config.json",
        ),
        ("claude-code", ".claude.json", ".claude.json", ".claude.json"),
        ("cursor", ".cursor/mcp.json", ".cursor/mcp.json", ".cursor/mcp.json"),
        (
            "vscode",
            ".config/Code/User/mcp.json",
            f"{SUPPORT}/Code/User/mcp.json",
            "AppData/Roaming/Code/User/mcp.json",
        ),
        ("codex", ".codex/config.toml", ".codex/config.toml", ".codex/config.toml"),
        ("gemini", ".gemini/settings.json", ".gemini/settings.json", ".gemini/settings.json"),
        (
            "windsurf",
            ".codeium/windsurf/mcp_config.json",
            ".codeium/windsurf/mcp_config.json",
            ".codeium/windsurf/mcp_config.json",
        ),
        (
            "zed",
            ".config/zed/settings.json",
            ".config/zed/settings.json",
            "AppData/Roaming/Zed/settings.json",
        ),
        ("lm-studio", ".lmstudio/mcp.json", ".lmstudio/mcp.json", ".lmstudio/mcp.json"),
        (
            "cline",
            f".config/Code/{CLINE}",
            f"{SUPPORT}/Code/{CLINE}",
            f"AppData/Roaming/Code/{CLINE}",
        ),
    ],
)
def test_each_file_lies_where_its_client_reads_it(
    tmp_path: Path, name: str, linux: str, macos: str, windows: str
) -> None:
    """The places that the clients' own documents name."""
    for platform, place in (("linux", linux), ("darwin", macos), ("win32", windows)):
        assert client(name).file(computer(tmp_path, platform)) == tmp_path / place


def test_variables_that_move_a_clients_files_are_followed(tmp_path: Path) -> None:
    """As the clients themselves do."""
    moved = str(tmp_path / "moved")
    for name, variable, place in (
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("gemini", "GEMINI_CLI_HOME", ".gemini/settings.json"),
        ("vscode", "XDG_CONFIG_HOME", "Code/User/mcp.json"),
        ("zed", "XDG_CONFIG_HOME", "zed/settings.json"),
    ):
        here = computer(tmp_path, **{variable: moved})
        assert client(name).file(here) == tmp_path / "moved" / place


def test_an_app_from_the_windows_store_reads_its_own_place(tmp_path: Path) -> None:
    """The package sees another directory than the one that its own button opens."""
    local = tmp_path / "AppData" / "Local"
    packaged = local / "Packages" / "Claude_pzs8sxrjxfjjc" / "LocalCache" / "Roaming" / "Claude"
    packaged.mkdir(parents=True)
    desktop = client("claude-desktop")
    here = computer(tmp_path, "win32")
    assert desktop.file(here) == packaged / "claude_desktop_config.json"
    newer = local / "Claude-Data" / "claude_abc"
    newer.mkdir(parents=True)
    assert desktop.file(here) == newer / "claude_desktop_config.json"


def test_lm_studio_may_live_elsewhere(tmp_path: Path) -> None:
    """A file in the home directory holds the place; an older release used the cache."""
    studio = client("lm-studio")
    old = tmp_path / ".cache" / "lm-studio"
    old.mkdir(parents=True)
    (old / "mcp.json").write_text("{}")
    assert studio.file(computer(tmp_path)) == old / "mcp.json"
    (tmp_path / ".lmstudio-home-pointer").write_text(f"{tmp_path}/there\n")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mcp.json").write_text("{}")
    assert studio.file(computer(tmp_path)) == tmp_path / "there" / "mcp.json"


def test_cline_without_the_editor_is_the_command_line(tmp_path: Path) -> None:
    """One of the two places; the extension's where both are."""
    (tmp_path / ".cline" / "data").mkdir(parents=True)
    place = tmp_path / ".cline" / "data" / "settings" / "cline_mcp_settings.json"
    assert client("cline").file(computer(tmp_path)) == place
    assert client("cline").present(computer(tmp_path))


def test_nothing_is_found_in_an_empty_home_and_each_client_by_its_traces(tmp_path: Path) -> None:
    """A file, its directory, or a command on the PATH."""
    here = computer(tmp_path)
    assert [one.name for one in CLIENTS if one.present(here)] == []
    for known in CLIENTS:
        home = tmp_path / known.name
        home.mkdir()
        path = known.file(computer(home))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SAMPLES[known.name])
        found = [one.name for one in CLIENTS if one.present(computer(home))]
        assert known.name in found
    codex = Computer(tmp_path, "linux", {}, lambda name: "/bin/x" if name == "codex" else None)
    assert [one.name for one in CLIENTS if one.present(codex)] == ["codex"]
    assert nothing_installed("codex") is None
