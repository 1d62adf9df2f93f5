"""What carries a notice to a person."""

from typing import Protocol

from vast_mcp.notices.notice import Notice


class NotDelivered(Exception):
    """A notice did not arrive; the text says why, without any secret of the way.

    `perhaps`: it was handed over whole and only the answer is missing.
    """

    def __init__(self, why: str, *, perhaps: bool = False) -> None:
        super().__init__(why)
        self.perhaps = perhaps


class Sender(Protocol):
    """One way to a person."""

    @property
    def name(self) -> str:
        """A word for the log."""
        ...

    async def send(self, notice: Notice, at: str) -> None:
        """Carry it.

        Raises:
            NotDelivered: it did not arrive, or nobody knows whether it did.
        """
        ...
