"""`vast-mcp demo`: a real client, a real server, a simulated cloud; nothing of it costs money."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vast_mcp.cli.codes import Exit
from vast_mcp.clock import SystemClock
from vast_mcp.errors import VastMcpError

if TYPE_CHECKING:
    from vast_mcp.cli._conversation import Books, Conversation
    from vast_mcp.cli._screen import Screen

SPEED = 240.0
GPU = "RTX 4090"
SHORT_LEASE_H = 0.75
LOADING_S = 600.0
_POLICY = """[limits]
max_usd_per_rental = 10.00
[levels]
create_instance = "ask"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""
    parser.set_defaults(speed=SPEED)


def run(args: argparse.Namespace) -> int:
    """Hold the conversation; 0 only if every step went as it should."""
    import anyio  # noqa: PLC0415  only a demo needs the client's half of the SDK

    from vast_mcp.cli._screen import Screen  # noqa: PLC0415

    screen = Screen()
    with tempfile.TemporaryDirectory(prefix="vast-mcp-demo-") as place:
        demo = Demo(screen)
        try:
            anyio.run(demo.hold, Path(place), args.speed)
        except Exception as error:  # noqa: BLE001  the demo tells what broke and where to look
            screen.say(f"\nThe demo broke: {_root(error)}", "red")
            log = Path(place) / "server.log"
            if log.exists():
                print(log.read_text(encoding="utf-8")[-3_000:], file=sys.stderr)
            return Exit.FAILED
    return demo.verdict()


