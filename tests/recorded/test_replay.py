"""Every recorded reply goes through everything that could receive it.

No crash, nothing left out in silence, no secret out; and what is shown is what a person reads in
the reply: the expected values stand in `expected.json` and beside the corpus, written by hand.
"""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.recorded.quiet_vendor import QuietVendor
from tests.recorded.readers import READERS, Desk, Outcome, open_desk
from tests.recorded.replies import ABSENT, READS, ROWS, SHARED, WRITES, Reply, corpus, recorded
from tests.world import report

EXPECTED = json.loads((Path(__file__).parent / "expected.json").read_text(encoding="utf-8"))
CANARY = "c4n4ry"
SECRETS = frozenset(
    {
        "api_key", "instance_api_key", "private_key", "docker_login_pass", "jupyter_token",
        "onstart", "crisp_hmac", "image_args", "args_str", "launch_args", "env", "extra_env",
        "temp_download_url", "image_login",
    }
)  # fmt: skip
"""Fields whose values nobody may see, in whatever reply they stand."""
ROW_IDS = {
    "list": ("instances", "instance_id"),
    "offers": ("offers", "offer_id"),
    "templates": ("templates", "template_hash"),
    "endpoints": ("results", "endpoint_id"),
    "workergroups": ("results", "workergroup_id"),
}
"""Where a route's rows stand in the reply, and what names them in an answer."""
BID = "min_bid_usd_per_hour"
"""Shown by the second reader of offers only, the search for interruptible ones."""
needs_recordings = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)


def successes(replies: list[Reply]) -> list[tuple[str, Reply]]:
    """The replies that describe something, each with every route it can come from."""
    return [
        (route, reply)
        for reply in replies
        if len(reply.routes) < len(READS)
        for route in reply.routes
        if route in READERS
    ]


def refusals(replies: list[Reply]) -> list[Reply]:
    """The different replies that can come from anywhere."""
    told = {
        (reply.status, reply.content): reply for reply in replies if len(reply.routes) >= len(READS)
    }
    return list(told.values())


async def read_all(desk: Desk, route: str, reply: Reply) -> list[Outcome]:
    """What every reader of a route makes of a reply."""
    desk.vendor.said = {route: lately(desk, reply) if route == "charges" else reply}
    if route in ("workers", "workergroups"):  # asked for where there is an endpoint
        desk.vendor.said["endpoints"] = one_endpoint()
    return [await reader.read(desk, reply) for reader in READERS[route]]


def lately(desk: Desk, reply: Reply) -> Reply:
    """The same charges, ended at the last midnight: rows outside of the window do not count."""
    rows = reply.body.get("results", []) if isinstance(reply.body, dict) else []
    midnight_s = desk.world.clock.utc_us() // 1_000_000 // 86_400 * 86_400
    later_s = midnight_s - max((row["end"] for row in rows), default=0)
    if not rows or not all(row["end"] > 0 for row in rows):
        return reply
    moved = [row | {"start": row["start"] + later_s, "end": row["end"] + later_s} for row in rows]
    return replace(reply, body=reply.body | {"results": moved})


def one_endpoint() -> Reply:
    """An endpoint whose workers can be asked for."""
    row = {"id": 123, "endpoint_name": "e", "max_workers": 1, "cold_workers": 0, "min_load": 0}
    return Reply("one endpoint", 200, {"success": True, "results": [row]}, ("endpoints",))


def seeded(body: Any, found: list[str]) -> Any:  # noqa: ANN401  JSON of any shape
    """The same reply with a canary in every field that holds a secret; `found` gets their names."""
    if isinstance(body, list):
        return [seeded(item, found) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        key: _canary(key, value, found) if key in SECRETS and value else seeded(value, found)
        for key, value in body.items()
    }


def _canary(key: str, value: Any, found: list[str]) -> Any:  # noqa: ANN401  JSON of any shape
    found.append(key)
    if key == "extra_env" and isinstance(value, list):
        return [[name, f"{CANARY}-{name}"] for name, _ in value]
    if key == "image_args" and isinstance(value, list):
        return [f"{CANARY}-{key}"]
    return f"{value}{CANARY}-{key}"


