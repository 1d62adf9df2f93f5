"""Whether waiting for a machine still makes sense: the vendor's rules as one pure function.

What a state means depends on what was asked: `exited` after a start is where it begins, after a
rent it is the end.

See docs/vendor-api.md#state-machine.
"""

from dataclasses import dataclass
from typing import Literal

from vast_mcp.clock import SECOND_US
from vast_mcp.instances.fleet import LIST_LAG_US
from vast_mcp.instances.state import Held
from vast_mcp.market.bids import better_bid
from vast_mcp.models import Instance, InstanceState
from vast_mcp.models.pages import page_port, page_words
from vast_mcp.remote.errors import Unavailable
from vast_mcp.showing import at_least
from vast_mcp.units import HOUR_S, UsdPerHour

Word = Literal["normal", "slow", "dead"]
RENT_EXPECTED_S = 300
"""Most images are pulled in one to five minutes."""
RENT_SLOW_S = 600
RENT_DEAD_S = 1800
"""A machine that has not come up in half an hour is given up, whatever it says."""
_IMAGE_WRITTEN_MB = 20_000
"""A large image of 10 GB, written as it comes and unpacked."""
START_EXPECTED_S = 60
START_SLOW_S = 120
GPU_TAKEN_AFTER_S = 30
"""Scheduling longer than this mostly means that the GPU went to somebody else."""
DUD_AFTER_S = 600
"""A host that never reported by then is a dud; cold images took up to a quarter of an hour, silent
for five to ten minutes of it."""
START_GRACE_S = 60
LIST_LAG_S = LIST_LAG_US // SECOND_US
_POLL_NORMAL_S = 15
_POLL_SLOW_S = 60
ANOTHER = "destroy_instance({id}) and rent another offer."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look told. `reached`: it runs; `dead`: more waiting will not help."""

    word: Word
    said: str
    reached: bool = False
    next: str = ""
    expected_s: int = RENT_EXPECTED_S
    poll_again_s: int | None = None
    url: str = ""
    shut: Unavailable | None = None
    """It runs, and SSH lets nobody in, for this reason."""

    @property
    def over(self) -> bool:
        """Nothing more to wait for."""
        return self.reached or self.word == "dead"


def judge(held: Held) -> Verdict:
    """The verdict on waiting until it runs."""
    state, waited_s = held.state, elapsed_s(held)
    match state:
        case InstanceState.READY | InstanceState.RUNNING_NO_SSH:
            return _running(held, state)
        case InstanceState.WAITING_FOR_GPU:
            return _waiting_for_gpu(held, waited_s)
        case InstanceState.ENDED:
            return _ended(held)
        case InstanceState.OUTBID:
            least = at_least(held.needed_bid) if held.needed_bid else 0
            bid = f" At least ${least:g}/h is needed." if least else ""
            said = f"It is not running ({held.why}); it may resume by itself and be billed.{bid}"
            more = "…" if held.needed_bid is None else f"{_winning(held).dollars:g}"
            return _dead(held, said, f"change_bid({{id}}, {more}), stop_instance({{id}}) to keep"
                                     " it stopped, or destroy_instance({id}).")  # fmt: skip
        case InstanceState.STARTING:
            return _starting(held, waited_s)
        case InstanceState.STOPPED | InstanceState.STOPPING:
            if held.contract_over:
                step = "destroy_instance({id}) ends its cost; its data may be deleted any time."
                return _dead(held, "Its host's contract has ended; it cannot be started.", step)
            return _stopped(held, state, waited_s)
        case _:
            return _broken(held, state, waited_s)


def missing(instance_id: int, waited_s: int | None) -> Verdict:
    """The vendor does not show it. `waited_s`: since it was rented, None: nobody here holds it.

    Just after a rent its list lags; later an empty answer proves no end.
    """
    if waited_s is not None and waited_s < LIST_LAG_S:
        return Verdict("normal", "Vast.ai does not list it yet.", poll_again_s=_POLL_NORMAL_S)
    if waited_s is not None:
        return Verdict(
            "slow",
            "Vast.ai does not show it now; it is not proven gone and counts as billed.",
            next=f"Check again; destroy_instance({instance_id}) still works.",
            poll_again_s=_POLL_SLOW_S,
        )
    return Verdict(
        "dead",
        f"Instance {instance_id} does not exist (any more).",
        next="show_instances lists what exists; search again if you still need a machine.",
    )


def elapsed_s(held: Held) -> int:
    """Seconds since it was asked to run, by the clock that leases follow."""
    return 0 if held.began_us is None else max(0, (held.now_us - held.began_us) // SECOND_US)


def started_again(held: Held) -> bool:
    """Whether it was started after a stop, so that `exited` is where it begins."""
    rental = held.rental
    if rental is None:
        return elapsed_s(held) > HOUR_S
    return rental.ever_ran or held.began_us != held.created_us


def start_known(held: Held) -> bool:
    """Whether `elapsed_s` counts from this start; no book has a reboot or a bid that won again."""
    rental = held.rental
    if held.instance.actual_status in {"rebooting", "recycling"}:
        return False
    if rental is None or rental.facts.start_us is None:
        return not started_again(held)
    return rental.facts.came_up is not True


def _running(held: Held, state: InstanceState) -> Verdict:
    no_ssh = state is InstanceState.RUNNING_NO_SSH
    said = "It is running; ssh takes a little longer." if no_ssh else "It is running."
    if "args" in held.instance.runtype.split():
        said = "It is running its command; it has no ssh."
    return Verdict(
        "normal",
        said,
        reached=True,
        next=f"{_page(held)}show_instances({held.instance.instance_id}) shows ssh and ports.",
    )


def _winning(held: Held) -> UsdPerHour:
    assert held.needed_bid is not None
    return better_bid(held.needed_bid, held.bid)


def _page(held: Held) -> str:
    """How a person opens its own page; ends with a space."""
    one = held.instance
    words = page_words(page_port(one), one.instance_id)
    return f"{words} " if words else ""


def _starting(held: Held, waited_s: int) -> Verdict:
    one, failure = held.instance, held.failure
    if failure is not None:  # it ran before: only its start has failed
        step = (
            "show_logs({id}); stop_instance({id}) keeps the disk, destroy_instance({id}) ends it."
        )
        return _dead(held, f"{failure.said} It will not recover.", step)
    if started_again(held):
        if not start_known(held):
            return Verdict("normal", "Starting again; unknown since when.",
                           expected_s=START_EXPECTED_S, poll_again_s=_POLL_SLOW_S)  # fmt: skip
        return _in_time(held, waited_s, START_EXPECTED_S, START_SLOW_S, "Starting again.")
    if one.actual_status is None and one.cur_state == "running" and waited_s >= DUD_AFTER_S:
        return _dead(held, f"The host has not reported for {waited_s} s: it is defective.", ANOTHER)
    expected_s = rent_expected_s(one.disk_mb_per_s)
    if waited_s >= max(RENT_DEAD_S, 2 * expected_s):
        minutes = waited_s // 60
        return _dead(held, f"It has not come up in {minutes} min and is still billed.", ANOTHER)
    said = "Loading its image."
    if expected_s > RENT_EXPECTED_S:
        said = f"Loading its image onto a slow disk ({one.disk_mb_per_s:.0f} MB/s)."
    return _in_time(held, waited_s, expected_s, max(RENT_SLOW_S, expected_s), said)


def rent_expected_s(disk_mb_per_s: float) -> int:
    """How long the image of a rent takes to load; longer on a slow disk, never above 30 minutes.

    Slow disks make pulls of 25 minutes and more, 800 MB/s is enough (reported, 2026).
    """
    if disk_mb_per_s <= 0:
        return RENT_EXPECTED_S
    return int(min(max(RENT_EXPECTED_S, _IMAGE_WRITTEN_MB / disk_mb_per_s), RENT_DEAD_S))


def _ended(held: Held) -> Verdict:
    """A command in `args` mode is over: it ran, and nothing more comes of waiting."""
    instance_id = held.instance.instance_id
    return Verdict(
        "normal",
        "Its command has ended; only its disk is billed.",
        reached=True,
        next=f"show_logs({instance_id}) shows its output; destroy_instance({instance_id}) ends"
        " the disk's cost.",
    )


def _stopped(held: Held, state: InstanceState, waited_s: int) -> Verdict:
    """It stands still: as it was told to, by somebody else's will, or its container ended."""
    one, again = held.instance, started_again(held)
    if again and one.intended_status == "running" and waited_s < START_GRACE_S:
        return Verdict("normal", "Starting again.", expected_s=START_EXPECTED_S,
                       poll_again_s=_POLL_NORMAL_S)  # fmt: skip
    never_ran = held.rental is not None and not again
    if one.intended_status == "running":
        step = ANOTHER if never_ran else "show_logs({id}); its disk is kept until you destroy it."
        return _dead(held, "It is stopped: its container ended by itself. It stays stopped.", step)
    if held.failure is not None and not held.stop_sent:
        step = "show_logs({id}); its disk is kept until you destroy it."
        return _dead(held, f"{held.failure.said} It was stopped, not by us.", step)
    why = f" ({held.why})" if held.why else ""
    if held.no_credit and held.halted_by_others:
        step = "The user adds credit; then start_instance({id})."
    elif held.halted_by_others:
        step = ANOTHER if never_ran else "start_instance({id}) or destroy_instance({id})."
    else:
        step = "start_instance({id}, lease_hours) runs it again."
    return _dead(held, f"It is {state.value}{why}; nothing is starting it.", step)


