"""One table of a TOML text comes, changes and goes; comments and all else stay."""

import tomllib

import pytest

from vast_mcp.mcp_clients import toml_text
from vast_mcp.mcp_clients.jsonc import Malformed

PATH = ("mcp_servers", "vast")
ENTRY = {"command": "/opt/vast-mcp", "args": ["serve"]}
MINE = """\
# mine
model = "x" # why

[mcp_servers.other] # theirs
command = "npx"
args = [
  "a", # one
]
"""


@pytest.mark.parametrize("text", [MINE, "", "# only this\n", 'a = 1\n[tui]\nx = "y"\n'])
def test_what_is_put_in_and_taken_out_leaves_the_text_as_it_was(text: str) -> None:
    """Codex's own file is full of comments of the person."""
    there = toml_text.put(text, PATH, ENTRY)
    assert tomllib.loads(there) == {
        **tomllib.loads(text),
        "mcp_servers": {**tomllib.loads(text).get("mcp_servers", {}), "vast": ENTRY},
    }
    assert there.startswith(text)
    assert "[mcp_servers.vast]\n" in there
    assert toml_text.put(there, PATH, ENTRY) == there
    assert toml_text.take(there, PATH).strip() == text.strip()


def test_a_change_keeps_what_a_person_added() -> None:
    """Limits of time and the comments at them."""
    text = (
        f'{MINE}\n[mcp_servers.vast]\ncommand = "old" # c\nargs = []\ntool_timeout_sec = 90 # t\n'
    )
    there = toml_text.put(text, PATH, {**ENTRY, "tool_timeout_sec": 90})
    assert "tool_timeout_sec = 90 # t" in there
    assert toml_text.value_at(there, PATH) == {**ENTRY, "tool_timeout_sec": 90}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = \n", "line 1, column 5"),
        ("a = 1\na = 2\n", "line 2"),
        ("mcp_servers = 3\n", "line 1: mcp_servers should be a table"),
        ("x = 1\n[mcp_servers\n", "line 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(text: str, told: str) -> None:
    """Nobody's file is mended by guessing."""
    with pytest.raises(Malformed, match=told):
        toml_text.put(text, PATH, ENTRY)
