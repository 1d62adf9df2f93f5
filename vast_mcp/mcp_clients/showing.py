"""A change shown to a person: as a diff without other servers' secrets, or as a block to paste."""

import difflib
import json
import re

from vast_mcp.mcp_clients import json_text, toml_text
from vast_mcp.mcp_clients.changes import Change
from vast_mcp.mcp_clients.clients import Client, Format
from vast_mcp.mcp_clients.launch import Launch

_HIDDEN = {
    Format.JSON: re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL),
    Format.TOML: re.compile(
        r'"{3}.*?"{3}|\'{3}.*?\'{3}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
    ),
}
"""Strings and comments, in which secrets of other servers may stand."""
_NAME = re.compile(r"\s*[:=]")
"""What follows a name, which is shown: `"env":`, `"my server" =`."""
_CONTEXT = 2
_LONGEST_LINE = 2000


def diff(change: Change) -> str:
    """The lines that change, with those around them.

    Clients' files hold keys of other servers, and a terminal is copied from, so every string that
    is not part of our own command is shown as `"…"`, and so is every comment.
    """
    before = _masked(change.before or "", change)
    after = _masked(change.after, change)
    rows = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "now", "then", n=_CONTEXT, lineterm=""
    )
    return "\n".join(
        row if len(row) <= _LONGEST_LINE else f"{row[:_LONGEST_LINE]}…"
        for row in rows
        if not row.startswith(("---", "+++"))
    )


def _masked(text: str, change: Change) -> str:
    def hidden(found: re.Match[str]) -> str:
        part = found.group()
        if part[0] in "/#":
            return f"{part[:2] if part[0] == '/' else '#'} …"
        inside = part[1:-1]
        if "\n" not in part and (f'"{inside}"' in literals or _NAME.match(text, found.end())):
            return part
        return '"…"'

    literals = {json.dumps(word, ensure_ascii=False) for word in change.known}
    return _HIDDEN[change.client.format].sub(hidden, text)


def block(client: Client, launch: Launch) -> str:
    """What to paste into an empty file of this client."""
    way = toml_text if client.format is Format.TOML else json_text
    text: str = way.put("", client.path, client.entry(launch))
    return text.strip()
