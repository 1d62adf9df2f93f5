"""Whether a guard can be put into a machine, and which layers will end its lease."""

from dataclasses import dataclass, field

from vast_mcp.account.context import Account
from vast_mcp.errors import ConfigInvalid, InputInvalid
from vast_mcp.leases.onstart_guard.hazards import hazard
from vast_mcp.leases.onstart_guard.onstart import check_bare, wrap_onstart
from vast_mcp.leases.onstart_guard.snippet import lease_guard
from vast_mcp.models import Template
from vast_mcp.operations.instances import Connect
from vast_mcp.units import seconds_from_hours

OUTER_LAYERS = ("server", "watch")


@dataclass(frozen=True, slots=True)
class Inside:
    """What goes behind the guard, or why there is none."""

    script: str = field(default="", repr=False)
    """The user's start script, else the template's own."""
    why_not: str = ""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that will end the lease, as tools name them."""
        return OUTER_LAYERS if self.why_not else (*OUTER_LAYERS, "inside")

    @property
    def warning(self) -> str:
        """What a person should know when the machine cannot stop itself; else empty."""
        if not self.why_not:
            return ""
        return (
            f"No guard runs inside this machine: {self.why_not}. Its lease ends only while this"
            " server or `vast-mcp watch` runs."
        )

    def onstart(self, snippet: str) -> str:
        """The whole start script.

        Raises:
            InputInvalid: too long even when packed.
        """
        return wrap_onstart(snippet, self.script)


def guard_text(
    account: Account, intent_id: str, created_us: int, until_us: int, idle_minutes: int | None
) -> str:
    """The guard for one rent under the limits now in force."""
    longest_us = int(seconds_from_hours(account.limits().max_lease_hours)) * 1_000_000
    return lease_guard(
        api_base=account.reads.api_base,
        intent_id=intent_id,
        owner=account.marker.owner,
        created_us=created_us,
        until_us=until_us,
        ceiling_us=created_us + longest_us,
        idle_minutes=idle_minutes,
        ssh_key=_own_key(account),
    )


def _own_key(account: Account) -> str:
    """Our public key; a rent goes on without it and says elsewhere what is wrong with it."""
    try:
        return account.show_key()
    except (OSError, ConfigInvalid):
        return ""


def coverage(
    *,
    image: str,
    template: Template | None,
    connect: Connect | None,
    onstart: str | None,
    idle_minutes: int | None,
    sample: str,
) -> Inside:
    """Decide about the guard before anything is asked or sent.

    A request's start script replaces the template's, so where the user gives none, the template's
    own is put behind the guard (docs/vendor-api.md#creating-an-instance).

    Args:
        image: what will run.
        template: the template it is made from.
        connect: the way of connecting that was asked for; None is the template's, else SSH.
        onstart: the user's start script.
        idle_minutes: the idle stop that was asked for; only the guard can do it.
        sample: a guard text of the size that will be sent.

    Raises:
        InputInvalid: the user's script leaves no room, or an idle stop has nobody to do it.
    """
    if idle_minutes is not None and idle_minutes < 1:
        raise InputInvalid("idle_stop_minutes", "at least 1")
    inside = _inside(image, template, connect, onstart, sample)
    if inside.why_not:
        check_bare(onstart or "")
    if inside.why_not and idle_minutes is not None:
        raise InputInvalid(
            "idle_stop_minutes",
            f"needs the guard inside the machine, which cannot run: {inside.why_not}",
            hint="Leave it out; the lease still ends.",
        )
    return inside


def _inside(
    image: str, template: Template | None, connect: Connect | None, onstart: str | None, sample: str
) -> Inside:
    if "vastai/kvm" in image:
        return Inside(why_not="it is a virtual machine")
    if connect == "args" or (connect is None and template is not None and _is_entrypoint(template)):
        return Inside(why_not="with args, its start script is the container's entrypoint")
    if why_not := hazard(image, template, onstart):
        return Inside(why_not=why_not)
    if onstart or template is None:
        found = Inside(onstart or "")
        found.onstart(sample)
        return found
    if template.onstart is None:
        return Inside(why_not="the template's own start script could not be read")
    found = Inside(template.onstart)
    try:
        found.onstart(sample)
    except InputInvalid:
        return Inside(why_not="the template's own start script leaves no room for it")
    return found


def _is_entrypoint(template: Template) -> bool:
    """Unless a template says SSH or Jupyter, its start script may be the entrypoint."""
    runtype = template.runtype
    reachable = template.ssh or template.jupyter or "ssh" in runtype or "jupyter" in runtype
    return runtype == "args" or not reachable
