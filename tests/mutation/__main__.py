"""Mutants drawn from the code, each against the tests that run the changed line.

`python -m tests.mutation [WORDS]` draws by seed, judges what has no result yet, and prints what
survived. `again` judges those that survived before once more, on the code as it is now; any other
words judge the mutants whose key holds them.
Exit 1 if any survived that is not in the list of equivalents.
"""

import multiprocessing
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.mutation import results, trial
from tests.mutation.change import Change
from tests.mutation.draw import Found, candidates, drawn, grouped, in_turns
from tests.mutation.equivalents import EQUIVALENTS
from tests.mutation.gather import copy_tree, gather
from tests.mutation.places import Run, in_memory
from tests.mutation.reach import Reach, Timed
from tests.mutation.results import Row
from tests.mutation.rooms import ROOT

Drawn = tuple[str, Change]
_MISSED = ("survived", "uncovered", "trouble")


def within(tests: Sequence[Timed], seconds: float, subject: str = "") -> list[Timed]:
    """As many as fit together into these seconds, and always the quickest; quickest first.

    A third of the time goes to the files that are named after the changed one (`subject`, a path),
    a third to the quickest of all, which often ask the same thing, and a third to the quickest of
    each file in turn.
    """
    by_time = sorted(tests, key=lambda each: (each.seconds, each.test))
    files = grouped(by_time, lambda each: each.test.partition("::")[0])
    named = [each for file, some in files.items() if _named_after(subject, file) for each in some]
    in_turn = in_turns([iter(some) for some in files.values()])
    chosen = dict.fromkeys(by_time[:1])
    for order in (named, by_time, in_turn):
        used = 0.0
        for each in order:
            if each not in chosen and used + each.seconds <= seconds / 3:
                used += each.seconds
                chosen[each] = None
    return [each for each in by_time if each in chosen]


def _named_after(subject: str, file: str) -> bool:
    """Whether the names of both share a word of three letters: `twins.py`, `test_twins.py`.

    Or the tests' folder is named so: `server.py`, `tests/server/`. Of a long word the first five
    letters are enough: `charged.py`, `test_charges_followed.py`.
    """
    own = {word[:5] for word in Path(subject).stem.split("_") if len(word) > 2}
    theirs = [*Path(file).stem.split("_")[1:], Path(file).parent.name]
    return not own.isdisjoint(word[:5] for word in theirs)


class Trees:
    """A copy of the tree for each worker, with byte code; removed at the end."""

    def __init__(self, count: int) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="vast-mcp-mutants-", dir=in_memory()))
        self.free = multiprocessing.get_context("fork").Queue()
        for number in range(count):
            tree = self._place / f"worker{number}" / "tree"
            copy_tree(tree)
            command = [sys.executable, "-m", "compileall", "-q", "vast_mcp", "tests"]
            subprocess.run(command, cwd=tree, check=True)
            self.free.put(tree)

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._place, ignore_errors=True)


_TREE: list[Path] = []
"""Of this worker process: the tree that is its own."""


def _settle(free: "multiprocessing.Queue[Path]") -> None:
    """A worker takes a tree of its own."""
    _TREE.append(free.get())
    trial.prepare()


def _judge(room: str, change: Change, tests: list[Timed], covering: int) -> Row:
    """In a worker: one mutant."""
    outcome = trial.judged(_TREE[0], change, tests)
    return Row(
        key=change.key,
        room=room,
        kind=change.kind,
        line=change.first,
        verdict=outcome.verdict,
        by=outcome.by,
        tests=len(tests),
        covering=covering,
        seconds=round(sum(each.seconds for each in tests), 1),
        said=outcome.said if outcome.verdict in {"trouble", "timed out"} else "",
    )


def judge_all(run: Run, wanted: list[Drawn]) -> None:
    """Judge each and write its row as soon as it is known."""
    reach = Reach(run.base, run.coverage, run.durations)
    trees = Trees(run.workers)
    context = multiprocessing.get_context("fork")
    try:
        with ProcessPoolExecutor(run.workers, context, _settle, (trees.free,)) as pool:
            futures: list[Future[Row]] = []
            also = [Timed(file, 0.0) for file in run.also]
            for room, change in wanted:
                tests = reach.tests(change, ROOT)
                chosen = [*also, *within(tests, run.seconds, change.file)]
                futures.append(pool.submit(_judge, room, change, chosen, len(tests)))
            for number, future in enumerate(as_completed(futures), start=1):
                row = future.result()
                results.append(run.results, row)
                words = f"{number}/{len(wanted)} {row.verdict}: {row.room}: {row.key}\n"
                sys.stdout.write(words)
                sys.stdout.flush()
    finally:
        trees.remove()


def main(words: str = "") -> int:
    """Draw, judge what is not judged yet, say what is left."""
    run = Run.from_environment()
    run.cache.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"seed {run.seed}, {run.size} mutants; results in {run.results}\n")
    gather(run)
    found = candidates(ROOT)
    mutants = [
        each
        for each in drawn(ROOT, found, run.seed, run.size)
        if not run.rooms or each[0] in run.rooms
    ]
    if wanted := _wanted(run, found, mutants, words):
        judge_all(run, wanted)
    return _told(run)


def _wanted(run: Run, found: Found, mutants: list[Drawn], words: str) -> list[Drawn]:
    """What is to be judged now; a mutant of an earlier draw is found by its name."""
    known = results.read(run.results)
    if not words:
        return [each for each in mutants if each[1].key not in known]
    if words != "again":
        return [each for each in mutants if words in each[1].key]
    missed = {key: row.room for key, row in known.items() if row.verdict in _MISSED}
    left = dict.fromkeys(missed)
    wanted = []
    for change in (each for changes in found.values() for each in changes):
        if change.key in left:
            del left[change.key]
            wanted.append((missed[change.key], change))
    for key in left:
        sys.stdout.write(f"stands in the code no more: {key}\n")
    return wanted


def _told(run: Run) -> int:
    """The survivors and the figures of all that was drawn by this seed."""
    known = results.read(run.results)
    rows = list(known.values())
    excused = {each.key for each in EQUIVALENTS}
    left = [row for row in rows if row.verdict in _MISSED and row.key not in excused]
    for row in left:
        sys.stdout.write(f"{row.verdict}: {row.key} ({row.tests} of {row.covering} tests)\n")
    sys.stdout.write(f"seed {run.seed}; {results.summary(rows, excused)}\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
