"""Machines that bear a copy of our mark: nobody's lease ends them, and a person should know it."""

from collections.abc import Iterable, Iterator

from vast_mcp.instances.state import Held
from vast_mcp.models import Billing
from vast_mcp.notices.notice import Notice, NoticeKind, quoted


def copied(machines: Iterable[Held]) -> Iterator[Notice]:
    """One for each that bills its GPU; whose it is and how a person adopts or ends it."""
    for held in machines:
        one, number = held.instance, held.instance.instance_id
        if held.copied and held.bills is Billing.GPU_AND_DISK:
            yield Notice(
                NoticeKind.NO_LEASE,
                f"copied:{number}",
                f"Instance {number}{quoted(held.label)} costs {one.usd_per_hour} and has a copied"
                f" lease mark ({held.copied}): nothing here ends it. Adopt it: vast-mcp extend"
                f" {number} HOURS; or end it in the Vast.ai console.",
                number,
            )
