"""Where a machine's SSH is reached, and how to say so to a person. Pure.

Host and port come from the vendor and, through it, from a host operator: `-oProxyCommand=…` in one
of these fields has run code on other people's laptops. Only what is a host and a port passes.
"""

import ipaddress
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vast_mcp.models.instance import Instance
from vast_mcp.models.pages import scheme_of
from vast_mcp.remote.errors import AddressInvalid, PathRefused

Route = Literal["direct", "proxy"]
USER = "root"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """A checked place to connect to. Build it with `address`."""

    host: str
    port: int
    user: str = USER
    route: Route = "direct"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PortUrl:
    """A port of the machine as seen from outside."""

    inside: int
    url: str


def address(host: object, port: object, *, user: str = USER, route: Route = "direct") -> Address:
    """A checked address.

    Raises:
        AddressInvalid: not a host, a port or a user name.
    """
    if not isinstance(host, str) or not _is_host(host):
        raise AddressInvalid(
            "The SSH host that Vast.ai gives is not a host name or IP address.",
            hint="Do not connect by hand either; destroy the instance or ask Vast.ai support.",
        )
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise AddressInvalid("The SSH port that Vast.ai gives is not between 1 and 65535.")
    if not _USER.match(user):
        raise AddressInvalid("The SSH user name has unsafe characters.")
    return Address(host, port, user, route)


def addresses(instance: Instance) -> tuple[Address, ...]:
    """The places to try, best first: the mapped port 22, then the vendor's proxy.

    Empty while the machine has no address yet. An address that is none is left out as long as
    another remains.

    Raises:
        AddressInvalid: addresses are given and none of them is one.
    """
    given: list[tuple[object, object, Route]] = []
    mapped = [p.outside for p in instance.ports if p.inside == 22 and p.protocol == "tcp"]
    if instance.public_ip and mapped:
        given.append((instance.public_ip, mapped[0], "direct"))
    if instance.ssh_host and instance.ssh_port is not None:
        given.append((instance.ssh_host, instance.ssh_port, "proxy"))
    good: list[Address] = []
    bad: AddressInvalid | None = None
    for host, port, route in given:
        try:
            good.append(address(host, port, route=route))
        except AddressInvalid as error:
            bad = error
    if bad and not good:
        raise bad
    return tuple(good)


def _is_host(text: str) -> bool:
    if len(text) > 253 or "%" in text:  # a zone id would reach the resolver
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        # A name of digits and dots that is no IP address is read as one by some resolvers.
        return bool(_HOSTNAME.match(text)) and not text.rpartition(".")[2].isdigit()
    return True


def host_alias(instance_id: int) -> str:
    """The name under which the machine's key is kept, whatever address it has today."""
    return f"vast-{int(instance_id)}"


def ssh_command(instance_id: int, where: Address, *, key: Path, known_hosts: Path) -> str:
    """A command line for a person's terminal, quoted, with our key and our host-key file."""
    argv = ["ssh", "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "ForwardAgent=no"]
    argv += ["-o", f"UserKnownHostsFile={_quoted(known_hosts)}"]
    argv += ["-o", f"HostKeyAlias={host_alias(instance_id)}"]
    argv += ["-p", str(where.port), "--", f"{where.user}@{where.host}"]
    return shlex.join(argv)


def host_block(instance_id: int, where: Address, *, key: Path, known_hosts: Path) -> str:
    """A block for a person's SSH configuration, as editors read it.

    Raises:
        PathRefused: a path of ours cannot be written into that file.
    """
    rows = {
        "HostName": where.host,
        "Port": str(where.port),
        "User": where.user,
        "IdentityFile": _quoted(key),
        "IdentitiesOnly": "yes",
        "ForwardAgent": "no",
        "HostKeyAlias": host_alias(instance_id),
        "UserKnownHostsFile": _quoted(known_hosts),
        "ServerAliveInterval": "15",
    }
    lines = [
        f"Host {host_alias(instance_id)}",
        *(f"  {key} {value}" for key, value in rows.items()),
    ]
    return "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    """As ssh_config wants it: % is its own sign, quotes and newlines cannot be written."""
    text = str(path)
    if any(char in '"\\$' or ord(char) < 32 for char in text):
        raise PathRefused(
            "The state directory's path has characters that an SSH configuration cannot hold.",
            hint="Move it to a path without quotes, backslashes and dollar signs.",
        )
    return f'"{text.replace("%", "%%")}"'


def port_urls(instance: Instance) -> tuple[PortUrl, ...]:
    """Mapped ports as URLs; SSH's own is left out. Whether anything answers there is not known."""
    if not instance.public_ip or not _is_host(instance.public_ip):
        return ()
    host = f"[{instance.public_ip}]" if ":" in instance.public_ip else instance.public_ip
    found: list[PortUrl] = []
    for mapping in instance.ports:
        if mapping.inside == 22 or not 1 <= mapping.outside <= 65535:
            continue
        scheme = scheme_of(instance, mapping.inside) if mapping.protocol == "tcp" else "udp"
        found.append(PortUrl(mapping.inside, f"{scheme}://{host}:{mapping.outside}"))
    return tuple(found)
