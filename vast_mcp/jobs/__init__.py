"""Jobs: rent, upload, run, bring back, end, under one yes; journaled, and resumed after a crash."""

from vast_mcp.jobs.service import Jobs

__all__ = ["Jobs"]
