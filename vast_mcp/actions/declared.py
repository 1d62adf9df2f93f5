"""A declared write as the guard carries it out: looked at, asked, sent, and settled as declared."""

from dataclasses import dataclass, replace
from typing import Any

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct, Seen, freeze, see, thaw, unconfirmed
from vast_mcp.actions.declared_settling import LostAnswer, LostFate, listed_before, settle
from vast_mcp.actions.declared_values import check, note_resolved, resolve, still_holds
from vast_mcp.actions.job_warning import job_words
from vast_mcp.actions.ssh_target import back_up, must_have_ssh, standing_still
from vast_mcp.errors import ApiError, InputInvalid, OutcomeUnknown
from vast_mcp.guard.act import Errand, Form, Outcome, Sight
from vast_mcp.models.instance import halted
from vast_mcp.operations import Call, JsonObject
from vast_mcp.operations._fields import vars_of
from vast_mcp.operations.declaration import Adds, Attempt, DeclaredWrite, Moves
from vast_mcp.policy.facts import Request
from vast_mcp.store import KeyState, Plan, Transaction

_SENDS = 4
"""So often a request that is harmless to repeat is sent in one call."""
_ALREADY = "already"


@dataclass(frozen=True, slots=True)
class DeclaredAct(PlainAct):
    """One declared write with its arguments."""

    declared: DeclaredWrite[Any]
    given: Any
    """An instance of the declaration's dataclass."""

    @classmethod
    def of(cls, declared: DeclaredWrite[Any], arguments: JsonObject) -> "DeclaredAct":
        """From arguments by name: a call's, or a stored plan's.

        Raises:
            InputInvalid: the dataclass refuses them.
        """
        given = {name: thaw(value) for name, value in arguments.items()}
        return cls(declared, declared.arguments(**given))

    @property
    def tool(self) -> str:
        """The declaration's name."""
        return self.declared.name

    def arguments(self) -> JsonObject:
        """The dataclass's fields; of a secret only its name."""
        return {name: freeze(value) for name, value in vars_of(self.given).items()}

    async def look(self, account: Account) -> Sight:
        """The machine if there is one; a text with a secret in it is refused.

        Raises:
            InputInvalid: an argument may not be sent, or the machine is not as it must be.
        """
        declared, given = self.declared, self.arguments()
        check(account, declared.fields, given)
        seen = await see(account, self.given.instance_id) if declared.aimed else None
        if seen is not None:
            self._must_fit(seen)
        return Sight(
            request=Request(self.tool, seen.target if seen else None),
            snapshot=seen.snapshot if seen else {"arguments": given},
            question=declared.question.format(**given, target=seen.words if seen else "")
            + await self._work_lost(account)
            + self._how_to_type(),
            handle=self._handle(),
            label=seen.target.label if seen else "",
            form=Form.DIGITS if declared.typed else Form.CONFIRM,
            digits=self._typed(),
        )

    async def _work_lost(self, account: Account) -> str:
        """A job on the machine whose container goes; else empty."""
        if not self.declared.new_container:
            return ""
        return await account.ledger.read(lambda tx: job_words(tx, self.given.instance_id))

    def _must_fit(self, seen: Seen) -> None:
        if self.declared.needs_ssh:
            must_have_ssh(seen)
        if self.declared.needs_running and halted(seen.instance):
            raise InputInvalid(
                "instance_id",
                f"{standing_still(seen)}; {self.declared.doing.lower()} needs it running",
                hint=back_up(seen),
            )

    def _handle(self) -> str:
        ids = [str(value) for value in vars_of(self.given).values() if isinstance(value, int)]
        return "-".join([self.tool.partition("_")[0], *ids])

    def _typed(self) -> str:
        name = self.declared.typed
        if not name:
            return ""
        value = getattr(self.given, name)
        return str(value)[-4:] if isinstance(value, int) else " ".join(str(value).split())

    def _how_to_type(self) -> str:
        name = self.declared.typed
        if not name:
            return ""
        if isinstance(getattr(self.given, name), int):
            return " Type the last 4 digits of the id."
        return f" Type the {name.replace('_', ' ')} exactly."

    def once(self, plan: Plan) -> bool:
        """Whether nobody knows what came of it, and no look can tell."""
        unknown = Outcome.from_json(plan.outcome).status == "unknown"
        return unknown and isinstance(self.declared.lost, Adds | Moves)

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Send it as often as the declaration allows, and settle an answer that was lost."""
        declared, doubt = self.declared, None
        if declared.new_container:
            await account.ledger.write(self._touch)
        before = await listed_before(account, declared, self.given)
        for _ in range(_SENDS):
            resolved = await resolve(account, declared.fields, self.given, errand)
            call = declared.call(self.given, resolved)
            try:
                reply = await self._sent(errand, call)
            except OutcomeUnknown as error:
                attempt = Attempt(self.given, call.body or {})
                settled, doubt = await settle(account, declared, attempt, before), error
                if settled.fate is LostFate.NOT_SEEN and declared.repeatable:
                    continue
                return await self._after_doubt(account, errand, settled, error)
            doubt = None
            if await still_holds(account, declared.fields, self.given, resolved):
                return await self._done(account, errand, reply)
        if doubt is not None:
            return self._unknown(doubt)
        return self._outcome("unknown", "It was sent, but another call changes it meanwhile.")

    async def _sent(self, errand: Errand, call: Call) -> JsonObject:
        """The reply; a refusal that says the end state holds already is told as that."""
        words, said = self.declared.already
        try:
            return await errand.send(call)
        except ApiError as refusal:
            if not words or isinstance(refusal, OutcomeUnknown):
                raise
            if words not in f"{refusal.code} {refusal.message}":
                raise
            return {_ALREADY: said}

    async def _after_doubt(
        self, account: Account, errand: Errand, settled: LostAnswer, doubt: OutcomeUnknown
    ) -> Outcome:
        match settled.fate:
            case LostFate.DONE:
                done = await self._done(account, errand, {})
                lost = "Its answer was lost; it was seen afterwards."
                if self.declared.secret_reply:
                    lost = (
                        f"Its value was lost with the answer: delete {settled.new_id} and make"
                        " another."
                    )
                return replace(done, said=f"{done.said} {lost}")
            case LostFate.NOT_DONE:
                return self._outcome(
                    "refused",
                    "Not done: the answer was lost, and nothing new was listed within a minute.",
                    "Call it again if it is still wanted.",
                )
            case _:
                return self._unknown(doubt)

    def _unknown(self, doubt: OutcomeUnknown) -> Outcome:
        said = f"{unconfirmed('request', doubt)} It may have been carried out."
        if self.declared.repeatable:
            return self._outcome("unknown", said, "Call it again: repeating it does no harm.")
        if isinstance(self.declared.lost, Adds | Moves):
            return self._outcome("unknown", said, "Do not repeat it; ask the user to look.")
        return self._outcome("unknown", said, "Look at the present state before repeating it.")

    async def _done(self, account: Account, errand: Errand, reply: JsonObject) -> Outcome:
        declared = self.declared
        await note_resolved(account, declared.fields, self.given)
        if declared.new_container:
            await account.remote.forget(self.given.instance_id)
        words = self.arguments()
        said, where = str(reply.get(_ALREADY, "")) or declared.done.format(**words), ""
        secret = reply.get(declared.secret_reply) if declared.secret_reply else None
        if isinstance(secret, str):
            where = account.secrets.keep(errand.booking.intent_id, declared.secret_reply, secret)
        after = f"The user sees it with {where}." if where else declared.next.format(**words)
        return self._outcome(declared.status, said, after)

    def _outcome(self, status: str, said: str, then: str = "") -> Outcome:
        values: JsonObject = {}
        if self.declared.aimed:
            values["instance_id"] = self.given.instance_id
        return Outcome(status, said, next=then, values=values)

    def _touch(self, tx: Transaction) -> None:
        """Whatever was on it is not there any more; the keeper looks whether our key stays."""
        rental = tx.rental_of("instance", self.given.instance_id)
        if rental is not None:
            facts = rental.facts
            if facts.key is KeyState.GIVEN:
                facts = replace(facts, key=KeyState.LOOK)
            tx.update_rental(rental, touched=True, facts=facts)
