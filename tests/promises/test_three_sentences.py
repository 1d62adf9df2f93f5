"""What a person says in one sentence, counted: calls of the assistant, questions to the person.

Nothing is prepared but the files and the page that the machine serves. Each answer's `next` leads
to the following call, so that what is counted is what an assistant that reads them would do.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from mcp import Client

from tests.jobs.jobs_world import TRAIN, JobsWorld, brought
from tests.tools.ssh_world import ssh_world
from tests.world import Json, World, report

MODEL = "Qwen/Qwen3-8B"


@dataclass
class Chat:
    """An assistant at work: what it calls is counted."""

    world: World
    client: Client
    made: Counter[str] = field(default_factory=Counter)

    async def call(self, tool: str, /, **arguments: object) -> Json:
        """One call, as a model makes it."""
        self.made[tool] += 1
        return await self.world.call(self.client, tool, **arguments)

    async def wait(self, instance_id: int, **arguments: object) -> Json:
        """As often as the answer says that waiting on makes sense."""
        while True:
            told = await self.call("wait_for_instance", instance_id=instance_id, **arguments)
            if told["reached"] or told["verdict"] == "dead":
                return told

    def report(self, sentence: str) -> None:
        """The figures."""
        calls = ", ".join(f"{tool} {count}" for tool, count in self.made.items())
        report(
            f"{sentence!r}: {self.made.total()} calls ({calls}),"
            f" {len(self.world.questions)} questions"
        )


async def test_run_my_script_on_a_cheap_4090_is_two_calls_and_one_question(tmp_path: Path) -> None:
    """Find me a cheap 4090, run train.py, bring the checkpoint back, shut it down, under $5."""
    async with JobsWorld(tmp_path).open() as world, world.served() as client:
        world.home.mkdir(exist_ok=True)
        (world.home / "train.py").write_text(TRAIN)
        chat = Chat(world, client)
        begun = await chat.call(
            "run_job", command="python3 train.py", upload=["train.py"], outputs=["out"],
            gpu_names=["4090"], max_cost_usd=5, on_end="destroy",
        )  # fmt: skip
        assert begun["status"] == "started", begun
        assert "show_jobs(" in begun["next"]
        shown = await chat.call("show_jobs", job_id=begun["job_id"], wait_seconds=45)
        chat.report("run train.py on a cheap 4090 under $5")
        (job,) = shown["jobs"]
        assert job["phase"] == "done", shown
        weights = brought(job, "model.pt")
        assert job["outputs"][0]["sha256"] == hashlib.sha256(weights).hexdigest()
        assert 0 < job["cost_so_far_usd"] < 5
        assert world.alive == set()
    assert chat.made == {"run_job": 1, "show_jobs": 1}
    (question,) = world.questions
    assert all(word in question for word in ("train.py", "4090", "at most $5.00", "out"))


async def test_serve_this_model_is_a_handful_of_calls_and_one_question(tmp_path: Path) -> None:
    """Serve this model: rented with a fresh key, reached over a forward, deleted at the end."""
    async with ssh_world(tmp_path) as lab, page() as (port, asked_for):
        chat = Chat(lab.world, lab.client)
        found = await chat.call("search_offers", min_gpu_ram_gb=20, num_gpus=1, limit=3)
        rented = await chat.call(
            "create_instance", offer_id=found["offers"][0]["offer_id"],
            image="vllm/vllm-openai:latest", secrets=["VLLM_API_KEY=generate"], on_end="destroy",
            onstart=f"nohup vllm serve {MODEL} --host 127.0.0.1 --port 8000 > /root/log 2>&1 &",
        )  # fmt: skip
        machine = rented["instance_id"]
        lab.world.simulator.map_port(machine, 8000, port)
        ready = await chat.wait(machine, until="http", port=8000)
        assert f"forward_port({machine}, 8000)" in ready["next"]
        forwarded = await chat.call("forward_port", instance_id=machine, port=8000)
        async with httpx2.AsyncClient(trust_env=False) as own_program:
            answer = (await own_program.get(forwarded["url"] + "/v1/models")).text
        ended = await chat.call("destroy_instance", instance_id=machine)
        chat.report("serve this model")
        kept = next(iter((tmp_path / "state" / "secrets").iterdir())).read_text()
    assert answer == MODEL
    assert asked_for == ["/v1/models"]
    assert ended["status"] == "destroyed"
    assert "VLLM_API_KEY" not in kept  # sealed; a person sees it with the command that is named
    assert "vast-mcp secrets show" in " ".join(rented["warnings"])
    assert chat.made.pop("wait_for_instance") in {2, 3}  # 3 where this computer is slow
    assert chat.made == dict.fromkeys(
        ("search_offers", "create_instance", "forward_port", "destroy_instance"), 1
    )
    (question,) = lab.world.questions
    assert question.startswith(f"Destroy {machine}")


async def test_a_dev_box_is_a_handful_of_calls_and_one_question(tmp_path: Path) -> None:
    """A dev box: found, rented, entered, worked on; stopped when it is done."""
    async with ssh_world(tmp_path) as lab:
        chat = Chat(lab.world, lab.client)
        found = await chat.call("search_offers", gpu_names=["4090"], num_gpus=1, limit=3)
        rented = await chat.call(
            "create_instance", offer_id=found["offers"][0]["offer_id"], label="dev-box",
            idle_stop_minutes=30,
        )  # fmt: skip
        machine = rented["instance_id"]
        ready = await chat.wait(machine, until="ssh")
        done = await chat.call("run_command", instance_id=machine, command="echo hello; pwd")
        stopped = await chat.call("stop_instance", instance_id=machine)
        chat.report("a dev box")
    assert ready["ssh"].startswith("ssh ")
    assert done["untrusted_output"] == "hello\n/root\n"
    assert stopped["status"] == "stopped", stopped
    assert chat.made.pop("wait_for_instance") in {2, 3}  # 3 where this computer is slow
    assert chat.made == dict.fromkeys(
        ("search_offers", "create_instance", "run_command", "stop_instance"), 1
    )
    (question,) = lab.world.questions
    assert question.startswith(f"Stop {machine}")


@asynccontextmanager
async def page() -> AsyncIterator[tuple[int, list[str]]]:
    """What the machine serves: a port of loopback that answers with the model's name."""
    asked_for: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asking = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        if asking != "/":  # that one is the wait's
            asked_for.append(asking)
        writer.write(f"HTTP/1.0 200 OK\r\nContent-Length: {len(MODEL)}\r\n\r\n{MODEL}".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], asked_for
