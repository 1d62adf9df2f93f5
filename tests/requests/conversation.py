"""A conversation: a person's request, the assistant's calls, the answers, and what is true of them.

The assistant of a script knows the listing and the answers, nothing else. What it calls, what the
person is asked and how long each answer is, is counted; each answer is held to the simulator's own
books in the moment it is given.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from mcp import Client
from mcp.types import ElicitResult

from tests.requests.books import Books
from tests.world import Json, ToolFailed, World, agree
from vast_mcp.keeper.tick import look_once

HOME, STATE = "~", "~/.local/state/vast-mcp"
"""What a person's own paths are like: those of a test would be counted as longer answers."""

_THINKS_S = 5.0
"""What an assistant needs from one call to the next."""

_LOOKS_EVERY_MIN = 2


class Ending(StrEnum):
    """What became of a request."""

    REACHED = "reached"
    REFUSED = "rightly refused"
    HANDED_OVER = "no tool; told what to do instead"


Reply: TypeAlias = str
"""What the person does with a question: `yes`, `no`, or the digits that are typed."""


@dataclass
class Person:
    """Answers questions in order; the last answer goes on for those that follow."""

    replies: list[Reply] = field(default_factory=lambda: ["yes"])
    asked: list[str] = field(default_factory=list)

    def answer(self, question: str, form: Json) -> ElicitResult:
        """As the script has it."""
        self.asked.append(question)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply == "no":
            return ElicitResult(action="decline")
        if reply == "yes" and "number of machines" not in question:
            return agree(question, form)
        if reply == "yes":
            reply = _count_and_digits(question)
        return ElicitResult(action="accept", content={"digits": reply})


def _count_and_digits(question: str) -> str:
    """What a yes to several machines is typed as: how many, and the end of the last id."""
    several = re.findall(r"\b\d{7,8}\b", question.partition(" machines")[0])
    return f"{len(several)} {several[-1][-4:]}"


@dataclass
class Conversation:
    """One request from its first call to its end."""

    world: World
    client: Client
    person: Person
    running_clock: bool = False
    """The vendor's time passes by itself, so money is compared where it stands still."""
    tokens: list[int] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    ending: Ending = Ending.REACHED
    failure: Exception | None = None
    """What the script missed."""

    @property
    def books(self) -> Books:
        """What the vendor knows."""
        return Books(self.world.simulator, running_clock=self.running_clock)

    # -- the assistant ---------------------------------------------------------------------

    async def call(self, tool: str, /, **arguments: object) -> Json:
        """One call that succeeds: the object a model reads."""
        self.world.clock.move(_THINKS_S)
        before = self.books.changes
        answer = await self.world.call(self.client, tool, **arguments)
        self._note(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))
        self.untrue += self.books.untrue(tool, answer)
        self._held_back(str(answer.get("said", "")), before)
        return answer

    async def refused(self, tool: str, /, **arguments: object) -> str:
        """One call that fails: the text a model reads. Where it says that nothing was done, so."""
        before = self.books.changes
        try:
            answer = await self.world.call(self.client, tool, **arguments)
        except ToolFailed as error:
            self._note(str(error))
            self._held_back(str(error), before)
            return str(error)
        raise AssertionError(f"{tool} was to be refused and answered {answer}")

    async def offer(self, **arguments: object) -> int:
        """The first offer of a search."""
        found = await self.call("search_offers", limit=1, **arguments)
        return int(found["offers"][0]["offer_id"])

    async def wait(self, instance_id: int, **arguments: object) -> Json:
        """Up to three times, as the instructions have it, or until waiting on makes no sense."""
        for _ in range(3):
            told = await self.call("wait_for_instance", instance_id=instance_id, **arguments)
            if told["reached"] or told["verdict"] == "dead":
                break
        return told

    # -- what the person is told -----------------------------------------------------------

    def tells(self, sentence: str, is_true: object) -> None:
        """A sentence which the assistant passes on, and whether it is so."""
        if not is_true:
            self.untrue.append(sentence)

    def names(self, text: str, *words: str) -> None:
        """An answer that must name these, so that the person can act on it."""
        missing = [word for word in words if word not in text]
        assert not missing, f"{missing} not in: {text}"

    # -- what was before -------------------------------------------------------------------

    async def given_machine(self, *, nth: int = 0, **arguments: object) -> int:
        """A running machine that an earlier conversation rented; not counted."""
        offer = (await self.world.offers())[nth]
        instance_id = await self.world.rent(self.client, offer, **arguments)
        self.world.run_until_ready()
        return instance_id

    async def later(self, hours: float) -> None:
        """Time passes, while the server looks after its machines."""
        async with self.world.runtime() as runtime:
            for _ in range(round(hours * 60 / _LOOKS_EVERY_MIN)):
                self.world.clock.move(_LOOKS_EVERY_MIN * 60)
                self.world.simulator.catch_up()
                await look_once(runtime.session.guard)

    # -- how it went -----------------------------------------------------------------------

    @property
    def calls(self) -> int:
        """How many calls the assistant made."""
        return len(self.tokens)

    @property
    def questions(self) -> Sequence[str]:
        """What the person was asked."""
        return self.person.asked

    def _note(self, text: str) -> None:
        for own, usual in ((str(self.world.tmp / "state"), STATE), (str(Path.home()), HOME)):
            text = text.replace(own, usual)
        self.heard.append(text)
        self.tokens.append(len(text.encode()) // 4)

    def _held_back(self, said: str, before: int) -> None:
        if re.search(r"nothing (was )?(charged|done|sent)|not done", said, re.IGNORECASE):
            self.tells(said, self.books.changes == before)
