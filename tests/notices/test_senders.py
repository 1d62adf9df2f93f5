"""The ways to a person: a real post on loopback, a real program on PATH."""

from pathlib import Path

import pytest

from tests.notices.receiver import desktop, receiving
from vast_mcp.notices import Notice, NoticeKind
from vast_mcp.notices.desktop import _arguments, reachable
from vast_mcp.notices.notice import quoted
from vast_mcp.notices.sender import NotDelivered
from vast_mcp.notices.webhook import Webhook

TEXT = "The lease of instance 27000001 \"-n $(id) `id` ; 'x'\" ends in 10 min."
NOTICE = Notice(NoticeKind.LEASE_ENDS, "key", TEXT, 27_000_001)
AT = "2026-11-20T18:30Z"


async def test_a_webhook_gets_kind_text_time_and_id() -> None:
    """The body others write programs for."""
    async with receiving() as receiver:
        await Webhook(receiver.address).send(NOTICE, AT)
        await Webhook(receiver.address).send(Notice(NoticeKind.RUNWAY, "r", "Short."), AT)
    assert receiver.posted == [
        {"kind": "lease_ends", "text": TEXT, "at": AT, "instance_id": 27_000_001},
        {"kind": "runway", "text": "Short.", "at": AT},
    ]


@pytest.mark.parametrize("first", ["500 Oops", "drop", "429 Later"])
async def test_a_failed_post_is_tried_once_more(first: str) -> None:
    """One blip of the network loses no warning."""
    async with receiving(first, "204 No Content") as receiver:
        await Webhook(receiver.address).send(NOTICE, AT)
    assert len(receiver.posted) == 2


async def test_a_redirect_is_not_followed_and_the_error_holds_no_address() -> None:
    """It would lead elsewhere; and the address is a secret."""
    async with receiving("302 Found") as receiver:
        with pytest.raises(NotDelivered) as caught:
            await Webhook(receiver.address).send(NOTICE, AT)
    assert len(receiver.posted) == 2
    assert "s3cr3t" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


async def test_nobody_listening_is_an_error_without_the_address() -> None:
    """The same where the connection fails."""
    with pytest.raises(NotDelivered) as caught:
        await Webhook("http://127.0.0.1:9/hook-s3cr3t").send(NOTICE, AT)
    assert "s3cr3t" not in str(caught.value)


async def test_the_desktop_gets_the_text_as_one_argument_and_no_secret(tmp_path: Path) -> None:
    """No shell reads it, whatever a label holds; the key stays in this process."""
    environment, out = desktop(tmp_path)
    here = reachable(environment, "linux")
    assert here is not None
    await here.send(NOTICE, AT)
    assert out.read_text() == f"--app-name=vast-mcp\n--\nvast-mcp\n{TEXT}\nkey=\n--\n"


async def test_a_desktop_program_that_fails_is_an_error(tmp_path: Path) -> None:
    """So that another look tries again."""
    environment, _ = desktop(tmp_path, "exit 3")
    here = reachable(environment, "linux")
    assert here is not None
    with pytest.raises(NotDelivered, match="ended with 3"):
        await here.send(NOTICE, AT)


async def test_a_desktop_program_that_hangs_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper's next look must not wait for it."""
    monkeypatch.setattr("vast_mcp.notices.desktop.TIMEOUT_S", 0.3)
    environment, _ = desktop(tmp_path, "exec sleep 60")
    here = reachable(environment, "linux")
    assert here is not None
    with pytest.raises(NotDelivered, match="in time"):
        await here.send(NOTICE, AT)


def test_without_a_display_or_the_program_there_is_no_desktop(tmp_path: Path) -> None:
    """A server has none; nothing is said about it."""
    environment, _ = desktop(tmp_path)
    assert reachable({"PATH": environment["PATH"]}, "linux") is None
    assert reachable({"DISPLAY": ":9", "PATH": str(tmp_path)}, "linux") is None
    assert reachable({"DISPLAY": ":9"}, "linux") is None
    assert reachable(environment, "darwin") is None
    assert reachable(environment, "win32") is None


def test_a_label_cannot_bring_markup_to_the_desktop_in_escapes() -> None:
    r"""Where a body holds `\074` notify-send shows `<`; at `\377` it gives up."""
    said = quoted(r"run \074a href=x\076 \n\377")
    assert "074a href=x" in said
    assert "\\" not in said


def test_the_text_is_never_part_of_a_script() -> None:
    """AppleScript takes it from argv; PowerShell gets it as base64 inside an encoded script."""
    apple = _arguments(TEXT, "darwin")
    assert apple[-1] == TEXT
    assert not any(TEXT in word for word in apple[:-1])
    windows = _arguments(TEXT, "win32")
    assert not any("27000001" in word for word in windows)