def _root(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Demo:
    """The steps, and whether each held."""

    def __init__(self, screen: "Screen") -> None:
        self._screen = screen
        self._failures: list[str] = []

    async def hold(self, place: Path, speed: float) -> None:
        """The whole conversation."""
        from vast_mcp.cli._conversation import conversing  # noqa: PLC0415
        from vast_mcp.cli._job_scene import JobScene  # noqa: PLC0415

        policy = place / "policy.toml"
        policy.write_text(_POLICY, encoding="utf-8")
        self._screen.say(
            "A language model's side of a conversation with vast-mcp, over stdio. The GPUs, the"
            f" money and the clock ({speed:g}x) are simulated; client, protocol, server, limits"
            " and ledger are real. Limits set for this demo: $10 per rental, every rent asks.",
            "dim",
        )
        async with conversing(self._screen, place, policy, speed) as (talk, books):
            before = await books.read()
            offers = await self._search(talk)
            await self._refused_rent(talk, books, offers[0])
            first = await self._rent(talk, offers[0], "train", 4.0, "stop")
            second = await self._rent(talk, offers[1], "second", SHORT_LEASE_H, "destroy")
            await self._use(talk, first, speed)
            await self._refused_destroy(talk, books, second)
            await self._end(talk, books, first)
            await self._lease_end(talk, books, second)
            await self._money(before, books)
            await JobScene(self._screen, self._check).play(talk, books, place)

    def verdict(self) -> int:
        """The last lines, and the exit code."""
        print()
        if self._failures:
            self._screen.say(f"{len(self._failures)} step(s) did not hold:", "red")
            for failure in self._failures:
                self._screen.say(f"  {failure}", "red")
            return Exit.FAILED
        self._screen.say("Every step held.", "green")
        self._screen.say(
            "Next: `vast-mcp install` adds the server to your clients, with --simulate or, after"
            " `vast-mcp login`, with your key.",
            "dim",
        )
        return Exit.FINE

    def _check(self, text: str, *, holds: bool) -> None:
        self._screen.check(text, holds=holds)
        if not holds:
            self._failures.append(text)

    async def _search(self, talk: "Conversation") -> list[dict[str, Any]]:
        self._screen.step(f"Find a cheap {GPU}")
        shown = "{matching} match; cheapest {cheapest}, median {median} USD/h"
        fields, _ = await talk.call(
            "search_offers", {"gpu_names": [GPU], "hours": 4, "limit": 3}, shown=shown
        )
        offers: list[dict[str, Any]] = fields.get("offers", [])
        for offer in offers:
            self._screen.answer(
                f"offer {offer['offer_id']}: ${offer['usd_per_hour']}/h, job ${offer['job_usd']}",
                failed=False,
            )
        self._check("at least two offers, cheapest job first", holds=_ascending(offers))
        if len(offers) < 2:
            raise VastMcpError("The search found fewer than two offers.")
        return offers

    async def _refused_rent(
        self, talk: "Conversation", books: "Books", offer: dict[str, Any]
    ) -> None:
        self._screen.step("Try to rent it for 100 h: above the $10 per rental")
        asked, before = len(talk.questions), await books.read()
        _, error = await talk.call(
            "create_instance", {"offer_id": offer["offer_id"], "lease_hours": 100}
        )
        after = await books.read()
        quiet = after["mutations"] == before["mutations"] and len(talk.questions) == asked
        self._check(
            "refused naming the rule, no question asked, nothing sent", holds=bool(error) and quiet
        )

    async def _rent(
        self, talk: "Conversation", offer: dict[str, Any], label: str, hours: float, on_end: str
    ) -> int:
        self._screen.step(f"Rent for {hours:g} h; when the lease ends: {on_end}")
        fields, _ = await talk.call(
            "create_instance",
            {
                "offer_id": offer["offer_id"],
                "lease_hours": hours,
                "label": label,
                "on_end": on_end,
            },
        )
        instance_id = int(fields.get("instance_id", 0))
        self._check("rented after a yes, under a lease", holds="lease_ends" in fields)
        if not instance_id:
            raise VastMcpError("Nothing was rented.")
        return instance_id

    async def _use(self, talk: "Conversation", instance_id: int, speed: float) -> None:
        self._screen.step("Wait until it is running, read its log")
        self._screen.say("   (ten simulated minutes pass while both machines load)", "dim")
        await SystemClock().sleep(LOADING_S / speed)
        await self._wait(talk, instance_id)
        fields, error = await talk.call(
            "show_logs", {"instance_id": instance_id, "tail": 3}, shown="{untrusted_log}"
        )
        self._check("its log is readable", holds=not error and "untrusted_log" in fields)

    async def _wait(self, talk: "Conversation", instance_id: int) -> None:
        shown = "[{verdict}] {said} ({elapsed_seconds} simulated s since it was rented)"
        reached = False
        for _ in range(3):
            fields, _error = await talk.call(
                "wait_for_instance", {"instance_id": instance_id}, shown=shown
            )
            reached = bool(fields.get("reached"))
            if reached:
                break
        self._check("it is running", holds=reached)

    async def _refused_destroy(
        self, talk: "Conversation", books: "Books", instance_id: int
    ) -> None:
        self._screen.step("Destroy the second one; the user types the wrong digits")
        await self._wait(talk, instance_id)
        fields, _ = await talk.call(
            "destroy_instance", {"instance_id": instance_id}, reply="wrong digits"
        )
        alive = instance_id in {instance["id"] for instance in (await books.read())["instances"]}
        self._check("kept: it still exists", holds=alive and fields.get("status") == "kept")

    async def _end(self, talk: "Conversation", books: "Books", instance_id: int) -> None:
        self._screen.step("Stop the first, then destroy it")
        fields, _ = await talk.call("stop_instance", {"instance_id": instance_id})
        stopped = fields.get("status") in {"stopped", "stopping"}
        self._check("stopped; its disk is still billed, and the answer said so", holds=stopped)
        fields, _ = await talk.call("destroy_instance", {"instance_id": instance_id})
        gone = instance_id in (await books.read())["destroyed"]
        self._check("destroyed, and the vendor's books agree", holds=gone)

    async def _lease_end(self, talk: "Conversation", books: "Books", instance_id: int) -> None:
        import anyio  # noqa: PLC0415

        self._screen.step(
            f"Nobody does anything: the second machine's {SHORT_LEASE_H:g} h lease ends"
        )
        gone = False
        with anyio.move_on_after(20):
            while not gone:
                gone = instance_id in (await books.read())["destroyed"]
                await SystemClock().sleep(0.3)
        self._check("the server destroyed it by itself, as agreed when renting", holds=gone)
        with anyio.move_on_after(15):  # the server calls nothing gone before two lists lack it
            while (await talk.looked("show_instances")).get("instances"):
                await SystemClock().sleep(0.5)
        fields, error = await talk.call("show_instances", {}, shown="instances: {instances}")
        alive = error or fields.get("instances", "no list")
        self._check("no machine is left", holds=alive == [])

    async def _money(self, before: dict[str, Any], books: "Books") -> None:
        after = await books.read()
        self._screen.step("The money, from the simulated vendor's own books")
        spent = before["balance_usd"] - after["balance_usd"]
        self._screen.say(f"   before  ${before['balance_usd']:.3f}")
        self._screen.say(f"   after   ${after['balance_usd']:.3f}   spent ${spent:.3f}")
        self._screen.say(f"   now     ${after['burn_usd_per_hour']:.3f}/h")
        idle = not after["instances"] and after["burn_usd_per_hour"] == 0
        self._check("nothing is billed now", holds=idle)
        self._check("two machines were paid for, and less than $2", holds=0 < spent < 2)


def _ascending(offers: list[dict[str, Any]]) -> bool:
    costs = [offer.get("job_usd", 0) for offer in offers]
    return len(costs) >= 2 and costs == sorted(costs)
