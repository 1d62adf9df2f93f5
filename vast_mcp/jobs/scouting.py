"""The market and the wait verdicts, as a job asks for them."""

from vast_mcp.account.context import Account
from vast_mcp.errors import InputInvalid, OfferGone
from vast_mcp.instances.waiting import log_trouble, look_once
from vast_mcp.jobs.scout import JobWish, MachineProgress
from vast_mcp.market.search import Search, needs_of, search_market
from vast_mcp.models import Offer
from vast_mcp.remote.errors import Unavailable
from vast_mcp.remote.trouble import Trouble

_LOOKED_AT = 50


class Scouting:
    """A scout over one account's services."""

    def __init__(self, account: Account) -> None:
        self._services = account

    async def offers(self, wish: JobWish) -> tuple[Offer, ...]:
        """What may be rented, the cheapest job first; the one that was named leads."""
        named = await self._named(wish)
        gpu_names = wish.gpu_names or ((named.gpu_name,) if named else ())
        search = Search(
            gpu_names=gpu_names,
            num_gpus=named.num_gpus if named else None if not gpu_names else 1,
            max_price_usd_per_hour=None if wish.max_price is None else wish.max_price.dollars,
            disk_gb=wish.disk_gb,
            template_hash=wish.template_hash,
            image=wish.image,
            hours=wish.hours,
            query=wish.query,
            limit=_LOOKED_AT,
            counted=False,
        )
        found = [one.offer for one in (await search_market(self._services, search)).shown]
        if named is None:
            return tuple(found)
        rest = [one for one in found if one.offer_id != named.offer_id]
        return (named, *rest)

    async def _named(self, wish: JobWish) -> Offer | None:
        if wish.offer_id is None:
            return None
        disk_gb, ports = await needs_of(self._services, wish.disk_gb, wish.template_hash)
        found = await self._services.reads.find_offer(
            wish.offer_id, rental="on_demand", disk_gb=disk_gb
        )
        if found is not None and found.direct_ports < ports:
            raise InputInvalid(
                "offer_id",
                f"its host has {found.direct_ports} open ports, and the template opens {ports}",
                hint=f"search_offers(ports={ports}) finds hosts that have them.",
            )
        if found is not None:
            return found
        if wish.gpu_names:
            return None
        raise OfferGone(
            f"Offer {wish.offer_id} is not on the market any more.",
            hint="Search again, or give gpu_names and let the job choose.",
        )

    async def look(self, instance_id: int) -> MachineProgress:
        """One look at the machine."""
        held, verdict = await look_once(self._services, instance_id)
        instance = None if held is None else held.instance
        failure = None if held is None or held.stop_sent else held.failure
        return MachineProgress(
            instance, verdict.reached, verdict.word == "dead", verdict.said, failure
        )

    async def trouble(self, instance_id: int, reason: Unavailable) -> Trouble | None:
        """What the machine's log says of a session that failed so."""
        return await log_trouble(self._services, instance_id, reason)
