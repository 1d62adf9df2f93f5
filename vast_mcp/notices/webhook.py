"""A notice as a JSON post to an address of the person's own choice."""

import httpx2

from vast_mcp.notices.notice import Notice
from vast_mcp.notices.sender import NotDelivered
from vast_mcp.operations import JsonObject

TIMEOUT_S = 10.0
_TRIES = 2


class Webhook:
    """The address is a secret: it stands in no log line and in no error."""

    name = "webhook"

    def __init__(self, address: str) -> None:
        self._address = address

    async def send(self, notice: Notice, at: str) -> None:
        """Post it; once more if that fails, but not where only the answer is missing.

        A redirect is a failure: it would lead elsewhere.
        """
        body: JsonObject = {"kind": notice.kind.value, "text": notice.text, "at": at}
        if notice.instance_id is not None:
            body["instance_id"] = notice.instance_id
        why = ""
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
            for _ in range(_TRIES):
                try:
                    answer = await client.post(self._address, json=body)
                except httpx2.ReadTimeout as error:  # it has it by now, and is only slow to say so
                    raise NotDelivered("the webhook did not answer", perhaps=True) from error
                except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                    why = type(error).__name__
                    continue
                if answer.is_success:
                    return
                why = f"HTTP {answer.status_code}"
        raise NotDelivered(f"the webhook did not accept it ({why})")
