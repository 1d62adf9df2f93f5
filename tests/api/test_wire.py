"""The vendor's JSON as models: strict about money, forgiving about the rest.

See docs/vendor-api.md#account, docs/vendor-api.md#instances, docs/vendor-api.md#offers,
docs/vendor-api.md#serverless.
"""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.vendor import instance_row, offer_row
from vast_mcp.api import wire, wire_account, wire_templates
from vast_mcp.errors import VendorUnreadable
from vast_mcp.models import InstanceState, Offer, PortMapping, state_of
from vast_mcp.units import Usd, UsdPerHour

BAD_PRICES: tuple[Any, ...] = (
    None,
    "",
    "abc",
    -0.1,
    float("nan"),
    float("inf"),
    True,
    [],
    {},
    "-1",
    1e300,
)


def offer(**changes: object) -> Offer:
    """An offer decoded with these fields changed."""
    return wire.decode_offer(offer_row(**changes), rental="on_demand", disk_gb=50)


def test_an_offer_is_read_in_our_units() -> None:
    """MB of 1000 as GB, prices in $/h, the share of RAM, seconds left."""
    found = offer()
    assert found.offer_id == 28113344
    assert found.gpu_ram_gb == pytest.approx(24.564)
    assert found.ram_gb == pytest.approx(64.0)
    assert found.usd_per_hour == UsdPerHour(340_000)
    assert found.gpu_usd_per_hour == UsdPerHour(330_000)
    assert found.min_bid == UsdPerHour(150_000)
    assert found.country == "SE"
    assert found.datacenter
    assert found.verified
    assert found.max_hours == 504
    assert found.reliability == 0.994


@pytest.mark.parametrize("price", BAD_PRICES, ids=repr)
@pytest.mark.parametrize("name", ["dph_total", "storage_cost", "inet_down_cost", "inet_up_cost"])
def test_a_price_that_cannot_be_trusted_is_never_zero(name: str, price: object) -> None:
    """Money is strict: missing, negative or not finite is an error, not free."""
    with pytest.raises(VendorUnreadable, match=name):
        offer(**{name: price})


@pytest.mark.parametrize("name", ["min_bid", "dph_base"])
def test_a_price_that_may_be_missing_may_not_be_wrong(name: str) -> None:
    """Absent is absent; present must be a price."""
    offer(**{name: None})
    for price in BAD_PRICES[1:]:
        with pytest.raises(VendorUnreadable):
            offer(**{name: price})


def test_numbers_written_as_texts_are_read() -> None:
    """The vendor mixes numbers and texts; the value counts."""
    found = offer(dph_total="0.5", id="77", num_gpus="2", gpu_ram="24564.0")
    assert (found.offer_id, found.num_gpus) == (77, 2)
    assert found.usd_per_hour == UsdPerHour(500_000)


def test_the_gpus_price_of_a_bid_is_what_remains_after_storage() -> None:
    """For type=bid dph_total is computed from min_bid; dph_base is on demand."""
    row = offer_row(dph_total=0.16, storage_cost=0.144, dph_base=0.33)
    found = wire.decode_offer(row, rental="interruptible", disk_gb=50)
    assert found.gpu_usd_per_hour == UsdPerHour(150_000)
    row = offer_row(discounted_dph_total=0.2)
    assert wire.decode_offer(row, rental="reserved", disk_gb=50).usd_per_hour == UsdPerHour(200_000)


def test_an_instance_is_read_in_our_units() -> None:
    """Address stripped, host port as a text, times in microseconds, -1 unknown."""
    found = wire.decode_instance(instance_row())
    assert found.instance_id == 27123456
    assert found.public_ip == "203.0.113.9"
    assert found.ports == (PortMapping(22, "tcp", 40022),)
    assert (found.ssh_host, found.ssh_port) == ("ssh4.vast.ai", 23456)
    assert found.disk_used_gb is None
    assert found.started_at_us == 1_780_000_000_500_000
    assert found.usd_per_hour == UsdPerHour(340_000)
    assert found.disk_usd_per_hour == UsdPerHour(8_300)
    assert state_of(found) is InstanceState.READY


