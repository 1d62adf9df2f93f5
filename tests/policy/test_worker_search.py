"""What an endpoint rents by for days, unasked: no word in it lies outside the limits."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.test_serverless import made, template_hash
from tests.world import ToolFailed, World
from vast_mcp.actions.worker_search import bounded, bounds_of, written
from vast_mcp.api.query import COLUMNS, parse_query
from vast_mcp.errors import InputInvalid, PolicyDenied
from vast_mcp.policy import Allowed, Limits
from vast_mcp.units import UsdPerHour

CARDS = ("RTX 4090", "RTX 3090", "H100 SXM")
STRICT = replace(
    Limits(),
    allow=Allowed(
        gpu_names=("RTX_4090", "rtx 3090"),
        countries=("Sweden", "NO"),
        datacenter_only=True,
        max_gpus=2,
    ),
)
BOUNDS = bounds_of(STRICT, UsdPerHour(500_000), CARDS)
REFUSED = [
    ("verified=any", "limits.verified_only"),
    ("verified=false", "limits.verified_only"),
    ("verified in [true,false]", "limits.verified_only"),
    ("verified!=true", "limits.verified_only"),
    ("verification=unverified", "limits.verified_only"),
    ("external=any", "search.external"),
    ("external=true", "search.external"),
    ("rentable=any", "search.rentable"),
    ("rented=true", "search.rented"),
    ("dph_total<=50", "endpoint.max_usd_per_worker_hour"),
    ("dph<50", "endpoint.max_usd_per_worker_hour"),
    ("dphtotal=any", "endpoint.max_usd_per_worker_hour"),
    ("dph_total=0.6", "endpoint.max_usd_per_worker_hour"),
    ("dph_total>0.6", "endpoint.max_usd_per_worker_hour"),
    ("inet_up_cost<=1", "limits.max_usd_per_gb"),
    ("inet_down_cost=any", "limits.max_usd_per_gb"),
    ("datacenter=any", "allow.datacenter_only"),
    ("datacenter=false", "allow.datacenter_only"),
    ("num_gpus=8", "allow.max_gpus"),
    ("num_gpus>=3", "allow.max_gpus"),
    ("num_gpus=any", "allow.max_gpus"),
    ("num_gpus in [1,8]", "allow.max_gpus"),
    ("gpu_name=H100_SXM", "allow.gpu_names"),
    ("gpu_name in [RTX_4090,H100_SXM]", "allow.gpu_names"),
    ("gpu_name notin [RTX_4090,RTX_3090]", "allow.gpu_names"),
    ("gpu_name=any", "allow.gpu_names"),
    ("geolocation=US", "allow.countries"),
    ("geolocation in [SE,US]", "allow.countries"),
    ("geolocation=any", "allow.countries"),
]


@pytest.mark.parametrize(("asked", "rule"), REFUSED)
def test_words_that_contradict_a_limit_are_refused_with_its_name(asked: str, rule: str) -> None:
    """Refused, never overridden in silence: the model learns which limit stands in the way."""
    with pytest.raises(PolicyDenied) as refused:
        bounded(parse_query(asked), BOUNDS)
    assert refused.value.rules == (rule,)
    assert rule in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("dph_total<=0.3", "dph_total<=0.3"),
        ("num_gpus=2", "num_gpus=2 num_gpus<=2"),
        ("gpu_name=RTX_3090", "gpu_name in [RTX_3090]"),
        ("gpu_name!=RTX_3090", "gpu_name in [RTX_4090]"),
        ("geolocation=SE", "geolocation in [SE]"),
        ("verified=true", "verified=True"),
        ("gpu_ram>=48", "gpu_ram>=48"),
        ("duration>2", "duration>2"),
        ("driver_version>=535.86.05", "driver_version>=535.86.05"),
    ],
)
def test_what_lies_within_the_limits_is_kept(asked: str, sent: str) -> None:
    """A tighter wish stands; the limits that nobody named stand beside it."""
    text = written(bounded(parse_query(asked), BOUNDS))
    assert all(word in text for word in sent.split())
    assert "datacenter=true" in text
    assert text.endswith("verified=True rentable=True rented=False")


def test_a_person_who_allows_unverified_hosts_may_have_them_searched() -> None:
    """Without the limit the word is a wish like any other; unsaid it stays with verified hosts."""
    open_ = bounds_of(replace(Limits(), verified_only=False), UsdPerHour(500_000), CARDS)
    assert "verified" not in written(bounded(parse_query("verified=any"), open_))
    assert "verified=False" in written(bounded(parse_query("verified=false"), open_))
    assert "verified=True" in written(bounded({}, open_))


values = st.sampled_from(
    ["1", "2", "8", "0.3", "50", "true", "false", "any", "RTX_4090", "H100_SXM", "SE", "US",
     "[1,2]", "[SE,NO]", "[RTX_4090,RTX_3090]", "[true,false]", "1e9", "nan", "-1", "null"]
)  # fmt: skip
conditions = st.tuples(
    st.sampled_from(sorted(COLUMNS)),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">=", " in ", " notin "]),
    values,
)


@given(st.lists(conditions, max_size=5))
def test_whatever_was_asked_what_is_stored_says_the_limits_and_nothing_twice(
    asked: list[tuple[str, str, str]],
) -> None:
    """Any text of the language: refused, or within every limit; it reads back as it was meant."""
    try:
        kept = bounded(parse_query(" ".join("".join(one) for one in asked)), BOUNDS)
        text = written(kept)
    except (InputInvalid, PolicyDenied):
        return
    again = parse_query(text)
    assert written(bounded(again, BOUNDS)) == text
    assert again["verified"] == {"eq": True}
    assert again["external"] == {"eq": False}
    assert again["rentable"] == {"eq": True}
    assert again["rented"] == {"eq": False}
    assert again["datacenter"] == {"eq": True}
    for column, most in (("dph_total", 0.5), ("inet_up_cost", 0.05), ("num_gpus", 2)):
        found = again[column]
        assert isinstance(found, dict)
        assert float(str(found["lte"])) <= most
    for column, allowed in (("gpu_name", {"RTX 4090", "RTX 3090"}), ("geolocation", {"SE", "NO"})):
        found = again[column]
        assert isinstance(found, dict)
        assert set(found) == {"in"}
        assert set(found["in"]) <= allowed  # type: ignore[arg-type]  # a list of words


@pytest.mark.parametrize(
    "search", ["verified=any", "external=any", "dph_total<=50", "dph<50 verified=false"]
)
async def test_a_contradicting_search_creates_no_workergroup(tmp_path: Path, search: str) -> None:
    """Through the tool: refused with the rule, nothing sent, nobody asked a second time."""
    world = World(tmp_path)
    async with world.connect() as client:
        await made(world, client)
        before = len(world.simulator.mutations())
        with pytest.raises(ToolFailed, match="rule"):
            await world.call(
                client,
                "create_workergroup",
                endpoint_name="chat",
                template_hash=await template_hash(world),
                search_query=search,
            )
    assert len(world.simulator.mutations()) == before
    assert len(world.questions) == 1


async def test_a_templates_own_filters_may_not_contradict_either(tmp_path: Path) -> None:
    """They are merged into the search, and nobody recorded whose word wins."""
    world = World(tmp_path)
    world.simulator.world.templates[0]["extra_filters"] = '{"verified": {"eq": false}}'
    hash_id = str(world.simulator.world.templates[0]["hash_id"])
    async with world.connect() as client:
        await made(world, client)
        before = len(world.simulator.mutations())
        with pytest.raises(ToolFailed, match="verified_only"):
            await world.call(
                client, "create_workergroup", endpoint_name="chat", template_hash=hash_id
            )
    assert len(world.simulator.mutations()) == before


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("[allow]\ndatacenter_only = true\n", lambda one: one.datacenter),
        ("[allow]\nmax_gpus = 1\n", lambda one: one.num_gpus == 1),
        ('[allow]\ngpu_names = ["RTX 3090"]\n', lambda one: one.card.name == "RTX 3090"),
        ("[limits]\nmax_usd_per_gb = 0.005\n", lambda one: one.inet_up_usd_per_gb <= 0.005),
        ("[limits]\nmax_usd_per_hour = 0.1\n", lambda one: one.usd_per_hour <= 0.1),
        ("", lambda one: one.verified),
    ],
)  # fmt: skip
async def test_the_workers_that_come_keep_to_every_limit(
    tmp_path: Path, policy: str, kept: object
) -> None:
    """Not the words but the machines: what the simulator rents by the stored search."""
    assert callable(kept)
    world = World(tmp_path, policy=policy)
    price = 0.1 if "per_hour" in policy else 0.9
    async with world.connect() as client:
        await made(
            world,
            client,
            cold_workers=3,
            max_workers=3,
            lease_hours=4,
            max_usd_per_worker_hour=price,
        )
        await world.call(
            client,
            "create_workergroup",
            endpoint_name="chat",
            template_hash=await template_hash(world),
        )
        world.run_until_ready()
    workers = list(world.simulator.world.serverless.workers.values())
    assert workers
    assert all(kept(one.listing.machine) for one in workers)
