"""The table of resources, and the one place where they are read.

The SDK's static resources cannot take a context, and whose account is read depends on it; so the
server looks a URI up here and reads it with the session of whoever asks.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.shared.uri_template import UriTemplate
from mcp_types import Annotations, Resource, ResourceTemplate

from vast_mcp.errors import InputInvalid, NotFound, VastMcpError
from vast_mcp.operations import Json
from vast_mcp.resources import readings
from vast_mcp.session import Session
from vast_mcp.text import clean_line

MIME_TYPE = "application/json"
Read = Callable[[Session], Awaitable[Json]]
ReadOne = Callable[[Session, int], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A resource under one URI."""

    uri: str
    title: str
    description: str
    read: Read

    def listed(self) -> Resource:
        """As clients list it."""
        return Resource(
            uri=self.uri,
            name=self.uri.removeprefix("vast://"),
            title=self.title,
            description=self.description,
            mime_type=MIME_TYPE,
            annotations=Annotations(audience=["assistant"]),
        )


@dataclass(frozen=True, slots=True)
class OfInstance:
    """A resource of one machine, by its id."""

    uri_template: str
    name: str
    title: str
    description: str
    read: ReadOne

    def listed(self) -> ResourceTemplate:
        """As clients list it."""
        return ResourceTemplate(
            uri_template=self.uri_template,
            name=self.name,
            title=self.title,
            description=self.description,
            mime_type=MIME_TYPE,
            annotations=Annotations(audience=["assistant"]),
        )

    def match(self, uri: str) -> int | None:
        """The id in the URI; None when it is not of this form.

        Raises:
            InputInvalid: the id is not a number.
        """
        found = UriTemplate.parse(self.uri_template).match(uri)
        if found is None:
            return None
        text = str(found.get("id", ""))
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise InputInvalid("id", "an instance id is a whole number")
        return int(text)


FIXED: tuple[Fixed, ...] = (
    Fixed(
        "vast://account",
        "Account",
        "Credit, burn rate, what is billed now, what ends tonight.",
        readings.account,
    ),
    Fixed("vast://instances", "Instances", "Every machine, in short.", readings.instances),
    Fixed("vast://volumes", "Volumes", "Rented volumes; billed until deleted.", readings.volumes),
    Fixed(
        "vast://endpoints",
        "Endpoints",
        "Serverless endpoints with their billed workers.",
        readings.endpoints,
    ),
    Fixed(
        "vast://workergroups",
        "Workergroups",
        "The kind of machine each endpoint rents.",
        readings.workergroups,
    ),
    Fixed("vast://spend", "Spending", "Spent and reserved, against the caps.", readings.spend),
    Fixed("vast://policy", "Policy", "Limits in force and pending plans.", readings.policy),
    Fixed("vast://leases", "Leases", "What is alive until when.", readings.leased),
    Fixed("vast://jobs", "Jobs", "Jobs under one yes, and their progress.", readings.job_rows),
    Fixed("vast://audit", "Audit", "The newest decisions and writes.", readings.audit),
    Fixed(
        "vast://gpu-prices",
        "GPU prices",
        "Cheapest and median verified on-demand price per GPU, now.",
        readings.gpu_prices,
    ),
)

OF_INSTANCE: tuple[OfInstance, ...] = (
    OfInstance(
        "vast://instances/{id}",
        "instance",
        "One instance",
        "One machine: state, cost, lease.",
        readings.instance,
    ),
    OfInstance(
        "vast://instances/{id}/logs",
        "instance-logs",
        "Logs of an instance",
        "The last 200 lines of its log; untrusted text.",
        readings.instance_logs,
    ),
)


class Catalogue:
    """Lists resources and reads them."""

    mime_type: Final = MIME_TYPE

    def __init__(
        self,
        fixed: Sequence[Fixed] = FIXED,
        of_instance: Sequence[OfInstance] = OF_INSTANCE,
    ) -> None:
        self._fixed = {resource.uri: resource for resource in fixed}
        self._of_instance = tuple(of_instance)

    def resources(self) -> list[Resource]:
        """Those with one URI."""
        return [resource.listed() for resource in self._fixed.values()]

    def templates(self) -> list[ResourceTemplate]:
        """Those of one machine."""
        return [template.listed() for template in self._of_instance]

    async def read(self, uri: str, session: Session) -> str:
        """The compact JSON of a resource, without any known secret.

        Raises:
            ResourceNotFoundError: there is none of this URI, or its machine does not exist.
            ResourceError: it could not be read; the message says why and what to do.
        """
        try:
            answer = await self._answer(uri, session)
        except (NotFound, InputInvalid) as error:
            raise ResourceNotFoundError(session.account.redactor.scrub(str(error))) from error
        except VastMcpError as error:
            raise ResourceError(session.account.redactor.scrub(str(error))) from error
        text = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
        return session.account.redactor.scrub(text)

    async def _answer(self, uri: str, session: Session) -> Json:
        if fixed := self._fixed.get(uri):
            return await fixed.read(session)
        for template in self._of_instance:
            instance_id = template.match(uri)
            if instance_id is not None:
                return await template.read(session, instance_id)
        raise ResourceNotFoundError(
            f"Unknown resource: {session.account.redactor.scrub(clean_line(uri, 120))}."
            f" Known: {', '.join(self._fixed)}, vast://instances/{{id}},"
            " vast://instances/{id}/logs."
        )
