"""Each recorded request of the official client against the one we would send for the same words."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.parity.corpus import AREAS, Case, Sent, cases
from tests.parity.rules import RULES
from tests.parity.translate import NotOurs, translate
from vast_mcp.errors import InputInvalid
from vast_mcp.operations import Call, Host

EXPECTED = {
    "search-offers": (8, 53, 0),
    "create-instance": (0, 23, 15),
    "instances-show": (5, 6, 7),
    "instances-manage": (8, 0, 24),
    "logs-execute": (0, 7, 2),
    "serverless": (1, 6, 25),
    "copy": (4, 1, 15),
    "keys": (5, 0, 13),
}
"""Per area: equal, deliberately different, not ours."""
REFUSED_HERE = {
    "so-unknown-field": "an unknown column is refused, naming the nearest; the client sends it",
}


@dataclass
class Verdict:
    """In which bucket a case fell, and why."""

    bucket: str
    notes: list[str] = field(default_factory=list)


def judge(case: Case) -> Verdict:
    """Put the case in exactly one of: equal, deliberate, not ours. Anything else fails."""
    try:
        ours = translate(case)
    except InputInvalid:
        if not case.sent:
            return Verdict("equal", ["both send nothing"])
        return Verdict("deliberate", [REFUSED_HERE[case.case_id]])
    if isinstance(ours, NotOurs):
        return Verdict("not ours", [ours.reason])
    return _compare(case, [_sent(call) for call in ours])


def _compare(case: Case, ours: list[Sent]) -> Verdict:
    theirs = [sent for n, sent in enumerate(case.sent) if n == 0 or sent != case.sent[n - 1]]
    if theirs == ours:
        return Verdict("equal")
    notes = []
    for rule in RULES:
        rewritten: list[Sent] = []
        for sent in theirs:
            twin = ours[min(len(rewritten), len(ours) - 1)]
            changed = rule.rewrite(sent, twin)
            if changed is not None:
                rewritten.append(changed)
        if rewritten != theirs:
            notes.append(rule.name)
        theirs = rewritten
    assert theirs == ours, case.case_id
    return Verdict("deliberate", notes)


def _sent(call: Call) -> Sent:
    host = {Host.CONSOLE: "console.vast.ai", Host.SERVERLESS: "run.vast.ai"}[call.operation.host]
    return Sent(call.operation.method, host, call.path, tuple(sorted(call.query)), call.body)


@pytest.mark.parametrize("area", AREAS)
def test_every_recorded_request_equals_ours_or_differs_on_purpose(
    area: str, record_property: Callable[[str, object], None]
) -> None:
    """Parity: method, host, path, query and body mean the same in all that was recorded."""
    verdicts = {case.case_id: judge(case) for case in cases() if case.area == area}
    counts = Counter(verdict.bucket for verdict in verdicts.values())
    found = counts["equal"], counts["deliberate"], counts["not ours"]
    record_property(f"parity {area}", found)
    print(f"{area}: {sum(found[:2])} compared, {found[0]} equal, {found[1]} deliberate")  # noqa: T201
    print(f"  {found[2]} not ours: {Counter(_reasons(verdicts))}")  # noqa: T201
    assert sum(found) == len(verdicts), "each case is in exactly one bucket"
    assert found == EXPECTED[area]


def _reasons(verdicts: dict[str, Verdict]) -> list[str]:
    return [v.notes[0] for v in verdicts.values() if v.bucket == "not ours"]


def test_every_deliberate_difference_is_met_by_some_recorded_case() -> None:
    """A rule that no case needs would hide nothing but could hide something later."""
    used = {note for case in cases() for note in judge(case).notes}
    assert {rule.name for rule in RULES} <= used
