"""Work through the host: container logs and the three disk commands, fetched from a result URL.

See docs/vendor-api.md#logs-and-commands.
"""

import shlex
from collections.abc import Callable
from posixpath import basename, dirname, normpath

from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.inside.disk import Disk
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.wire import JsonObject, Refusal

WRITEABLE_PATH = "/var/lib/docker/overlay2/sim/merged"
"""The host-side prefix that stands before every path in a command's text."""
_COMMAND_LETTERS = 512
_DAEMON_LOG = "daemon: container {id} is {stage}\ndaemon: image {image}\n"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


SIGNATURE = "X-Amz-Signature"
"""What the signed address of a log has in its query, and the other one has not."""


def request_logs(call: Call) -> JsonObject:
    """`PUT instances/request_logs/{id}/`: the host uploads the text some polls later."""
    contract, body = call.contract(error="invalid_id"), call.body
    if str(body.get("daemon_logs")).lower() == "true":
        text = _DAEMON_LOG.format(id=contract.id, stage=contract.stage, image=contract.order.image)
    else:
        text = contract.log if contract.ever_ran else ""
    lines = text.splitlines()
    word = body.get("filter")
    if word:
        lines = [line for line in lines if str(word) in line]
    tail = body.get("tail")
    if tail is not None:
        lines = _tail(lines, tail)
    kept = "".join(f"{line}\n" for line in lines)
    url = _url(call, kept)
    signed = {"temp_download_url": f"{url}?{SIGNATURE}=simulated"}
    shown = {} if call.world.refused_results == "all" else signed
    return {"success": True, "result_url": url, **shown, "msg": "Instance logs will be uploaded"}


def _tail(lines: list[str], tail: object) -> list[str]:
    if not str(tail).isdigit():
        raise Refusal(400, "invalid_args", "tail: Input should be a whole number")
    count = int(str(tail))
    return lines[-count:] if count else []


def _url(call: Call, text: str) -> str:
    """Where the text will be: on this server if it has a port, else on a host of its own."""
    token = call.world.upload(text, call.request.path)
    host = call.request.headers.get("host", "")
    local = host.startswith(_LOOPBACK)
    base = f"http://{host}" if local else "https://s3.amazonaws.com"
    return f"{base}/simulator/results/{token}"


def command(call: Call) -> JsonObject:
    """`PUT instances/command/{id}/`: `ls`, `du` and `rm` on a stopped container, no shell."""
    if call.request.body.strip() and not call.body:
        raise Refusal(483, "invalid_args", "Invalid json_body")
    contract, text = call.contract(error="invalid_container_id"), call.body.get("command")
    if not isinstance(text, str) or not text.strip() or len(text) > _COMMAND_LETTERS:
        raise Refusal(400, "invalid_args", f"command: 1 to {_COMMAND_LETTERS} characters")
    try:
        words = shlex.split(text)
    except ValueError as broken:
        raise Refusal(400, "invalid_args", f"command: {broken}") from broken
    if words[0] not in _COMMANDS:
        raise Refusal(400, "invalid_args", "Only ls, rm and du are allowed")
    if contract.state.cur_state == "running":
        raise Refusal(400, "invalid_container", "The instance is running; use ssh instead")
    paths = [normpath(word) for word in words[1:] if not word.startswith("-")] or ["/"]
    output = "".join(_COMMANDS[words[0]](contract, path) for path in paths)
    return {
        "success": True,
        "writeable_path": WRITEABLE_PATH,
        "result_url": _url(call, output),
        "msg": "Command scheduled",
    }


def _ls(contract: Contract, path: str) -> str:
    if contract.disk is not None:
        return _really(_listing, contract.disk, path, "ls: cannot access")
    inside = {name: size for name, size in contract.files.items() if dirname(name) == path}
    rows = [f"-rw-r--r-- 1 root {size} {basename(name)}\n" for name, size in sorted(inside.items())]
    return f"{WRITEABLE_PATH}{path}:\ntotal {len(rows)}\n" + "".join(rows)


def _du(contract: Contract, path: str) -> str:
    if contract.disk is not None:
        return f"{contract.disk.used_bytes(path) // 1024}\t{WRITEABLE_PATH}{path}\n"
    size = sum(contract.files[name] for name in _below(contract, path))
    return f"{size // 1024}\t{WRITEABLE_PATH}{path}\n"


def _rm(contract: Contract, path: str) -> str:
    if contract.disk is not None:
        return _really(_removal, contract.disk, path, "rm: cannot remove")
    doomed = _below(contract, path)
    for name in doomed:
        contract.files.pop(name)
    return (
        "" if doomed else f"rm: cannot remove '{WRITEABLE_PATH}{path}': No such file or directory\n"
    )


def _really(act: Callable[[Disk, str], str], disk: Disk, path: str, complaint: str) -> str:
    try:
        return act(disk, path)
    except OSError as wrong:
        return f"{complaint} '{WRITEABLE_PATH}{path}': {wrong.strerror}\n"


def _listing(disk: Disk, path: str) -> str:
    found = disk.entries(path)
    kinds = {True: "drwxr-xr-x", False: "-rw-r--r--"}
    rows = [f"{kinds[x.is_directory]} 1 root {x.size} {x.name}\n" for x in found]
    return f"{WRITEABLE_PATH}{path}:\ntotal {len(rows)}\n" + "".join(rows)


def _removal(disk: Disk, path: str) -> str:
    disk.remove(path)
    return ""


def _below(contract: Contract, path: str) -> list[str]:
    prefix = path.rstrip("/") + "/"
    return [name for name in contract.files if name == path or name.startswith(prefix)]


_COMMANDS = {"ls": _ls, "du": _du, "rm": _rm}


def removes(body: JsonObject) -> bool:
    """Anything but a plain `ls` or `du` counts as a change."""
    words = str(body.get("command", "")).split()
    return not words or words[0] not in ("ls", "du")


ROUTES = (
    Route("PUT", "/api/v0/instances/request_logs/{id}", request_logs),
    Route("PUT", "/api/v0/instances/command/{id}", command, mutates=removes),
)
