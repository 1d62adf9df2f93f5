"""Rent a machine for a job, wait until SSH answers, and replace a host that fails.

Never two at once: the guard covers a rent of a job only while no rental of it holds money.
"""

from contextlib import suppress
from dataclasses import replace

from vast_mcp.actions import CreateInstance, DeclaredAct, DestroyInstance, RebootInstance
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import ApiError, NotFound, PolicyDenied
from vast_mcp.guard.act import Outcome
from vast_mcp.instances.waiting import log_trouble
from vast_mcp.jobs.context import JobContext
from vast_mcp.jobs.offers import JobWish, offers_for
from vast_mcp.jobs.progress import MachineProgress, progress_of
from vast_mcp.jobs.remote_job import RemoteJob
from vast_mcp.jobs.terms import SHORTEST_HOURS, affordable_hours, traffic_of
from vast_mcp.keeper.tick import look_once
from vast_mcp.models import Offer, Remedy
from vast_mcp.operations.on_instances import ATTACH_SSH_KEY, KeyToAttach
from vast_mcp.remote.errors import RemoteError, SshUnavailable
from vast_mcp.remote.trouble import Ill
from vast_mcp.store import JobPhase, JobRent, KeyState, Rental, RentalState
from vast_mcp.text import clean_ends, clean_line

UP_WITHIN_S = 15 * 60
"""A host that has not come up by then has failed; cold images took up to a quarter of an hour."""
_LOOK_EVERY_S = 10.0
_SHUT_FOR_S = 75
"""A machine that runs and refuses SSH for so long is asked for its log."""
_KEY_ARRIVES_S = 60
"""A key that is refused so long after it was given is given again."""
_MOST_TRIES = 12
"""Offers tried in all: most that fail are merely gone."""
_MOST_DENIALS = 3
_ENDS = {"stop_instance", "destroy_instance"}
_AUDIT_READ = 2000


async def rent(context: JobContext) -> None:
    """One rent: take up one that was begun, or choose an offer and begin."""
    begun = context.facts.rent
    known = None if begun is None else await context.rental(begun.request_key)
    if known is None and (await context.save()).stop_asked:  # the wish may be newer than the choice
        why = "It was stopped before it had a machine."
        await context.save(JobPhase.ENDING, replace(context.facts, why=why))
    elif begun is None:
        await _choose(context)
    elif known is None:
        await _send(context, begun)
    elif known.state is RentalState.ACTIVE and known.target_id is not None:
        await _begin_waiting(context, known.target_id)
    elif unmarked_id := known.facts.unmarked_id:  # perhaps ours, and nothing proves it: not used
        why = f"Instance {unmarked_id} was rented but lacks our lease mark"
        how = f"`vast-mcp extend {unmarked_id} HOURS` adopts it"
        why = f"{why}; it is left alone. {how}."
        await context.save(JobPhase.ENDING, replace(context.facts, why=why, leave=True))
    elif known.state.unresolved:
        await context.pause(_LOOK_EVERY_S)  # the keeper finds it, or proves it absent
        await context.save()
    elif known.state is RentalState.DESTROYING:
        await _until_gone(context)
    else:
        await context.save(facts=replace(context.facts, rent=None))


async def _choose(context: JobContext) -> None:
    """The best offer that was not tried yet and that the money left can carry."""
    facts = context.facts
    tried, trouble = facts.tried, facts.trouble
    if len(tried) >= _MOST_TRIES or facts.denials >= _MOST_DENIALS:
        why = trouble or "No offer could be rented."
        await context.save(JobPhase.ENDING, replace(facts, why=why))
        return
    offers = await offers_for(context.account, _wish(context))
    agreed, failed = context.agreed, facts.failed_machines
    left = agreed.at_most - await context.committed()
    # One machine stands on the market under several ids: where one failed, others go first.
    for offer in sorted(offers, key=lambda one: one.machine_id in failed):
        hours = min(
            agreed.hours,
            affordable_hours(left, traffic_of(offer), offer.usd_per_hour),
            offer.max_hours,
        )
        fits = offer.rentable and offer.usd_per_hour <= agreed.ceiling and hours >= SHORTEST_HOURS
        if fits and offer.offer_id not in tried:
            rent = _rent(context, offer, hours, len(tried))
            await context.save(facts=replace(facts, tried=(*tried, offer.offer_id), rent=rent))
            return
    why = f"No offer left within {agreed.ceiling} and the {left} that remain. {trouble}".rstrip()
    await context.save(JobPhase.ENDING, replace(facts, why=why))