def _in_time(held: Held, waited_s: int, expected_s: int, slow_s: int, said: str) -> Verdict:
    if waited_s < slow_s:
        return Verdict("normal", said, expected_s=expected_s, poll_again_s=_POLL_NORMAL_S)
    instance_id = held.instance.instance_id
    return Verdict(
        "slow",
        f"{said} This is taking longer than usual.",
        next=f"Keep waiting, or destroy_instance({instance_id}) and rent a faster host.",
        expected_s=expected_s,
        poll_again_s=_POLL_SLOW_S,
    )


def _waiting_for_gpu(held: Held, waited_s: int) -> Verdict:
    if waited_s < GPU_TAKEN_AFTER_S:
        return Verdict("normal", "Waiting for its GPU.", expected_s=START_EXPECTED_S,
                       poll_again_s=_POLL_NORMAL_S)  # fmt: skip
    instance_id = held.instance.instance_id
    return Verdict(
        "slow",
        "Its GPU was most likely rented by someone else; it waits until the GPU is free.",
        next=f"stop_instance({instance_id}) keeps the disk; another machine would need the data"
        " again.",
        expected_s=START_EXPECTED_S,
        poll_again_s=_POLL_SLOW_S,
    )


def _broken(held: Held, state: InstanceState, waited_s: int) -> Verdict:
    step = ANOTHER
    if started_again(held):
        step = "show_logs({id}); its disk is kept until you destroy it."
    match state:
        case InstanceState.HOST_OFFLINE:
            said = "Its host is offline; nothing is billed meanwhile."
        case InstanceState.UNKNOWN if not held.instance.listed:
            return missing(held.instance.instance_id, waited_s)
        case InstanceState.UNKNOWN:
            said = _not_known(held.instance)
        case _:
            failure = held.failure
            said = failure.said if failure else "It did not come up and will not recover."
            step = failure.step if failure else step
    return _dead(held, said, step)


