"""The wire: every simulated operation, by noun. What stands in no table answers `not simulated`."""

from vast_mcp.simulator.routes import account, instances, offers
from vast_mcp.simulator.routes.table import Router


def build_router() -> Router:
    """All routes of the console host and of the serverless host, on one port."""
    return Router([*offers.ROUTES, *instances.ROUTES, *account.ROUTES])
