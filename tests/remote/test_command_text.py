"""What a command is sent as, and what is kept of what it says."""

import pytest

from vast_mcp.errors import InputInvalid
from vast_mcp.remote.command import HeadTail, command_line

LONGEST = 64 * 1024


def kept(keep: int, *pieces: bytes) -> HeadTail:
    """What remains of these pieces."""
    found = HeadTail(keep)
    for piece in pieces:
        found.add(piece)
    return found


@pytest.mark.parametrize(
    ("pieces", "shown", "left_out"),
    [
        ([b"12345678"], "12345678", 0),
        ([b"1234", b"5678"], "12345678", 0),
        ([b"12345", b"678"], "12345678", 0),
        ([b"123456789"], "1234\n… [1 bytes left out] …\n6789", 1),
        ([b"1", b"23456", b"7", b"89"], "1234\n… [1 bytes left out] …\n6789", 1),
        ([b"1234", b"5678", b"9abcdef"], "1234\n… [7 bytes left out] …\ncdef", 7),
        ([b"x" * 1000], "xxxx\n… [992 bytes left out] …\nxxxx", 992),
        ([b""], "", 0),
    ],
)
def test_the_first_and_the_last_bytes_are_kept_and_what_is_between_is_counted(
    pieces: list[bytes], shown: str, left_out: int
) -> None:
    """However a stream is cut, the same is shown of it."""
    found = kept(4, *pieces)
    assert (found.text(), found.left_out) == (shown, left_out)
    assert found.total == sum(map(len, pieces))


@pytest.mark.parametrize(
    ("pieces", "last"),
    [
        ([b""], ""),
        ([b"one\ntwo\n"], "two"),
        ([b"one\ntwo\n\n  \n"], "two"),
        ([b"10%\r20%\r"], "20%"),
        ([b"one\n", b"x" * 5000 + b"\nlast"], "last"),
        ([b"\n\n"], ""),
        ([b"a" * 64 + b"\nfirst of tail\n", b"z" * 40 + b"\nend"], "end"),
    ],
)
def test_the_last_line_is_the_last_with_something_in_it(pieces: list[bytes], last: str) -> None:
    """What a person would see a program say now, progress bars included."""
    assert kept(64, *pieces).last_line() == last


def test_a_last_line_of_any_length_is_cut() -> None:
    """The report of a running command stays small."""
    line = kept(10_000, b"start" + b"x" * 9_000).last_line()
    assert len(line) == 200
    assert "start" not in line


@pytest.mark.parametrize(
    ("directory", "env", "line"),
    [
        ("", None, "a; b"),
        ("", {"A": "1 2"}, "export A='1 2' && eval 'a; b'"),
        ("~", None, "cd -- ./. && eval 'a; b'"),
        ("~/", None, "cd -- ./. && eval 'a; b'"),
        ("~/x y", None, "cd -- './x y' && eval 'a; b'"),
        ("~x", None, "cd -- './~x' && eval 'a; b'"),
        ("/w", {"_A1": ""}, "cd -- /w && export _A1='' && eval 'a; b'"),
        ("w", None, "cd -- ./w && eval 'a; b'"),
    ],
)
def test_a_command_goes_out_as_it_stands_behind_directory_and_variables(
    directory: str, env: dict[str, str] | None, line: str
) -> None:
    """What is quoted wrongly would run something else on the machine."""
    assert command_line("a; b", directory=directory, env=env) == line


def test_a_command_has_64_ki_characters_at_most() -> None:
    """Longer ones are files, and the answer says so."""
    assert command_line("x" * LONGEST)
    with pytest.raises(InputInvalid, match=r"longer than 65536") as refused:
        command_line("x" * (LONGEST + 1))
    assert refused.value.hint == "Upload a file."


@pytest.mark.parametrize(
    ("name", "fits"),
    [("A" * 128, True), ("A" * 129, False), ("_", True), ("A\n", False), ("", False), ("1", False)],
)
def test_names_of_variables(name: str, fits: bool) -> None:
    """As every shell knows them."""
    if fits:
        assert command_line("x", env={name: ""}).startswith(f"export {name}=")
        return
    with pytest.raises(InputInvalid, match=r"^env: "):
        command_line("x", env={name: ""})


@pytest.mark.parametrize(("directory", "fits"), [("a\x1fb", False), ("a b", True), ("a\0", False)])
def test_a_directory_has_no_control_characters(directory: str, fits: bool) -> None:
    """A blank is none."""
    if fits:
        assert "./a b" in command_line("x", directory=directory)
        return
    with pytest.raises(InputInvalid, match=r"^directory: "):
        command_line("x", directory=directory)
