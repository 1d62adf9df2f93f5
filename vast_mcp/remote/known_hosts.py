"""One known-hosts file per instance: the first key seen is kept, another one is refused.

The files are in OpenSSH's own format under the name `vast-<id>`, so that a person's `ssh` with
`HostKeyAlias` believes exactly what we believe. Both routes to a machine, direct and proxy, end at
the same SSH server and must show the same key.
"""

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.remote.address import host_alias
from vast_mcp.remote.errors import HostKeyChanged, RemoteFailed

_FOLDER = "known_hosts"
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class HostKey:
    """A machine's public key as recorded or presented."""

    algorithm: str
    blob: str
    """Base64, as in a known-hosts line."""
    first_use: bool = False

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -lf` prints it, `SHA256:` in front."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


class KnownHosts:
    """The host keys of our instances, in files that only this user can read."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / _FOLDER

    def path(self, instance_id: int) -> Path:
        """The instance's file; it may not exist yet."""
        return self._folder / host_alias(instance_id)

    def recorded(self, instance_id: int) -> HostKey | None:
        """The key of first use; none before it.

        Raises:
            RemoteFailed: the file is damaged; it is not taken for an absent one.
        """
        try:
            descriptor = os.open(self.path(instance_id), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._damaged(instance_id) from error
        with os.fdopen(descriptor, "rb") as file:
            words = file.read(_LONGEST).decode("ascii", "replace").split()
        if len(words) != 3 or words[0] != host_alias(instance_id) or not _is_blob(words[2]):
            raise self._damaged(instance_id)
        return HostKey(words[1], words[2])

    def meet(self, instance_id: int, algorithm: str, blob: str) -> HostKey:
        """Compare the presented key with the recorded one; record it when it is the first.

        Call it once the machine has proven that it holds the key: a record made from a mere claim
        would let anybody in between pin a key that nobody has.

        Raises:
            HostKeyChanged: another key was recorded.
            RemoteFailed: the file is damaged or cannot be written.
        """
        presented = HostKey(algorithm, blob, first_use=True)
        known = self.recorded(instance_id) or self._record(instance_id, presented)
        require_same(instance_id, known, presented)
        return known

    def forget(self, instance_id: int) -> bool:
        """Drop the record, after a recycle or destroy; whether there was one."""
        try:
            self.path(instance_id).unlink()
        except FileNotFoundError:
            return False
        return True

    def _record(self, instance_id: int, key: HostKey) -> HostKey:
        """Written whole under another name first; of two processes the first one's key counts."""
        final = self.path(instance_id)
        fresh = final.with_name(f"{final.name}.{secrets.token_hex(4)}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{host_alias(instance_id)} {key.algorithm} {key.blob}\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(fresh, final)
            except FileExistsError:
                return self.recorded(instance_id) or key
            finally:
                fresh.unlink()
        except OSError as error:
            raise RemoteFailed(
                f"The host key of instance {instance_id} cannot be recorded in {self._folder}.",
                hint="Make that directory writable; no connection is made without the record.",
            ) from error
        return key

    def _damaged(self, instance_id: int) -> RemoteFailed:
        return RemoteFailed(
            f"The host-key file {self.path(instance_id)} cannot be trusted.",
            hint="Check it, and remove it if the machine is the right one.",
        )


def require_same(instance_id: int, known: HostKey, presented: HostKey) -> None:
    """Refuse a key that is not the recorded one.

    Raises:
        HostKeyChanged: it is another.
    """
    if known.blob != presented.blob:
        raise HostKeyChanged(
            f"Instance {instance_id} presents a different SSH host key than when first seen"
            f" ({known.fingerprint} then, {presented.fingerprint} now). Nothing was sent.",
            expected=known.fingerprint,
            presented=presented.fingerprint,
            hint="Possible man-in-the-middle. The host key changes only after a recycle.",
        )


def _is_blob(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False
