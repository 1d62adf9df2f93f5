"""The bundle as a person gets it: packed by the official packer, unpacked, started, called."""

import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from release.bundle import PACKER, NotPacked, pack, pinned
from release.manifests import bundle
from tests.release.programs import run
from vast_mcp.served import TOOLS


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, packed by the official packer."""
    if not PACKER.exists():
        pytest.skip("the official packer is not installed; `make npm-tools` does it")
    target = tmp_path_factory.mktemp("bundle") / "vast-mcp.mcpb"
    pack(target)
    return target


@pytest.fixture
def unpacked(packed: Path, tmp_path: Path) -> Path:
    """The packed file's own content, laid out by the packer that hosts use."""
    laid = tmp_path / "laid"
    done = run(PACKER, "unpack", packed, laid)
    assert done.returncode == 0, done.stdout + done.stderr
    return laid


async def test_the_packed_bundle_starts_and_offers_what_it_lists(
    unpacked: Path, tmp_path: Path
) -> None:
    """With every setting at its default: no limit is taken for broken, no tool is missing.

    The host's uv would fetch the dependencies; this test takes its own interpreter's, and the
    code of the bundle alone.
    """
    manifest = json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))
    settings = manifest["user_config"]
    values = {f"${{user_config.{name}}}": one["default"] for name, one in settings.items()}
    filled = {
        name: str(values[text]).lower() if isinstance(values[text], bool) else values[text]
        for name, text in manifest["server"]["mcp_config"]["env"].items()
    }
    words = manifest["server"]["mcp_config"]["args"]
    assert words[:3] == ["run", "--directory", "${__dirname}"]
    assert words[3] == "vast-mcp"
    server = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "vast_mcp", *words[4:], "--simulate"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(unpacked)}
        | filled,
        cwd=str(tmp_path),
    )
    async with Client(stdio_client(server)) as client:
        listed = [tool.name for tool in (await client.list_tools()).tools]
        assert listed == [tool["name"] for tool in manifest["tools"]]
        found = await client.call_tool("search_offers", {"gpu_names": ["RTX 4090"]})
        assert not found.is_error
        policy = (await client.call_tool("show_policy", {})).structured_content or {}
        assert "closed" not in json.dumps(policy).lower()


def test_the_bundle_holds_the_package_and_nothing_of_this_computer(packed: Path) -> None:
    """No cache, no test, no key; the shell scripts that machines get are in it."""
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        project = archive.read("pyproject.toml").decode()
    assert not [name for name in names if "pycache" in name or name.startswith("tests")]
    assert sum(name.endswith(".sh") for name in names) == 2
    assert {"icon.png", "LICENSE", "README.md", "pyproject.toml"} <= set(names)
    assert pinned() in project


def test_a_bundle_without_a_packer_says_how_to_get_it(tmp_path: Path) -> None:
    """`make bundle` on a machine without npm."""
    with pytest.raises(NotPacked, match="make npm-tools"):
        pack(tmp_path / "x.mcpb", PACKER.with_name("absent"))


def test_the_key_is_a_secret_of_the_bundle_and_no_setting_is_required() -> None:
    """The key may also come from `vast-mcp login`; the installer keeps one in the keychain."""
    asked = bundle()["user_config"]
    assert asked["api_key"]["sensitive"] is True
    assert not any(one["required"] for one in asked.values())
    assert len(bundle()["tools"]) == sum(not spec.extra for spec in TOOLS)
