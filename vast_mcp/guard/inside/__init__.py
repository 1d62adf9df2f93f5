"""The lease guard that runs inside an instance: its text, its place, and where it cannot be."""

from vast_mcp.guard.inside.coverage import Inside, coverage, guard_text
from vast_mcp.guard.inside.onstart import ONSTART_LIMIT, wrap_onstart
from vast_mcp.guard.inside.snippet import lease_guard

__all__ = ["ONSTART_LIMIT", "Inside", "coverage", "guard_text", "lease_guard", "wrap_onstart"]
