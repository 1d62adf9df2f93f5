"""The one way in which a read is asked: its deadline, its haste, and the rows of a plain list."""

from collections.abc import Mapping

from vast_mcp.api._fields import row, rows
from vast_mcp.api.connection import READ_TIMEOUT_S, Connection
from vast_mcp.api.pages import DeadlineFor
from vast_mcp.api.retry import Deadline, ask
from vast_mcp.operations import Call, Json

PAGE_DEADLINE_S = 90.0
"""For each page after the first: it goes behind other calls and may be refused for a while."""


class Asking:
    """What all readings share: the connection and how long they may take."""

    def __init__(self, connection: Connection, *, deadline_s: float = READ_TIMEOUT_S) -> None:
        self._connection = connection
        self._deadline_s = deadline_s

    @property
    def api_base(self) -> str:
        """The vendor's address in use."""
        return self._connection.api_base

    async def _list(
        self,
        call: Call,
        name: str,
        deadline_s: float | None,
        *,
        fresh: bool = True,
        urgent: bool = False,
    ) -> list[Mapping[str, Json]]:
        answer = row(await self._ask(call, deadline_s, fresh=fresh, urgent=urgent), "the answer")
        return list(rows(answer.get(name), name))

    async def _ask(
        self, call: Call, deadline_s: float | None, *, fresh: bool = True, urgent: bool = False
    ) -> Json:
        deadline = self._deadline(deadline_s, fresh=fresh, urgent=urgent)
        return await ask(self._connection, call, deadline)

    def _deadlines(
        self, deadline_s: float | None, *, fresh: bool = True, urgent: bool = False
    ) -> DeadlineFor:
        """For the pages of a list: one deadline for all, or one for each where none was given."""
        if deadline_s is not None:
            whole = self._deadline(deadline_s, fresh=fresh, urgent=urgent)
            return lambda _: whole

        def deadline_for(more: bool) -> Deadline:
            return Deadline(
                self._connection.clock,
                PAGE_DEADLINE_S if more else self._deadline_s,
                fresh=fresh,
                urgent=urgent and not more,
                background=more,
            )

        return deadline_for

    def _deadline(
        self,
        deadline_s: float | None,
        *,
        fresh: bool = True,
        recent: bool = False,
        urgent: bool = False,
    ) -> Deadline:
        seconds = self._deadline_s if deadline_s is None else deadline_s
        return Deadline(self._connection.clock, seconds, fresh=fresh, recent=recent, urgent=urgent)
