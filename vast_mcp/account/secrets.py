"""Secrets by name: from where a person put them into a machine's environment.

Their values pass through nothing that is kept or told: no chat, plan, ledger, audit or answer. They
are looked up when the request is put together, and the redactor knows them from then on. A name may
be used if the policy lists it, or if the person set it with `vast-mcp secrets set`, unless the
system's policy says which names there are.
"""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from vast_mcp import desktop_keyring
from vast_mcp.account.encryption import Seal, Sealed
from vast_mcp.account.secret_store import SecretStore
from vast_mcp.credentials import exposed, said
from vast_mcp.errors import InputInvalid, PolicyDenied
from vast_mcp.policy import Limits
from vast_mcp.text import Redactor

GENERATE = "generate"
_BYTES = 24
_KEY = "secrets.allow"
Names = Sequence[str]
"""`NAME`, or `NAME=generate` for a fresh value that is kept for the person."""


class MachineSecrets:
    """Finds values by name. One per server."""

    def __init__(
        self,
        environment: Mapping[str, str],
        store: SecretStore,
        redactor: Redactor,
        seal: Seal,
        *,
        system_policy: Path | None = None,
    ) -> None:
        self._environment = environment
        self._store = store
        self._redactor = redactor
        self._seal = seal
        self._system_policy = system_policy
        self._asked: set[str] = set()
        """Names that the keyring was asked for already: it may be slow."""
        for value in store.all_generated():
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
            self._check_allowed(name, limits)
            if not self._find(name):
                raise InputInvalid(
                    "secrets",
                    f"no value of {name} is known to this server",
                    hint=f"Ask the user to run `vast-mcp secrets set {name}` in a terminal;"
                    " never ask for its value.",
                )

    def _check_allowed(self, name: str, limits: Limits) -> None:
        if name in limits.secrets:
            return
        listed_by = system_list(limits, self._system_policy)
        if listed_by:
            raise PolicyDenied(
                f"Not done, nothing charged: {listed_by} lists the secrets machines may get, and"
                f" {name} is not one of them.",
                rules=(_KEY,),
                hint="Only whoever manages that file can add it; never ask for its value.",
            )
        if name not in self._store.names():
            raise PolicyDenied(
                f"Not done, nothing charged: the secret {name} was not set for machines.",
                rules=(_KEY,),
                hint=f"Ask the user to run `vast-mcp secrets set {name}` in a terminal, which"
                " also allows it; never ask for its value.",
            )

    def learn(self, limits: Limits) -> None:
        """Let the redactor know every value that a machine may have been given."""
        stored = self._store.names()
        for name in {*limits.secrets, *stored}:
            self._redactor.learn(self._environment.get(name, ""))
            if name not in self._asked:
                self._asked.add(name)
                self._redactor.learn(self._store.find(name) or desktop_keyring.read(name).value)

    def seal(self, env: Mapping[str, str], files: Mapping[str, str]) -> str:
        """Environment values and file texts of a job as its act carries them."""
        return self._seal.close(Sealed(dict(env), dict(files)))

    def unsealed(self, text: str) -> Sealed:
        """What was sealed; its environment values are taken out of all answers from now on.

        Raises:
            VastMcpError: sealed with another key, or damaged.
        """
        content = self._seal.open(text)
        for value in content.env.values():
            self._redactor.hide(value)
        return content

    def notice(self, env: Mapping[str, str]) -> None:
        """Values given in plain text that look like credentials are kept out of answers too."""
        for name in exposed(env, ()):
            self._redactor.learn(env[name])

    def check_text(self, field: str, text: str, limits: Limits) -> None:
        """Refuse to show the vendor, and everybody who sees the account, a secret in plain text.

        Raises:
            InputInvalid: the key or a secret's value stands in it; neither is repeated.
        """
        self.learn(limits)
        if self._redactor.finds_in(text):
            raise InputInvalid(
                field,
                "holds the API key or the value of a secret. Nothing was sent.",
                hint="Leave it out; pass secrets for a machine by name in `secrets`.",
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
            self._store.keep_generated(intent_id, "".join(fresh))
        return tuple(found)

    def keep(self, intent_id: str, name: str, value: str) -> str:
        """Put a secret that the vendor answered into a private file; how a person sees it.

        Raises:
            ConfigInvalid: it cannot be kept.
        """
        self._redactor.learn(value)
        self._store.keep_generated(intent_id, f"{name}={value}\n")
        return place(intent_id)

    def _find(self, name: str) -> str:
        value = (
            self._store.find(name)
            or self._environment.get(name, "")
            or desktop_keyring.read(name).value
        )
        self._redactor.learn(value)
        return value


def in_plain_text(found: Sequence[str]) -> str:
    """The warning for values that looked like credentials and went as they were."""
    first = found[0] if " " not in found[0] else "NAME"
    return (
        f"The host can read {said(found)}. Better: the user runs `vast-mcp secrets set {first}`"
        " in a terminal, and you name it in `secrets`."
    )


def place(intent_id: str) -> str:
    """How a person sees what was generated for this rent."""
    return f"`vast-mcp secrets show {intent_id}`"


def system_list(limits: Limits, system_policy: Path | None) -> str:
    """The system's policy file, if it says which secrets there are; else empty."""
    origin = limits.origins.get(_KEY, "")
    return str(system_policy) if system_policy and origin.startswith(str(system_policy)) else ""


def split(given: str) -> tuple[str, bool]:
    """The name, and whether its value is to be made.

    Raises:
        InputInvalid: something else than `generate` stands behind it: perhaps a value.
    """
    name, equals, how = given.partition("=")
    if equals and how != GENERATE:
        raise InputInvalid(
            "secrets", "takes names only, or NAME=generate", hint="Values never pass through here."
        )
    return name, bool(equals)
