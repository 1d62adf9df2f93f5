"""One account, one simulated vendor, one clock: the main door for every test.

`World` holds what outlives a server: the clock, the simulator, the state directory with ledger and
keys, the policy file. `connect` opens a real client on a real server on the real guard and API
client; several may be open at once, like several processes of one account. Clients are opened
inside the test body, never in a yielding fixture.
"""

import inspect
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import httpx2
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.session import ElicitationFnT
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData

from vast_mcp.account.context import Account
from vast_mcp.clock import Clock, ManualClock, SystemClock
from vast_mcp.config import Settings
from vast_mcp.models import Offer
from vast_mcp.runtime import Runtime, open_runtime
from vast_mcp.server import create_server
from vast_mcp.simulator import Simulator, SimulatorTransport

SEAL_KEY = b"tests-seal-with-these-32-bytes-k"
KEY = "sim-key"
Mode: TypeAlias = Literal["auto", "legacy"]
Json: TypeAlias = dict[str, Any]
Reply: TypeAlias = ElicitResult | Awaitable[ElicitResult]
Answer: TypeAlias = Literal["accept", "decline", "cancel"] | Callable[[str, Json], Reply] | None
"""How the person at the client answers; None: the client cannot ask. A callable is given the
question and the form's schema."""


def scale(name: str, default: int) -> int:
    """A suite size: the environment variable if it is set, else the small default."""
    return int(os.environ.get(name, "") or default)


def report(text: str) -> None:
    """A figure or a seed, shown by pytest with a failure and under `-s`."""
    sys.stdout.write(f"{text}\n")


class ToolFailed(Exception):
    """A tool answered with an error; `str()` is all that the model reads."""


class UnhurriedClock(ManualClock):
    """Leaps as well, a second in a fifth of one: for calls that wait for what another really does.

    The clock that leaps at once has used up all patience before the other's disk has answered.
    """

    async def sleep(self, seconds: float) -> None:
        """Wait a little, then stand where the sleep ends (no further, however many sleep)."""
        wake_s = self.monotonic_s() + seconds
        await SystemClock().sleep(min(seconds, 1.0) / 5)
        self.move(max(0.0, wake_s - self.monotonic_s()))


