"""See docs/vendor-api.md#inside-an-instance."""

import asyncio
import re

import pytest

from tests.simulator.shore import shore
from vast_mcp.simulator.inside.python import PythonLimits
from vast_mcp.simulator.inside.syntax import ShellSyntax, parse


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("echo a && false || echo b; exit 7", 7, "a\nb\n"),
        ("X=1; echo \"$X\" '$X' ${Y:-none} $?", 0, "1 $X none 0\n"),
        ("X='a  b'; echo $X; echo \"$X\"", 0, "a b\na  b\n"),
        ("X=1 printenv X; echo [$X]", 0, "1\n[]\n"),
        ("echo $(echo in; echo ner) `pwd`", 0, "in ner /root\n"),
        ("printf '%s-%d\\n' a 1 b 2", 0, "a-1\nb-2\n"),
        ("cd /workspace; mkdir -p a/b; touch a/b/c; ls a; ls a/b", 0, "b\nc\n"),
        ("cd /workspace; echo 1 > x; echo 2 >> x; cat < x | wc -l", 0, "2\n"),
        ("nothing_such", 127, "sh: nothing_such: not found\n"),
        ("nothing_such 2>/dev/null; echo $?", 0, "127\n"),
        ("echo out; echo err >&2; echo all > /workspace/y 2>&1", 0, "out\nerr\n"),
        ("if test -d /workspace; then echo d; elif false; then :; else echo n; fi", 0, "d\n"),
        ("[ 3 -gt 2 -a x = x ] && ! test -f /none && echo yes", 0, "yes\n"),
        ("for i in 1 2 'a b'; do echo $i; done", 0, "1\n2\na b\n"),
        ('i=; while [ "$i" != xxx ]; do i=${i}x; done; echo $i', 0, "xxx\n"),
        ("( cd /tmp; exit 3 ); echo $? $(pwd)", 0, "3 /root\n"),
        ("{ echo a; echo b; } > /workspace/g; tail -n 1 /workspace/g", 0, "b\n"),
        ("set -e; false; echo no", 1, ""),
        ("sh -c 'echo $0 $1; exit 4' name arg; echo $?", 0, "name arg\n4\n"),
        ("sh -c 'printf %s, \"$@\"' _ 'a b' c", 0, "a b,c,"),
        ("cd /tmp; touch a.t b.t c.u; echo *.t; rm *.t; ls", 0, "a.t b.t\nc.u\n"),
        ("echo ~ ~/x '~'", 0, "/root /root/x ~\n"),
        ("printf abc | md5sum", 0, "900150983cd24fb0d6963f7d28e17f72  -\n"),
        ("echo x > /s; sha256sum /s > /sums; sha256sum -c /sums", 0, "/s: OK\n"),
        ("seq 3 > /tmp/l; head -1 /tmp/l; tail -c +5 /tmp/l; wc -l < /tmp/l", 0, "1\n3\n3\n"),
        ("echo x > /f; cp /f /g; mv /g /home/; stat -c '%s %n' /home/g", 0, "2 /home/g\n"),
        ("echo x > /none/y", 1, "sh: /none/y: No such file or directory\n"),
        ("mkdir /d; rm /d", 1, "rm: cannot remove '/d': Is a directory\n"),
        ("cat /none", 1, "cat: /none: No such file or directory\n"),
        ("# a comment\necho a # and b\n\necho c", 0, "a\nc\n"),
        ('echo a\\ b "c\\"d"', 0, 'a b c"d\n'),
        ("nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits", 0, "0\n"),
        ("timeout 5 sh -c 'while true; do true; done'; echo $?; timeout 5 true", 0, "124\n"),
        ("false | true; true | false; echo $?", 0, "1\n"),
        ("du -b /etc/hostname >/dev/null && df / | tail -n 1 | grep -c overlay", 0, "1\n"),
        ("find /workspace -type f | wc -l", 0, "0\n"),
        ("echo hi > /opt/a; cd /opt; find . -type f -printf '%s %P\\n'", 0, "3 a\n"),
        ("id -u; env | grep -c HOME=", 0, "0\n1\n"),
    ],
)  # fmt: skip
async def test_the_shell_does_what_a_shell_does(text: str, status: int, said: str) -> None:
    """The documented subset, acted out; no shell of the host runs."""
    async with shore() as sea:
        assert await sea.run(text) == (status, said)


