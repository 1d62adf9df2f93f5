"""What belongs to the shell itself: directory, variables, jobs, signals, the end."""

import signal

from vast_mcp.simulator.inside.processes import Exit
from vast_mcp.simulator.inside.shell import Shell
from vast_mcp.simulator.inside.streams import Streams
from vast_mcp.simulator.inside.syntax import ShellSyntax, parse


async def cd(shell: Shell, words: list[str], streams: Streams) -> int:
    """`cd [DIR]`."""
    target = next((x for x in words[1:] if x != "--"), "/root")
    where = shell.machine.disk.canonical(target, cwd=shell.cwd)
    if not shell.machine.disk.locate(where).is_dir():
        await streams.complain(f"sh: cd: {target}: No such file or directory")
        return 1
    shell.cwd = where
    return 0


async def pwd(shell: Shell, _words: list[str], streams: Streams) -> int:
    """`pwd`."""
    await streams.say(f"{shell.cwd}\n")
    return 0


async def export(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`export NAME[=VALUE] …`."""
    for word in words[1:]:
        name, found, value = word.partition("=")
        if found:
            shell.variables[name] = value
        shell.exported.add(name)
    return 0


async def unset(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`unset NAME …`."""
    for name in words[1:]:
        shell.variables.pop(name, None)
        shell.exported.discard(name)
    return 0


async def set_options(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`set -e`, `set +e`; `-u`, `-x`, `-o pipefail` are taken and change nothing."""
    for word in words[1:]:
        if word[:1] in "+-" and "e" in word[1:] and word[1:] != "pipefail":
            shell.stop_on_error = word.startswith("-")
        elif word == "--":
            shell.arguments[1:] = words[words.index("--") + 1 :]
            break
    return 0


async def leave(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`exit [STATUS]`."""
    raise Exit(int(words[1]) & 255 if len(words) > 1 else shell.status)


async def execute(shell: Shell, words: list[str], streams: Streams) -> int:
    """`exec COMMAND …`: the shell's process becomes the command."""
    if len(words) > 1:
        shell.tail = True
        raise Exit(await shell.call(words[1:], streams))
    return 0


async def evaluate(shell: Shell, words: list[str], streams: Streams) -> int:
    """`eval TEXT …`: the text as a part of this very script."""
    try:
        script = parse(" ".join(words[1:]))
    except ShellSyntax as wrong:
        await streams.complain(f"sh: eval: syntax error: {wrong}")
        return 2
    return await shell.walk(script, streams)


async def source(shell: Shell, words: list[str], streams: Streams) -> int:
    """`. FILE`, `source FILE`: the file as a part of this very script."""
    path = shell.machine.disk.locate(words[1], cwd=shell.cwd) if len(words) > 1 else None
    if path is None or not path.is_file():
        await streams.complain(f"sh: .: {' '.join(words[1:2])}: not found")
        return 2
    try:
        script = parse(path.read_text("utf-8", "surrogateescape"))
    except ShellSyntax as wrong:
        await streams.complain(f"sh: {words[1]}: syntax error: {wrong}")
        return 2
    return await shell.walk(script, streams)


async def wait(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`wait [PID …]`: for jobs in the background."""
    table, own = shell.machine.processes.table, shell.process.group
    wanted = [int(x) for x in words[1:]]
    status = 0
    for number in wanted:
        status = await table[number].wait() if number in table else 127
    if not wanted:
        for process in list(table.values()):
            if (
                process is not shell.process
                and process.group == own
                and process.pid > shell.process.pid
            ):
                await process.wait()
    return status


async def kill(shell: Shell, words: list[str], streams: Streams) -> int:
    """`kill [-SIGNAL | -s SIGNAL] PID …`; a negative one is a group."""
    rest, number = words[1:], int(signal.SIGTERM)
    if rest[:1] == ["-l"]:
        await streams.say("HUP INT QUIT KILL USR1 USR2 TERM\n")
        return 0
    if rest[:1] == ["-s"]:
        number, rest = signal_number(rest[1]), rest[2:]
    elif rest and rest[0].startswith("-") and rest[0] != "--":
        number, rest = signal_number(rest[0][1:]), rest[1:]
    status = 0
    for text in rest[1:] if rest[:1] == ["--"] else rest:
        if not shell.machine.processes.signal(int(text), number):
            await streams.complain(f"sh: kill: ({text}) - No such process")
            status = 1
    await shell.machine.breathe()
    return status


def signal_number(text: str) -> int:
    """`TERM`, `SIGTERM` or `15`."""
    if text.isdigit():
        return int(text)
    return int(signal.Signals[f"SIG{text.upper().removeprefix('SIG')}"])


async def trap(shell: Shell, words: list[str], streams: Streams) -> int:
    """`trap '' SIGNAL …` ignores, `trap - SIGNAL …` no longer does; actions are not run."""
    action, names = (words[1] if len(words) > 1 else "-"), words[2:]
    numbers = {signal_number(x) for x in names if x not in ("EXIT", "0", "ERR")}
    if action == "":
        shell.process.ignored |= numbers
    elif action == "-":
        shell.process.ignored -= numbers
    else:
        await streams.complain("sh: trap: actions are not run by the simulator's shell")
    return 0


async def shift(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`shift [N]`."""
    del shell.arguments[1 : 1 + (int(words[1]) if len(words) > 1 else 1)]
    return 0


async def known(shell: Shell, words: list[str], streams: Streams) -> int:
    """`command -v NAME`, `which NAME`, or `command NAME …` which runs it."""
    if words[0] == "command" and words[1:2] != ["-v"]:
        return await shell.call(words[1:], streams)
    missing = 0
    for name in words[2:] if words[0] == "command" else words[1:]:
        if name in shell.commands:
            await streams.say(f"/usr/bin/{name}\n")
        else:
            missing = 1
    return missing


async def nothing(_shell: Shell, _words: list[str], _streams: Streams) -> int:
    """`:`, `true`, and what has no effect here."""
    return 0


async def false(_shell: Shell, _words: list[str], _streams: Streams) -> int:
    """`false`."""
    return 1


COMMANDS = {
    ":": nothing,
    "true": nothing,
    "false": false,
    "umask": nothing,
    "sync": nothing,
    "ulimit": nothing,
    "cd": cd,
    "pwd": pwd,
    "export": export,
    "unset": unset,
    "set": set_options,
    "exit": leave,
    "exec": execute,
    "eval": evaluate,
    ".": source,
    "source": source,
    "wait": wait,
    "kill": kill,
    "trap": trap,
    "shift": shift,
    "command": known,
    "which": known,
}
