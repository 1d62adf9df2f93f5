"""What registries, clients and installers read is true, current and of the form they accept."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from release.facts import ROOT, facts
from release.manifests import MANIFESTS, bundle, registry, written
from release.settings import settings
from vast_mcp import __version__
from vast_mcp.cli.main import COMMANDS
from vast_mcp.policy.variables import SETTINGS, by_variable
from vast_mcp.prompts import PROMPTS
from vast_mcp.served import TOOLS

STARTED = re.compile(r'"command": "(\w+)",\s+"args": \[(.*?)\]', re.DOTALL)
SCHEMA = Path(__file__).parent / "schemas" / "server-2025-12-11.schema.json"


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_is_current(name: str) -> None:
    """`make manifests` would change nothing."""
    assert (ROOT / name).read_text(encoding="utf-8") == written(name), "run `make manifests`"


@pytest.mark.parametrize("name", MANIFESTS)
def test_no_manifest_holds_a_key_or_asks_a_client_to_keep_one_openly(name: str) -> None:
    """A key stands in no file that is checked in; where one is asked for, it is a secret."""
    text = written(name)
    assert not re.search(r"[0-9a-f]{40,}", text)
    if "VAST_API_KEY" in text:
        assert '"sensitive": true' in text or '"isSecret": true' in text


def test_the_registry_entry_is_valid() -> None:
    """Against the registry's own schema, and the rule that it adds on lengths."""
    entry = registry()
    jsonschema.validate(entry, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert len(entry["description"]) <= 100
    assert len(entry["packages"][0]["environmentVariables"]) == len(list(settings()))


def test_a_broken_registry_entry_is_noticed() -> None:
    """The check can fail: a description that is too long, a missing name."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    cases: tuple[dict[str, object], ...] = (
        {"description": "x" * 101},
        {"name": "no-slash"},
        {"packages": [{}]},
    )
    for wrong in cases:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(registry() | wrong, schema)


def test_the_readme_says_whose_entry_in_the_registry_it_is() -> None:
    """The registry looks for exactly this line in the published package's description."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- mcp-name: {registry()['name']} -->" in readme


def test_the_version_stands_in_one_place() -> None:
    """The project takes it from the package, and every manifest from there."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["dynamic"] == ["version"]
    assert pyproject["tool"]["hatch"]["version"]["path"] == "vast_mcp/__init__.py"
    for name in MANIFESTS:
        said = set(re.findall(r'"version": "([^"]+)"', written(name)))
        assert said <= {__version__}, name


def test_the_owner_is_named_in_one_place() -> None:
    """The placeholder of the account that publishes stands in pyproject, and is explained."""
    owner = facts().repository.split("/")[3]
    assert facts().registry_name == f"io.github.{owner}/vast-mcp"
    assert owner in (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")


def test_the_bundle_lists_the_default_tools_and_every_prompt() -> None:
    """What an installer shows is what the server then offers."""
    manifest = bundle()
    offered = [spec.name for spec in TOOLS if not spec.extra]
    assert [tool["name"] for tool in manifest["tools"]] == offered
    assert [prompt["name"] for prompt in manifest["prompts"]] == [spec.name for spec in PROMPTS]
    assert all(tool["description"] for tool in manifest["tools"])


def test_every_setting_that_an_installer_asks_for_is_one_that_we_read() -> None:
    """An unknown VAST_MCP_ variable would close spending; every one has its question."""
    known = {*SETTINGS, *by_variable(), "VAST_API_KEY"}
    asked = list(settings())
    assert {one.variable for one in asked} <= known
    environment = bundle()["server"]["mcp_config"]["env"]
    assert environment == {one.variable: f"${{user_config.{one.name}}}" for one in asked}
    assert all(one["default"] is not None for one in bundle()["user_config"].values())


def test_every_manifest_starts_a_command_that_exists() -> None:
    """`vast-mcp serve`, whoever fetches the package."""
    assert "serve" in COMMANDS
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert scripts["scripts"]["vast-mcp"] == "vast_mcp.__main__:main"
    for name in MANIFESTS:
        for command, words in STARTED.findall(written(name)):
            assert command in {"uvx", "uv"}
            assert json.loads(f"[{words}]")[-2:] == ["vast-mcp", "serve"]


@pytest.mark.parametrize("market", [".claude-plugin", ".cursor-plugin", ".agents/plugins"])
def test_every_marketplace_leads_to_a_plugin_that_is_there(market: str) -> None:
    """The folder, the manifest of that client in it, and the servers' file."""
    listed = json.loads((ROOT / market / "marketplace.json").read_text(encoding="utf-8"))
    source = listed["plugins"][0]["source"]
    folder = ROOT / (source if isinstance(source, str) else source["path"])
    own = ".codex-plugin" if market == ".agents/plugins" else market
    manifest = json.loads((folder / own / "plugin.json").read_text(encoding="utf-8"))
    assert manifest["name"] == listed["plugins"][0]["name"]
    for named in (manifest.get("mcpServers"), manifest.get("logo")):
        assert named is None or (folder / named).is_file(), named
    assert (folder / ".mcp.json").is_file()
