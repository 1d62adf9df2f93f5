"""From which moment on an answer may be a person's."""

import pytest

from tests.store.test_ledger import PLAN
from vast_mcp.tools._ask import Heard


@pytest.mark.parametrize(
    ("after_s", "at_once"), [(0.0, True), (0.99, True), (1.0, False), (30.0, False), (None, False)]
)
def test_an_answer_within_a_second_is_no_persons(after_s: float | None, at_once: bool) -> None:
    """At a second it counts; in another process nobody knows, and it counts as well."""
    assert Heard(PLAN, None, after_s).at_once is at_once
