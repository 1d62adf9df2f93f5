"""What stands between a right key and a command: sshd's strict modes, tmux, the proxy's tunnel.

All of it is well unless a lever says otherwise. Reported by a dozen operators of 2025 and 2026: on
many images and hosts `authorized_keys` arrives with an owner or modes for which a strict sshd
refuses every key, and only the container's log says so; a start script that sets them right heals
it, again and again, since the file is rewritten with each key that arrives.
"""

import re
from dataclasses import dataclass

from vast_mcp.clock import SECOND_US

KEY_FILE = "/root/.ssh/authorized_keys"
NO_TMUX = "/root/.no_auto_tmux"
REFUSED_LINE = f"Authentication refused: bad ownership or modes for file {KEY_FILE}"
STUCK_LINE = "Error: remote port forwarding failed for listen port {port}"
_SSH = "22/tcp"
_IDENTITY_FROM = 70_000
CLOSED_PORT = 1
"""A port of this host where nobody listens."""
_REPEATS_FOR_US = 120 * SECOND_US
_REPEATS_WITHIN_US = 10 * SECOND_US
_OWNER, _MODES = re.compile(r"\bchown\b"), re.compile(r"\bchmod\b")
_LOOP, _PAUSE = re.compile(r"\b(?:while|until|for)\b"), re.compile(r"\bsleep\b")
_KEY = re.compile(r"\b(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/]{40,}={0,3}")


@dataclass(slots=True)
class Door:
    """The faults of one machine's way in."""

    spoils_key_file: bool = False
    """Whoever writes `authorized_keys` gets owner and modes wrong."""
    auto_tmux: bool = False
    """Each login becomes a tmux session, unless `~/.no_auto_tmux` exists."""
    tunnel_stuck: bool = False
    """The way out to the vendor's proxy failed: it is closed there until the next restart."""
    forgets_keys: bool = False
    """A restart leaves the account's keys only."""
    key_file_written: bool = False

    def refuses(
        self, onstart: str | None, running_since_us: int, written_us: list[int], now_us: int
    ) -> bool:
        """Whether a strict sshd refuses every key now.

        Args:
            onstart: the start script, which may heal it at each start, once or for two minutes.
            running_since_us: when the container came up, and the file was written with it.
            written_us: when keys arrived, and the file was written again.
            now_us: the present.
        """
        text = onstart or ""
        if not self.spoils_key_file:
            return False
        if "authorized_keys" not in text or not (_OWNER.search(text) and _MODES.search(text)):
            return True
        last_us = max(running_since_us, *(at for at in written_us if at <= now_us), 0)
        if not (_LOOP.search(text) and _PAUSE.search(text)):
            return last_us > running_since_us
        late = last_us > running_since_us + _REPEATS_FOR_US
        return late or now_us < last_us + _REPEATS_WITHIN_US


def keys_in(onstart: str | None) -> list[str]:
    """Public keys that a start script writes into `authorized_keys` by itself."""
    text = onstart or ""
    return _KEY.findall(text) if "authorized_keys" in text else []


def open_ports(runtype: str, env: list[tuple[str, str]]) -> list[str]:
    """Container ports that get a mapping, as `22/tcp`: by run type and by `-p` keys of `env`."""
    ports = []
    if "ssh_direc" in runtype or "jupyter_direc" in runtype:
        ports.append("22/tcp")
    if "jupyter_direc" in runtype:
        ports.append("8080/tcp")
    for name, _ in env:
        if name.startswith("-p "):
            inner = name[3:].rpartition(":")[2]
            ports.append(inner if "/" in inner else f"{inner}/tcp")
    return list(dict.fromkeys(ports))


def given_ports(runtype: str, env: list[tuple[str, str]], *, most: int) -> list[str]:
    """What a host with `most` open ports maps of them: those that were asked for before SSH."""
    names = open_ports(runtype, env)
    asked = sorted(names, key=lambda name: name == _SSH)[:most]
    return [name for name in names if name in asked]


def inside(name: str, number: int) -> str:
    """An identity port, asked for from 70000 on, has the same number inside and outside."""
    asked, _, kind = name.partition("/")
    return f"{number}/{kind}" if int(asked) >= _IDENTITY_FROM else name
