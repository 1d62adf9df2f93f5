"""The command that a client runs: how this program was started, with absolute paths."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vast_mcp.errors import ConfigInvalid
from vast_mcp.mcp_clients.launch import Launch, Process, how_started


def _nowhere(_: str) -> str | None:
    return None


def _process(tmp_path: Path, **more: Any) -> Process:  # noqa: ANN401  any of its fields
    return replace(Process("vast-mcp", "/opt/env/bin/python", tmp_path, which=_nowhere), **more)


def test_an_installed_script_is_named_by_its_own_path(tmp_path: Path) -> None:
    """Also when it is a link, as package managers make: the link outlives an upgrade."""
    real = tmp_path / "tools" / "vast-mcp"
    real.parent.mkdir()
    real.touch()
    link = tmp_path / "vast-mcp"
    link.symlink_to(real)
    assert how_started(_process(tmp_path, argv0=str(link))) == Launch(str(link))
    assert how_started(_process(tmp_path, which=lambda _: str(link))) == Launch(str(link))


def test_a_module_is_started_with_its_python(tmp_path: Path) -> None:
    """`python -m vast_mcp`: the script may not exist."""
    started = _process(tmp_path, argv0=str(tmp_path / "vast_mcp" / "__main__.py"))
    assert how_started(started) == Launch("/opt/env/bin/python", ("-m", "vast_mcp"))
    assert how_started(_process(tmp_path)).args == ("-m", "vast_mcp")


@pytest.mark.parametrize(
    ("more", "args"),
    [
        ({}, ("vast-mcp",)),
        ({"has_keyring": True}, ("--from", "vast-mcp[keyring]", "vast-mcp")),
        ({"origin": "/dl/vast_mcp.whl"}, ("--from", "/dl/vast_mcp.whl", "vast-mcp")),
        (
            {"origin": "/dl/vast_mcp.whl", "has_keyring": True},
            ("--from", "vast-mcp[keyring] @ file:///dl/vast_mcp.whl", "vast-mcp"),
        ),
        (
            {"origin": "git+https://example.com/x@abc"},
            ("--from", "git+https://example.com/x@abc", "vast-mcp"),
        ),
    ],
)
def test_from_the_cache_of_uvx_it_is_uvx_again(
    tmp_path: Path, more: dict[str, Any], args: tuple[str, ...]
) -> None:
    """The environment there may be gone tomorrow; the extra goes along, or the key is not found."""
    cached = tmp_path / "uv" / "archive-v0" / "abc"
    started = _process(cached, argv0=str(cached / "bin/vast-mcp"), **more)
    assert how_started(replace(started, which=lambda name: f"/bin/{name}")) == Launch(
        "/bin/uvx", args
    )
    beside = replace(started, environ={"UV": "/opt/uv/uv"})
    assert how_started(beside) == Launch("/opt/uv/uvx", args)
    with pytest.raises(ConfigInvalid, match="uv tool install vast-mcp"):
        how_started(started)


def test_from_the_cache_of_pipx_it_is_pipx_again(tmp_path: Path) -> None:
    """`pipx run` keeps its environments for some days only."""
    cached = tmp_path / "pipx" / ".cache" / "abc"
    started = _process(cached, which=lambda name: f"/bin/{name}")
    assert how_started(started) == Launch("/bin/pipx", ("run", "vast-mcp"))
