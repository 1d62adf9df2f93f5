"""Processes that may die in the middle of what they do: one is started, and forks for each line."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Say = Callable[[dict[str, Any]], None]


def fork_for_each_line(child: Callable[[dict[str, Any], Say], None]) -> None:
    """Run `child` in a fork for each line of JSON; answer with how it ended and all it said."""
    for line in sys.stdin:
        into, out = os.pipe()
        number = os.fork()
        if number == 0:
            os.close(into)
            _live(child, line, out)
        os.close(out)
        with os.fdopen(into, "rb") as answer:
            said = [json.loads(one) for one in answer.read().splitlines()]
        _, status = os.waitpid(number, 0)
        told = {name: value for one in said for name, value in one.items()}
        sys.stdout.write(json.dumps({"code": os.waitstatus_to_exitcode(status), **told}) + "\n")
        sys.stdout.flush()


def _live(child: Callable[[dict[str, Any], Say], None], line: str, out: int) -> None:
    def say(what: dict[str, Any]) -> None:
        os.write(out, json.dumps(what).encode() + b"\n")

    try:
        child(json.loads(line), say)
    except BaseException as error:  # noqa: BLE001  told to the parent, then over
        say({"error": repr(error)})
        os._exit(1)
    os._exit(0)