def _wish(context: JobContext) -> JobWish:
    spec, agreed = context.spec, context.agreed
    first = None if context.facts.tried else spec.offer_id
    names = spec.gpu_names
    if not names and first is None:
        names = (agreed.gpus.name,)
    return JobWish(
        gpu_names=names,
        hours=SHORTEST_HOURS,
        offer_id=first,
        disk_gb=spec.disk_gb,
        template_hash=spec.template_hash,
        image=spec.image,
        max_price=agreed.ceiling,
        query=context.facts.needs,
    )


def _rent(context: JobContext, offer: Offer, hours: float, number: int) -> JobRent:
    job, spec = context.job, context.spec
    return JobRent(
        request_key=f"{job.own_name} {number}",
        offer_id=offer.offer_id,
        lease_hours=hours,
        max_price_usd_per_hour=context.agreed.ceiling.dollars,
        label=f"job {job.job_id}",
        task=job.budget,
        job_id=job.job_id,
        image=spec.image,
        template_hash=spec.template_hash,
        disk_gb=spec.disk_gb,
    )


def _act(rent: JobRent) -> CreateInstance:
    return CreateInstance(
        offer_id=rent.offer_id,
        lease_hours=rent.lease_hours,
        image=rent.image,
        template_hash=rent.template_hash,
        disk_gb=rent.disk_gb,
        label=rent.label,
        max_price_usd_per_hour=rent.max_price_usd_per_hour,
        task=rent.task,
        request_key=rent.request_key,
        job_id=rent.job_id,
    )


async def _send(context: JobContext, rent: JobRent) -> None:
    try:
        await context.carry(_act(rent))  # what became of it stands in its row
    except PolicyDenied as error:
        denials, trouble = context.facts.denials + 1, str(clean_line(str(error), 400))
        await context.save(
            facts=replace(context.facts, rent=None, denials=denials, trouble=trouble)
        )
    except ApiError as error:
        if await context.rental(rent.request_key) is None:
            # Refused before anything was reserved: an offer that is gone, or a read that failed.
            trouble = str(clean_line(str(error), 200))
            await context.save(facts=replace(context.facts, rent=None, trouble=trouble))


async def _begin_waiting(context: JobContext, instance_id: int) -> None:
    up_by_us = context.now_us() + UP_WITHIN_S * SECOND_US
    facts = replace(context.facts, up_by_us=up_by_us)
    await context.save(JobPhase.WAITING, facts, instance_id=instance_id)


# -- waiting -------------------------------------------------------------------------------


async def wait(context: JobContext) -> None:
    """One look at the machine; on with the job once a command runs on it."""
    instance_id = context.job.instance_id
    assert instance_id is not None
    if context.facts.failing:
        await _replace(context)
        return
    if context.job.stop_asked:
        why = "It was stopped before its command began."
        await context.save(JobPhase.ENDING, replace(context.facts, why=why))
        return
    look = await progress_of(context.account, instance_id)
    trouble = await _trouble(context, look)
    if trouble is None:
        await context.save(JobPhase.UPLOADING)
    elif look.dead or context.now_us() >= (context.facts.up_by_us or 0):
        await give_up(context, trouble, look)
    else:
        await context.save(facts=replace(context.facts, waits_for=trouble))
        await context.pause(_LOOK_EVERY_S)


async def give_up(context: JobContext, failing: str, look: MachineProgress | None = None) -> None:
    """Replace the host, unless somebody ended it: that is no failure of it, and no wish for more.

    Its disk is then left as whoever that was left it. `look` tells why it did not come up: a fault
    of the image or its disk meets every host, so the job ends with what the host said.
    """
    if await _ended_by_somebody(context):
        why = "Its machine was stopped or destroyed before its command began."
        facts = replace(context.facts, why=why, leave=True)
        await context.save(JobPhase.ENDING, facts, stop_asked=True)
        return
    facts = replace(context.facts, failing=failing, lost=0)
    if look is not None and look.instance is not None:
        machines = (*facts.failed_machines, look.instance.machine_id)
        quote = str(clean_ends(look.instance.status_message))
        facts = replace(facts, failed_machines=machines, quote=quote)
    if look is not None and look.failure is not None:
        hopeless = look.failure.remedy is not Remedy.HOST
        facts = replace(facts, hopeless=hopeless, needs=look.failure.query or facts.needs)
    await context.save(JobPhase.WAITING, facts)


