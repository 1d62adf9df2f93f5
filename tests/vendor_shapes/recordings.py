"""The recorded replies of the vendor, each with the kind of reply it is."""

import json
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.vendor_shapes import ReplyKind, Source

DIRECTORY = Path(__file__).parents[3] / "shared" / "recorded"
_KINDS = (
    ("offers_", ReplyKind.OFFERS),
    ("volume_listings_in_bundles", ReplyKind.OFFERS),
    ("instances_v1", ReplyKind.INSTANCES),
    ("instances_empty", ReplyKind.INSTANCES),
    ("docs_GET__api_v1_instances_200", ReplyKind.INSTANCES),
    ("instance_", ReplyKind.INSTANCE),
    ("state_", ReplyKind.INSTANCE),
    ("show_gone", ReplyKind.INSTANCE),
    ("user", ReplyKind.USER),
    ("templates", ReplyKind.TEMPLATES),
    ("ssh_keys", ReplyKind.SSH_KEYS),
    ("charges", ReplyKind.CHARGES),
    ("docs_GET__api_v0_charges_200", ReplyKind.CHARGES),
    ("docs_GET__api_v1_invoices_200", ReplyKind.INVOICES),
    ("notify_types", ReplyKind.NOTIFICATION_TYPES),
    ("notify_inbox", ReplyKind.NOTIFICATION_INBOX),
    ("notify_webhooks", ReplyKind.NOTIFICATION_WEBHOOKS),
    ("docs_GET__api_v0_endptjobs", ReplyKind.ENDPOINTS),
    ("docs_POST__api_v0_endptjobs", ReplyKind.ENDPOINT_CREATED),
    ("docs_GET__api_v0_workergroups", ReplyKind.WORKERGROUPS),
    ("docs_POST__api_v0_workergroups", ReplyKind.WORKERGROUP_CREATED),
    ("docs_POST__get_endpoint_workers", ReplyKind.WORKERS),
    ("docs_GET__api_v0_volumes", ReplyKind.VOLUMES),
    ("docs_PUT__api_v0_volumes", ReplyKind.VOLUME_CREATED),
    ("docs_DELETE__api_v0_volumes", ReplyKind.CHANGED),
    ("docs_PUT__api_v0_instances_request_logs", ReplyKind.REQUEST_LOGS),
    ("request_logs_two_urls", ReplyKind.REQUEST_LOGS),
    ("create_", ReplyKind.CREATED),
    ("bid_too_low", ReplyKind.CREATED),
    ("start_queued", ReplyKind.CHANGED),
)
_GRADES = (
    ("recorded shape", Source.REPORTED),
    ("recorded", Source.RECORDED),
    ("asserted live", Source.RECORDED),
    ("pasted", Source.PASTED),
    ("vendor example", Source.EXAMPLE),
    ("", Source.REPORTED),
)
PARTIAL = (
    "state_",
    "instance_docs_",
    "instances_v1_mixed",
    "docs_",
    "charges_args",
    "offers_500farm",
)
"""Replies of which somebody quoted a part, or that are no reply of the live service."""


@dataclass(frozen=True)
class Recording:
    """One recorded reply."""

    name: str
    kind: ReplyKind
    status: int
    source: Source
    body: object

    @property
    def partial(self) -> bool:
        """Whether fields may be missing because the source left them out."""
        return self.name.startswith(PARTIAL)


def recordings() -> list[Recording]:
    """Every recorded reply that has a body, in the order of their names."""
    found = []
    for path in sorted(DIRECTORY.glob("*.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["body"] is not None:
            source = next(s for start, s in _GRADES if said["_grade"].startswith(start))
            kind = _kind(path.stem, said["status"])
            found.append(Recording(path.stem, kind, said["status"], source, said["body"]))
    return found


def _kind(name: str, status: int) -> ReplyKind:
    if status >= 400:
        return ReplyKind.REFUSAL
    return next(kind for start, kind in _KINDS if name.startswith(start))
