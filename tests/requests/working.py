"""Work on machines: scripts, files, and what is done with a machine afterwards."""

from pathlib import Path

from tests.requests.catalogue import request
from tests.requests.conversation import Conversation

TRAIN = "import pathlib\npathlib.Path('result.txt').write_text('42')\nprint('trained')\n"
FAILING = "import sys\nprint('no data')\nsys.exit(3)\n"


def at_home(*parts: str) -> Path:
    """A file of the person's, below ~/vast-mcp."""
    return Path.home().joinpath("vast-mcp", *parts)


@request(1, "run this script on a cheap 4090, under $5, bring the result back", place="jobs")
async def run_this_script(talk: Conversation) -> None:
    """One call, one question; the result is home, and nothing is paid for any more."""
    begun = await talk.call(
        "run_job", command="python3 train.py", files={"train.py": TRAIN}, outputs=["result.txt"],
        gpu_names=["RTX 4090"], max_cost_usd=5, on_end="destroy",
    )  # fmt: skip
    shown = await talk.call("show_jobs", job_id=begun["job_id"], wait_seconds=45)
    (job,) = shown["jobs"]
    assert job["phase"] == "done", shown
    assert (at_home(f"job-{begun['job_id']}", "result.txt")).read_text() == "42"
    assert not talk.books.alive()
    spent = talk.world.simulator.books.spent_usd
    talk.tells("it cost no more than is told", spent <= job["cost_so_far_usd"] < 5)


@request(9, "keep my data but stop paying", place="machines")
async def keep_the_data(talk: Conversation) -> None:
    """A stop keeps a disk that costs; the data comes home, then nothing costs any more."""
    number = await talk.given_machine()
    await talk.world.call(
        talk.client, "run_command", instance_id=number,
        command="mkdir -p /workspace/data; echo kept > /workspace/data/file",
    )  # fmt: skip
    stopped = await talk.call("stop_instance", instance_id=number)
    talk.names(stopped["said"], "still costs", "/day")
    listed = await talk.refused(
        "copy_files", source=f"C.{number}:/workspace/data", destination="local:saved"
    )
    talk.names(listed, "start_instance")
    await talk.call("start_instance", instance_id=number, lease_hours=1)
    await talk.wait(number, until="ssh")
    await talk.call("copy_files", source=f"C.{number}:/workspace/data", destination="local:saved")
    assert [one.read_text() for one in at_home("saved").rglob("file")] == ["kept\n"]
    ended = await talk.call("destroy_instance", instance_id=number)
    talk.tells(ended["said"], not talk.books.alive())


@request(11, "copy results.tar to my laptop", place="machines")
async def copy_home(talk: Conversation) -> None:
    """It is there, whole, and where it is is told."""
    number = await talk.given_machine()
    await talk.world.call(
        talk.client, "run_command", instance_id=number,
        command="echo results > /workspace/results.tar",
    )  # fmt: skip
    looked = await talk.call("run_command", instance_id=number, command="ls /workspace")
    assert "results.tar" in looked["untrusted_output"]
    copied = await talk.call(
        "copy_files", source=f"C.{number}:/workspace/results.tar", destination="local:results.tar"
    )
    assert copied["status"] == "copied"
    talk.names(str(copied), "vast-mcp/results.tar")
    assert at_home("results.tar").read_text() == "results\n"


@request(12, "move the data to the other instance", place="machines")
async def to_the_other(talk: Conversation) -> None:
    """The directory arrives as it was, and not inside another of its name."""
    first, second = [await talk.given_machine(nth=nth) for nth in range(2)]
    await talk.world.call(
        talk.client, "run_command", instance_id=first,
        command="mkdir -p /workspace/data; echo moved > /workspace/data/file",
    )  # fmt: skip
    await talk.call(
        "copy_files", source=f"C.{first}:/workspace/data", destination=f"C.{second}:/workspace/data"
    )
    seen = await talk.call(
        "run_command", instance_id=second, command="cat /workspace/data/file; ls /workspace/data"
    )
    talk.tells("it is at /workspace/data", seen["untrusted_output"] == "moved\nfile\n")


@request(24, "start the training, I will look later", place="machines")
async def look_later(talk: Conversation) -> None:
    """It goes on by itself; a later chat finds it, and how it ended."""
    number = await talk.given_machine()
    begun = await talk.call(
        "run_command", instance_id=number, command="echo trained > /workspace/model; echo done",
        background=True,
    )  # fmt: skip
    listed = await talk.call("show_jobs")
    assert begun["job_id"] in {job["job_id"] for job in listed["jobs"]}
    shown = await talk.call("show_jobs", job_id=begun["job_id"], wait_seconds=45)
    (job,) = shown["jobs"]
    talk.tells(job["said"], job["exit_code"] == 0)
    assert "done" in shown["untrusted_output"]


@request(27, "(after several steps) shut it down", place="machines")
async def shut_it_down(talk: Conversation) -> None:
    """Which, and stop or destroy: the person says; wrong digits keep the machine."""
    used = await talk.given_machine(label="experiment")
    other = await talk.given_machine(nth=1, label="another")
    await talk.call("run_command", instance_id=used, command="echo step")
    shown = await talk.call("show_instances")
    assert {row["instance_id"] for row in shown["instances"]} == {used, other}
    talk.person.replies = ["0000", "yes"]
    ended = await talk.call("destroy_instance", instance_id=used)
    talk.tells(ended["said"], talk.books.alive() == {other})
    assert len(talk.questions) == 2
    assert all(question.startswith(f"Destroy {used}") for question in talk.questions)


@request(30, "a script that fails, files that are missing", place="jobs")
async def a_failing_script(talk: Conversation) -> None:
    """A missing upload is refused before money; the script's end and what is missing are told."""
    at_home().mkdir(exist_ok=True)
    missing = await talk.refused(
        "run_job", command="python3 fail.py", upload=["fail.py"], gpu_names=["RTX 4090"],
        max_cost_usd=5,
    )  # fmt: skip
    talk.names(missing, "Not started, nothing charged", "fail.py")
    begun = await talk.call(
        "run_job", command="python3 fail.py", files={"fail.py": FAILING}, outputs=["model.pt"],
        gpu_names=["RTX 4090"], max_cost_usd=5, on_end="destroy",
    )  # fmt: skip
    shown = await talk.call("show_jobs", job_id=begun["job_id"], wait_seconds=45)
    (job,) = shown["jobs"]
    assert job["phase"] == "failed", shown
    assert job["exit_code"] == 3
    assert "no data" in shown["untrusted_output"]
    talk.names(str(job), "model.pt")
    talk.tells(job["machine"], talk.books.stage(job["instance_id"]) == "exited")


REQUESTS = (
    run_this_script, keep_the_data, copy_home, to_the_other, look_later, shut_it_down,
    a_failing_script,
)  # fmt: skip