async def _ended_by_somebody(context: JobContext) -> bool:
    """Whether a stop or destroy of it was sent: the job itself has sent none until now."""
    machine = f"/{context.job.instance_id}/"
    rows = await context.account.ledger.read(lambda tx: tx.audit(_AUDIT_READ))
    return any(
        row.detail.get("operation") in _ENDS and machine in f"{row.detail.get('path')}/"
        for row in rows
        if row.phase == "write"
    )


async def _trouble(context: JobContext, look: MachineProgress) -> str | None:
    """What keeps the job from going on; None when a command runs there."""
    if look.instance is None or not look.runs:
        return str(clean_line(look.said, 200))
    remote_job = RemoteJob(
        context.account.remote, context.account.clock, context.job.job_id, look.instance
    )
    try:
        if not context.account.remote.key.exists():
            await _give_key(context)
        await remote_job.answers()
    except SshUnavailable as error:
        if error.reason == "auth":
            await _give_key(context)
        return await _explained(context, look.instance.instance_id, error)
    except RemoteError as error:  # no SSH that can be trusted or used: no time heals that
        failing = str(clean_line(error.message, 200))
        await context.save(facts=replace(context.facts, failing=failing))
        return error.message
    return None


async def _explained(context: JobContext, instance_id: int, error: SshUnavailable) -> str:
    """Why SSH refuses. A stuck tunnel is cured by one reboot: nothing runs there yet."""
    now_us, since_us = context.now_us(), context.facts.shut_us
    if not since_us:
        await context.save(facts=replace(context.facts, shut_us=now_us))
    elif not context.facts.explained and now_us - since_us >= _SHUT_FOR_S * SECOND_US:
        found = await log_trouble(context.account, instance_id, error.reason)
        said = "" if found is None else found.said
        await context.save(facts=replace(context.facts, explained=said, shut_us=now_us))
        if found is not None and found.ill is Ill.TUNNEL and not context.facts.rebooted:
            await context.save(facts=replace(context.facts, rebooted=True))
            with suppress(ApiError, PolicyDenied):
                await context.carry(RebootInstance(instance_id, unstarted=True))
    return context.facts.explained or str(clean_line(error.message, 200))


async def _give_key(context: JobContext) -> None:
    """Whoever rented it may have died, or been cut off, before the machine had our key."""
    now_us, given_us = context.now_us(), context.facts.key_us
    if context.job.instance_id is None or now_us - given_us < _KEY_ARRIVES_S * SECOND_US:
        return
    rental = await context.machine_rental()
    if rental is not None and rental.facts.key is KeyState.REFUSED:
        return
    await context.save(facts=replace(context.facts, key_us=now_us))
    with suppress(ApiError):  # tried again with the next refusal
        await context.carry(DeclaredAct(ATTACH_SSH_KEY, KeyToAttach(context.job.instance_id)))


async def _replace(context: JobContext) -> None:
    """Destroy the host that failed; only when it is gone another is rented."""
    await _until_gone(context)
    failed = (*context.facts.failed_hosts, context.facts.failing)
    gone = replace(
        context.facts,
        failed_hosts=failed,
        failing="",
        rent=None,
        up_by_us=None,
        key_us=0,
        shut_us=0,
        explained="",
        rebooted=False,
    )
    if gone.hopeless:
        why = f"{failed[-1]} No other host would fare better."
        end = replace(gone, why=why, detail=gone.quote)
        await context.save(JobPhase.ENDING, end, instance_id=None)
    elif len(failed) > context.spec.max_replacements:
        count = f"{len(failed)} machine{'s' * (len(failed) != 1)}"
        why = f"{count} did not come up; the last: {failed[-1]}"
        end = replace(gone, why=why, detail=gone.quote)
        await context.save(JobPhase.ENDING, end, instance_id=None)
    else:
        await context.save(JobPhase.RENTING, gone, instance_id=None)


async def _until_gone(context: JobContext) -> None:
    """Until no rental of this job holds money. Its end is tried again and again."""
    while True:
        live = await context.live_rentals()
        if not live:
            return
        for rental in live:
            await _destroy(context, rental)
        await context.save()


async def _destroy(context: JobContext, rental: Rental) -> None:
    if rental.target_id is None:
        await context.pause(_LOOK_EVERY_S)
        return
    try:
        outcome: Outcome | None = await context.carry(DestroyInstance(rental.target_id))
    except NotFound:
        outcome = None
    if outcome is not None and outcome.status == "destroyed":
        await context.account.remote.forget(rental.target_id)
        return
    await context.pause(_LOOK_EVERY_S)
    seen = await look_once(
        context.guard
    )  # the vendor does not show it: the books must see that as well
    if seen.unread is not None:
        raise seen.unread
