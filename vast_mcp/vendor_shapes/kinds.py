"""Every kind of reply that vast-mcp can meet, with its shape."""

from enum import StrEnum
from types import MappingProxyType

from vast_mcp.vendor_shapes import account, instances, offers, serverless, writes
from vast_mcp.vendor_shapes.field import Field


class Kind(StrEnum):
    """A kind of reply; the value is what a report calls it."""

    OFFERS = "offers"
    TEMPLATES = "templates"
    INSTANCE = "instance"
    INSTANCES = "instances"
    USER = "account"
    SSH_KEYS = "ssh keys"
    CHARGES = "charges"
    INVOICES = "invoices"
    NOTIFICATION_TYPES = "notification types"
    NOTIFICATION_INBOX = "notification inbox"
    NOTIFICATION_WEBHOOKS = "notification webhooks"
    ENDPOINTS = "endpoints"
    ENDPOINT_CREATED = "endpoint created"
    WORKERGROUPS = "workergroups"
    WORKERGROUP_CREATED = "workergroup created"
    WORKERS = "workers"
    VOLUMES = "volumes"
    VOLUME_CREATED = "volume created"
    CREATED = "instance created"
    CHANGED = "change"
    REQUEST_LOGS = "log request"
    REFUSAL = "refusal"


SHAPES: MappingProxyType[Kind, Field] = MappingProxyType(
    {
        Kind.OFFERS: offers.OFFERS,
        Kind.TEMPLATES: offers.TEMPLATES,
        Kind.INSTANCE: instances.INSTANCE,
        Kind.INSTANCES: instances.INSTANCES,
        Kind.USER: account.USER,
        Kind.SSH_KEYS: account.SSH_KEYS,
        Kind.CHARGES: account.CHARGES,
        Kind.INVOICES: account.INVOICES,
        Kind.NOTIFICATION_TYPES: account.NOTIFICATION_TYPES,
        Kind.NOTIFICATION_INBOX: account.NOTIFICATION_INBOX,
        Kind.NOTIFICATION_WEBHOOKS: account.NOTIFICATION_WEBHOOKS,
        Kind.ENDPOINTS: serverless.ENDPOINTS,
        Kind.ENDPOINT_CREATED: serverless.ENDPOINT_CREATED,
        Kind.WORKERGROUPS: serverless.WORKERGROUPS,
        Kind.WORKERGROUP_CREATED: serverless.WORKERGROUP_CREATED,
        Kind.WORKERS: serverless.WORKERS,
        Kind.VOLUMES: serverless.VOLUMES,
        Kind.VOLUME_CREATED: serverless.VOLUME_CREATED,
        Kind.CREATED: writes.CREATED,
        Kind.CHANGED: writes.CHANGED,
        Kind.REQUEST_LOGS: writes.REQUEST_LOGS,
        Kind.REFUSAL: writes.REFUSAL,
    }
)
