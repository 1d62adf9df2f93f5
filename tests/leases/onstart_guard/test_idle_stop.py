"""The idle stop: it counts only what it could read, and unknown use is never idle."""

from pathlib import Path

import pytest

from tests.leases.onstart_guard.container import Container, container

SHELLS = ("dash", "bash", "busybox")
every_shell = pytest.mark.parametrize("shell", SHELLS)
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
LISTEN, ESTABLISHED, CLOSING = "0A", "01", "06"
SSHD = f"   0: 00000000:0016 00000000:0000 {LISTEN} 0 0\n"
SERVER = f"   1: 00000000:1F40 00000000:0000 {LISTEN} 0 0\n"
NO_ONE = "00000000000000000000000000000000"


def _row(local: str, remote: str, state: str = ESTABLISHED) -> str:
    return f"   7: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 0\n"


def _quiet(box: Container, gpus: str = "0\n1\n") -> None:
    """A machine that nobody uses."""
    box.tool("nvidia-smi", f"#!/bin/sh\nprintf %s '{gpus}'\n")
    _connections(box, "")


def _connections(box: Container, rows: str, rows6: str = "") -> None:
    (box.home / "net" / "tcp").write_text(HEAD + SSHD + SERVER + rows)
    (box.home / "net" / "tcp6").write_text(HEAD + rows6)


@every_shell
async def test_an_idle_machine_is_stopped_after_its_minutes(tmp_path: Path, shell: str) -> None:
    """That is what was asked for, in each shell."""
    async with container(tmp_path, shell) as box:
        _quiet(box)
        box.label(120)
        await box.arm(120, idle=5)
        await box.pass_minutes(3.9)
        assert box.running
        await box.pass_minutes(2)
        assert not box.running


async def test_without_being_asked_it_never_stops_for_idleness(tmp_path: Path) -> None:
    """Idleness ends nothing by itself; the lease does."""
    async with container(tmp_path) as box:
        _quiet(box)
        box.label(120)
        await box.arm(120)
        await box.pass_minutes(20)
        assert box.running


GPUS = {
    "busy": "97\n",
    "at three percent": "3\n",
    "one of two busy": "0\n55\n",
    "the first of two busy": "55\n0\n",
    "not supported": "[N/A]\n",
    "one not supported": "0\n[Not Supported]\n",
    "nothing said": "",
    "an error": "NVIDIA-SMI has failed\n",
}


@pytest.mark.parametrize("name", GPUS)
async def test_a_gpu_that_is_not_surely_idle_keeps_the_machine(tmp_path: Path, name: str) -> None:
    """Unknown use is never idle."""
    async with container(tmp_path) as box:
        _quiet(box, GPUS[name])
        box.label(120)
        await box.arm(120, idle=2)
        await box.pass_minutes(6)
        assert box.running
        assert box.sent == []


async def test_a_tool_that_fails_though_it_printed_a_zero_counts_as_busy(tmp_path: Path) -> None:
    """A number that came with an error is no measurement."""
    async with container(tmp_path) as box:
        _quiet(box)
        box.tool("nvidia-smi", "#!/bin/sh\necho 0\nexit 9\n")
        box.label(120)
        await box.arm(120, idle=2)
        await box.pass_minutes(6)
        assert box.running


IN_USE = {
    "ssh": (_row("020011AC:0016", "010011AC:D431"), ""),
    "ssh over ipv6": ("", _row(f"{NO_ONE}:0016", "B80D0120000000000000000001000000:D431")),
    "ssh mapped into ipv6": ("", _row(f"{NO_ONE}:0016", "0000000000000000FFFF0000010011AC:D431")),
    "ssh through a tunnel": (_row("0100007F:0016", "0100007F:D431"), ""),
    "jupyter": (_row("020011AC:1F90", "010011AC:D431"), ""),
    "a server's own port": (_row("020011AC:1F40", "010011AC:D431"), ""),
    "an address that ends like loopback": (
        "",
        _row(f"{NO_ONE}:1F40", "B80D012000000000000000000000007F:D431"),
    ),
    "an address that ends in one": (
        "",
        _row(f"{NO_ONE}:1F40", "0004012A000000000000000001000000:D431"),
    ),
}


