"""What is never done, whoever says yes: the caps on money, time and size, and what may be rented.

Every comparison is written so that a number that is not one (NaN) is refused.
"""

from collections.abc import Callable, Iterable, Iterator

from vast_mcp.models.places import countries_of, country_of
from vast_mcp.policy._case import Bill, Finding, deny, span
from vast_mcp.policy.budget import budget_of
from vast_mcp.policy.facts import Exposure, Request
from vast_mcp.policy.fitting import another, asked_hours, cheaper, fewer_hours
from vast_mcp.policy.images import allowed_image
from vast_mcp.policy.limits import Limits
from vast_mcp.text import clean_line
from vast_mcp.units import Usd


def caps(bill: Bill) -> Iterator[Finding]:
    """All caps that this act would pass."""
    for rule in _CAPS:
        yield from rule(bill)


def _price(bill: Bill) -> Iterator[Finding]:
    price, cap = bill.spend.usd_per_hour, bill.limits.max_usd_per_hour
    if price > cap:
        yield deny(
            "limits.max_usd_per_hour",
            f"{price} is above {cap}, the maximum per machine.",
            f"Search again with max_price_usd_per_hour={cap.dollars:.10g}."
            if bill.action == "create_instance"
            else cheaper(bill),
        )


def _total_price(bill: Bill) -> Iterator[Finding]:
    now, cap = bill.exposure.usd_per_hour, bill.limits.max_total_usd_per_hour
    after = now + bill.spend.adds_usd_per_hour
    if after > cap:
        yield deny(
            "limits.max_total_usd_per_hour",
            f"All rentals together would cost {after} ({now} now), above {cap}.",
            f"Stop a rental that is no longer needed. {cheaper(bill)}",
        )


def _running(bill: Bill) -> Iterator[Finding]:
    after, cap = bill.exposure.running + bill.spend.adds_running, bill.limits.max_running
    if after > cap:
        yield deny(
            "limits.max_running",
            f"{after} machines would run; {cap} are allowed.",
            "Stop one that is no longer needed.",
        )


def _rental(bill: Bill) -> Iterator[Finding]:
    total, cap = bill.spend.rental_total, bill.limits.max_usd_per_rental
    if total > cap:
        yield deny(
            "limits.max_usd_per_rental",
            f"This rental would cost up to {total} in total, above {cap}.",
            fewer_hours(bill),
        )


def _lease(bill: Bill) -> Iterator[Finding]:
    hours, cap = bill.spend.lease_hours, bill.limits.max_lease_hours
    if not 0 < hours <= cap:
        yield deny(
            "limits.max_lease_hours",
            f"A lease of {span(hours)} was requested; up to {span(cap)} is allowed.",
            fewer_hours(bill, ""),
        )


def _contract(bill: Bill) -> Iterator[Finding]:
    longest, hours = bill.spend.max_contract_hours, bill.spend.lease_hours
    if longest is None or hours <= longest:
        return
    asked = min(hours, asked_hours(bill)) if bill.action == "extend_lease" else hours
    left = max(0.0, longest - (hours - asked))
    yield deny(
        "offer.max_hours",
        f"The offer lasts {span(left)} more; {span(asked)} were requested."
        if bill.action == "extend_lease"
        else f"The offer ends in {span(longest)}; the requested lease is {span(hours)}.",
        fewer_hours(bill, "an offer that lasts longer"),
        "No setting changes this: the host sets it.",
    )


def _days(bill: Bill) -> Iterator[Finding]:
    cap = bill.limits.max_usd_per_day
    for day, amount in sorted(daily(bill).items()):
        before = bill.exposure.by_day.get(day, Usd())
        if before + amount > cap:
            yield deny(
                "limits.max_usd_per_day",
                f"{_shown(day)} would cost {before + amount} "
                f"({before} spent or reserved), above {cap}.",
                f"{fewer_hours(bill)} The day ends at 00:00 UTC.",
            )
            return


