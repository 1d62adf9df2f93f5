"""Why a machine does not come up: what a host says, what is made of it, what helps."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.instances.samples import held, instance
from vast_mcp.api.wire import decode_instance
from vast_mcp.instances.readiness import judge
from vast_mcp.models import Billing, InstanceState, Remedy, billing_of, failure_of, state_of
from vast_mcp.store import LeaseFacts
from vast_mcp.text import Untrusted, clean_ends

DRIVER = (
    "Error response from daemon: failed to create task for container: failed to create shim task:"
    " OCI runtime create failed: runc create failed: unable to start container process: error"
    " during container init: error running hook #0: exit status 1, stdout: , stderr: Auto-detected"
    " mode as 'legacy' nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8"
)
CDI = (
    "Error response from daemon: failed to create task: failed to create shim task: OCI runtime"
    " create failed: could not apply required modification: failed to inject CDI devices: x"
)
PORT = "Error response from daemon: Bind for :::25723 failed: port is already allocated"
LIMIT = "toomanyrequests: You have reached your unauthenticated pull rate limit."
COMMAND = 'OCI runtime create failed: exec: "trian.py": executable file not found in $PATH'
TEXTS = [
    ("Error response from daemon: manifest unknown", "no_image", Remedy.IMAGE, "tag"),
    ("manifest for a/b:latest not found", "no_image", Remedy.IMAGE, "tag"),
    (" unauthorized:\n authentication required", "login", Remedy.IMAGE, "login"),
    ("pull access denied for a/b, repository does not exist", "login", Remedy.IMAGE, "login"),
    ("write /usr/lib/x: no space left on device", "disk_full", Remedy.DISK, "larger disk_gb"),
    (LIMIT, "registry_limit", Remedy.HOST, "another host"),
    (DRIVER, "driver", Remedy.HOST, 'query="cuda_vers>=12.8"'),
    (CDI, "cdi", Remedy.HOST, "another offer"),
    (PORT, "port_taken", Remedy.HOST, "another offer"),
    (COMMAND, "command", Remedy.IMAGE, "command"),
    ("no matching manifest for linux/amd64", "wrong_architecture", Remedy.IMAGE, "linux/amd64"),
    ("OCI runtime create failed: no", "runtime", Remedy.HOST, "another offer"),
    ("Error: something that nobody has seen yet", "error", Remedy.HOST, "another offer"),
]
LOADING: dict[str, Any] = {"actual_status": "loading"}
STOOD: dict[str, Any] = {
    "cur_state": "stopped", "intended_status": "stopped", "next_state": "stopped",
}  # fmt: skip


@pytest.mark.parametrize(("text", "cause", "remedy", "step"), TEXTS)
def test_a_cause_is_named_at_first_sight_with_what_helps(
    text: str, cause: str, remedy: Remedy, step: str
) -> None:
    """No waiting cures these; an image's fault is never told as the host's."""
    one = held(after_s=20, **LOADING, status_message=Untrusted(text))
    failure = one.failure
    assert failure is not None
    assert (failure.cause, failure.remedy) == (cause, remedy)
    assert one.state is InstanceState.FAILED
    verdict = judge(one)
    assert verdict.word == "dead"
    assert verdict.said == failure.said
    assert step in verdict.next
    assert "destroy_instance(27000001)" in verdict.next


@pytest.mark.parametrize("text", [text for text, *_ in TEXTS])
def test_a_machine_that_ran_before_is_not_failed_by_a_text(text: str) -> None:
    """Its disk holds data: it is stopped, not by us, or does not get up again."""
    ran = {"ever_ran": True}
    words = Untrusted(text)
    stood = held(books=ran, after_s=900, actual_status="exited", **STOOD, status_message=words)
    assert stood.state is InstanceState.STOPPED
    tried = held(books=ran, after_s=900, **LOADING, status_message=words)
    assert tried.state is InstanceState.STARTING
    for one in (stood, tried):
        verdict = judge(one)
        assert verdict.word == "dead"
        assert "another offer" not in verdict.next


def test_decisive_words_at_the_end_of_a_long_text_are_found_and_shown() -> None:
    """Head and tail are kept wherever a host's text is cut."""
    text = "latest: Pulling from a/b\n" + "layer: Pull complete\n" * 400 + "no space left on device"
    one = decode_instance(row(status_msg=text, actual_status="loading"))
    failure = failure_of(one)
    assert failure is not None
    assert failure.cause == "disk_full"
    shown = clean_ends(one.status_message)
    assert shown.startswith("latest: Pulling")
    assert shown.endswith("no space left on device")
    assert len(shown) <= 300
    assert clean_ends(shown) == shown


def test_a_name_or_a_progress_line_is_no_failure() -> None:
    """An image may be called anything, and pulling prints a lot."""
    for text, image in [
        ("latest: Pulling from acme/unauthorized-demo", "acme/unauthorized-demo"),
        ("8b1a2c3d: Pulling fs layer\nlibgpg-error0: Download complete", "ubuntu:22.04"),
        ("success, running acme/manifest unknown/ssh", "x"),
    ]:
        words = {"status_message": Untrusted(text), "image": Untrusted(image)}
        assert failure_of(instance(**LOADING, **words)) is None


