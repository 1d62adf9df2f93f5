"""Runs the official client once per case on a stopped clock, for tests/parity/record.py.

Started by the interpreter of the official client's environment, behind the fence. Imports the
client once and forks for each case: a JSON line on stdin, its exit code a JSON line on stdout.
"""

import contextlib
import datetime as dt
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import Any

NOW = 1780315200
"""2026-06-01T12:00:00Z: whatever the client derives from the present is derived from this."""
PATIENCE_S = 20
Case = dict[str, Any]
_sleep = time.sleep
COMMANDS = (
    *("instances", "offers", "machines", "teams", "keys", "endpoints", "billing", "storage"),
    *("auth", "misc", "deployments", "metrics", "benchmarks", "price_increase"),
)


class StoppedDatetime(dt.datetime):
    """The present is always the same."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> "StoppedDatetime":
        return cls.fromtimestamp(NOW, tz)

    @classmethod
    def utcnow(cls) -> "StoppedDatetime":
        return cls.fromtimestamp(NOW, dt.UTC).replace(tzinfo=None)


class StoppedDate(dt.date):
    """Likewise."""

    @classmethod
    def today(cls) -> "StoppedDate":
        return cls.fromtimestamp(NOW)


def stop_the_clock() -> None:
    """Before the client is imported: it takes some of these names into its own modules."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    time.time = lambda: float(NOW)
    time.sleep = lambda seconds: _sleep(min(seconds, 0.002))
    dt.datetime, dt.date = StoppedDatetime, StoppedDate
    random.uniform = lambda low, _high: low
    random.random = lambda: 0.5
    uuid.uuid4 = lambda: uuid.UUID(int=4 << 76 | 8 << 60)


def furnish(case: Case) -> Path:
    """A home and a working directory that hold what the case says, and nothing else."""
    home, work = Path(os.environ["HOME"]), Path(os.environ["HOME"]).parent / "work"
    for folder in (home, work):
        shutil.rmtree(folder, ignore_errors=True)
    config, cache = home / ".config" / "vastai", home / ".cache" / "vastai"
    for folder in (config, cache, home / ".local" / "state" / "vastai", work):
        folder.mkdir(parents=True)
    files = {work / name: text for name, text in case.get("files", {}).items()}
    files |= {home / name: text for name, text in case.get("home", {}).items()}
    files |= {config / name: text for name, text in case.get("config", {}).items()}
    if not case.get("fresh_home"):
        files |= {
            cache / name: json.dumps(rows)
            for name, rows in json.loads(os.environ["CACHES"]).items()
        }
    files |= {cache / name: json.dumps(rows) for name, rows in case.get("cache", {}).items()}
    if not case.get("no_role"):
        files[config / "vast_role"] = "client"
    for path, text in files.items():
        path.write_text(text)
        os.utime(path, (NOW, NOW))
    return work


def words_of(case: Case) -> list[str]:
    """The words of the case with the server's address and, unless it goes without, a key."""
    words = list(case["argv"])
    more = ["--url", os.environ["SERVER"]]
    if not case.get("no_key"):
        more += ["--api-key", os.environ["KEY"]]
    # What follows `--args` belongs to the container, so our words stand before it.
    end = words.index("--args") if "--args" in words else len(words)
    return ["vastai", *words[:end], *more, *words[end:]]


def run(case: Case, work: Path) -> None:
    """In the forked child: the case as if typed at a shell. Never returns."""
    os.chdir(work)
    (Path(work).parent / "stdin").write_text(case.get("stdin", ""))
    for number, name, flags in (
        (0, "stdin", os.O_RDONLY),
        (1, "stdout", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, "stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        os.dup2(os.open(Path(work).parent / name, flags, 0o600), number)
    os.environ.update(case.get("env", {}))
    signal.alarm(PATIENCE_S)
    code = 1
    try:
        code = called(case) if case["argv"][0] == "<sdk>" else typed(case)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(code or 0)


def typed(case: Case) -> object:
    """The command line, with a module that the client ships but does not load, if one is named."""
    if "module" in case:
        importlib.import_module(f"vastai.cli.commands.{case['module']}")
    sys.argv = words_of(case)
    return importlib.import_module("vastai.cli.main").main()


def called(case: Case) -> int:
    """A method of the client's class for programs."""
    _, target, args, named = case["argv"]
    client = importlib.import_module("vastai").VastAI(os.environ["KEY"], os.environ["SERVER"])
    getattr(client, target.removeprefix("VastAI."))(*json.loads(args), **json.loads(named))
    return 0


def main() -> None:
    """One line in, one line out."""
    stop_the_clock()
    furnish({})  # the client looks into its home, and for its caches, when it is imported
    for name in COMMANDS:
        importlib.import_module(f"vastai.cli.commands.{name}")
    importlib.import_module("vastai.sdk")
    for line in sys.stdin:
        case = json.loads(line)
        work = furnish(case)
        child = os.fork()
        if not child:
            run(case, work)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"exit": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
