"""What may be done inside one transaction. Synchronous on purpose: no network fits in it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, Unpack

from vast_mcp.policy.facts import Exposure
from vast_mcp.store._codec import from_columns, to_columns
from vast_mcp.store.audit import AuditRows
from vast_mcp.store.charges import ChargeRows
from vast_mcp.store.exposure import (
    OutsideRental,
    day_of,
    excess,
    exposure_of,
    month_start_us,
    total_cost,
)
from vast_mcp.store.head import HeadFile
from vast_mcp.store.jobs import JobRows
from vast_mcp.store.outbox import OutboxRows
from vast_mcp.store.rows import (
    Freeze,
    Plan,
    PlanState,
    Quote,
    Rental,
    RentalChanges,
    RentalState,
    Segment,
)
from vast_mcp.store.sealing import UNREADABLE, Cipher, NoCipher
from vast_mcp.units import Usd, UsdPerHour

_Row = TypeVar("_Row", Rental, Plan, Quote, Segment)
_QUOTING = frozenset({"outcome", "details", "snapshot"})
_LIVE = tuple(state.value for state in RentalState if state.holds_money)


class Transaction(JobRows, AuditRows, OutboxRows, ChargeRows):
    """Typed reads and writes of the ledger, for the span of one database transaction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        tenant: str,
        account: str,
        head: HeadFile | None = None,
        audit_key: bytes = b"",
        cipher: Cipher | None = None,
    ) -> None:
        self._cipher = cipher or NoCipher()
        self._connection = connection
        self._head = head
        self._audit_key = audit_key
        self._scope = {"tenant": tenant, "account": account}

    # -- rentals ---------------------------------------------------------------------------

    def add_rental(self, rental: Rental, segments: Sequence[Segment]) -> None:
        """Write a new intent and what it reserves."""
        self._insert("rentals", to_columns(rental))
        for segment in segments:
            self.add_segment(segment)

    def rental(self, intent_id: str) -> Rental | None:
        """One rental by its intent."""
        return self._first(Rental, "SELECT * FROM rentals WHERE intent_id = ?", intent_id)

    def rental_of(self, kind: str, target_id: int) -> Rental | None:
        """The newest rental that became this instance or endpoint."""
        return self._first(
            Rental,
            "SELECT * FROM rentals WHERE kind = ? AND target_id = ? ORDER BY created_us DESC",
            kind,
            target_id,
        )

    def same_intent(
        self, principal: str, request_key: str, ended_since_us: int = 0
    ) -> list[Rental]:
        """Rentals of one principal under one request key, newest first.

        Those that ended before `ended_since_us` are left out: history costs nothing.
        """
        return self._all(
            Rental,
            "SELECT * FROM rentals WHERE principal = ? AND request_key = ? AND ended_us IS NULL"
            " UNION ALL SELECT * FROM rentals"
            " WHERE principal = ? AND request_key = ? AND ended_us >= ?"
            " ORDER BY created_us DESC",
            principal,
            request_key,
            principal,
            request_key,
            ended_since_us,
        )

    def live_rentals(self) -> list[Rental]:
        """Everything that holds money, oldest first."""
        marks = ",".join("?" * len(_LIVE))
        return self._all(
            Rental,
            f"SELECT * FROM rentals WHERE state IN ({marks}) ORDER BY created_us",  # noqa: S608
            *_LIVE,
        )

    def rentals_since(self, since_us: int) -> list[Rental]:
        """Everything that has not ended, or ended at or after this instant."""
        return self._all(
            Rental, "SELECT * FROM rentals WHERE ended_us IS NULL OR ended_us >= ?", since_us
        )

    def update_rental(self, rental: Rental, **changes: Unpack[RentalChanges]) -> Rental:
        """Write these fields of a rental and return it as it now is.

        The rental must come from this very transaction: the whole row is written, and what another
        process wrote since an older one was read would be lost.
        """
        changed = replace(rental, **changes)
        self._update("rentals", "intent_id", rental.intent_id, to_columns(changed))
        return changed

    # -- segments --------------------------------------------------------------------------

    def add_segment(self, segment: Segment) -> None:
        """Add a stretch of cost."""
        self._insert("segments", to_columns(segment))

    def segments(self, intent_id: str) -> list[Segment]:
        """All stretches of one rental, oldest first."""
        return self._all(
            Segment, "SELECT * FROM segments WHERE intent_id = ? ORDER BY segment_id", intent_id
        )

    def close_segments(self, intent_id: str, at_us: int) -> None:
        """End every open stretch of a rental at this instant (never before it began)."""
        self._connection.execute(
            "UPDATE segments SET closed_us = MAX(from_us, ?)"
            " WHERE intent_id = ? AND closed_us IS NULL",
            (at_us, intent_id),
        )

    def drop_segments(self, intent_id: str) -> None:
        """Release a reservation whole: the machine never existed."""
        self._connection.execute("DELETE FROM segments WHERE intent_id = ?", (intent_id,))

    def extend_lease(self, intent_id: str, until_us: int) -> None:
        """Reserve the open lease stretch up to a later end."""
        self._connection.execute(
            "UPDATE segments SET until_us = ?"
            " WHERE intent_id = ? AND kind = 'lease' AND closed_us IS NULL",
            (until_us, intent_id),
        )

    def reprice_lease(self, intent_id: str, rate: UsdPerHour) -> None:
        """The open lease stretch cost this from its beginning on."""
        self._connection.execute(
            "UPDATE segments SET rate = ?"
            " WHERE intent_id = ? AND kind = 'lease' AND closed_us IS NULL",
            (rate.micros, intent_id),
        )

    def exposure(
        self,
        now_us: int,
        *,
        outside: Sequence[OutsideRental] = (),
        task: str = "",
        job_id: str = "",
    ) -> Exposure:
        """Spent, reserved and running now, summed from the rows of this very transaction.

        `task` and `job_id` are further sums, of all the time that they have lasted.
        """
        rentals = self._all(
            Rental,
            "SELECT * FROM rentals WHERE ended_us IS NULL OR ended_us >= ?"
            " OR (task = ? AND task <> '') OR (job_id = ? AND job_id <> '')",
            month_start_us(now_us),
            task,
            job_id,
        )
        segments = {rental.intent_id: self.segments(rental.intent_id) for rental in rentals}
        # neither a task nor a job has a month
        charged = self.charged_since("" if task or job_id else day_of(month_start_us(now_us)))
        job = self.job(job_id) if job_id else None
        return exposure_of(
            rentals,
            segments,
            charged,
            outside,
            now_us=now_us,
            task=task,
            task_cap=self.task_cap(task),
            job_id=job_id,
            job_cap=None if job is None else job.at_most,
        )

    def rental_total(self, rental: Rental, now_us: int) -> Usd:
        """What a rental has cost and reserves, with what was charged beyond our own meter."""
        segments = self.segments(rental.intent_id)
        charged = self.charged_since(day_of(rental.created_us))
        return total_cost(segments, now_us) + excess(rental, segments, charged, now_us)

    # -- budgets ---------------------------------------------------------------------------

    def task_cap(self, task: str) -> Usd | None:
        """What a person set for this task, or the lowest cap that any call has given it since."""
        row = self._connection.execute("SELECT cap FROM budgets WHERE task = ?", (task,)).fetchone()
        return None if row is None else Usd(row["cap"])

    def lower_task_cap(self, task: str, cap: Usd) -> None:
        """Remember a task's cap; a call can lower it, never raise it."""
        self._connection.execute(
            "INSERT INTO budgets (task, cap, tenant, account) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (task) DO UPDATE SET cap = MIN(cap, excluded.cap)",
            (task, cap.micros, self._scope["tenant"], self._scope["account"]),
        )

    def set_task_cap(self, task: str, cap: Usd) -> None:
        """A person's word: the cap from now on, whether it rises or falls."""
        self._connection.execute(
            "INSERT INTO budgets (task, cap, tenant, account) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (task) DO UPDATE SET cap = excluded.cap",
            (task, cap.micros, self._scope["tenant"], self._scope["account"]),
        )

    def tasks_not_begun(self) -> list[str]:
        """Tasks, and no mere jobs, that have a cap and for which nothing was ever rented."""
        rows = self._connection.execute(
            "SELECT task FROM budgets WHERE task NOT IN (SELECT task FROM rentals)"
            " AND task NOT IN (SELECT 'job ' || job_id FROM jobs) ORDER BY task"
        )
        return [row["task"] for row in rows]

    # -- plans -----------------------------------------------------------------------------

    def add_plan(self, plan: Plan) -> None:
        """Write a question before anyone is asked."""
        self._insert("plans", self._sealed(plan))

    def plan(self, plan_id: str) -> Plan | None:
        """One plan by its id."""
        return self._first_plan("SELECT * FROM plans WHERE plan_id = ?", plan_id)

    def newest_plan(self, principal: str, key: str) -> Plan | None:
        """The last plan made for exactly this call."""
        return self._first_plan(
            "SELECT * FROM plans WHERE principal = ? AND key = ?"
            " ORDER BY created_us DESC, rowid DESC",
            principal,
            key,
        )

    def open_plans(self) -> list[Plan]:
        """Everything that waits for a yes, newest first; the expired ones included."""
        rows = self._connection.execute(
            "SELECT * FROM plans WHERE state = 'open' ORDER BY created_us DESC"
        )
        return [self._plan(row) for row in rows]

    def update_plan(self, plan: Plan, **changes: Any) -> Plan:  # noqa: ANN401  row fields
        """Write these fields of a plan.

        One that has ended forgets its arguments: they may hold environment values, which have no
        business lying about.
        """
        changed = replace(plan, **changes)
        if changed.state not in {PlanState.OPEN, PlanState.CLAIMED}:
            changed = replace(changed, arguments={})
        self._update("plans", "plan_id", plan.plan_id, self._sealed(changed))
        return changed

    def _sealed(self, plan: Plan) -> dict[str, Any]:
        """Its columns; what was asked for is sealed, once it has ended it is gone."""
        columns = to_columns(plan)
        arguments = columns["arguments"] if plan.arguments else ""
        return {
            **columns,
            "arguments": self._cipher.close(arguments) or "{}",
            "question": self._cipher.close(plan.question),
        }

    def _plan(self, row: sqlite3.Row) -> Plan:
        """As it was written; one that was sealed with another key can only be void."""
        arguments = self._cipher.open(row["arguments"])
        opened = {**dict(row), "arguments": arguments or "{}"}
        plan = from_columns(Plan, {**opened, "question": self._cipher.open(row["question"])})
        unreadable = arguments == UNREADABLE or (row["question"] and not plan.question)
        return replace(plan, state=PlanState.VOID) if unreadable else plan

    def _first_plan(self, sql: str, *values: object) -> Plan | None:
        row = self._connection.execute(sql, values).fetchone()
        return None if row is None else self._plan(row)

    # -- quotes ----------------------------------------------------------------------------

    def remember_quotes(self, quotes: Sequence[Quote]) -> None:
        """Keep the prices just shown; the newest per offer."""
        for quote in quotes:
            self._insert("quotes", to_columns(quote), verb="INSERT OR REPLACE")

    def quote(self, offer_id: int, rental: str) -> Quote | None:
        """The price this ledger last showed for an offer."""
        return self._first(
            Quote, "SELECT * FROM quotes WHERE offer_id = ? AND rental = ?", offer_id, rental
        )

    # -- freeze ----------------------------------------------------------------------------

    def freeze(self, at_us: int, who: str) -> Freeze:
        """Close all spending, for every process of the account; the first freeze stands."""
        standing = self.frozen()
        if standing is None:
            standing = Freeze(at_us, who)
            self._insert("freezes", {"at_us": at_us, "who": who})
        return standing

    def unfreeze(self, at_us: int) -> Freeze | None:
        """Lift it; what was lifted, or None where nothing was frozen."""
        standing = self.frozen()
        self._connection.execute(
            "UPDATE freezes SET lifted_us = ? WHERE lifted_us IS NULL", (at_us,)
        )
        return standing

    def frozen(self) -> Freeze | None:
        """The freeze that stands now."""
        row = self._connection.execute(
            "SELECT at_us, who FROM freezes WHERE lifted_us IS NULL ORDER BY freeze_id LIMIT 1"
        ).fetchone()
        return None if row is None else Freeze(row["at_us"], row["who"])

    # -- notices ---------------------------------------------------------------------------

    def claim_notice(self, key: str, kind: str, at_us: int) -> bool:
        """Whether this process is the one that sends it: the first to ask, of all there are."""
        named = {"notice_key": key, "kind": kind, "at_us": at_us}
        if self.notice_at(key) is not None:
            return False
        self._insert("notices", named)
        return True

    def notice_at(self, key: str) -> int | None:
        """When this notice was claimed, if it was."""
        row = self._connection.execute(
            "SELECT at_us FROM notices WHERE notice_key = ?", (key,)
        ).fetchone()
        return None if row is None else int(row["at_us"])

    def unclaim_notice(self, key: str) -> None:
        """It was never told and is true no more: should it come true again, it is told."""
        self._connection.execute("DELETE FROM notices WHERE notice_key = ?", (key,))

    def forget_notice(self, key: str, now_us: int, young_us: int) -> None:
        """What it told of is over: should it come again, it is told again.

        One younger than `young_us` stays, so that a late look of another process does not tell the
        same event twice. One of the future is of a clock that was set back: nobody knows how old.
        """
        self._connection.execute(
            "DELETE FROM notices WHERE notice_key = ? AND at_us NOT BETWEEN ? AND ?",
            (key, now_us - young_us, now_us),
        )

    # -- the file itself ---------------------------------------------------------------------

    def try_a_write(self) -> None:
        """Write what the file holds already: whether a write reaches the disk shows by this."""
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        self._connection.execute(f"PRAGMA user_version = {version}")

    # -- SQL -------------------------------------------------------------------------------

    def _insert(self, table: str, columns: Mapping[str, Any], verb: str = "INSERT") -> None:
        named = {**self._scrubbed(columns), **self._scope}
        names, marks = ", ".join(named), ", ".join(f":{name}" for name in named)
        self._connection.execute(f"{verb} INTO {table} ({names}) VALUES ({marks})", named)

    def _update(self, table: str, key: str, value: str, columns: Mapping[str, Any]) -> None:
        assignments = ", ".join(f"{name} = :{name}" for name in columns if name != key)
        self._connection.execute(
            f"UPDATE {table} SET {assignments} WHERE {key} = :{key}",  # noqa: S608  own names
            {**self._scrubbed(columns), key: value},
        )

    def _scrubbed(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """No known secret is written into what may quote a host, a program or an error."""
        scrub = self._cipher.scrub
        return {n: scrub(v) if n in _QUOTING else v for n, v in columns.items()}

    def _all(self, kind: type[_Row], sql: str, *values: object) -> list[_Row]:
        return [from_columns(kind, row) for row in self._connection.execute(sql, values)]

    def _first(self, kind: type[_Row], sql: str, *values: object) -> _Row | None:
        row = self._connection.execute(sql, values).fetchone()
        return None if row is None else from_columns(kind, row)