@pytest.mark.parametrize(
    ("shown", "ours", "state", "bills"),
    [
        ({"actual_status": None, **STOOD}, True, "failed", "disk"),
        ({"actual_status": None, **STOOD, "is_bid": True}, True, "outbid", "disk"),
        ({**LOADING, **STOOD}, True, "failed", "disk"),
        ({**LOADING, **STOOD, "status_message": Untrusted("8b1a: Pulling")}, True, "stopped",
         "disk"),
        ({"actual_status": "created", **STOOD, "status_message": Untrusted(CDI)}, True, "failed",
         "disk"),
        ({"actual_status": "exited", **STOOD, "is_bid": True}, False, "outbid", "disk"),
        ({"actual_status": "scheduling", "cur_state": "stopped"}, True, "waiting_for_gpu", "disk"),
        ({"actual_status": None, "cur_state": "", "intended_status": "", "next_state": ""}, True,
         "unknown", "gpu+disk"),
        ({"actual_status": "exited", "cur_state": "", "intended_status": "", "next_state": ""},
         True, "unknown", "gpu+disk"),
        ({"actual_status": "", **STOOD}, True, "unknown", "gpu+disk"),
        ({"actual_status": "migrating", **STOOD}, True, "unknown", "gpu+disk"),
    ],
)  # fmt: skip
def test_what_stands_still_is_told_as_what_it_is(
    shown: dict[str, Any], ours: bool, state: str, bills: str
) -> None:
    """Never placed, a dead host, outbid, queued; missing words are unknown and count as billing."""
    one = held(ours=ours, after_s=60, **({"disk_used_gb": None} | shown))
    assert (one.state.value, one.bills.value) == (state, bills)


def test_a_container_that_stopped_by_itself_is_not_called_failed() -> None:
    """`failed` needs a text that says so and a machine that never ran."""
    one = held(after_s=60, actual_status="exited", **STOOD)
    assert one.state is InstanceState.STOPPED
    assert one.why.startswith("not by us")
    by_us = {"facts": LeaseFacts(stop_sent=True)}
    told = held(after_s=60, actual_status="exited", books=by_us, **STOOD)
    assert told.why == "by us"
    assert told.warnings == []


@pytest.mark.parametrize("cur", ["running", "stopped"])
def test_a_command_that_is_over_has_ended(cur: str) -> None:
    """In `args` mode the entry point ends: neither failed nor waiting, and only its disk bills."""
    words: dict[str, Any] = {"actual_status": "exited", "cur_state": cur, "runtype": "args"}
    one = held(after_s=400, books={"ever_ran": True}, **words)
    assert (one.state, one.bills) == (InstanceState.ENDED, Billing.DISK)
    verdict = judge(one)
    assert (verdict.word, verdict.reached) == ("normal", True)
    assert "show_logs(27000001)" in verdict.next
    restarted = LeaseFacts(start_us=one.now_us, came_up=False)
    again = held(after_s=400, books={"ever_ran": True, "facts": restarted}, **words)
    assert again.state in {InstanceState.WAITING_FOR_GPU, InstanceState.STARTING}


ACTUAL = [None, "", "created", "loading", "running", "exited", "stopped", "offline", "unknown",
          "rebooting", "recycling", "scheduling", "frozen", "migrating"]  # fmt: skip
WISH = ["", "running", "stopped", "unloaded"]


@pytest.mark.parametrize(
    ("runtype", "is_bid"), [("ssh_direc", False), ("ssh_direc", True), ("args", False)]
)
def test_no_combination_of_words_crashes_or_hides_a_bill(runtype: str, is_bid: bool) -> None:
    """Only an offline host bills nothing; what is not understood counts as the most expensive."""
    texts = ["", "success, running x/ssh", DRIVER]
    for actual, cur, intended, following, text in product(ACTUAL, WISH, WISH, WISH[1:3], texts):
        words: dict[str, Any] = {
            "actual_status": actual, "cur_state": cur, "intended_status": intended,
            "next_state": following, "status_message": Untrusted(text), "is_bid": is_bid,
            "runtype": runtype,
        }  # fmt: skip
        one = instance(**words)
        bills, state = billing_of(one), state_of(one)
        assert (bills is Billing.NOTHING) == (actual == "offline")
        if actual == "running" or state is InstanceState.UNKNOWN:
            assert bills is Billing.GPU_AND_DISK
        for books in ({}, {"ever_ran": True}, {"facts": LeaseFacts(stop_sent=True)}):
            seen = held(after_s=60, books=books, **words)
            verdict = judge(seen)
            assert verdict.said
            assert verdict.next or verdict.word == "normal"
            assert all(seen.warnings)


@given(st.text(max_size=200), st.text(max_size=200), st.integers(40, 400))
def test_a_cut_text_keeps_both_ends_and_cutting_twice_changes_nothing(
    head: str, tail: str, limit: int
) -> None:
    """Whatever a host writes."""
    shown = clean_ends(f"{head} middle {tail}", limit)
    assert len(shown) <= limit
    assert clean_ends(shown, limit) == shown


def row(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  any field of the wire
    """A row of the vendor's list in our own words."""
    return {
        "id": 27_000_001, "machine_id": 1, "actual_status": "running", "cur_state": "running",
        "intended_status": "running", "next_state": "running", "dph_total": 0.4, "is_bid": False,
        "storage_cost": 0.15, "storage_total_cost": 0.01, "disk_space": 50.0,
        "image_uuid": "ubuntu:22.04", "image_runtype": "ssh", "gpu_name": "RTX 4090",
        "num_gpus": 1, **changes,
    }  # fmt: skip
