"""Jobs: rent, upload, run, bring back, end, under one yes; journaled, and resumed after a crash."""

from vast_mcp.jobs.board import Jobs
from vast_mcp.jobs.scout import JobWish, MachineProgress, Scout

__all__ = ["JobWish", "Jobs", "MachineProgress", "Scout"]
