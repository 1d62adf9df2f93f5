"""Every decision and every write, in the audit chain; and the one place that mints permits."""

from vast_mcp.account.cache import AccountCache
from vast_mcp.api.permit import Permit
from vast_mcp.api.writes import Writes
from vast_mcp.clock import Clock
from vast_mcp.errors import ApiError, LedgerUnavailable
from vast_mcp.guard.act import Act, Booking, Caller, Outcome, Send, Sight
from vast_mcp.operations import Call, Json, JsonObject
from vast_mcp.policy import Deny, Limits
from vast_mcp.store import AuditEntry, Ledger, Plan


class Journal:
    """Writes the audit rows around each request. Money in micro-dollars, no foreign text."""

    def __init__(self, writes: Writes, clock: Clock, view: AccountCache) -> None:
        self._writes = writes
        self._clock = clock
        self._view = view

    def sender(
        self, ledger: Ledger, act: Act, caller: Caller, booking: Booking, limits: Limits
    ) -> Send:
        """A function that sends one write of this act: row, permit, request, row."""

        async def send(call: Call, *, timeout_s: float = 60.0) -> JsonObject:
            def row(phase: str, verdict: str) -> AuditEntry:
                return AuditEntry(
                    at_us=self._clock.utc_us(),
                    principal=caller.principal,
                    phase=phase,
                    tool=act.tool,
                    verdict=verdict,
                    subject=booking.intent_id,
                    digest=call.digest,
                    policy_digest=limits.digest,
                    detail={"operation": call.operation.name, "path": call.path},
                )

            await self._note(ledger, row("write", "sending"))
            try:
                reply = await self._sent(call, timeout_s)
            except ApiError as error:
                verdict = f"{type(error).__name__} {error.status or ''}".strip()
                await self._quiet(ledger, row("outcome", verdict))
                raise
            except BaseException:  # a shutdown that could not wait: it may have been executed
                await self._quiet(ledger, row("outcome", "cut off"))
                raise
            finally:
                self._view.forget()
            await self._quiet(ledger, row("outcome", "accepted"))
            return reply

        return send

    async def _sent(self, call: Call, timeout_s: float) -> JsonObject:
        """The answer; where only the key was refused and then replaced, that of a second sending.

        A refused key means that nothing was done: the vendor looks at it before anything else.
        """
        try:
            return await self._writes.send(call, Permit.for_call(call), timeout_s=timeout_s)
        except ApiError as error:
            if not error.key_replaced:
                raise
        return await self._writes.send(call, Permit.for_call(call), timeout_s=timeout_s)

    async def decided(
        self, ledger: Ledger, act: Act, caller: Caller, decision: Deny, limits: Limits
    ) -> None:
        """A refusal, with every rule that spoke."""
        rules: list[Json] = [reason.rule for reason in decision.reasons]
        await self._quiet(
            ledger,
            self._entry(caller, "decision", act.tool, "deny", limits=limits, rules=rules),
        )

    async def claimed(
        self,
        ledger: Ledger,
        act: Act,
        caller: Caller,
        booking: Booking,
        sight: Sight,
        limits: Limits,
        *,
        asked: bool,
    ) -> None:
        """A go-ahead: how the yes came about and what money it set aside."""
        spend = sight.request.spend
        entry = self._entry(
            caller,
            "decision",
            act.tool,
            "asked" if asked else "allowed",
            subject=booking.intent_id,
            limits=limits,
            target=sight.handle,
            cost_micros=spend.cost.micros if spend else 0,
            client=caller.client,
        )
        await self._note(ledger, entry)

    async def settled(
        self, ledger: Ledger, act: Act, caller: Caller, booking: Booking, outcome: Outcome
    ) -> None:
        """What came of it."""
        await self._quiet(
            ledger,
            self._entry(caller, "outcome", act.tool, outcome.status, subject=booking.intent_id),
        )

    async def answered(self, ledger: Ledger, plan: Plan, caller: Caller, how: str) -> None:
        """A person's answer to a question."""
        await self._quiet(
            ledger, self._entry(caller, "decision", plan.tool, how, subject=plan.plan_id)
        )

    def _entry(
        self,
        caller: Caller,
        phase: str,
        tool: str,
        verdict: str,
        *,
        subject: str = "",
        limits: Limits | None = None,
        **detail: Json,
    ) -> AuditEntry:
        return AuditEntry(
            at_us=self._clock.utc_us(),
            principal=caller.principal,
            phase=phase,
            tool=tool,
            verdict=verdict,
            subject=subject,
            policy_digest=limits.digest if limits else "",
            detail=detail,
        )

    async def _note(self, ledger: Ledger, entry: AuditEntry) -> None:
        """Before a write: if it cannot be written down, it is not sent."""
        await ledger.write(lambda tx: tx.record(entry))

    async def _quiet(self, ledger: Ledger, entry: AuditEntry) -> None:
        """After the fact: the deed is done, and a failing ledger must not hide its outcome."""
        try:
            await self._note(ledger, entry)
        except LedgerUnavailable:
            return
