"""After each look: what is due, who of all processes sends it, and how it went."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import anyio

from vast_mcp.account.belonging import Bearers
from vast_mcp.account.cache import rate_now
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import ApiError, VastMcpError
from vast_mcp.instances.fleet import held_of
from vast_mcp.keeper.tick import Deed, Tick
from vast_mcp.notices import desktop
from vast_mcp.notices.due import AccountRound, Pot, due, outbid_key
from vast_mcp.notices.inbox import InboxReader
from vast_mcp.notices.notice import Notice, NoticeKind, quoted
from vast_mcp.notices.sender import NotDelivered, Sender
from vast_mcp.notices.webhook import Webhook
from vast_mcp.policy import Limits
from vast_mcp.policy.budget import budget_of
from vast_mcp.policy.limits import NotifyRules
from vast_mcp.session import Session
from vast_mcp.store import Letter, Rental, Transaction, current_rate
from vast_mcp.store.exposure import month_start_us
from vast_mcp.units import Usd, UsdPerHour, minute
from vast_mcp.views.budgets import task_spent
from vast_mcp.views.spending import spending

LONGEST_S = 25.0
"""So long the keeper's next look may be held up by senders that hang."""
TRIES = 5
KEPT_US = 2 * 3600 * SECOND_US
"""What nobody could carry in this time is no news any more."""
TAKEN_US = 60 * SECOND_US
"""A process that set out with a notice longer ago than this did not come back."""
_EVENTS = {
    NoticeKind.LEASE_ENDED,
    NoticeKind.START_GIVEN_UP,
    NoticeKind.RUNWAY,
    NoticeKind.HASTY_ANSWER,
}
"""What one look shows and the next does not; all else a look finds anew for as long as it holds."""
_CREDIT_EVERY_S = 600.0
_MOST_UNTOLD = 20
_AGAIN_US = 30 * 60 * SECOND_US
"""An event that is over is forgotten no sooner: looks of several processes cross."""
_logger = logging.getLogger(__name__)


