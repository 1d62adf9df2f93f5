"""The account's money and keys (vast-api §9, §13, §15, §16)."""

from vast_mcp.operations._declare import Call, Data, Operation

SHOW_ACCOUNT = Operation("show_account", "GET", "/api/v0/users/current", "account", interval_s=1.0)
LIST_CHARGES = Operation("list_charges", "GET", "/api/v0/charges/", "account", interval_s=1.0)
LIST_VOLUMES = Operation("list_volumes", "GET", "/api/v0/volumes", "account", interval_s=8.0)
LIST_SSH_KEYS = Operation("list_ssh_keys", "GET", "/api/v0/ssh/", "account", interval_s=1.0)
CREATE_SSH_KEY = Operation(
    "create_ssh_key", "POST", "/api/v0/ssh/", "account", data=Data.CHANGES, interval_s=1.0
)

OPERATIONS = (SHOW_ACCOUNT, LIST_CHARGES, LIST_VOLUMES, LIST_SSH_KEYS, CREATE_SSH_KEY)


def create_ssh_key(public_key: str) -> Call:
    """Register a public key for instances created from now on."""
    return CREATE_SSH_KEY.call({"ssh_key": public_key})
