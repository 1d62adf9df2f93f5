"""The official client's search language, read strictly.

See docs/hazards.md#files, docs/vendor-api.md#filter-language.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.api.query import COLUMNS, parse_order, parse_query
from vast_mcp.clock import SystemClock
from vast_mcp.errors import InputInvalid
from vast_mcp.operations import Json

SOUTH_AMERICA = ("AR", "BO", "BR", "CL", "CO", "EC", "FK", "GF", "GY", "PY", "PE", "SR", "UY", "VE")


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("", {}),
        ("num_gpus=1", {"num_gpus": {"eq": "1"}}),
        ("  num_gpus  ==  2 ", {"num_gpus": {"eq": "2"}}),
        ("gpu_arch noteq amd", {"gpu_arch": {"neq": "amd"}}),
        ("gpu_arch not eq amd", {"gpu_arch": {"neq": "amd"}}),
        ("gpu_arch neq amd", {"gpu_arch": {"neq": "amd"}}),
        ("cpu_cores lt 4", {"cpu_cores": {"lt": "4"}}),
        ("cpu_cores gte 4 cpu_cores lte 9", {"cpu_cores": {"gte": "4", "lte": "9"}}),
        ("geolocation nin [CN,ru]", {"geolocation": {"notin": ["CN", "RU"]}}),
        ("geolocation not in CN,RU", {"geolocation": {"notin": ["CN", "RU"]}}),
        ("gpu_name=RTX_4090", {"gpu_name": {"eq": "RTX 4090"}}),
        ('gpu_name="RTX 3090 Ti"', {"gpu_name": {"eq": "RTX 3090 Ti"}}),
        ("gpu_name in ['RTX 4090', H100_SXM]", {"gpu_name": {"in": ["RTX 4090", "H100 SXM"]}}),
        ("gpu_ram>=24", {"gpu_ram": {"gte": 24000.0}}),
        ("duration>3.5", {"duration": {"gt": 302400.0}}),
        ("gpu_ram in [24,48]", {"gpu_ram": {"in": [24000.0, 48000.0]}}),
        ("driver_version>=535.86.05", {"driver_version": {"gte": 535086005}}),
        ("driver_version>=550.54", {"driver_version": {"gte": 550054000}}),
        ("driver_version=550", {"driver_version": {"eq": "550"}}),
        ("static_ip=true rented=False", {"static_ip": {"eq": True}, "rented": {"eq": False}}),
        ("cluster_id=null host_id!=None", {"cluster_id": {"eq": None}, "host_id": {"neq": None}}),
        ("verified=any", {"verified": None}),
        ("verified=* rentable=?", {"verified": None, "rentable": None}),
        ("dph<0.5 cuda_vers>=12", {"dph_total": {"lt": "0.5"}, "cuda_max_good": {"gte": "12"}}),
        ("geolocation=south_america", {"geolocation": {"in": [*SOUTH_AMERICA]}}),
    ],
)  # fmt: skip
def test_a_query_becomes_the_filters_the_client_would_send(
    text: str, filters: dict[str, Json]
) -> None:
    """Operators, lists, quotes, underscores, units, versions, words, aliases."""
    assert parse_query(text) == filters


def test_regions_stand_beside_countries_and_are_excluded_as_a_whole() -> None:
    """A region word is its countries, wherever a country may stand; EU is the 27 members."""
    inside = parse_query("geolocation in [EU,NO]")["geolocation"]
    outside = parse_query("geolocation != Europe")["geolocation"]
    assert isinstance(inside, dict)
    assert isinstance(inside["in"], list)
    assert len(inside["in"]) == 28
    assert isinstance(outside, dict)
    assert "RU" in str(outside["notin"])
    assert "RU" not in inside["in"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gpu_nme=A", "at character 1, `gpu_nme=A`: no such column; the nearest is `gpu_name`"),
        ("num_gpus=1 gpuram>2", "at character 12"),
        ("num_gpus", "at character 9, the end: an operator is expected"),
        ("num_gpus=", "at character 10, the end: a value is expected"),
        ("num_gpus= gpu_name=x", "at character 11, `gpu_name=x`: a value is expected here"),
        ("num_gpus=1 && gpu_name=x", "at character 12, `&&`: a column name is expected"),
        ("num_gpus =! 1", "an operator is expected"),
        ("num_gpus like 1", "an operator is expected"),
        ("verified!=any", "works with = only"),
        ("gpu_name in [A,B", "the closing ] is missing"),
        ('gpu_name="A', "the closing"),
        ("gpu_name in []", "a value is expected"),
        ("gpu_name=A,B", "`in` or `notin`"),
        ("gpu_name=A gpu_name=B", "use `in` for alternatives"),
        ("gpu_ram>=lots", "needs a number of GB"),
        ("gpu_ram>=inf", "needs a number of GB"),
        ("duration>nan", "needs a number of days"),
        ("driver_version>=1.2.3.4", "looks like 535.86.05"),
        ("num_gpus=1" + " " * 5000, "longer than"),
    ],
)  # fmt: skip
def test_a_mistake_is_pointed_at(text: str, told: str) -> None:
    """Unlike the client, which warns and sends it, a mistake is an error that says where."""
    with pytest.raises(InputInvalid) as refused:
        parse_query(text)
    assert refused.value.field == "query"
    assert told in str(refused.value)


def test_an_error_shows_no_escape_sequences_of_the_query() -> None:
    """Foreign text in an error is cleaned and cut (text.clean_line)."""
    with pytest.raises(InputInvalid) as refused:
        parse_query("num_gpus=1 \x1b[31m" + "x" * 3000)
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("score-", (("score", "desc"),)),
        ("-num_gpus", (("num_gpus", "desc"),)),
        ("dph+, dlperf_usd-,total_flops",
         (("dph_total", "asc"), ("dlperf_per_dphtotal", "desc"), ("total_flops", "asc"))),
        ("", ()),
        (" , ", ()),
    ],
)  # fmt: skip
def test_sort_text_becomes_columns_and_directions(
    text: str, order: tuple[tuple[str, str], ...]
) -> None:
    """`a,b-,c+`, aliases applied, empty is no order."""
    assert parse_order(text) == order


def test_an_unknown_sort_column_names_the_nearest() -> None:
    """The vendor sorts by nothing when it does not know the column."""
    with pytest.raises(InputInvalid, match="dlperf"):
        parse_order("dlpref-")


_PIECES = st.sampled_from(
    [*sorted(COLUMNS)[:12], "gpu_name", "geolocation", "gpu_ram", "driver_version", " ", "  ", "=",
     "<=", "!", "in", "not in", "[", "]", '"', "'", ",", "EU", "RTX_4090", "any", "24", "1.2.3",
     "null", "\n", "é", "\U0001f600", "\x1b[2J", "_", "nan", "-", "and"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=60).map("".join) | st.text(max_size=200))
def test_any_text_is_read_or_refused_as_input(text: str) -> None:
    """Fuzz: filters in the wire's form, or `InputInvalid`; nothing else ever comes out."""
    try:
        filters = parse_query(text)
    except InputInvalid:
        return
    for column, operators in filters.items():
        assert column in COLUMNS
        assert operators is None or isinstance(operators, dict)


