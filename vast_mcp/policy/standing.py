"""Levels that come from what is done to whose machine, before any price."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from vast_mcp.policy._case import Case, Finding, ask, deny
from vast_mcp.policy.decision import Reason
from vast_mcp.policy.facts import Target
from vast_mcp.policy.limits import Level
from vast_mcp.text import clean_line

_ENDS = frozenset({"stop_instance", "destroy_instance", "destroy_instances"})
_DESTROYS = frozenset({"destroy_instance", "destroy_instances"})


def own_level(case: Case) -> Iterator[Finding]:
    """The act's own level on a thing of ours."""
    request, act = case.request, case.act
    target = request.target
    if act.level is Level.ALLOW or case.lowers or case.corrective:
        return
    if act.coverable and request.covered:
        return  # the person has already said yes to this, in the question that named it
    if request.action in _DESTROYS and target is not None and target.ours and target.never_ran:
        return
    if act.level is Level.PERSON:
        yield ask(f"levels.{request.action}", f"{act.doing} needs a person.", Level.PERSON)
    else:
        yield ask(f"levels.{request.action}", f"{act.doing} needs a yes.")


def others_machines(case: Case) -> Iterator[Finding]:
    """What this server did not make is left alone: a stop asks, the rest needs a person."""
    target, act = case.request.target, case.act
    if target is None and not act.aimed:
        return
    if target is not None and target.ours:
        return
    known = (
        "was not made by this server" if target is not None else ("may not be made by this server")
    )
    what = f"The {clean_line(target.kind, 20)}" if target is not None else "The target"
    if case.request.action == "stop_instance" and case.request.can_ask:
        yield ask("owner.foreign", f"{what} {known}: stopping it needs a yes.")
    else:
        yield ask("owner.foreign", f"{what} {known}: that needs a person.", Level.PERSON)


def protected(case: Case) -> Iterator[Finding]:
    """Machines the policy protects are touched by a person at a terminal only.

    Our own lease end still stops one, and a rent gone wrong is still undone: a lease that did not
    end would pass every money cap.
    """
    target = case.request.target
    if target is None:
        return
    if case.corrective and (case.request.action not in _DESTROYS or target.never_ran):
        return
    protect = case.limits.protect
    if target.target_id in protect.ids:
        yield ask("protect.ids", "The policy protects this id.", Level.PERSON)
    if any(_labelled(target, pattern) for pattern in protect.labels):
        yield ask("protect.labels", "The policy protects this label.", Level.PERSON)


def _labelled(target: Target, pattern: str) -> bool:
    # The mark follows the user's text, " vm1." in labels and "-vm1-" in endpoint names.
    user_parts = (target.label.rpartition(mark)[0] for mark in (" vm1.", "-vm1-"))
    wanted = pattern.casefold()
    return any(
        fnmatchcase(text.strip().casefold(), wanted) for text in (target.label, *user_parts) if text
    )


def dangerous(case: Case) -> Iterator[Finding]:
    """Acts on money, keys, people or hosting: the policy's explicit word, and a person."""
    words = {case.act.word, case.request.dangerous_set} - {""}
    for word in sorted(words):
        if word not in case.limits.dangerous:
            yield deny(
                "dangerous.allow",
                f'{case.act.doing} needs the word "{word}" in the policy\'s [dangerous] allow.',
                "Tell the user; nothing else enables it.",
            )
        yield ask("dangerous.allow", f'"{word}" actions need a person.', Level.PERSON)


def stated_levels(case: Case) -> Iterator[Finding]:
    """`[levels]`, by name and by `*`: stricter than the built-in level, never looser.

    A yes already given answers `ask`; our own lease end was agreed with the rent and waits for
    nobody. A `deny` holds for both.
    """
    action, act = case.request.action, case.act
    for name in dict.fromkeys((action, act.also, "*")):
        level = case.limits.levels.get(name, Level.ALLOW) if name else Level.ALLOW
        rule = f"levels.{name}"
        if level is Level.DENY:
            yield deny(rule, f"{act.doing} is switched off by the policy.", "Do not retry it.")
        elif level is Level.ALLOW or case.corrective:
            continue
        elif level is Level.PERSON:
            yield ask(rule, f"The policy requires a person for this: {act.doing.lower()}.", level)
        elif not (act.coverable and case.request.covered):
            yield ask(rule, f"The policy requires a yes for this: {act.doing.lower()}.")


def frozen(case: Case) -> Iterator[Finding]:
    """A person has frozen all spending: nothing is rented, started, lengthened or raised."""
    since = case.exposure.frozen
    if since and case.spends:
        yield deny(
            "frozen",
            f"{case.act.doing} is closed: all spending is frozen by {since}. Stopping and"
            " destroying stay open.",
            "Do not retry or look for another way; tell the user.",
            "Only a person at a terminal can lift it: `vast-mcp unfreeze`.",
        )


def read_only(case: Case) -> Iterator[Finding]:
    """Started read-only: nothing is written, not even a stop."""
    if case.limits.read_only:
        says = f"{case.act.doing} is closed: this server runs read-only."
        person = "Only the user can change that: --read-only, or VAST_MCP_READ_ONLY."
        yield deny("read_only", says, "Reading still works.", person)


def broken(case: Case) -> Iterator[Finding]:
    """A policy that cannot be read closes all but the stop and destroy of own machines.

    Our own lease ends go on unasked: a slip in a file must not leave machines billing for ever.
    """
    fault = case.limits.broken
    if not fault or case.corrective:
        return
    target = case.request.target
    shown = clean_line(fault, 200)
    if case.request.action in _ENDS and target is not None and target.ours:
        yield ask("policy.broken", f"The policy cannot be read ({shown}).")
        return
    yield Finding(
        Level.DENY,
        Reason(
            "policy.broken",
            f"The policy cannot be read ({shown}); until it can, only stopping and destroying"
            " machines rented here is possible.",
            "Tell the user which file and key.",
            "Only the user can repair it: `vast-mcp policy check` lists every fault.",
        ),
    )
