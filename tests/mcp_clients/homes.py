"""A fresh home directory, and its clients' files as their own documents show them."""

from pathlib import Path

from vast_mcp.mcp_clients.clients import CLIENTS, Client, Computer, client_named
from vast_mcp.mcp_clients.launch import Launch

LAUNCH = Launch("/opt/vast mcp/vast-mcp", ("serve", "--simulate"))


def nothing_installed(_: str) -> str | None:
    """A PATH without any client's command."""
    return None


def computer(home: Path, platform: str = "linux", **environ: str) -> Computer:
    """A computer with this home and nothing else of the present one."""
    return Computer(home, platform, environ, nothing_installed)


def client(name: str) -> Client:
    """The client of this name, which is known."""
    found = client_named(name)
    assert found is not None
    return found


def written(home: Path, name: str, text: str) -> Path:
    """A client's file with this text."""
    path = client(name).file(computer(home))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# Each client's own example of a server over stdio, from its documentation or source (2026-11).
SAMPLES = {
    "claude-desktop": '{\n  "mcpServers": {\n    "filesystem": {\n      "command": "npx",\n'
    '      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/tmp"]\n    }\n  }\n}\n',
    "claude-code": '{\n  "numStartups": 3,\n  "mcpServers": {\n    "fs": {\n'
    '      "type": "stdio",\n      "command": "npx",\n      "args": [],\n      "env": {}\n'
    "    }\n  }\n}",
    "cursor": '{\n  "mcpServers": {\n    "server-name": {\n      "command": "npx",\n'
    '      "args": ["-y", "mcp-server"],\n      "env": {\n        "API_KEY": "value"\n'
    "      }\n    }\n  }\n}\n",
    "vscode": '{\n\t"servers": {\n\t\t"memory": {\n\t\t\t"command": "npx",\n'
    '\t\t\t"args": ["-y", "@modelcontextprotocol/server-memory"]\n\t\t}\n\t},\n\t"inputs": []\n}',
    "codex": 'model = "gpt-5"\n\n[mcp_servers.docs]\ncommand = "npx"\nargs = ["-y", "docs"]\n'
    '\n[mcp_servers.docs.env]\nKEY = "value"\n\n[tui]\ntheme = "x"\n',
    "gemini": '{\n  // security\n  "security": { "auth": { "selectedType": "x" } },\n'
    '  "mcpServers": {\n    "py": {\n      "command": "python",\n      "args": ["-m", "s"],\n'
    '      "timeout": 15000\n    }\n  }\n}\n',
    "windsurf": '{\n  "mcpServers": {\n    "github": {\n      "command": "npx",\n'
    '      "args": ["-y", "x"],\n      "env": {"T": "<token>"}\n    },\n'
    '    "remote": {\n      "serverUrl": "https://example.com/mcp"\n    }\n  }\n}',
    "zed": '// Zed settings\n//\n{\n  "ui_font_size": 16,\n  "context_servers": {\n'
    '    "local-mcp-server": {\n      "command": "some-command",\n      "args": ["arg-1"],\n'
    '      "env": {},\n    },\n  },\n}\n',
    "lm-studio": '{\n  "mcpServers": {\n    "hf-mcp-server": {\n'
    '      "url": "https://example.com/mcp",\n      "headers": {"Authorization": "Bearer x"}\n'
    "    }\n  }\n}",
    "cline": '{\n  "mcpServers": {\n    "local-server": {\n      "command": "node",\n'
    '      "args": ["/path/to/server.js"],\n      "alwaysAllow": ["tool1"],\n'
    '      "disabled": false\n    }\n  }\n}\n',
}
assert set(SAMPLES) == {known.name for known in CLIENTS}