@pytest.mark.parametrize(
    "text",
    [
        "cat <<E\nE", "echo $((1+1))", "case x in x) ;; esac", "echo 'a", "if true; then", "a && ",
        "( a", "; ;)", "fi",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_said(text: str) -> None:
    """Never half-executed: the whole script is read first."""
    with pytest.raises(ShellSyntax):
        parse(text)


async def test_a_syntax_error_runs_nothing() -> None:
    """Status 2 and the reason."""
    async with shore() as sea, sea.entered() as connection:
        done = await connection.run("echo a; cat <<X\nX", check=False)

        assert done.exit_status == 2
        assert done.stdout == ""
        assert "here-documents" in str(done.stderr)


async def test_a_job_in_the_background_outlives_its_session() -> None:
    """The form of job runners: nohup, setsid, redirections, `$!`, an exit-code file."""
    job = (
        "cd /workspace && nohup setsid sh -c 'sleep 30; echo done; exit 5' > log 2>&1 < /dev/null &"
        " echo $! > /workspace/pid"
    )
    wrapped = "sh -c 'sh /workspace/job.sh; echo $? > /workspace/code' > /dev/null 2>&1 &"
    async with shore() as sea:
        await sea.run(job)
        await sea.run(f"echo 'echo run; exit 9' > /workspace/job.sh; {wrapped}")
        for process in sea.servers.machine(sea.instance_id).processes.living():
            await process.wait()

        assert await sea.run("cat /workspace/log /workspace/code") == (0, "done\n9\n")


async def test_a_job_that_writes_to_the_session_keeps_it_open() -> None:
    """As a real sshd: the trap of `cmd &` without redirections."""
    async with shore() as sea:
        assert await sea.run("sh -c 'sleep 5; echo late' & echo now") == (0, "now\nlate\n")


async def test_signals_reach_processes_and_groups() -> None:
    """kill, kill -0, groups by `setsid`, `trap ''`."""
    async with shore() as sea:
        script = (
            "sleep inf_is_no_number; echo $?;"
            "sh -c 'while true; do true; done' > /dev/null 2>&1 & p=$!;"
            "kill -0 $p && kill $p; wait $p; echo $?; kill -0 $p; echo $?"
        )
        status, text = await sea.run(script)
        pids = [x.pid for x in sea.servers.machine(sea.instance_id).processes.table.values()]

        said = text.splitlines()
        assert (status, said[:3], said[-1]) == (0, ["sleep: invalid arguments", "2", "143"], "1")
        assert said[3] in [f"sh: kill: ({pid}) - No such process" for pid in pids]


async def test_a_group_is_signalled_together() -> None:
    """`kill -TERM -- -PGID` ends the shell and its child."""
    async with shore() as sea:
        await sea.run(
            "setsid sh -c 'while true; do true; done; true' > /dev/null 2>&1 & echo $! > /tmp/p"
        )
        await sea.run("sh -c 'kill -TERM -- -$(cat /tmp/p)'")

        assert sea.servers.machine(sea.instance_id).processes.living() == []


async def test_input_is_read_and_a_script_may_come_by_it() -> None:
    """`cat > file`, and a session without a command."""
    async with shore() as sea, sea.entered() as connection:
        await connection.run("cat > /workspace/in", input="one\ntwo\n")
        done = await connection.run(None, input="wc -l < /workspace/in; exit 3\n", check=False)

        assert (done.stdout, done.exit_status) == ("2\n", 3)


async def test_large_output_streams() -> None:
    """Ten megabytes, byte for byte."""
    async with shore() as sea, sea.entered() as connection:
        await connection.run("truncate -s 10000000 /workspace/big")
        done = await connection.run("cat /workspace/big", encoding=None)

        assert isinstance(done.stdout, bytes)
        assert len(done.stdout) == 10_000_000


async def test_the_environment_of_a_session_is_not_the_containers() -> None:
    """Only what onstart wrote to /etc/environment is seen by SSH."""
    async with shore(env={"A": "1"}) as sea:
        assert await sea.run("echo [$A] [$CONTAINER_ID]") == (0, "[] []\n")
    async with shore(env={"A": "1"}, onstart="env >> /etc/environment") as sea:
        assert await sea.run("echo $A $CONTAINER_ID") == (0, f"1 {sea.instance_id}\n")


async def test_a_variable_with_a_semicolon_never_arrives_in_the_container() -> None:
    """The vendor's own record (2026-10): stored and shown, and not set; `,` `^` and `|` are."""
    given = {"A": "1;2", "B": "1,2^3|4"}
    async with shore(env=given, onstart="env >> /etc/environment") as sea:
        assert await sea.run('echo "[$A] [$B]"') == (0, "[] [1,2^3|4]\n")


TRAIN = """
import os, sys
with open("data.txt") as f:
    n = sum(int(x) for x in f)
with open("out/model.bin", "wb") as f:
    f.write(str(n).encode())
print("trained", n, sys.argv[1], os.environ.get("VAST_API_KEY"))
sys.exit(3)
"""


async def test_a_program_runs_for_real_inside_the_disk() -> None:
    """train.py: files in, result out, its status."""
    async with shore(run_python=True) as sea:
        machine = sea.servers.machine(sea.instance_id)
        (machine.disk.root / "workspace" / "train.py").write_text(TRAIN)
        await sea.run("cd /workspace; mkdir out; seq 10 > data.txt")
        script = "cd /workspace; python3 train.py /workspace/x; echo $?; cat out/model.bin"
        status, text = await sea.run(script)

        assert status == 0
        assert text == "trained 55 /workspace/x None\n3\n55"


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd')",
        "open('/tmp/vast-mcp-must-not-be', 'w')",
        "import os; os.system('true')",
        "import subprocess; subprocess.run(['true'])",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import os; os.symlink('/etc', 'x'); open('x/passwd')",
        "import os; os.listdir('/home')",
        "import os; os.kill(1, 0)",
    ],
)
async def test_a_program_stays_inside(code: str) -> None:
    """The wall: no files of the host, no network, no other programs."""
    async with shore(run_python=True) as sea:
        status, text = await sea.run(f'cd /workspace; python3 -c "{code}"')

        assert status == 1
        assert "PermissionError" in text