def test_no_secret_of_an_instance_is_carried_over() -> None:
    """Do not log: jupyter_token, extra_env, onstart, image_login."""
    shown = repr(wire.decode_instance(instance_row(image_login="-u u -p login-secret r")))
    for secret in ("jup-secret", "hf_secret", "onstart-secret", "login-secret", "HF_TOKEN"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("environment", "mark"),
    [
        ([["A", "b"], ["VMCP_INTENT", "abc123"]], "abc123"),
        ({"VMCP_INTENT": "abc123"}, "abc123"),
        ([["VMCP_INTENT", "has space"]], None),
        ([["VMCP_INTENT", "x" * 65]], None),
        ([["VMCP_INTENT", None]], None),
        ([["VMCP_INTENT"], "VMCP_INTENT", None, 5], None),
        ("VMCP_INTENT=abc", None),
        (None, None),
        ([], None),
    ],
)
def test_our_mark_is_read_from_pairs_or_an_object(environment: object, mark: str | None) -> None:
    """extra_env is a list of pairs on the wire; other clients see an object."""
    assert wire.decode_instance(instance_row(extra_env=environment)).intent_mark == mark


def test_jupyters_proxy_port_is_one_higher() -> None:
    """ssh_port +1 if jupyter is in image_runtype (docs/vendor-api.md#ssh)."""
    row = instance_row(image_runtype="jupyter_direc ssh_direc ssh_proxy")
    assert wire.decode_instance(row).ssh_port == 23457


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=x", "a b", "a;b", "", "host\n", "$(x)", None, 5, "a" * 300, "[::1]"]
)
def test_an_ssh_host_that_is_no_host_is_dropped(host: object) -> None:
    """It will stand in a command line: only the shape of a name or address passes."""
    assert wire.decode_instance(instance_row(ssh_host=host)).ssh_host is None


@pytest.mark.parametrize("port", [0, -1, 65536, "x", None, 22.5, True, "22; rm"])
def test_an_ssh_port_that_is_no_port_is_dropped(port: object) -> None:
    """A port is a whole number from 1 to 65535."""
    assert wire.decode_instance(instance_row(ssh_port=port)).ssh_port is None


@pytest.mark.parametrize("address", ["nonsense", "203.0.113.9; x", "", None, 5, "999.1.1.1"])
def test_a_public_address_that_is_none_is_dropped(address: object) -> None:
    """Only an IP address passes."""
    assert wire.decode_instance(instance_row(public_ipaddr=address)).public_ip is None


def test_ports_take_the_first_place_and_skip_what_is_odd() -> None:
    """HostPort is a text, more entries may exist; null until running."""
    ports = {
        "8080/tcp": [{"HostPort": "41000"}, {"HostPort": "41001"}],
        "53/udp": [{"HostPort": 41002}],
        "70001/tcp": [{"HostPort": "41003"}],
        "x/tcp": [{"HostPort": "1"}],
        "81/tcp": [],
        "82/tcp": None,
        "83/tcp": [{"HostPort": "0"}],
        "84/sctp": [{"HostPort": "1"}],
    }
    found = wire.decode_instance(instance_row(ports=ports)).ports
    assert found == (
        PortMapping(8080, "tcp", 41000),
        PortMapping(53, "udp", 41002),
        PortMapping(70001, "tcp", 41003),
    )
    odd: list[Any] = [None, [], "x"]
    for nothing in odd:
        assert wire.decode_instance(instance_row(ports=nothing)).ports == ()


def test_a_provisioning_instance_has_no_status() -> None:
    """Null while the host was not heard; an odd value counts as unknown."""
    assert wire.decode_instance(instance_row(actual_status=None)).actual_status is None
    assert wire.decode_instance(instance_row(actual_status=5)).actual_status == "unknown"


def test_the_stored_label_is_kept_to_the_letter_beside_the_shown_one() -> None:
    """Our mark is parsed from the label; what is shown is cleaned (docs/design.md#leases)."""
    found = wire.decode_instance(instance_row(label="a\x1b[31m\u202eb"))
    assert found.raw_label == "a\x1b[31m\u202eb"
    assert found.label == "ab"


def test_storage_is_computed_when_its_total_is_missing_and_refused_when_it_cannot_be() -> None:
    """storage_total_cost = storage_cost x GB / 720."""
    found = wire.decode_instance(instance_row(storage_total_cost=None, storage_cost=0.144))
    assert found.disk_usd_per_hour == UsdPerHour(12_000)
    with pytest.raises(VendorUnreadable):
        wire.decode_instance(instance_row(storage_total_cost=None, storage_cost=None))
    for price in BAD_PRICES:
        with pytest.raises(VendorUnreadable):
            wire.decode_instance(instance_row(dph_total=price))


def test_the_account_drops_its_key_and_keeps_a_negative_credit() -> None:
    """users/current may include api_key; credit can be negative."""
    row = {"id": 9, "username": "u", "credit": -5.22, "api_key": "account-secret"}
    found = wire_account.decode_account(row)
    assert found.credit == Usd.of("-5.22")
    assert "account-secret" not in repr(found)
    for credit in (None, "x", float("nan"), True):
        with pytest.raises(VendorUnreadable):
            wire_account.decode_account({**row, "credit": credit})


