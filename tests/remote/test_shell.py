"""Logins that become tmux: found out before the first command, and turned off."""

import shutil
from pathlib import Path

import asyncssh
import pytest

from tests.remote.servers import Machine, in_process, needs_sshd, openssh
from vast_mcp.clock import SystemClock
from vast_mcp.remote.command import run_command
from vast_mcp.remote.errors import RemoteFailed
from vast_mcp.remote.pool import SessionPool

LOGIN = """#!/bin/bash
# What the vendor's images do in .bashrc, for every login that is no tmux yet.
cd {home} && export HOME={home}
case "$SSH_ORIGINAL_COMMAND" in *sftp*) exec {sftp} -d {home};; esac
if [ ! -e ~/.no_auto_tmux ]; then
  tmux -L vmcp-test attach-session -t ssh_tmux || tmux -L vmcp-test new-session -s ssh_tmux
  exit
fi
exec bash -c "$SSH_ORIGINAL_COMMAND"
"""
SFTP = shutil.which("sftp-server", path="/usr/lib/openssh:/usr/libexec/openssh:/usr/lib/ssh")


def pool_of(machine: Machine) -> SessionPool:
    """A pool with our key and known hosts."""
    return SessionPool(key=machine.key, known_hosts=machine.known_hosts, clock=SystemClock())


@needs_sshd
@pytest.mark.skipif(
    shutil.which("tmux") is None or SFTP is None, reason="needs tmux and OpenSSH's sftp-server"
)
async def test_a_real_tmux_that_swallows_commands_is_turned_off_once(tmp_path: Path) -> None:
    """`ssh host command` prints "no sessions" and runs nothing, until the file exists."""
    home = tmp_path / "machine"
    login = tmp_path / "login.sh"
    login.write_text(LOGIN.format(home=home, sftp=SFTP))
    login.chmod(0o755)
    async with openssh(tmp_path, forced=str(login)) as machine:
        pool = pool_of(machine)
        try:
            async with pool.session(7, [machine.where], mend=False) as session:
                done = await session.connection.run("echo ran", check=False)
                assert "ran" not in str(done.stdout), "it swallows"
                assert not (home / ".no_auto_tmux").exists(), "a mere look changes nothing"
            async with pool.session(7, [machine.where]) as session:
                told = await run_command(session, "echo ran", clock=SystemClock(), timeout_s=20)
                assert (told.exit_code, told.output) == (0, "ran\n")
        finally:
            await pool.close()
    assert (home / ".no_auto_tmux").exists()


async def test_one_that_cannot_be_turned_off_is_named(tmp_path: Path) -> None:
    """What to do stands in the error; no command is sent again and again."""

    def swallow(process: "asyncssh.SSHServerProcess[str]") -> None:
        process.stderr.write("no sessions\n")
        process.exit(1)

    async with in_process(tmp_path, process=swallow) as machine:
        pool = pool_of(machine)
        try:
            with pytest.raises(RemoteFailed, match="tmux") as told:
                async with pool.session(7, [machine.where]):
                    raise AssertionError("a session that runs nothing was handed out")
        finally:
            await pool.close()
    assert ".no_auto_tmux" in told.value.hint


async def test_a_login_that_only_greets_is_left_alone(tmp_path: Path) -> None:
    """A banner with the word in it is no tmux: the command ran."""

    def greet(process: "asyncssh.SSHServerProcess[str]") -> None:
        process.stdout.write(f"Welcome to tmux!\n{(process.command or '').removeprefix('echo ')}\n")
        process.exit(0)

    async with in_process(tmp_path, process=greet) as machine:
        pool = pool_of(machine)
        try:
            async with pool.session(7, [machine.where]):
                pass
        finally:
            await pool.close()
    assert not (machine.home / ".no_auto_tmux").exists()
