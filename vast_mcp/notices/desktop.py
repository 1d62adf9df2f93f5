"""A notice on the desktop, by the program the system has for it.

The one place of the product that starts a program for this: none of the three systems offers
another way without a further dependency. The program is found on PATH, gets its text as an argument
of its own (no shell reads it), sees none of our environment's secrets and is killed after five
seconds. Where there is no desktop or no such program, there is no sender.
"""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

import anyio

from vast_mcp.notices.notice import Notice
from vast_mcp.notices.sender import NotDelivered

TIMEOUT_S = 5.0
_TITLE = "vast-mcp"
_SESSION = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
_HANDED_ON = (
    "PATH", "HOME", "LANG", "USER", "XAUTHORITY", "XDG_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP",
    "SYSTEMROOT", "WINDIR", "APPDATA", "LOCALAPPDATA", "USERPROFILE", *_SESSION,
)  # fmt: skip
"""All that the program sees of the environment; the key is not among it."""
_APPLE = (
    "on run argv",
    f'display notification (item 1 of argv) with title "{_TITLE}"',
    "end run",
)
_TOAST = """
$text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{text}'))
[void][Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$toast = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent('ToastText02')
$lines = $toast.GetElementsByTagName('text')
[void]$lines.Item(0).AppendChild($toast.CreateTextNode('vast-mcp'))
[void]$lines.Item(1).AppendChild($toast.CreateTextNode($text))
$id = '{{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}}\\WindowsPowerShell\\v1.0\\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($id).Show([Windows.UI.Notifications.ToastNotification]::new($toast))
"""  # noqa: E501  a script in another language
"""The text travels as base64, which no quoting can break; the node takes it as text, not as XML."""


class Desktop:
    """One program on this machine."""

    name = "desktop"

    def __init__(self, program: str, environment: Mapping[str, str], platform: str) -> None:
        self._program = program
        self._environment = environment
        self._platform = platform

    async def send(self, notice: Notice, at: str) -> None:  # noqa: ARG002  a desktop shows its own time
        """Run it; anything but a clean end within five seconds is a failure."""
        status: int | None = None
        with anyio.move_on_after(TIMEOUT_S):
            try:
                done = await anyio.run_process(
                    [self._program, *_arguments(notice.text, self._platform)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={k: v for k, v in self._environment.items() if k in _HANDED_ON},
                    check=False,
                )
                status = done.returncode
            except OSError as error:
                raise NotDelivered(f"the desktop's program: {error.strerror}") from error
        if status != 0:
            how = "did not end in time" if status is None else f"ended with {status}"
            raise NotDelivered(f"the desktop's program {how}")


def reachable(environment: Mapping[str, str], platform: str = sys.platform) -> Desktop | None:
    """The desktop at hand, or None: on a server, in a cron job, without the program."""
    if platform == "darwin":
        wanted = "osascript"
    elif platform == "win32":
        wanted = "powershell"
    elif any(environment.get(name) for name in _SESSION):
        wanted = "notify-send"
    else:
        return None
    program = shutil.which(wanted, path=environment.get("PATH") or os.devnull)
    return None if program is None else Desktop(program, environment, platform)


def _arguments(text: str, platform: str) -> list[str]:
    if platform == "darwin":
        return [*(word for line in _APPLE for word in ("-e", line)), text]
    if platform == "win32":
        script = _TOAST.format(text=base64.b64encode(text.encode()).decode())
        encoded = base64.b64encode(script.encode("utf-16-le")).decode()
        return ["-NoProfile", "-NonInteractive", "-EncodedCommand", encoded]
    return [f"--app-name={_TITLE}", "--", _TITLE, text]
