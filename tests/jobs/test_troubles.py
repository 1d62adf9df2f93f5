"""What goes wrong with a command, its outputs, its host and its money, and where each job ends.

See docs/design.md#tools.
"""

from pathlib import Path

import pytest

from tests.jobs.jobs_world import GIVEN, JobsWorld, brought
from tests.jobs.leaping_world import LeapingWorld
from tests.world import Json, ToolFailed
from vast_mcp.jobs.log import LOG_KEPT
from vast_mcp.simulator.simulator import Recorded


def rents(world: JobsWorld) -> list[Recorded]:
    """Every rent that was sent."""
    return [one for one in world.simulator.mutations() if "/asks/" in one.path]


def kept(tmp_path: Path, text: str) -> list[Path]:
    """The files of the server that hold this, and those of jobs that others could read."""
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    open_ = [one for one in files if one.suffix == ".log" and one.stat().st_mode & 0o077]
    return [*open_, *(one for one in files if text.encode() in one.read_bytes())]


def content(path: str) -> bytes:
    """A file of this computer."""
    return Path(path).read_bytes()


def states(world: JobsWorld) -> list[str]:
    """What the machines that are left are meant to do."""
    world.simulator.catch_up()
    return [one.intended_status() for one in world.simulator.world.instances.values()]


async def test_a_command_that_fails_is_told_and_its_outputs_come_home(tmp_path: Path) -> None:
    """Exit status 3: what was written is fetched all the same, and the machine goes as agreed."""
    command = "mkdir -p out; echo half > out/model.pt; echo oh no; exit 3"
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        shown = await world.over(client, await world.started(client, command=command))
    job = shown["jobs"][0]
    assert (job["phase"], job["exit_code"]) == ("failed", 3)
    assert "oh no" in shown["untrusted_output"]
    assert brought(job, "model.pt") == b"half\n"
    assert world.alive == set()


async def test_a_missing_output_keeps_the_disk_and_says_so(tmp_path: Path) -> None:
    """Destroyed only when all that was named is home: else stopped, whatever was agreed."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, outputs=["out", "nowhere.pt"])
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "failed"
        assert "not every named output" in job["said"]
        assert "untrusted_trouble" in job["outputs"][1]
        assert "untrusted_trouble" not in job["outputs"][0]
        assert "disk still costs" in job["machine"]
        assert world.alive == {job["instance_id"]}
        assert states(world) == ["stopped"]


async def test_stop_is_the_end_where_stop_was_agreed(tmp_path: Path) -> None:
    """Success and everything home: the disk stays all the same."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, on_end="stop")
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "done"
        assert len(world.alive) == 1
        assert len(world.questions) == 1


async def test_a_declined_job_leaves_no_trace(tmp_path: Path) -> None:
    """No is no: nothing rented, no job."""
    async with LeapingWorld(tmp_path).open() as world, world.served("decline") as client:
        answer = await world.call(client, "run_job", **GIVEN)
        assert answer["status"] == "declined"
        assert await world.call(client, "show_jobs") == {"jobs": []}
        assert world.simulator.mutations() == []


async def test_a_client_that_cannot_ask_gets_a_plan(tmp_path: Path) -> None:
    """Always asks: without a question there is no job, however cheap."""
    async with LeapingWorld(tmp_path).open() as world, world.served(None) as client:
        answer = await world.call(client, "run_job", **GIVEN)
        assert answer["status"] == "needs_confirmation"
        assert answer["plan_id"].startswith("job-5.00usd-")
        done = await world.call(client, "confirm_plan", plan_id=answer["plan_id"])
        shown = await world.over(client, done["job_id"])
        assert shown["jobs"][0]["phase"] == "done"


