"""Promise: a client's file keeps everything that is not ours, and nothing is written by halves."""

import stat
import tomllib
from pathlib import Path

import pytest

from tests.mcp_clients.homes import LAUNCH, SAMPLES, client, computer, written
from vast_mcp.errors import ConfigInvalid
from vast_mcp.mcp_clients import files, jsonc, showing
from vast_mcp.mcp_clients.changes import Kind, carry_out, planned
from vast_mcp.mcp_clients.clients import CLIENTS, Format
from vast_mcp.mcp_clients.files import COPY

NAMES = [one.name for one in CLIENTS]


def _servers(name: str, text: str) -> dict[str, object]:
    known = client(name)
    if known.format is Format.TOML:
        found = tomllib.loads(text)
    else:
        node = jsonc.parse(text)
        assert node is not None
        found = node.value
    servers = found[known.under]
    assert isinstance(servers, dict)
    return servers


@pytest.mark.parametrize("name", NAMES)
def test_the_entry_comes_changes_and_goes_in_every_clients_own_sample(
    tmp_path: Path, name: str
) -> None:
    """Twice is once; what was there before is there afterwards, byte for byte."""
    here, known = computer(tmp_path), client(name)
    path = written(tmp_path, name, SAMPLES[name])
    path.chmod(0o640)
    before = _servers(name, SAMPLES[name])
    copy = carry_out(planned(known, here, LAUNCH), here)
    entry = _servers(name, path.read_text())["vast"]
    assert isinstance(entry, dict)
    assert (entry["command"], entry["args"]) == (LAUNCH.command, list(LAUNCH.args))
    assert copy == path.with_name(path.name + COPY)
    assert copy.read_text() == SAMPLES[name]
    assert planned(known, here, LAUNCH).kind is Kind.NOTHING
    carry_out(planned(known, here, LAUNCH.with_args("--read-only")), here)
    assert "--read-only" in path.read_text()
    assert _servers(name, path.read_text()).keys() == {*before, "vast"}
    carry_out(planned(known, here, None), here)
    assert path.read_text().rstrip() == SAMPLES[name].rstrip()
    assert planned(known, here, None).kind is Kind.NOTHING
    for file in (path, copy):
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(file.name for file in path.parent.iterdir() if file.is_file()) == sorted(
        [path.name, copy.name]
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_client_without_a_file_gets_a_private_one(tmp_path: Path, name: str) -> None:
    """Nothing to copy, nobody else to read it."""
    here, known = computer(tmp_path), client(name)
    assert carry_out(planned(known, here, LAUNCH), here) is None
    path = known.file(here)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() == showing.block(known, LAUNCH)


@pytest.mark.parametrize("name", NAMES)
def test_a_malformed_file_is_left_alone_and_the_place_is_named(tmp_path: Path, name: str) -> None:
    """Neither changed nor copied; the way out is told."""
    broken = SAMPLES[name].replace("\n", "\n]", 1)
    path = written(tmp_path, name, broken)
    for launch in (LAUNCH, None):
        with pytest.raises(ConfigInvalid, match=rf"line \d.*--print {name}"):
            planned(client(name), computer(tmp_path), launch)
    assert path.read_text() == broken
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_a_person_added_to_our_entry_stays(tmp_path: Path) -> None:
    """Variables, limits of time, tools that need no question."""
    path = written(
        tmp_path,
        "cline",
        '{"mcpServers": {"vast": {\n  "command": "/old/vast-mcp", // mine\n  "args": [],\n'
        '  "env": {"A": "1"}, "disabled": false}}}',
    )
    here = computer(tmp_path)
    carry_out(planned(client("cline"), here, LAUNCH), here)
    entry = _servers("cline", path.read_text())["vast"]
    assert entry == {
        "command": LAUNCH.command,
        "args": list(LAUNCH.args),
        "env": {"A": "1"},
        "disabled": False,
    }


def test_a_key_in_clear_and_a_second_entry_of_ours_are_told_and_left(tmp_path: Path) -> None:
    """Both are the person's to take out; the key is not repeated."""
    path = written(
        tmp_path,
        "cursor",
        '{"mcpServers": {"vast-mcp": {"command": "uvx", "args": ["vast-mcp"]}, "vast": {"command":'
        ' "uvx", "args": ["vast-mcp"], "env": {"VAST_API_KEY": "canary-7d1f"}}}}',
    )
    here = computer(tmp_path)
    change = planned(client("cursor"), here, LAUNCH)
    key, second = change.remarks
    assert "VAST_API_KEY in clear" in key
    assert "'vast-mcp' starts vast-mcp as well" in second
    assert "canary" not in showing.diff(change) + key + second
    carry_out(change, here)
    assert planned(client("cursor"), here, LAUNCH).remarks == change.remarks
    assert "canary-7d1f" in path.read_text()


@pytest.mark.parametrize("launch", [LAUNCH, None])
def test_another_server_of_the_same_name_is_not_touched(tmp_path: Path, launch: None) -> None:
    """It is somebody's; only they can rename it."""
    text = '{"mcpServers": {"vast": {"url": "https://example.com/mcp"}}}'
    path = written(tmp_path, "cursor", text)
    with pytest.raises(ConfigInvalid, match="does not start vast-mcp"):
        planned(client("cursor"), computer(tmp_path), launch)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        'mcp_servers = { other = { command = "x" } }\n',
        'mcp_servers.other.command = "x"\n\n[tui]\na = 1\n',
        '[mcp_servers]\nother = { command = "x" }\n[tui]\na = 1\n',
    ],
)
def test_other_ways_to_write_the_same_table_are_kept_or_refused(tmp_path: Path, text: str) -> None:
    """TOML has several; either the result reads right or nothing is written."""
    path = written(tmp_path, "codex", text)
    here = computer(tmp_path)
    try:
        carry_out(planned(client("codex"), here, LAUNCH), here)
    except ConfigInvalid:
        assert path.read_text() == text
    else:
        assert _servers("codex", path.read_text()).keys() == {"other", "vast"}


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """People keep their settings in a repository and link to them."""
    real = tmp_path / "dotfiles" / "mcp.json"
    real.parent.mkdir()
    real.write_text(SAMPLES["cursor"])
    path = client("cursor").file(computer(tmp_path))
    path.parent.mkdir()
    path.symlink_to(real)
    here = computer(tmp_path)
    assert carry_out(planned(client("cursor"), here, LAUNCH), here) == Path(f"{real}{COPY}")
    assert path.is_symlink()
    assert "vast" in real.read_text()


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """A client may write its settings while a person reads the question."""
    path = written(tmp_path, "cursor", SAMPLES["cursor"])
    here = computer(tmp_path)
    change = planned(client("cursor"), here, LAUNCH)
    path.write_text('{"mcpServers": {}}')
    with pytest.raises(ConfigInvalid, match="changed meanwhile"):
        carry_out(change, here)
    assert path.read_text() == '{"mcpServers": {}}'


