"""The recorded replies of the vendor, each with the kind of reply it is."""

import json
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.vendor_shapes import Kind, Source

DIRECTORY = Path(__file__).parents[3] / "shared" / "recorded"
_KINDS = (
    ("offers_", Kind.OFFERS),
    ("volume_listings_in_bundles", Kind.OFFERS),
    ("instances_v1", Kind.INSTANCES),
    ("instances_empty", Kind.INSTANCES),
    ("docs_GET__api_v1_instances_200", Kind.INSTANCES),
    ("instance_", Kind.INSTANCE),
    ("state_", Kind.INSTANCE),
    ("show_gone", Kind.INSTANCE),
    ("user", Kind.USER),
    ("templates", Kind.TEMPLATES),
    ("ssh_keys", Kind.SSH_KEYS),
    ("charges", Kind.CHARGES),
    ("docs_GET__api_v0_charges_200", Kind.CHARGES),
    ("docs_GET__api_v1_invoices_200", Kind.INVOICES),
    ("notify_types", Kind.NOTIFICATION_TYPES),
    ("notify_inbox", Kind.NOTIFICATION_INBOX),
    ("notify_webhooks", Kind.NOTIFICATION_WEBHOOKS),
    ("docs_GET__api_v0_endptjobs", Kind.ENDPOINTS),
    ("docs_POST__api_v0_endptjobs", Kind.ENDPOINT_CREATED),
    ("docs_GET__api_v0_workergroups", Kind.WORKERGROUPS),
    ("docs_POST__api_v0_workergroups", Kind.WORKERGROUP_CREATED),
    ("docs_POST__get_endpoint_workers", Kind.WORKERS),
    ("docs_GET__api_v0_volumes", Kind.VOLUMES),
    ("docs_PUT__api_v0_volumes", Kind.VOLUME_CREATED),
    ("docs_DELETE__api_v0_volumes", Kind.CHANGED),
    ("docs_PUT__api_v0_instances_request_logs", Kind.REQUEST_LOGS),
    ("request_logs_two_urls", Kind.REQUEST_LOGS),
    ("create_", Kind.CREATED),
    ("bid_too_low", Kind.CREATED),
    ("start_queued", Kind.CHANGED),
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
    kind: Kind
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


def _kind(name: str, status: int) -> Kind:
    if status >= 400:
        return Kind.REFUSAL
    return next(kind for start, kind in _KINDS if name.startswith(start))