def _months(bill: Bill) -> Iterator[Finding]:
    cap = bill.limits.max_usd_per_month
    months: dict[str, Usd] = {}
    for day, amount in daily(bill).items():
        months[day[:7]] = months.get(day[:7], Usd()) + amount
    for month, amount in sorted(months.items()):
        before = bill.exposure.by_month.get(month, Usd())
        if before + amount > cap:
            yield deny(
                "limits.max_usd_per_month",
                f"{_shown(month)} would cost {before + amount} "
                f"({before} spent or reserved), above {cap}.",
                fewer_hours(bill),
            )
            return


def daily(bill: Bill) -> dict[str, Usd]:
    """The cost by day; what the split leaves out counts on today, so nothing escapes the caps."""
    days = dict(bill.spend.by_day)
    missing = bill.spend.cost - sum(days.values(), Usd())
    if missing > Usd():
        today = bill.exposure.today
        days[today] = days.get(today, Usd()) + missing
    return days


def _shown(period: str) -> str:
    return clean_line(period, 10) or "This period"


def _disk(bill: Bill) -> Iterator[Finding]:
    size, cap = bill.spend.disk_gb, bill.limits.max_disk_gb
    if not size <= cap:
        yield deny(
            "limits.max_disk_gb",
            f"{size:.6g} GB of disk was requested; up to {cap:.6g} GB is allowed.",
            f"Retry with disk_gb={cap:.6g} or less."
            if bill.action in _SIZED
            else another(bill, "one with a smaller disk"),
        )


def _traffic(bill: Bill) -> Iterator[Finding]:
    price, cap = bill.spend.usd_per_gb_traffic, bill.limits.max_usd_per_gb
    if price > cap:
        yield deny(
            "limits.max_usd_per_gb",
            f"Traffic costs {price} per GB there; up to {cap} is allowed.",
            another(bill, "an offer with cheaper traffic"),
        )


def _credit(bill: Bill) -> Iterator[Finding]:
    credit, least = bill.exposure.credit, bill.limits.min_credit_usd
    if credit is None:
        return
    left = credit - bill.spend.cost
    if left < least:
        yield deny(
            "limits.min_credit_usd",
            f"This needs {bill.spend.cost} of {credit} unreserved credit: {left} would be left,"
            f" below the minimum of {least}.",
            fewer_hours(bill),
            "Only the user can add credit, on https://cloud.vast.ai/billing/, or change"
            f" limits.min_credit_usd, in {bill.limits.place_of('limits.min_credit_usd')}.",
        )


def _unread_credit(bill: Bill) -> Iterator[Finding]:
    if bill.exposure.credit is None:
        yield deny(
            "limits.min_credit_usd",
            "The account's credit cannot be read, so nothing is spent.",
            "Try again in a minute.",
            "The user can look at the account's credit on the vendor's site.",
        )


def _account(bill: Bill) -> Iterator[Finding]:
    cap, now = bill.limits.max_account_usd_per_hour, bill.exposure.account_usd_per_hour
    if cap is None:
        return
    rule = "limits.max_account_usd_per_hour"
    if now is None:
        yield deny(rule, "What the account is billed for cannot be read, so nothing is spent.",
                   "Try again in a minute.")  # fmt: skip
    elif now + bill.spend.adds_usd_per_hour > cap:
        yield deny(
            rule,
            f"The whole account would cost {now + bill.spend.adds_usd_per_hour} ({now} now, "
            f"others' machines included), above {cap}.",
            cheaper(bill),
        )


def _verified(bill: Bill) -> Iterator[Finding]:
    if bill.limits.verified_only and not bill.spend.verified:
        yield deny(
            "limits.verified_only",
            "This host is not verified; only verified hosts are allowed.",
            another(bill, "a verified offer"),
        )


def _gpus(bill: Bill) -> Iterator[Finding]:
    allowed = bill.limits.allow.gpu_names if bill.spend.fixed else None
    if allowed is not None and plain(bill.spend.gpu_name) not in {plain(n) for n in allowed}:
        yield deny(
            "allow.gpu_names",
            f"GPU {_named(bill.spend.gpu_name)} is not one of: {_listed(allowed)}.",
            another(bill, "one of these"),
        )


