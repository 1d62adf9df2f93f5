from pathlib import Path

import pytest

from tests.instances.samples import instance
from vast_mcp.models.instance import Instance, PortMapping
from vast_mcp.remote.address import (
    Address,
    address,
    addresses,
    host_block,
    port_urls,
    ssh_command,
)
from vast_mcp.remote.errors import AddressInvalid, PathRefused
from vast_mcp.text import Untrusted


def machine(**changes: object) -> Instance:
    """A running machine with a direct and a proxied way in, but for these fields."""
    way_in: dict[str, object] = {
        "instance_id": 27123456,
        "label": Untrusted(""),
        "raw_label": "",
        "public_ip": "203.0.113.9",
        "ssh_host": "ssh4.vast.ai",
        "ssh_port": 12345,
        "ports": (PortMapping(22, "tcp", 40022), PortMapping(8080, "tcp", 40080)),
    }
    return instance(**{**way_in, **changes})


def test_the_direct_address_comes_before_the_proxy() -> None:
    """Direct address preferred over the proxy."""
    assert addresses(machine()) == (
        Address("203.0.113.9", 40022, "root", "direct"),
        Address("ssh4.vast.ai", 12345, "root", "proxy"),
    )


def test_a_machine_without_a_mapped_port_has_only_the_proxy() -> None:
    """The 22 mapping may be missing (docs/vendor-api.md#ssh)."""
    assert [a.route for a in addresses(machine(ports=()))] == ["proxy"]


def test_an_invalid_direct_address_leaves_the_proxy() -> None:
    """A bad field of the vendor does not take the good one with it."""
    assert [a.route for a in addresses(machine(public_ip="-oProxyCommand=x"))] == ["proxy"]


def test_only_invalid_addresses_are_refused_by_name() -> None:
    """Nothing is connected to what is no address."""
    with pytest.raises(AddressInvalid):
        addresses(machine(public_ip="a b", ssh_host="-oProxyCommand=x"))


@pytest.mark.parametrize(
    "host",
    [
        "-oProxyCommand=touch /tmp/x", "-p22", "a b", "a\nb", "a\0b", "", "a;b", "$(x)", "`x`",
        "a@b", "a/b", "user@host", "::1%eth0", "256.1.1.1", "1.2.3", "..", "a..b", "a-", "-a",
        "x" * 64, "é.example", "host:22", "[::1]", "127.1",
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(host: str) -> None:
    """Hazard F2: the vendor's fields are checked before use."""
    with pytest.raises(AddressInvalid):
        address(host, 22)


@pytest.mark.parametrize("port", [0, -1, 65536, True, "22", None, 22.0])
def test_what_is_no_port_is_refused(port: object) -> None:
    """Ports are whole numbers from 1 to 65535."""
    with pytest.raises(AddressInvalid):
        address("host", port)


def test_the_host_block_has_one_setting_a_line() -> None:
    """For people: an editor's host block, with our key and our host-key file only."""
    block = host_block(5, address("10.0.0.1", 2222), key=Path("/s t/k"), known_hosts=Path("/h%"))
    assert block.splitlines()[0] == "Host vast-5"
    assert '  IdentityFile "/s t/k"' in block.splitlines()
    assert '  UserKnownHostsFile "/h%%"' in block.splitlines()
    assert "  IdentitiesOnly yes" in block.splitlines()


def test_ports_are_shown_as_urls_without_ssh() -> None:
    """For people: ports as URLs."""
    assert [p.url for p in port_urls(machine())] == ["http://203.0.113.9:40080"]
    assert port_urls(machine(public_ip="x y")) == ()


@pytest.mark.parametrize(
    ("host", "port", "shown"),
    [
        ("10.0.0.1", 1, "10.0.0.1:1"),
        ("h.example", 65535, "h.example:65535"),
        ("::1", 22, "[::1]:22"),
    ],
)
def test_an_address_is_shown_as_host_and_port(host: str, port: int, shown: str) -> None:
    """In messages, and with the brackets that an IPv6 address needs before a port."""
    assert str(address(host, port)) == shown


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("x" * 63, True),
        (f"{'x' * 63}.{'x' * 63}.{'x' * 63}.{'x' * 61}", True),
        (f"{'x' * 63}.{'x' * 63}.{'x' * 63}.{'x' * 62}", False),
        ("a-b.c", True),
        ("1.2.3.x", True),
        ("fe80::1", True),
        ("a" + chr(10), False),
        ("a.1", False),
    ],
)
def test_the_longest_host_name_has_253_characters(host: str, fits: bool) -> None:
    """And each of its parts 63; a number at the end is an IP address or nothing."""
    if fits:
        assert address(host, 22).host == host
        return
    with pytest.raises(AddressInvalid):
        address(host, 22)


