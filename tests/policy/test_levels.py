"""How far each act must go for a yes, on whose machine.

See docs/design.md#levels.
"""

import pytest

from tests.policy.cases import act, judge, machine, rules, spend
from vast_mcp.policy import Level, Limits, Protected, level_of
from vast_mcp.policy.actions import ACTS
from vast_mcp.policy.facts import Owner, Request

FREE = ["label_instance", "attach_ssh_key", "run_command", "stop_job", "download_files",
        "forward_port", "cancel_copy"]  # fmt: skip
ASKED = ["stop_instance", "reboot_instance", "recycle_instance", "destroy_instance",
         "destroy_instances", "delete_disk_files", "delete_endpoint", "create_workergroup",
         "upload_files", "copy_files", "take_snapshot", "change_template",
         "detach_ssh_key"]  # fmt: skip
SPENDING = ["start_instance", "extend_lease", "change_bid", "update_endpoint"]


@pytest.mark.parametrize(
    ("action", "level"),
    [(action, Level.ALLOW) for action in FREE]
    + [(action, Level.ASK) for action in ASKED]
    + [("adopt_instance", Level.PERSON)],
)
def test_an_act_on_our_own_machine_has_its_level(action: str, level: Level) -> None:
    """The least level of every act (docs/design.md#levels)."""
    assert level_of(judge(act(action))) is level


@pytest.mark.parametrize("action", ["create_endpoint", "create_volume", "run_job"])
def test_an_endpoint_asks_however_cheap_it_is(action: str) -> None:
    """Endpoints always ask, once."""
    assert level_of(judge(Request(action, spend=spend()))) is Level.ASK


@pytest.mark.parametrize("action", ["destroy_instance", "destroy_instances"])
def test_a_machine_that_never_ran_is_destroyed_unasked(action: str) -> None:
    """Nothing can be lost on it; if unknown, it ran."""
    assert level_of(judge(act(action, target=machine(never_ran=True)))) is Level.ALLOW
    assert level_of(judge(act(action))) is Level.ASK
    foreign = act(action, target=machine(Owner.FOREIGN, never_ran=True))
    assert level_of(judge(foreign)) is Level.PERSON


@pytest.mark.parametrize(("can_ask", "level"), [(True, Level.ASK), (False, Level.PERSON)])
def test_stopping_others_machine_asks_or_needs_a_person(can_ask: bool, level: Level) -> None:
    """Stop of a machine not ours."""
    request = act("stop_instance", target=machine(Owner.FOREIGN), can_ask=can_ask)
    assert level_of(judge(request)) is level


@pytest.mark.parametrize("action", [name for name, known in ACTS.items() if known.aimed])
@pytest.mark.parametrize("owner", [Owner.FOREIGN, None])
def test_any_other_write_on_others_machine_needs_a_person(action: str, owner: Owner | None) -> None:
    """And a target that is not known counts as somebody else's."""
    if action == "stop_instance":
        return
    target = machine(owner) if owner else None
    for covered in (False, True):
        request = act(action, target=target, spend=spend(), covered=covered, corrective=True)
        assert level_of(judge(request)).rank >= Level.PERSON.rank


@pytest.mark.parametrize("action", ["upload_files", "copy_files", "stop_instance",
                                    "destroy_instance", "create_workergroup"])  # fmt: skip
def test_a_yes_covers_what_its_question_named(action: str) -> None:
    """The listed uploads, the stop, the destroy; `ask` lines are answered by it too."""
    covered = act(action, covered=True)
    assert level_of(judge(covered)) is Level.ALLOW
    assert level_of(judge(covered, Limits(levels={"*": Level.ASK}))) is Level.ALLOW
    for level in (Level.PERSON, Level.DENY):
        assert level_of(judge(covered, Limits(levels={action: level}))) is level


@pytest.mark.parametrize("action", ["reboot_instance", "delete_disk_files", "adopt_instance"])
def test_a_yes_to_a_rent_covers_nothing_else(action: str) -> None:
    """What a rent's question cannot name, its yes cannot cover."""
    assert judge(act(action, covered=True)) == judge(act(action))


@pytest.mark.parametrize(
    "action", ["stop_instance", "destroy_instance", "delete_endpoint", "update_endpoint"]
)
def test_our_own_corrections_wait_for_nobody(action: str) -> None:
    """The end of a lease is not held up by a level that asks."""
    request = act(action, corrective=True)
    for level in (Level.ALLOW, Level.ASK, Level.PERSON):
        assert level_of(judge(request, Limits(levels={"*": level}))) is Level.ALLOW
    assert level_of(judge(request, Limits(levels={"*": Level.DENY}))) is Level.DENY


@pytest.mark.parametrize("action", ["reboot_instance", "delete_disk_files", "adopt_instance",
                                    "start_instance", "create_instance"])  # fmt: skip
def test_calling_an_act_corrective_does_not_open_it(action: str) -> None:
    """Only acts that lower the bill can be corrections (docs/design.md#policy)."""
    request = act(action, spend=spend(lease_hours=100))
    corrective = act(action, spend=spend(lease_hours=100), corrective=True)
    assert judge(corrective) == judge(request)


@pytest.mark.parametrize("action", list(ACTS))
@pytest.mark.parametrize("level", [Level.ASK, Level.PERSON, Level.DENY])
def test_a_level_of_the_policy_makes_any_act_stricter(action: str, level: Level) -> None:
    """`[levels]`: by name or for all, stricter and never looser."""
    request = act(action, spend=spend())
    plain = level_of(judge(request)).rank
    for name in (action, "*"):
        stricter = level_of(judge(request, Limits(levels={name: level}))).rank
        assert stricter == max(plain, level.rank)


