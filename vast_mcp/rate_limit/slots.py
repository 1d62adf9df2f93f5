"""Who may call the vendor when: the rules of the shared pace, inside one transaction.

* Every kind (method and route) keeps its documented interval, a quarter more for six hours after
  a refusal. Whoever comes gets a place in the kind's queue and waits outside the file; the
  departure itself is granted in one transaction that looks at the departure before it.
* Beside the intervals the vendor holds an account to five requests in ten seconds over all
  endpoints (a 429 recorded 2026-07-25: limit 5.0, retry-after 10; many reported in 2026-10; the
  vendor's documentation does not mention it). It is kept from the first call on. Four of the five
  are for everything, of which the pages of a long list take three; the fifth is kept for what
  saves money.
* What saves money (stop, destroy) waits for no queue and no Retry-After, only for the departure
  before it; for the account's five only after the vendor has shown them, and ten seconds at most.
  A read marked urgent goes before the queues as well, but counts as a read in the account's five.
  A page in the background goes behind everything, unless it has waited for a whole window.
* The limit has shown itself by a 429 that the kind's own interval cannot explain (no Retry-After,
  or a longer one) when the window was full, or when another kind was refused so within the last
  minute. Its Retry-After then holds for all kinds. The reply's `limit` is not used: the same field
  is the count in one form, the interval in another.
"""

import math
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from vast_mcp.clock import DAY_US, SECOND_US

MARGIN_US = 50_000
"""Beyond the documented interval: two clocks never agree to the millisecond."""
BUDGET = 5
BUDGET_WINDOW_US = 10 * SECOND_US
SHARED_PART = 4
"""Of the budget; the rest is for what saves money."""
BACKGROUND_PART = 3
"""Of the budget: a long list leaves room for whoever is waited for."""
SHOWN_HOLDS_US = 6 * 3600 * SECOND_US
MOST_INTERVALS = 50
LONGEST_PUSH_US = 60 * SECOND_US
_LONGEST_AHEAD_US = 10 * SECOND_US
"""The most that stops wait behind each other; after that a refusal is the lesser evil."""
_STRETCHED_US = SHOWN_HOLDS_US
_TOGETHER_US = 60 * SECOND_US
_ACCOUNT = ""
"""The row of the account's budget: `free_us` its queue, `refused_us` when it was shown."""
VERSION = 1
SCHEMA = """
    CREATE TABLE IF NOT EXISTS kinds (
        kind TEXT PRIMARY KEY, last_us INTEGER NOT NULL, free_us INTEGER NOT NULL,
        pushed_us INTEGER NOT NULL, refused_us INTEGER NOT NULL, closed_us INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS departures (at_us INTEGER NOT NULL) STRICT;
"""


class Lane(StrEnum):
    """Before whom a call goes: what saves money, the looks it needs, the rest, long lists."""

    SAVING = "saving"
    URGENT = "urgent"
    ORDINARY = "ordinary"
    BACKGROUND = "background"


_PARTS = {
    Lane.SAVING: BUDGET,
    Lane.URGENT: SHARED_PART,
    Lane.ORDINARY: SHARED_PART,
    Lane.BACKGROUND: BACKGROUND_PART,
}
_AHEAD = frozenset({Lane.SAVING, Lane.URGENT})


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """One call that would leave, and how long it would wait."""

    kind: str
    interval_us: int
    lane: Lane
    patience_us: int
    queued: bool = False
    """True once it has a place in the queue and asks only whether it may leave now."""
    shared: bool = True
    """Whether the account's budget counts it; the serverless host has limits of its own."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Go in `wait_us`: at once if it `leaves`, else ask again then. Or be told why not."""

    wait_us: int
    leaves: bool = False
    refused: str = ""


@dataclass(slots=True)
class _Kind:
    kind: str
    last_us: int = 0
    """The latest departure; ahead of now only for one that goes ahead of the queue."""
    free_us: int = 0
    """The end of the queue."""
    pushed_us: int = 0
    refused_us: int = 0
    closed_us: int = 0


