"""The wall around a program of a machine: this file is run, in a process of its own, before it.

`wall.py ROOT CPU_S MEMORY FILE_SIZE CODE PROGRAM [ARGUMENTS]`. Nothing of ours is imported here.
"""

import os
import sys
import types
from collections.abc import Callable
from types import TracebackType

_FREE = ("/dev/null", "/dev/urandom", "/dev/zero", "/proc/meminfo", "/proc/cpuinfo")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.utime", "shutil.",
)  # fmt: skip
_BANNED = (
    "subprocess.", "socket.connect", "socket.bind", "socket.sendto", "os.system", "os.exec",
    "os.posix_spawn", "os.spawn", "os.fork", "os.kill", "pty.", "ctypes.",
)  # fmt: skip


def limit(*bounds: int) -> None:
    """Processor seconds, bytes of memory, bytes of a file; where the system knows limits."""
    try:
        import resource  # noqa: PLC0415
    except ImportError:
        return
    kinds = (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)
    for kind, bound in zip(kinds, bounds, strict=True):
        resource.setrlimit(kind, (bound, bound))


def build(root: str) -> Callable[[str, tuple[object, ...]], None]:
    """The audit hook: files below `root` only, no network, no other programs."""
    own = (os.path.realpath(root) + os.sep,)
    shared = (sys.prefix, sys.base_prefix, "/usr/lib", "/usr/share/zoneinfo")
    readable = own + tuple(os.path.realpath(path) + os.sep for path in shared)

    def check(path: object, roots: tuple[str, ...]) -> None:
        if isinstance(path, str | bytes):
            where = os.path.realpath(os.fsdecode(path))
            if where not in _FREE and not (where + os.sep).startswith(roots):
                raise PermissionError(13, "Permission denied", os.fsdecode(path))

    def hook(event: str, given: tuple[object, ...]) -> None:
        if event == "open":
            path, mode, flags = given
            changes = isinstance(flags, int) and bool(flags & _WRITING)
            changes = changes or any(letter in str(mode or "") for letter in "wax+")
            check(path, own if changes else readable)
        elif event.startswith(_CHANGING):
            for path in given[:2]:
                check(path, own)
        elif event in ("os.listdir", "os.scandir", "os.chdir"):
            check(given[0] if given else ".", readable)
        elif event.startswith(_BANNED):
            raise PermissionError(13, f"{event} is not allowed in the simulator")

    return hook


def complain(kind: type[BaseException], wrong: BaseException, at: TracebackType | None) -> None:
    """The traceback of the program, without the lines of this file above it."""
    while at is not None and at.tb_frame.f_code.co_filename == __file__:
        at = at.tb_next
    sys.__excepthook__(kind, wrong, at)


def main() -> None:
    """Limits, program, wall, run."""
    root, cpu, memory, size, code = sys.argv[1:6]
    sys.argv = sys.argv[6:]
    limit(int(cpu), int(memory), int(size))
    name = "<string>" if code else sys.argv[0]
    if not code:
        with open(name, "rb") as file:  # noqa: PTH123  no pathlib in the program's process
            code = file.read().decode("utf-8")
        sys.path.insert(0, os.path.dirname(name))  # noqa: PTH120
    program = compile(code, name, "exec")
    module = types.ModuleType("__main__")
    module.__file__ = name
    sys.modules["__main__"] = module
    sys.excepthook = complain
    sys.addaudithook(build(root))
    exec(program, module.__dict__)  # noqa: S102  running it is the purpose


if __name__ == "__main__":
    main()
