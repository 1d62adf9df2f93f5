"""Local directories that a person opens for copying: `--files DIR`, or `VAST_MCP_FILES`."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vast_mcp.config import Settings
from vast_mcp.errors import ConfigInvalid
from vast_mcp.remote.own_places import held_of_ours
from vast_mcp.remote.secret_names import looks_secret

FLAG = "--files"
VARIABLE = "VAST_MCP_FILES"


def add_files_argument(parser: argparse.ArgumentParser) -> None:
    """The flag."""
    parser.add_argument(
        FLAG,
        action="append",
        default=[],
        metavar="DIR",
        help="also allow copies from and to this directory, besides ~/vast-mcp; repeatable"
        f" ({VARIABLE})",
    )


def opened_directories(
    given: Sequence[str], environ: Mapping[str, str], settings: Settings, home: Path
) -> tuple[Path, ...]:
    """The directories that were named; the flag wins over its twin.

    Raises:
        ConfigInvalid: one is none, or would open more than files for work.
    """
    origin, texts = FLAG, list(given)
    if not texts:
        origin = VARIABLE
        texts = [part for part in environ.get(VARIABLE, "").split(os.pathsep) if part]
    found: dict[Path, None] = {}
    for text in texts:
        path = Path(text).expanduser().absolute()
        why = _fault(path, settings, home) if text.strip() else "no directory is named"
        if why:
            shown = text or repr(text)
            raise ConfigInvalid(f"{origin} {shown}: {why}.", hint="Name a work directory.")
        found[path] = None
    return tuple(found)


def _fault(path: Path, settings: Settings, home: Path) -> str:
    """Why this cannot be opened; empty when it can."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "no such directory"
    if not real.is_dir():
        return "it is not a directory"
    if real == Path(real.anchor):
        return "that is the whole disk"
    if home.resolve().is_relative_to(real):
        return "that is the home directory, or contains it"
    if any(part.startswith(".") and looks_secret((part,)) for part in real.parts):
        return "such directories contain secrets"
    what = held_of_ours(real, settings)
    return f"it contains {what}, which no copy may touch" if what else ""
