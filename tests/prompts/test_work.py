"""The prompts that lead to work: what they find out is true, and what they write can be done.

See docs/design.md#resources-and-prompts.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from tests.prompts.rendered import calls, only, parts
from tests.tools.ssh_world import ssh_world
from tests.world import World


def files(**texts: str) -> Path:
    """The person's files, in the test's own home directory."""
    home = Path.home() / "vast-mcp"
    home.mkdir(exist_ok=True)
    for name, text in texts.items():
        (home / name.replace("__", ".")).write_text(text)
    return home


async def test_a_script_s_call_can_be_made_as_it_stands_and_asks_once(tmp_path: Path) -> None:
    """Facts fetched, then one call that leads to one question."""
    files(train__py="print(1)")
    world = World(tmp_path)
    async with world.connect(answer="decline") as client:
        facts, task = await parts(
            client, "run_script", command="python train.py", upload="train.py", outputs="out, log"
        )
        run = only(task, "run_job")
        answer = await world.call(client, "run_job", **run.arguments)
    assert facts["uploads"] == [{"path": "train.py", "files": 1, "bytes": 8}]
    assert run.arguments["outputs"] == ["out", "log"]
    assert run.arguments["on_end"] == "destroy"
    assert answer["status"] == "declined"
    (question,) = world.questions
    assert "`python train.py` on 1x RTX 4090" in question
    assert "at most $5.00" in question
    assert "brings back out, log" in question


async def test_a_script_keeps_its_lines_and_quotes(tmp_path: Path) -> None:
    """A command that is changed on the way is another command."""
    command = 'set -e\npython  train.py --note "a  (b) `date`"\n\techo done'
    async with World(tmp_path).connect() as client:
        _, task = await parts(client, "run_script", command=command)
    assert only(task, "run_job").arguments["command"] == command


async def test_without_outputs_the_machine_is_not_destroyed(tmp_path: Path) -> None:
    """Nothing would be left of the work; what is missing is asked for in one question."""
    files(train__py="print(1)", id_rsa="k")
    async with World(tmp_path).connect() as client:
        facts, task = await parts(client, "run_script", command="python train.py")
    assert only(task, "run_job").arguments["on_end"] == "stop"
    assert task.count("ask me once") == 1
    assert facts["local_files"][0]["untrusted_names"] == ["train.py"]


async def test_what_cannot_be_uploaded_is_known_before_the_call(tmp_path: Path) -> None:
    """Neither a path outside the open directories, nor a missing one, nor a secret."""
    files(id_rsa="k")
    async with World(tmp_path).connect() as client:
        facts, task = await parts(
            client, "run_script", command="x", upload="/etc/passwd, gone.py, id_rsa"
        )
    assert task.index("cannot be sent, tell me and wait") < task.index("run_job(")
    reasons = [one["cannot_be_sent"] for one in facts["uploads"]]
    assert ["outside" in reasons[0], "not exist" in reasons[1], "secret" in reasons[2]] == [
        True
    ] * 3


async def test_offers_are_those_of_a_search_and_their_prices_hold(tmp_path: Path) -> None:
    """No search is needed after the prompt; the rent is held to the price shown."""
    world = World(tmp_path)
    async with world.connect() as client:
        facts, task = await parts(client, "dev_box", gpu_name="4090", disk_gb="60", hours="2")
        found = await world.call(
            client, "search_offers", gpu_names=["4090"], num_gpus=1, disk_gb=60, hours=2, limit=5
        )
        create = only(task, "create_instance")
        rented = await world.call(client, "create_instance", **create.arguments)
    shown = facts["offers"]["cheapest_first"]
    assert [one["offer_id"] for one in shown] == [one["offer_id"] for one in found["offers"]]
    assert create.arguments["offer_id"] == shown[0]["offer_id"]
    assert rented["status"] == "rented"
    assert world.questions == []


async def test_a_stopped_machine_is_offered_before_a_second_one_is_rented(tmp_path: Path) -> None:
    """A disk that bills already is the cheaper box."""
    world = World(tmp_path)
    async with world.connect() as client:
        _, before = await parts(client, "dev_box")
        instance_id = await world.rent(client)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)
        world.run_until_ready()
        facts, after = await parts(client, "dev_box")
    assert facts["instances"][0]["instance_id"] == instance_id
    assert next(calls(before)).tool == "create_instance"
    assert next(calls(after)).tool == "start_instance"


async def test_a_model_is_served_on_loopback_with_a_key_nobody_reads(tmp_path: Path) -> None:
    """The rent the prompt writes: no open port, a generated key, a card with room for it."""
    world = World(tmp_path)
    async with world.connect() as client:
        facts, task = await parts(client, "serve_model", model="a/b c", weights_gb="30")
        create = only(task, "create_instance")
        rented = await world.call(client, "create_instance", **create.arguments)
        order = world.simulator.world.instances[rented["instance_id"]].order
    assert "ports" not in create.arguments
    assert "'a/b c' --host 127.0.0.1" in create.arguments["onstart"]
    assert dict(order.env)["VLLM_API_KEY"]
    assert facts["offers"]["cheapest_first"]
    ram = {row.gpu_ram_gb for row in await world.offers(limit=500)
           if row.offer_id == create.arguments["offer_id"]}  # fmt: skip
    assert all(one >= 37.5 for one in ram)


async def test_a_fine_tuning_has_a_disk_for_data_weights_and_checkpoints(tmp_path: Path) -> None:
    """A disk cannot grow, so it is summed up before."""
    data = files(data__jsonl="x" * 1000) / "data.jsonl"
    world = World(tmp_path)
    async with world.connect(answer="decline") as client:
        facts, task = await parts(
            client, "fine_tune", base_model="Qwen/Qwen3-8B", dataset=str(data), weights_gb="20"
        )
        run = only(task, "run_job")
        answer = await world.call(client, "run_job", **run.arguments, files={"train.py": "pass"})
    assert facts["disk"]["disk_gb"] == run.arguments["disk_gb"] == 80
    assert run.arguments["upload"] == [str(data)]
    assert answer["status"] == "declined"
    assert len(world.questions) == 1


@pytest.mark.parametrize("name", ["run_script", "dev_box", "serve_model", "fine_tune"])
async def test_where_nothing_fits_it_says_so_before_any_call(tmp_path: Path, name: str) -> None:
    """A plan without an offer leads nowhere."""
    given: dict[str, dict[str, str]] = {
        "run_script": {"command": "x"},
        "serve_model": {"model": "m"},
        "fine_tune": {"base_model": "m", "dataset": "hf:d"},
    }
    world = World(tmp_path, policy='[allow]\ngpu_names = ["H200"]\n')
    async with world.connect() as client:
        facts, task = await parts(client, name, gpu_name="RTX 4090", **given.get(name, {}))
    assert task.splitlines()[1].startswith("1. No offer fits now")
    assert facts["offers"]["hidden_by_policy"]["allow.gpu_names"]["offers"] > 0
    assert not any(one.arguments.get("offer_id") for one in calls(task))


@pytest.mark.parametrize(
    ("options", "word"),
    [({"read_only": True}, "read_only"), ({"policy": "[limits"}, "broken_policy")],
)
async def test_where_nothing_can_be_rented_it_stops_there(
    tmp_path: Path, options: dict[str, Any], word: str
) -> None:
    """Nobody should be led through a plan whose first call is refused."""
    async with World(tmp_path, **options).connect() as client:
        facts, task = await parts(client, "dev_box")
    assert facts["money"][word]
    assert f"Nothing can be rented now (`{word}` in the facts)" in task


@pytest.mark.parametrize(
    ("options", "why"),
    [({"toolsets": "market,instances"}, "--toolsets"), ({"read_only": True}, "read-only")],
)
async def test_a_plan_whose_tools_are_not_served_begins_with_that(
    tmp_path: Path, options: dict[str, Any], why: str
) -> None:
    """The same sentence as the tool itself would answer; what is served is not spoken of."""
    async with World(tmp_path, **options).connect() as client:
        _, without = await parts(client, "run_script", command="echo `run_jobs()`")
        _, rules = await parts(client, "set_limits")
    first = without.splitlines()[0]
    assert first.startswith("run_job is not offered")
    assert why in first
    assert "not offered" not in rules


async def test_money_left_is_what_the_limits_leave(tmp_path: Path) -> None:
    """Spent and reserved count; the policy's numbers are the ones in force."""
    world = World(tmp_path, policy="[limits]\nmax_usd_per_day = 10\nmax_running = 2\n")
    async with world.connect() as client:
        before, _ = await parts(client, "dev_box")
        await world.rent(client)
        after, _ = await parts(client, "dev_box")
    assert before["money"]["left_today_usd"] == 10
    assert 0 < after["money"]["left_today_usd"] < 10
    assert after["money"]["running"] == "1 of at most 2"


