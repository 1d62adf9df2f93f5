"""The searches of an endpoint's workergroups against the limits in force."""

import json

from vast_mcp.account.context import Account
from vast_mcp.actions.endpoint_base import FoundEndpoint, per_worker_of
from vast_mcp.actions.worker_search import Bound, bounded, bounds_of, written
from vast_mcp.api.query import parse_query
from vast_mcp.errors import InputInvalid, PolicyDenied
from vast_mcp.models import Workergroup
from vast_mcp.operations import JsonObject
from vast_mcp.units import UsdPerHour


async def search_bounds(account: Account, per_worker: UsdPerHour | None) -> tuple[Bound, ...]:
    """The limits now in force, as a search states them."""
    names = await account.reads.gpu_names() if account.limits().allow.gpu_names is not None else []
    return bounds_of(account.limits(), per_worker, names)


async def insist_on_searches(account: Account, found: FoundEndpoint) -> None:
    """Refuse to let our endpoint rent more by a search that the limits do not bound.

    Limits may have been tightened since it was made, or the group was made or changed elsewhere.

    Raises:
        PolicyDenied: names the workergroup, and the limit where there is one.
    """
    if found.rental is None:
        return
    groups = await account.reads.workergroups()
    bounds = await search_bounds(account, per_worker_of(found.rental))
    for group in groups:
        if group.endpoint_id == found.endpoint.endpoint_id:
            _insist(group, bounds)


def _insist(group: Workergroup, bounds: tuple[Bound, ...]) -> None:
    rules: tuple[str, ...] = ("endpoint.search",)
    try:
        asked = _parsed(str(group.search))
        if set(written(bounded(asked, bounds)).split()) == set(written(asked).split()):
            return
    except InputInvalid:  # nobody knows what it rents
        pass
    except PolicyDenied as error:
        rules = error.rules
    raise PolicyDenied(
        f"Not changed, nothing charged. Workergroup {group.workergroup_id} searches outside the"
        f" current limits, so its endpoint may not rent more. [rule: {', '.join(rules)}]",
        rules=rules,
        hint="Lowering and stopping still work. To recreate it within the limits:"
        " delete_endpoint, create_endpoint, create_workergroup.",
    )


def _parsed(search: str) -> JsonObject:
    if not search.lstrip().startswith("{"):
        return parse_query(search)
    try:
        found = json.loads(search)
    except ValueError as error:
        raise InputInvalid("search_query", "cannot be read") from error
    return found if isinstance(found, dict) else {}
