"""What clients can read without calling a tool: compact JSON under `vast://`."""

from vast_mcp.resources.catalogue import Catalogue
from vast_mcp.resources.completions import complete
from vast_mcp.resources.notices import Notices

__all__ = ["Catalogue", "Notices", "complete"]
