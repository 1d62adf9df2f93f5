"""The shell texts that a job puts on its machine. Pure.

POSIX shell only. The command runs in a process group of its own, so that it can be told to end
without its watcher, which writes down how it ended.
"""

import shlex
from collections.abc import Mapping, Sequence

HOME = "/root/.vmcp"
MARKER = f"{HOME}/job"
"""Lies there while any job runs: the idle guard inside the machine leaves it alone."""
LIVE = f"{HOME}/live"
"""A file for each that runs; the last to end takes the marker away."""
HOME_FOLDER = "/root"
"""Where a session begins, and a command that has no uploads."""
WATCHER = "run.sh"
COMMAND = "command.sh"
OUTPUT = "out"
TOLD = "term"
"""There once the command was told to end; `leases/onstart_guard/guard.sh` knows this name."""

_WATCHER = f"""#!/bin/sh
d=$1
cd "$2" || exit 1
mkdir -p {LIVE}
: > "{LIVE}/$3"
: > {MARKER}
s=sh; command -v bash >/dev/null 2>&1 && s=bash
setsid $s "$d/{COMMAND}" >>"$d/{OUTPUT}" 2>&1 </dev/null &
echo $! > "$d/pid"
wait $!
echo $? > "$d/exit.new"
mv "$d/exit.new" "$d/exit"
rm -f "{LIVE}/$3"
[ "$(ls {LIVE})" ] || rm -f {MARKER}
"""


def place(job_id: str) -> str:
    """The job's own directory on the machine, for scripts and output."""
    return f"{HOME}/{job_id}"


def workspace(job_id: str) -> str:
    """Where uploads lie and the command runs."""
    return f"/workspace/{job_id}"


def watcher_text() -> str:
    """The script that runs the command and writes down its exit status."""
    return _WATCHER


def command_text(
    job_id: str, command: str, env: Mapping[str, str], outputs: Sequence[str] = ()
) -> str:
    """The command with its environment. It removes itself first: the values are secret.

    `VMCP_OUTPUTS` tells the program, in shell words, what will be brought home.
    """
    lines = [f"rm -f {place(job_id)}/{COMMAND}"]
    if outputs:
        lines.append(f"export VMCP_OUTPUTS={shlex.quote(shlex.join(outputs))}")
    lines += [f"export {name}={shlex.quote(value)}" for name, value in env.items()]
    return "\n".join([*lines, command, ""])


def start_line(job_id: str, folder: str) -> str:
    """Start the watcher, once however often this runs: `mkdir` succeeds only the first time."""
    d, w = place(job_id), folder
    return (
        f"mkdir -p {w}; mkdir {d}/started 2>/dev/null || exit 0; "
        f"setsid nohup sh {d}/{WATCHER} {d} {w} {job_id} >/dev/null 2>&1 </dev/null &"
    )


def look_line(job_id: str) -> str:
    """Prints `exit/alive/bytes/told`: its status, 1 if alive, size of the output, 1 if told."""
    return (
        f"cd {place(job_id)} || exit 9; e=; a=0; b=0; t=0; [ -f exit ] && e=$(cat exit);"
        f" [ -f pid ] && kill -0 $(cat pid) 2>/dev/null && a=1; [ -f {TOLD} ] && t=1;"
        f" [ -f {OUTPUT} ] && b=$(wc -c < {OUTPUT}); echo vmcp/$e/$a/$b/$t"
    )


def term_line(job_id: str) -> str:
    """Tell the command and all it started to end, unless the guard inside has done so."""
    d = place(job_id)
    return f"cd {d} && [ ! -e {TOLD} ] && touch {TOLD} && kill -TERM -$(cat pid) 2>/dev/null; true"


def kill_line(job_id: str) -> str:
    """End the command and all it started."""
    return f"cd {place(job_id)} && kill -KILL -$(cat pid) 2>/dev/null; true"


def again_line(job_id: str) -> str:
    """Forget the first start, so that the next one starts anew; its output is kept."""
    return f"cd {place(job_id)} && rm -rf started exit pid {TOLD}; true"
