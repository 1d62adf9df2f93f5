"""What a rent may be asked with.

See docs/vendor-api.md#creating-an-instance.
"""

import pytest

from vast_mcp.errors import InputInvalid
from vast_mcp.market.terms import (
    check_args,
    check_env,
    check_image,
    check_ports,
    check_search,
    check_secrets,
    check_task,
)


@pytest.mark.parametrize(
    "image",
    [
        "vastai/pytorch", "vastai/pytorch:@vastai-automatic-tag",
        "nvcr.io/nvidia/pytorch:24.01-py3",
        "localhost:5000/a/b:c", "ghcr.io/a/b@sha256:0123",
    ],
)  # fmt: skip
def test_image_names_of_any_registry_pass(image: str) -> None:
    """Tags, digests and registries with ports."""
    check_image(image)


@pytest.mark.parametrize("image", ["", "-v /:/host", "a b", "a;b", "x" * 300, "a\nb"])
def test_what_is_no_image_name_is_refused(image: str) -> None:
    """Options may not hide behind an image."""
    with pytest.raises(InputInvalid, match=r"^image: "):
        check_image(image)


@pytest.mark.parametrize("name", ["-p 8080:8080", "-v V.1:/data", "1A", "A-B", "", "A=B"])
def test_a_variable_name_that_is_a_docker_option_is_refused(name: str) -> None:
    """The vendor reads docker options out of the environment's keys."""
    with pytest.raises(InputInvalid, match=r"^env: "):
        check_env({name: "1"})


def test_our_own_mark_cannot_be_set_and_values_are_not_repeated() -> None:
    """`VMCP_INTENT` tells whose machine it is; a value may be a secret."""
    with pytest.raises(InputInvalid, match="VMCP_INTENT"):
        check_env({"VMCP_INTENT": "x"})
    with pytest.raises(InputInvalid) as refused:
        check_env({"TOKEN": "hush\x00"})
    assert "hush" not in str(refused.value)
    with pytest.raises(InputInvalid, match="64"):
        check_env({f"A{number}": "1" for number in range(65)})


def test_ports_have_one_spelling_each_once() -> None:
    """`8080/tcp` is `8080`."""
    assert check_ports(["8080", "8080/tcp", "53/UDP", " 22 "]) == ("8080", "53/udp", "22")


@pytest.mark.parametrize(
    "port", ["0", "65536", "80:8080", "9-2", "65000-70010", "http", "80/sctp", "-1", ""]
)
def test_what_is_no_port_is_refused(port: str) -> None:
    """Out of range, backwards, a number outside that nobody can choose, another protocol."""
    with pytest.raises(InputInvalid, match=r"^ports: "):
        check_ports([port])


def test_a_range_is_its_ports_and_identity_ports_are_ports() -> None:
    """The vendor's own client drops a range without a word."""
    assert check_ports(["8000-8002", "8001", "53-54/udp", "80:80", "70000"]) == (
        "8000", "8001", "8002", "53/udp", "54/udp", "80", "70000",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("image", "told", "meant"),
    [
        ("https://hub.docker.com/r/vllm/vllm-openai", "is a URL", "vllm/vllm-openai"),
        ("docker://PyTorch/pytorch:2.4", "is a URL", "pytorch/pytorch:2.4"),
        ("http://ghcr.io/a/b:1", "is a URL", "ghcr.io/a/b:1"),
        ("PyTorch/PyTorch:2.4.0-CUDA", "are lowercase", "pytorch/pytorch:2.4.0-CUDA"),
        ("ghcr.io/Org/Tool", "are lowercase", "ghcr.io/org/tool"),
    ],
)
def test_an_impossible_image_is_refused_with_the_one_that_was_meant(
    image: str, told: str, meant: str
) -> None:
    """The host would find out only once the machine is paid for."""
    with pytest.raises(InputInvalid) as refused:
        check_image(image)
    assert told in str(refused.value)
    assert meant in refused.value.hint


@pytest.mark.parametrize("onstart", ["pip install x && serve", "echo 'hi'", "A=1 ./run.sh\nwait"])
def test_shell_text_as_the_program_of_args_mode_is_refused(onstart: str) -> None:
    """There the vendor takes it for the entry point; a path to a program is one."""
    with pytest.raises(
        InputInvalid, match=r"^onstart: .*it is the image's program, not a shell script"
    ):
        check_args("args", (), onstart)
    check_args("ssh", (), onstart)
    check_args("args", ("--port", "8000"), "/opt/serve.sh")


def test_more_than_64_ports_are_refused() -> None:
    """The vendor's limit."""
    assert len(check_ports([str(number) for number in range(1000, 1064)])) == 64
    with pytest.raises(InputInvalid, match="at most 64"):
        check_ports([str(number) for number in range(1000, 1065)])


