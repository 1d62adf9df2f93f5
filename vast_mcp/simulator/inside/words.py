"""Commands that only say something: echo, printf, test, env, date and their like."""

import datetime as dt
import fnmatch
import os
import re
from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from posixpath import basename, dirname

from vast_mcp.simulator.inside.shell import Builtin, Shell
from vast_mcp.simulator.inside.streams import Streams


async def echo(_shell: Shell, words: list[str], streams: Streams) -> int:
    """`echo [-n] [-e] …`."""
    rest, end, escapes = words[1:], "\n", False
    while rest and rest[0] in ("-n", "-e", "-ne", "-en", "-E"):
        end = "" if "n" in rest[0] else end
        escapes = escapes or "e" in rest[0]
        rest = rest[1:]
    text = " ".join(rest)
    await streams.say((_unescaped(text) if escapes else text) + end)
    return 0


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "0": "\0", "a": "\a"}


def _unescaped(text: str) -> str:
    return re.sub(r"\\([ntr\\0a])", lambda found: _ESCAPES[found[1]], text)


async def printf(_shell: Shell, words: list[str], streams: Streams) -> int:
    """`printf FORMAT …` with `%s`, `%d`, `%%`; the format repeats while arguments are left."""
    form, left = _unescaped(words[1]), words[2:]
    takes = len(re.findall(r"%[-0-9]*[sd]", form))
    while True:
        taken, left = left[:takes], left[takes:]
        values = taken + [""] * (takes - len(taken))
        kinds = zip(re.findall(r"%[-0-9]*([sd])", form), values, strict=True)
        typed = tuple(int(value or 0) if kind == "d" else value for kind, value in kinds)
        await streams.say(form % typed)
        if not left or not takes:
            return 0


async def env(shell: Shell, words: list[str], streams: Streams) -> int:
    """`env`, `printenv [NAME]`, or `env NAME=VALUE … COMMAND …`."""
    have = shell.environment()
    rest = words[1:]
    if words[0] == "printenv" and rest:
        await streams.say("".join(f"{have[x]}\n" for x in rest if x in have))
        return int(any(x not in have for x in rest))
    while rest and "=" in rest[0]:
        name, _, value = rest[0].partition("=")
        shell.variables[name] = have[name] = value
        shell.exported.add(name)
        rest = rest[1:]
    if rest:
        return await shell.call(rest, streams)
    await streams.say("".join(f"{name}={value}\n" for name, value in have.items()))
    return 0


async def date(shell: Shell, words: list[str], streams: Streams) -> int:
    """`date [-u] [+FORMAT]`, on the simulator's clock; `%s` and what strftime knows."""
    now_us = shell.machine.clock.utc_us()
    form = next((x[1:] for x in words[1:] if x.startswith("+")), "%a %b %d %H:%M:%S UTC %Y")
    moment = dt.datetime.fromtimestamp(now_us / 1_000_000, dt.UTC)
    form = form.replace("%s", str(now_us // 1_000_000)).replace("%N", f"{now_us % 1_000_000:06}000")
    await streams.say(moment.strftime(form) + "\n")
    return 0


async def fact(shell: Shell, words: list[str], streams: Streams) -> int:
    """`whoami`, `id`, `hostname`, `uname`, `nproc`, `tty`, `arch`."""
    machine = shell.machine.contract.listing.machine
    user = "0" if "-u" in words else "uid=0(root) gid=0(root) groups=0(root)"
    facts = {
        "whoami": "root",
        "id": user,
        "hostname": f"C.{shell.machine.contract.id}",
        "uname": "Linux" if len(words) == 1 else "Linux 5.15.0-sim x86_64 GNU/Linux",
        "nproc": str(max(1, int(machine.facts["cpu_cores_effective"]))),
        "arch": "x86_64",
        "tty": "not a tty",
    }
    await streams.say(facts[words[0]] + "\n")
    return int(words[0] == "tty")


async def names(_shell: Shell, words: list[str], streams: Streams) -> int:
    """`basename PATH [SUFFIX]`, `dirname PATH`."""
    path = words[1].rstrip("/") or "/"
    if words[0] == "dirname":
        await streams.say((dirname(path) or ".") + "\n")
    else:
        await streams.say(basename(path).removesuffix(words[2] if len(words) > 2 else "") + "\n")
    return 0


async def seq(_shell: Shell, words: list[str], streams: Streams) -> int:
    """`seq [FIRST] LAST`."""
    first, last = (1, int(words[1])) if len(words) == 2 else (int(words[1]), int(words[-1]))
    await streams.say("".join(f"{number}\n" for number in range(first, last + 1)))
    return 0


async def test(shell: Shell, words: list[str], streams: Streams) -> int:
    """`test …`, `[ … ]`, `[[ … ]]`: files, texts, numbers, `!`, `-a`, `-o`."""
    closing = {"[": "]", "[[": "]]"}.get(words[0])
    rest = words[1:]
    if closing:
        if rest[-1:] != [closing]:
            await streams.complain(f"{words[0]}: missing {closing}")
            return 2
        rest = rest[:-1]
    return int(not _holds(shell, rest))


_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": eq,
    "-ne": ne,
    "-lt": lt,
    "-le": le,
    "-gt": gt,
    "-ge": ge,
}


def _holds(shell: Shell, words: list[str]) -> bool:
    for operator in ("-o", "||", "-a", "&&"):
        if operator in words:
            at = words.index(operator)
            left, right = _holds(shell, words[:at]), _holds(shell, words[at + 1 :])
            return (left or right) if operator in ("-o", "||") else (left and right)
    match words:
        case []:
            return False
        case ["!", *inner]:
            return not _holds(shell, inner)
        case [text]:
            return text != ""
        case [operator, text]:
            return _unary(shell, operator, text)
        case [one, operator, other]:
            return _binary(shell, one, operator, other)
    raise ValueError


def _unary(shell: Shell, operator: str, text: str) -> bool:
    if operator in ("-z", "-n"):
        return (text == "") == (operator == "-z")
    where = shell.machine.disk.locate(text, cwd=shell.cwd, follow=operator not in ("-L", "-h"))
    checks = {
        "-e": where.exists,
        "-f": where.is_file,
        "-d": where.is_dir,
        "-L": where.is_symlink,
        "-h": where.is_symlink,
        "-r": where.exists,
        "-w": where.exists,
    }
    if operator in checks:
        return checks[operator]()
    if operator == "-x":
        return os.access(where, os.X_OK)
    if operator == "-s":
        return where.exists() and where.stat().st_size > 0
    raise ValueError


def _binary(shell: Shell, left: str, operator: str, right: str) -> bool:
    if operator in ("=", "=="):
        return left == right or fnmatch.fnmatchcase(left, right)
    if operator == "!=":
        return left != right
    if operator in ("-nt", "-ot"):
        disk = shell.machine.disk
        one, other = (disk.locate(x, cwd=shell.cwd).stat().st_mtime for x in (left, right))
        return one > other if operator == "-nt" else one < other
    return _NUMBERS[operator](int(left), int(right))


COMMANDS: dict[str, Builtin] = {
    "echo": echo,
    "printf": printf,
    "env": env,
    "printenv": env,
    "date": date,
    "whoami": fact,
    "id": fact,
    "hostname": fact,
    "uname": fact,
    "nproc": fact,
    "arch": fact,
    "tty": fact,
    "basename": names,
    "dirname": names,
    "seq": seq,
    "test": test,
    "[": test,
    "[[": test,
}
