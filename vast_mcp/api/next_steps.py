"""What to do after each refusal of the vendor: sentences that end in a step that works.

A refusal of the request is not cured by another offer or machine, and says so.
"""

from collections.abc import Mapping

from vast_mcp.errors import KeyMissing

WRONG_KEY_HINT = (
    "The user runs `vast-mcp login` in a terminal, or sets VAST_API_KEY, which takes precedence;"
    " keys are made on the console's key page (https://cloud.vast.ai/manage-keys/). Then restart"
    " the client. `vast-mcp serve --simulate` needs none."
)
SESSION_HINT = (
    "A two-factor session lasts about a week. The user runs `vastai tfa login` in a terminal;"
    " no restart is needed, unless VAST_API_KEY is set: it takes precedence over the session, so"
    " unset it."
)
TWO_FACTOR_HINT = (
    "The key is right. The user runs `vastai tfa login` in a terminal, or does this on the"
    " console. No restart is needed, unless VAST_API_KEY is set: it takes precedence over the"
    " session, so unset it."
)
PERMISSION_HINT = (
    "The key is right but restricted. On the console's key page"
    " (https://cloud.vast.ai/manage-keys/) give it this permission, or use another key."
)
CREDIT_HINT = (
    "The account lacks credit; only the user can add some on the billing page"
    " (https://cloud.vast.ai/billing/)."
)
CAP_HINT = (
    "New accounts have a small hourly spend cap that grows with time: verify the e-mail address,"
    " take a cheaper offer, or wait a few hours."
)
CHANGE_HINT = (
    "The request itself is wrong, and every other offer or machine would refuse it too: fix what"
    " the message names, then call again."
)
OTHER_HINT = "Nothing was done: call again; if it persists, `vast-mcp doctor` looks for the cause."
SSH_KEY_HINT = (
    "Every offer would refuse this: the account has no SSH key, which a VM needs. The user adds"
    " one on https://cloud.vast.ai/manage-keys/, then call again; or rent an image that is not a"
    " VM."
)
_IDS = "show_instances lists the ids that exist."
_ENDPOINTS = "show_endpoints lists what exists."
_ACCOUNT = "Only the user can change this, in the account's settings on https://cloud.vast.ai."
_TEAM = "Only the user can change this, on the console's team page."
_EXISTS = "It already exists: nothing is left to do, or choose another name."
_LISTED = "It does not exist, or belongs to another account: list what exists, then call again."
STEPS: Mapping[str, str] = {
    "no_ssh_key_for_vm": SSH_KEY_HINT,
    "no_ssh_key": SSH_KEY_HINT,
    "invalid_price": 'search_offers(rental="interruptible") shows the minimum bid; bid more.',
    "invalid_container": _IDS,
    "invalid_container_id": _IDS,
    "invalid_id": _LISTED,
    "no_such_instance": f"It is gone, or belongs to another account: {_IDS}",
    "no such instance": f"It is gone, or belongs to another account: {_IDS}",
    "no_such_endpoint": _ENDPOINTS,
    "no_such_workergroup": _ENDPOINTS,
    "max_secrets": _ACCOUNT,
    "existing_key": _EXISTS,
    "nonexistent_key": _LISTED,
    "already exists": _EXISTS,
    "already associated": "The machine already has this key: nothing is left to do.",
    "user_exists": _EXISTS,
    "team ssh keys are not supported": "A team account takes no key for a single machine: the"
    " user adds the key to the account on"
    " https://cloud.vast.ai/manage-keys/.",
    "invalid_permissions": _ACCOUNT,
    "missing_permissions": _ACCOUNT,
    "missing permissions parameter": _ACCOUNT,
    "invalid_recipient": _ACCOUNT,
    "api key id not provided": _ACCOUNT,
    "role name is required": _TEAM,
    "cannot remove the team owner": _TEAM,
    "user is already a member": _TEAM,
    "not a team member": _TEAM,
    "cannot be invited to their own team": _TEAM,
    "team metadata not found": _TEAM,
    "no user was removed": _TEAM,
    "no_pending_price_increase": "No price increase is pending: nothing is left to do.",
}
"""By the code of a refusal, or by its text where it has no code."""
_MISSING = frozenset(
    {"not_found", "no_such_volume", "no_such_ssh_key", "no_such_user", "api key not found",
     "no such machine id"}
)  # fmt: skip


def step_after(mark: str) -> str:
    """The next step after a refusal with this code or text."""
    return STEPS.get(mark, _LISTED if mark in _MISSING else CHANGE_HINT)


def missing_key(why: str = "") -> KeyMissing:
    """The answer when no key is set, or `why` one cannot be read: how to get one."""
    told = f"{why[0].upper()}{why[1:]}." if why else "No Vast.ai API key is set."
    return KeyMissing(told, hint=WRONG_KEY_HINT)