def assert_shown(shows: Any, outcomes: list[Outcome], route: str) -> None:  # noqa: ANN401  JSON
    """The first reader shows the expected; where nothing can be shown, every reader says so."""
    if isinstance(shows, dict) and "says" in shows:
        said = shows["says"] if isinstance(shows["says"], list) else [shows["says"]]
        for outcome in outcomes:
            told = any(words in outcome.text for words in said)
            assert told or _abstains(outcome), (outcome, shows)
        assert all(any(words in outcome.text for outcome in outcomes) for words in said)
    elif route == "offers":
        bids = [{key: row[key] for key in ("offer_id", BID) if key in row} for row in shows]
        assert_answered([{k: row[k] for k in row if k != BID} for row in shows], outcomes[0])
        assert_answered(bids, outcomes[1])
    else:
        assert_answered(shows, outcomes[0])


def assert_answered(shows: Any, outcome: Outcome) -> None:  # noqa: ANN401  JSON
    """As many rows as expected, each found by the field that its expectation names first."""
    assert not outcome.refusal, outcome
    answer = json.loads(outcome.answer) if isinstance(outcome.answer, str) else outcome.answer
    if not isinstance(shows, list):
        assert_fits(shows, _widened(answer))
        return
    rows = _rows(answer)
    assert len(rows) == len(shows), rows
    for wanted in shows:
        key, value = next(iter(wanted.items()))
        assert_fits(wanted, next(row for row in rows if row[key] == value))


def _abstains(outcome: Outcome) -> bool:
    """It says that something is missing or not to be trusted, in other words than the first."""
    words = ("could not", "not listed", "does not exist")
    return outcome.answer is None or any(word in outcome.text for word in words)


