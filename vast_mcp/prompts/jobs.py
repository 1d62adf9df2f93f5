"""Prompts that end in one job: a script that runs to its end, a fine-tuning."""

import math
from collections.abc import Mapping

from vast_mcp.market.search import Search
from vast_mcp.operations import Json
from vast_mcp.prompts import _facts
from vast_mcp.prompts._prompt import PromptField, PromptSpec, Told
from vast_mcp.prompts._words import call, listed, number, steps
from vast_mcp.session import Session

_FOLLOW = (
    f"{call('show_jobs', 'job_id', wait_seconds=45)} up to three times; then tell me phase, cost"
    " so far and minutes left, and end the turn: it continues by itself."
)
_AT_THE_END = (
    "Once it is over, tell me where each output is, what it cost, and whether the machine is"
    " gone; a stopped one's disk is still billed."
)
_ONE_QUESTION = "It asks me one question, with price, time and files; a no is final."
_UNSENDABLE = "If `uploads` names something that cannot be sent, tell me and wait."
_HUB = "hf:"
_TRAIN = "pip install -q transformers peft datasets accelerate && python3 train.py"
_IMAGE_GB = 20.0
_RANKED_FOR_HOURS = 2.0


async def _run_script(session: Session, given: Mapping[str, str]) -> Told:
    upload, outputs = listed(given["upload"]), listed(given["outputs"])
    hours = float(given["max_hours"] or _RANKED_FOR_HOURS)
    gpu = given["gpu_name"]
    seen = await _facts.offers(
        session, Search(gpu_names=(gpu,), num_gpus=1, hours=hours, limit=_facts.OFFERS)
    )
    money = await _facts.money(session)
    facts: dict[str, Json] = {"money": money, "offers": seen.fact}
    if running := await _facts.jobs(session):
        facts["jobs"] = running
    if upload:
        facts["uploads"] = await _facts.to_upload(session, upload)
    else:
        facts["local_files"] = await _facts.local_files(session)
    run = call(
        "run_job",
        command=given["command"],
        upload=[*upload],
        outputs=[*outputs],
        gpu_names=[gpu],
        max_cost_usd=number(given["budget_usd"]),
        max_hours=number(given["max_hours"]) if given["max_hours"] else None,
        on_end="destroy" if outputs else "stop",
    )
    task = steps(
        f"Run my command on a rented {gpu}, bring its results back and end the machine, for at"
        f" most ${given['budget_usd']} in total.",
        _facts.hurdle(money, seen),
        "If a job in the facts already does this, follow that one instead." if running else "",
        _UNSENDABLE if upload else "",
        _missing(upload, outputs),
        f"Make this one call: {run}. {_ONE_QUESTION}",
        _FOLLOW,
        _AT_THE_END,
    )
    return Told("vast://jobs", facts, task)


def _missing(upload: list[str], outputs: list[str]) -> str:
    """One question for what was not said."""
    if upload and outputs:
        return ""
    files = "which local files it needs (`upload`; short texts can go in `files`)"
    paths = "which paths to bring back (`outputs`, then with `on_end` 'destroy')"
    lacks = [*([] if upload else [files]), *([] if outputs else [paths])]
    return f"Unless it is clear, ask me once: {'; '.join(lacks)}."


