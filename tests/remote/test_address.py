import dataclasses
from pathlib import Path

import pytest

from vast_mcp.models.instance import Instance, PortMapping
from vast_mcp.remote.address import (
    Address,
    address,
    addresses,
    host_block,
    port_urls,
)
from vast_mcp.remote.errors import AddressInvalid
from vast_mcp.text import Untrusted
from vast_mcp.units import UsdPerHour


def machine(**changes: object) -> Instance:
    """A running machine, but for these fields."""
    plain = Instance(
        instance_id=27123456,
        machine_id=1,
        label=Untrusted(""),
        raw_label="",
        actual_status="running",
        intended_status="running",
        cur_state="running",
        next_state="running",
        status_message=Untrusted(""),
        is_bid=False,
        gpu_name="RTX 4090",
        num_gpus=1,
        gpu_ram_gb=24,
        usd_per_hour=UsdPerHour.of(0.3),
        disk_usd_per_hour=UsdPerHour.of(0.01),
        min_bid=None,
        download_usd_per_gb=0,
        upload_usd_per_gb=0,
        disk_gb=50,
        disk_used_gb=None,
        gpu_utilisation_percent=None,
        image=Untrusted("x"),
        runtype="ssh",
        template_hash=None,
        country="SE",
        public_ip="203.0.113.9",
        ssh_host="ssh4.vast.ai",
        ssh_port=12345,
        ports=(PortMapping(22, "tcp", 40022), PortMapping(8080, "tcp", 40080)),
        started_at_us=None,
        contract_ends_us=None,
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # a test's shorthand


def test_the_direct_address_comes_before_the_proxy() -> None:
    """Issue 4: direct address preferred over the proxy."""
    assert addresses(machine()) == (
        Address("203.0.113.9", 40022, "root", "direct"),
        Address("ssh4.vast.ai", 12345, "root", "proxy"),
    )


def test_a_machine_without_a_mapped_port_has_only_the_proxy() -> None:
    """vast-api §9: the 22 mapping may be missing."""
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
