"""What the official client can do, and which of our tools does it: none for most of it.

The names are the commands of `vastai` 1.9.1, with their other names. A model that has read the
vendor's documentation calls them as tools; it is told what does it here, or that nothing does.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vast_mcp.operations.declared import DECLARED

_WITH_A_TOOL: Mapping[str, str] = {
    "cancel copy": "stop_job",
    "change bid": "change_bid",
    "copy": "copy_files",
    "create endpoint": "create_endpoint",
    "create instance": "create_instance",
    "create instances": "create_instance",
    "create workergroup": "create_workergroup",
    "delete endpoint": "delete_endpoint",
    "destroy instance": "destroy_instance",
    "destroy instances": "destroy_instance",
    "execute": "run_command",
    "get endpt-workers": "show_endpoints",
    "launch instance": "create_instance",
    "logs": "show_logs",
    "reboot instance": "reboot_instance",
    "scp-url": "show_instances",
    "search instances": "search_offers",
    "search offers": "search_offers",
    "search templates": "search_templates",
    "show endpoints": "show_endpoints",
    "show instance": "show_instances",
    "show instances": "show_instances",
    "show instances-v1": "show_instances",
    "show invoices": "show_charges",
    "show invoices-v1": "show_charges",
    "show user": "show_account",
    "show volumes": "show_account",
    "show workergroups": "show_endpoints",
    "ssh-url": "show_instances",
    "start instance": "start_instance",
    "start instances": "start_instance",
    "stop instance": "stop_instance",
    "stop instances": "stop_instance",
    "update endpoint": "update_endpoint",
}
_WITHOUT_A_TOOL = """
accept price-increase · add network-disk · cancel maint · cancel sync · cleanup machine
clone volume · cloud copy · create api-key · create env-var · create network-volume
create ssh-key · create subaccount · create team · create team-role · create template
create volume · defrag machines · delete api-key · delete deployment · delete env-var
delete machine · delete scheduled-job · delete ssh-key · delete template · delete volume
delete workergroup · destroy team · dump-logs · get endpt-logs · get wrkgrp-logs
help · invite member · list machine · list machines · list network-volume · list volume
list volumes · metrics gpu-trends · prepay instance · reject price-increase · remove defjob
remove member · remove team-role · repl · reports · reset api-key · run benchmarks
schedule maint · search benchmarks · search invoices · search network-volumes · search volumes
self-test machine · set api-key · set defjob · set min-bid · set role · set user · show api-key
show audit-logs · show connections · show deployment · show deployment-versions
show deployments · show deposit · show earnings · show gpu-locations
show gpu-metrics · show gpu-trends · show instance-backup-files · show instance-backups
show ipaddrs · show machine · show machines · show maints · show members · show network-disks
show pending-price-increases · show scheduled-jobs · show subaccounts
show team-role · show team-roles · start deployment · stop deployment · take snapshot
tfa activate · tfa auth-new · tfa delete · tfa login · tfa regen-codes · tfa resend-sms
tfa send-email · tfa send-sms · tfa status · tfa totp-setup · tfa update · transfer credit
uninstall · unlist machine · unlist network-volume · unlist volume · update · update env-var
update instance · update ssh-key · update team-role · update template · update workergroup
update workers
"""
_SAME_VERB: Mapping[str, str] = {
    "list": "show",
    "get": "show",
    "describe": "show",
    "view": "show",
    "add": "create",
    "remove": "delete",
    "destroy": "delete",
    "edit": "update",
}
_PREFIX = re.compile(r"^(?:mcp_)?(?:vastai|vast)_")


@dataclass(frozen=True, slots=True)
class VendorCommand:
    """A command of the official client. `tool`: what does it here; empty: nothing."""

    name: str
    tool: str = ""

    @property
    def hosts(self) -> bool:
        """Whether it is about a host's own machines, which are easily taken for rented ones."""
        return self.name.partition(" ")[2] in {"machine", "machines"}


def every_command() -> Iterator[VendorCommand]:
    """All commands that are known."""
    declared = _declared()
    for name, tool in {**_WITH_A_TOOL, **declared}.items():
        yield VendorCommand(name, tool)
    for name in re.split(r" · |\n", _WITHOUT_A_TOOL.strip()):
        if name not in declared:
            yield VendorCommand(name)


def _declared() -> Mapping[str, str]:
    """The commands that declared operations name as their twins."""
    return {
        command: declaration.name
        for declaration in DECLARED
        for route in declaration.routes.values()
        for command in route.cli
    }


def command_meant(tool: str) -> VendorCommand | None:
    """The command whose name was called as a tool; one or several things are the same."""
    asked = plain(tool)
    verb, _, noun = asked.partition("_")
    # The first of two that are spelt alike counts: those that have a tool come first.
    known = {plain(command.name): command for command in reversed([*every_command()])}
    meant = {_in_one_verb(name): one for name, one in reversed(known.items())}
    if verb in {"list", "get"}:  # `list volumes` offers a host's to others; a model means `show`
        return known.get(f"show_{noun}") or known.get(asked)
    return known.get(asked) or meant.get(_in_one_verb(asked))


def plain(name: str) -> str:
    """A name without the differences of spelling: `create-ssh-keys` is `create_ssh_key`."""
    words = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    bare = _PREFIX.sub("", words)
    return "_".join(word.removesuffix("s") if len(word) > 3 else word for word in bare.split("_"))


def _in_one_verb(name: str) -> str:
    verb, _, noun = name.partition("_")
    return f"{_SAME_VERB.get(verb, verb)}_{noun}"
