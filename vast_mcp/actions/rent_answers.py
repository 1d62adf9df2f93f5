"""What is said of a rent: of the machine that came, of the one that may, of the one that did not.

None of these says that nothing was charged unless that is proven.
"""

from vast_mcp.actions.rent_price import Terms
from vast_mcp.guard.act import Errand, Outcome
from vast_mcp.leases.reconcile import Answer
from vast_mcp.market.bids import better_bid
from vast_mcp.models import Instance
from vast_mcp.models.pages import page_words
from vast_mcp.units import Usd, UsdPerHour, minute

UNASKED = "nobody was asked about deleting it"


def rented(errand: Errand, terms: Terms, instance_id: int, warnings: tuple[str, ...]) -> Outcome:
    """It is there, it is ours, and it is what was approved."""
    per_day = terms.disk_rate.per_day
    end = f"stops, and its disk costs {per_day}/day until destroyed"
    if terms.on_end == "destroy":  # a rent that nobody was asked about covers no destroy
        end = "is destroyed with its disk" if errand.booking.asked else f"only {end}: {UNASKED}"
    words = page_words(terms.page, instance_id).rstrip(".")
    page = f"then {words}; " if words else ""
    return Outcome(
        status="rented",
        said=f"Rented at {terms.machine.usd_per_hour}. At the lease end it {end}.",
        next=f"wait_for_instance(instance_id={instance_id}); {page}destroy_instance ends all cost.",
        warnings=(*warnings, terms.layer_warning) if terms.layer_warning else warnings,
        values={
            "instance_id": instance_id,
            "usd_per_hour": round(terms.machine.usd_per_hour.dollars, 4),
            "max_cost_usd": round(terms.cost.dollars, 2),
            "disk_usd_per_day": round(per_day.dollars, 4),
            "lease_ends": minute(terms.ends_us),
            "lease_layers": list(terms.layers),
        },
    )


def found_by_mark(answer: Answer) -> str:
    """How a machine came to be known whose rent was not answered with a plain yes."""
    if answer.answered:
        return "Vast.ai's answer was not a clear yes; the machine was found by its lease mark."
    return "Vast.ai's answer was lost; the machine was found by its lease mark."


def outbid(terms: Terms, instance_id: int, least: UsdPerHour | None) -> Outcome:
    """A bid that waits."""
    needed = "" if least is None else f" The minimum bid is now {least}; {_better(terms, least)}"
    return Outcome(
        status="outbid",
        said="The machine is rented, but the bid does not win now: it is not running, and only"
        f" its disk is billed ({terms.disk_rate.per_day}/day). If it does not run within 10"
        f" minutes it is destroyed.{needed}",
        next=f"change_bid(instance_id={instance_id}, …) to run it, or destroy_instance and take"
        " another offer. Do not rent again for this.",
        values={
            "instance_id": instance_id,
            "usd_per_hour": round(terms.machine.usd_per_hour.dollars, 4),
            "max_cost_usd": round(terms.cost.dollars, 2),
            "lease_ends": minute(terms.ends_us),
        },
    )


def _better(terms: Terms, least: UsdPerHour) -> str:
    return f"{better_bid(least, terms.bid)} is likely to win."


def too_low(bid: UsdPerHour, least: UsdPerHour) -> tuple[str, str]:
    """Message and hint of a bid that did not win; the offer stands."""
    better = better_bid(least, bid)
    said = (
        f"Not rented, nothing charged: the bid of {bid} does not win this offer now; its minimum"
        f" bid is {least}. The offer still exists."
    )
    hint = (
        f"bid_usd_per_hour={better.dollars:g} is likely to win, if the user accepts that price;"
        " or choose another offer."
    )
    return said, hint


def unmarked(terms: Terms, one: Instance) -> Outcome:
    """New, on the offer's machine, named by the vendor, and without our mark."""
    number = one.instance_id
    return Outcome(
        status="unmarked",
        said=f"Vast.ai says it rented instance {number} at {one.usd_per_hour}, and it is new on"
        " this offer's machine, but it lacks our lease mark: it cannot be proven ours. It is"
        " billed, and its cost is counted; nothing here will end it, not even the lease end"
        f" {minute(terms.ends_us)}.",
        next=f"Do not rent again for this. Tell the user: `vast-mcp extend {number} HOURS` in a"
        " terminal adopts it under a lease; or destroy it in the Vast.ai console.",
        values={
            "instance_id": number,
            "usd_per_hour": round(one.usd_per_hour.dollars, 4),
            "lease_ends": minute(terms.ends_us),
        },
    )


def unknown(errand: Errand, answer: Answer) -> Outcome:
    """Sent, and neither a yes that is proven nor a no that is known."""
    spend = errand.sight.request.spend
    reserved = spend.cost if spend else Usd()
    if answer.accepted and answer.named is not None:
        what = (
            f"Vast.ai says it rented instance {answer.named}, but no machine with our lease mark"
            " is listed yet"
        )
    elif answer.accepted:
        what = "Vast.ai accepted the rent without naming a machine, and none is listed yet"
    elif answer.said:
        what = f"The rent was sent. {answer.said.rstrip('.')}"
    else:
        what = "The rent was sent and its answer was lost"
    return Outcome(
        status="unknown",
        said=f"{what}: it may or may not exist. {reserved} stays reserved while it is searched"
        " for.",
        next="Do not rent again for this. show_instances lists it under pending, with what became"
        " of it.",
        values={"intent": errand.booking.intent_id},
    )


def ended(instance_id: int, *, gone: bool) -> Outcome:
    """The answer came so late that another process had found the machine and ended it."""
    fate = "is gone since" if gone else "is being destroyed"
    return Outcome(
        status="destroyed" if gone else "destroying",
        said=f"Rented; another call found the machine first, and it {fate}.",
        next="show_instances shows what is left.",
        values={"instance_id": instance_id, "bills": "nothing" if gone else "gpu+disk"},
    )


def undone(instance_id: int, why: str, *, gone: bool) -> Outcome:
    """It came, it was not what was approved, and it is not kept."""
    fate = (
        "destroyed at once" if gone else ("sent a destroy and is being watched; it is still listed")
    )
    return Outcome(
        status="undone" if gone else "destroying",
        said=f"Not kept: {why.rstrip('.')}. The new machine was {fate}.",
        next="Search again and choose another offer.",
        values={} if gone else {"instance_id": instance_id},
    )
