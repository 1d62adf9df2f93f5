"""States, bills and notices of recorded replies; what is expected was written down by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.instances.samples import held as held_sample
from vast_mcp.api.wire import decode_instance
from vast_mcp.api.wire_account import decode_note
from vast_mcp.instances.state import Held
from vast_mcp.models import Instance, billing_of, failure_of, state_of
from vast_mcp.notices.due import AccountRound, due
from vast_mcp.policy.limits import NotifyRules

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
ROWS = [
    ("instance_state_00_None", "starting", "disk", None),
    ("instance_state_01_x", "starting", "gpu+disk", None),
    ("instance_state_02_bad-image", "failed", "disk", "login"),
    ("instance_state_03_oci", "failed", "disk", "driver"),
    ("instance_state_04_queued", "waiting_for_gpu", "disk", None),
    ("instance_state_05_outbid", "outbid", "disk", None),
    ("instance_state_06_off", "host_offline", "nothing", None),
    ("instance_state_07_sched", "waiting_for_gpu", "disk", None),
    ("instance_state_09_unk", "unknown", "gpu+disk", None),
    ("instance_state_11_run22", "ready", "gpu+disk", None),
    ("instance_state_13_rebooting", "starting", "gpu+disk", None),
    ("instance_stopped_v0", "stopped", "disk", None),
    ("instance_docs_a5000_v0", "unknown", "gpu+disk", None),
]
STATED = [
    ("state_bad_image", "failed", "disk", "no_image"),
    ("state_outbid_by_vendor", "outbid", "disk", None),
]


def body(name: str) -> Any:  # noqa: ANN401  a recorded body
    """A recorded reply's body; the test is skipped where the recordings are not."""
    path = RECORDED / f"{name}.json"
    if not path.exists():
        pytest.skip(f"the recorded replies are not here ({path.name})")
    return json.loads(path.read_text(encoding="utf-8"))["body"]


def told(one: Instance) -> tuple[str, str, str | None]:
    """State, what bills, and why it does not come up."""
    failure = failure_of(one)
    return state_of(one).value, billing_of(one).value, failure.cause if failure else None


@pytest.mark.parametrize(("name", "state", "bills", "cause"), ROWS)
def test_a_recorded_machine_is_told_as_what_it_is(
    name: str, state: str, bills: str, cause: str | None
) -> None:
    """Whole rows, the vendor's documentation's own among them, which has no status words at all."""
    assert told(decode_instance(body(name)["instances"])) == (state, bills, cause)


@pytest.mark.parametrize(("name", "state", "bills", "cause"), STATED)
def test_the_words_that_operators_state_are_understood_on_a_whole_row(
    name: str, state: str, bills: str, cause: str | None
) -> None:
    """Only the status words were stated; the rest of the row is a recorded one's."""
    whole = body("instance_stopped_v0")["instances"]
    words = {"intended_status": "", "next_state": "", **body(name)["instances"]}
    assert told(decode_instance({**whole, **words})) == (state, bills, cause)


def test_a_text_that_ends_with_the_needed_driver_names_it_for_the_next_search() -> None:
    """The decisive words of this recorded text are its last."""
    one = decode_instance(body("instance_state_03_oci")["instances"])
    failure = failure_of(one)
    assert failure is not None
    assert failure.query == "cuda_vers>=12.8"
    assert one.status_message.endswith("unsatisfied condition: cuda>=12.8")


def test_a_whole_page_of_machines_has_a_word_for_each() -> None:
    """Thirteen rows of one page, in order."""
    rows = body("instances_v1_mixed")["instances"]
    assert [state_of(decode_instance(row)).value for row in rows] == [
        "stopped", "ready", "starting", "starting", "failed", "failed", "waiting_for_gpu", "outbid",
        "host_offline", "waiting_for_gpu", "unknown", "ready", "starting",
    ]  # fmt: skip


def test_the_recorded_inbox_gives_both_bids_and_the_queued_start() -> None:
    """Two rows of one moment bear one id; a "minimum" once stood below the own bid."""
    rows = body("notify_inbox")["notifications"]
    notes = [note for row in rows if (note := decode_note(row)) is not None]
    assert len(notes) == len(rows) == 9
    assert [note.kind for note in notes].count("outbid") == 3
    first = next(note for note in notes if note.kind == "outbid")
    assert first.instance_id == 40_000_002
    assert first.your_bid is not None
    assert first.least_bid is not None
    assert (first.your_bid.dollars, first.least_bid.dollars) == (0.4, 1.27)
    resumed = next(note for note in notes if note.kind == "instance_resumed")
    assert (resumed.instance_id, resumed.created_us) == (40_000_006, 1_786_856_384_017_244)
    odd = next(note for note in notes if note.instance_id == 40_000_005 and note.kind == "outbid")
    texts = [notice_of(note.instance_id, tuple(notes)) for note in (first, odd)]
    assert "Its bid: $0.4/h; the winning bid: $1.27/h." in texts[0]
    assert "winning bid" not in texts[1]


def notice_of(instance_id: int, notes: tuple[Any, ...]) -> str:
    """What a person is told of an outbid machine with that id."""
    one = held_sample(
        instance_id=instance_id, is_bid=True, actual_status="exited", cur_state="stopped",
        intended_status="stopped", next_state="stopped", contract_ends_us=None,
        books={"created_us": 1_786_850_000_000_000, "target_id": instance_id},
    )  # fmt: skip
    seen = Held(one.instance, 1_786_866_000_000_000, one.rental, one.mark)
    found = due(AccountRound(held=(seen,), notes=notes), [], NotifyRules(), seen.now_us)
    return next(notice.text for notice in found if notice.kind == "outbid")