async def _fine_tune(session: Session, given: Mapping[str, str]) -> Told:
    weights, dataset = float(given["weights_gb"]), given["dataset"]
    local = not dataset.startswith(_HUB)
    sent: list[Json] = await _facts.to_upload(session, [dataset]) if local else []
    disk, hours = _disk(weights, sent), number(given["max_hours"])
    search = Search(
        gpu_names=(given["gpu_name"],) if given["gpu_name"] else (),
        num_gpus=1,
        min_gpu_ram_gb=float(given["min_gpu_ram_gb"]),
        disk_gb=float(disk["disk_gb"]),
        hours=float(hours),
        download_gb=_IMAGE_GB + weights,
        query="" if given["gpu_name"] else _facts.MODERN,
        limit=_facts.OFFERS,
    )
    seen = await _facts.offers(session, search)
    money = await _facts.money(session)
    facts: dict[str, Json] = {"money": money, "offers": seen.fact, "disk": {**disk}}
    if local:
        facts["uploads"] = sent
    run = call(
        "run_job",
        *seen.unknown,
        command=_TRAIN,
        upload=[dataset] if local else [],
        outputs=["out"],
        offer_id=seen.offer_id,
        disk_gb=disk["disk_gb"],
        max_cost_usd=number(given["budget_usd"]),
        max_hours=hours,
        on_end="destroy",
        restart_on_resume=True,
    )
    return Told(
        "vast://jobs", facts, _training(given, _facts.hurdle(money, seen), run, local=local)
    )


def _training(given: Mapping[str, str], hurdle: str, run: str, *, local: bool) -> str:
    data = given["dataset"].removeprefix(_HUB)
    where = "from the directory it runs in" if local else "from the hub"
    return steps(
        f"Fine-tune {given['base_model']} on {data}, for at most ${given['budget_usd']} and"
        f" {given['max_hours']} h, and bring the result back.",
        hurdle,
        _UNSENDABLE if local else "",
        f"Write train.py, LoRA unless I said otherwise: it reads the data {where}, writes a"
        " checkpoint to out every few minutes, keeps the last two, resumes from the newest one"
        " there, and prints the loss. Tell me its settings in three lines.",
        f"Pass its text in `files` of this one call: {run}. {_ONE_QUESTION} A gated model needs"
        " HF_TOKEN in `secrets`, which I set once with `vast-mcp secrets set HF_TOKEN`; never ask"
        " for its value.",
        _FOLLOW,
        _AT_THE_END,
    )


def _disk(weights_gb: float, sent: list[Json]) -> dict[str, float]:
    """A disk cannot grow: the sum, so that it can be argued with."""
    size = (
        sum(int(str(upload.get("bytes", 0))) for upload in sent if isinstance(upload, dict)) / 1e9
    )
    parts = {
        "image_gb": _IMAGE_GB,
        "weights_gb": weights_gb,
        "checkpoints_gb": 2 * weights_gb,
        "data_gb": round(2 * size, 1),
    }
    return {**parts, "disk_gb": max(50, math.ceil(sum(parts.values())))}


_BUDGET = "maximum total cost, $"
PROMPTS = (
    PromptSpec(
        "run_script",
        "Run a script",
        "Run a command on a cheap GPU, bring the results back, end the machine.",
        _run_script,
        (
            PromptField(
                "command", "what to run, such as python train.py", longest=8000, verbatim=True
            ),
            PromptField("upload", "local files it needs, comma-separated", default=""),
            PromptField("outputs", "what to bring back, comma-separated", default=""),
            PromptField("gpu_name", "which GPU", default="RTX 4090"),
            PromptField("budget_usd", _BUDGET, default="5", above=0, most=1_000_000),
            PromptField("max_hours", "maximum duration", default="", above=0, most=8760),
        ),
    ),
    PromptSpec(
        "fine_tune",
        "Fine-tune a model",
        "Train a model on your data in one job, on a disk that is large enough.",
        _fine_tune,
        (
            PromptField("base_model", "such as Qwen/Qwen3-8B"),
            PromptField("dataset", "a local file or directory, or hf:NAME on the hub"),
            PromptField("weights_gb", "size of its weights", default="16", above=0, most=2000),
            PromptField("min_gpu_ram_gb", "GPU memory it needs", default="24", above=0, most=1000),
            PromptField("gpu_name", "such as RTX 4090; empty: any", default=""),
            PromptField("budget_usd", _BUDGET, default="10", above=0, most=1_000_000),
            PromptField("max_hours", "maximum duration", default="8", above=0, most=8760),
        ),
    ),
)
