"""Every act that changes something, and how far it must go for a yes on a machine of ours.

An action that is not in this table is refused: adding a tool means adding its line here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vast_mcp.operations.declared import WRITES
from vast_mcp.policy.limits import Level


@dataclass(frozen=True, slots=True)
class ActionRule:
    """What the policy knows about one action before it looks at any number."""

    level: Level
    """The least level, on a thing of ours."""
    doing: str
    """The act in words, for the start of a sentence."""
    aimed: bool = True
    """Acts on an existing thing; without one its owner counts as unknown."""
    by_numbers: bool = False
    """The `[no_question]` thresholds decide whether a question is needed."""
    priced: bool = False
    """Refused when its worst case is not known."""
    rises: bool = False
    """Harmless when it lowers; a question and the money caps when it raises."""
    reduces: bool = False
    """Only ever lowers the bill: no cap or budget may stand in its way."""
    coverable: bool = False
    """May lie inside what a person's yes to a larger act named."""
    word: str = ""
    """The `[dangerous] allow` word it needs."""
    also: str = ""
    """Another action whose `[levels]` line binds it too."""


def _rents(doing: str, *, aimed: bool, coverable: bool = False) -> ActionRule:
    return ActionRule(
        Level.ALLOW, doing, aimed=aimed, by_numbers=True, priced=True, coverable=coverable
    )


def _free(doing: str) -> ActionRule:
    return ActionRule(Level.ALLOW, doing)


def _asks(doing: str, *, aimed: bool = True) -> ActionRule:
    return ActionRule(Level.ASK, doing, aimed=aimed)


def _ends(doing: str, also: str = "") -> ActionRule:
    return ActionRule(Level.ASK, doing, reduces=True, coverable=True, also=also)


def _rises(doing: str) -> ActionRule:
    return ActionRule(Level.ASK, doing, priced=True, rises=True)


def _dangerous(word: str, doing: str, *, aimed: bool = False) -> ActionRule:
    return ActionRule(Level.PERSON, doing, aimed=aimed, word=word)


def _declared() -> dict[str, ActionRule]:
    """A row for each declared write, as its declaration says."""
    return {
        name: ActionRule(Level(one.level), one.doing, aimed=one.aimed, word=one.word)
        for name, one in WRITES.items()
    }


ACTS: Mapping[str, ActionRule] = MappingProxyType(
    _declared()
    | {
        "create_instance": _rents("Renting", aimed=False, coverable=True),
        "start_instance": _rents("Starting", aimed=True),
        "extend_lease": _rents("Extending a lease", aimed=True),
        "stop_instance": _ends("Stopping a machine"),
        "destroy_instance": _ends("Destroying a machine and its disk"),
        "stop_instances": _ends("Stopping machines", "stop_instance"),
        "destroy_instances": _ends("Destroying machines and their disks", "destroy_instance"),
        "prove_rights": ActionRule(
            Level.ALLOW, "Trying whether the key may end machines", aimed=False, reduces=True
        ),
        "reboot_instance": _asks("Rebooting a machine"),
        "reboot_unstarted": ActionRule(
            Level.ASK, "Rebooting a machine not used yet", coverable=True, also="reboot_instance"
        ),
        "change_bid": _rises("Raising a bid"),
        "run_command": _free("Running a command"),
        "run_job": ActionRule(Level.ASK, "Running a job", aimed=False, priced=True),
        "stop_job": ActionRule(Level.ALLOW, "Stopping a job", aimed=False),
        "forward_port": _free("Forwarding a port"),
        "download_files": ActionRule(Level.ALLOW, "Downloading files", also="copy_files"),
        "upload_files": ActionRule(Level.ASK, "Uploading files", coverable=True, also="copy_files"),
        "copy_files": ActionRule(Level.ASK, "Copying files", coverable=True),
        "cancel_copy": _free("Cancelling a copy"),
        "copy_cloud": _asks("Copying to or from a cloud store"),
        "copy_vm": _asks("Copying a machine"),
        "delete_disk_files": _asks("Deleting files on a disk"),
        "take_snapshot": _asks("Taking a snapshot"),
        "change_template": _asks("Changing the template"),
        "create_endpoint": ActionRule(Level.ASK, "Creating an endpoint", aimed=False, priced=True),
        "update_endpoint": _rises("Raising an endpoint"),
        "delete_endpoint": ActionRule(
            Level.ASK, "Deleting an endpoint", reduces=True, coverable=True
        ),
        "create_workergroup": ActionRule(
            Level.ASK, "Adding a workergroup", aimed=False, coverable=True
        ),
        "update_workergroup": _asks("Changing a workergroup", aimed=False),
        "delete_workergroup": _asks("Deleting a workergroup", aimed=False),
        "create_volume": ActionRule(Level.ASK, "Renting a volume", aimed=False, priced=True),
        "delete_volume": _asks("Deleting a volume", aimed=False),
        "create_notification": _asks("Adding a notification", aimed=False),
        "delete_notification": _asks("Deleting a notification", aimed=False),
        "adopt_instance": ActionRule(Level.PERSON, "Adopting a machine"),
        "prepay_instance": _dangerous("prepay", "Prepaying a machine", aimed=True),
        "accept_price_increase": _dangerous(
            "price_increase", "Accepting a price increase", aimed=True
        ),
        "transfer_credit": _dangerous("transfer", "Transferring credit"),
        "create_api_key": _dangerous("keys", "Creating an API key"),
        "reset_api_key": _dangerous("keys", "Resetting an API key"),
        "delete_api_key": _dangerous("keys", "Deleting an API key"),
        "create_ssh_key": _dangerous("keys", "Adding an SSH key to the account"),
        "update_ssh_key": _dangerous("keys", "Changing an SSH key of the account"),
        "delete_ssh_key": _dangerous("keys", "Deleting an SSH key of the account"),
        "set_env_var": _dangerous("keys", "Setting an account variable"),
        "delete_env_var": _dangerous("keys", "Deleting an account variable"),
        "create_team": _dangerous("team", "Creating a team"),
        "destroy_team": _dangerous("team", "Deleting the team"),
        "invite_member": _dangerous("team", "Inviting a team member"),
        "remove_member": _dangerous("team", "Removing a team member"),
        "create_team_role": _dangerous("team", "Creating a team role"),
        "update_team_role": _dangerous("team", "Changing a team role"),
        "remove_team_role": _dangerous("team", "Removing a team role"),
        "list_machine": _dangerous("hosting", "Listing a hosted machine"),
        "unlist_machine": _dangerous("hosting", "Unlisting a hosted machine"),
        "set_min_bid": _dangerous("hosting", "Setting a least bid"),
        "set_default_job": _dangerous("hosting", "Setting a default job"),
        "remove_default_job": _dangerous("hosting", "Removing a default job"),
        "schedule_maintenance": _dangerous("hosting", "Scheduling maintenance"),
        "cancel_maintenance": _dangerous("hosting", "Cancelling maintenance"),
        "cleanup_machine": _dangerous("hosting", "Cleaning up a hosted machine"),
        "create_cluster": _dangerous("network", "Creating a cluster"),
        "join_cluster": _dangerous("network", "Joining a cluster"),
        "delete_cluster": _dangerous("network", "Deleting a cluster"),
        "create_overlay": _dangerous("network", "Creating an overlay network"),
        "join_overlay": _dangerous("network", "Joining an overlay network"),
        "delete_overlay": _dangerous("network", "Deleting an overlay network"),
        "create_schedule": _dangerous("schedules", "Scheduling a call at the vendor"),
        "delete_schedule": _dangerous("schedules", "Deleting a scheduled call"),
    }
)
