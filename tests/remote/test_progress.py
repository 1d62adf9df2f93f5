"""How far a copy is: told twice a second at most, with a rate that counts moving alone."""

from vast_mcp.clock import ManualClock
from vast_mcp.remote.progress import CopyProgress, Meter


def metered(*, total: int = 100, files: int = 2) -> tuple[ManualClock, Meter, list[CopyProgress]]:
    """A meter and all that it has told."""
    clock, told = ManualClock(), list[CopyProgress]()
    return clock, Meter(clock, told.append, total_bytes=total, files=files), told


def test_a_copy_is_told_twice_a_second_at_most_and_each_phase_at_once() -> None:
    """A client is not flooded, and a phase is never missed."""
    clock, meter, told = metered()
    meter.add(1)
    assert len(told) == 1
    for _ in range(8):
        clock.move(0.125)
        meter.add(1)
    assert [one.done_bytes for one in told] == [1, 5, 9]
    meter.phase("moving")
    meter.phase("verifying")
    assert [one.phase for one in told] == ["comparing"] * 3 + ["moving", "verifying"]


def test_the_rate_is_of_what_moved_while_it_was_moving() -> None:
    """Comparing and verifying take time and move nothing; what was there already moved nothing."""
    clock, meter, told = metered(total=1000)
    clock.move(10)
    meter.there(100)
    meter.there(50, resumed=True)
    meter.phase("moving")
    assert told[-1].bytes_per_s == 0
    clock.move(2)
    meter.add(80)
    assert (told[-1].bytes_per_s, told[-1].done_bytes) == (40, 230)
    clock.move(2)
    meter.phase("verifying")
    assert told[-1].bytes_per_s == 20
    clock.move(10)
    meter.phase("moving")
    clock.move(4)
    meter.add(80)
    assert told[-1].bytes_per_s == 20
    assert (meter.moved, meter.resumed, meter.moving_s, meter.elapsed_s) == (160, 50, 4, 28)


def test_no_more_is_done_than_there_is() -> None:
    """A file that grew meanwhile makes no 110 per cent."""
    clock, meter, told = metered()
    for _ in range(3):
        meter.file_done()
    meter.there(60)
    clock.move(1)
    meter.add(60)
    last = told[-1]
    assert (last.done_bytes, last.total_bytes) == (100, 100)
    assert (last.done_files, last.total_files) == (2, 2)


def test_files_and_bytes_are_counted_one_by_one() -> None:
    """From nothing on."""
    clock, meter, told = metered()
    meter.phase("comparing")
    assert told[-1] == CopyProgress("comparing", 0, 100, 0, 2, 0.0)
    meter.file_done()
    clock.move(0.5)
    meter.add(3)
    assert (told[-1].done_files, told[-1].done_bytes) == (1, 3)


def test_whoever_wants_no_report_gets_the_sums_all_the_same() -> None:
    """They are in the answer."""
    clock = ManualClock()
    meter = Meter(clock, None, total_bytes=10, files=1)
    meter.phase("moving")
    clock.move(3)
    meter.add(10)
    meter.phase("done")
    assert (meter.moved, meter.moving_s) == (10, 3.0)
