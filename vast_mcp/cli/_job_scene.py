"""The last part of the demo: one sentence of a person, carried out under one question."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vast_mcp.clock import SystemClock

if TYPE_CHECKING:
    from vast_mcp.cli._conversation import Books, Conversation, Shown
    from vast_mcp.cli._screen import Screen

SENTENCE = "find me a cheap 4090, run train.py, bring the checkpoint back, shut it down, under $5"
MOST_CALLS = 6
_OVER = {"done", "failed", "stopped"}
_TRAIN = '''"""Fit a line by gradient descent; write the weights and their checksum."""
import hashlib, json, pathlib

w, b = 0.0, 0.0
points = [(x / 50, 3 * x / 50 + 1) for x in range(100)]
for step in range(1, 2001):
    gw = sum((w * x + b - y) * x for x, y in points) / len(points)
    gb = sum(w * x + b - y for x, y in points) / len(points)
    w, b = w - 0.1 * gw, b - 0.1 * gb
    if step % 500 == 0:
        print(f"step {step}: w={w:.4f} b={b:.4f}")
out = pathlib.Path("checkpoint")
out.mkdir(exist_ok=True)
weights = json.dumps({"w": w, "b": b}).encode()
(out / "model.json").write_bytes(weights)
print("sha256", hashlib.sha256(weights).hexdigest())
'''


class Check(Protocol):
    """Tells whether a step held."""

    def __call__(self, text: str, *, holds: bool) -> None:
        """Note it."""
        ...


class JobScene:
    """What the model does with that sentence."""

    def __init__(self, screen: "Screen", check: Check) -> None:
        self._screen = screen
        self._check = check
        self._calls = 0

    async def play(self, talk: "Conversation", books: "Books", home: Path) -> None:
        """Carry it out and hold it to what is promised."""
        self._screen.step("One sentence, one question")
        self._screen.say(f'   The user: "{SENTENCE}"', "bold")
        folder = home / "vast-mcp"
        folder.mkdir(exist_ok=True)
        (folder / "train.py").write_text(_TRAIN, encoding="utf-8")
        asked, before = len(talk.questions), await books.read()
        job_id = await self._begin(talk)
        shown = await self._follow(talk, job_id)
        after = await books.read()
        job: dict[str, Any] = (shown.get("jobs") or [{}])[0]
        self._check("the job is done", holds=job.get("phase") == "done")
        self._check("one question was asked", holds=len(talk.questions) - asked == 1)
        self._check(f"it took {self._calls} calls (at most {MOST_CALLS})",
                    holds=self._calls <= MOST_CALLS)  # fmt: skip
        self._check(
            "the checkpoint is back, its checksum matches", holds=_is_home(job, shown, folder)
        )
        gone = not after["instances"] and after["burn_usd_per_hour"] == 0
        self._check("the machine is gone, nothing is billed", holds=gone)
        spent = before["balance_usd"] - after["balance_usd"]
        told = float(job.get("cost_so_far_usd", 0))
        self._screen.say(
            f"   the job reports ${told:.3f}, with traffic as reserved; the vendor's books say"
            f" ${spent:.3f}"
        )
        self._check(
            "the cost was reported, and is under $5", holds=0 < spent < 5 and spent <= told + 0.05
        )

    async def _begin(self, talk: "Conversation") -> str:
        fields = await self._call(
            talk,
            "run_job",
            {
                "command": "python3 train.py",
                "upload": ["train.py"],
                "outputs": ["checkpoint"],
                "gpu_names": ["RTX 4090"],
                "max_cost_usd": 5,
                "on_end": "destroy",
            },
        )
        return str(fields.get("job_id", ""))

    async def _follow(self, talk: "Conversation", job_id: str) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while self._calls < MOST_CALLS:
            fields = await self._call(
                talk, "show_jobs", {"job_id": job_id, "wait_seconds": 20}, shown=_line
            )
            if (fields.get("jobs") or [{}])[0].get("phase") in _OVER:
                break
        await SystemClock().sleep(0.2)
        return fields

    async def _call(
        self, talk: "Conversation", tool: str, given: dict[str, object], shown: "Shown" = ""
    ) -> dict[str, Any]:
        self._calls += 1
        fields, _ = await talk.call(tool, given, shown=shown)
        return fields


def _line(fields: Mapping[str, Any]) -> str:
    job: Mapping[str, Any] = (fields.get("jobs") or [{}])[0]
    cost = float(job.get("cost_so_far_usd", 0))
    kept = [
        f"{output.get('local')} ({output.get('bytes')} B, sha256 {str(output.get('sha256'))[:12]}…)"
        for output in job.get("outputs", ())
    ]
    home = f" Home: {', '.join(kept)}." if kept else ""
    return f"[{job.get('phase')}] {job.get('said', '')} ${cost:.3f} so far.{home}"


def _is_home(job: dict[str, Any], shown: dict[str, Any], folder: Path) -> bool:
    """The checksum that the program printed, that the server told, and that the file here has."""
    saved = folder / f"job-{job.get('job_id')}" / "checkpoint" / "model.json"
    if not saved.is_file():
        return False
    here = hashlib.sha256(saved.read_bytes()).hexdigest()
    printed = str(shown.get("untrusted_output", "")).split()[-1:]
    outputs = job.get("outputs") or [{}]
    return printed == [here] and outputs[0].get("sha256") == here
