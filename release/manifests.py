"""Writes every manifest that an installer, a registry or a client reads: `make manifests`.

`python -m release.manifests` writes them all; a test fails when one is stale. No manifest holds a
key: plugins and extensions use the one that `vast-mcp login` or the official client keeps.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from release.facts import ARGUMENTS, COMMAND, DISPLAY, ROOT, SERVER, facts
from release.settings import Setting, settings
from vast_mcp.prompts import PROMPTS
from vast_mcp.served import TOOLS

Manifest = dict[str, Any]
SHORT = "Rent, watch and shut down Vast.ai GPUs, under spend limits that no call can exceed"
"""At most 100 characters: the MCP registry takes no more."""
LONG = """\
Find, rent, use and shut down GPUs on Vast.ai from the chat.

- **Limits** on price, day, month and lease that nothing the model says can raise.
- **Questions** before what costs much or cannot be undone; a destroy wants digits typed.
- **Leases**: every machine has an end, enforced even when this computer is off.
- **Jobs**: "run train.py on a cheap 4090, bring the checkpoint back, under $5" is one question.

Nothing is rented without your own Vast.ai account and key. To try everything without a key and
without money, run `uvx vast-mcp demo` in a terminal."""
_REGISTRY_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
_PLUGIN = "./plugins/vast"
_SERVE: Manifest = {"command": COMMAND, "args": list(ARGUMENTS)}


def bundle() -> Manifest:
    """The manifest of the `.mcpb` bundle, version 0.4; the host brings uv and Python."""
    known = facts()
    return {
        "manifest_version": "0.4",
        "name": known.name,
        "display_name": DISPLAY,
        "version": known.version,
        "description": known.description,
        "long_description": LONG,
        "author": {"name": known.author, "url": known.repository},
        "repository": {"type": "git", "url": known.repository},
        "homepage": known.repository,
        "documentation": known.documentation,
        "support": known.issues,
        "icon": "icon.png",
        "server": {
            "type": "uv",
            "entry_point": "vast_mcp/__main__.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "vast-mcp", "serve"],
                "env": {one.variable: f"${{user_config.{one.name}}}" for one in settings()},
            },
        },
        "tools": [
            {"name": spec.name, "description": first_line(spec.function.__doc__)}
            for spec in TOOLS
            if not spec.extra
        ],
        "tools_generated": True,  # `toolsets` and `read_only` change what is offered
        "prompts": [
            {
                "name": spec.name,
                "description": spec.description,
                "arguments": [argument.name for argument in spec.arguments],
                "text": spec.description,
            }
            for spec in PROMPTS
        ],
        "prompts_generated": True,  # the text is written when it is asked for
        "keywords": list(known.keywords),
        "license": known.licence,
        "compatibility": {
            "platforms": ["darwin", "linux"],
            "runtimes": {"python": known.python},
        },
        "user_config": {one.name: _asked(one) for one in settings()},
    }


def first_line(text: str | None) -> str:
    """What a docstring says first."""
    return (text or "").strip().partition("\n")[0]


def _asked(setting: Setting) -> Manifest:
    asked: Manifest = {
        "type": setting.kind,
        "title": setting.title,
        "description": setting.description,
        "required": False,
        "default": setting.default,
    }
    if setting.secret:
        asked["sensitive"] = True
    return asked


def registry() -> Manifest:
    """The entry of the MCP registry."""
    known = facts()
    return {
        "$schema": _REGISTRY_SCHEMA,
        "name": known.registry_name,
        "title": DISPLAY,
        "description": SHORT,
        "version": known.version,
        "websiteUrl": known.repository,
        "repository": {"url": known.repository, "source": "github"},
        "packages": [
            {
                "registryType": "pypi",
                "identifier": known.name,
                "version": known.version,
                "runtimeHint": COMMAND,
                "transport": {"type": "stdio"},
                "packageArguments": [{"type": "positional", "value": "serve"}],
                "environmentVariables": [_variable(one) for one in settings()],
            }
        ],
    }


def _variable(setting: Setting) -> Manifest:
    variable: Manifest = {
        "name": setting.variable,
        "description": f"{setting.title}. {setting.description}",
        "isRequired": False,
        "isSecret": setting.secret,
        "format": setting.kind,
    }
    if setting.default:
        variable["default"] = str(setting.default)
    return variable


def gemini() -> Manifest:
    """Gemini CLI's extension: `gemini extensions install` reads it at the repository's root."""
    known = facts()
    return {
        "name": known.name,
        "version": known.version,
        "description": SHORT,
        "mcpServers": {SERVER: _SERVE},
    }


def plugin() -> Manifest:
    """What the three plugin manifests have in common."""
    known = facts()
    return {
        "name": SERVER,
        "version": known.version,
        "description": SHORT,
        "author": {"name": known.author},
        "homepage": known.repository,
        "repository": known.repository,
        "license": known.licence,
        "keywords": list(known.keywords),
    }


def codex_plugin() -> Manifest:
    """Codex reads the servers from the file that it names, and shows `interface`."""
    return plugin() | {
        "mcpServers": "./.mcp.json",
        "interface": {
            "displayName": DISPLAY,
            "shortDescription": "Rent and shut down Vast.ai GPUs within limits",
            "longDescription": SHORT + ".",
            "developerName": facts().author,
            "category": "Developer Tools",
            "capabilities": ["Interactive", "Read", "Write"],
            "websiteURL": facts().repository,
            "composerIcon": "./icon.png",
            "logo": "./icon.png",
            "defaultPrompt": [
                "Run train.py on a cheap 4090 and bring the checkpoint back, under $5"
            ],
        },
    }


def cursor_plugin() -> Manifest:
    """Cursor keeps only the files that its manifest names."""
    return plugin() | {"displayName": DISPLAY, "logo": "icon.png", "mcpServers": "./mcp.json"}


def servers() -> Manifest:
    """The block that every client with `mcpServers` reads."""
    return {"mcpServers": {SERVER: _SERVE}}


def claude_marketplace() -> Manifest:
    """`/plugin marketplace add <repository>` in Claude Code."""
    return {
        "name": facts().name,
        "owner": {"name": facts().author},
        "metadata": {"description": SHORT, "version": facts().version},
        "plugins": [{"name": SERVER, "source": _PLUGIN, "description": SHORT}],
    }


def cursor_marketplace() -> Manifest:
    """A repository that holds plugins for Cursor."""
    return {
        "name": facts().name,
        "owner": {"name": facts().author},
        "plugins": [{"name": SERVER, "source": _PLUGIN, "description": SHORT}],
    }


def codex_marketplace() -> Manifest:
    """`codex plugin marketplace add <repository>`."""
    return {
        "name": facts().name,
        "interface": {"displayName": DISPLAY},
        "plugins": [
            {
                "name": SERVER,
                "source": {"source": "local", "path": _PLUGIN},
                "policy": {"installation": "AVAILABLE", "authentication": "ON_USE"},
                "category": "Developer Tools",
            }
        ],
    }


MANIFESTS: Mapping[str, Callable[[], Manifest]] = MappingProxyType(
    {
        "server.json": registry,
        "gemini-extension.json": gemini,
        "release/mcpb/manifest.json": bundle,
        "plugins/vast/.claude-plugin/plugin.json": plugin,
        "plugins/vast/.codex-plugin/plugin.json": codex_plugin,
        "plugins/vast/.cursor-plugin/plugin.json": cursor_plugin,
        "plugins/vast/.mcp.json": servers,
        "plugins/vast/mcp.json": servers,
        ".claude-plugin/marketplace.json": claude_marketplace,
        ".cursor-plugin/marketplace.json": cursor_marketplace,
        ".agents/plugins/marketplace.json": codex_marketplace,
    }
)


def written(name: str) -> str:
    """The text of one of them."""
    return json.dumps(MANIFESTS[name](), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write them all."""
    for name in MANIFESTS:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
