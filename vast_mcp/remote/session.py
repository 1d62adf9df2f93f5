"""An SSH session with one machine: our key only, our host-key file only, nothing forwarded back."""

import asyncio
import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vast_mcp.clock import Clock
from vast_mcp.remote.address import Address, host_alias
from vast_mcp.remote.errors import HostKeyChanged, RemoteFailed, SshUnavailable, Unavailable
from vast_mcp.remote.known_hosts import HostKey, KnownHosts, require_same

if TYPE_CHECKING:
    import asyncssh

CONNECT_TIMEOUT_S = 10.0
KEY_PATIENCE_S = 40.0
"""How long a refused key is tried again: the vendor needs 10 to 15 seconds to deliver it."""
_KEY_RETRY_S = 3.0
_KEEPALIVE_S = 15.0
# Bigger than asyncssh's defaults (2 MiB, 32 KiB): fewer, larger packets on the way down, and a
# window that fills a line of 100 ms at 600 Mbit/s. Also the bound on memory per channel.
WINDOW = 8 * 1024 * 1024
_MAX_PACKET = 256 * 1024
_HOST_KEYS = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
]
# AES-GCM first: with AES instructions it is the fastest on both ends, and it needs no MAC.
_CIPHERS = [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
]


@dataclass(frozen=True, slots=True)
class SshSession:
    """An open connection and the identity of the machine at its end."""

    instance_id: int
    address: Address
    host_key: HostKey
    """`host_key.first_use` tells whether its fingerprint has to be shown to the person."""
    connection: "asyncssh.SSHClientConnection"

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self.connection.is_closed()

    async def close(self) -> None:
        """Close it; a machine that no longer answers is not waited for."""
        self.connection.abort()
        await self.connection.wait_closed()


async def connect(
    instance_id: int,
    addresses: Sequence[Address],
    *,
    key: Path,
    known_hosts: KnownHosts,
    clock: Clock,
    key_patience_s: float = KEY_PATIENCE_S,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
) -> SshSession:
    """Open a session, trying the addresses in order.

    A refused key is tried again until `key_patience_s` has passed, because the vendor delivers a
    new one late. Nothing else is tried twice.

    Raises:
        HostKeyChanged: another machine answers.
        SshUnavailable: nobody does; the message has the reason of each address.
        RemoteFailed: our key or the host-key file cannot be read.
    """
    if not addresses:
        raise SshUnavailable(
            f"Instance {instance_id} has no SSH address yet.",
            reason="unreachable",
            hint="Wait until it is running.",
        )
    began_s = clock.monotonic_s()
    while True:
        outcome = await _try_all(
            instance_id, addresses, key=key, known_hosts=known_hosts, timeout_s=connect_timeout_s
        )
        if isinstance(outcome, SshSession):
            return outcome
        waited_s = clock.monotonic_s() - began_s
        refused = [where for where, failure in outcome if failure.reason == "auth"]
        if not refused or waited_s + _KEY_RETRY_S > key_patience_s:
            raise _summary(instance_id, outcome, waited_s)
        addresses = refused  # an address that did not answer at all would only cost time again
        await clock.sleep(_KEY_RETRY_S)


async def _try_all(
    instance_id: int,
    addresses: Sequence[Address],
    *,
    key: Path,
    known_hosts: KnownHosts,
    timeout_s: float,
) -> SshSession | list[tuple[Address, SshUnavailable]]:
    failures: list[tuple[Address, SshUnavailable]] = []
    for where in addresses:
        try:
            return await _open(
                instance_id, where, key=key, known_hosts=known_hosts, timeout_s=timeout_s
            )
        except SshUnavailable as failure:
            failures.append((where, failure))
    return failures


async def _open(
    instance_id: int, where: Address, *, key: Path, known_hosts: KnownHosts, timeout_s: float
) -> SshSession:
    import asyncssh  # noqa: PLC0415  only who connects pays for it

    known = known_hosts.recorded(instance_id)
    refusals: list[HostKeyChanged] = []

    class KeyCheck(asyncssh.SSHClient):
        def validate_host_public_key(
            self, host: str, addr: str, port: int, key: asyncssh.SSHKey
        ) -> bool:
            del host, addr, port
            try:
                if known:
                    require_same(instance_id, known, _host_key(key))
            except HostKeyChanged as refusal:
                refusals.append(refusal)
                return False
            return True

    try:
        # The outer limit holds even where a server drips bytes to keep the inner ones alive.
        async with asyncio.timeout(timeout_s * 2):
            connection = await asyncssh.connect(
                where.host,
                where.port,
                options=_options(where, instance_id, known, _private_key(key), timeout_s, KeyCheck),
            )
    except (OSError, asyncssh.Error) as error:
        if refusals:
            raise refusals[0] from error
        raise _unavailable(error) from error
    try:
        presented = _host_key(cast("asyncssh.SSHKey", connection.get_server_host_key()))
        seen = known_hosts.meet(instance_id, presented.algorithm, presented.blob)
    except BaseException:
        connection.abort()
        raise
    return SshSession(instance_id, where, seen, connection)


