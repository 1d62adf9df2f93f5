"""Settings from the environment and the official client's files, read once at start-up.

The key is `VAST_API_KEY`, else the one of `vast-mcp login`, else the official client's as its
release 1.9 looks for it: the session that `vastai tfa login` leaves in `vastai/vast_tfa_key` of the
configuration directory, `vastai/vast_api_key` there, the legacy `~/.vast_api_key`. Only the keys
are read again later: when a session has ended.
"""

import hashlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import platformdirs

from vast_mcp.errors import ConfigInvalid
from vast_mcp.logins import FOLDER as LOGINS
from vast_mcp.logins import Login, Logins

API_BASE = "https://console.vast.ai"
SERVERLESS_BASE = "https://run.vast.ai"
SIMULATOR_KEY = "sim-key"
SEAL_KEY = "seal.key"
"""The file whose secret seals what is stored and what a client hands back."""
_PLAIN = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._~/-]*)?")


SESSION_US = 7 * 24 * 3600 * 1_000_000
"""How long a two-factor session lasts, about: reported, 2026-09; the vendor states no time."""


class KeyKind(StrEnum):
    """Where a key comes from, which decides what may take its place."""

    GIVEN = "given"
    """Named by a person for this process: nothing else is ever used instead."""
    LOGIN = "login"
    """Of `vast-mcp login`: only a newer login or a session ever takes its place."""
    SESSION = "two-factor session"
    FILE = "key file"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the account. Its repr does not hold it."""

    value: str = field(repr=False)
    origin: str
    kind: KeyKind = KeyKind.GIVEN
    since_us: int | None = None
    """When the official client wrote a session down, UTC; None for other keys."""

    @property
    def ends_us(self) -> int | None:
        """When the session ends, about; None where nobody can know."""
        return None if self.since_us is None else self.since_us + SESSION_US


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and which doors are open. Holds the key: its repr does not."""

    api_base: str = API_BASE
    serverless_base: str = SERVERLESS_BASE
    api_key: str = field(default="", repr=False)
    key_origin: str = ""
    key_home: Path | None = None
    """The home directory in which key files are looked for; None: no file is ever read."""
    logins: Logins | None = field(default=None, repr=False, compare=False)
    """The keys of `vast-mcp login`."""
    state_dir: Path = Path()
    ledger: Path | None = None
    """A ledger file that was asked for by name; else one per account in `state_dir`."""
    system_policy: Path = Path()
    user_policy: Path = Path()
    policy_given: bool = False
    """Whether the policy file was named by a person: then it must exist."""
    read_only: bool = False
    toolsets: str = "default"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    ask: str = "client"
    """Who is asked: the client's person through `client`, or only a `terminal`."""
    files: tuple[Path, ...] = ()
    """Local directories that a person opened for copying, beside `~/vast-mcp`."""

    def find_keys(self) -> tuple[ApiKey, ...]:
        """Every key that can be used now, the first first; files are read afresh."""
        if self.key_home is not None:
            return find_keys(self.environment, self.key_home, self.login)
        return (ApiKey(self.api_key, self.key_origin),) if self.api_key else ()

    @property
    def login(self) -> Login | None:
        """What `vast-mcp login` kept for this address."""
        return self.logins.find(self.api_base) if self.logins else None

    @property
    def key_trouble(self) -> str:
        """Why the key that a person logged in with cannot be used; empty where that is no matter.

        The official client's key is not taken instead: it may be another account's.
        """
        return self.login.trouble if self.login and not self.api_key else ""

    @property
    def home(self) -> Path:
        """Where ledger, keys and the rest of our state lie."""
        return self.ledger.parent if self.ledger else self.state_dir

    @property
    def key_digest(self) -> str:
        """Stands for the account until its user id is known: 16 hex digits of a hash."""
        return hashlib.sha256(f"{self.api_base}\x00{self.api_key}".encode()).hexdigest()[:16]


def read_settings(environ: Mapping[str, str], home: Path) -> Settings:
    """Settings from this environment.

    Raises:
        ConfigInvalid: an address in it cannot be used.
    """
    api_base = _base(environ.get("VAST_URL", ""), "VAST_URL") or API_BASE
    serverless = _base(environ.get("VAST_SERVERLESS_URL", ""), "VAST_SERVERLESS_URL")
    if not serverless:
        # The official client sends the key to the real serverless host even when VAST_URL points
        # elsewhere; ours follows VAST_URL (docs/vendor-api.md#traps).
        serverless = api_base if api_base != API_BASE else SERVERLESS_BASE
    state_dir = Path(platformdirs.user_state_dir("vast-mcp", appauthor=False))
    logins = Logins(state_dir / LOGINS)
    keys = find_keys(environ, home, logins.find(api_base))
    given = environ.get("VAST_MCP_POLICY", "")
    ledger = environ.get("VAST_MCP_LEDGER", "")
    config_dir = Path(platformdirs.user_config_dir("vast-mcp", appauthor=False))
    return Settings(
        api_base=api_base,
        serverless_base=serverless,
        api_key=keys[0].value if keys else "",
        key_origin=keys[0].origin if keys else "",
        key_home=home,
        logins=logins,
        state_dir=state_dir,
        ledger=Path(ledger) if ledger else None,
        system_policy=system_policy_path(sys.platform),
        user_policy=Path(given) if given else config_dir / "policy.toml",
        policy_given=bool(given),
        read_only=_flag(environ.get("VAST_MCP_READ_ONLY", "")),
        toolsets=environ.get("VAST_MCP_TOOLSETS", "") or "default",
        ask=_asked(environ.get("VAST_MCP_ASK", "")),
        environment=dict(environ),
    )


