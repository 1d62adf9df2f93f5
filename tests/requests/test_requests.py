"""Thirty requests of real users, each scripted with the person's answers.

What was reached is held by each script; what was told is compared with the simulator's books; the
figures are compared with the written table.
"""

import statistics
from pathlib import Path

import pytest

from tests.requests.catalogue import Request, played
from tests.requests.table import REQUESTS, Row, rows_of, summary
from tests.world import report

PAGE = (Path(__file__).parents[2] / "docs" / "requests.md").read_text(encoding="utf-8")
WRITTEN = {row.number: row for row in rows_of(PAGE)}


@pytest.mark.parametrize("one", REQUESTS, ids=lambda one: one.script.__name__)
async def test_a_request_goes_as_the_table_has_it_and_every_sentence_is_true(
    one: Request, tmp_path: Path
) -> None:
    """The person gets what was asked for, or a true word of why not and what else there is."""
    talk = await played(one, tmp_path)
    for text in (*talk.questions, *talk.heard):
        report(text)
    if talk.failure is not None:
        raise talk.failure
    assert not talk.untrue
    row, written = Row.of(one.number, one.sentence, talk), WRITTEN[one.number]
    assert (row.sentence, row.ending, row.calls, row.questions) == (
        written.sentence, written.ending, written.calls, written.questions,
    ), "run `make docs`"  # fmt: skip
    for now, then in zip(row.tokens, written.tokens, strict=True):
        assert abs(now - then) <= 6 + then * 0.05, (row.tokens, written.tokens, "run `make docs`")


def test_the_table_has_all_thirty_and_its_line_of_figures_is_theirs() -> None:
    """At least 27 of 30 are reached or rightly refused; half of the answers take 110 tokens."""
    assert [one.number for one in REQUESTS] == sorted(WRITTEN) == list(range(1, 31))
    rows = list(WRITTEN.values())
    assert summary(rows) in PAGE
    good = [row for row in rows if "not reached" not in row.ending and "untrue" not in row.ending]
    assert len(good) >= 27
    assert statistics.median(one for row in rows for one in row.tokens) <= 110
