"""The tool itself: what it draws, that it notices, and that its list fits."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutation import results
from tests.mutation.__main__ import within
from tests.mutation.change import KINDS, Change
from tests.mutation.draw import Found, candidates, drawn
from tests.mutation.equivalents import EQUIVALENTS
from tests.mutation.reach import Timed
from tests.mutation.results import Row
from tests.mutation.rooms import ROOMS, ROOT
from tests.mutation.statements import changes

CAPPED = b'''"""Whether it may be spent."""


def within(cost: int, cap: int, left: int) -> bool:
    """A cost of the cap itself is allowed."""
    if cost > left:
        return False
    return cost <= cap
'''
TEST = """from capped import within

def test_the_cap_itself_is_allowed() -> None:
    assert within(3, 3, 9)
    assert not within(4, 3, 9)
"""
ONE_TRIAL = """
import json, sys
from pathlib import Path
from tests.mutation import trial
from tests.mutation.reach import Timed
from tests.mutation.statements import changes

tree = Path(sys.argv[1])
tests = [Timed("test_capped.py", 1.0)]
tried = ("cost <= cap -> (cost < cap)", "cost > left -> (cost >= left)")
found = changes("capped.py", (tree / "capped.py").read_bytes())
for change in [each for each in found if each.words in tried]:
    outcome = trial.judged(tree, change, tests)
    print(json.dumps([change.words, outcome.verdict]))
print(json.dumps(["unchanged", trial.attempt(tree, tests).verdict]))
"""


@pytest.fixture(scope="module")
def found() -> Found:
    """Every change of the rooms; found once, it takes a second."""
    return candidates(ROOT)


def test_a_draw_is_even_reproducible_and_a_longer_one_begins_with_it(found: Found) -> None:
    """Rooms differ by at most one; every kind is drawn; the seed alone decides."""
    short, long = drawn(ROOT, found, 3, 40), drawn(ROOT, found, 3, 160)
    assert long[:40] == short
    assert len({change.key for _, change in long}) == 160
    rooms = Counter(room for room, _ in long)
    assert set(rooms) == {room.name for room in ROOMS}
    assert max(rooms.values()) - min(rooms.values()) <= 1
    kinds = Counter(change.kind for _, change in long)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) * 3 >= max(kinds.values())
    assert {change.key for _, change in drawn(ROOT, found, 4, 40)} != {
        each.key for _, each in short
    }


def test_every_function_of_the_caps_has_its_turn_before_any_has_a_second(found: Found) -> None:
    """The caps are drawn one by one."""
    drew = [change for room, change in drawn(ROOT, found, 3, 260) if room == "caps"]
    assert len({(each.file, each.function) for each in drew}) == len(drew) >= 20


def test_every_kind_of_change_is_offered_and_wording_is_not() -> None:
    """What a careless hand could do to a decision; sentences are for other tests."""
    source = CAPPED.replace(b"return cost <= cap", b"return min(cost, 7) + 1 <= cap and not left")
    offered = list(changes("capped.py", source))
    assert {each.kind for each in offered} == set(KINDS)
    assert {"cost > left -> (False)", "1 -> (2)"} <= {each.words for each in offered}
    assert not [each for each in offered if '"""' in each.old]
    for each in offered:
        assert each.applied(source) != source


def test_a_mutant_is_killed_by_a_test_that_fails_and_survives_where_none_does(
    tmp_path: Path,
) -> None:
    """The boundary of the cap is tested, the one of what is left is not; the file is put back."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "capped.py").write_bytes(CAPPED)
    (tmp_path / "tree" / "test_capped.py").write_text(TEST, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ONE_TRIAL, str(tmp_path / "tree")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = dict(json.loads(line) for line in done.stdout.splitlines())
    assert verdicts["cost <= cap -> (cost < cap)"] == "killed"
    assert verdicts["cost > left -> (cost >= left)"] == "survived"
    assert verdicts["unchanged"] == "survived"
    assert set(verdicts.values()) == {"killed", "survived"}
    assert (tmp_path / "tree" / "capped.py").read_bytes() == CAPPED


def test_every_equivalent_still_stands_in_the_code() -> None:
    """A reason for a change that cannot be made any more excuses nothing."""
    known: dict[str, set[str]] = {}
    for each in EQUIVALENTS:
        if each.file not in known:
            source = (ROOT / each.file).read_bytes()
            known[each.file] = {change.key for change in changes(each.file, source)}
        assert each.key in known[each.file], each
        assert len(each.reason) >= 20, each
    assert len({each.key for each in EQUIVALENTS}) == len(EQUIVALENTS)


def test_results_go_on_where_they_stood_and_figures_hide_nothing(tmp_path: Path) -> None:
    """The last row of a mutant counts; an equivalent is neither noticed nor missed."""
    row = Row("a", "caps", "swap", 1, "survived", "", 1, 1, 1.0, "")
    for each in (row, replace(row, key="b"), replace(row, key="c", verdict="uncovered")):
        results.append(tmp_path / "rows", each)
    results.append(tmp_path / "rows", replace(row, verdict="killed", by="test"))
    rows = results.read(tmp_path / "rows")
    assert rows["a"].verdict == "killed"
    told = results.summary(list(rows.values()), {"b"})
    assert "3 drawn" in told
    assert "noticed 1 of 2 = 50.0 %" in told


def test_tests_named_after_the_changed_file_come_before_many_quicker_ones() -> None:
    """Where time does not suffice for all that run a line, those meant for it are run."""
    quick = [Timed(f"tests/tools/test_{name}.py::test", 0.1) for name in "abcdefghijklmnopqrst"]
    meant = Timed("tests/guard/test_replies.py::test_a_twin_is_told_the_outcome", 1.0)
    chosen = within([meant, *quick], 3.0, "vast_mcp/guard/replies.py")
    assert meant in chosen
    assert sum(each.seconds for each in chosen) <= 3.2
    assert meant not in within([meant, *quick], 3.0, "vast_mcp/guard/redeem.py")


def test_a_change_is_named_without_its_place() -> None:
    """Code that moves keeps its judgements."""
    moved = b"X = 1\n\n" + CAPPED
    before = {each.key for each in changes("capped.py", CAPPED)}
    after: list[Change] = list(changes("capped.py", moved))
    assert before <= {each.key for each in after}


def test_two_changes_that_read_the_same_in_one_function_have_two_names() -> None:
    """Each is drawn and judged for itself."""
    source = CAPPED.replace(b"return cost <= cap", b"return cost <= cap or cost <= cap")
    keys = [each.key for each in changes("capped.py", source)]
    assert len(set(keys)) == len(keys)
    assert "capped.py::within::cost <= cap -> (cost < cap) #2" in keys
