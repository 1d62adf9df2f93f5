"""The table of reply shapes against every recorded reply, and the comparison itself."""

import json
import re
from pathlib import Path

import pytest

from tests.vendor_shapes.recordings import DIRECTORY, Recording, recordings
from vast_mcp.vendor_shapes import (
    SHAPES,
    Problem,
    ReplyKind,
    ShapeDifference,
    Source,
    Type,
    all_fields,
    compare,
    fields_of,
)

needs_recordings = pytest.mark.skipif(
    not DIRECTORY.is_dir(), reason="the recorded replies are not part of the repository"
)
API = Path(__file__).parents[2] / "vast_mcp" / "api"


@needs_recordings
def test_every_field_of_every_recorded_reply_is_in_the_table_and_fits() -> None:
    """No field of a recording is unknown, of another type, or outside its range."""
    unfit = {
        f"{reply.name}: {finding}"
        for reply in recordings()
        for finding in compare(reply.kind, reply.body)
        if finding.problem is not Problem.MISSING
    }
    assert unfit == set()
    assert len(recordings()) >= 89


@needs_recordings
def test_no_whole_recorded_reply_lacks_a_field_that_the_table_calls_certain() -> None:
    """`always` is what recordings show, not what the documents promise."""
    missing = {
        f"{reply.name}: {finding.path}"
        for reply in recordings()
        if not reply.partial
        for finding in compare(reply.kind, reply.body)
    }
    assert missing == set()


@needs_recordings
def test_each_field_is_known_by_the_strongest_source_that_shows_it() -> None:
    """A field that is called recorded is in a recording; one called documented is in no reply."""
    strength = list(Source)
    wrong = []
    for kind, shape in SHAPES.items():
        shown = _shown(kind, recordings())
        for path, field in all_fields(shape):
            hidden = field.source in {Source.DOCUMENTED, Source.REPORTED} and field.note
            best = min(shown.get(path, ()), key=strength.index, default=None)
            if best is not field.source and not (best is None and hidden):
                wrong.append(f"{kind}: {path} is {field.source}, shown by {best}")
    assert wrong == []


def _shown(kind: ReplyKind, replies: list[Recording]) -> dict[str, set[Source]]:
    """By which sources each field of a kind was shown; an instance row counts for both lists."""
    twins = {ReplyKind.INSTANCE: "instances", ReplyKind.INSTANCES: "instances[]"}
    shown: dict[str, set[Source]] = {}
    for reply in replies:
        for path in fields_of(reply.body, SHAPES[reply.kind]):
            if reply.kind is kind:
                shown.setdefault(path, set()).add(reply.source)
            elif reply.kind in twins and kind in twins and path.startswith(twins[reply.kind]):
                here = path.replace(f"{twins[reply.kind]}.", f"{twins[kind]}.", 1)
                shown.setdefault(here, set()).add(reply.source)
    return shown


def test_every_field_said_to_be_decoded_is_named_in_the_decoders() -> None:
    """`matters` in a report means that our code reads that field."""
    sources = [*API.glob("*.py"), API.parent / "instances" / "logs.py"]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r'"(\w+)"', code))
    unread = {
        f"{kind}: {path}"
        for kind, shape in SHAPES.items()
        for path, field in all_fields(shape)
        if field.used and field.name not in named
    }
    assert unread == set()


def test_every_field_that_no_reply_shows_says_why_it_is_here() -> None:
    """What only documents name is marked and explained."""
    silent = [
        f"{kind}: {path}"
        for kind, shape in SHAPES.items()
        for path, field in all_fields(shape)
        if field.source is Source.DOCUMENTED and not field.note
    ]
    assert silent == []


OFFER = {
    "id": 1,
    "machine_id": 2,
    "geolocation": "Sweden, SE",
    "dph_total": 0.4,
    "min_bid": None,
    "gpu_name": "RTX 4090",
    "num_gpus": 1,
    "gpu_frac": 1.0,
    "gpu_ram": 24564,
    "compute_cap": 890,
    "cuda_max_good": 12.8,
    "cpu_name": None,
    "cpu_ghz": None,
    "cpu_cores": 16,
    "cpu_cores_effective": 16.0,
    "cpu_ram": 64_000,
    "disk_space": 500.0,
    "inet_down": 800.0,
    "reliability": 0.99,
    "rentable": True,
}


