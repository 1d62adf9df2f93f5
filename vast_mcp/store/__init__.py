"""The ledger: intents, reservations, plans, leases, quotes and the audit chain."""

from vast_mcp.store._codec import canonical
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
from vast_mcp.store.jobs import Job, JobPhase
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
    "AuditEntry",
    "ChargeReading",
    "Charged",
    "Cipher",
    "EndpointFacts",
    "Freeze",
    "Gpus",
    "Halt",
    "Job",
    "JobPhase",
    "KeyState",
    "LeaseFacts",
    "Ledger",
    "Letter",
    "LowStretch",
    "OutsideRental",
    "Plan",
    "PlanState",
    "Quote",
    "Rental",
    "RentalState",
    "Segment",
    "Silence",
    "SqliteLedger",
    "Transaction",
    "canonical",
    "current_rate",
    "day_of",
    "sources_of",
    "spent_and_reserved",
    "split_by_day",
    "total_cost",
    "unasked_from",
]
