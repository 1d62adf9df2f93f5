"""How a running machine is reached."""

from tests.instances.samples import held, instance
from vast_mcp.instances.access import addresses, editor_block, ssh_command
from vast_mcp.models import PortMapping

PORTS = (
    PortMapping(22, "tcp", 20_000),
    PortMapping(8080, "tcp", 20_001),
    PortMapping(53, "udp", 20_002),
)


def test_the_direct_address_is_preferred() -> None:
    """It is faster than the vendor's proxy (docs/vendor-api.md#ssh)."""
    assert ssh_command(held(ports=PORTS), "/s") == "ssh -p 20000 -i /s/ssh_ed25519 root@192.0.2.7"


def test_without_a_direct_port_the_proxy_is_named() -> None:
    """Hosts without open ports are reached that way only."""
    assert ssh_command(held(), "/s") == "ssh -p 10133 -i /s/ssh_ed25519 root@ssh5.vast.ai"


def test_a_strangers_machine_is_not_offered_our_key() -> None:
    """It does not know it."""
    assert ssh_command(held(ours=False), "/s") == "ssh -p 10133 root@ssh5.vast.ai"


def test_what_does_not_run_or_has_no_ssh_has_no_command() -> None:
    """A stopped machine keeps its old addresses."""
    assert ssh_command(held(actual_status="exited"), "/s") is None
    assert editor_block(held(runtype="args"), "/s") is None


def test_an_editor_gets_a_host_block() -> None:
    """For `~/.ssh/config`."""
    block = editor_block(held(ports=PORTS), "/s")
    assert block is not None
    assert block.splitlines()[:3] == ["Host vast-27000001", "  HostName 192.0.2.7", "  Port 20000"]


def test_ports_are_addresses() -> None:
    """The one of ssh is not among them; without a public address there are none."""
    assert addresses(instance(ports=PORTS)) == [
        "8080 -> http://192.0.2.7:20001",
        "53/udp -> 192.0.2.7:20002",
    ]
    assert addresses(instance(ports=PORTS, public_ip=None)) == []
    assert addresses(instance(ports=PORTS, public_ip="2001:db8::1"))[0].endswith(
        "[2001:db8::1]:20001"
    )
