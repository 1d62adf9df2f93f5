"""A machine's shell: it walks through a script. No shell of the host is ever involved.

A background job is a process of its own and keeps the session open as long as its output goes
there, as with a real `sshd`. Commands of a pipe run one after the other.
"""

import fnmatch
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from vast_mcp.simulator.inside.processes import Exit, Process
from vast_mcp.simulator.inside.streams import File, Memory, Nothing, Sink, Source, Streams
from vast_mcp.simulator.inside.syntax import ShellSyntax, parse
from vast_mcp.simulator.inside.tree import (
    Command,
    For,
    Group,
    If,
    Item,
    Loop,
    Part,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Word,
)

if TYPE_CHECKING:
    from vast_mcp.simulator.inside.machine import Machine

Builtin: TypeAlias = "Callable[[Shell, list[str], Streams], Awaitable[int]]"
NOT_FOUND, NOT_EXECUTABLE = 127, 126
_GLOB = "*?["


@dataclass(slots=True)
class Shell:
    """One shell: where it stands, what it knows, how its last command ended.

    `tail`: what it runs next is the last thing this process does, so that a program takes the
    process over instead of becoming a child. `session`: the process that the login started.
    """

    machine: "Machine"
    process: Process
    commands: Mapping[str, Builtin]
    cwd: str = "/root"
    variables: dict[str, str] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    arguments: list[str] = field(default_factory=lambda: ["sh"])
    status: int = 0
    last_job: int = 0
    session: int = 0
    stop_on_error: bool = False
    tail: bool = False

    def copy(self, process: Process) -> "Shell":
        """A subshell in that process."""
        return replace(
            self,
            process=process,
            variables=dict(self.variables),
            exported=set(self.exported),
            tail=False,
        )

    def environment(self) -> dict[str, str]:
        """What programs inherit."""
        return {name: self.variables[name] for name in self.exported if name in self.variables}

    async def run(self, text: str, streams: Streams) -> int:
        """Run a script to its end; its status."""
        try:
            script = parse(text)
        except ShellSyntax as wrong:
            await streams.complain(f"sh: syntax error: {wrong}")
            return 2
        try:
            return await self.walk(script, streams, last=True)
        except Exit as end:
            return end.status

    async def walk(self, script: Script, streams: Streams, *, last: bool = False) -> int:
        """Every item in turn. `last`: nothing follows this script in its process."""
        for at, item in enumerate(script):
            if item.background:
                await self._background(item, streams)
                continue
            self.tail = last and at == len(script) - 1 and not item.rest
            self.status = await self._pipeline(item.first, streams)
            checked = bool(item.rest)
            for operator, pipeline in item.rest:
                if (operator == "&&") == (self.status == 0):
                    self.tail = False
                    self.status = await self._pipeline(pipeline, streams)
            self.tail = False
            if self.stop_on_error and self.status and not checked:
                raise Exit(self.status)
        return self.status

    async def _background(self, item: Item, streams: Streams) -> None:
        detached = replace(streams, stdin=Nothing())
        alone = replace(item, background=False)

        async def act(process: Process) -> int:
            return await self.copy(process).walk([alone], detached, last=True)

        job = self.machine.processes.start(
            act, item.text, group=self.process.group, ignored=self.process.ignored
        )
        job.holds_session = self.machine.is_session(streams) and not _quiet(item)
        job.started_by = self.session
        self.last_job, self.status = job.pid, 0

    async def _pipeline(self, pipeline: Pipeline, streams: Streams) -> int:
        stdin: Source = streams.stdin
        status = 0
        if len(pipeline.commands) > 1 or pipeline.negated:
            self.tail = False
        for at, command in enumerate(pipeline.commands):
            following = Memory() if at < len(pipeline.commands) - 1 else None
            own = Streams(stdin, following or streams.out, streams.err)
            shell = self if len(pipeline.commands) == 1 else self.copy(self.process)
            status = await shell.perform(command, own)
            stdin = following or stdin
        return int(status == 0) if pipeline.negated else status

    async def perform(self, command: Command, streams: Streams) -> int:
        """One command of a pipe, its redirections first."""
        try:
            opened = await self._redirect(command.redirects, streams)
        except OSError as wrong:
            where = self.machine.disk.inside(wrong.filename)
            await streams.complain(f"sh: {where}: {wrong.strerror}")
            return 1
        match command:
            case Simple():
                return await self._simple(command, opened)
            case Group(body, subshell):
                shell = self.copy(self.process) if subshell else self
                try:
                    return await shell.walk(body, opened)
                except Exit as end:
                    if not subshell:
                        raise
                    return end.status
            case If():
                return await self._if(command, opened)
            case Loop() | For():
                return await self._loop(command, opened)

    async def _if(self, command: If, streams: Streams) -> int:
        for condition, body in command.branches:
            if condition is None or await self._test(condition, streams) == 0:
                return await self.walk(body, streams)
        return 0

    async def _test(self, condition: Script, streams: Streams) -> int:
        strict, self.stop_on_error = self.stop_on_error, False
        try:
            return await self.walk(condition, streams)
        finally:
            self.stop_on_error = strict

    async def _loop(self, command: Loop | For, streams: Streams) -> int:
        self.tail = False
        status = 0
        if isinstance(command, For):
            for value in await self._fields(command.words, streams):
                self.variables[command.name] = value
                status = await self.walk(command.body, streams)
            return status
        while (await self._test(command.condition, streams) == 0) != command.negated:
            status = await self.walk(command.body, streams)
            await self.machine.breathe()
        return status

    async def _simple(self, command: Simple, streams: Streams) -> int:
        tail, self.tail = self.tail, False
        words = await self._fields(command.words, streams)
        given = {name: await self._text(word, streams) for name, word in command.assignments}
        if not words:
            self.variables |= given
            return 0
        shell = self
        if given:  # for this command only
            shell = replace(self, variables=self.variables | given)
            shell.exported = self.exported | set(given)
        shell.tail = tail
        status = await shell.call(words, streams)
        if shell is not self:
            self.cwd = shell.cwd
        return status

    async def call(self, words: list[str], streams: Streams) -> int:
        """Run one command by its words."""
        name = words[0].rpartition("/")[2]
        act = self.commands.get(name)
        if act is None:
            await streams.complain(f"sh: {words[0]}: not found")
            return NOT_FOUND
        try:
            return await act(self, words, streams)
        except BrokenPipeError:
            return 128 + signal.SIGPIPE
        except OSError as wrong:
            where = self.machine.disk.inside(wrong.filename)
            await streams.complain(f"{name}: {where}: {wrong.strerror}")
            return 1
        except (ValueError, IndexError):
            await streams.complain(f"{name}: invalid arguments")
            return 2

    # -- redirections and words ------------------------------------------------------------

    async def _redirect(self, redirects: list[Redirect], streams: Streams) -> Streams:
        for redirect in redirects:
            target = await self._text(redirect.target, streams)
            if redirect.how == ">&":
                sink: Sink = streams.out if target == "1" else streams.err
                streams = _with_sink(streams, redirect.descriptor, sink)
            elif target in ("/dev/null", "/dev/stdout", "/dev/stderr"):
                away = {"/dev/stdout": streams.out, "/dev/stderr": streams.err}
                sink = away.get(target) or Nothing()
                streams = (
                    replace(streams, stdin=Nothing())
                    if redirect.how == "<"
                    else _with_sink(streams, redirect.descriptor, sink)
                )
            elif redirect.how == "<":
                opened = File(self.machine.disk.open(target, os.O_RDONLY, cwd=self.cwd))
                streams = replace(streams, stdin=opened)
            else:
                flags = os.O_WRONLY | os.O_CREAT
                flags |= os.O_APPEND if redirect.how == ">>" else os.O_TRUNC
                opened = File(self.machine.disk.open(target, flags, cwd=self.cwd))
                streams = _with_sink(streams, redirect.descriptor, opened)
        return streams

    async def _text(self, word: Word, streams: Streams) -> str:
        """One word as one text: as assignments and redirections want it."""
        pieces = [await self._value(part, streams) for part in word]
        return _at_home("".join(pieces), word)

    async def _value(self, part: Part, streams: Streams) -> str:
        if part.kind == "text":
            return part.text
        if part.kind == "output":
            caught = Memory()
            shell = self.copy(self.process)
            self.status = await shell.run(part.text, replace(streams, out=caught))
            return caught.data.decode("utf-8", "surrogateescape").rstrip("\n")
        value = self._variable(part.text)
        return part.default if part.default is not None and not value else value

    def _variable(self, name: str) -> str:
        if name.isdigit():
            return self.arguments[int(name)] if int(name) < len(self.arguments) else ""
        special = {
            "?": str(self.status),
            "!": str(self.last_job) if self.last_job else "",
            "$": str(self.process.pid),
            "#": str(len(self.arguments) - 1),
            "@": " ".join(self.arguments[1:]),
            "*": " ".join(self.arguments[1:]),
        }
        return special[name] if name in special else self.variables.get(name, "")

    async def _fields(self, words: list[Word], streams: Streams) -> list[str]:
        """Words to arguments: variables split at blanks unless quoted, patterns expanded."""
        found: list[str] = []
        for word in words:
            found += await self._field(word, streams)
        return found

    async def _field(self, word: Word, streams: Streams) -> list[str]:
        everything = word[-1].kind == "variable" and word[-1].text == "@"
        if everything and len(word) <= 2 and all(part.quoted for part in word):
            return self.arguments[1:]
        fields = [""]
        present = pattern = False
        for part in word:
            text = await self._value(part, streams)
            present = present or part.quoted or part.kind == "text"
            if part.kind == "text" or part.quoted:
                fields[-1] += text
                pattern = pattern or (not part.quoted and any(x in _GLOB for x in text))
                continue
            pieces = text.split()
            if text[:1].isspace() and fields[-1]:
                fields.append("")
            fields[-1] += pieces[0] if pieces else ""
            fields += pieces[1:]
        if not present and fields == [""]:
            return []
        if pattern:
            return [match for field in fields for match in self._matching(field)]
        return [_at_home(fields[0], word), *fields[1:]]

    def _matching(self, pattern: str) -> list[str]:
        """The paths a pattern stands for, or the pattern itself; only its last part may vary."""
        folder, _, last = pattern.rpartition("/")
        shown = pattern[: len(pattern) - len(last)]
        try:
            where = self.machine.disk.locate(shown or ".", cwd=self.cwd)
            names = sorted(x.name for x in where.iterdir())
        except OSError:
            return [pattern]
        hidden = last.startswith(".")
        fit = [x for x in names if fnmatch.fnmatchcase(x, last) and (hidden or x[0] != ".")]
        return (
            [shown + name for name in fit]
            if not any(x in _GLOB for x in folder) and fit
            else [pattern]
        )


def _at_home(text: str, word: Word) -> str:
    """`~` at the start, unquoted."""
    unquoted = bool(word) and word[0].kind == "text" and not word[0].quoted
    if unquoted and (text == "~" or text.startswith("~/")):
        return "/root" + text[1:]
    return text


def _with_sink(streams: Streams, descriptor: int, sink: Sink) -> Streams:
    if descriptor == 1:
        return replace(streams, out=sink)
    return replace(streams, err=sink) if descriptor == 2 else streams


def _quiet(item: Item) -> bool:
    """Whether a job in the background has turned away both of its outputs."""
    if item.rest or len(item.first.commands) > 1:
        return False
    return {1, 2} <= {redirect.descriptor for redirect in item.first.commands[0].redirects}
