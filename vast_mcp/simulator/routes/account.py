"""Who pays: the user, the ssh keys of account and instances, environment secrets, templates.

See docs/vendor-api.md#account, docs/vendor-api.md#ssh, docs/vendor-api.md#templates.
"""

import json
import re

from vast_mcp.simulator.routes.columns import arranged, page_size, projected, selected
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.search import query_object
from vast_mcp.simulator.wire import JsonObject, Refusal
from vast_mcp.simulator.world import USER_ID, World

_SECRET_VALUE = re.compile(r"[a-zA-Z0-9_\-.]+")
_ARRIVAL_S = (10.0, 15.0)
"""How long an attached key takes into a running container (docs/vendor-api.md#ssh)."""
_SECRETS, _SECRET_LETTERS = 100, 4096
_OWN_KEY_ID = 9


_PRIVATE: JsonObject = {
    "autobill_amount": None,
    "autobill_threshold": None,
    "billaddress_line1": None,
    "billed_verified": 0.0,
    "billing_creditonly": 1,
    "created_at": 1_728_748_803_601,
    "got_signup_credit": 0,
    "has_rented": 0,
    "host_only": False,
    "key_id": _OWN_KEY_ID,
    "paid_verified": 0,
    "password_resettable": None,
    "paypal_email": None,
    "phone_number": None,
    "rights": None,
    "sid": 1,
    "tfa_login": 0,
    "total_spend": 0,
    "wise_email": None,
}
"""What a recorded user object holds beside what is used; `created_at` is in milliseconds there."""


def current_user(call: Call) -> JsonObject:
    """`GET users/current`: contains the account's key, which clients have to drop."""
    world = call.world
    return {
        **_PRIVATE,
        "crisp_hmac": world.chance.hexadecimal(64, "crisp"),
        "id": USER_ID,
        "email": "sim@example.com",
        "username": "simulated",
        "fullname": "Simulated User",
        "credit": world.book.balance_usd,
        "balance": 0.0,
        "balance_threshold": 1.0,
        "balance_threshold_enabled": False,
        "billaddress_country": "SE",
        "billed_expected": 0.0,
        "can_pay": True,
        "paid_expected": 0.0,
        "has_billing": True,
        "has_payout": False,
        "last4": "4242",
        "email_verified": True,
        "ssh_key": "\n".join(str(key["public_key"]) for key in world.ssh_keys.values()),
        "tfa_status": "disabled",
        "api_key": world.account_key,
    }


def show_keys(call: Call) -> list[JsonObject]:
    """`GET ssh/`: a bare list, as recorded 2026-09."""
    return list(call.world.ssh_keys.values())


def add_key(call: Call) -> JsonObject:
    """`POST ssh/`: stores whatever text it gets, as the vendor does."""
    text = call.body.get("ssh_key")
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, "no_ssh_key", "ssh_key is required")
    key = _new_key(call.world, text)
    call.world.ssh_keys[key["id"]] = key
    return {"success": True, "key": key}


def _new_key(world: World, text: str) -> JsonObject:
    world.last_key_id += 1
    return {
        "id": world.last_key_id,
        "user_id": USER_ID,
        "default": None,
        "public_key": text,
        "private_key": None,
        "created_at": world.now_us / 1_000_000,
        "deleted_at": None,
    }


def change_key(call: Call) -> JsonObject:
    """`PUT ssh/{id}/`."""
    key = _key(call.world, call.id)
    key["public_key"] = str(call.body.get("ssh_key"))
    return {"success": True, "key": key}


def delete_key(call: Call) -> JsonObject:
    """`DELETE ssh/{id}/`."""
    _key(call.world, call.id)
    call.world.ssh_keys.pop(call.id)
    return {"success": True}


def _key(world: World, number: int) -> JsonObject:
    if number not in world.ssh_keys:
        raise Refusal(400, "no_ssh_key", f"No ssh key {number}")
    return world.ssh_keys[number]


def attach_key(call: Call) -> JsonObject:
    """`POST instances/{id}/ssh/` with the key's full text."""
    contract, text = call.contract(), call.body.get("ssh_key")
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, "invalid_args", "ssh_key is required")
    if call.world.is_team:
        raise Refusal(400, None, "Team SSH keys are not supported.")
    if any(key["public_key"] == text for key in contract.keys):
        return {"success": False, "msg": "SSH key already associated with instance."}
    known = next((k for k in call.world.ssh_keys.values() if k["public_key"] == text), None)
    key = known or _new_key(call.world, text)
    contract.keys.append(key)
    delay_s = call.world.chance.between(*_ARRIVAL_S, "key", contract.id, key["id"])
    contract.keys_usable_us[key["id"]] = call.world.now_us + int(delay_s * 1_000_000)
    return {"success": True, "msg": "SSH key added to instance.", "key": key}


def instance_keys(call: Call) -> JsonObject:
    """`GET instances/{id}/ssh`: the list comes as a JSON text inside the JSON."""
    return {"success": True, "ssh_keys": json.dumps(call.contract().keys)}


def detach_key(call: Call) -> JsonObject:
    """`DELETE instances/{id}/ssh/{key_id}/`."""
    contract, number = call.contract(error="not_found"), call.params["key_id"]
    found = next((key for key in contract.keys if str(key["id"]) == number), None)
    if found is None:
        raise Refusal(404, "no_such_ssh_key", f"No ssh key {number} on this instance")
    contract.keys.remove(found)
    return {"success": True}


def show_secrets(call: Call) -> JsonObject:
    """`GET secrets/`: names with masked values."""
    return {"success": True, "secrets": dict.fromkeys(call.world.secrets, "*****")}