async def test_a_program_hears_sigterm_and_a_stop_ends_it() -> None:
    """The GPU is busy while it runs; SIGTERM lets it save."""
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    open('saved', 'w').close(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open('ready', 'w').close()\n"
        "while True: time.sleep(0.05)\n"
    )
    async with shore(run_python=True) as sea:
        machine = sea.servers.machine(sea.instance_id)
        (machine.disk.root / "workspace" / "job.py").write_text(code)
        start = "cd /workspace; nohup python3 job.py > log 2>&1 & echo $! > /workspace/pid"
        await sea.run(start)
        while not machine.disk.locate("/workspace/ready").exists():
            await machine.breathe()
        busy = (await sea.run("nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader"))[1]
        shown = (await sea.vendor.show(sea.instance_id))["gpu_util"]
        await sea.run("kill $(cat /workspace/pid)")
        job = next(x for x in machine.processes.table.values() if "job.py" in x.text)
        ended = await asyncio.wait_for(job.wait(), 10)
        await sea.run(start)
        await sea.set_state("stopped")
        await sea.vendor.show(sea.instance_id)

        assert (busy, shown > 80, ended) == ("91 %\n", True, 0)
        assert machine.disk.locate("/workspace/saved").exists()
        assert machine.processes.living() == []


async def test_a_program_has_limits() -> None:
    """Processor time, wall time."""
    async with shore(run_python=True) as sea:
        machine = sea.servers.machine(sea.instance_id)
        machine.python = PythonLimits(cpu_s=1)
        spun = await sea.run("python3 -c 'while True: pass'")
        machine.python = PythonLimits(wall_s=0.3)
        slept = await sea.run("python3 -c 'import time; time.sleep(60)'")

        assert spun[0] in (137, 152)
        assert slept == (137, "Killed: the simulator's time limit\n")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo A=1 > env.sh; . ./env.sh; echo $A", "1\n"),
        ("echo 'echo $1' > s.sh; source s.sh", "\n"),
        (". ./none.sh || echo missing", None),
        ("echo Hello | tr a-z A-Z; echo a1b2 | tr -d '[:digit:]'", "HELLO\nab\n"),
        ("echo a:b:c | cut -d: -f1,3; echo abcdef | cut -c2-4", "a:c\nbcd\n"),
        (
            "mkdir -p a/d b; echo 1 > a/d/x; touch b/old; rsync -a --delete a/ b/; find b -type f",
            "b/d/x\n",
        ),
        ("mkdir c; echo 1 > c/x; rsync -a c e; cat e/c/x", "1\n"),
        ("rsync --server . /x; echo $?", None),
    ],
)
async def test_files_are_sourced_synced_and_cut(script: str, said: str | None) -> None:
    """What start scripts and job programs of other people use beside the plain tools."""
    async with shore() as sea:
        status, text = await sea.run(f"cd /workspace; {script}")
    if said is None:
        assert "missing" in text or text.endswith("12\n"), text
    else:
        assert (status, text) == (0, said)


async def test_the_gpus_are_listed_as_the_tool_lists_them() -> None:
    """`nvidia-smi -L`: programs count its lines and read the names."""
    async with shore() as sea:
        status, text = await sea.run("nvidia-smi -L")
    assert status == 0
    assert re.fullmatch(r"(GPU \d: NVIDIA GeForce RTX 4090 \(UUID: GPU-[0-9a-f-]{36}\)\n)+", text)


async def test_a_container_knows_its_ports_and_loses_a_value_with_a_semicolon() -> None:
    """The first process has them; the vendor left such values out of the container (2026-10)."""
    variables = {"GOOD": "a,b|c", "BAD": "a;b"}
    async with shore(env=variables, onstart="env >> /etc/environment") as sea:
        asked = "echo [$GOOD] [$BAD] $PUBLIC_IPADDR $VAST_TCP_PORT_22"
        _, text = await sea.run(asked)
        port = (await sea.address())[1]
    assert text.startswith("[a,b|c] [] 203.0.113.")
    assert text.split()[-1] == str(port)