async def test_the_policys_caps_hold_before_anybody_is_asked(tmp_path: Path) -> None:
    """A yes cannot be had for what the policy never allows."""
    world = LeapingWorld(tmp_path, policy="[limits]\nmax_usd_per_rental = 2.0\n")
    async with world.open(), world.served() as client:
        with pytest.raises(ToolFailed, match="max_usd_per_rental"):
            await world.call(client, "run_job", **GIVEN)
        assert world.questions == []


async def test_money_for_less_than_a_quarter_of_an_hour_is_refused(tmp_path: Path) -> None:
    """Nothing useful fits; said before anybody is asked."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        with pytest.raises(ToolFailed, match="max_cost_usd"):
            await world.call(client, "run_job", **{**GIVEN, "max_cost_usd": 0.02})
        assert world.questions == []


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"outputs": ["."]}, "outputs"),
        ({"outputs": ["a/x", "b/x"]}, "same name"),
        ({"files": {"../x": "1"}}, r"\.\."),
        ({"files": {"/etc/x": "1"}}, "relative"),
        ({"upload": ["../../etc/passwd"]}, r"\.\."),
        ({"upload": ["/etc/passwd"]}, "outside"),
        ({"upload": [".env"]}, "The folder 'vast-mcp' for files does not exist yet"),
        ({"gpu_names": [], "offer_id": None}, "gpu_names"),
        ({"command": "   "}, "command"),
    ],
)
async def test_what_cannot_be_is_refused_unasked(tmp_path: Path, changes: Json, match: str) -> None:
    """Paths and arguments, before a person is troubled with them."""
    world = LeapingWorld(tmp_path)
    async with world.served() as client:
        with pytest.raises(ToolFailed, match=match):
            await world.call(client, "run_job", **{**GIVEN, **changes})
        assert world.questions == []
        assert world.simulator.mutations() == []


async def test_a_stopped_job_brings_back_what_there_is(tmp_path: Path) -> None:
    """SIGTERM to the command, its outputs so far home, the machine gone as agreed."""
    command = "mkdir -p out; echo first > out/model.pt; echo begun; sleep 40000"
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, command=command)
        await world.until(client, job_id, "running")
        while "begun" not in (await world.call(client, "show_jobs", job_id=job_id)).get(
            "untrusted_output", ""
        ):
            await world.vendor.sleep(30)
        answer = await world.call(client, "stop_job", job_id=job_id)
        assert answer["status"] == "stopping"
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "stopped"
        assert brought(job, "model.pt") == b"first\n"
        assert world.alive == set()
        assert len(world.questions) == 1


async def test_two_jobs_are_listed_for_a_new_chat(tmp_path: Path) -> None:
    """Another client of the same person finds them; another principal would not."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        first = await world.started(client)
        # The offer of the second question is then not the one that the first takes meanwhile.
        rented = ("waiting", "uploading", "running", "downloading", "ending", "done")
        await world.until(client, first, *rented)
        second = await world.started(client, command="python3 train.py; true")
        async with world.served() as other:
            listed = (await world.call(other, "show_jobs"))["jobs"]
            assert {one["job_id"] for one in listed} == {first, second}
            for job_id in (first, second):
                assert (await world.over(other, job_id))["jobs"][0]["phase"] == "done"
        assert world.alive == set()
        assert len(rents(world)) == 2


async def test_environment_values_are_nowhere_but_on_the_machine(tmp_path: Path) -> None:
    """Sealed in the ledger, masked in answers, removed from the machine's disk by the command."""
    canary = "canary-9c1e7b52"
    command = 'mkdir -p out; echo "got $SECRET_THING"; echo x > out/x'
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, command=command, env={"SECRET_THING": canary})
        shown = await world.over(client, job_id)
        assert shown["jobs"][0]["phase"] == "done"
        assert "got [secret]" in shown["untrusted_output"]
        assert canary not in str(shown)
    assert kept(tmp_path, canary) == []
    assert all(canary not in question for question in world.questions)


