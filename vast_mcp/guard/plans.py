"""Plans: found or made, worded once, redeemed once."""

import hashlib
import json
import re
from collections.abc import Sequence

from vast_mcp.clock import MINUTE_US, Clock
from vast_mcp.guard.act import Act, Caller, Form, Sight
from vast_mcp.policy import Level, Limits, Reason
from vast_mcp.store import Plan, PlanState, Silence, Transaction, canonical
from vast_mcp.text import clean_line

TTL_US = 10 * MINUTE_US
COOLDOWN_US = MINUTE_US
QUESTION_LIMIT = 350
LABEL_SHOWN = 40
_ID = re.compile(r"\d{4,}")
_MISSED = " (wrong digits: type them again)"
"""Put behind the id; room is kept for it in every question that wants digits."""


def key_of(act: Act) -> str:
    """What makes two calls the same question: the tool and its canonical arguments."""
    return hashlib.sha256(json.dumps([act.tool, canonical(act.arguments())]).encode()).hexdigest()


def word(sight: Sight, code: str, reasons: Sequence[Reason] = ()) -> str:
    """The whole question: facts, why it comes, the foreign label second to last, the code last."""
    shown = LABEL_SHOWN + sight.room // 2
    tail = f' "{clean_line(sight.label, shown)}"' if sight.label else ""
    tail += f" [{code}]"
    spare = len(_MISSED) if sight.form is Form.DIGITS else 0
    room = QUESTION_LIMIT + sight.room - len(tail) - spare
    why = why_asked(reasons)
    if len(sight.question) + len(why) > room:  # the facts come before the reason
        why = ""
    return clean_line(sight.question, room - len(why)) + why + tail


def why_asked(reasons: Sequence[Reason]) -> str:
    """The first reason that is not simply that such an act always asks; begins with a space."""
    for reason in reasons:
        if not reason.says.endswith(("needs a yes.", "needs a person.")):
            return f" Why asked: {reason.says}"
    return ""


def question_of(plan: Plan) -> str:
    """Its question as it is put now: after wrong digits it says so, right behind act and id."""
    if not plan.misses:
        return plan.question
    found = _ID.search(plan.question)
    at = found.end() if found else 0
    return f"{plan.question[:at]}{_MISSED}{plan.question[at:]}"


def waits_for_terminal(plan: Plan, caller: Caller) -> bool:
    """Whether only an approval in a terminal can carry it out, and there is none yet."""
    unseen = plan.silence is not Silence.NONE
    return not plan.approved and (
        plan.level == Level.PERSON.value or unseen or caller.terminal_only
    )


def find(tx: Transaction, act: Act, caller: Caller, clock: Clock) -> Plan | None:
    """The newest plan of this very call, whatever became of it; an overdue one is expired here."""
    plan = tx.newest_plan(caller.principal, key_of(act))
    return None if plan is None else settle_expiry(tx, plan, clock)


def settle_expiry(tx: Transaction, plan: Plan, clock: Clock) -> Plan:
    """An open plan past its time, or from a future our clock has not reached, is expired."""
    now_us = clock.utc_us()
    if plan.state is PlanState.OPEN and not plan.created_us <= now_us <= plan.expires_us:
        return tx.update_plan(plan, state=PlanState.EXPIRED, changed_us=now_us)
    return plan


def make(
    tx: Transaction,
    act: Act,
    caller: Caller,
    sight: Sight,
    level: Level,
    limits: Limits,
    clock: Clock,
    reasons: Sequence[Reason] = (),
) -> Plan:
    """A new plan, written before anyone is asked."""
    code = clock.random_code()
    now_us = clock.utc_us()
    plan = Plan(
        plan_id=f"{sight.handle}-{code}",
        code=code,
        principal=caller.principal,
        tool=act.tool,
        key=key_of(act),
        arguments=act.arguments(),
        snapshot=sight.snapshot,
        question=word(sight, code, reasons),
        form=sight.form.value,
        digits=sight.digits,
        level=level.value,
        policy_digest=limits.digest,
        state=PlanState.OPEN,
        created_us=now_us,
        expires_us=now_us + TTL_US,
        changed_us=now_us,
    )
    tx.add_plan(plan)
    return plan


def keep(tx: Transaction, plan: Plan) -> None:
    """Take over a plan whose own books have failed; once."""
    if tx.plan(plan.plan_id) is None:
        tx.add_plan(plan)


def recently_declined(plan: Plan, clock: Clock) -> bool:
    """Whether a person said no to this very call within the last minute."""
    elapsed_us = clock.utc_us() - plan.changed_us
    return plan.state is PlanState.DECLINED and 0 <= elapsed_us < COOLDOWN_US
