"""What became of a rent whose answer was lost: told for an hour, in a sentence that is true."""

from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, rental
from vast_mcp.leases.rent_fates import TOLD_FOR_US, fate_of_lost, fates_among
from vast_mcp.store import RentalState

LOST: dict[str, Any] = {"sent_us": NOW_US, "settled_us": NOW_US + SECOND_US}
ABSENT: dict[str, Any] = {
    "sent_us": NOW_US,
    "state": RentalState.ABSENT,
    "ended_us": NOW_US + SECOND_US,
    "target_id": None,
}


@pytest.mark.parametrize(
    ("changes", "word", "words"),
    [
        (
            LOST,
            "arrived",
            (
                "The instance rent sent 2026-06-01T12:00Z, whose answer was lost, arrived: instance"
                " 27000001."
            ),
        ),
        (
            LOST | {"ended_us": NOW_US + SECOND_US},
            "arrived, since gone",
            (
                "The instance rent sent 2026-06-01T12:00Z, whose answer was lost, arrived: instance"
                " 27000001, and is gone since."
            ),
        ),
        (
            LOST | {"kind": "endpoint", "target_id": 7},
            "arrived",
            "The endpoint sent 2026-06-01T12:00Z, whose answer was lost, arrived: endpoint 7.",
        ),
        (
            ABSENT,
            "never existed; nothing was billed, its money is released",
            (
                "The instance rent sent 2026-06-01T12:00Z, whose answer was lost, never"
                " existed: nothing of it is billed and its money is released."
            ),
        ),
    ],
)
def test_the_fate_of_a_lost_answer_is_told_in_a_word_and_a_sentence(
    changes: dict[str, Any], word: str, words: str
) -> None:
    """Which machine it became, or that nothing is owed."""
    fate = fate_of_lost(rental(**changes), NOW_US + 2 * SECOND_US)
    assert fate is not None
    assert (fate.word, fate.words) == (word, words)


@pytest.mark.parametrize(
    ("changes", "after_us", "told"),
    [
        (LOST, SECOND_US, True),
        (LOST, SECOND_US - 1, False),
        (LOST, SECOND_US + TOLD_FOR_US - 1, True),
        (LOST, SECOND_US + TOLD_FOR_US, False),
        (ABSENT, SECOND_US + TOLD_FOR_US - 1, True),
        (ABSENT, SECOND_US + TOLD_FOR_US, False),
        (ABSENT | {"ended_us": None}, SECOND_US, False),
        (LOST | {"sent_us": None}, SECOND_US, False),
        (LOST | {"outcome": {"status": "rented"}}, SECOND_US, False),
        (LOST | {"settled_us": None}, SECOND_US, False),
        (LOST | {"target_id": None}, SECOND_US, False),
    ],
)
def test_a_fate_is_told_for_an_hour_unless_its_own_call_told_it(
    changes: dict[str, Any], after_us: int, *, told: bool
) -> None:
    """From when it was known; what is still unknown has none."""
    assert (fate_of_lost(rental(**changes), NOW_US + after_us) is not None) is told


def test_the_newest_fate_is_told_first() -> None:
    """Whatever order they were rented in."""
    first, later = rental(**LOST), rental(**LOST | {"settled_us": NOW_US + 2 * SECOND_US})
    untold = rental()
    found = fates_among([first, untold, later], NOW_US + 3 * SECOND_US)
    assert [one.rental for one in found] == [later, first]
