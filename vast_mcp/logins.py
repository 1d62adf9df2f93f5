"""The keys that `vast-mcp login` took: one for each address of the API.

A small private file says that there is one and where; the key itself is in the desktop's keyring,
or in that file where there is none that encrypts.
"""

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from vast_mcp import desktop_keyring
from vast_mcp.errors import ConfigInvalid
from vast_mcp.whole_files import replace_whole

FOLDER = "logins"


class KeyPlace(StrEnum):
    """Where a key is kept."""

    KEYRING = "keyring"
    FILE = "private file"


@dataclass(frozen=True, slots=True)
class Login:
    """A key that a person logged in with. Its repr does not hold it."""

    place: KeyPlace
    path: Path
    """The file that says so, or holds it."""
    value: str = field(default="", repr=False)
    trouble: str = ""
    """Why the key cannot be read; then nothing else is used in its place."""

    @property
    def origin(self) -> str:
        """Where it comes from, in words for a person."""
        return str(self.path) if self.place is KeyPlace.FILE else "the keyring (vast-mcp login)"


class Logins:
    """Those of one state directory. A file that did not change is not read twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, tuple[int, Login]] = {}

    def path(self, api_base: str) -> Path:
        """The file of this address."""
        digest = hashlib.sha256(api_base.encode()).hexdigest()[:16]
        return self.folder / f"{digest}.json"

    def find(self, api_base: str) -> Login | None:
        """The login at this address; with `trouble` where its key cannot be read."""
        path = self.path(api_base)
        try:
            written_ns = path.stat().st_mtime_ns
        except OSError:
            return None
        known = self._read.get(path)
        if known is None or known[0] != written_ns:
            known = written_ns, _read(path, api_base)
            self._read[path] = known
        return known[1]

    def keep(self, api_base: str, key: str) -> Login:
        """Keep this key, in place of one that was there.

        Raises:
            ConfigInvalid: it cannot be written.
        """
        path = self.path(api_base)
        in_keyring = desktop_keyring.keep(_name(api_base), key)
        place = KeyPlace.KEYRING if in_keyring else KeyPlace.FILE
        row = {"api_base": api_base, "place": place} | ({} if in_keyring else {"key": key})
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_whole(path, json.dumps(row).encode())
        except OSError as error:
            raise ConfigInvalid(
                f"The key cannot be kept in {path} ({error.strerror}).",
                hint="Make the state directory writable and log in again.",
            ) from error
        self._read.pop(path, None)
        return Login(place, path, key)

    def forget(self, api_base: str) -> Login | None:
        """Forget the key of this address; what was there.

        Raises:
            ConfigInvalid: it is in a keyring that cannot be reached, or its file cannot be removed.
        """
        path = self.path(api_base)
        found = self.find(api_base)
        if found is None:
            return None
        if found.place is KeyPlace.KEYRING and not desktop_keyring.forget(_name(api_base)):
            raise ConfigInvalid(
                "The key is in the keyring, which cannot be reached, so it is still there.",
                hint="Unlock the keyring, or install the extra `vast-mcp[keyring]`, and try again.",
            )
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigInvalid(f"{path} cannot be removed ({error.strerror}).") from error
        self._read.pop(path, None)
        return found


def _name(api_base: str) -> str:
    """What the key is called in the keyring: never the name of a secret, which has no spaces."""
    return f"API key of {api_base}"


def _read(path: Path, api_base: str) -> Login:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        place = KeyPlace(row["place"])
        value = row["key"] if place is KeyPlace.FILE else ""
        if row["api_base"] != api_base or not isinstance(value, str):
            raise ValueError(path)
    except (OSError, ValueError, KeyError, TypeError):
        return Login(KeyPlace.FILE, path, trouble=f"the login in {path} is damaged")
    if place is KeyPlace.FILE:
        return Login(place, path, value)
    answer = desktop_keyring.read(_name(api_base))
    if answer.value:
        return Login(place, path, answer.value)
    return Login(
        place,
        path,
        trouble=f"the key of `vast-mcp login` is in the keyring, and {answer.trouble}",
    )
