"""What the server keeps open for its tools, as they see it."""

from typing import Any, Protocol

from mcp.server.mcpserver import Context

from vast_mcp.session import Session


class Lifespan(Protocol):
    """The server's lifespan context."""

    def session_for(self, context: Context[Any, Any]) -> Session:
        """The session of whoever calls."""
        ...

    def scrub(self, text: str) -> str:
        """Text as it leaves: no secret value in it, commands for a terminal whole."""
        ...