async def test_data_moves_as_the_prompt_writes_it_and_asks_once(tmp_path: Path) -> None:
    """Up asks with count and size; down does not."""
    async with ssh_world(tmp_path) as lab:
        files(notes__txt="hello")
        machine = await lab.machine()
        facts, task = await parts(
            lab.client, "move_data", source="local:notes.txt", destination=f"{machine}:/workspace/"
        )
        up = await lab.call("copy_files", **only(task, "copy_files").arguments)
        back, down_task = await parts(
            lab.client, "move_data", source=f"C.{machine}:/workspace/notes.txt",
            destination="local:back/",
        )  # fmt: skip
        down = await lab.call("copy_files", **only(down_task, "copy_files").arguments)
    assert facts["source"] == {"path": "notes.txt", "files": 1, "bytes": 5}
    assert facts["destination"]["state"] == "ready"
    assert back["destination"]["open_for_copies"][0]["untrusted_names"] == ["notes.txt"]
    assert (up["status"], down["status"]) == ("copied", "copied")
    assert len(lab.world.questions) == 1
    assert (Path.home() / "vast-mcp" / "back" / "notes.txt").read_text() == "hello"


async def test_a_larger_disk_is_a_second_machine_of_the_same_kind(tmp_path: Path) -> None:
    """A disk cannot grow: same GPU, larger disk; the old one ends last, by its digits."""
    world = World(tmp_path)
    async with world.connect() as client:
        old = await world.rent(client)
        world.run_until_ready()
        facts, task = await parts(client, "resize_disk", instance_id=str(old), disk_gb="120")
        create = only(task, "create_instance").arguments
        preview = await world.call(client, "create_instance", **create, preview=True)
    kinds = {one["gpu"] for one in facts["offers"]["cheapest_first"]}
    assert kinds == {facts["instance"]["what"]}
    assert create["disk_gb"] == 120
    assert preview["status"] == "preview"
    assert [one.tool for one in calls(task)][-1] == "destroy_instance"
    assert only(task, "destroy_instance").arguments == {"instance_id": old}