@pytest.mark.parametrize("unit", ["[", '"', "a ", "a_", "num_gpus=1,", "not ", "=", "' "])
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    """The client's own path regex doubles per character; ours reads once."""
    clock = SystemClock()
    times = []
    for length in (1000, 3900):
        text = "gpu_name in " + (unit * length)[:length]
        started = clock.monotonic_s()
        for _ in range(5):
            with pytest.raises(InputInvalid):
                parse_query(text + " ~")
        times.append(clock.monotonic_s() - started)
    assert all(later < 40 * earlier + 0.25 for earlier, later in pairwise(times))


def test_the_united_kingdom_is_found_under_both_its_codes() -> None:
    """The vendor lists it as GB; UK would match nothing and say nothing."""
    assert parse_query("geolocation=UK") == {"geolocation": {"eq": "GB"}}
    assert parse_query("geolocation in [uk,GB,SE]") == {"geolocation": {"in": ["GB", "SE"]}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gpu_ram>=24000", "`gpu_ram` is in GB per GPU; 24000 would be 24"),
        ("cpu_ram>64000", "`cpu_ram` is in GB; 64000 would be 64"),
        ("reliability>99", "`reliability` ranges from 0 to 1; 99 would be 0.99"),
        ("reliability2>=99.5", "99.5 would be 0.995"),
        ("compute_cap>=8.9", "in hundredths; 8.9 would be 890"),
        ("cuda_vers>=124", "a version such as 12.4; 124 would be 12.4"),
        ("duration>604800", "in days; 604800 would be 7"),
        ("gpu_name=RTX 4090", 'needs quotes or _: gpu_name="RTX 4090" or RTX_4090'),
        ("gpu_name=RTX 4070 Ti num_gpus=1", 'gpu_name="RTX 4070 Ti" or RTX_4070_Ti'),
        ("num_gpus=1 geolocation=New Zealand", 'geolocation="New Zealand" or New_Zealand'),
    ],
)
def test_a_number_in_another_unit_and_a_name_without_quotes_are_told_with_what_was_meant(
    text: str, told: str
) -> None:
    """They would find nothing, or everything, without a word: the vendor takes them."""
    with pytest.raises(InputInvalid) as refused:
        parse_query(text)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "gpu_ram>=24 cpu_ram>=1024",
        "reliability>=1",
        "compute_cap>=890",
        "compute_cap>0",
        "gpu_name=RTX_4090 num_gpus=1",
        'gpu_name="RTX 4090" verified not eq true',
        "gpu_name=H100_SXM geolocation in [SE,DE]",
        "duration>365",
    ],
)
def test_what_is_in_its_unit_and_well_quoted_is_taken(text: str) -> None:
    """The checks refuse nothing that means something."""
    assert parse_query(text)
