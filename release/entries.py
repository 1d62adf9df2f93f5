"""What `vast-mcp install` would write for each client, for the pages: its table, run on nobody."""

import json
from pathlib import Path

import tomlkit

from release.facts import ARGUMENTS, COMMAND
from vast_mcp.mcp_clients.clients import CLIENTS, Client, Computer, Format, client_named
from vast_mcp.mcp_clients.launch import Launch

LAUNCH = Launch(COMMAND, ARGUMENTS)
_HOME = Path("/~")
"""No directory of this computer: nothing is found in it."""


def entry(name: str) -> str:
    """The block of one client, as it stands in its file.

    Raises:
        LookupError: there is no such client.
    """
    client = client_named(name.replace("_", "-"))
    if client is None:
        raise LookupError(name)
    held = {client.path[0]: {client.path[1]: client.entry(LAUNCH)}}
    if client.format is Format.TOML:
        return f"```toml\n{tomlkit.dumps(held).strip()}\n```"
    return f"```json\n{json.dumps(held, indent=2)}\n```"


def places_table() -> str:
    """One row per client: its word for `install`, its file on both systems, where the entry is."""
    rows = [
        "| client | `vast-mcp install …` | file on Linux | on macOS | under | its own command |",
        "|---|---|---|---|---|---|",
    ]
    for client in CLIENTS:
        linux, mac = _file(client, "linux"), _file(client, "darwin")
        own = f"`{client.program}`" if client.add else ""
        mac = "the same" if mac == linux else f"`{mac}`"
        rows.append(
            f"| {client.title} | `{client.name}` | `{linux}` | {mac} | `{client.under}` | {own} |"
        )
    return "\n".join(rows)


def _file(client: Client, platform: str) -> str:
    place = client.file(Computer(_HOME, platform, {}, lambda _: None))
    return str(place).removeprefix("/")