def _images(bill: Bill) -> Iterator[Finding]:
    allowed, image = bill.limits.allow.images, bill.spend.image
    if allowed is None or (not bill.spend.fixed and not image):
        return
    if not allowed_image(image, allowed):
        yield deny(
            "allow.images",
            f"Image {_named(bill.spend.image)} matches none of: {_listed(allowed)}.",
            another(bill, "one of these"),
        )


def _countries(bill: Bill) -> Iterator[Finding]:
    allowed, country = bill.limits.allow.countries, bill.spend.country
    if allowed is not None and bill.spend.fixed and country_of(country) not in codes(allowed):
        yield deny(
            "allow.countries",
            f"Country {_named(country)} is not one of: {_listed(allowed)}.",
            another(bill, "one of these"),
        )


def codes(allowed: Iterable[str]) -> set[str]:
    """The countries that a person listed, as codes, names or regions: `SE`, `Sweden`, `EU`."""
    found: set[str] = set()
    for entry in allowed:
        found |= set(countries_of(entry.strip()) or {country_of(entry)})
    return found - {""}


def _datacenters(bill: Bill) -> Iterator[Finding]:
    if bill.limits.allow.datacenter_only and not bill.spend.datacenter:
        yield deny(
            "allow.datacenter_only",
            "This host is not in a datacenter; only datacenter hosts are allowed.",
            another(bill, "a datacenter offer"),
        )


def _gpu_count(bill: Bill) -> Iterator[Finding]:
    count, cap = bill.spend.num_gpus, bill.limits.allow.max_gpus
    if cap is not None and count > cap:
        yield deny(
            "allow.max_gpus",
            f"{count} GPUs were requested; up to {cap} are allowed.",
            f"Search again with num_gpus={cap} or fewer.",
        )


def plain(name: str) -> str:
    """A card's name without the differences of spelling."""
    # The vendor writes "RTX 4090" in answers and "RTX_4090" in queries.
    return " ".join(name.replace("_", " ").casefold().split())


def _named(text: str) -> str:
    return f'"{clean_line(text, 60)}"' if text else "(unknown)"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(clean_line(name, 40) for name in names[:4])
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"{shown}{more}" if names else "(nothing)"


_SIZED = {"create_instance", "run_job"}
"""Acts that choose an offer and the size of its disk."""
TIMED: tuple[Callable[[Bill], Iterator[Finding]], ...] = (
    _contract, _lease, _rental, _days, _months, _credit,
)  # fmt: skip
"""The caps that fewer hours may satisfy."""
_CAPS: tuple[Callable[[Bill], Iterator[Finding]], ...] = (
    _verified, _contract, _price, _total_price, _running, _lease, _rental, _days, _months, _disk,
    _traffic, _credit, _unread_credit, _account, _gpus, _images, _countries, _datacenters,
    _gpu_count,
)  # fmt: skip


def near_a_cap(request: Request, exposure: Exposure, limits: Limits) -> bool:
    """Whether it would leave less than a fifth of any cap that grows with what was charged."""
    if request.spend is None:
        return False
    bill = Bill(request.action, request.spend, exposure, limits, request.can_ask)
    return any(5 * after.micros > 4 * cap.micros for after, cap in _sums(bill))


def _sums(bill: Bill) -> Iterator[tuple[Usd, Usd]]:
    """What each cap would hold afterwards, and the cap."""
    spend, exposure, limits = bill.spend, bill.exposure, bill.limits
    months: dict[str, Usd] = {}
    for day, amount in daily(bill).items():
        yield exposure.by_day.get(day, Usd()) + amount, limits.max_usd_per_day
        months[day[:7]] = months.get(day[:7], Usd()) + amount
    for month, amount in months.items():
        yield exposure.by_month.get(month, Usd()) + amount, limits.max_usd_per_month
    if spend.rental_total > spend.cost:  # a machine that is there has charges of its own
        yield spend.rental_total, limits.max_usd_per_rental
    of_task = exposure.task_spent + exposure.task_reserved + spend.cost
    for cap in (budget_of(limits, spend.task), exposure.task_cap, spend.max_cost_usd):
        if cap is not None:
            yield of_task, cap
    if exposure.job_cap is not None:
        yield exposure.job_spent + exposure.job_reserved + spend.cost, exposure.job_cap
