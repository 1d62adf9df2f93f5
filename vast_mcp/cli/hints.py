"""What `vast-mcp watch --install-hint` prints: ready-made files for three systems, none installed.

The paths are those of this very installation, asked of the running process.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from vast_mcp.cli.places import environment_of

LABEL = "io.github.vast-mcp.watch"
_UNIT = """\
[Unit]
Description=vast-mcp: end the leases of rented GPUs
After=network-online.target

[Service]
ExecStart={command}
Restart=always
RestartSec=30
# Retrying does not help a setting that cannot be used.
RestartPreventExitStatus=2

[Install]
WantedBy=default.target
"""
_PLIST = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>{label}</string>
  <key>ProgramArguments</key>
  <array>
{arguments}
  </array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
  <key>ThrottleInterval</key><integer>30</integer>
  <key>StandardErrorPath</key><string>{log}</string>
</dict>
</plist>
"""


def program() -> list[str]:
    """How this installation is started, by absolute path."""
    beside = Path(sys.executable).with_name(
        "vast-mcp.exe" if sys.platform == "win32" else "vast-mcp"
    )
    if beside.is_file():
        return [str(beside)]
    return [str(Path(sys.executable)), "-m", "vast_mcp"]


def command_of(args: argparse.Namespace) -> list[str]:
    """`vast-mcp watch` with the same policy and ledger as this call, by absolute paths."""
    given = environment_of(args)
    words = [*program(), "watch"]
    for flag, variable in (("--policy", "VAST_MCP_POLICY"), ("--ledger", "VAST_MCP_LEDGER")):
        if value := given.get(variable):
            words += [flag, str(Path(value).absolute())]
    return words


def install_hint(command: Sequence[str], home: Path, platform: str) -> str:
    """All three, each with where it goes and how it is switched on; the one at hand first."""
    parts = [_systemd(command, home), _launchd(command, home), _cron(command)]
    if platform == "darwin":
        parts.insert(0, parts.pop(1))
    head = (
        "# Nothing was installed. Choose one; each ends leases while no MCP client runs.\n"
        "# The key is read as always: VAST_API_KEY, which a service does not inherit, else that\n"
        "# of `vast-mcp login`, else the official client's files: the session of `vastai tfa\n"
        f"# login`, or {home / '.config' / 'vastai' / 'vast_api_key'}.\n"
        "# None of them runs while the computer sleeps."
    )
    return "\n\n".join([head, *parts])


def _systemd(command: Sequence[str], home: Path) -> str:
    place = home / ".config" / "systemd" / "user" / "vast-mcp-watch.service"
    unit = _UNIT.format(command=" ".join(_systemd_word(word) for word in command))
    return (
        f"# --- Linux, systemd: write this to {place}\n{unit}\n"
        "# then: systemctl --user daemon-reload && systemctl --user enable --now"
        " vast-mcp-watch.service\n"
        "# and, so that it runs while you are logged out: loginctl enable-linger"
    )


def _systemd_word(word: str) -> str:
    """Quoted as systemd reads it: % and $ stand for themselves only when doubled."""
    for special, plain in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(special, plain)
    return f'"{word}"' if any(char in word for char in " \t'\"\\;") else word


def _launchd(command: Sequence[str], home: Path) -> str:
    place = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    plist = _PLIST.format(
        label=LABEL,
        arguments="\n".join(f"    <string>{escape(word)}</string>" for word in command),
        log=escape(str(home / "Library" / "Logs" / "vast-mcp-watch.log")),
    )
    return (
        f"# --- macOS, launchd: write this to {place}\n{plist}\n"
        f"# then: launchctl bootstrap gui/$(id -u) {shlex.quote(str(place))}"
    )


def _cron(command: Sequence[str]) -> str:
    # cron ends the command at a bare %, whatever the shell's quotes say.
    line = shlex.join([*command, "--once"]).replace("%", "\\%")
    return (
        "# --- cron, on any Unix: add this line with crontab -e; leases end up to a minute late\n"
        f"* * * * * {line}\n"
        "# For notices on a Linux desktop put before it, on a line of its own:\n"
        "# DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/YOUR_NUMERIC_USER_ID/bus"
    )
