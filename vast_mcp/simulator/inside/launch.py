"""Commands that start others or last: sleep, nohup, setsid, timeout, sh, and the fake GPU tool."""

import asyncio
import signal
from collections.abc import Sequence

from vast_mcp.simulator.inside.processes import Process
from vast_mcp.simulator.inside.shell import Builtin, Shell
from vast_mcp.simulator.inside.streams import Nothing, Streams

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def as_child(act: Builtin) -> Builtin:
    """The command in a process of its own, unless nothing follows it in this one."""

    async def run(shell: Shell, words: list[str], streams: Streams) -> int:
        if shell.tail:
            return await act(shell, words, streams)

        async def inner(process: Process) -> int:
            child = shell.copy(process)
            child.tail = True
            return await act(child, words, streams)

        child = shell.machine.processes.start(
            inner, " ".join(words), group=shell.process.group, ignored=shell.process.ignored
        )
        return await child.wait()

    return run


def seconds(text: str) -> float:
    """`90`, `1.5m`, `2h`."""
    return float(text[:-1]) * _UNITS[text[-1]] if text[-1] in _UNITS else float(text)


async def sleep(shell: Shell, words: list[str], _streams: Streams) -> int:
    """`sleep N[smhd] …`, on the simulator's clock."""
    await shell.machine.clock.sleep(sum(seconds(x) for x in words[1:]))
    return 0


async def nohup(shell: Shell, words: list[str], streams: Streams) -> int:
    """`nohup COMMAND …`: deaf to the end of the session."""
    shell.process.ignored.add(signal.SIGHUP)
    return await shell.call(_without(words[1:], ("--",)), streams)


async def setsid(shell: Shell, words: list[str], streams: Streams) -> int:
    """`setsid [-f] [-w] COMMAND …`: a group of its own."""
    rest = _without(words[1:], ("-w", "--wait", "--"))
    if rest[0] in ("-f", "--fork"):

        async def away(process: Process) -> int:
            child = shell.copy(process)
            child.tail = True
            return await child.call(rest[1:], Streams(Nothing(), streams.out, streams.err))

        shell.machine.processes.start(away, " ".join(rest[1:]), ignored=shell.process.ignored)
        return 0
    shell.process.group = shell.process.pid
    return await shell.call(rest, streams)


