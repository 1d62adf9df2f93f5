"""Where notices may be posted: encrypted, or to this very machine.

An address of this kind carries its secret in its path, so no fault repeats any of it.
"""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from vast_mcp.policy._fault import Fault
from vast_mcp.text import clean_line

_LONGEST = 2_000


def address_of(where: str, raw: object) -> str:
    """The address as it stands, if it can be used.

    Raises:
        Fault: not a text, not an address, or one that would send notices in the open.
    """
    if not isinstance(raw, str):
        raise Fault(f"{where}: must be a text, an address")
    plain = raw.isascii() and raw == clean_line(raw, _LONGEST + 1) and " " not in raw
    if not plain or not 0 < len(raw) <= _LONGEST:
        raise Fault(f"{where}: must be one plain address of at most {_LONGEST} characters")
    try:
        address = urlsplit(raw)
        host, _ = address.hostname or "", address.port
    except ValueError as error:
        raise Fault(f"{where}: not an address") from error
    if address.username is not None or address.password is not None:
        raise Fault(f"{where}: must not name a user or a password")
    if not host or not _private(address, host):
        raise Fault(f"{where}: must begin with https://, or with http:// on loopback")
    return raw


def _private(address: SplitResult, host: str) -> bool:
    return address.scheme == "https" or (address.scheme == "http" and _loopback(host))


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
