"""What a rent may be asked with.

See docs/vendor-api.md#creating-an-instance.
"""

import pytest

from vast_mcp.errors import InputInvalid
from vast_mcp.services.terms import check_args, check_env, check_image, check_ports


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
        ("PyTorch/PyTorch:2.4.0-CUDA", "no capitals", "pytorch/pytorch:2.4.0-CUDA"),
        ("ghcr.io/Org/Tool", "no capitals", "ghcr.io/org/tool"),
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
    with pytest.raises(InputInvalid, match=r'^onstart: .*"args" it is the program'):
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
