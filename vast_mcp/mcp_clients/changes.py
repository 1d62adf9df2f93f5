"""What would change in a client's settings, and the change carried out."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType

from vast_mcp.errors import ConfigInvalid
from vast_mcp.mcp_clients import files, json_text, toml_text
from vast_mcp.mcp_clients.clients import SERVER, Client, Computer, Format
from vast_mcp.mcp_clients.jsonc import Malformed
from vast_mcp.mcp_clients.launch import PROGRAM, Launch
from vast_mcp.text import clean_line

LONGEST_S = 60
"""A client's own command takes a second or two."""


class Kind(StrEnum):
    """What happens to our entry."""

    NOTHING = "nothing"
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """A client's file now and then. `command` is the client's own way to get there, if any."""

    client: Client
    path: Path
    kind: Kind
    before: str | None
    after: str
    wanted: Mapping[str, object] | None
    """Our entry as it will be; None when it will be gone."""
    known: frozenset[str] = frozenset()
    """Strings of our own entry, which may be shown; the others may be secrets of other servers."""
    command: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """What else a person should know of this file."""


def planned(client: Client, here: Computer, launch: Launch | None) -> Change:
    """What would have to change for this command to stand there; without one, for none to.

    Raises:
        ConfigInvalid: the file is malformed, or holds a server of the same name that is not ours.
    """
    path = client.file(here)
    before = files.read(path)
    try:
        return _planned(client, here, path, before, launch)
    except Malformed as error:
        raise ConfigInvalid(
            f"{path}, {error}. Nothing was written.",
            hint=f"Mend the file, or add the block of `vast-mcp install --print {client.name}`"
            " by hand.",
        ) from error


def _planned(
    client: Client, here: Computer, path: Path, before: str | None, launch: Launch | None
) -> Change:
    text, way = before or "", _way(client)
    present = way.value_at(text, client.path)
    if present is not None and not is_ours(present):
        raise ConfigInvalid(
            f"{path} has a server called {SERVER} that does not start vast-mcp; nothing was"
            " written.",
            hint="Give that one another name first.",
        )
    known = frozenset(("stdio", *_strings(present), *(launch.words if launch else ())))
    if launch is None:
        after = way.take(text, client.path)
        kind = Kind.NOTHING if present is None else Kind.REMOVE
        command = client.remove if kind is Kind.REMOVE else ()
        _check(client, path, text, after, None)
        return Change(client, path, kind, before, after, None, known, _own(client, here, command))
    wanted = {**(present or {}), **client.entry(launch)}
    remarks = tuple(_remarks(way.value_at(text, client.path[:1]), present))
    if present == wanted:
        return Change(client, path, Kind.NOTHING, before, text, wanted, known, remarks=remarks)
    after = way.put(text, client.path, wanted)
    _check(client, path, text, after, wanted)
    kind = Kind.ADD if present is None else Kind.CHANGE
    # A change is made in the file: the clients' own commands would drop what else is in the entry.
    command = client.add(launch) if client.add and kind is Kind.ADD else ()
    own = _own(client, here, command)
    return Change(client, path, kind, before, after, wanted, known, own, remarks)


def _remarks(servers: object, present: object) -> Iterator[str]:
    """A key in clear, and a second entry that starts us too: told, and left to the person."""
    env = present.get("env") if isinstance(present, Mapping) else None
    if isinstance(env, Mapping) and "VAST_API_KEY" in env:
        yield (
            "This entry holds VAST_API_KEY in clear, and it goes before `vast-mcp login`: log in,"
            " then take it out."
        )
    for name, entry in servers.items() if isinstance(servers, Mapping) else ():
        if name != SERVER and is_ours(entry):
            shown = str(clean_line(str(name), 60))
            yield f"{shown!r} starts vast-mcp as well: every tool would stand there twice."


def carry_out(change: Change, here: Computer) -> Path | None:
    """Make the change; the place of the copy, if there was a file.

    Raises:
        ConfigInvalid: it could not be made; what the client's command said is part of it.
    """
    if not change.command:
        return files.write(change.path, change.after, before=change.before)
    copy = files.keep_copy(change.path) if change.before is not None else None
    _run(change, here)
    present = _way(change.client).value_at(files.read(change.path) or "", change.client.path)
    if not _fulfils(present, change.wanted):
        raise ConfigInvalid(
            f"`{change.client.program}` ended well, but {change.path} does not show the change.",
            hint=f"`vast-mcp install --print {change.client.name}` prints the block to add.",
        )
    return copy


def is_ours(entry: object) -> bool:
    """Whether an entry starts this program."""
    words = _strings(entry)
    return any(PROGRAM in word.replace("_", "-") for word in words)


def _strings(entry: object) -> list[str]:
    """The command and the arguments of an entry."""
    if not isinstance(entry, Mapping):
        return []
    args = entry.get("args")
    words = [entry.get("command"), *(args if isinstance(args, list) else [])]
    return [word for word in words if isinstance(word, str)]


def _own(client: Client, here: Computer, words: tuple[str, ...]) -> tuple[str, ...]:
    """The client's own command with its place, where there is one that can be used."""
    usable = here.platform != "win32" or client.own_command_on_windows
    program = here.which(client.program) if client.program and words and usable else None
    return (program, *words) if program else ()


def _way(client: Client) -> ModuleType:
    return toml_text if client.format is Format.TOML else json_text


def _check(
    client: Client, path: Path, before: str, after: str, wanted: Mapping[str, object] | None
) -> None:
    """Read both texts again: nothing but our entry may differ.

    Raises:
        ConfigInvalid: something does.
    """
    way = _way(client)
    was, now = way.value_at(before, ()) or {}, way.value_at(after, ()) or {}
    servers = dict(was.get(client.under) or {})
    servers.pop(SERVER, None)
    if wanted is not None:
        servers[SERVER] = dict(wanted)
    expected = {**was, client.under: servers}
    if {**now, client.under: now.get(client.under) or {}} != expected:
        raise ConfigInvalid(
            f"{path} could not be changed without touching something else; nothing was written.",
            hint=f"`vast-mcp install --print {client.name}` prints the block to add by hand.",
        )


def _fulfils(present: object, wanted: Mapping[str, object] | None) -> bool:
    if wanted is None or not isinstance(present, Mapping):
        return present is None and wanted is None
    return all(present.get(key) == wanted[key] for key in ("command", "args"))


def _run(change: Change, here: Computer) -> None:
    """The client's own command, with nobody to answer it."""
    try:
        done = subprocess.run(  # noqa: S603  the client's program, found on the person's own PATH
            change.command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST_S,
            check=False,
            env=dict(here.environ),
            cwd=here.home,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigInvalid(f"`{change.client.program}` could not be run: {error}.") from error
    if done.returncode:
        told = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        said = str(clean_line(told[-1] if told else "", 240))
        raise ConfigInvalid(
            f"`{change.client.program}` refused (exit {done.returncode}): {said or 'no reason'}",
            hint=f"`vast-mcp install --print {change.client.name}` prints the block to add.",
        )
