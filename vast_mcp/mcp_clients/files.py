"""A client's settings file: read whole, written whole or not at all, with a copy beside it."""

import os
import stat
from pathlib import Path

from vast_mcp.errors import ConfigInvalid
from vast_mcp.whole_files import replace_whole

COPY = ".before-vast-mcp"
"""Ends the name of the copy: what stood there before the newest change."""


def read(path: Path) -> str | None:
    """The text; None when there is no such file.

    Raises:
        ConfigInvalid: it cannot be read, or is no UTF-8.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path} cannot be read: {error}.") from error


def keep_copy(path: Path) -> Path | None:
    """Put a copy of the present file beside it; None when there is no file.

    Raises:
        ConfigInvalid: it cannot be written.
    """
    real = path.resolve()
    try:
        content = real.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error}.") from error
    copy = real.with_name(real.name + COPY)
    _replace(copy, content, stat.S_IMODE(real.stat().st_mode))
    return copy


def write(path: Path, text: str, *, before: str | None) -> Path | None:
    """Write it if it still is what it was; the copy's place, None when there was no file.

    A link stays a link: what it points to is written. The file keeps its permissions.

    Raises:
        ConfigInvalid: it changed meanwhile, belongs to another user, or cannot be written. It is
            then as it was.
    """
    real = path.resolve()
    try:
        mode = 0o600
        if before is not None:
            found = real.stat()
            mode = stat.S_IMODE(found.st_mode)
            if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
                raise ConfigInvalid(f"{path} belongs to another user; nothing was written.")
        real.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be written: {error}.") from error
    copy = keep_copy(path)
    if read(path) != before:
        raise ConfigInvalid(
            f"{path} changed meanwhile; nothing was written.",
            hint="Close the program that writes it, and try again.",
        )
    _replace(real, text.encode(), mode)
    return copy


def _replace(path: Path, content: bytes, mode: int) -> None:
    try:
        replace_whole(path, content, mode)
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be written: {error}.") from error
