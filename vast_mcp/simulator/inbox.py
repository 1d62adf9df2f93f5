"""The account's own notices: what happened to a machine, in words and with numbers.

The route is not in the vendor's published description. It shows the newest fifty rows, about three
days; two rows of one moment may bear the same `event_id` (recorded 2026-08-16).
"""

from collections import deque

from vast_mcp.clock import SECOND_US
from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.wire import JsonObject

WINDOW = 50


class Inbox:
    """The newest rows. Follows the machines of the account through their stages."""

    def __init__(self) -> None:
        self._rows: deque[JsonObject] = deque(maxlen=WINDOW)
        self._written = 0

    def rows(self) -> list[JsonObject]:
        """What is there, the newest first."""
        return list(self._rows)

    def follow(self, contract: Contract, stage: str, at_us: int) -> None:
        """A machine enters a stage: outbid, started, or running after its start was queued."""
        if stage == "scheduling":
            contract.queued = True
        elif stage == "outbid" and contract.stage != "outbid" and contract.ever_ran:
            self.outbid(contract, at_us)
        elif stage == "running" and contract.stage not in ("running", "offline", "unknown"):
            kind = "instance_resumed" if contract.queued else "instance_started"
            contract.queued = False
            self._note(contract, at_us, kind, _WORDS[kind].format(**_names(contract)))

    def outbid(self, contract: Contract, at_us: int) -> None:
        """A higher bid has taken its place: both bids are named."""
        bid = contract.gpu_usd_per_hour
        least = contract.floor_override_usd or contract.listing.min_bid_usd_per_hour
        text = _WORDS["outbid"].format(**_names(contract), bid=bid, least=least)
        self._note(contract, at_us, "outbid", text, your_bid=bid, new_min_bid=least)

    def _note(self, contract: Contract, at_us: int, kind: str, text: str, **more: float) -> None:
        self._written += 1
        named = {"instance_id": contract.id, "machine_id": contract.listing.machine.id, **more}
        self._rows.appendleft(
            {
                "associated_id": named,
                "created_at": at_us / SECOND_US,
                "event_id": f"{self._written:032x}",
                "message": text,
                "notif_type": kind,
                "subject": f"Instance {contract.id}: {kind.replace('_', ' ')}",
                "user_context": "client",
            }
        )


_WORDS = {
    "outbid": "Your interruptible instance {id} on machine {machine} has been outbid and will be"
    " stopped. Your bid was ${bid:.2f}/hr and the current minimum bid is ${least:.2f}/hr.",
    "instance_started": "Your instance {id} running {image} on machine {machine} has started. You"
    " are being charged ${rate:.3f}/hr.",
    "instance_resumed": "Your instance {id} on machine {machine} has moved from Scheduling to"
    " running; your GPU is now available.",
}


def _names(contract: Contract) -> JsonObject:
    return {
        "id": contract.id,
        "machine": contract.listing.machine.id,
        "image": contract.order.image,
        "rate": contract.gpu_usd_per_hour,
    }
