"""What tools are handed, and the pure read models they show."""

from vast_mcp.services._services import Services

__all__ = ["Services"]
