"""Where we differ from the official client on purpose: each rule rewrites its request into ours.

See docs/design.md#leases, docs/design.md#sending-once.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.parity.corpus import Sent
from vast_mcp.models.places import countries_of
from vast_mcp.operations.serverless import SEARCH_SUFFIX

Rewrite = Callable[[Sent, Sent], Sent | None]
"""(theirs, ours) -> what theirs becomes; None drops the request."""


@dataclass(frozen=True)
class Rule:
    """One deliberate difference and why it is right."""

    name: str
    reason: str
    rewrite: Rewrite


def _set_body(theirs: Sent, **values: object) -> Sent:
    return replace(theirs, body={**(theirs.body or {}), **values})


def _query(theirs: Sent, **values: str | None) -> Sent:
    query = dict(theirs.query)
    for name, value in values.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = value
    return replace(theirs, query=tuple(sorted(query.items())))


def _rented(theirs: Sent, ours: Sent) -> Sent:
    if theirs.path != "/api/v0/bundles/" or "rented" not in (ours.body or {}):
        return theirs
    return _set_body(theirs, rented=(theirs.body or {}).get("rented", {"eq": False}))


def _old_search(theirs: Sent, _: Sent) -> Sent:
    if theirs.path != "/api/v0/search/asks/" or theirs.body is None:
        return theirs
    return replace(theirs, method="POST", path="/api/v0/bundles/", body=theirs.body["q"])


def _regions(theirs: Sent, _: Sent) -> Sent:
    place = (theirs.body or {}).get("geolocation")
    codes = countries_of(place.get("eq", "")) if isinstance(place, dict) else None
    return _set_body(theirs, geolocation={"in": list(codes)}) if codes else theirs


def _is_create(theirs: Sent) -> bool:
    return theirs.path.startswith("/api/v0/asks/")


def _cancel_unavail(theirs: Sent, _: Sent) -> Sent:
    return _set_body(theirs, cancel_unavail=True) if _is_create(theirs) else theirs


def _label(theirs: Sent, _: Sent) -> Sent:
    if not _is_create(theirs) or (theirs.body or {})["label"] is not None:
        return theirs
    return _set_body(theirs, label="")


def _direct(theirs: Sent, _: Sent) -> Sent:
    runtype = (theirs.body or {}).get("runtype") if _is_create(theirs) else None
    ours = {
        "ssh": "ssh_direc ssh_proxy",
        "ssh_proxy": "ssh_direc ssh_proxy",
        "jupyter_proxy ssh_proxy": "jupyter_direc ssh_direc ssh_proxy",
    }.get(runtype or "")
    return _set_body(theirs, runtype=ours) if ours else theirs


def _lab(theirs: Sent, _: Sent) -> Sent:
    jupyter = _is_create(theirs) and "jupyter" in (theirs.body or {}).get("runtype", "")
    return _set_body(theirs, use_jupyter_lab=True) if jupyter else theirs


def _no_pickers(theirs: Sent, _: Sent) -> Sent | None:
    return None if theirs.path == "/api/v0/instances/filters/" else theirs


def _is_list(theirs: Sent) -> bool:
    return theirs.path == "/api/v1/instances/"


def _all_columns(theirs: Sent, _: Sent) -> Sent:
    return _query(theirs, select_cols=None) if _is_list(theirs) else theirs


def _whole_pages(theirs: Sent, _: Sent) -> Sent:
    if not _is_list(theirs):
        return theirs
    by_id = json.dumps([{"col": "id", "dir": "asc"}])
    return _query(theirs, limit="25", order_by=by_id)


def _no_polls(theirs: Sent, _: Sent) -> Sent | None:
    return None if theirs.host == "s3-result" else theirs


def _no_key_in_body(theirs: Sent, _: Sent) -> Sent:
    return replace(theirs, body=None) if theirs.method == "GET" and theirs.body else theirs


def _workergroups(theirs: Sent, _: Sent) -> Sent:
    return replace(theirs, path=theirs.path.replace("/autojobs/", "/workergroups/"))


_UNSET = ("max_queue_time", "target_queue_time", "inactivity_timeout", "endpoint_state")


def _unset_left_out(theirs: Sent, _: Sent) -> Sent:
    if theirs.path != "/api/v0/endptjobs/" or not theirs.body:
        return theirs
    kept = {k: v for k, v in theirs.body.items() if v is not None or k not in _UNSET}
    return replace(theirs, body=kept)


def _whole_scaling(theirs: Sent, ours: Sent) -> Sent:
    if not theirs.path.startswith("/api/v0/endptjobs/") or theirs.method != "PUT":
        return theirs
    assert theirs.body is not None
    assert ours.body is not None
    assert theirs.body.keys() == ours.body.keys()
    # What was not given is null there; here it is what the record said.
    return _set_body(theirs, **{k: ours.body[k] for k, v in theirs.body.items() if v is None})


def _production(theirs: Sent, _: Sent) -> Sent:
    if not (theirs.body or {}).get("autoscaler_instance"):
        return theirs
    return _set_body(theirs, autoscaler_instance="prod")


def _template_by_hash(theirs: Sent, ours: Sent) -> Sent:
    if not theirs.path.endswith("/workergroups/") or not theirs.body or not ours.body:
        return theirs
    body = {k: v for k, v in theirs.body.items() if k != "template_id"}
    body["template_hash"] = ours.body["template_hash"]
    body["endpoint_name"] = ours.body["endpoint_name"]
    if not str(body["search_params"]).endswith(SEARCH_SUFFIX):
        body["search_params"] += SEARCH_SUFFIX
    body["gpu_ram"] = body["gpu_ram"] or 24.0
    return replace(theirs, body=body)


def _typed_ids(theirs: Sent, ours: Sent) -> Sent:
    if theirs.method != "PUT" or theirs.path != "/api/v0/commands/copy_direct/":
        return theirs
    ends = {name: f"C.{(theirs.body or {})[name]}" for name in ("src_id", "dst_id")}
    same = all((ours.body or {}).get(name) == end for name, end in ends.items())
    return _set_body(theirs, **ends) if same else theirs


RULES = (
    Rule("old search route", "the newer twin of the search is undocumented", _old_search),
    Rule("rented=false", "what is rented cannot be rented: said instead of assumed", _rented),
    Rule("regions", "the vendor takes EU literally and finds nothing", _regions),
    Rule("cancel_unavail", "rent now or create nothing", _cancel_unavail),
    Rule("label", "a label is always sent: it carries our mark", _label),
    Rule("direct", "direct connections besides the proxy, always", _direct),
    Rule("lab", "jupyter means JupyterLab", _lab),
    Rule("no pickers", "the values for its table's pickers are not needed", _no_pickers),
    Rule("all columns", "an instance is read whole: states and prices need it", _all_columns),
    Rule("whole pages", "the whole list in pages of 25, oldest first", _whole_pages),
    Rule(
        "result polls", "fetched without a key by another client; tests/api/test_results", _no_polls
    ),
    Rule("no key in bodies", "the key is in the header; a GET has no body", _no_key_in_body),
    Rule("workergroups", "autojobs is the older name of the same route", _workergroups),
    Rule("typed ids", "a bare number is an instance: the newer form says so", _typed_ids),
    Rule("unset left out", "null means the default; leaving out says it", _unset_left_out),
    Rule(
        "whole scaling",
        "an update may replace the whole record: what was not given is sent as it is",
        _whole_scaling,
    ),
    Rule("production engine", "only the production autoscaler is used", _production),
    Rule(
        "workergroup by hash",
        "template by hash, endpoint by both names, and the suffix that keeps to verified machines",
        _template_by_hash,
    ),
)
