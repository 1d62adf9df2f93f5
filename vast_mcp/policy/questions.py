"""When a spending act needs a question, and when a question in the chat is not enough."""

from collections.abc import Iterator

from vast_mcp.policy._case import Bill, Finding, ask, span
from vast_mcp.policy.limits import Level


def thresholds(bill: Bill) -> Iterator[Finding]:
    """Above any one of the four `[no_question]` numbers, one question."""
    spend, free = bill.spend, bill.limits.no_question
    if spend.usd_per_hour > free.usd_per_hour:
        yield ask(
            "no_question.usd_per_hour",
            f"{spend.usd_per_hour} is above {free.usd_per_hour}.",
        )
    if spend.rental_total > free.usd_per_rental:
        yield ask(
            "no_question.usd_per_rental",
            f"This rental's maximum of {spend.rental_total} is above {free.usd_per_rental}.",
        )
    if not spend.lease_hours <= free.hours:
        yield ask(
            "no_question.hours",
            f"A lease of {span(spend.lease_hours)} is longer than {span(free.hours)}.",
        )
    unasked = bill.exposure.unasked_today + spend.cost
    if unasked > free.usd_per_day:
        yield ask(
            "no_question.usd_per_day",
            f"Today's rents without a question would reach {unasked}, above {free.usd_per_day}.",
        )


def unasked_client(bill: Bill) -> Iterator[Finding]:
    """A client that cannot put a question to its person carries only so much per rental."""
    total, cap = bill.spend.rental_total, bill.limits.max_usd_per_rental_unasked_client
    if not bill.can_ask and total > cap:
        yield ask(
            "limits.max_usd_per_rental_unasked_client",
            f"This client cannot ask its user; up to {total} is above the {cap} allowed without a"
            " question.",
            Level.PERSON,
        )