def system_policy_path(platform: str) -> Path:
    """Where an administrator's policy lies: /etc on Linux, the OS's own place elsewhere."""
    if platform.startswith("linux"):
        return Path("/etc/vast-mcp/policy.toml")
    return Path(platformdirs.site_config_dir("vast-mcp", appauthor=False)) / "policy.toml"


def find_keys(
    environ: Mapping[str, str], home: Path, login: Login | None = None
) -> tuple[ApiKey, ...]:
    """The keys in their order; the first is used. Empty when there is none.

    A key in the environment stands alone: a file may hold one of another account. So does a login
    whose key cannot be read.
    """
    if key := environ.get("VAST_API_KEY", "").strip():
        return (ApiKey(key, "VAST_API_KEY"),)
    if login is not None and login.trouble:
        return ()
    first = [ApiKey(login.value, login.origin, KeyKind.LOGIN)] if login else []
    base = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "vastai"
    places = (
        (base / "vast_tfa_key", KeyKind.SESSION),
        (base / "vast_api_key", KeyKind.FILE),
        (home / ".vast_api_key", KeyKind.FILE),
    )
    found = [_key_in(path, kind) for path, kind in places]
    return (*first, *(key for key in found if key is not None))


def _key_in(path: Path, kind: KeyKind) -> ApiKey | None:
    try:
        value = path.read_text(encoding="utf-8").strip()
        written_us = path.stat().st_mtime_ns // 1000
    except (OSError, UnicodeDecodeError):
        return None
    since_us = written_us if kind is KeyKind.SESSION else None
    return ApiKey(value, str(path), kind, since_us) if value else None


def load_or_make_secret(path: Path, length: int = 32) -> bytes:
    """The bytes of a private key file, made on first use; two processes agree on one.

    Raises:
        ConfigInvalid: it is not ours alone, has the wrong length, or cannot be read or made.
    """
    try:
        return _load_or_make(path, length)
    except OSError as error:
        raise ConfigInvalid(
            f"{path} cannot be used ({error.strerror}).",
            hint="It marks what vast-mcp made and seals questions; give it a private place.",
        ) from error


def _load_or_make(path: Path, length: int) -> bytes:
    if not path.exists():
        place_whole(path, secrets.token_bytes(length))
    if path.is_symlink() or path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigInvalid(
            f"{path} can be read by others.", hint=f"Make it private: chmod 600 {path}"
        )
    key = path.read_bytes()
    if len(key) != length:
        raise ConfigInvalid(f"{path} is damaged.", hint="Restore it from a backup, or remove it.")
    return key


def place_whole(path: Path, content: bytes) -> None:
    """Make a private file that no reader ever sees half-written; the first of several stays.

    Raises:
        OSError: the directory cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)  # unlike a rename, this fails when another process was first
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def private_file(path: Path) -> None:
    """Make sure of a file that is ours alone, in a directory of the same kind.

    Raises:
        OSError: it cannot be made, or a link lies in its place.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.is_symlink():
        raise OSError("it is a symbolic link")
    path.touch(mode=0o600)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        path.chmod(0o600)


def _base(value: str, name: str) -> str:
    text = value.strip().rstrip("/")
    if text and not text.startswith(("http://", "https://")):
        raise ConfigInvalid(f"{name} must begin with http:// or https://.")
    if text.startswith("http://") and not is_loopback(text):
        raise ConfigInvalid(f"{name} would send the key unencrypted; only loopback may be http://.")
    return text


def fits_a_script(url: str) -> bool:
    """Whether this address can stand in a machine's start script: nothing in it means anything."""
    return _PLAIN.fullmatch(url) is not None


def is_loopback(url: str) -> bool:
    """Whether this address stays on the machine."""
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name in {"127.0.0.1", "localhost", "[::1]"}


def _asked(value: str) -> str:
    word = value.strip().lower() or "client"
    if word not in {"client", "terminal"}:
        raise ConfigInvalid("VAST_MCP_ASK must be client or terminal.")
    return word


def _flag(value: str) -> bool:
    word = value.strip().lower()
    if word in {"", "0", "false", "no", "off"}:
        return False
    if word in {"1", "true", "yes", "on"}:
        return True
    raise ConfigInvalid("VAST_MCP_READ_ONLY must be 1 or 0.")
