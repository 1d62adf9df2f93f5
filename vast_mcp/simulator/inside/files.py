"""Commands that make, move, list and remove files."""

import fnmatch
import os
import posixpath
import re
import shutil
import stat as stat_module
from pathlib import Path

from vast_mcp.simulator.inside.disk import Disk
from vast_mcp.simulator.inside.reading import split
from vast_mcp.simulator.inside.shell import Builtin, Shell
from vast_mcp.simulator.inside.streams import Streams


def _at(shell: Shell, path: str, *, follow: bool = True) -> Path:
    return shell.machine.disk.locate(path, cwd=shell.cwd, follow=follow)


async def _missing(name: str, path: str, streams: Streams) -> int:
    await streams.complain(f"{name}: cannot access '{path}': No such file or directory")
    return 1


async def ls(shell: Shell, words: list[str], streams: Streams) -> int:
    """`ls [-l] [-a] [-A] [-d] [-1] [PATH …]`."""
    options, paths = split(words)
    status = 0
    for path in paths or ["."]:
        where = _at(shell, path)
        if not where.exists():
            status = await _missing("ls", path, streams) + 1
        elif where.is_dir() and "d" not in options:
            if len(paths) > 1:
                await streams.say(f"{path}:\n")
            names = sorted(where.iterdir(), key=lambda one: one.name)
            shown = [x for x in names if {"a", "A"} & set(options) or not x.name.startswith(".")]
            await streams.say("".join(_row(x, x.name, long="l" in options) for x in shown))
        else:
            await streams.say(_row(where, path, long="l" in options))
    return status


def _row(where: Path, name: str, *, long: bool) -> str:
    if not long:
        return f"{name}\n"
    found = where.lstat()
    mode = stat_module.filemode(found.st_mode)
    link = f" -> {where.readlink()}" if where.is_symlink() else ""
    return f"{mode} {found.st_nlink} root root {found.st_size} {name}{link}\n"


async def mkdir(shell: Shell, words: list[str], streams: Streams) -> int:
    """`mkdir [-p] [-m MODE] DIR …`."""
    options, paths = split(words, "m")
    for path in paths:
        where = _at(shell, path)
        if where.exists() and "p" not in options:
            await streams.complain(f"mkdir: cannot create directory '{path}': File exists")
            return 1
        where.mkdir(parents="p" in options, exist_ok="p" in options)
        if "m" in options:
            where.chmod(int(options["m"], 8))
    return 0


async def rm(shell: Shell, words: list[str], streams: Streams) -> int:
    """`rm [-r] [-f] PATH …`, `rmdir DIR …`, `unlink FILE`."""
    options, paths = split(words)
    status = 0
    for path in paths:
        where = _at(shell, path, follow=False)
        if not where.exists() and not where.is_symlink():
            status = status if "f" in options else await _missing(words[0], path, streams)
        elif words[0] == "rmdir":
            where.rmdir()
        elif where.is_dir() and not where.is_symlink() and not {"r", "R"} & set(options):
            await streams.complain(f"rm: cannot remove '{path}': Is a directory")
            status = 1
        else:
            inside = shell.machine.disk.canonical(path, cwd=shell.cwd, follow=False)
            shell.machine.disk.remove(inside)
    return status


def _targets(shell: Shell, paths: list[str]) -> list[tuple[str, str]]:
    """Pairs of source and destination inside the machine: into the last one if a directory."""
    *sources, last = paths
    disk = shell.machine.disk
    into = disk.canonical(last, cwd=shell.cwd)
    pairs = []
    for source in sources:
        inside = disk.canonical(source, cwd=shell.cwd, follow=False)
        onto = f"{into}/{posixpath.basename(inside)}" if disk.locate(into).is_dir() else into
        pairs.append((inside, onto))
    return pairs


async def cp(shell: Shell, words: list[str], streams: Streams) -> int:
    """`cp [-r] [-a] [-p] SOURCE … DEST`."""
    options, paths = split(words)
    deep = bool({"r", "R", "a"} & set(options))
    disk = shell.machine.disk
    for source, target in _targets(shell, paths):
        if disk.locate(source, follow=False).is_dir() and not deep:
            name = posixpath.basename(source)
            await streams.complain(f"cp: -r not specified; omitting directory '{name}'")
            return 1
        _copy(disk, source if deep else disk.canonical(source), target)
    return 0


