"""An image and variables of which the vendor makes something else than was asked for."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.world import World
from vast_mcp.actions.container import lost_variables, odd_options, qualified, size_note

LOST = "Not set inside the container, because its value has a ';': "


@pytest.mark.parametrize(
    ("image", "sent"),
    [
        ("vastai/kvm", "docker.io/vastai/kvm"),
        ("vastai/kvm:ubuntu_22.04", "docker.io/vastai/kvm:ubuntu_22.04"),
        ("vastai/kvm@sha256:0a", "docker.io/vastai/kvm@sha256:0a"),
        ("docker.io/vastai/kvm:x", "docker.io/vastai/kvm:x"),
        ("ghcr.io/vastai/kvm:x", "ghcr.io/vastai/kvm:x"),
        ("vastai/kvm-tools:x", "vastai/kvm-tools:x"),
        ("vastai/pytorch:@vastai-automatic-tag", "vastai/pytorch:@vastai-automatic-tag"),
        ("ubuntu", "ubuntu"),
    ],
)
def test_only_the_image_of_virtual_machines_gets_its_registry(image: str, sent: str) -> None:
    """A bare `vastai/kvm` comes as a container (reported, 2026-07); no other image is touched."""
    assert qualified(image) == sent


def test_variables_that_would_be_lost_are_named_and_their_values_are_not() -> None:
    """A value with `;` never arrives (the vendor's own record); `,` `^` and `|` do."""
    assert lost_variables([("A", "x,y^z|w"), ("B", ""), ("C", "a:b=c")]) == ""
    assert lost_variables([("A", "x;y"), ("B", "b")]) == f"{LOST}A."
    many = [(f"V{number}", "s3cret;") for number in range(5)]
    assert lost_variables(many) == f"{LOST}V0, V1, V2 and 2 more."
    assert "33 kB" in lost_variables([(f"V{number}", "x" * 995) for number in range(33)])
    assert lost_variables([(f"V{number}", "x" * 990) for number in range(30)]) == ""


@pytest.mark.parametrize(("more", "told"), [(0, False), (1, True)])
def test_variables_of_exactly_32_kb_arrive_and_a_byte_more_is_told(
    more: int, *, told: bool
) -> None:
    """Of each its name, its value and the two bytes that hold it; letters count as their bytes."""
    fits = [("A", "x" * (31_000 - 3)), ("É", "x" * (1_000 - 4 + more))]
    assert bool(lost_variables(fits)) is told
    assert bool(size_note(fits)) is told
    if told:
        assert "33 kB" in lost_variables(fits)
        assert f"{32_000 + more} bytes" in size_note(fits)[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), ""),
        (("-e A=b", "-p 1:1", "-p1:1", "--shm-size 8g", "-h name"), ""),
        (("--privileged",), "Its template asks for --privileged."),
        (("-v /:/x", "--gpus all", "-v /y:/y"), "Its template asks for -v, --gpus."),
        (("--a", "--b", "--c", "--d"), "Its template asks for --a, --b, --c."),
        (("-x",), "Its template asks for -x."),
    ],
)
async def test_docker_options_beyond_a_container_are_named(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """No limit knows them, so whoever rents shall see them: each once, three at most."""
    async with World(tmp_path).runtime() as runtime:
        found = await runtime.session.account.reads.templates(limit=1)
    assert odd_options(replace(found[0], docker_options=options)) == said
    assert odd_options(None) == ""


async def test_a_variable_that_is_lost_is_said_before_and_after_the_rent(tmp_path: Path) -> None:
    """The job would run without it: the preview, the question and the answer name it."""
    world = World(tmp_path, environment={"TOKENS": "first;second", "PLAIN": "one"},
                  policy='[secrets]\nallow = ["TOKENS", "PLAIN"]\n')  # fmt: skip
    offer = await world.cheap_offer()
    asked = {
        "offer_id": offer.offer_id,
        "max_price_usd_per_hour": 1.0,
        "env": {"PROV": "a;b", "GOOD": "a,b"},
        "secrets": ["TOKENS", "PLAIN"],
    }
    async with world.connect() as client:
        preview = await world.call(client, "create_instance", **asked, preview=True)
        rented = await world.call(client, "create_instance", **asked)
    said = f"{LOST}PROV, TOKENS."
    assert said in preview["said"]
    assert said in rented["warnings"]
    contract = world.simulator.world.instances[rented["instance_id"]]
    sent = dict(contract.order.env)
    assert (sent["PROV"], sent["TOKENS"]) == ("a;b", "first;second")
    assert "first;second" not in f"{preview}{rented}"


async def test_a_virtual_machine_is_asked_for_with_its_registry(tmp_path: Path) -> None:
    """The rent sends `docker.io/vastai/kvm`, and says that no guard runs inside."""
    world = World(tmp_path)
    now_us = world.simulator.world.now_us
    offers = {one.offer_id: one for one in await world.offers()}
    able = next(
        one.offer_id
        for one in world.simulator.world.market.listings(now_us)
        if one.machine.vms_enabled and one.offer_id in offers and one.gpu_usd_per_hour < 0.9
    )
    async with world.connect() as client:
        rented = await world.rent(client, offers[able], image="vastai/kvm:ubuntu_22.04")
    order = world.simulator.world.instances[rented].order
    assert order.image == "docker.io/vastai/kvm:ubuntu_22.04"
