"""The token of a machine's web page: for a person's own browser, never for a tool.

`reads` drops it from every instance. Only the terminal command `open` may import this room
(pyproject's contracts say so).
"""

from vast_mcp.api._fields import row
from vast_mcp.api.connection import READ_TIMEOUT_S, Connection
from vast_mcp.api.retry import Deadline, ask
from vast_mcp.operations import instances


async def page_token(connection: Connection, instance_id: int) -> str:
    """The token its jupyter or portal page wants; empty if it has none.

    Raises:
        ApiError: the instance cannot be read.
    """
    deadline = Deadline(connection.clock, READ_TIMEOUT_S, fresh=True, urgent=False)
    answer = row(
        await ask(connection, instances.show_instance(instance_id), deadline), "the answer"
    )
    fields = answer.get("instances")
    token = fields.get("jupyter_token") if isinstance(fields, dict) else None
    return token if isinstance(token, str) else ""
