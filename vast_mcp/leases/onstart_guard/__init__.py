"""The lease guard that runs inside an instance: its text, its place, and where it cannot be."""

from vast_mcp.leases.onstart_guard.coverage import Inside, coverage, guard_text
from vast_mcp.leases.onstart_guard.onstart import ONSTART_LIMIT, wrap_onstart
from vast_mcp.leases.onstart_guard.snippet import lease_guard

__all__ = ["ONSTART_LIMIT", "Inside", "coverage", "guard_text", "lease_guard", "wrap_onstart"]
