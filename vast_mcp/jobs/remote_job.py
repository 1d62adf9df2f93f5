"""The job's machine, worked on over SSH: send, start, look, signal, fetch."""

import posixpath
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from vast_mcp.account.encryption import Sealed
from vast_mcp.clock import Clock
from vast_mcp.jobs import script
from vast_mcp.jobs.uploads import plan_for
from vast_mcp.models import Instance
from vast_mcp.remote.address import addresses
from vast_mcp.remote.command import run_command
from vast_mcp.remote.download import download
from vast_mcp.remote.errors import (
    CopyDamaged,
    CopyRefused,
    PathRefused,
    RemoteFailed,
    SshUnavailable,
)
from vast_mcp.remote.paths import LocalPlace
from vast_mcp.remote.plan import plan_download
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.sftp import make_directories, open_sftp, told
from vast_mcp.remote.station import Remote
from vast_mcp.remote.upload import upload
from vast_mcp.store import JobOutput
from vast_mcp.text import clean_line

_COMMAND_S = 60.0
_DIGESTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the command stands."""

    exit_code: int | None
    alive: bool
    output_bytes: int
    told: bool
    """SIGTERM was sent, by us or by the guard inside the machine."""


class RemoteJob:
    """One job on one machine. `folder` is where its command runs, unless it has one of its own."""

    def __init__(
        self, remote: Remote, clock: Clock, job_id: str, instance: Instance, folder: str = ""
    ) -> None:
        self._folder = folder or script.workspace(job_id)
        self._remote = remote
        self._clock = clock
        self._job_id = job_id
        self._instance = instance

    @property
    def instance_id(self) -> int:
        """Its machine."""
        return self._instance.instance_id

    @asynccontextmanager
    async def _session(self, key_patience_s: float = 0.0) -> AsyncIterator[SshSession]:
        where = addresses(self._instance)
        opened = self._remote.pool.session(
            self._instance.instance_id, where, key_patience_s=key_patience_s
        )
        async with opened as session:
            yield session

    async def _run(self, line: str) -> str:
        async with self._session() as session:
            done = await run_command(session, line, clock=self._clock, timeout_s=_COMMAND_S)
        if done.timed_out:  # a connection may be dead for long before that is noticed
            raise SshUnavailable("The machine did not answer in time.", reason="timeout")
        if done.exit_code != 0:
            raise RemoteFailed(f"The machine refused a step of the job (status {done.exit_code}).")
        return str(done.output)

    async def answers(self) -> None:
        """A session, and a command in it.

        Raises:
            RemoteError: not yet, or never.
        """
        await self._run("true")

    async def send(
        self, uploads: Sequence[str], sealed: Sealed, command: str, outputs: Sequence[str] = ()
    ) -> None:
        """Everything the command needs; sending it twice changes nothing.

        Raises:
            CopyDamaged: files changed meanwhile; the same again sends them as they are then.
            RemoteError: it could not be sent.
        """
        folder, own = self._folder, script.place(self._job_id)
        plans = [await plan_for(self._remote.roots(), path, folder) for path in uploads]
        await self._run(f"mkdir -p {folder} {own}; chmod 700 {own}")
        async with self._session() as session:
            for plan in plans:
                report = await upload(session, plan, clock=self._clock)
                if report.changed:
                    raise CopyDamaged(f"{len(report.changed)} files changed while they were sent.")
        texts = {f"{folder}/{name}": text for name, text in sealed.files.items()}
        text = script.command_text(self._job_id, command, sealed.env, outputs)
        texts[f"{own}/{script.COMMAND}"] = text
        texts[f"{own}/{script.WATCHER}"] = script.watcher_text()
        await self._write(texts)

    async def _write(self, texts: dict[str, str]) -> None:
        import asyncssh  # noqa: PLC0415

        private = asyncssh.SFTPAttrs(permissions=0o600)
        async with self._session() as session, open_sftp(session) as sftp:
            for path, text in texts.items():
                with told(path):
                    await make_directories(sftp, posixpath.dirname(path), [()])
                    raw = path.encode()
                    async with sftp.open(raw, "wb", private, encoding=None) as file:
                        await file.write(text.encode())
                    async with sftp.open(raw, "rb", encoding=None) as file:
                        arrived = cast(bytes, await file.read())  # opened without an encoding
                if arrived != text.encode():
                    raise CopyDamaged(f"{clean_line(path, 80)} did not arrive intact.")

    async def start(self) -> None:
        """Start the command; once, however often it is told to."""
        await self._run(script.start_line(self._job_id, self._folder))

    async def forget_start(self) -> None:
        """Before it is started again."""
        await self._run(script.again_line(self._job_id))

    async def pulse(self) -> Pulse:
        """How the command stands.

        Raises:
            RemoteFailed: nothing of the job is there.
        """
        answer = await self._run(script.look_line(self._job_id))
        for line in answer.splitlines():
            parts = line.strip().split("/")
            if len(parts) == 5 and parts[0] == "vmcp":
                code, alive, size, told = (
                    int(p) if p.strip().isdigit() else None for p in parts[1:]
                )
                return Pulse(code, alive == 1, size or 0, told == 1)
        raise RemoteFailed("The machine's answer about the job could not be read.")

    async def tell_to_end(self) -> None:
        """SIGTERM to the command and all it started; once, since a second one may mean: at once."""
        await self._run(script.term_line(self._job_id))

    async def kill(self) -> None:
        """SIGKILL to the command and all it started."""
        await self._run(script.kill_line(self._job_id))

    async def output(self, offset: int, most: int) -> bytes:
        """The next bytes of what the command printed."""
        path = f"{script.place(self._job_id)}/{script.OUTPUT}".encode()
        async with self._session() as session, open_sftp(session) as sftp:
            with told("its output"):
                async with sftp.open(path, "rb", encoding=None) as file:
                    await file.seek(offset)
                    return cast(bytes, await file.read(most))

    async def fetch(self, path: str, home: LocalPlace) -> JobOutput:
        """One output, compared by SHA-256 on both ends.

        What this computer's disk refuses is this output's trouble, as is what the machine refuses.

        Raises:
            SshUnavailable: the connection was lost; the same again goes on.
        """
        given = path if path.startswith(("/", "~/")) else f"{self._folder}/{path}"
        try:
            async with self._session() as session:
                async with open_sftp(session) as sftp:
                    plan = await plan_download(sftp, given, home, into=True)
                report = await download(session, plan, clock=self._clock)
        except (RemoteFailed, PathRefused, CopyRefused, CopyDamaged) as error:
            return JobOutput(path, trouble=str(clean_line(error.message, 160)))
        except OSError as error:
            why = f"This computer could not write it: {error.strerror or type(error).__name__}."
            return JobOutput(path, trouble=why)
        trouble = ""
        if plan.skipped_count:
            trouble = f"{plan.skipped_count} entries were left out (links, special or secret files)"
        elif report.changed or report.files + report.unchanged < len(plan.files):
            trouble = "some files changed while they were copied"
        return JobOutput(
            path,
            local=str(plan.local.path),
            files=report.files + report.unchanged,
            bytes=plan.total_bytes,
            empty=sum(not file.size for file in plan.files),
            sha256=dict(sorted(report.digests.items())[:_DIGESTS_KEPT]),
            trouble=trouble,
        )