def test_arguments_without_their_mode_are_refused() -> None:
    """They are ignored in every other mode."""
    check_args("args", ["run"])
    check_args(None, ())
    with pytest.raises(InputInvalid, match=r"^args: "):
        check_args(None, ["run"])


@pytest.mark.parametrize(
    ("args", "fits"),
    [(["x" * 16_384], True), (["x" * 16_385], False), (["x" * 8_000, "y" * 8_383], True),
     (["x" * 8_000, "y" * 8_384], False)],
)  # fmt: skip
def test_arguments_have_16384_characters_with_the_blanks_between_them(
    args: list[str], fits: bool
) -> None:
    """The vendor refuses more, after the offer was chosen."""
    if fits:
        check_args("args", args)
        return
    with pytest.raises(InputInvalid, match="at most 16384"):
        check_args("args", args)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"A" * 128: "x"}, ""),
        ({"A" * 129: "x"}, "not a variable name"),
        ({"A": "x" * 8_000}, ""),
        ({"A": "x" * 8_001}, "too long"),
        ({f"A{number}": "" for number in range(64)}, ""),
        ({"PATH": "/x"}, ""),
        ({"VAST_X": "x"}, "set by the machine"),
        ({" container_id ": "x"}, "not a variable name"),
        ({"container_id": "x"}, "set by the machine"),
    ],
)
def test_the_environment_of_a_command_has_bounds(env: dict[str, str], said: str) -> None:
    """Names as shells know them, values as the vendor takes them; a command may set its PATH."""
    if not said:
        check_env(env)
        return
    with pytest.raises(InputInvalid, match=said):
        check_env(env)


@pytest.mark.parametrize(
    ("name", "taken"),
    [("PATH", True), ("LD_X", True), ("pythonpath", True), ("PYTHONUNBUFFERED", False),
     ("PYTHONHASHSEED", False), ("http_proxy", True), ("HOME", True), ("HOMES", False)],
)  # fmt: skip
def test_a_machine_keeps_the_names_that_its_guard_lives_by(name: str, taken: bool) -> None:
    """Whoever set one could switch the guard inside off unseen."""
    if not taken:
        check_env({name: "1"}, container=True)
        return
    with pytest.raises(InputInvalid, match="guard inside"):
        check_env({name: "1"}, container=True)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["A", "B=generate"], ""),
        (["A", "A"], "set twice"),
        (["E"], "set twice"),
        (["A", "A=generate"], "set twice"),
        (["A B"], "takes variable names only"),
        ([""], "takes variable names only"),
        (["PATH"], "guard inside"),
        (["VMCP_X=generate"], "set by the machine"),
    ],
)
def test_secrets_are_names_each_set_once(names: list[str], said: str) -> None:
    """Of two values of one name nobody knows which one holds."""
    if not said:
        assert check_secrets(names, {"E": "1"}) == tuple(names)
        return
    with pytest.raises(InputInvalid, match=said):
        check_secrets(names, {"E": "1"})


@pytest.mark.parametrize(("image", "fits"), [("a" * 255, True), ("a" * 256, False)])
def test_an_image_has_255_characters_at_most(image: str, fits: bool) -> None:
    """No registry takes more."""
    if fits:
        check_image(image)
        check_image(None)
        return
    with pytest.raises(InputInvalid, match="is not repository:tag"):
        check_image(image)


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("gpu_name=RTX_4090 num_gpus=1", ""),
        ("geolocation in [SE,DE]", ""),
        ("geolocation=SE", ""),
        ("geolocation=Sweden", "geolocation=SE"),
        ("geolocation=EU", "Name the countries"),
        ("ask_contract_id=5", "a single offer is gone in minutes"),
        ("nonsense=5", "search_query"),
    ],
)
def test_a_stored_search_names_what_the_vendor_knows(search: str, said: str) -> None:
    """It goes out as it is: a region would find nothing, ever."""
    if not said:
        check_search(search)
        return
    with pytest.raises(InputInvalid, match=r"^search_query: ") as refused:
        check_search(search)
    assert said in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    ("task", "name"), [(" Lora\u200b ", "lora"), ("", ""), ("  ", ""), ("\uff2cora", "lora")]
)
def test_tasks_that_look_the_same_are_one(task: str, name: str) -> None:
    """Their money is counted together."""
    assert check_task(task) == name


def test_a_task_that_cannot_be_seen_is_refused() -> None:
    """It would be counted under no name."""
    with pytest.raises(InputInvalid, match=r"^task: "):
        check_task("\u200b")
