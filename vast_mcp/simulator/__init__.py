"""A Vast.ai that costs nothing: market, machines and money, on any clock, behind the real wire."""

from vast_mcp.simulator.faults import KINDS, Fault, Faults, Kind, Severed
from vast_mcp.simulator.http_server import serve_http
from vast_mcp.simulator.limits import RateLimits
from vast_mcp.simulator.profiles import PROFILES, Profile
from vast_mcp.simulator.simulator import Recorded, Simulator
from vast_mcp.simulator.transport import SimulatorTransport
from vast_mcp.simulator.wire import Request, Response
from vast_mcp.simulator.world import ACCOUNT_KEY, Choices

__all__ = [
    "ACCOUNT_KEY",
    "KINDS",
    "PROFILES",
    "Choices",
    "Fault",
    "Faults",
    "Kind",
    "Profile",
    "RateLimits",
    "Recorded",
    "Request",
    "Response",
    "Severed",
    "Simulator",
    "SimulatorTransport",
    "serve_http",
]