def _copy(disk: Disk, source: str, target: str) -> None:
    """A file, a link or a tree. A link that stands at the target is followed inside only."""
    where = disk.locate(source, follow=False)
    if where.is_symlink():
        onto = disk.locate(target, follow=False)
        if onto.is_symlink() or onto.is_file():
            onto.unlink()
        onto.symlink_to(where.readlink())
    elif where.is_dir():
        disk.locate(target).mkdir(exist_ok=True)
        for name in sorted(inner.name for inner in where.iterdir()):
            _copy(disk, f"{source}/{name}", f"{target}/{name}")
    else:
        shutil.copy2(where, disk.locate(target), follow_symlinks=False)


async def mv(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`mv [-f] SOURCE … DEST`."""
    disk = shell.machine.disk
    for source, target in _targets(shell, split(words)[1]):
        disk.locate(source, follow=False).replace(disk.locate(target, follow=False))
    return 0


async def ln(shell: Shell, words: list[str], streams: Streams) -> int:
    """`ln -s [-f] TARGET NAME`: links are kept as written and followed inside the machine only."""
    options, paths = split(words)
    if "s" not in options:
        await streams.complain("ln: only -s is simulated")
        return 2
    where = _at(shell, paths[1], follow=False)
    where = where / Path(paths[0]).name if where.is_dir() and not where.is_symlink() else where
    if "f" in options:
        where.unlink(missing_ok=True)
    where.symlink_to(paths[0])
    return 0


async def touch(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`touch FILE …`."""
    for path in split(words)[1]:
        _at(shell, path).touch()
    return 0


async def chmod(shell: Shell, words: list[str], streams: Streams) -> int:
    """`chmod MODE FILE …` in octal digits or as `+x`; `chown` changes nothing."""
    _, rest = split([x for x in words if x != "-R"])
    for path in rest[1:]:
        where = _at(shell, path)
        if not where.exists():
            return await _missing(words[0], path, streams)
        if words[0] == "chmod":
            digits = rest[0].isdigit()
            where.chmod(int(rest[0], 8) if digits else where.stat().st_mode | 0o111)
    return 0


async def stat(shell: Shell, words: list[str], streams: Streams) -> int:
    """`stat [-L] [-c FORMAT] FILE …` with `%s %n %Y %a %F`."""
    options, paths = split(words, "c")
    form = options.get("c") or options.get("format") or options.get("printf") or "%n %s %F"
    for path in paths:
        where = _at(shell, path, follow="L" in options)
        if not where.exists() and not where.is_symlink():
            return await _missing("stat", path, streams)
        found = where.lstat()
        kind = "directory" if where.is_dir() else "regular file"
        values = {
            "%s": str(found.st_size),
            "%n": path,
            "%Y": str(int(found.st_mtime)),
            "%a": f"{found.st_mode & 0o7777:o}",
            "%F": "symbolic link" if where.is_symlink() else kind,
            "%U": "root",
        }
        text = form
        for name, value in values.items():
            text = text.replace(name, value)
        await streams.say(text + "\n")
    return 0


async def du(shell: Shell, words: list[str], streams: Streams) -> int:
    """`du [-s] [-b] [-h] [PATH …]`: one line each."""
    options, paths = split(words, "d")
    for path in paths or ["."]:
        if not _at(shell, path).exists():
            return await _missing("du", path, streams)
        used = shell.machine.disk.used_bytes(shell.machine.disk.canonical(path, cwd=shell.cwd))
        await streams.say(f"{used if 'b' in options else -(-used // 1024)}\t{path}\n")
    return 0


async def df(shell: Shell, words: list[str], streams: Streams) -> int:
    """`df [-B1 | -k] [PATH]`: the disk that was rented."""
    unit = 1 if "-B1" in words or "--block-size=1" in words else 1024
    size = int(shell.machine.contract.order.disk_gb * 1e9)
    used = shell.machine.disk.used_bytes()
    name = "1B-blocks" if unit == 1 else "1K-blocks"
    await streams.say(f"Filesystem {name} Used Available Use% Mounted on\n")
    share = 100 * used // max(1, size)
    row = f"overlay {size // unit} {used // unit} {max(0, size - used) // unit} {share}% /\n"
    await streams.say(row)
    return 0


async def find(shell: Shell, words: list[str], streams: Streams) -> int:
    """`find [PATH] [-type f|d|l] [-name PATTERN] [-maxdepth N] [-print0 | -printf FORMAT]`."""
    starts = [x for x in words[1:2] if not x.startswith("-")] or ["."]
    rest = words[1 + (words[1:2] == starts) :]
    kind = rest[rest.index("-type") + 1] if "-type" in rest else ""
    name = rest[rest.index("-name") + 1] if "-name" in rest else "*"
    deepest = int(rest[rest.index("-maxdepth") + 1]) if "-maxdepth" in rest else 1 << 30
    top = _at(shell, starts[0])
    if not top.exists():
        return await _missing("find", starts[0], streams)
    form = rest[rest.index("-printf") + 1] if "-printf" in rest else ""
    end = "\0" if "-print0" in rest else "\n"
    for where in [top, *sorted(top.rglob("*"))]:
        parts = where.relative_to(top).parts
        if len(parts) <= deepest and _is(where, kind) and fnmatch.fnmatchcase(where.name, name):
            shown = starts[0].rstrip("/") if parts else starts[0]
            path = "/".join((shown, *parts))
            await streams.say(_printed(form, where, path, "/".join(parts)) if form else path + end)
    return 0


def _printed(form: str, where: Path, path: str, below: str) -> str:
    """Its size for `%s`, its path for `%p`, for `%P` the part below the start; line breaks."""
    size = str(where.lstat().st_size)
    values = {"%s": size, "%p": path, "%P": below, "\\n": "\n"}
    return re.sub(r"%[spP]|\\n", lambda found: values[found[0]], form)


def _is(where: Path, kind: str) -> bool:
    link = where.is_symlink()
    kinds = {"l": link, "d": where.is_dir() and not link, "f": where.is_file() and not link}
    return kinds.get(kind, True)


async def resolve(shell: Shell, words: list[str], streams: Streams) -> int:
    """`readlink [-f] PATH`, `realpath PATH`."""
    options, paths = split(words)
    if words[0] == "realpath" or "f" in options:
        await streams.say(shell.machine.disk.canonical(paths[0], cwd=shell.cwd) + "\n")
        return 0
    where = _at(shell, paths[0], follow=False)
    if not where.is_symlink():
        return 1
    await streams.say(f"{where.readlink()}\n")
    return 0


async def mktemp(shell: Shell, words: list[str], streams: Streams) -> int:
    """`mktemp [-d]`."""
    number = len(list(_at(shell, "/tmp").iterdir()))  # noqa: S108  the machine's own
    path = f"/tmp/tmp.{number:010d}"  # noqa: S108  the machine's own
    where = _at(shell, path)
    if "-d" in words:
        where.mkdir(mode=0o700)
    else:
        where.touch(mode=0o600)
    await streams.say(path + "\n")
    return 0


async def truncate(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`truncate -s SIZE FILE …`."""
    options, paths = split(words, "s")
    for path in paths:
        os.close(shell.machine.disk.open(path, os.O_WRONLY | os.O_CREAT, cwd=shell.cwd))
        os.truncate(_at(shell, path), int(options["s"]))
    return 0


COMMANDS: dict[str, Builtin] = {
    "ls": ls,
    "mkdir": mkdir,
    "rm": rm,
    "rmdir": rm,
    "unlink": rm,
    "cp": cp,
    "mv": mv,
    "ln": ln,
    "touch": touch,
    "chmod": chmod,
    "chown": chmod,
    "stat": stat,
    "du": du,
    "df": df,
    "find": find,
    "readlink": resolve,
    "realpath": resolve,
    "mktemp": mktemp,
    "truncate": truncate,
}