def test_allow_in_a_level_loosens_nothing() -> None:
    """`[levels]`: never looser, even if such a value got in."""
    levels = {"destroy_instance": Level.ALLOW, "*": Level.ALLOW}
    assert level_of(judge(act("destroy_instance"), Limits(levels=levels))) is Level.ASK


def test_a_level_for_one_destroy_holds_for_several() -> None:
    """`[levels]`: destroying a list is no way round a word about destroying one."""
    limits = Limits(levels={"destroy_instance": Level.DENY, "copy_files": Level.DENY})
    assert level_of(judge(act("destroy_instances"), limits)) is Level.DENY
    assert level_of(judge(act("upload_files", covered=True), limits)) is Level.DENY
    assert level_of(judge(act("stop_instance"), limits)) is Level.ASK


@pytest.mark.parametrize("action", ["stop_instance", "destroy_instance"])
def test_no_cap_blocks_a_stop_or_a_destroy(action: str) -> None:
    """Stop and destroy are never blocked by budget or breaker."""
    nothing = Limits(max_usd_per_hour=type(Limits().max_usd_per_hour)(0), max_running=0)
    assert level_of(judge(act(action, spend=spend()), nothing, credit=None)) is Level.ASK


@pytest.mark.parametrize("action", list(ACTS))
def test_read_only_refuses_everything_that_writes(action: str) -> None:
    """`--read-only`: stop and destroy too, naming the switch (docs/design.md#commands)."""
    refused = judge(act(action, spend=spend(), corrective=True), Limits(read_only=True))
    assert level_of(refused) is Level.DENY
    assert "read_only" in rules(refused)


@pytest.mark.parametrize("action", list(ACTS))
def test_a_broken_policy_leaves_stop_and_destroy_of_our_own(action: str) -> None:
    """All else is refused with the reason; those stay at `ask`."""
    limits = Limits(broken="policy.toml: [limits] max_runing: unknown key")
    for never_ran in (False, True):
        request = act(action, target=machine(never_ran=never_ran), spend=spend(), covered=True)
        ends = action in {"stop_instance", "destroy_instance", "destroy_instances"}
        decision = judge(request, limits)
        assert level_of(decision) is (Level.ASK if ends else Level.DENY)
        assert "policy.broken" in rules(decision)


@pytest.mark.parametrize("action", ["stop_instance", "destroy_instance", "update_endpoint"])
def test_a_broken_policy_does_not_keep_a_lease_from_ending(action: str) -> None:
    """A slip in a file must not leave machines billing for ever (docs/design.md#leases)."""
    request = act(action, corrective=True)
    assert level_of(judge(request, Limits(broken="x"))) is Level.ALLOW


@pytest.mark.parametrize("action", ["stop_instance", "destroy_instance"])
def test_a_broken_policy_refuses_others_machines(action: str) -> None:
    """Only own machines remain."""
    request = act(action, target=machine(Owner.FOREIGN))
    assert level_of(judge(request, Limits(broken="x"))) is Level.DENY


@pytest.mark.parametrize(
    ("protect", "rule"),
    [
        (Protected(ids=(27123456,)), "protect.ids"),
        (Protected(labels=("train-a",)), "protect.labels"),
        (Protected(labels=("TRAIN-*",)), "protect.labels"),
        (Protected(labels=("*vm1.abc",)), "protect.labels"),
    ],
)
def test_a_protected_machine_needs_a_person(protect: Protected, rule: str) -> None:
    """`[protect]`: even for what is free elsewhere; patterns see the user's part."""
    limits = Limits(protect=protect)
    for action in ("label_instance", "stop_instance", "destroy_instance", "run_command"):
        decision = judge(act(action, covered=True), limits)
        assert level_of(decision) is Level.PERSON
        assert rule in rules(decision)
    other = act("label_instance", target=machine(target_id=1, label="train-b vm1.x"))
    assert level_of(judge(other, Limits(protect=Protected(("train-a",), (2,))))) is Level.ALLOW


def test_a_protected_machine_still_ends_with_its_lease() -> None:
    """The lease end stops it; deleting its disk stays a person's word (docs/design.md#leases)."""
    limits = Limits(protect=Protected(ids=(27123456,)))
    assert level_of(judge(act("stop_instance", corrective=True), limits)) is Level.ALLOW
    assert level_of(judge(act("destroy_instance", corrective=True), limits)) is Level.PERSON
    undone = act("destroy_instance", corrective=True, target=machine(never_ran=True))
    assert level_of(judge(undone, limits)) is Level.ALLOW


@pytest.mark.parametrize("action", [name for name, known in ACTS.items() if known.word])
def test_a_dangerous_act_needs_the_policys_word_and_a_person(action: str) -> None:
    """The explicit word opens it, a person's approval performs it (docs/design.md#levels)."""
    request = act(action)
    assert rules(judge(request)) == {"dangerous.allow"}
    opened = Limits(dangerous=frozenset({ACTS[action].word}))
    assert level_of(judge(request)) is Level.DENY
    assert level_of(judge(request, opened)) is Level.PERSON


def test_a_set_named_by_the_caller_is_needed_as_well() -> None:
    """`[dangerous]`: both the act's own word and the tool's must be open."""
    request = act("label_instance", dangerous_set="team")
    assert level_of(judge(request)) is Level.DENY
    assert level_of(judge(request, Limits(dangerous=frozenset({"team"})))) is Level.PERSON


@pytest.mark.parametrize("action", ["", "rent", "show_instances", "Stop_Instance", "*"])
def test_an_act_that_nobody_declared_is_refused(action: str) -> None:
    """Default deny (docs/design.md#policy)."""
    decision = judge(act(action, covered=True, corrective=True))
    assert rules(decision) == {"action.unknown"}
    assert level_of(decision) is Level.DENY
