"""Every kind of reply that vast-mcp can meet, with its shape."""

from enum import StrEnum
from types import MappingProxyType

from vast_mcp.vendor_shapes import account, instances, offers, serverless, writes
from vast_mcp.vendor_shapes.field import Field


class ReplyKind(StrEnum):
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


SHAPES: MappingProxyType[ReplyKind, Field] = MappingProxyType(
    {
        ReplyKind.OFFERS: offers.OFFERS,
        ReplyKind.TEMPLATES: offers.TEMPLATES,
        ReplyKind.INSTANCE: instances.INSTANCE,
        ReplyKind.INSTANCES: instances.INSTANCES,
        ReplyKind.USER: account.USER,
        ReplyKind.SSH_KEYS: account.SSH_KEYS,
        ReplyKind.CHARGES: account.CHARGES,
        ReplyKind.INVOICES: account.INVOICES,
        ReplyKind.NOTIFICATION_TYPES: account.NOTIFICATION_TYPES,
        ReplyKind.NOTIFICATION_INBOX: account.NOTIFICATION_INBOX,
        ReplyKind.NOTIFICATION_WEBHOOKS: account.NOTIFICATION_WEBHOOKS,
        ReplyKind.ENDPOINTS: serverless.ENDPOINTS,
        ReplyKind.ENDPOINT_CREATED: serverless.ENDPOINT_CREATED,
        ReplyKind.WORKERGROUPS: serverless.WORKERGROUPS,
        ReplyKind.WORKERGROUP_CREATED: serverless.WORKERGROUP_CREATED,
        ReplyKind.WORKERS: serverless.WORKERS,
        ReplyKind.VOLUMES: serverless.VOLUMES,
        ReplyKind.VOLUME_CREATED: serverless.VOLUME_CREATED,
        ReplyKind.CREATED: writes.CREATED,
        ReplyKind.CHANGED: writes.CHANGED,
        ReplyKind.REQUEST_LOGS: writes.REQUEST_LOGS,
        ReplyKind.REFUSAL: writes.REFUSAL,
    }
)