def test_what_cannot_be_written_is_told_and_nothing_is_left_lying(tmp_path: Path) -> None:
    """The file is as it was, and no half of another lies beside it."""
    path = written(tmp_path, "cursor", SAMPLES["cursor"])
    path.with_name(path.name + COPY).mkdir()
    here = computer(tmp_path)
    with pytest.raises(ConfigInvalid, match="cannot be written"):
        carry_out(planned(client("cursor"), here, LAUNCH), here)
    assert path.read_text() == SAMPLES["cursor"]
    assert len(list(path.parent.iterdir())) == 2


def test_a_diff_shows_our_command_and_nobodys_secret(tmp_path: Path) -> None:
    """Terminals are copied from, and other servers' keys stand next to our entry."""
    secret = "hunter2-hunter2"
    texts = {
        "cursor": f'{{"mcpServers": {{"o": {{"args": ["{secret}"], "url": "{secret}"}}}}}}',
        "zed": f'{{\n  // {secret}\n  "context_servers": {{\n    /* {secret}\n {secret} */\n'
        f'    "o": {{"env": {{"K": "{secret}", "L": "\\"{secret}"}}}} // {secret}\n  }}\n}}',
        "codex": f'[mcp_servers.o]\nx = """\n{secret}\n"""\ny = \'{secret}\'\nz = ["{secret}"]'
        f" # {secret}\n",
    }
    for name, text in texts.items():
        written(tmp_path, name, text)
        shown = showing.diff(planned(client(name), computer(tmp_path), LAUNCH))
        assert secret not in shown
        assert LAUNCH.command in shown
        assert "--simulate" in shown


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """An error, not a traceback."""
    path = written(tmp_path, "cursor", "")
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        files.read(path)
