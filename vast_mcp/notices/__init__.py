"""Reaching the person: a warning in a tool's answer reaches nobody while no tool is called."""

from vast_mcp.notices.due import AccountRound, Pot, due
from vast_mcp.notices.messenger import Messenger
from vast_mcp.notices.notice import Notice, NoticeKind

__all__ = ["AccountRound", "Messenger", "Notice", "NoticeKind", "Pot", "due"]
