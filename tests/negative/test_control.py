"""The list of weakenings fits the code, and the control itself works; `make negative` runs all."""

import pytest

from tests.negative.control import copied, misfit, noticed, run
from tests.negative.weakening import Weakening
from tests.negative.weakenings import WEAKENINGS

QUICK = ("any four digits will do", "no mark in the environment")


def chosen(name: str) -> Weakening:
    """The weakening of that name."""
    return next(one for one in WEAKENINGS if one.name == name)


def test_every_weakening_still_fits_the_code() -> None:
    """At least 20, each with a text that stands exactly once where it should."""
    assert [text for one in WEAKENINGS if (text := misfit(one))] == []
    assert len({one.name for one in WEAKENINGS}) == len(WEAKENINGS) >= 20


@pytest.mark.parametrize("name", QUICK)
def test_a_guard_taken_away_is_noticed(name: str) -> None:
    """The suite fails without it, and passes with it."""
    with copied() as tree:
        assert noticed(tree, chosen(name)) == ""
        assert run(tree, chosen(name))[0] == 0