@dataclass
class World:
    """Everything that outlives one server. `tmp` is an empty directory of the test's own."""

    tmp: Path
    policy: str | None = None
    """The user's policy file; None: there is none."""
    toolsets: str = "default"
    read_only: bool = False
    ask: str = "client"
    seed: int = 1
    credit_usd: float = 100.0
    api_key: str = KEY
    environment: Mapping[str, str] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=lambda: ManualClock(auto_advance=True))
    simulator: Simulator = field(init=False)
    thinks_s: float = 3.0
    """How long the person at a client takes to read and answer a question."""
    questions: list[str] = field(default_factory=list)
    """Every question a client has put to its person, oldest first."""
    transport: httpx2.AsyncBaseTransport = field(init=False)

    def __post_init__(self) -> None:
        self.simulator = Simulator(self.clock, seed=self.seed, credit_usd=self.credit_usd)
        self.transport = SimulatorTransport(self.simulator)
        if self.policy is not None:
            self.write_policy(self.policy)

    @property
    def settings(self) -> Settings:
        """As start-up would read them; nothing of this machine's environment leaks in."""
        return Settings(
            api_key=self.api_key,
            state_dir=self.tmp / "state",
            user_policy=self.policy_path,
            system_policy=self.tmp / "no-system-policy.toml",
            read_only=self.read_only,
            toolsets=self.toolsets,
            ask=self.ask,
            environment=dict(self.environment),
        )

    @property
    def own_clock(self) -> Clock:
        """What the server's processes live by; the vendor lives by `clock`."""
        return self.clock

    @property
    def policy_path(self) -> Path:
        """The user's policy file."""
        return self.tmp / "policy.toml"

    def write_policy(self, text: str) -> None:
        """Put this into the policy file; it holds from the next decision on."""
        self.policy_path.write_text(text, encoding="utf-8")

    def another_machine(self, tmp: Path) -> "World":
        """The same account, vendor and clock with another (empty) state directory."""
        other = replace(self, tmp=tmp, policy=self.policy)
        other.simulator, other.transport = self.simulator, self.transport
        return other

    @asynccontextmanager
    async def runtime(self) -> AsyncIterator[Runtime]:
        """The opened account without a server, for what no tool offers (tick, approve)."""
        async with open_runtime(
            self.settings, clock=self.own_clock, transport=self.transport
        ) as runtime:
            yield runtime

    @asynccontextmanager
    async def account(self) -> AsyncIterator[Account]:
        """What an act may look at, for acts and looks below the door."""
        async with self.runtime() as runtime:
            yield runtime.session.account

    @asynccontextmanager
    async def connect(
        self,
        mode: Mode = "auto",
        answer: Answer = "accept",
        **options: Any,  # noqa: ANN401  what the SDK's client takes
    ) -> AsyncIterator[Client]:
        """A client on a server of its own. `auto` is the newest protocol, `legacy` the older."""
        server = create_server(
            self.runtime, SEAL_KEY, toolsets=self.toolsets, read_only=self.read_only
        )
        if answer is not None:
            options["elicitation_callback"] = self.asked(answer)
        async with Client(server, mode=mode, **options) as client:
            yield client

    def asked(self, answer: Answer) -> ElicitationFnT:
        """The person at a client: notes the question, answers it. For clients made elsewhere."""

        async def callback(
            context: ClientRequestContext,  # noqa: ARG001  the SDK passes it by name
            params: ElicitRequestParams,
        ) -> ElicitResult | ErrorData:
            self.questions.append(params.message)
            self.clock.think(self.thinks_s)
            schema: Json = getattr(params, "requested_schema", {})
            if callable(answer):
                reply = answer(params.message, schema)
                return await reply if inspect.isawaitable(reply) else reply
            if answer == "accept" or answer is None:
                return agree(params.message, schema)
            return said(answer)

        return callback

    # -- shorthands ------------------------------------------------------------------------

    async def call(self, client: Client, tool: str, /, **arguments: object) -> Json:
        """The structured answer of a tool, which is all that a model sees of a success.

        Raises:
            ToolFailed: with the error's text, which is all that a model sees of an error.
        """
        result = await client.call_tool(tool, arguments)
        text = "".join(getattr(part, "text", "") for part in result.content)
        if result.is_error:
            raise ToolFailed(text)
        structured: Json = result.structured_content or {}
        return structured

    async def offers(
        self,
        runtime: Runtime | None = None,
        *,
        limit: int = 50,
        rental: str = "on_demand",
        usd_per_hour: Mapping[str, float] | None = None,
    ) -> list[Offer]:
        """Verified offers, the cheapest first, without leaving a price in the ledger.

        At most 64, as the vendor answers no more; `usd_per_hour` bounds what is looked for.
        """
        if runtime is None:
            async with self.runtime() as opened:
                return await self.offers(
                    opened, limit=limit, rental=rental, usd_per_hour=usd_per_hour
                )
        found = await runtime.session.account.reads.search_offers(
            {"verified": {"eq": True}, "dph_total": dict(usd_per_hour) if usd_per_hour else None},
            rental="interruptible" if rental == "interruptible" else "on_demand",
            disk_gb=50.0,
            limit=limit,
        )
        fit = [one for one in found.offers if max_traffic(one) <= 0.04 and one.max_hours >= 24]
        return sorted(fit, key=lambda one: one.usd_per_hour)

    async def cheap_offer(self, rental: str = "on_demand") -> Offer:
        """A verified offer far below the limits that need a question."""
        return (await self.offers(rental=rental))[0]

    async def dear_offer(self, above_usd: float = 1.0, below_usd: float = 3.0) -> Offer:
        """A verified offer that needs a question by its price alone, and is not refused."""
        found = await self.offers(usd_per_hour={"gt": above_usd, "lt": below_usd})
        return next(one for one in found if above_usd < one.usd_per_hour.dollars < below_usd)

    async def rent(self, client: Client, offer: Offer | None = None, **arguments: object) -> int:
        """Rent a cheap machine that nobody needs to be asked about; its id."""
        chosen = offer or await self.cheap_offer()
        given: Json = {"offer_id": chosen.offer_id, "max_price_usd_per_hour": 1.0, **arguments}
        answer = await self.call(client, "create_instance", **given)
        assert answer["status"] == "rented", answer
        return int(answer["instance_id"])

    def run_until_ready(self, seconds: float = 900) -> None:
        """Let simulated time pass until what was rented runs."""
        self.clock.move(seconds)
        self.simulator.catch_up()


def max_traffic(offer: Offer) -> float:
    """The dearer of an offer's two traffic prices, $/GB."""
    return max(offer.download_usd_per_gb, offer.upload_usd_per_gb)


def agree(message: str, schema: Json) -> ElicitResult:
    """A person who reads the question and says yes in the form it asks for."""
    if "digits" in schema.get("properties", {}):
        numbers: list[str] = re.findall(r"\d{4,}", message)
        return ElicitResult(action="accept", content={"digits": numbers[0][-4:]})
    return ElicitResult(action="accept", content={"confirm": True})


def said(action: Literal["decline", "cancel"]) -> ElicitResult:
    """A person who does not say yes."""
    return ElicitResult(action=action)
