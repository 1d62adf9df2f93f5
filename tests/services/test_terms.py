"""What a rent may be asked with."""

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
    """The vendor reads docker options out of the environment's keys (vast-api §6)."""
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


@pytest.mark.parametrize("port", ["0", "65536", "80:80", "1-2", "http", "80/sctp", "-1", ""])
def test_what_is_no_port_is_refused(port: str) -> None:
    """A range is silently dropped by the vendor's own client."""
    with pytest.raises(InputInvalid, match=r"^ports: "):
        check_ports([port])


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