def _not_known(one: Instance) -> str:
    status = one.actual_status
    if not one.cur_state or not one.intended_status:
        return "Vast.ai does not report its state; it counts as billed."
    if status in {None, "unknown"}:
        return "Its host no longer reports."
    return f"Vast.ai calls it {status}: it is not running, and counts as billed."


def usable(held: Held, said: str, url: str = "", *, step: str = "") -> Verdict:
    """It can be worked on."""
    work = "" if url else f"run_command({held.instance.instance_id}, …) or copy_files."
    step = step or f"{_page(held)}{work}".strip()
    return Verdict("normal", said, reached=True, next=step, url=url)


def not_yet(held: Held, said: str, step: str) -> Verdict:
    """It runs, and what is waited for does not answer yet."""
    instance_id = held.instance.instance_id
    if elapsed_s(held) < RENT_SLOW_S:
        return Verdict("normal", said, next=step, poll_again_s=_POLL_NORMAL_S)
    step = step or f"show_logs({instance_id}) may say why; it is billed meanwhile."
    return Verdict("slow", said, next=step, poll_again_s=_POLL_SLOW_S)


def of_no_use(held: Held, said: str, step: str) -> Verdict:
    """It runs, and what is waited for will not come."""
    return _dead(held, said, step)


def _dead(held: Held, said: str, step: str) -> Verdict:
    return Verdict("dead", said, next=step.format(id=held.instance.instance_id))
