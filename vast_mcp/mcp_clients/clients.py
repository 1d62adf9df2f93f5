"""The clients that `vast-mcp install` knows: names, files, signs of their presence, own commands.

Each place is the one that the client's own documentation or source names, looked up 2026-11.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

from vast_mcp.mcp_clients.launch import Launch, Which

SERVER = "vast"
"""What our server is called in every client."""


class Format(StrEnum):
    """How a client writes its settings."""

    JSON = "JSON"
    TOML = "TOML"


@dataclass(frozen=True, slots=True)
class Computer:
    """Where things are here: what the files' places depend on."""

    home: Path
    platform: str
    """As `sys.platform`: `darwin`, `win32`, else treated as Linux."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    which: Which = shutil.which

    @classmethod
    def present(cls) -> Self:
        """This one."""
        return cls(Path.home(), sys.platform, os.environ)

    def named(self, variable: str, *default: str) -> Path:
        """The directory that a variable names, else this one below the home directory."""
        value = self.environ.get(variable, "")
        return Path(value) if value else self.home.joinpath(*default)

    @property
    def app_data(self) -> Path:
        """Where desktop programs keep their settings."""
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support"
        if self.platform == "win32":
            return self.named("APPDATA", "AppData", "Roaming")
        return self.named("XDG_CONFIG_HOME", ".config")


Places = Callable[[Computer], Sequence[Path]]
Command = Callable[[Launch], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Client:
    """One MCP client."""

    name: str
    title: str
    files: Places
    """Where its servers may stand: the first that is there, else the first."""
    after: str
    """What a person does next."""
    signs: Places | None = None
    """Directories that tell it is installed, beside those that hold `files`."""
    under: str = "mcpServers"
    format: Format = Format.JSON
    extra: Mapping[str, str] = field(default_factory=dict)
    """What its entries have beside `command` and `args`."""
    program: str = ""
    """Its own command, which adds and removes servers."""
    add: Command | None = None
    remove: tuple[str, ...] = ()
    own_command_on_windows: bool = True

    @property
    def path(self) -> tuple[str, str]:
        """Where our entry stands in its file."""
        return (self.under, SERVER)

    def file(self, here: Computer) -> Path:
        """The file that holds its servers, or will."""
        places = self.files(here)
        return next((path for path in places if path.exists()), places[0])

    def present(self, here: Computer) -> bool:
        """Whether anything shows that it is installed."""
        if self.program and here.which(self.program):
            return True
        signs = self.signs(here) if self.signs else [path.parent for path in self.files(here)]
        return any(path.exists() for path in (*self.files(here), *signs))

    def entry(self, launch: Launch) -> dict[str, object]:
        """Our entry."""
        return {**self.extra, "command": launch.command, "args": list(launch.args)}


def _desktop_files(here: Computer) -> list[Path]:
    """On Windows the store's package reads another place than the plain installer."""
    usual = here.app_data / "Claude" / "claude_desktop_config.json"
    if here.platform != "win32":
        return [usual]
    local = here.named("LOCALAPPDATA", "AppData", "Local")
    packaged = [
        *sorted(local.glob("Claude-Data/[Cc]laude*")),
        *(found / "LocalCache/Roaming/Claude" for found in sorted(local.glob("Packages/Claude_*"))),
    ]
    return [*(folder / usual.name for folder in packaged), usual]


def _lm_studio_files(here: Computer) -> list[Path]:
    """It may live elsewhere: a file in the home directory then holds the place."""
    folders = [here.home / ".lmstudio", here.home / ".cache" / "lm-studio"]
    try:
        pointer = (here.home / ".lmstudio-home-pointer").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        pointer = ""
    if pointer and Path(pointer).is_absolute():
        folders.insert(0, Path(pointer))
    return [folder / "mcp.json" for folder in folders]


def _code_user(here: Computer) -> Path:
    return here.app_data / "Code" / "User"


