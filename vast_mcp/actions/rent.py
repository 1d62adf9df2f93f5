"""Rent an instance: what is asked, what the offer costs now, what is set aside for it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import ENV_NAME, INTENT_LENGTH, check_label, floor_minute_us
from vast_mcp.account.secrets import in_plain_text, place, split
from vast_mcp.actions import open_ports as doors
from vast_mcp.actions.base import PlainAct, plain_number
from vast_mcp.actions.container import lost_variables, odd_options, qualified, size_note
from vast_mcp.actions.price_ceiling import check_ceiling, on_demand_after_all
from vast_mcp.actions.rent_answers import UNASKED
from vast_mcp.actions.rent_notes import lost_before, task_left
from vast_mcp.actions.rent_price import Price, Terms, round_up
from vast_mcp.actions.rent_sending import rent
from vast_mcp.clock import MINUTE_US, SECOND_US
from vast_mcp.credentials import exposed, said
from vast_mcp.errors import InputInvalid, OfferGone
from vast_mcp.guard.act import Booking, Errand, Outcome, Sight
from vast_mcp.leases.onstart_guard import Inside, coverage, guard_text
from vast_mcp.market.bids import better_bid
from vast_mcp.models import DEFAULT_IMAGE, Offer, Template, disk_for, image_for
from vast_mcp.models import Rental as OfferRental
from vast_mcp.models.pages import promised_page
from vast_mcp.operations import Json, instances
from vast_mcp.operations.instances import Connect, CreateSpec
from vast_mcp.policy.facts import Request, Spend
from vast_mcp.store import (
    RENT_AGREEMENT,
    KeyState,
    LeaseFacts,
    Rental,
    RentalState,
    Segment,
    Transaction,
    canonical,
)
from vast_mcp.units import Usd, UsdPerHour, seconds_from_hours, storage_rate

MIN_DISK_GB = 8.0
REPLAY_TTL_US = 2 * MINUTE_US


@dataclass(frozen=True, slots=True)
class CreateSight(Sight):
    """What was seen of the offer, for reserving and sending."""

    price: Price | None = None
    lost: str = ""
    """What is said of variables that will not arrive."""
    inside: Inside = field(default_factory=Inside)
    ports: tuple[str, ...] = ()
    """What will be open to the internet, the template's included."""
    doors: tuple[str, ...] = ()
    """What is said of them."""
    page: int | None = None
    """The port inside of a page that a person can open once it runs."""
    on_demand: str = ""
    """What is said where an interruptible offer is rented without a bid."""