class Messenger:
    """Tells a person what a look showed. A listener of the keeper; it never raises."""

    def __init__(self, session: Session, environment: Mapping[str, str]) -> None:
        self._session = session
        self._environment = environment
        self._untold: tuple[Deed, ...] = ()
        """Done, and not written down as told: no later look shows it again."""
        self._arrived: set[str] = set()
        """Keys that arrived and are not written down as arrived."""
        self._credit_asked_s: float | None = None
        self._inbox = InboxReader(session.account.reads, session.account.clock)

    async def ticked(self, tick: Tick) -> None:
        """Send what is due and not sent yet; whatever fails is a line in the log."""
        tick = replace(tick, deeds=(*self._untold, *tick.deeds))
        self._untold = tuple(deed for deed in tick.deeds if deed.status)[-_MOST_UNTOLD:]
        try:
            ways = self._senders(self._session.account.limits().notify)
            fresh, batch = await self._claimed(tick, carried=bool(ways))
            self._untold = ()
            for notice in fresh:
                _logger.warning("notice: %s", notice.text)
            if batch:
                await self._deliver(ways, batch)
        except VastMcpError as error:
            _logger.warning("notices: not sent this time: %s", error)
        except Exception:  # a notice that cannot be made must not end the leases' keeper
            _logger.exception("notices: a defect; the next look tries again")

    # -- what ------------------------------------------------------------------------------

    async def _claimed(self, tick: Tick, *, carried: bool) -> tuple[list[Notice], list[Letter]]:
        """What this process is the first to say, and what it is now to carry.

        Judged by the books in the very step that claims it: an end that was put off while the
        vendor was asked for the credit is not announced.
        """
        session = self._session
        limits = session.account.limits()
        pots, credit = await self._money(tick, limits)
        notes = await self._inbox.notes(tick.instances)

        def claim(tx: Transaction) -> tuple[list[Notice], list[Letter]]:
            now_us = session.account.clock.lease_us()
            rentals, seen = self._seen(tx, tick, limits, now_us)
            seen = replace(seen, pots=(*pots, *seen.pots), credit=credit, notes=notes)
            found = due(seen, rentals, limits.notify, now_us)
            for machine in tick.instances:
                if machine.actual_status == "running":
                    tx.forget_notice(outbid_key(machine.instance_id), now_us, _AGAIN_US)
            fresh = [item for item in found if tx.claim_notice(item.key, item.kind.value, now_us)]
            wall_us = session.account.clock.utc_us()
            for notice in fresh:
                tx.add_letter(
                    Letter(notice.key, notice.kind, notice.text, notice.instance_id, wall_us)
                )
            return fresh, self._taken(tx, found, wall_us, carried=carried)

        return await session.account.ledger.write(claim)

    def _taken(
        self, tx: Transaction, found: Sequence[Notice], now_us: int, *, carried: bool
    ) -> list[Letter]:
        """Of what has not arrived, whoever claimed it: what is still true and nobody carries."""
        true_now = {item.key: item for item in found}
        batch: list[Letter] = []
        for letter in tx.letters():
            notice = true_now.get(letter.key)
            if letter.key in self._arrived:
                tx.drop_letter(letter.key)
            elif 0 <= now_us - letter.taken_us < TAKEN_US:
                continue
            elif now_us - letter.made_us >= KEPT_US or letter.tries >= TRIES:
                tx.drop_letter(letter.key)
            elif notice is None and letter.kind not in _EVENTS:
                tx.drop_letter(letter.key)
                tx.unclaim_notice(letter.key)
            elif carried:
                tx.take_letter(letter.key, now_us)
                batch.append(letter if notice is None else replace(letter, text=notice.text))
        return batch

    def _seen(
        self, tx: Transaction, tick: Tick, limits: Limits, now_us: int
    ) -> tuple[list[Rental], AccountRound]:
        bearers = Bearers(self._session.account.marker, tick.instances)

        def whose(deed: Deed) -> Rental | None:
            return tx.rental_of(deed.kind, deed.target_id)

        rentals = tx.live_rentals()
        pots = []
        recent = tx.rentals_since(month_start_us(now_us))
        for task in sorted({rental.task for rental in rentals if rental.task}):
            caps = [
                budget
                for budget in (budget_of(limits, task), tx.task_cap(task))
                if budget is not None
            ]
            if caps:
                spent = task_spent(tx, task, recent, now_us)
                key = f"task:{task}:{min(caps).micros}"
                pots.append(Pot(key, f"the budget of task{quoted(task)}", spent, min(caps)))
        return rentals, AccountRound(
            held=tuple(held_of(tx, bearers, instance, now_us) for instance in tick.instances),
            deeds=tuple((deed, whose(deed)) for deed in tick.deeds),
            pots=tuple(pots),
            usd_per_hour=_rate(tick, rentals),
        )

    async def _money(self, tick: Tick, limits: Limits) -> tuple[tuple[Pot, ...], Usd | None]:
        money = await spending(self._session.account)
        day, month = money.counted.today, money.month
        day_cap, month_cap = limits.max_usd_per_day, limits.max_usd_per_month
        pots = (
            Pot(f"day:{day}:{day_cap.micros}", "today's limit", money.spent_today, day_cap),
            Pot(f"month:{month}:{month_cap.micros}", "this month's limit", money.spent_month,
                month_cap),
        )  # fmt: skip
        rentals = await self._session.account.ledger.read(lambda tx: tx.live_rentals())
        return pots, await self._credit() if _rate(tick, rentals) else None

    async def _credit(self) -> Usd | None:
        """Read every ten minutes at most: the pace towards the vendor is everybody's."""
        now_s = self._session.account.clock.monotonic_s()
        if self._credit_asked_s is not None and now_s - self._credit_asked_s < _CREDIT_EVERY_S:
            return None
        self._credit_asked_s = now_s
        try:
            return (await self._session.account.reads.account()).credit
        except ApiError:
            return None

    # -- how -------------------------------------------------------------------------------

    async def _deliver(self, ways: Sequence[Sender], batch: Sequence[Letter]) -> None:
        """Each by every sender at once; what none could carry is left to the next look of any."""
        arrived: set[str] = set()
        perhaps: set[str] = set()

        async def carry(sender: Sender, letter: Letter) -> None:
            notice = Notice(NoticeKind(letter.kind), letter.key, letter.text, letter.instance_id)
            try:
                await sender.send(notice, minute(letter.made_us))
                arrived.add(letter.key)
            except NotDelivered as error:
                _logger.warning("notices: %s", error)
                if error.perhaps:
                    perhaps.add(letter.key)
            except Exception as error:  # noqa: BLE001  nor may a sender's defect; its text may hold the address
                _logger.warning("notices: %s failed (%s)", sender.name, type(error).__name__)

        with anyio.move_on_after(LONGEST_S):
            async with anyio.create_task_group() as tasks:
                for letter in batch:
                    for sender in ways:
                        tasks.start_soon(carry, sender, letter)

        def settle(tx: Transaction) -> None:
            for letter in batch:
                if letter.key in arrived:
                    tx.drop_letter(letter.key)
                else:  # one that may have it already gets it once more, not time and again
                    tx.return_letter(letter.key, TRIES - 1 if letter.key in perhaps else 0)

        self._arrived |= arrived
        await self._session.account.ledger.write(settle)
        self._arrived -= arrived

    def _senders(self, rules: NotifyRules) -> list[Sender]:
        """The ways that are open now. What happens in a simulation is told in the log alone."""
        clock = self._session.account.clock
        if clock.vendor() is not clock:
            return []
        ways: list[Sender] = []
        here = desktop.reachable(self._environment) if rules.desktop else None
        if here is not None:
            ways.append(here)
        if rules.webhook_url:
            self._session.account.redactor.learn(rules.webhook_url)
            ways.append(Webhook(rules.webhook_url))
        return ways


def _rate(tick: Tick, rentals: Sequence[Rental]) -> UsdPerHour:
    """What the account's machines and our endpoints bill now."""
    rate = sum((rate_now(instance) for instance in tick.instances), UsdPerHour())
    endpoints = (current_rate(rental) for rental in rentals if rental.kind == "endpoint")
    return rate + sum(endpoints, UsdPerHour())