@pytest.mark.parametrize(
    ("user", "fits"),
    [("root", True), ("_a-1", True), ("a" * 32, True), ("a" * 33, False), ("-o", False),
     ("", False), ("a" + chr(10), False), ("A", False)],
)  # fmt: skip
def test_a_user_is_a_plain_name(user: str, fits: bool) -> None:
    """It stands before an @ in a command line."""
    if fits:
        assert address("h", 22, user=user).user == user
        return
    with pytest.raises(AddressInvalid):
        address("h", 22, user=user)


@pytest.mark.parametrize(
    ("changes", "routes"),
    [
        ({"ports": (PortMapping(22, "udp", 40022),)}, ["proxy"]),
        ({"ports": (PortMapping(2222, "tcp", 40022),)}, ["proxy"]),
        ({"public_ip": None}, ["proxy"]),
        ({"ssh_host": None}, ["direct"]),
        ({"ssh_port": None}, ["direct"]),
        ({"ssh_port": 0}, ["direct"]),
        ({"ssh_host": "", "ports": ()}, []),
        ({"public_ip": None, "ssh_port": None}, []),
    ],
)
def test_only_what_is_given_whole_is_a_place_to_try(
    changes: dict[str, object], routes: list[str]
) -> None:
    """While it starts a machine has no address, which is no fault."""
    assert [found.route for found in addresses(machine(**changes))] == routes


def test_of_several_mappings_of_port_22_the_first_is_taken() -> None:
    """As the vendor lists them."""
    ports = (PortMapping(22, "tcp", 1), PortMapping(22, "tcp", 2))
    assert addresses(machine(ports=ports))[0].port == 1


def test_a_command_for_the_terminal_is_quoted_and_trusts_our_host_keys_only() -> None:
    """A path with a blank, a name with a per cent sign."""
    line = ssh_command(5, address("::1", 2222), key=Path("/a b/k"), known_hosts=Path("/h%"))
    assert line == (
        "ssh -i '/a b/k' -o IdentitiesOnly=yes -o ForwardAgent=no -o"
        " 'UserKnownHostsFile=\"/h%%\"' -o HostKeyAlias=vast-5 -p 2222 -- root@::1"
    )


@pytest.mark.parametrize("path", ['/a"b', "/a\\b", "/a$b", "/a" + chr(10) + "b", "/a" + chr(31)])
def test_a_path_that_an_ssh_configuration_cannot_hold_is_refused(path: str) -> None:
    """It would end the quotes and begin another setting."""
    with pytest.raises(PathRefused):
        host_block(5, address("h", 22), key=Path(path), known_hosts=Path("/h"))


@pytest.mark.parametrize(
    ("mapping", "urls"),
    [
        (PortMapping(443, "tcp", 1), ["https://203.0.113.9:1"]),
        (PortMapping(8443, "tcp", 65535), ["https://203.0.113.9:65535"]),
        (PortMapping(80, "tcp", 2), ["http://203.0.113.9:2"]),
        (PortMapping(53, "udp", 3), ["udp://203.0.113.9:3"]),
        (PortMapping(443, "udp", 3), ["udp://203.0.113.9:3"]),
        (PortMapping(80, "tcp", 0), []),
        (PortMapping(80, "tcp", 65536), []),
        (PortMapping(22, "tcp", 5), []),
    ],
)
def test_a_mapped_port_is_a_url(mapping: PortMapping, urls: list[str]) -> None:
    """With the scheme that its number inside stands for."""
    assert [found.url for found in port_urls(machine(ports=(mapping,)))] == urls


def test_urls_of_an_ipv6_machine_have_brackets_and_without_an_ip_there_are_none() -> None:
    """A link that can be opened, or none."""
    found = port_urls(machine(public_ip="2001:db8::1"))
    assert [one.url for one in found] == ["http://[2001:db8::1]:40080"]
    assert port_urls(machine(public_ip=None)) == ()
