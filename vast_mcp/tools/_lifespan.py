"""What the server keeps open for its tools, as they see it."""

from typing import Any, Protocol

from mcp.server.mcpserver import Context

from vast_mcp.services import Services


class Lifespan(Protocol):
    """The server's lifespan context."""

    def services_for(self, context: Context[Any, Any]) -> Services:
        """The services of whoever calls."""
        ...

    def scrub(self, text: str) -> str:
        """Text as it leaves: no secret value in it, commands for a terminal whole."""
        ...