class Book:
    """The rows inside one transaction, at one instant."""

    def __init__(self, connection: sqlite3.Connection, now_us: int) -> None:
        self._db = connection
        self._now_us = now_us

    def take(self, wish: SlotRequest) -> Grant:
        """A departure, a place in the queue, or a refusal."""
        now_us = self._now_us
        kind, account = self._row(wish.kind), self._row(_ACCOUNT)
        if wish.lane not in _AHEAD and 0 < kind.closed_us - now_us <= DAY_US:
            return Grant(kind.closed_us - now_us, refused="quota")
        self._forget_stale(kind, account, wish.interval_us)
        step_us = wish.interval_us + MARGIN_US
        if wish.lane is not Lane.SAVING and 0 <= now_us - kind.refused_us < _STRETCHED_US:
            step_us += wish.interval_us // 4
        ready_us = max(now_us, kind.last_us + step_us, self._account_ready(account, wish))
        if wish.lane not in _AHEAD:
            return self._join(wish, kind, account, ready_us, step_us)
        at_us = min(ready_us, now_us + _LONGEST_AHEAD_US)
        if wish.lane is Lane.URGENT and at_us - now_us > wish.patience_us:
            return Grant(at_us - now_us, refused="patience")
        self._depart(wish, kind, at_us, step_us)
        return Grant(at_us - now_us, leaves=True)

    def push(
        self, kind_name: str, interval_s: float, retry_after_s: float | None, *, quota: bool
    ) -> None:
        """Write down a 429, and judge whether the account's budget has shown itself."""
        now_us = self._now_us
        kind, account = self._row(kind_name), self._row(_ACCOUNT)
        wish_s = interval_s if retry_after_s is None else retry_after_s
        until_us = now_us + min(int(wish_s * SECOND_US), LONGEST_PUSH_US)
        kind.pushed_us = max(until_us, self._bounded(kind.pushed_us, LONGEST_PUSH_US))
        if quota:
            kind.closed_us = (now_us // DAY_US + 1) * DAY_US
        else:
            unexplained = retry_after_s is None or retry_after_s > math.ceil(interval_s)
            if unexplained and (self._crowded() or self._refused_elsewhere(kind_name)):
                account.refused_us = now_us
            if self._shown(account):
                account.pushed_us = max(until_us, account.pushed_us)
        kind.refused_us = now_us
        self._save(kind)
        self._save(account)

    def arrive(self, kind_name: str, interval_us: int) -> None:
        """Write down that one was answered, so that the next keeps its distance from here."""
        kind = self._row(kind_name)
        pushed_us = self._bounded(kind.pushed_us, LONGEST_PUSH_US)
        kind.pushed_us = max(self._now_us + interval_us, pushed_us)
        self._save(kind)

    def _join(
        self, wish: SlotRequest, kind: _Kind, account: _Kind, ready_us: int, step_us: int
    ) -> Grant:
        """The ordinary lane: a place in the queue first, then leave when nobody went just before.

        The second look is needed because those who go ahead of the queue move it, and because a
        machine that slept wakes all that wait at once.
        """
        now_us = self._now_us
        ready_us = max(ready_us, kind.pushed_us)
        if not wish.queued:
            ready_us = max(ready_us, kind.free_us, account.free_us if wish.shared else 0)
        if ready_us <= now_us:
            self._depart(wish, kind, now_us, step_us)
            return Grant(0, leaves=True)
        if ready_us - now_us > wish.patience_us:
            return Grant(ready_us - now_us, refused="patience")
        if not wish.queued and wish.lane is Lane.ORDINARY:
            kind.free_us = ready_us + step_us
            self._save(kind)
            if wish.shared and ready_us > now_us + step_us:
                account.free_us = ready_us + BUDGET_WINDOW_US // SHARED_PART
                self._save(account)
        return Grant(ready_us - now_us)

    def _depart(self, wish: SlotRequest, kind: _Kind, at_us: int, step_us: int) -> None:
        kind.last_us = at_us
        kind.free_us = max(kind.free_us, at_us + step_us)
        self._save(kind)
        if wish.shared:
            self._db.execute("INSERT INTO departures VALUES (?)", (at_us,))

    def _account_ready(self, account: _Kind, wish: SlotRequest) -> int:
        """When the account's budget has room for one more call of this lane."""
        if not wish.shared or (wish.lane is Lane.SAVING and not self._shown(account)):
            return 0
        found = self._db.execute(
            "SELECT at_us FROM departures ORDER BY at_us DESC LIMIT 1 OFFSET ?",
            (_PARTS[wish.lane] - 1,),
        ).fetchone()
        room_us: int = found[0] + BUDGET_WINDOW_US + MARGIN_US if found else 0
        return room_us if wish.lane in _AHEAD else max(room_us, account.pushed_us)

    def _shown(self, account: _Kind) -> bool:
        return -_TOGETHER_US <= self._now_us - account.refused_us < SHOWN_HOLDS_US

    def _crowded(self) -> bool:
        left: int = self._db.execute(
            "SELECT COUNT(*) FROM departures WHERE at_us > ?", (self._now_us - BUDGET_WINDOW_US,)
        ).fetchone()[0]
        return left >= SHARED_PART

    def _refused_elsewhere(self, kind: str) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM kinds WHERE kind NOT IN (?, ?) AND refused_us BETWEEN ? AND ?",
            (kind, _ACCOUNT, self._now_us - _TOGETHER_US, self._now_us),
        ).fetchone()
        return found is not None

    def _forget_stale(self, kind: _Kind, account: _Kind, interval_us: int) -> None:
        """Times that only a clock set back can explain block nobody."""
        self._db.execute(
            "DELETE FROM departures WHERE at_us NOT BETWEEN ? AND ?",
            (self._now_us - BUDGET_WINDOW_US - MARGIN_US, self._now_us + _LONGEST_AHEAD_US),
        )
        longest_us = MOST_INTERVALS * max(interval_us, SECOND_US) + LONGEST_PUSH_US
        for row in (kind, account):
            row.last_us = self._bounded(row.last_us, _LONGEST_AHEAD_US)
            row.free_us = self._bounded(row.free_us, longest_us)
            row.pushed_us = self._bounded(row.pushed_us, LONGEST_PUSH_US)

    def _bounded(self, at_us: int, most_us: int) -> int:
        return 0 if at_us > self._now_us + most_us else at_us

    def _row(self, kind: str) -> _Kind:
        found = self._db.execute(
            "SELECT last_us, free_us, pushed_us, refused_us, closed_us FROM kinds WHERE kind = ?",
            (kind,),
        ).fetchone()
        return _Kind(kind, *found) if found else _Kind(kind)

    def _save(self, row: _Kind) -> None:
        self._db.execute(
            "REPLACE INTO kinds VALUES (?, ?, ?, ?, ?, ?)",
            (row.kind, row.last_us, row.free_us, row.pushed_us, row.refused_us, row.closed_us),
        )