def test_an_endpoint_drops_its_key_and_must_say_its_most_workers() -> None:
    """Endpoint objects contain their api_key; max_workers bounds the money."""
    row = {"id": 4, "endpoint_name": "llm", "max_workers": 3, "api_key": "endpoint-secret"}
    found = wire_account.decode_endpoint(row)
    assert (found.max_workers, found.raw_name) == (3, "llm")
    assert "endpoint-secret" not in repr(found)
    with pytest.raises(VendorUnreadable):
        wire_account.decode_endpoint({**row, "max_workers": None})


def test_a_volume_without_a_price_is_not_free() -> None:
    """storage_total_cost is $/h (docs/vendor-api.md#volumes)."""
    row = {"id": 4, "storage_total_cost": 0.01, "instances": [5, {"id": 6}, None], "disk_space": 9}
    found = wire_account.decode_volume(row)
    assert found.instance_ids == (5, 6)
    with pytest.raises(VendorUnreadable):
        wire_account.decode_volume({**row, "storage_total_cost": None})


def test_a_worker_of_unknown_state_counts_as_billing() -> None:
    """Only error, destroying and pending bill nothing (docs/vendor-api.md#serverless)."""
    assert wire_account.decode_worker({"id": 3}).bills
    assert not wire_account.decode_worker({"id": 3, "status": "error"}).bills


_JUNK: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(offer_row())), _JUNK, max_size=6))
def test_any_offer_is_read_or_unreadable(changes: dict[str, object]) -> None:
    """Fuzz: a model with sound prices, or `VendorUnreadable`; nothing else."""
    try:
        found = offer(**changes)
    except VendorUnreadable:
        return
    assert found.usd_per_hour.micros >= 0
    assert found.storage_usd_per_gb_month >= 0
    hash(dataclasses.astuple(found))


@given(st.dictionaries(st.sampled_from(sorted(instance_row())), _JUNK, max_size=6))
def test_any_instance_is_read_or_unreadable(changes: dict[str, object]) -> None:
    """Fuzz: a model with sound prices, or `VendorUnreadable`; nothing else."""
    try:
        found = wire.decode_instance(instance_row(**changes))
    except VendorUnreadable:
        return
    assert found.instance_id > 0
    assert found.usd_per_hour.micros >= 0
    assert found.disk_usd_per_hour.micros >= 0


@pytest.mark.parametrize("size", [0, -1, "", "0", None, "a lot"])
def test_a_template_that_recommends_no_disk_recommends_none(size: object) -> None:
    """A search would be priced with it, and a disk below zero lowers every price."""
    row = {"id": 1, "hash_id": "a", "recommended_disk_space": size}
    assert wire_templates.decode_template(row).recommended_disk_gb is None


def test_an_offer_keeps_what_it_can_be_searched_by() -> None:
    """Each column in one value of its own kind; what is empty or has several is left out."""
    row = offer_row(
        num_gpus=2, gpu_ram=24564.5, static_ip=True, gpu_name="RTX 4090", geolocation="",
        cpu_name=None, unknown_column=5,
    )  # fmt: skip
    columns = dict(wire.decode_offer(row, rental="on_demand", disk_gb=50).columns)
    assert (columns["num_gpus"], columns["gpu_ram"]) == (2, 24564.5)
    assert isinstance(columns["num_gpus"], int)
    assert columns["static_ip"] is True
    assert columns["gpu_name"] == "RTX 4090"
    assert not {"geolocation", "cpu_name", "unknown_column"} & set(columns)
    assert list(columns) == sorted(columns)


@pytest.mark.parametrize(
    ("fields", "gpu"),
    [
        ({"resource_type": "gpu", "num_gpus": 1}, True),
        ({"resource_type": "disk", "num_gpus": 1}, False),
        ({"resource_type": "gpu", "num_gpus": 0}, False),
        ({"num_gpus": 1}, True),
        ({}, True),
    ],
)
def test_a_volume_in_the_list_of_offers_is_none(fields: dict[str, object], *, gpu: bool) -> None:
    """By its kind as well as by its number of GPUs; what does not say is judged as an offer."""
    assert wire.has_gpu(fields) is gpu


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({"template_hash_id": "abc"}, "abc"),
        ({"template_hash": "abc"}, "abc"),
        ({"template_hash_id": ""}, None),
        ({}, None),
    ],
)
def test_the_template_of_a_machine_is_known_by_either_name(
    fields: dict[str, object], known: str | None
) -> None:
    """An empty one is none."""
    row = instance_row(template_hash_id=None) | fields
    assert wire.decode_instance(row).template_hash == known