def _of_offer(**changed: object) -> tuple[ShapeDifference, ...]:
    row = {name: value for name, value in (OFFER | changed).items() if value is not ...}
    return compare(ReplyKind.OFFERS, {"offers": [row]})


def test_a_reply_that_fits_has_no_findings() -> None:
    """The quiet case, or every report would be noise."""
    assert _of_offer() == ()


@pytest.mark.parametrize(
    ("changed", "path", "problem", "matters"),
    [
        ({"gpu_ram": ...}, "offers[].gpu_ram", Problem.MISSING, True),
        ({"gpu_ram": 24}, "offers[].gpu_ram", Problem.OUT_OF_RANGE, True),
        ({"gpu_ram": "24564"}, "offers[].gpu_ram", Problem.WRONG_TYPE, True),
        ({"gpu_ram": 24564.5}, "offers[].gpu_ram", Problem.WRONG_TYPE, True),
        ({"rentable": 1}, "offers[].rentable", Problem.WRONG_TYPE, True),
        ({"dph_total": None}, "offers[].dph_total", Problem.WRONG_TYPE, True),
        ({"dph_total": float("nan")}, "offers[].dph_total", Problem.OUT_OF_RANGE, True),
        ({"verification": "trusted"}, "offers[].verification", Problem.NEW_WORD, True),
        ({"carbon": 0.1}, "offers[].carbon", Problem.NEW_FIELD, False),
        ({"webpage": "x"}, "offers[].webpage", Problem.WRONG_TYPE, False),
        ({"search": {"x": 1}}, "offers[].search.x", Problem.NEW_FIELD, False),
    ],
)
def test_a_difference_is_found_and_said_to_matter_if_we_decode_the_field(
    changed: dict[str, object], path: str, problem: Problem, *, matters: bool
) -> None:
    """Each kind of difference, by its path."""
    first = _of_offer(**changed)[0]
    assert (first.path, first.problem, first.matters) == (path, problem, matters)


def test_the_same_difference_in_many_rows_is_told_once_with_its_count() -> None:
    """A report that can be read."""
    (found,) = compare(ReplyKind.OFFERS, {"offers": [OFFER | {"gpu_ram": 24}] * 50})
    assert (found.times, str(found)) == (
        50,
        "offers[].gpu_ram: out of range, about 10^1 instead of 512 to 8e+06 MB (50 times)",
    )


SECRET = "sk-live-49983614"


@pytest.mark.parametrize("kind", list(ReplyKind))
def test_no_finding_repeats_a_value_or_a_name_that_could_be_data(kind: ReplyKind) -> None:
    """A report goes into a public issue: no value of the reply is in it, whatever is where."""
    for reply in (
        {SECRET: SECRET},
        [{"id": SECRET, SECRET: 49983614}],
        {"instances": {"label": 49983614, "cur_state": SECRET, "ports": {SECRET: [SECRET]}}},
        {"offers": [{"id": SECRET, "dph_total": 49983614.5, "verification": SECRET}]},
        {"results": [{"amount": 49983614.5, "type": SECRET, "metadata": {SECRET: 1}}]},
        SECRET,
        49983614,
        None,
        {"instances": [[SECRET]], "results": {"a": 1}, "workers": 3, "success": "yes"},
    ):
        told = json.dumps([str(finding) for finding in compare(kind, reply)])
        assert "49983614" not in told
        assert SECRET not in told


def test_a_reply_nested_without_end_is_compared_to_a_depth() -> None:
    """A hostile answer costs no recursion limit."""
    deep: object = 1
    for _ in range(5000):
        deep = {"items": [deep]}
    assert compare(ReplyKind.CHARGES, {"results": [deep]})


def test_the_types_of_the_table_are_told_apart() -> None:
    """True is no number, a whole number is one."""
    assert {Type.NUMBER, Type.INTEGER, Type.FLAG} < set(Type)
    assert _of_offer(dph_total=1) == ()
    assert _of_offer(dph_total=True)[0].problem is Problem.WRONG_TYPE