async def timeout(shell: Shell, words: list[str], streams: Streams) -> int:
    """`timeout [-s SIGNAL] [-k N] N COMMAND …`, on the simulator's clock; 124 when it struck."""
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in ("-s", "-k") else rest[1:]

    async def inner(process: Process) -> int:
        child = shell.copy(process)
        child.tail = True
        return await child.call(rest[1:], streams)

    job = shell.machine.processes.start(inner, " ".join(rest[1:]), group=shell.process.group)
    alarm = asyncio.ensure_future(shell.machine.clock.sleep(seconds(rest[0])))
    ending = asyncio.ensure_future(job.wait())
    try:
        await asyncio.wait({alarm, ending}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ending.result()
        shell.machine.processes.signal(job.pid, signal.SIGTERM)
        await ending
        return 124
    finally:
        alarm.cancel()
        ending.cancel()


async def sh(shell: Shell, words: list[str], streams: Streams) -> int:
    """`sh -c TEXT [NAME ARGUMENTS]`, `sh FILE …`, `sh -s`; so too bash and dash."""
    rest, text = words[1:], None
    strict = False
    while rest and rest[0].startswith("-") and text is None:
        flag, rest = rest[0], rest[1:]
        if flag.startswith("--"):
            continue
        strict = strict or "e" in flag
        if "c" in flag:
            text, rest = rest[0], rest[1:]
    arguments = rest or [words[0]]
    if text is None and rest:
        path = shell.machine.disk.locate(rest[0], cwd=shell.cwd)
        text = path.read_text("utf-8", "surrogateescape")
    while text is None or (not rest and text == ""):
        data = bytearray()
        while portion := await streams.stdin.read():
            data += portion
        text = data.decode("utf-8", "surrogateescape") or "true"
    child = Shell(
        shell.machine,
        shell.process,
        shell.commands,
        cwd=shell.cwd,
        variables=shell.environment(),
        exported=set(shell.environment()),
        arguments=arguments,
        stop_on_error=strict,
        session=shell.session,
    )
    return await child.run(text, streams)


async def prefixed(shell: Shell, words: list[str], streams: Streams) -> int:
    """`nice`, `ionice`, `stdbuf`, `time`: their options are dropped, the command runs."""
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in ("-n", "-c") else rest[1:]
    return await shell.call(rest, streams)


async def ps(shell: Shell, _words: list[str], streams: Streams) -> int:
    """`ps`: number, group, command line of what runs."""
    await streams.say("    PID    PGID CMD\n")
    for process in shell.machine.processes.living():
        await streams.say(f"{process.pid:7} {process.group:7} {process.text}\n")
    return 0


async def nvidia_smi(shell: Shell, words: list[str], streams: Streams) -> int:
    """`nvidia-smi [-L] [--query-gpu=A,B --format=csv,…]`: busy while a program runs."""
    contract = shell.machine.contract
    if {"-L", "--list-gpus"} & set(words):
        for index in range(contract.listing.machine.num_gpus):
            name = contract.listing.machine.card.name
            family = "GeForce " if name.startswith(("RTX 3", "RTX 4", "RTX 5", "GTX")) else ""
            uuid = _uuid(contract.id, index)
            await streams.say(f"GPU {index}: NVIDIA {family}{name} (UUID: {uuid})\n")
        return 0
    card, busy = contract.listing.machine.card, shell.machine.processes.busy()
    options = dict(word.partition("=")[::2] for word in words[1:])
    names = options.get("--query-gpu", "name,utilization.gpu,memory.used,memory.total").split(",")
    shape = options.get("--format", "csv").split(",")
    units = {"utilization.gpu": " %", "memory.used": " MiB", "memory.total": " MiB"}
    rows: list[Sequence[str]] = [names] if "noheader" not in shape else []
    for index in range(contract.listing.machine.num_gpus):
        facts = {
            "index": str(index),
            "name": card.name,
            "uuid": _uuid(contract.id, index),
            "driver_version": contract.listing.machine.driver,
            "utilization.gpu": "91" if busy else "0",
            "utilization.memory": "40" if busy else "0",
            "memory.used": str(card.ram_mb // 2) if busy else "4",
            "memory.total": str(card.ram_mb),
            "temperature.gpu": "68" if busy else "34",
            "power.draw": str(card.max_watt - 20.0) if busy else "21.5",
        }
        shown = [facts.get(x.strip(), "[N/A]") for x in names]
        if "nounits" not in shape:
            shown = [v + units.get(n.strip(), "") for n, v in zip(names, shown, strict=True)]
        rows.append(shown)
    await streams.say("".join(", ".join(row) + "\n" for row in rows))
    return 0


def _uuid(contract_id: int, index: int) -> str:
    """A GPU's lasting name, in the form that the tool prints."""
    return f"GPU-{contract_id:08x}-5f1c-4e7a-9b60-{index:012x}"


def _without(words: list[str], flags: tuple[str, ...]) -> list[str]:
    while words and words[0] in flags:
        words = words[1:]
    return words


COMMANDS: dict[str, Builtin] = {
    "sleep": as_child(sleep),
    "nohup": as_child(nohup),
    "setsid": as_child(setsid),
    "timeout": as_child(timeout),
    "sh": as_child(sh),
    "bash": as_child(sh),
    "dash": as_child(sh),
    "nice": as_child(prefixed),
    "ionice": as_child(prefixed),
    "stdbuf": as_child(prefixed),
    "time": as_child(prefixed),
    "ps": ps,
    "nvidia-smi": nvidia_smi,
}
