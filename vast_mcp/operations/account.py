"""The account's money and keys.

See docs/vendor-api.md#account, docs/vendor-api.md#billing, docs/vendor-api.md#ssh,
docs/vendor-api.md#volumes.
"""

from vast_mcp.operations._declare import Call, Operation, in_query

SHOW_ACCOUNT = Operation("show_account", "GET", "/api/v0/users/current", "account", interval_s=1.0)
LIST_CHARGES = Operation("list_charges", "GET", "/api/v0/charges/", "account", interval_s=1.0)
LIST_VOLUMES = Operation("list_volumes", "GET", "/api/v0/volumes", "account", interval_s=8.0)
LIST_SSH_KEYS = Operation("list_ssh_keys", "GET", "/api/v0/ssh/", "account", interval_s=1.0)

SHOW_INBOX = Operation(
    "show_inbox", "GET", "/api/v0/notifications/inbox/", "account", interval_s=5.0
)

OPERATIONS = (SHOW_ACCOUNT, SHOW_INBOX, LIST_CHARGES, LIST_VOLUMES, LIST_SSH_KEYS)


CHARGE_ROWS = 100
"""Rows asked for on one page of charges; the vendor allows 500."""


def show_account() -> Call:
    """Who the key belongs to, and what is left."""
    return SHOW_ACCOUNT.call()


def show_inbox() -> Call:
    """The account's own notices, the newest fifty. The vendor does not publish this route."""
    return SHOW_INBOX.call()


def list_charges(start_s: int, end_s: int, *, after_token: str | None = None) -> Call:
    """One page of what was charged between two instants, in whole seconds since 1970 UTC."""
    query = {
        "select_filters": in_query({"day": {"gte": start_s, "lte": end_s}}),
        "format": "table",
        "latest_first": "false",
        "limit": str(CHARGE_ROWS),
    }
    if after_token is not None:
        query["after_token"] = after_token
    return LIST_CHARGES.call(query=query)


def list_volumes() -> Call:
    """Every volume of the account, local and network."""
    return LIST_VOLUMES.call(query={"owner": "me", "type": "all_volume"})


def list_ssh_keys() -> Call:
    """The account's public keys."""
    return LIST_SSH_KEYS.call()