@pytest.mark.parametrize("name", IN_USE)
async def test_an_open_connection_keeps_the_machine(tmp_path: Path, name: str) -> None:
    """Somebody may be working through it."""
    async with container(tmp_path) as box:
        _quiet(box)
        _connections(box, *IN_USE[name])
        box.label(120)
        await box.arm(120, idle=2)
        await box.pass_minutes(6)
        assert box.running
        assert box.sent == []


NOT_IN_USE = {
    "a proxy's own loopback": (_row("0100007F:1F40", "0100007F:D431"), ""),
    "loopback of ipv6": (
        "",
        _row(f"{NO_ONE}:1F40", "00000000000000000000000001000000:D431"),
    ),
    "loopback mapped into ipv6": (
        "",
        _row(f"{NO_ONE}:1F40", "0000000000000000FFFF00000100007F:D431"),
    ),
    "one that is closing": (_row("020011AC:0016", "010011AC:D431", CLOSING), ""),
    "our own way out": (_row("020011AC:D431", "08080808:01BB"), ""),
}


@pytest.mark.parametrize("name", NOT_IN_USE)
@every_shell
async def test_what_nobody_uses_from_elsewhere_does_not_keep_it(
    tmp_path: Path, shell: str, name: str
) -> None:
    """What talks only to itself is no use by anybody."""
    async with container(tmp_path, shell) as box:
        _quiet(box)
        _connections(box, *NOT_IN_USE[name])
        box.label(120)
        await box.arm(120, idle=2)
        await box.pass_minutes(5)
        assert not box.running


UNREADABLE = ("no nvidia-smi", "no awk", "no proc", "empty proc", "no timeout")


@pytest.mark.parametrize("missing", UNREADABLE)
async def test_what_cannot_be_read_counts_as_use(tmp_path: Path, missing: str) -> None:
    """Where a tool or a file is missing, nothing is known of the use."""
    async with container(tmp_path) as box:
        _quiet(box)
        if missing == "no proc":
            (box.home / "net" / "tcp").unlink()
            (box.home / "net" / "tcp6").unlink()
        elif missing == "empty proc":
            (box.home / "net" / "tcp").write_text(HEAD)
        else:
            (box.home / "bin" / missing.removeprefix("no ")).unlink()
        box.label(120)
        await box.arm(120, idle=2)
        await box.pass_minutes(6)
        assert box.running
        assert box.sent == []


async def test_a_machine_without_ipv6_can_be_idle(tmp_path: Path) -> None:
    """A table that such a machine never has is not a table that cannot be read."""
    async with container(tmp_path) as box:
        _quiet(box)
        (box.home / "net" / "tcp6").unlink()
        box.label(120)
        await box.arm(120, idle=2)
        await box.pass_minutes(5)
        assert not box.running


async def test_a_job_keeps_the_machine_and_its_end_begins_the_count_anew(tmp_path: Path) -> None:
    """A job that loads data may leave the GPU idle for long."""
    async with container(tmp_path) as box:
        _quiet(box)
        job = box.home / ".vmcp" / "job"
        job.parent.mkdir()
        job.touch()
        box.label(120)
        await box.arm(120, idle=4)
        await box.pass_minutes(10)
        assert box.running
        job.unlink()
        await box.pass_minutes(3.5)
        assert box.running
        await box.pass_minutes(3)
        assert not box.running


async def test_use_while_the_stop_is_being_tried_keeps_the_machine(tmp_path: Path) -> None:
    """Idleness has to last until the stop is taken."""
    async with container(tmp_path) as box:
        _quiet(box)
        box.label(120)
        box.simulator.faults.add("status_before", method="PUT", times=10_000)
        await box.arm(120, idle=2)
        await box.pass_minutes(5)
        _connections(box, IN_USE["ssh"][0])
        await box.pass_minutes(1.5)
        box.simulator.faults.planned.clear()
        await box.pass_minutes(5)
        assert box.running


async def test_the_lease_end_holds_however_busy_it_is(tmp_path: Path) -> None:
    """Use keeps a machine from the idle stop, never from the end of its lease."""
    async with container(tmp_path) as box:
        _quiet(box, "99\n")
        box.label(3)
        await box.arm(3, idle=2)
        await box.pass_minutes(5)
        assert not box.running
