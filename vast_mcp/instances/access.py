"""How a running machine is reached: ssh, an editor's host block, its ports as addresses."""

from dataclasses import dataclass
from pathlib import Path

from vast_mcp.account.ssh_key import KEY_NAME
from vast_mcp.instances.state import Held
from vast_mcp.models import Instance
from vast_mcp.models.pages import scheme_of

_SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class SshDoor:
    """Where ssh answers."""

    host: str
    port: int
    direct: bool


def door_of(instance: Instance) -> SshDoor | None:
    """The direct address where its port is mapped, else the vendor's proxy; None if it has no ssh.

    The proxy's port of a jupyter machine is one higher; the decoder has counted that already.
    """
    if instance.actual_status != "running" or "args" in instance.runtype.split():
        return None
    for port in instance.ports:
        if port.inside == _SSH_PORT and port.protocol == "tcp" and instance.public_ip:
            return SshDoor(instance.public_ip, port.outside, direct=True)
    if instance.ssh_host and instance.ssh_port:
        return SshDoor(instance.ssh_host, instance.ssh_port, direct=False)
    return None


def ssh_command(held: Held, state_place: str) -> str | None:
    """A command to paste; names our key file where that is the key the machine knows."""
    door = door_of(held.instance)
    if door is None:
        return None
    key = f" -i {Path(state_place) / KEY_NAME}" if held.ours else ""
    return f"ssh -p {door.port}{key} root@{door.host}"


def editor_block(held: Held, state_place: str) -> str | None:
    """The same as a host block for `~/.ssh/config`, which editors read."""
    door = door_of(held.instance)
    if door is None:
        return None
    lines = [f"Host vast-{held.instance.instance_id}", f"  HostName {door.host}",
             f"  Port {door.port}", "  User root"]  # fmt: skip
    if held.ours:
        lines.append(f"  IdentityFile {Path(state_place) / KEY_NAME}")
    return "\n".join(lines)


def addresses(instance: Instance) -> list[str]:
    """`8080 -> http://1.2.3.4:20001` for every mapped port but ssh."""
    ip = instance.public_ip
    if ip is None:
        return []
    host = f"[{ip}]" if ":" in ip else ip
    found = []
    for port in instance.ports:
        if port.inside == _SSH_PORT:
            continue
        if port.protocol == "udp":
            found.append(f"{port.inside}/udp -> {host}:{port.outside}")
        else:
            scheme = scheme_of(instance, port.inside)
            found.append(f"{port.inside} -> {scheme}://{host}:{port.outside}")
    return found
