"""Secrets that a person typed in a terminal, and those that were made for a rent.

`vast-mcp secrets set` puts a value into the desktop's keyring where there is one, else into a
private file of the state directory. That file, and the values made by `NAME=generate`, are sealed
with the server's own key: a copy or a search of the directory without `seal.key` shows nothing.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vast_mcp import desktop_keyring
from vast_mcp.account.reserved_names import is_reserved
from vast_mcp.errors import ConfigInvalid, InputInvalid
from vast_mcp.store import Cipher

FOLDER = "secrets"
LONGEST = 16_384
_SET = "set.sealed"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_KEYRING, _FILE = "keyring", "private file"


def check_name(name: str) -> None:
    """Refuse what no secret may be called.

    Raises:
        InputInvalid: no variable's name, or one that belongs to the machine, the shell or us.
    """
    if not _NAME.fullmatch(name):
        raise InputInvalid("name", "must be a variable's name such as HF_TOKEN")
    if is_reserved(name):
        raise InputInvalid(
            "name",
            f"{name} is reserved for the machine, its shell or this server; a secret cannot set it",
        )


class SecretStore:
    """What `vast-mcp secrets` manages. Reads each time: another process may have written."""

    def __init__(self, state_dir: Path, cipher: Cipher) -> None:
        self.folder = state_dir / FOLDER
        self._cipher = cipher

    def names(self) -> Mapping[str, str]:
        """Each name, and where its value is kept."""
        return {name: str(entry.get("where", _FILE)) for name, entry in self._entries().items()}

    def find(self, name: str) -> str:
        """Its value; empty if there is none."""
        entry = self._entries().get(name)
        if entry is None:
            return ""
        if entry.get("where") == _KEYRING:
            return desktop_keyring.read(name).value
        return str(entry.get("value", ""))

    def put(self, name: str, value: str) -> str:
        """Keep it, and say where: "keyring" or "private file".

        Raises:
            InputInvalid: a name that may not be, or a value that no variable can hold.
            ConfigInvalid: it cannot be written.
        """
        check_name(name)
        if not value or "\0" in value or len(value) > LONGEST:
            raise InputInvalid("value", f"must have 1 to {LONGEST} characters, none of them NUL")
        kept = desktop_keyring.keep(name, value)
        entry = {"where": _KEYRING} if kept else {"where": _FILE, "value": value}
        self._write({**self._entries(), name: entry})
        return entry["where"]

    def remove(self, name: str) -> bool:
        """Forget it; whether it was there."""
        entries = dict(self._entries())
        entry = entries.pop(name, None)
        if entry is None:
            return False
        if entry.get("where") == _KEYRING:
            desktop_keyring.forget(name)
        self._write(entries)
        return True

    def keep_generated(self, rent_id: str, text: str) -> None:
        """What was made for a rent, sealed, for the person to look at.

        Raises:
            ConfigInvalid: it cannot be written.
        """
        self._save(self.folder / f"{rent_id}.sealed", text)

    def generated(self, rent_id: str) -> str:
        """`NAME=value` lines of that rent; empty if there are none."""
        if not re.fullmatch(r"[A-Za-z0-9]{1,40}", rent_id):
            return ""
        return self._read(self.folder / f"{rent_id}.sealed")

    def all_generated(self) -> list[str]:
        """Every value ever made here; what an earlier release left in clear is sealed now."""
        try:
            for old in sorted(self.folder.glob("*.env")):
                text = old.read_text(encoding="utf-8")
                self._save(old.with_suffix(".sealed"), text)
                _erase(old)
            texts = [self._read(path) for path in sorted(self.folder.glob("*.sealed"))
                     if path.name != _SET]  # fmt: skip
        except (OSError, UnicodeDecodeError, ConfigInvalid):
            return []
        return [line.partition("=")[2] for text in texts for line in text.splitlines()]

    # -- files -----------------------------------------------------------------------------

    def _entries(self) -> dict[str, dict[str, Any]]:
        text = self._read(self.folder / _SET)
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            return {}
        entries = found.items() if isinstance(found, dict) else ()
        return {name: entry for name, entry in entries if isinstance(entry, dict)}

    def _write(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        self._save(self.folder / _SET, json.dumps(entries))

    def _read(self, path: Path) -> str:
        try:
            return self._cipher.open(path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError):
            return ""

    def _save(self, path: Path, text: str) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = path.with_name(f"{path.name}.{secrets.token_hex()}")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(self._cipher.close(text))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            raise ConfigInvalid(
                f"A secret cannot be kept in {self.folder} ({error.strerror}).",
                hint="Make the state directory writable; nothing was sent.",
            ) from error


def _erase(path: Path) -> None:
    """Overwrite and remove a file that held values in clear."""
    with path.open("r+b") as file:
        file.write(b"\0" * path.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