def _rows(answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401  JSON
    if isinstance(answer, list):
        return answer
    return next(value for value in answer.values() if isinstance(value, list))


def _widened(answer: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """An answer of rows as an object, so that a single fact can be looked up."""
    if isinstance(answer, list):
        states = [str(row.get("status", "")).lower() for row in answer]
        return {"workers": ", ".join(f"{states.count(one)} {one}" for one in sorted(set(states)))}
    return dict(answer)


def assert_fits(wanted: Any, got: Any) -> None:  # noqa: ANN401  JSON
    """Every value wanted is there; more may stand beside it."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            assert key in got, (key, got)
            assert_fits(value, got[key])
    elif isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        assert len(wanted) == len(got), (wanted, got)
        for one, other in zip(wanted, got, strict=True):
            assert_fits(one, other)
    elif isinstance(wanted, float):
        assert got == pytest.approx(wanted, abs=1e-4), (wanted, got)
    else:
        assert got == wanted, (wanted, got)


async def _replayed(replies: list[Reply], tmp: Path) -> Iterator[tuple[str, Reply, list[Outcome]]]:
    found = []
    async with open_desk(tmp, QuietVendor()) as desk:
        for route, reply in successes(replies):
            found.append((route, reply, await read_all(desk, route, reply)))
    return iter(found)


def _expected(reply: Reply) -> Any:  # noqa: ANN401  JSON
    return reply.shows if reply.shows is not None else EXPECTED[reply.name]


@needs_recordings
def test_every_recording_is_read_somewhere_or_has_a_reason() -> None:
    """A recording that is added later cannot lie there unread."""
    routed = {reply.name for _, reply in successes(recorded())}
    routed |= {reply.name for reply in recorded() if len(reply.routes) >= len(READS)}
    for reply in recorded():
        writes_only = bool(reply.routes) and set(reply.routes) <= set(WRITES)
        assert reply.name in routed or writes_only or reply.name in UNREAD, reply.name
    assert not set(UNREAD) - {reply.name for reply in recorded()}


UNREAD = {
    "docs_DELETE__api_v0_volumes_200_schema": "no act of ours deletes a volume",
    "docs_PUT__api_v0_volumes_200_schema": "no act of ours rents a volume",
    "docs_POST__api_v0_endptjobs_200_schema": "the answer of an act, replayed with the acts",
    "docs_POST__api_v0_workergroups_200_schema": "the answer of an act, replayed with the acts",
    "notify_inbox": "replayed where the account's own notices are read",
    "notify_types": "kinds of notices are not read",
    "notify_webhooks_empty": "webhooks are not read",
    "scheduled_delete": "a request, not a reply; the vendor's schedule is not used",
}


@needs_recordings
def test_the_corpus_has_the_shape_of_the_recordings() -> None:
    """Our whole rows have exactly the fields that recorded ones have."""
    by_name = {reply.name: reply.body for reply in recorded()}
    offer = by_name["offers_lookup_ask_contract_id"]["offers"][0]
    instance = by_name["instance_state_11_run22"]["instances"]
    assert ROWS["offer"].keys() == offer.keys()
    assert ROWS["instance"].keys() == instance.keys()


@pytest.mark.parametrize("source", ["corpus", pytest.param("recorded", marks=needs_recordings)])
async def test_every_reply_is_shown_as_it_reads(source: str, tmp_path: Path) -> None:
    """What is shown are the reply's own facts, whichever way they are asked for."""
    replies = recorded() if source == "recorded" else corpus()
    done = 0
    for route, reply, outcomes in await _replayed(replies, tmp_path):
        expected = _expected(reply)
        if isinstance(expected, dict) and "no_reader" in expected:
            continue
        assert_shown(expected, outcomes, route)
        done += len(outcomes)
    report(f"{source}: {done} readings of {len({r.name for _, r in successes(replies)})} replies")
    assert done > 40


@pytest.mark.parametrize("source", ["corpus", pytest.param("recorded", marks=needs_recordings)])
async def test_no_row_of_a_reply_is_left_out_in_silence(source: str, tmp_path: Path) -> None:
    """As many rows come out as went in, or the answer says why not."""
    replies = recorded() if source == "recorded" else corpus()
    for route, reply, outcomes in await _replayed(replies, tmp_path):
        if route not in ROW_IDS or outcomes[0].refusal:
            continue
        name, key = ROW_IDS[route]
        answer = outcomes[0].answer
        answer = json.loads(answer) if isinstance(answer, str) else answer
        shown = [row for row in _rows(answer) if key in row]
        hidden = answer.get("hidden_by_policy", {}) if isinstance(answer, dict) else {}
        told = re.findall(r"(\d+) rows left out", str(answer))
        out = len(shown) + sum(one["offers"] for one in hidden.values()) + sum(map(int, told))
        assert out == len(reply.body[name]), (reply.name, answer)


@pytest.mark.parametrize("source", ["corpus", pytest.param("recorded", marks=needs_recordings)])
async def test_no_refusal_crashes_a_reader_or_passes_for_nothing(
    source: str, tmp_path: Path
) -> None:
    """An answer that is no list is never shown as an empty one, and never as our fault."""
    replies = refusals(recorded() if source == "recorded" else corpus())
    assert len(replies) >= 10
    async with open_desk(tmp_path, QuietVendor()) as desk:
        for reply in replies:
            for route in READERS:
                for outcome in await read_all(desk, route, reply):
                    assert outcome.refusal or _owns_up(reply, outcome), (reply.name, outcome)
                    assert "Error executing" not in outcome.text, (reply.name, outcome)
                    assert "Traceback" not in outcome.text, (reply.name, outcome)


def _owns_up(reply: Reply, outcome: Outcome) -> bool:
    """Answers that hold other things as well name what is missing; absence needs its own code."""
    if "no_such_instance" in str(reply.body) and (
        outcome.answer is None or "does not exist" in outcome.text
    ):
        return True
    words = ("could not", "not listed", "not counted")
    return any(word in outcome.text for word in words)


@pytest.mark.parametrize("source", ["corpus", pytest.param("recorded", marks=needs_recordings)])
async def test_no_secret_of_a_reply_gets_out(
    source: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A canary in each secret field is in no answer, no log line and none of our files."""
    injected: list[str] = []
    async with open_desk(tmp_path, QuietVendor()) as desk:
        for route, reply in successes(recorded() if source == "recorded" else corpus()):
            body = seeded(copy.deepcopy(reply.body), injected)
            told = Reply(reply.name, reply.status, body, reply.routes, reply.headers)
            for outcome in await read_all(desk, route, told):
                assert CANARY not in outcome.text, (reply.name, outcome)
    assert CANARY not in caplog.text
    assert not written(tmp_path)
    assert {"api_key", "jupyter_token", "onstart", "docker_login_pass", "extra_env"} <= {*injected}


def written(place: Path) -> list[Path]:
    """The files under a place that hold a canary."""
    files = [path for path in place.rglob("*") if path.is_file()]
    return [path for path in files if CANARY.encode() in path.read_bytes()]
