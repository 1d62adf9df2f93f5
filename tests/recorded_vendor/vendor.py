"""A vendor that behaves as the recordings say, and knows nothing of our simulator.

Statuses, codes, texts and shapes are those of replies recorded from the live service or reported
by people who ran against it in 2026; where a reply stands in our corpus, it is taken from there.
"""

import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.recorded.quiet_vendor import QUIET
from tests.recorded.replies import ROUTES
from tests.recorded_vendor.machines import Machine, Machines
from tests.recorded_vendor.market import Market, Row

KEY = "recorded-vendor-key-0123456789"
USER_ID = 148201
PAGE = 25
QUEUED = {
    "success": False,
    "error": "resources_unavailable",
    "msg": "Required resources are currently unavailable, state change queued.",
}
DONE: Row = {"success": True}
NO_SUCH_INSTANCE = {"success": False, "error": "no_such_instance"}
LOG = "booting\nready\n"


@dataclass(frozen=True)
class Answer:
    """Status, body and headers of one answer; a text goes out as it is."""

    status: int
    body: Any
    headers: Row = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class RecordedVendor:
    """The state of one account and its answers.

    `now_s` tells the time; `address` is where result files are fetched. `burst` is how many
    requests ten seconds take, over all routes (None: any number). `queues` is how many starts find
    the GPU taken. What arrived stands in `seen`, what a write did in `done`.
    """

    now_s: Callable[[], float]
    address: str = "https://console.vast.ai"
    pace: float = 1.0
    burst: int | None = 5
    queues: int = 1
    market: Market = field(default_factory=Market)
    machines: Machines = field(init=False)
    inbox: list[Row] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    instead: dict[str, Answer] = field(default_factory=dict)
    """What a route answers the next time instead of doing anything."""
    _recent: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.machines = Machines(self.pace)

    def answer(self, method: str, path: str, query: Row, key: str | None, body: Row) -> Answer:
        """One request and what it is told."""
        if path.startswith("/instance_logs/"):
            signed = "X-Amz-Signature" in query
            return Answer(200, LOG) if signed else Answer(403, "<Error>AccessDenied</Error>")
        route = _route(method, path)
        self.seen.append(route)
        if self.burst is not None and (refusal := self._too_many(self.burst)):
            return refusal
        if key != KEY and route != "gpu_names":
            wrong = {"success": False, "error": "auth_error", "msg": "Invalid user key"}
            return Answer(404, wrong)
        if route in self.instead:
            return self.instead.pop(route)
        number = int(found[0]) if (found := re.findall(r"/(\d+)(?:/|$)", path)) else 0
        return self._of(route, number, query, body)

    def _of(self, route: str, number: int, query: Row, body: Row) -> Answer:
        acts: dict[str, Callable[[], Answer]] = {
            "user": lambda: Answer(200, QUIET["user"] | {"created_at": 1_728_748_803_601}),
            "offers": lambda: Answer(200, self.market.search(body)),
            "list": lambda: self._list(query),
            "instance": lambda: self._show(number),
            "create": lambda: self._create(number, body),
            "manage": lambda: self._manage(number, body),
            "destroy": lambda: self._destroy(number),
            "logs": lambda: self._logs(number),
            "inbox": lambda: Answer(200, {"last_seen_at": None, "notifications": self.inbox}),
            "instance_keys": lambda: Answer(200, DONE | {"ssh_keys": []}),
        }
        if route in acts:
            return acts[route]()
        if route in QUIET:
            return Answer(200, QUIET[route])
        if route == "retired":
            text = "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead."
            return Answer(410, {"success": False, "error": "deprecated_endpoint", "msg": text})
        return Answer(200, DONE)

    # -- what happens to an account by itself ------------------------------------------------

    def outbid(self, number: int, new_min_bid: float) -> None:
        """Somebody bids more: all words say stopped, the message still says that it runs."""
        one = self.machines.held[number]
        one.enter("outbid", self.now_s())
        bid = one.row["dph_base"]
        self.inbox.insert(
            0,
            {
                "notif_type": "outbid",
                "created_at": self.now_s(),
                "event_id": f"{number:032d}",
                "associated_id": {
                    "instance_id": number,
                    "machine_id": one.row["machine_id"],
                    "new_min_bid": new_min_bid,
                    "your_bid": bid,
                },
                "subject": f"Your Interruptible Instance #{number} Has Been Outbid",
                "message": f"Your interruptible instance {number} on machine "
                f"{one.row['machine_id']} has been outbid and will be stopped. Your bid was "
                f"${bid:.2f}/hr and the current minimum bid is ${new_min_bid:.2f}/hr.",
                "user_context": "client",
            },
        )

    def gpu_comes_free(self, number: int) -> None:
        """A queued start is carried out."""
        one = self.machines.held[number]
        if one.phase == "queued":
            one.enter("pulling", self.now_s())

    # -- routes ------------------------------------------------------------------------------

    def _too_many(self, burst: int) -> Answer | None:
        now_s = self.now_s()
        while self._recent and self._recent[0] <= now_s - 10:
            self._recent.popleft()
        if len(self._recent) < burst:
            self._recent.append(now_s)
            return None
        wait_s = max(1, round(self._recent[0] + 10 - now_s))
        headers = {
            "server": "gunicorn",
            "x-ratelimit-limit": f"{burst:.1f}",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(int(now_s + wait_s)),
            "retry-after": str(wait_s),
        }
        body = {
            "error": "HTTPTooManyRequests",
            "msg": "API requests too frequent",
            "retry_after": wait_s,
            "limit": float(burst),
            "remaining": 0,
        }
        return Answer(429, body, headers)

    def _list(self, query: Row) -> Answer:
        filters = json.loads(query.get("select_filters") or "{}")
        after, most = int(query.get("after_token") or 0), min(PAGE, int(query.get("limit") or PAGE))
        page, total, then = self.machines.page(self.now_s(), after, most, filters)
        labels = [row["label"] or "" for row in page]
        return Answer(
            200,
            DONE
            | {
                "instances": page,
                "instances_found": len(page),
                "total_instances": total,
                "label_counts": {label: labels.count(label) for label in labels},
                "next_token": str(then) if then else None,
            },
        )

    def _show(self, number: int) -> Answer:
        one = self.machines.living(number, self.now_s())
        if one is None or not one.listed(self.now_s()):
            return Answer(200, {"instances": None})
        if one.nulls > 0:
            one.nulls -= 1
            return Answer(200, {"instances": None})
        return Answer(200, {"instances": one.shown()})

    def _create(self, offer_id: int, sent: Row) -> Answer:
        offer, bid = self.market.offers.get(offer_id), sent.get("price")
        parks = bid is not None and offer is not None and bid < offer["min_bid"]
        if offer is None or (parks and sent.get("cancel_unavail")):
            text = f"error 410/3907: no_such_ask  Instance type by id {offer_id} is not available."
            gone = {"success": False, "error": "no_such_ask", "msg": text, "ask_id": offer_id}
            return Answer(410, gone)
        priced = self.market.price(offer_id, float(sent.get("disk") or 8.0), bid)
        number = self.machines.rent(
            priced, sent, self.now_s(), bid=bid is not None, parked=bool(parks)
        )
        self.done.append(f"rented {number}")
        if not parks:
            del self.market.offers[offer_id]
        ended = {"new_contract": number, "instance_api_key": f"{number:064x}"}
        return Answer(200, {"success": not parks, **ended})

    def _manage(self, number: int, sent: Row) -> Answer:
        one = self.machines.living(number, self.now_s())
        if one is None:
            return Answer(404, NO_SUCH_INSTANCE)
        if "label" in sent:
            one.row["label"] = sent["label"]
            return Answer(200, DONE)
        self.done.append(f"{sent.get('state')} {number}")
        return self._stop(one) if sent.get("state") == "stopped" else self._start(one)

    def _stop(self, one: Machine) -> Answer:
        one.enter("stopping" if one.phase == "running" else "stopped", self.now_s())
        return Answer(200, DONE)

    def _start(self, one: Machine) -> Answer:
        if self.queues > 0:
            self.queues -= 1
            one.enter("queued", self.now_s())
            return Answer(200, QUEUED)
        one.enter("pulling", self.now_s())
        return Answer(200, DONE)

    def _destroy(self, number: int) -> Answer:
        one = self.machines.living(number, self.now_s())
        if one is None:
            return Answer(404, NO_SUCH_INSTANCE)
        one.enter("leaving", self.now_s())
        self.done.append(f"destroyed {number}")
        return Answer(200, DONE)

    def _logs(self, number: int) -> Answer:
        plain = f"{self.address}/instance_logs/{number}.log"
        urls = {"result_url": plain, "temp_download_url": f"{plain}?X-Amz-Signature=made-up"}
        return Answer(200, DONE | urls | {"msg": "Instance logs will be uploaded"})


def _route(method: str, path: str) -> str:
    if re.fullmatch(r"/api/v0/instances/?", path):
        return "retired"
    for name, (wanted, pattern) in ROUTES.items():
        if method == wanted and re.fullmatch(pattern, path):
            return name
    return "other"
