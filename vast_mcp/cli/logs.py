"""Logging: to stderr only, and never a secret in it."""

import logging
import sys

from vast_mcp.text import Redactor


class Scrubbed(logging.Formatter):
    """Formats a record and takes every known secret out of the result, tracebacks included."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The line as it may be shown."""
        return self._redactor.scrub(super().format(record))


def configure(redactor: Redactor, level: str = "INFO") -> None:
    """Set up the root logger. Must run before the SDK's server is made: it would do it its way."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Scrubbed(redactor))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for loud in ("httpx2", "httpcore2", "asyncio", "uvicorn", "mcp", "asyncssh"):
        logging.getLogger(loud).setLevel(logging.WARNING)