async def test_a_destroy_question_knows_the_job(tmp_path: Path) -> None:
    """A job at work, and outputs that never came home, are named before a disk is deleted."""
    async with LeapingWorld(tmp_path, offered="all").open() as world, world.served() as client:
        job_id = await world.started(client, outputs=["nowhere.pt"])
        job = (await world.over(client, job_id))["jobs"][0]
        await world.call(client, "destroy_instance", instance_id=job["instance_id"])
        assert f"Job {job_id}: not all of its 1 outputs were brought back" in world.questions[-1]
        assert world.alive == set()
        listed = await client.read_resource("vast://jobs")
        assert job_id in listed.model_dump_json()


async def test_a_secret_goes_by_name_and_shows_nowhere(tmp_path: Path) -> None:
    """Allowed by the policy, read from the server's environment, named in the question."""
    canary = "hf_canary_77aa11bb"
    world = LeapingWorld(
        tmp_path, policy='[secrets]\nallow = ["HF_TOKEN"]\n', environment={"HF_TOKEN": canary}
    )
    command = 'mkdir -p out; echo "$HF_TOKEN" | wc -c; echo "$HF_TOKEN"; echo x > out/x'
    async with world.open(), world.served() as client:
        with pytest.raises(ToolFailed, match="OTHER was not set"):
            await world.call(client, "run_job", **{**GIVEN, "secrets": ["OTHER"]})
        job_id = await world.started(client, command=command, secrets=["HF_TOKEN"])
        shown = await world.over(client, job_id)
        assert shown["jobs"][0]["phase"] == "done", shown
        assert f"{len(canary) + 1}\n[secret]" in shown["untrusted_output"]
        assert "gets HF_TOKEN" in world.questions[0]
        assert max(len(one) for one in world.questions) <= 350
        async with world.served() as another:  # it was never told the value
            shown = await world.call(another, "show_jobs", job_id=job_id)
            assert f"{len(canary) + 1}\n[secret]" in shown["untrusted_output"]
    assert kept(tmp_path, canary) == []


async def test_the_question_names_all_of_it_at_its_longest(tmp_path: Path) -> None:
    """Command, ceiling, time, total, uploads, outputs, the end: none of it is cut away."""
    given = {
        **GIVEN,
        "command": "python3 train.py --a-very-long-option " + "x" * 300,
        "files": {f"file-{number}.py": "x" * 60_000 for number in range(50)},
        "outputs": [f"a/rather/long/directory/name/{number}" for number in range(20)],
        "secrets": [f"A_SECRET_{number}=generate" for number in range(9)],
        "max_cost_usd": 12.34,
    }
    world = LeapingWorld(tmp_path)
    async with world.served("decline") as client:
        await world.call(client, "run_job", **given)
    question = world.questions[0]
    assert len(question) <= 350
    for part in ("train.py", "/h", "$12.34", "uploads 50 files (3 MB)", "gets A_SECRET_0",
                 "and 18 more", "destroyed once back, else stopped",
                 "replaced at most 2x. ["):  # fmt: skip
        assert part in question, (part, question)


async def test_a_long_output_comes_home_whole_and_without_its_secret(tmp_path: Path) -> None:
    """Beyond a megabyte it lies beside the outputs; there too the value was written over."""
    canary = "hf_canary_5c5c5c5c"
    world = LeapingWorld(
        tmp_path, policy='[secrets]\nallow = ["HF_TOKEN"]\n', environment={"HF_TOKEN": canary}
    )
    talk = 'import os\nfor _ in range(300): print("x" * 4000)\nprint(os.environ["HF_TOKEN"])\n'
    async with world.open(), world.served() as client:
        job_id = await world.started(
            client,
            command="mkdir -p out; echo x > out/x; python3 talk.py",
            files={"talk.py": talk},
            secrets=["HF_TOKEN"],
        )
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "done", job
        whole = content(job["whole_log"])
        assert len(whole) == 300 * 4001 + len(canary) + 1
        assert whole.endswith(b"x\n[secret]**********\n")
        assert brought(job, "x") == b"x\n"
    assert kept(tmp_path, canary) == []


