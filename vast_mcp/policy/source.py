"""Where limits come from: the only file of the policy that looks at a disk."""

import hashlib
import json
import stat
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from vast_mcp.policy._fault import Fault, Faults
from vast_mcp.policy.keys import KEYS, Value, value_of
from vast_mcp.policy.layers import Layer, built_in, set_by, tightened_by
from vast_mcp.policy.limits import Limits
from vast_mcp.policy.toml import read_environment, read_toml
from vast_mcp.policy.variables import policy_variables
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, UsdPerHour

_LARGEST_FILE = 262_144
_FAULT_LIMIT = 300


class PolicyPlaces(Protocol):
    """What must be known to find the limits; the settings know it."""

    @property
    def system_policy(self) -> Path | None:
        """The administrator's file."""
        ...

    @property
    def user_policy(self) -> Path | None:
        """The person's file."""
        ...

    @property
    def policy_given(self) -> bool:
        """Whether that file was named, so that it must be there."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables, which only tighten."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed at all."""
        ...


class PolicySource:
    """The effective limits, read again at every decision.

    The system file, or where there is none the user file, may set every number higher or lower;
    what follows (the user file under a system file, then the environment) only tightens. A layer
    that cannot be read never loosens and is never skipped: it makes the whole policy `broken`.
    """

    def __init__(
        self,
        system_path: Path | None,
        user_path: Path | None,
        env: Mapping[str, str],
        read_only: bool = False,
        *,
        user_required: bool = False,
    ) -> None:
        self.system_path = system_path
        self.user_path = user_path
        self._env = env
        self._read_only = read_only
        self._user_required = user_required
        self._last: tuple[tuple[object, ...], Limits] | None = None

    def current(self) -> Limits:
        """The limits in force now. Never raises: a fault comes back as `broken`."""
        try:
            texts = (
                _text(self.system_path, required=False),
                _text(self.user_path, required=self._user_required),
            )
            seen = (*texts, tuple(sorted(policy_variables(self._env).items())))
            if self._last is None or self._last[0] != seen:
                self._last = (seen, self._layered(*texts))
            return self._last[1]
        except Fault as fault:
            return self._finished(built_in(), broken=str(clean_line(fault, _FAULT_LIMIT)))

    def faults(self) -> tuple[str, ...]:
        """Everything that cannot be used, in every layer, each with its place; empty: all is."""
        found = Faults()
        for path, required in ((self.system_path, False), (self.user_path, self._user_required)):
            with found.noting():
                text = _text(path, required=required)
                if path is not None and text is not None:
                    _file_layer(path, text)
        with found.noting():
            read_environment(self._env)
        return tuple(str(clean_line(text, _FAULT_LIMIT)) for text in found.found)

    def _layered(self, system: str | None, user: str | None) -> Limits:
        limits, stated = built_in(), False
        for path, text in ((self.system_path, system), (self.user_path, user)):
            if path is None or text is None:
                continue
            layer = _file_layer(path, text)
            limits = tightened_by(limits, layer) if stated else set_by(limits, layer)
            stated = True
        limits = tightened_by(limits, read_environment(self._env))
        return self._finished(limits)

    def _finished(self, limits: Limits, broken: str = "") -> Limits:
        whole = replace(limits, read_only=self._read_only, broken=broken, file=self._place())
        return replace(whole, digest=digest_of(whole))

    def _place(self) -> str:
        """The file in which a person sets the numbers, and the command that makes it."""
        for path in (self.system_path, self.user_path):
            if path is not None and _is_there(path):
                return _short(path)
        if self.user_path is None:
            return ""
        return f"{_short(self.user_path)} (`vast-mcp policy init` writes it)"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True


def _short(path: Path) -> str:
    """The path as a person writes it: from their home."""
    whole, home = str(path.absolute()), str(Path("~").expanduser())
    return f"~{whole[len(home) :]}" if whole.startswith(f"{home}/") else whole


def digest_of(limits: Limits) -> str:
    """SHA-256 over every value in force and the fault, if any; where they come from is left out."""
    content = {
        "values": {key.dotted: _plain(value_of(limits, key)) for key in KEYS},
        "budgets": {task: cap.micros for task, cap in limits.budgets.items()},
        "levels": {action: str(level) for action, level in limits.levels.items()},
        "read_only": limits.read_only,
        "broken": limits.broken,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _plain(value: Value | None) -> object:
    match value:
        case Usd() | UsdPerHour():
            return value.micros
        case frozenset() | tuple():
            return sorted(value, key=str)
        case _:
            return value


def _file_layer(path: Path, text: str) -> Layer:
    try:
        return read_toml(text, str(path))
    except Fault as fault:
        every = tuple(f"{path}: {text}" for text in fault.every)
        raise Fault(every[0], every=every) from fault


def _text(path: Path | None, *, required: bool) -> str | None:
    """The file's text, or None where there is none and none was named.

    Raises:
        Fault: it is there and cannot be trusted or read, or was named and is not there.
    """
    if path is None:
        return None
    try:
        info = path.stat()
        fault = _untrusted(info.st_mode, info.st_size)
        if fault:
            raise Fault(f"{path}: {fault}")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        if required or path.is_symlink():
            raise Fault(f"{path}: there is no such file") from error
        return None
    except UnicodeDecodeError as error:
        raise Fault(f"{path}: not UTF-8 text") from error
    except (OSError, ValueError) as error:
        raise Fault(f"{path}: cannot be read ({error})") from error


def _untrusted(mode: int, size: int) -> str:
    if not stat.S_ISREG(mode):
        return "not a regular file"
    if sys.platform != "win32" and mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others than its owner may write to it; take that away (chmod go-w)"
    if size > _LARGEST_FILE:
        return f"larger than {_LARGEST_FILE} bytes"
    return ""


def policy_source(places: PolicyPlaces) -> PolicySource:
    """Where the limits are read from, at every decision."""
    return PolicySource(
        places.system_policy,
        places.user_policy,
        places.environment,
        places.read_only,
        user_required=places.policy_given,
    )