def _cline_files(here: Computer) -> list[Path]:
    """The extension's own storage in VS Code; the command line's directory."""
    name = "cline_mcp_settings.json"
    extension = _code_user(here) / "globalStorage" / "saoudrizwan.claude-dev" / "settings"
    command_line = here.named("CLINE_DIR", ".cline") / "data" / "settings"
    if not extension.parent.exists() and command_line.parent.exists():
        return [command_line / name, extension / name]
    return [extension / name, command_line / name]


def _cline_signs(here: Computer) -> list[Path]:
    return [path.parent.parent for path in _cline_files(here)]


def _zed_files(here: Computer) -> list[Path]:
    """On macOS too it is below `.config`."""
    if here.platform == "win32":
        return [here.app_data / "Zed" / "settings.json"]
    if here.platform == "darwin":
        return [here.home / ".config" / "zed" / "settings.json"]
    return [here.app_data / "zed" / "settings.json"]


def _claude_code_files(here: Computer) -> list[Path]:
    moved = here.environ.get("CLAUDE_CONFIG_DIR", "")
    return [(Path(moved) if moved else here.home) / ".claude.json"]


def _code_entry(launch: Launch) -> str:
    return json.dumps({"name": SERVER, "command": launch.command, "args": list(launch.args)})


CLIENTS = (
    Client(
        "claude-desktop",
        "Claude Desktop",
        files=_desktop_files,
        after="Quit Claude Desktop and open it again.",
    ),
    Client(
        "claude-code",
        "Claude Code",
        files=_claude_code_files,
        signs=lambda here: [here.named("CLAUDE_CONFIG_DIR", ".claude")],
        extra={"type": "stdio"},
        program="claude",
        add=lambda launch: ("mcp", "add", "--scope", "user", SERVER, "--", *launch.words),
        remove=("mcp", "remove", "--scope", "user", SERVER),
        after="Start a new session; /mcp shows the server.",
    ),
    Client(
        "cursor",
        "Cursor",
        files=lambda here: [here.home / ".cursor" / "mcp.json"],
        after="Cursor's settings, under MCP, show the server; switch it on there.",
    ),
    Client(
        "vscode",
        "VS Code",
        files=lambda here: [_code_user(here) / "mcp.json"],
        under="servers",
        extra={"type": "stdio"},
        program="code",
        add=lambda launch: ("--add-mcp", _code_entry(launch)),
        own_command_on_windows=False,  # `code.cmd` takes the quotes out of the JSON
        after="Run `MCP: List Servers` in VS Code and start it; it asks whether you trust it.",
    ),
    Client(
        "codex",
        "Codex",
        files=lambda here: [here.named("CODEX_HOME", ".codex") / "config.toml"],
        under="mcp_servers",
        format=Format.TOML,
        program="codex",
        add=lambda launch: ("mcp", "add", SERVER, "--", *launch.words),
        remove=("mcp", "remove", SERVER),
        after="Start a new session; /mcp shows the server.",
    ),
    Client(
        "gemini",
        "Gemini CLI",
        files=lambda here: [here.named("GEMINI_CLI_HOME") / ".gemini" / "settings.json"],
        program="gemini",
        add=lambda launch: (
            "mcp", "add", "--scope", "user", SERVER, launch.command, "--", *launch.args
        ),
        remove=("mcp", "remove", "--scope", "user", SERVER),
        after="Start a new session; /mcp shows the server.",
    ),
    Client(
        "windsurf",
        "Windsurf",
        files=lambda here: [here.home / ".codeium" / "windsurf" / "mcp_config.json"],
        after="Refresh the list of MCP servers in Cascade's panel.",
    ),
    Client(
        "zed",
        "Zed",
        files=_zed_files,
        under="context_servers",
        after="Zed reads it at once; the agent panel's settings show the server.",
    ),
    Client(
        "lm-studio",
        "LM Studio",
        files=_lm_studio_files,
        after="LM Studio reads it at once; switch the server on for a chat under Integrations.",
    ),
    Client(
        "cline",
        "Cline",
        files=_cline_files,
        signs=_cline_signs,
        after="Cline reads it at once; its MCP Servers panel shows the server.",
    ),
)  # fmt: skip
"""In the order in which they are looked for."""


def client_named(name: str) -> Client | None:
    """The client of this name."""
    return next((client for client in CLIENTS if client.name == name), None)