async def test_output_in_pieces_is_the_same_as_in_one(tmp_path: Path) -> None:
    """No character is lost or doubled where a cursor falls into it, nor where output has just come.

    Invalid bytes are shown as such; a character that is not whole yet waits for its rest.
    """
    whole = "…ä€😀".encode() * 2_000 + b"\xff\xf0\x9f" + "ende€".encode()
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client)
        await world.over(client, job_id)
        log = world.running[0].session.jobs.log_of(job_id)
        seen, cursor = "", 0
        for there in (5, 4_003, 4_005, 20_000, len(whole) - 1, len(whole)):
            log.write_bytes(whole[:there])
            while True:
                shown = await world.call(client, "show_jobs", job_id=job_id, cursor=cursor)
                seen += shown.get("untrusted_output", "")
                if shown["cursor"] == cursor:
                    break
                cursor = shown["cursor"]
        assert seen == whole.decode("utf-8", "replace")
        assert cursor == len(whole)
        last = await world.call(client, "show_jobs", job_id=job_id)
        assert seen.endswith(last["untrusted_output"])


async def test_a_secret_at_the_end_of_what_is_kept_is_not_half_shown(tmp_path: Path) -> None:
    """A megabyte is kept, and the value lies across its end: no part of it is."""
    canary = "hf_canary_5c5c5c5c"
    world = LeapingWorld(
        tmp_path, policy='[secrets]\nallow = ["HF_TOKEN"]\n', environment={"HF_TOKEN": canary}
    )
    talk = f'import os\nprint("x" * {LOG_KEPT - 10} + os.environ["HF_TOKEN"])\n'
    async with world.open(), world.served() as client:
        job_id = await world.started(
            client,
            command="python3 talk.py",
            files={"talk.py": talk},
            secrets=["HF_TOKEN"],
            outputs=[],
        )
        shown = await world.over(client, job_id)
        assert shown["jobs"][0]["phase"] == "done", shown
        assert canary[:6] not in shown["untrusted_output"]
    assert kept(tmp_path, canary[:6]) == []


async def test_outputs_in_the_home_directory_come_home(tmp_path: Path) -> None:
    """`~` is the machine's, as in copy_files: a command that writes there is no failed one."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(
            client, command="mkdir -p /root/o; echo x > /root/o/x", outputs=["~/o"]
        )
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "done", job
        assert brought(job, "x") == b"x\n"
        assert world.alive == set()


async def test_the_whole_log_takes_no_output_s_place(tmp_path: Path) -> None:
    """Both come home, whatever the output is called: its machine is then destroyed."""
    talk = f'print("y" * {LOG_KEPT + 10})\n'
    command = "mkdir -p whole-log; echo mine > whole-log/out; python3 talk.py"
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(
            client, command=command, files={"talk.py": talk}, outputs=["whole-log"]
        )
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "done", job
        assert brought(job, "out") == b"mine\n"
        assert len(content(job["whole_log"])) == LOG_KEPT + 11


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"max_hours": 5000}, r"max_hours: a lease may last 168 h at most. Pass 168 or less"),
        ({"max_cost_usd": 0.01}, r"max_cost_usd: .* less than 15 minutes. Ask the user"),
        (
            {"upload": ["train.py"]},
            r"folder 'vast-mcp' for files does not exist yet.*create ~/vast-mcp .*--files DIR",
        ),
    ],
)
async def test_a_job_that_cannot_be_names_what_to_change(
    tmp_path: Path, wish: Json, told: str
) -> None:
    """The field, the bound and the next step; nobody is asked, nothing is rented."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        with pytest.raises(ToolFailed, match=told):
            await world.call(client, "run_job", **{**GIVEN, **wish})
        assert world.questions == []
        assert world.simulator.mutations() == []
