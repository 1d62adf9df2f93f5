"""Reaching the person: a warning in a tool's answer reaches nobody while no tool is called."""

from vast_mcp.notices.due import Pot, Seen, due
from vast_mcp.notices.messenger import Messenger
from vast_mcp.notices.notice import Kind, Notice

__all__ = ["Kind", "Messenger", "Notice", "Pot", "Seen", "due"]