@dataclass(frozen=True, slots=True)
class CreateInstance(PlainAct):
    """Everything a create was asked with. Environment values never show in its repr."""

    tool: ClassVar[str] = "create_instance"
    offer_id: int
    lease_hours: float
    image: str | None = None
    template_hash: str | None = None
    disk_gb: float | None = None
    label: str = ""
    max_price_usd_per_hour: float | None = None
    max_cost_usd: float | None = None
    task: str = ""
    on_end: str = "stop"
    bid_usd_per_hour: float | None = None
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ports: tuple[str, ...] = ()
    onstart: str | None = field(default=None, repr=False)
    connect: Connect | None = None
    args: tuple[str, ...] = field(default=(), repr=False)
    request_key: str = ""
    idle_stop_minutes: int | None = None
    secrets: tuple[str, ...] = ()
    """Names; their values are looked up when the request is put together."""
    job_id: str = ""
    """The job in whose name it is rented; no tool takes it. `task` is the budget it shares."""

    # -- looking ---------------------------------------------------------------------------

    async def look(self, account: Account) -> Sight:
        """Read the offer again and price the whole lease on it.

        Raises:
            OfferGone: somebody else has it.
            PolicyDenied: it costs more than the ceiling.
            InputInvalid: a bid below the least, an impossible disk, a label that imitates a mark
                or holds a secret, a start script that leaves the lease guard no room.
            ConfigInvalid: the vendor's address cannot stand in a start script.
        """
        check_label(self.label)
        for field_name, text in (("label", self.label), ("image", self.image or "")):
            account.secrets.check_text(field_name, text, account.limits())
        account.secrets.check(self.secrets, account.limits())
        account.secrets.notice(dict(self.env))
        template = await self._template(account)
        disk_gb = self._disk(template)
        offer = await self._offer(account, disk_gb)
        doors.check_room(offer, self.ports, template)
        price = Price(offer, self._rate(offer, disk_gb), disk_gb, self.lease_hours)
        now_us = account.now_us()
        image = image_for(self.image, template)
        spend = self._spend(price, now_us, image)
        bids = self.bid_usd_per_hour is not None
        must_ask = await check_ceiling(account, price, most=self.max_price_usd_per_hour, bids=bids)
        on_demand = "" if bids else await on_demand_after_all(account, price)
        odd = odd_options(template)
        lost = lost_variables((*self.env, *self._known_secrets(account)))
        return CreateSight(
            request=Request(self.tool, spend=spend),
            snapshot=price.snapshot(),
            question=_joined(
                price.question(image=image, on_end=self.on_end),
                on_demand,
                odd,
                self._secret_words(),
                lost,
            ),
            handle=f"rent-{self.offer_id}-{price.rate.dollars:.2f}usd-{plain_number(self.lease_hours)}h",
            label=self.label,
            must_ask=must_ask or odd,
            unasked=f"At its end it only stops: {UNASKED}." if self.on_end == "destroy" else "",
            price=price,
            lost=lost,
            inside=self._inside(account, template, image),
            ports=doors.opened(self.ports, template),
            doors=tuple(doors.notes(offer, self.ports, template, jupyter=self._jupyter(template))),
            on_demand=on_demand,
            page=self._page(offer, template),
        )

    def _page(self, offer: Offer, template: Template | None) -> int | None:
        """None as well where its host has no open port to reach it by."""
        if offer.direct_ports < 1:
            return None
        return promised_page(doors.opened(self.ports, template), jupyter=self._jupyter(template))

    def _jupyter(self, template: Template | None) -> bool:
        if self.connect is None:
            return template is not None and template.jupyter
        return self.connect == "jupyter"

    def _spend(self, price: Price, now_us: int, image: str) -> Spend:
        spend = price.spend(now_us, image=image, task=self.task, max_cost_usd=self.max_cost_usd)
        return replace(spend, job_id=self.job_id)

    async def _template(self, account: Account) -> Template | None:
        if self.template_hash is None:
            return None
        template = await account.reads.template(self.template_hash)
        if template is None:
            raise InputInvalid(
                "template_hash",
                "there is no such template (its hash changes when it is edited)",
                hint="search_templates finds the current one.",
            )
        return template

    def _inside(self, account: Account, template: Template | None, image: str) -> Inside:
        return coverage(
            image=image,
            template=template,
            connect=self.connect,
            onstart=self.onstart,
            idle_minutes=self.idle_stop_minutes,
            sample=self._guard_text(account, "0" * INTENT_LENGTH, account.now_us()),
        )

    def _guard_text(self, account: Account, intent_id: str, created_us: int) -> str:
        ends_us = self._ends_us(created_us)
        return guard_text(account, intent_id, created_us, ends_us, self.idle_stop_minutes)

    def _disk(self, template: Template | None) -> float:
        disk_gb = disk_for(self.disk_gb, template)
        if disk_gb < MIN_DISK_GB:
            raise InputInvalid("disk_gb", f"at least {MIN_DISK_GB:g}; it cannot grow later")
        return disk_gb

    async def _offer(self, account: Account, disk_gb: float) -> Offer:
        rental: OfferRental = "on_demand" if self.bid_usd_per_hour is None else "interruptible"
        offer = await account.reads.find_offer(self.offer_id, rental=rental, disk_gb=disk_gb)
        if offer is None or not offer.rentable:
            raise OfferGone(
                f"Not rented, nothing charged: offer {self.offer_id} is no longer available (or"
                f" has less than {plain_number(disk_gb)} GB of disk).",
                hint="Search again: offer ids change.",
            )
        return offer

    async def _least_bid(self, account: Account, disk_gb: float) -> UsdPerHour | None:
        return (await self._offer(account, disk_gb)).min_bid

    def _rate(self, offer: Offer, disk_gb: float) -> UsdPerHour:
        if self.bid_usd_per_hour is None:
            return round_up(offer.usd_per_hour)
        bid = UsdPerHour.of(self.bid_usd_per_hour)
        if offer.min_bid is not None and bid < offer.min_bid:
            raise InputInvalid(
                "bid_usd_per_hour",
                f"{bid} is below this offer's minimum bid of {offer.min_bid}",
                hint=f"{better_bid(offer.min_bid)} is likely to win.",
            )
        return round_up(bid + storage_rate(offer.storage_usd_per_gb_month, disk_gb))

    # -- deciding --------------------------------------------------------------------------

    def holds(self, approved: Mapping[str, Json], sight: Sight) -> bool:
        """The same offer on the same machine, not dearer than it was approved at."""
        then, now = RENT_AGREEMENT.read(dict(approved)), RENT_AGREEMENT.decode(sight.snapshot)
        return then is not None and replace(then, rate=now.rate) == now and now.rate <= then.rate

    def replay(self, tx: Transaction, principal: str, now_us: int) -> Rental | None:
        """The same call again while its machine is open, unknown, alive or just ended.

        Raises:
            InputInvalid: the same request_key with other arguments.
        """
        digest = self._digest()
        for rental in tx.same_intent(principal, self.request_key, now_us - REPLAY_TTL_US):
            current = rental.state.holds_money or (
                rental.state is RentalState.GONE and now_us - (rental.ended_us or 0) < REPLAY_TTL_US
            )
            if not current:
                continue
            if rental.digest == digest:
                return rental
            if self.request_key:
                raise InputInvalid(
                    "request_key",
                    "was already used with other arguments, and that machine still exists",
                    hint="Use a new key for another machine.",
                )
        return None

    def _digest(self) -> str:
        """All arguments, as a hash: some of them are secret."""
        return hashlib.sha256(canonical(self.arguments()).encode()).hexdigest()

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Set aside the lease's worst case and the expected traffic."""
        assert isinstance(sight, CreateSight)
        assert sight.price is not None
        rental = self._rental(tx, booking, sight, sight.price)
        now_us, ends_us = booking.now_us, rental.lease_ends_us
        lease = Segment(booking.intent_id, "lease", rental.usd_per_hour, Usd(), now_us, ends_us)
        traffic = Segment(
            booking.intent_id, "traffic", UsdPerHour(), sight.price.traffic, now_us, now_us, now_us
        )
        tx.add_rental(rental, [lease, traffic])

    def _rental(
        self, tx: Transaction, booking: Booking, sight: CreateSight, price: Price
    ) -> Rental:
        task, cap = self.task, None
        if self.max_cost_usd is not None:
            cap = Usd.of(self.max_cost_usd)
            task = task or f"rental {booking.intent_id}"
            tx.lower_task_cap(task, cap)
        return Rental(
            intent_id=booking.intent_id,
            principal=booking.principal,
            kind="instance",
            state=RentalState.RESERVED,
            request_key=self.request_key,
            digest=self._digest(),
            label=self.label,
            usd_per_hour=price.rate,
            disk_usd_per_hour=price.disk_rate,
            created_us=booking.now_us,
            lease_ends_us=self._ends_us(booking.now_us),
            on_end=self.on_end,
            asked=booking.asked,
            task=task,
            max_cost=cap,
            offer_id=self.offer_id,
            machine_id=price.offer.machine_id,
            job_id=self.job_id,
            facts=LeaseFacts(
                gpus=price.gpus,
                disk_gb=price.disk_gb,
                is_bid=self.bid_usd_per_hour is not None,
                ports=sight.ports,
                guarded_inside=not sight.inside.why_not,
                key=KeyState.NONE if self.connect == "args" else KeyState.DUE,
            ),
        )

    def _ends_us(self, created_us: int) -> int:
        return floor_minute_us(created_us + seconds_from_hours(self.lease_hours) * SECOND_US)

    # -- doing -----------------------------------------------------------------------------

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Send once and settle; see `renting`."""
        sight = errand.sight
        assert isinstance(sight, CreateSight)
        assert sight.price is not None
        ends_us = self._ends_us(errand.booking.now_us)
        spec = self._spec(account, errand, sight.inside, sight.price.disk_gb)
        agreed = RENT_AGREEMENT.decode(errand.approved)
        terms = Terms(
            call=instances.create_instance(self.offer_id, spec),
            machine=sight.price.approved(agreed.rate),
            disk_rate=sight.price.disk_rate,
            cost=sight.price.rate.over((ends_us - errand.booking.now_us) / SECOND_US),
            ends_us=ends_us,
            on_end=self.on_end,
            attach_key=self.connect != "args",
            layers=sight.inside.layers,
            layer_warning=sight.inside.warning,
            page=sight.page,
            bid=None if self.bid_usd_per_hour is None else UsdPerHour.of(self.bid_usd_per_hour),
            least_bid=lambda: self._least_bid(account, spec.disk_gb),
        )
        outcome = await rent(account, errand, terms)
        notes = [*sight.doors, *self._notes(errand.booking.intent_id), *size_note(spec.env)]
        notes += filter(None, [sight.on_demand, sight.lost])
        booking = errand.booking
        notes += await lost_before(account, booking.principal, self.request_key, self._digest())
        values = {**outcome.values, **await task_left(account, booking.intent_id, self.task)}
        return replace(outcome, warnings=(*outcome.warnings, *notes), values=values)

    def _known_secrets(self, account: Account) -> tuple[tuple[str, str], ...]:
        """Those with a value of their own; a generated one is made when the rent is sent."""
        known = [name for name, fresh in map(split, self.secrets) if not fresh]
        return account.secrets.values(known, account.limits(), "")

    def _secret_words(self) -> str:
        """What of it a stranger's host can read, for the question."""
        names = said([*(split(secret)[0] for secret in self.secrets), *self._exposed()])
        return f"Its host can read {names}." if names else ""

    def _exposed(self) -> tuple[str, ...]:
        """What looks like a credential in what was given in plain text."""
        texts = (("onstart", self.onstart or ""), ("args", " ".join(self.args)))
        return exposed(dict(self.env), texts)

    def _notes(self, intent_id: str) -> list[str]:
        """What the person should know of values in plain text and of those made for them."""
        notes = [in_plain_text(self._exposed())] if self._exposed() else []
        made = [name for name, fresh in map(split, self.secrets) if fresh]
        if made:
            notes.append(f"{', '.join(made)}: kept for the user in {place(intent_id)}")
        return notes

    def _spec(self, account: Account, errand: Errand, inside: Inside, disk_gb: float) -> CreateSpec:
        booking = errand.booking
        ends_us = self._ends_us(booking.now_us)
        onstart = self.onstart
        if not inside.why_not:
            guard = self._guard_text(account, booking.intent_id, booking.now_us)
            onstart = inside.onstart(guard)
        bare = self.template_hash is None
        hidden = account.secrets.values(self.secrets, account.limits(), booking.intent_id)
        return CreateSpec(
            image=qualified(self.image) if self.image else DEFAULT_IMAGE if bare else None,
            disk_gb=disk_gb,
            label=account.marker.label(self.label, booking.intent_id, ends_us),
            template_hash=self.template_hash,
            bid_usd_per_hour=self.bid_usd_per_hour,
            env=(*self.env, *hidden, (ENV_NAME, booking.intent_id)),
            ports=self.ports,
            onstart=onstart,
            connect=self.connect or ("ssh" if bare else None),
            args=self.args,
        )


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))