def write_secret(call: Call) -> JsonObject:
    """`POST|PUT secrets/`: upper-cased names, few characters in values."""
    name, value = str(call.body.get("key") or "").upper(), call.body.get("value")
    if not name or not isinstance(value, str) or not value:
        raise Refusal(400, "empty_input", "key and value are required")
    if len(value) > _SECRET_LETTERS:
        raise Refusal(400, "input_too_long", f"at most {_SECRET_LETTERS} characters")
    if not _SECRET_VALUE.fullmatch(value):
        raise Refusal(400, "invalid_characters", "value holds characters that are not allowed")
    creating, known = call.request.method == "POST", name in call.world.secrets
    if creating and known:
        raise Refusal(400, "existing_key", f"{name} exists")
    if not creating and not known:
        raise Refusal(400, "nonexistent_key", f"{name} does not exist")
    if creating and len(call.world.secrets) >= _SECRETS:
        raise Refusal(400, "max_secrets", f"at most {_SECRETS} secrets")
    call.world.secrets[name] = value
    return {"success": True, "msg": f"{name} stored"}


def delete_secret(call: Call) -> JsonObject:
    """`DELETE secrets/`."""
    name = str(call.body.get("key") or "").upper()
    if call.world.secrets.pop(name, None) is None:
        raise Refusal(400, "nonexistent_key", f"{name} does not exist")
    return {"success": True, "msg": f"{name} deleted"}


def show_api_keys(call: Call) -> JsonObject:
    """`GET auth/apikeys/`: the account's own key and those made since.

    The published rows hold `rights` and a team's name; `name` and `permissions` are what a key is
    made with, and a row may well hold the key itself: a client must drop it.
    """
    world = call.world
    own: JsonObject = {"id": _OWN_KEY_ID, "key": world.account_key, "name": "default"}
    rows = [own, *world.api_keys.values()]
    shared = {"user_id": USER_ID, "rights": "all", "team_id": None, "team_name": None}
    return {"apikeys": [{**shared, "permissions": {}, **row} for row in rows]}


def create_api_key(call: Call) -> JsonObject:
    """`POST auth/apikeys/`: another key, shown this once. No living simulator takes it as its own.

    A machine's own key was seen to be refused it.
    """
    permissions = call.body.get("permissions")
    if not isinstance(permissions, dict) or not permissions:
        raise Refusal(400, "missing_permissions", "permissions is required")
    call.world.last_key_id += 1
    number = call.world.last_key_id
    made: JsonObject = {"id": number, "key": f"sim-made-{number}", "permissions": permissions}
    call.world.api_keys[number] = {**made, "name": call.body.get("name"), "rights": "custom"}
    return made


TEMPLATE_COLUMNS = frozenset(
    [
        "creator_id",
        "created_at",
        "count_created",
        "default_tag",
        "docker_login_repo",
        "id",
        "image",
        "jup_direct",
        "hash_id",
        "private",
        "name",
        "recent_create_date",
        "recommended_disk_space",
        "recommended",
        "ssh_direct",
        "tag",
        "use_ssh",
    ]
)


def show_templates(call: Call) -> JsonObject:
    """`GET template/`: a plain string for a condition is a substring match."""
    query = dict(call.request.query)
    conditions = query_object(query.get("select_filters"), "select_filters")
    words = {name: text for name, text in conditions.items() if isinstance(text, str)}
    query["select_filters"] = json.dumps({k: v for k, v in conditions.items() if k not in words})
    rows = [
        row
        for row in selected(call.world.templates, query, known=TEMPLATE_COLUMNS)
        if all(text.lower() in str(row.get(name, "")).lower() for name, text in words.items())
    ]
    rows = arranged(rows, query, known=TEMPLATE_COLUMNS)
    limited = rows[: page_size(query.get("limit"), default=len(rows), largest=len(rows))]
    return {"success": True, "templates_found": len(rows), "templates": projected(limited, query)}


def inbox(call: Call) -> JsonObject:
    """`GET notifications/inbox/`: the account's own notices, the newest fifty."""
    return {"last_seen_at": None, "notifications": call.world.fleet.inbox.rows()}


ROUTES = (
    Route("GET", "/api/v0/notifications/inbox", inbox),
    Route("GET", "/api/v0/users/current", current_user),
    Route("GET", "/api/v0/ssh", show_keys),
    Route("POST", "/api/v0/ssh", add_key, mutates=True, interval_s=1.0),
    Route("PUT", "/api/v0/ssh/{id}", change_key, mutates=True, interval_s=1.0),
    Route("DELETE", "/api/v0/ssh/{id}", delete_key, mutates=True),
    Route("GET", "/api/v0/instances/{id}/ssh", instance_keys),
    Route("POST", "/api/v0/instances/{id}/ssh", attach_key, mutates=True),
    Route(
        "DELETE", "/api/v0/instances/{id}/ssh/{key_id}", detach_key, mutates=True, interval_s=2.0
    ),
    Route("GET", "/api/v0/auth/apikeys", show_api_keys, interval_s=1.0),
    Route("POST", "/api/v0/auth/apikeys", create_api_key, mutates=True, interval_s=2.0),
    Route("GET", "/api/v0/secrets", show_secrets, interval_s=5.0),
    Route("POST", "/api/v0/secrets", write_secret, mutates=True, interval_s=3.0),
    Route("PUT", "/api/v0/secrets", write_secret, mutates=True, interval_s=3.0),
    Route("DELETE", "/api/v0/secrets", delete_secret, mutates=True, interval_s=3.0),
    Route("GET", "/api/v0/template", show_templates, interval_s=3.0),
)
