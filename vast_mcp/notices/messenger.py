"""After each look: what is due, who of all processes sends it, and how it went."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import anyio

from vast_mcp.clock import SECOND_US
from vast_mcp.errors import ApiError, VastMcpError
from vast_mcp.guard.tick import Deed, Tick
from vast_mcp.guard.view import rate_now
from vast_mcp.models import Instance
from vast_mcp.notices import desktop
from vast_mcp.notices.due import Pot, Seen, due, outbid_key
from vast_mcp.notices.notice import Notice, quoted
from vast_mcp.notices.sender import NotDelivered, Sender
from vast_mcp.notices.webhook import Webhook
from vast_mcp.policy import Limits
from vast_mcp.policy.budget import budget_of
from vast_mcp.policy.limits import NotifyRules
from vast_mcp.services import Services
from vast_mcp.services.rentals import Held
from vast_mcp.services.showing import minute
from vast_mcp.services.spending import spending
from vast_mcp.store import Rental, Transaction, current_rate
from vast_mcp.units import Usd, UsdPerHour

LONGEST_S = 25.0
"""So long the keeper's next look may be held up by senders that hang."""
TRIES = 5
_CREDIT_EVERY_S = 600.0
_AGAIN_US = 30 * 60 * SECOND_US
"""An event that is over is forgotten no sooner: looks of several processes cross."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A notice of ours that no sender could carry yet."""

    notice: Notice
    tries: int = 1


class Messenger:
    """Tells a person what a look showed. A listener of the keeper; it never raises."""

    def __init__(self, services: Services, environment: Mapping[str, str]) -> None:
        self._services = services
        self._environment = environment
        self._waiting: list[_Waiting] = []
        self._credit_asked_s: float | None = None

    async def ticked(self, tick: Tick) -> None:
        """Send what is due and not sent yet; whatever fails is a line in the log."""
        try:
            fresh = await self._claimed(tick)
        except VastMcpError as error:
            _logger.warning("notices: not told this time: %s", error)
            fresh = []
        except Exception:  # a notice that cannot be made must not end the leases' keeper
            _logger.exception("notices: a defect; the next look tries again")
            fresh = []
        for notice in fresh:
            _logger.warning("notice: %s", notice.text)
        await self._deliver(fresh)

    # -- what ------------------------------------------------------------------------------

    async def _claimed(self, tick: Tick) -> list[Notice]:
        """What is due, of which this process is the first to say so."""
        services = self._services
        limits = services.limits()
        now_us = services.clock.lease_us()
        rentals, seen = await services.ledger.read(lambda tx: self._seen(tx, tick, limits, now_us))
        seen = await self._with_money(seen, rentals, limits)
        found = due(seen, rentals, limits.notify, now_us)
        running = [one.instance_id for one in tick.instances if one.actual_status == "running"]

        def claim(tx: Transaction) -> list[Notice]:
            for instance_id in running:
                tx.forget_notice(outbid_key(instance_id), now_us - _AGAIN_US)
            return [one for one in found if tx.claim_notice(one.key, one.kind.value, now_us)]

        if not found and not running:
            return []
        return await services.ledger.write(claim)

    def _seen(
        self, tx: Transaction, tick: Tick, limits: Limits, now_us: int
    ) -> tuple[list[Rental], Seen]:
        def held(one: Instance) -> Held:
            rental = tx.rental_of("instance", one.instance_id)
            return Held(one, now_us, rental, self._services.marker.read(one.raw_label))

        def whose(deed: Deed) -> Rental | None:
            return tx.rental_of(deed.kind, deed.target_id)

        rentals = tx.live_rentals()
        pots = []
        for task in sorted({one.task for one in rentals if one.task}):
            caps = [one for one in (budget_of(limits, task), tx.task_cap(task)) if one is not None]
            if caps:
                spent = tx.exposure(now_us, task=task).task_spent
                key = f"task:{task}:{min(caps).micros}"
                pots.append(Pot(key, f"the budget of task{quoted(task)}", spent, min(caps)))
        return rentals, Seen(
            held=tuple(held(one) for one in tick.instances),
            deeds=tuple((deed, whose(deed)) for deed in tick.deeds),
            pots=tuple(pots),
        )

    async def _with_money(self, seen: Seen, rentals: Sequence[Rental], limits: Limits) -> Seen:
        money = await spending(self._services)
        day, month = money.counted.today, money.month
        day_cap, month_cap = limits.max_usd_per_day, limits.max_usd_per_month
        pots = (
            Pot(f"day:{day}:{day_cap.micros}", "today's limit", money.spent_today, day_cap),
            Pot(f"month:{month}:{month_cap.micros}", "this month's limit", money.spent_month,
                month_cap),
        )  # fmt: skip
        rate = sum((rate_now(held.instance) for held in seen.held), UsdPerHour(0))
        endpoints = [one for one in rentals if one.kind == "endpoint"]
        rate += sum((current_rate(one) for one in endpoints), UsdPerHour(0))
        credit = await self._credit() if rate else None
        return replace(seen, pots=(*pots, *seen.pots), usd_per_hour=rate, credit=credit)

    async def _credit(self) -> Usd | None:
        """Read every ten minutes at most: the pace towards the vendor is everybody's."""
        now_s = self._services.clock.monotonic_s()
        if self._credit_asked_s is not None and now_s - self._credit_asked_s < _CREDIT_EVERY_S:
            return None
        self._credit_asked_s = now_s
        try:
            return (await self._services.reads.account()).credit
        except ApiError:
            return None

    # -- how -------------------------------------------------------------------------------

    async def _deliver(self, fresh: Sequence[Notice]) -> None:
        """Every notice by every sender at once; one that none could carry is tried again later."""
        batch = [*self._waiting, *(_Waiting(notice, 0) for notice in fresh)]
        self._waiting = []
        ways = self._senders(self._services.limits().notify) if batch else []
        if not ways:
            return
        at = minute(self._services.clock.lease_us())
        arrived: set[str] = set()

        async def carry(sender: Sender, notice: Notice) -> None:
            try:
                await sender.send(notice, at)
                arrived.add(notice.key)
            except NotDelivered as error:
                _logger.warning("notices: %s", error)
            except Exception as error:  # noqa: BLE001  nor may a sender's defect; its text may hold the address
                _logger.warning("notices: %s failed (%s)", sender.name, type(error).__name__)

        with anyio.move_on_after(LONGEST_S):
            async with anyio.create_task_group() as tasks:
                for one in batch:
                    for sender in ways:
                        tasks.start_soon(carry, sender, one.notice)
        self._waiting = [
            _Waiting(one.notice, one.tries + 1)
            for one in batch
            if one.notice.key not in arrived and one.tries + 1 < TRIES
        ]

    def _senders(self, rules: NotifyRules) -> list[Sender]:
        """The ways that are open now. What happens in a simulation is told in the log alone."""
        clock = self._services.clock
        if clock.vendor() is not clock:
            return []
        ways: list[Sender] = []
        here = desktop.reachable(self._environment) if rules.desktop else None
        if here is not None:
            ways.append(here)
        if rules.webhook_url:
            self._services.redactor.learn(rules.webhook_url)
            ways.append(Webhook(rules.webhook_url))
        return ways
