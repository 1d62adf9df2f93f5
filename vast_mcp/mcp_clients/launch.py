"""The command with which a client starts this server: decided here and nowhere else.

It is the way in which this very process was started, with absolute paths: a client that was opened
from a desktop has another `PATH` than a terminal.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from vast_mcp.errors import ConfigInvalid

PROGRAM = "vast-mcp"
_UV_CACHE = re.compile(r"(?:archive|builds|environments)-v\d+")
"""Directories of uv's cache in which `uvx` builds an environment that may be gone tomorrow."""

Which = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Launch:
    """A program and its arguments."""

    command: str
    args: tuple[str, ...] = ()

    def with_args(self, *more: str) -> "Launch":
        """The same program with further arguments at the end."""
        return replace(self, args=(*self.args, *more))

    @property
    def words(self) -> tuple[str, ...]:
        """The command line."""
        return (self.command, *self.args)


@dataclass(frozen=True, slots=True)
class Process:
    """What this process knows of how it was started."""

    argv0: str
    executable: str
    prefix: Path
    origin: str = ""
    """The file or repository that was installed instead of a release; empty for a release."""
    has_keyring: bool = False
    environ: Mapping[str, str] | None = None
    which: Which = shutil.which

    @classmethod
    def present(cls) -> Self:
        """This one."""
        return cls(
            argv0=sys.argv[0],
            executable=sys.executable,
            prefix=Path(sys.prefix),
            origin=_origin(),
            has_keyring=importlib.util.find_spec("keyring") is not None,
            environ=os.environ,
        )


def how_started(process: Process) -> Launch:
    """The command that starts this program again, from any directory and with any `PATH`.

    Raises:
        ConfigInvalid: it runs from a cache of `uvx`, and no `uvx` is to be found.
    """
    if any(_UV_CACHE.fullmatch(part) for part in process.prefix.parts):
        return _by_uvx(process)
    if "pipx" in process.prefix.parts and ".cache" in process.prefix.parts:
        pipx = process.which("pipx")
        if pipx:
            return Launch(pipx, ("run", process.origin or PROGRAM))
    script = Path(process.argv0)
    if script.stem == PROGRAM:
        found = script if script.is_absolute() else Path(process.which(process.argv0) or script)
        if found.exists():
            # Not resolved: a link such as ~/.local/bin/vast-mcp outlives an upgrade.
            return Launch(str(Path(os.path.abspath(found))))  # noqa: PTH100  resolve() follows links
    return Launch(process.executable, ("-m", "vast_mcp"))


def _by_uvx(process: Process) -> Launch:
    uv = (process.environ or {}).get("UV", "")  # uv tells its children where it is
    uvx = process.which("uvx") or (str(Path(uv).with_name("uvx")) if uv else "")
    if not uvx:
        raise ConfigInvalid(
            "This runs from uvx's cache, and no uvx is on the PATH.",
            hint="Install it for good: `uv tool install vast-mcp`, then run `vast-mcp install`.",
        )
    # A key that `login` put into the keyring can only be read back where the extra is.
    wanted = f"{PROGRAM}[keyring]" if process.has_keyring else PROGRAM
    if process.origin and process.has_keyring:
        return Launch(uvx, ("--from", f"{wanted} @ {_as_url(process.origin)}", PROGRAM))
    if process.origin:
        return Launch(uvx, ("--from", process.origin, PROGRAM))
    return Launch(uvx, ("--from", wanted, PROGRAM) if process.has_keyring else (PROGRAM,))


def _as_url(origin: str) -> str:
    return Path(origin).as_uri() if Path(origin).is_absolute() else origin


def _origin() -> str:
    """Where the installed package is from, as packaging tools note it (`direct_url.json`)."""
    try:
        noted = importlib.metadata.distribution(PROGRAM).read_text("direct_url.json")
        found = json.loads(noted or "{}")
        url = str(found.get("url", ""))
        vcs = found.get("vcs_info", {})
    except (importlib.metadata.PackageNotFoundError, ValueError, AttributeError):
        return ""
    if vcs:
        return f"{vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', '')}"
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "file" else url
