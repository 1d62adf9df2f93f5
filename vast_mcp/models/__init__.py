"""What the vendor has and what the account holds, as frozen values in our units."""

from vast_mcp.models.account import ChargeItem, Charges, InboxNote, SshKey, VendorAccount, Volume
from vast_mcp.models.instance import (
    Billing,
    Instance,
    InstanceState,
    PortMapping,
    billing_of,
    billing_told,
    failure_of,
    halted,
    rate_of,
    state_of,
)
from vast_mcp.models.offer import (
    DEFAULT_IMAGE,
    Offer,
    OfferPage,
    Rental,
    Template,
    disk_for,
    image_for,
)
from vast_mcp.models.serverless import Endpoint, Scaling, Worker, Workergroup
from vast_mcp.models.start_failure import Remedy, StartFailure

__all__ = [
    "DEFAULT_IMAGE",
    "Billing",
    "ChargeItem",
    "Charges",
    "Endpoint",
    "InboxNote",
    "Instance",
    "InstanceState",
    "Offer",
    "OfferPage",
    "PortMapping",
    "Remedy",
    "Rental",
    "Scaling",
    "SshKey",
    "StartFailure",
    "Template",
    "VendorAccount",
    "Volume",
    "Worker",
    "Workergroup",
    "billing_of",
    "billing_told",
    "disk_for",
    "failure_of",
    "halted",
    "image_for",
    "rate_of",
    "state_of",
]
