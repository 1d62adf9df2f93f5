"""The ledger: intents, reservations, plans, leases, quotes and the audit chain."""

from vast_mcp.store._codec import canonical
from vast_mcp.store._facts_codec import JOB_AGREEMENT, MACHINE_IDENTITY, RENT_AGREEMENT
from vast_mcp.store.agreed import MachineIdentity, RentAgreement
from vast_mcp.store.charges import Charged, ChargeReading
from vast_mcp.store.exposure import (
    OutsideRental,
    current_rate,
    day_of,
    sources_of,
    spent_and_reserved,
    split_by_day,
    total_cost,
    unasked_from,
)
from vast_mcp.store.facts import EndpointFacts, Gpus, Halt, KeyState, LeaseFacts, LowStretch
from vast_mcp.store.job_facts import (
    JobAgreement,
    JobEnd,
    JobFacts,
    JobKind,
    JobOutput,
    JobRent,
    JobSpec,
    Upload,
)
from vast_mcp.store.jobs import Job, JobNotes, JobPhase
from vast_mcp.store.ledger import Ledger, SqliteLedger
from vast_mcp.store.outbox import Letter
from vast_mcp.store.rows import (
    AuditEntry,
    Freeze,
    Plan,
    PlanState,
    Quote,
    Rental,
    RentalState,
    Segment,
    Silence,
)
from vast_mcp.store.sealing import Cipher
from vast_mcp.store.transaction import Transaction

__all__ = [
    "JOB_AGREEMENT",
    "MACHINE_IDENTITY",
    "RENT_AGREEMENT",
    "AuditEntry",
    "ChargeReading",
    "Charged",
    "Cipher",
    "EndpointFacts",
    "Freeze",
    "Gpus",
    "Halt",
    "Job",
    "JobAgreement",
    "JobEnd",
    "JobFacts",
    "JobKind",
    "JobNotes",
    "JobOutput",
    "JobPhase",
    "JobRent",
    "JobSpec",
    "KeyState",
    "LeaseFacts",
    "Ledger",
    "Letter",
    "LowStretch",
    "MachineIdentity",
    "OutsideRental",
    "Plan",
    "PlanState",
    "Quote",
    "RentAgreement",
    "Rental",
    "RentalState",
    "Segment",
    "Silence",
    "SqliteLedger",
    "Transaction",
    "Upload",
    "canonical",
    "current_rate",
    "day_of",
    "sources_of",
    "spent_and_reserved",
    "split_by_day",
    "total_cost",
    "unasked_from",
]
