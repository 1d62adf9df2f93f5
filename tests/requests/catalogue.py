"""What a request is: a number, what the person says, and a function that plays it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tests.jobs.jobs_world import JobsWorld
from tests.requests.conversation import Conversation, Person
from tests.tools.ssh_world import SshWorld as Entered
from tests.world import ToolFailed, World
from vast_mcp.clock import Clock, ManualClock, PairedClock

Place: TypeAlias = Literal["market", "machines", "jobs"]
"""Where it is played: time that leaps; machines that can be entered; jobs that really run."""
Script: TypeAlias = Callable[[Conversation], Awaitable[None]]


class _PersonsClock(PairedClock):
    """Our own time beside the vendor's; a person's passes when they think."""

    def __init__(self, vendor: Clock, persons: ManualClock) -> None:
        super().__init__(vendor)
        self._persons = persons

    def real_s(self) -> float:
        """How long the person has thought."""
        return self._persons.real_s()

    async def real_sleep(self, seconds: float) -> None:
        """Wait until the person has thought that long."""
        await self._persons.real_sleep(seconds)


class Working(JobsWorld):
    """Jobs really run here, and a person takes their time without a test's."""

    @property
    def own_clock(self) -> Clock:
        """The server's."""
        return _PersonsClock(self.vendor, self.clock)


@dataclass(frozen=True)
class Request:
    """One of the thirty."""

    number: int
    sentence: str
    script: Script
    place: Place
    account: dict[str, Any] = field(default_factory=dict)
    """What is special about the account: the policy's text, the toolsets."""


def request(
    number: int,
    sentence: str,
    *,
    place: Place = "market",
    **account: Any,  # noqa: ANN401  what a world takes
) -> Callable[[Script], Request]:
    """Make a request of its script."""
    return lambda script: Request(number, sentence, script, place, account)


async def played(one: Request, tmp: Path) -> Conversation:
    """A request from its first call to its end, on an account of its own."""
    person = Person()
    async with _place(one, tmp) as world, world.connect(answer=person.answer) as client:
        talk = Conversation(world, client, person, running_clock=one.place == "jobs")
        try:
            await one.script(talk)
        except (AssertionError, KeyError, ToolFailed) as error:  # told after the server has ended
            talk.failure = error
    return talk


@asynccontextmanager
async def _place(one: Request, tmp: Path) -> AsyncIterator[World]:
    if one.place == "market":
        yield World(tmp, **one.account)
    elif one.place == "machines":
        entered = Entered(tmp, **one.account)
        async with entered.simulator.ssh_servers(run_python=True):
            yield entered
    else:
        async with Working(tmp, offered="default", **one.account).open() as working:
            yield working
