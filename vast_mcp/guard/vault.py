"""Secrets by name: from the server's environment or keyring into a machine's environment.

Their values pass through nothing that is kept or told: no chat, plan, ledger, audit or answer. They
are looked up when the request is put together, and the redactor knows them from then on.
"""

import importlib
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from vast_mcp.errors import ConfigInvalid, InputInvalid, PolicyDenied
from vast_mcp.policy import Limits
from vast_mcp.text import Redactor

GENERATE = "generate"
_FOLDER = "secrets"
_BYTES = 24
_SERVICE = "vast-mcp"
Names = Sequence[str]
"""`NAME`, or `NAME=generate` for a fresh value that is kept for the person."""


class Vault:
    """Finds values by name. One per server."""

    def __init__(self, environment: Mapping[str, str], state_dir: Path, redactor: Redactor) -> None:
        self._environment = environment
        self._folder = state_dir / _FOLDER
        self._redactor = redactor
        for value in self._kept():
            redactor.learn(value)

    def check(self, names: Names, limits: Limits) -> None:
        """Refuse before anything is asked or sent.

        Raises:
            PolicyDenied: the policy does not allow the name.
            InputInvalid: no value is known under it.
        """
        for name, fresh in map(split, names):
            if fresh:
                continue
            if name not in limits.secrets:
                raise PolicyDenied(
                    f"Not done, nothing charged: the policy's [secrets] do not allow {name}.",
                    rules=("secrets.allow",),
                    hint="Only the person can add it there; never ask for its value.",
                )
            if not self._find(name):
                raise InputInvalid(
                    "secrets",
                    f"{name} is neither in this server's environment nor in the keyring",
                    hint="Ask the person to set it there and to restart; never ask for its value.",
                )

    def check_text(self, field: str, text: str, limits: Limits) -> None:
        """Refuse to show the vendor, and everybody who sees the account, a secret in plain text.

        Raises:
            InputInvalid: the key or a secret's value stands in it; neither is repeated.
        """
        for name in limits.secrets:
            self._redactor.learn(self._environment.get(name, ""))
        if self._redactor.finds_in(text):
            raise InputInvalid(
                field,
                "holds the API key or the value of a secret. Nothing was sent.",
                hint="Leave it out; values for a machine go by name through `secrets`.",
            )

    def values(self, names: Names, limits: Limits, intent_id: str) -> tuple[tuple[str, str], ...]:
        """The variables to send; fresh ones are written down for the person first.

        Raises:
            PolicyDenied: the policy does not allow a name.
            InputInvalid: no value is known under one.
            ConfigInvalid: a fresh one cannot be kept, so it is not used.
        """
        self.check(names, limits)
        found: list[tuple[str, str]] = []
        fresh: list[str] = []
        for name, generated in map(split, names):
            value = secrets.token_urlsafe(_BYTES) if generated else self._find(name)
            self._redactor.learn(value)
            found.append((name, value))
            if generated:
                fresh.append(f"{name}={value}\n")
        if fresh:
            self._keep(intent_id, "".join(fresh))
        return tuple(found)

    def place(self, intent_id: str) -> Path:
        """Where a person finds what was generated for this rent."""
        return self._folder / f"{intent_id}.env"

    def _find(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            value = _from_keyring(name)
        self._redactor.learn(value)
        return value

    def _keep(self, intent_id: str, text: str) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(self.place(intent_id), flags, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigInvalid(
                f"A generated secret cannot be kept in {self._folder} ({error.strerror}).",
                hint="Make the state directory writable; nothing was sent.",
            ) from error

    def _kept(self) -> list[str]:
        """Values that earlier runs generated."""
        try:
            files = sorted(self._folder.glob("*.env"))
            texts = [file.read_text(encoding="utf-8") for file in files]
        except (OSError, UnicodeDecodeError):
            return []
        return [line.partition("=")[2] for text in texts for line in text.splitlines()]


def split(given: str) -> tuple[str, bool]:
    """The name, and whether its value is to be made.

    Raises:
        InputInvalid: something else than `generate` stands behind it: perhaps a value.
    """
    name, equals, how = given.partition("=")
    if equals and how != GENERATE:
        raise InputInvalid(
            "secrets", "takes names only, or NAME=generate", hint="Values never go through here."
        )
    return name, bool(equals)


def _from_keyring(name: str) -> str:
    """The desktop's keyring, where the `keyring` package is installed beside us."""
    try:
        found = importlib.import_module("keyring").get_password(_SERVICE, name)
    except Exception:  # noqa: BLE001  its backends raise what they like; then there is no value
        return ""
    return found if isinstance(found, str) else ""