async def test_a_larger_disk_is_reached_by_the_calls_as_they_stand(tmp_path: Path) -> None:
    """The whole plan: rented, copied, compared, and only then is the old one deleted."""
    async with ssh_world(tmp_path) as lab:
        old = await lab.machine()
        await lab.run(old, "mkdir -p /workspace/deep && echo weights > /workspace/deep/model.pt")
        facts, task = await parts(lab.client, "resize_disk", instance_id=str(old), disk_gb="120")
        rented = await lab.call(
            "create_instance", **only(task, "create_instance").arguments,
            image=facts["instance"]["untrusted_image"],
        )  # fmt: skip
        new = rented["instance_id"]
        lab.world.run_until_ready()
        ready = await lab.call(
            "wait_for_instance", instance_id=new, **only(task, "wait_for_instance").arguments
        )
        places = only(task, "copy_files").arguments
        places["destination"] = places["destination"].replace("NEW_ID", str(new))
        copied = await lab.call("copy_files", **places)
        there = await lab.run(new, "cat /workspace/deep/model.pt")
        ended = await lab.call("destroy_instance", **only(task, "destroy_instance").arguments)
    assert ready["reached"]
    assert copied["status"] == "copied"
    assert "all checksums match on both machines" in copied["said"]
    assert there["untrusted_output"] == "weights\n"
    assert ended["status"] == "destroyed"
    assert [one.split()[0] for one in lab.world.questions] == ["Copy", "Destroy"]


async def test_the_two_ends_are_compared_by_a_command_that_works(tmp_path: Path) -> None:
    """The same files, the same line; another file, another line."""
    async with ssh_world(tmp_path) as lab:
        machine = await lab.machine()
        _, task = await parts(lab.client, "resize_disk", instance_id=str(machine), disk_gb="200")
        look = only(task, "run_command").arguments
        await lab.run(machine, "mkdir -p /workspace && echo 1 > /workspace/a")
        first = await lab.run(machine, **look)
        again = await lab.run(machine, **look)
        await lab.run(machine, "echo 22 > /workspace/a")
        other = await lab.run(machine, **look)
    assert first["exit_code"] == 0, first
    assert first["untrusted_output"] == again["untrusted_output"] != other["untrusted_output"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"disk_gb": "20"}, "already has"),
        ({"disk_gb": "99", "directory": "a b"}, "an absolute path"),
        ({"disk_gb": "99", "directory": "/root"}, "breaks the machine's SSH"),
    ],
)
async def test_a_disk_is_not_made_smaller(tmp_path: Path, given: dict[str, str], said: str) -> None:
    """What does not fit is said, with the size it has."""
    world = World(tmp_path)
    async with world.connect() as client:
        old = await world.rent(client)
        with pytest.raises(MCPError, match=said):
            await client.get_prompt("resize_disk", {"instance_id": str(old), **given})


async def test_names_of_local_files_are_cleaned(tmp_path: Path) -> None:
    """A downloaded file may be named to give orders or hide something."""
    (files() / "a\u202eb\x1b[31m.txt").write_text("")
    async with World(tmp_path).connect() as client:
        facts, _ = await parts(client, "run_script", command="x")
    assert facts["local_files"][0]["untrusted_names"] == ["ab.txt"]
    assert "\\u202e" not in json.dumps(facts)
