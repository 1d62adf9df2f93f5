"""Running and stopping a job as acts of the guard: one question, a row in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.account.secrets import in_plain_text, split
from vast_mcp.actions.base import PlainAct, plain_number
from vast_mcp.actions.rent_price import spend_on
from vast_mcp.clock import SECOND_US
from vast_mcp.credentials import exposed, said
from vast_mcp.errors import InputInvalid, OfferGone
from vast_mcp.guard.act import Booking, Errand, Outcome, Sight
from vast_mcp.jobs.offers import JobWish, offers_for
from vast_mcp.jobs.terms import SHORTEST_HOURS, JobTerms, terms_of, traffic_of
from vast_mcp.jobs.uploads import measure
from vast_mcp.models import Offer, image_for
from vast_mcp.operations import Json
from vast_mcp.policy import Limits
from vast_mcp.policy.facts import Request, Spend
from vast_mcp.store import (
    JOB_AGREEMENT,
    Gpus,
    Job,
    JobAgreement,
    JobFacts,
    JobPhase,
    JobSpec,
    Transaction,
    Upload,
    split_by_day,
)
from vast_mcp.text import clean_line
from vast_mcp.units import HOUR_S, Usd, UsdPerHour, storage_rate

JOB_ID_LENGTH = 8
_COMMAND_SHOWN = 40
_NAME_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _JobSight(Sight):
    """What was found out for the question."""

    agreed: JobAgreement | None = None
    """What the question names; the snapshot is the same as the plan stores it."""


@dataclass(frozen=True, slots=True)
class RunJob(PlainAct):
    """Rent a machine, run a command on it, bring its outputs home, end it."""

    tool: ClassVar[str] = "run_job"
    command: str
    upload: tuple[str, ...] = ()
    sealed: str = field(default="", repr=False)
    files: tuple[tuple[str, int], ...] = ()
    """Name and bytes of each file given as text; the text itself is sealed."""
    secrets: tuple[str, ...] = ()
    """Names that the policy allows; their values join the seal after the yes."""
    outputs: tuple[str, ...] = ()
    gpu_names: tuple[str, ...] = ()
    offer_id: int | None = None
    image: str | None = None
    template_hash: str | None = None
    disk_gb: float | None = None
    max_cost_usd: float | None = None
    max_hours: float | None = None
    max_replacements: int = 2
    on_end: str = "stop"
    restart_on_resume: bool = False
    task: str = ""
    """The named budget that it shares with other jobs and rents."""

    # -- looking ---------------------------------------------------------------------------

    async def look(self, account: Account) -> Sight:
        """The best offer now, what it may come to, and what would be sent.

        Raises:
            InputInvalid: nothing fits, or the money is not enough for a quarter of an hour.
            PathRefused: an upload that must not be read.
            PolicyDenied: a secret that the policy does not allow.
        """
        account.secrets.check(self.secrets, account.limits())
        self._check_hours(account.limits())
        uploads = await measure(account.remote.roots(), self.upload)
        offer = await self._best(account)
        terms = terms_of(
            offer,
            max_cost=None if self.max_cost_usd is None else Usd.of(self.max_cost_usd),
            max_hours=self.max_hours,
            price_cap=account.limits().max_usd_per_hour,
        )
        if terms is None:
            raise InputInvalid(
                "max_cost_usd",
                f"the cheapest offer costs {offer.usd_per_hour} and {traffic_of(offer)} for"
                f" traffic: that pays for less than {SHORTEST_HOURS * 60:.0f} minutes",
                hint="Ask the user for a larger budget, or choose a cheaper GPU.",
            )
        image = await self._image(account)
        agreed = _agreement(offer, terms, uploads)
        return _JobSight(
            request=Request(self.tool, spend=self._spend(account, offer, terms, image)),
            snapshot=JOB_AGREEMENT.encode(agreed),
            question=self._question(account, offer, terms, uploads),
            handle=f"job-{terms.at_most.dollars:.2f}usd-{plain_number(round(terms.hours, 1))}h",
            must_ask="Jobs always ask.",
            agreed=agreed,
        )

    def _check_hours(self, limits: Limits) -> None:
        """No offer is looked for that could not be leased for so long."""
        most = limits.max_lease_hours
        if self.max_hours is not None and self.max_hours > most:
            raise InputInvalid(
                "max_hours",
                f"a lease may last {plain_number(most)} h at most",
                hint=f"Pass {plain_number(most)} or less. Only the user can change"
                f" limits.max_lease_hours, in {limits.place_of('limits.max_lease_hours')}.",
            )

    async def _best(self, account: Account) -> Offer:
        offers = await offers_for(account, self.wish())
        if not offers:
            raise OfferGone(
                "Not rented: no offer fits this job under the policy.",
                hint="search_offers with the same gpu_names, disk_gb and hours shows why.",
            )
        return offers[0]

    def wish(self) -> JobWish:
        """What is looked for on the market."""
        return JobWish(
            gpu_names=self.gpu_names,
            hours=self.max_hours or SHORTEST_HOURS,
            offer_id=self.offer_id,
            disk_gb=self.disk_gb,
            template_hash=self.template_hash,
            image=self.image,
        )

    async def _image(self, account: Account) -> str:
        template = None
        if self.template_hash is not None and self.image is None:
            template = await account.reads.template(self.template_hash)
        return image_for(self.image, template)

    def _spend(self, account: Account, offer: Offer, terms: JobTerms, image: str) -> Spend:
        return spend_on(
            offer,
            rate=terms.ceiling,
            hours=terms.hours,
            cost=terms.at_most,
            by_day=cost_by_day(terms, account.now_us()),
            disk_gb=offer.disk_gb,
            image=image,
            task=self.task,  # `max_cost_usd` is in the terms: it binds this job, not its task
        )

    def holds(self, approved: Mapping[str, Json], sight: Sight) -> bool:
        """The same kind of machine within the ceiling, and the same files to send."""
        then, now = JOB_AGREEMENT.read(dict(approved)), JOB_AGREEMENT.decode(sight.snapshot)
        return (
            then is not None
            and then.gpus == now.gpus
            and then.uploads == now.uploads
            and now.rate <= then.ceiling
        )

    def _question(
        self, account: Account, offer: Offer, terms: JobTerms, uploads: tuple[Upload, ...]
    ) -> str:
        count = sum(upload.files for upload in uploads) + len(self.files)
        size = sum(file.bytes for file in uploads) + sum(bytes_ for _, bytes_ in self.files)
        sends = f"uploads {count} file{'s' * (count != 1)} ({shown_bytes(size)})" if count else ""
        gets = ", ".join(split(secret)[0] for secret in self.secrets)
        gets = f"gets {clean_line(gets, 30)}" if gets else ""
        if reads := self._host_reads(account, uploads):
            gets = f"{gets}{', ' if gets else ''}lets the host read {clean_line(reads, 90)}"
        named = ", ".join(str(clean_line(path, _NAME_SHOWN)) for path in self.outputs[:2])
        more = f" and {len(self.outputs) - 2} more" if len(self.outputs) > 2 else ""
        brings = f"brings back {named}{more}" if self.outputs else "brings nothing back"
        per_day = _disk_rate(offer).per_day
        end = (
            f"stopped, disk kept at {per_day}/day"
            if self.on_end == "stop"
            else "destroyed once back, else stopped"
        )
        spare = f", replaced at most {self.max_replacements}x" if self.max_replacements else ""
        return (
            f"Run `{clean_line(self.command, _COMMAND_SHOWN)}` on {offer.num_gpus}x"
            f" {offer.gpu_name}? Up to {terms.ceiling}, {terms.hours:.3g} h, at most"
            f" {terms.at_most}. It {', '.join(part for part in (sends, gets, brings) if part)}."
            f" Then: {end}. A host that fails to start is destroyed{spare}."
        )

    def _host_reads(self, account: Account, uploads: tuple[Upload, ...]) -> str:
        """What looks like a secret and goes as it is."""
        plain = account.secrets.unsealed(self.sealed)
        texts = [("the command", self.command), *(("files", text) for text in plain.files.values())]
        files = [
            f"{clean_line(upload.path, 50)}, which {upload.doubt}"
            for upload in uploads
            if upload.doubt
        ]
        return said([*files, *exposed(plain.env, texts)])

    def _warnings(self, account: Account) -> tuple[str, ...]:
        env = account.secrets.unsealed(self.sealed).env
        found = exposed(env, (("the command", self.command),))
        return (in_plain_text(found),) if found else ()

    # -- doing -----------------------------------------------------------------------------

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Write the job down; its money is bound by a ceiling of its own from here on."""
        assert isinstance(sight, _JobSight)
        spec = JobSpec(
            command=self.command,
            outputs=self.outputs,
            gpu_names=self.gpu_names,
            offer_id=self.offer_id,
            image=self.image,
            template_hash=self.template_hash,
            disk_gb=self.disk_gb,
            max_replacements=self.max_replacements,
            on_end=self.on_end,
            restart_on_resume=self.restart_on_resume,
            agreed=sight.agreed,
        )
        tx.add_job(replace(planned(booking, spec, self.sealed), task=self.task))

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Mark it approved as it was asked, and start."""
        job_id = job_id_of(errand.booking)
        agreed = JOB_AGREEMENT.decode(errand.approved)
        sealed = self.sealed
        if self.secrets:
            content = account.secrets.unsealed(sealed)
            hidden = dict(account.secrets.values(self.secrets, account.limits(), job_id))
            sealed = account.secrets.seal({**content.env, **hidden}, content.files)

        def approve(tx: Transaction) -> Job:
            job = tx.job(job_id)
            assert job is not None
            if not job.task:  # a named budget is its person's, and others' money is in it
                tx.lower_task_cap(job.budget, agreed.at_most)
            spec = replace(job.spec, agreed=agreed)
            return tx.update_job(job, approved=True, spec=spec, sealed=sealed)

        await account.ledger.write(approve)
        account.begun_jobs.put_nowait(job_id)
        at_most = agreed.at_most
        return Outcome(
            status="started",
            said=f"Job {job_id} has started; it costs at most {at_most} in total.",
            next=f'show_jobs(job_id="{job_id}", wait_seconds=45) shows its progress; it continues'
            " without being watched.",
            warnings=self._warnings(account),
            values={"job_id": job_id, "max_cost_usd": round(at_most.dollars, 2)},
        )


def cost_by_day(terms: JobTerms, now_us: int) -> dict[str, Usd]:
    """The ceiling over its hours, as far as the total reaches: the last day has what is left."""
    ends_us = now_us + int(terms.hours * HOUR_S) * SECOND_US
    left, days = terms.at_most, dict[str, Usd]()
    for day, amount in split_by_day(terms.ceiling, now_us, ends_us).items():
        days[day] = min(amount, left)
        left -= days[day]
    return days


def _agreement(offer: Offer, terms: JobTerms, uploads: tuple[Upload, ...]) -> JobAgreement:
    return JobAgreement(
        gpus=Gpus(offer.num_gpus, offer.gpu_name),
        rate=offer.usd_per_hour,
        ceiling=terms.ceiling,
        at_most=terms.at_most,
        hours=terms.hours,
        disk_per_day=_disk_rate(offer).per_day,
        uploads=uploads,
    )


def _disk_rate(offer: Offer) -> UsdPerHour:
    return storage_rate(offer.storage_usd_per_gb_month, offer.disk_gb)


def job_id_of(booking: Booking) -> str:
    """The job's id out of its intent: short enough to say."""
    return booking.intent_id[:JOB_ID_LENGTH]


def planned(booking: Booking, spec: JobSpec, sealed: str, instance_id: int | None = None) -> Job:
    """A job that nothing has been done for; approved for nothing."""
    return Job(
        job_id=job_id_of(booking),
        principal=booking.principal,
        phase=JobPhase.PLANNED,
        approved=False,
        stop_asked=False,
        instance_id=instance_id,
        spec=spec,
        facts=JobFacts(),
        sealed=sealed,
        created_us=booking.now_us,
        changed_us=booking.now_us,
    )


def shown_bytes(count: int) -> str:
    """12 KB, 3.4 MB, 2.1 GB."""
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"