def _options(
    where: Address,
    instance_id: int,
    known: HostKey | None,
    key: "asyncssh.SSHKey",
    timeout_s: float,
    client: "type[asyncssh.SSHClient]",
) -> "asyncssh.SSHClientConnectionOptions":
    """Everything asyncssh would otherwise take from the user's files and agent, said outright."""
    import asyncssh  # noqa: PLC0415

    return asyncssh.SSHClientConnectionOptions(
        config=None,
        client_factory=client,
        username=where.user,
        host_key_alias=host_alias(instance_id),
        known_hosts=([], [], []),  # empty, but not absent: absent means ~/.ssh/known_hosts
        server_host_key_algs=_host_key_algorithms(known),
        x509_trusted_certs=None,
        client_keys=[key],
        client_certs=[],
        agent_path=None,
        agent_forwarding=False,
        x11_forwarding=False,
        pkcs11_provider=None,
        preferred_auth=["publickey"],
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        gss_auth=False,
        gss_kex=False,
        disable_trivial_auth=True,
        compression_algs=["none"],
        encryption_algs=_CIPHERS,
        connect_timeout=timeout_s,
        login_timeout=timeout_s,
        keepalive_interval=_KEEPALIVE_S,
        keepalive_count_max=4,
        tcp_keepalive=True,
        canonicalize_hostname=False,
        window=WINDOW,
        max_pktsize=_MAX_PACKET,
    )


def _host_key_algorithms(known: HostKey | None) -> list[str]:
    """With a known key, only its kind: a machine with three keys must show the one we know."""
    if known is None:
        return _HOST_KEYS
    if known.algorithm == "ssh-rsa":
        return ["rsa-sha2-512", "rsa-sha2-256"]
    return [known.algorithm, *(name for name in _HOST_KEYS if name != known.algorithm)]


def _host_key(key: "asyncssh.SSHKey") -> HostKey:
    algorithm, blob = key.export_public_key("openssh").decode("ascii").split()[:2]
    return HostKey(algorithm, blob, first_use=True)


def _private_key(path: Path) -> "asyncssh.SSHKey":
    """Read as text, so that asyncssh does not look for certificates and `.pub` files beside it."""
    import asyncssh  # noqa: PLC0415

    try:
        return asyncssh.import_private_key(path.read_bytes())
    except (OSError, asyncssh.KeyImportError) as error:
        raise RemoteFailed(
            f"Our SSH key {path} cannot be read.",
            hint="Remove it; a new pair is created and has to be attached again.",
        ) from error


def _unavailable(error: Exception) -> SshUnavailable:
    import asyncssh  # noqa: PLC0415

    reason: Unavailable = "unreachable"
    if isinstance(error, asyncssh.PermissionDenied):
        reason = "auth"
    elif isinstance(error, ConnectionRefusedError):
        reason = "refused"
    elif isinstance(error, TimeoutError):
        reason = "timeout"
    elif isinstance(error, asyncssh.Error):
        reason = "timeout" if "imeout" in str(error) else "lost"
    elif isinstance(error, OSError) and _all_refused(error):
        reason = "refused"
    elif isinstance(error, ConnectionError):
        reason = "lost"
    return SshUnavailable(_WORDS[reason], reason=reason)


def _all_refused(error: OSError) -> bool:
    """Of a host with two addresses asyncio reports `Multiple exceptions`, without an errno."""
    return error.errno == errno.ECONNREFUSED or str(error).count("Connect call failed") > 1


_WORDS: dict[Unavailable, str] = {
    "auth": "our key is not accepted",
    "refused": "the port is closed",
    "timeout": "no answer",
    "unreachable": "the host cannot be reached",
    "lost": "it dropped the connection",
    "busy": "too many sessions",
}
_HINTS: dict[Unavailable, str] = {
    "auth": "Attach our key to the instance; delivery takes 10 to 15 seconds. If it is still"
    ' refused, wait_for_instance(until="ssh") reads its log for the cause.',
    "refused": "It may still be starting: wait, then check its log.",
    "timeout": "Its network may be filtered or the host down: wait, then check its state.",
    "unreachable": "Check the instance's state.",
    "lost": "Try again; if it persists, check the instance's log.",
    "busy": "Try again when another command has ended.",
}


def _summary(
    instance_id: int, failures: list[tuple[Address, SshUnavailable]], waited_s: float
) -> SshUnavailable:
    """One error for all addresses; the reason that says most about the machine leads."""
    reasons = [failure.reason for _, failure in failures]
    leading = next((r for r in ("auth", "lost", "refused", "timeout") if r in reasons), reasons[0])
    told = "; ".join(f"{where} ({where.route}): {failure.message}" for where, failure in failures)
    waited = f" Waited {waited_s:.0f} s for it." if leading == "auth" and waited_s >= 1 else ""
    return SshUnavailable(
        f"No SSH session with instance {instance_id}: {told}.{waited}",
        reason=leading,
        hint=_HINTS[leading],
    )
