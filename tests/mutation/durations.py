"""A pytest plugin: how long each test took and how it ended, one JSON line per test."""

import json
import os
from pathlib import Path

import pytest


class Durations:
    """Sums set-up, call and teardown; the worst of the three outcomes counts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: dict[str, float] = {}
        self._passed: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count this phase; write the line after the last phase."""
        name = report.nodeid
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration
        if report.when == "call":
            self._passed[name] = report.passed
        if report.when == "teardown":
            seconds, passed = self._seconds.pop(name), self._passed.pop(name, False)
            line = {"test": name, "seconds": round(seconds, 3), "passed": passed and report.passed}
            with self._file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """Listen in the controller only: it hears the reports of all workers."""
    file = os.environ.get("VMCP_MUTATION_DURATIONS")
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Durations(Path(file)), "mutation-durations")
