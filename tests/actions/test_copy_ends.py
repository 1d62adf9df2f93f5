"""Where a copy goes, how it is told, and which ports of a rent are open: small words that count."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.instances.samples import offer
from vast_mcp.actions.copy import CopyFiles
from vast_mcp.actions.copy_answers import count_words
from vast_mcp.actions.copy_ends import Place, place
from vast_mcp.actions.open_ports import check_room, notes, opened
from vast_mcp.actions.run_command import SHOWN_BYTES, fitting
from vast_mcp.errors import InputInvalid, PolicyDenied
from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.progress import CopyReport
from vast_mcp.units import size_words


@pytest.mark.parametrize(
    ("text", "found", "vendor_id"),
    [
        ("C.27:/workspace/a", Place("instance", "/workspace/a", 27), "C.27"),
        ("27:/workspace/a", Place("instance", "/workspace/a", 27), "C.27"),
        ("V.45:/data", Place("volume", "/data", 45), "V.45"),
        ("local:a/b", Place("local", "a/b"), None),
        ("local:a:b", Place("local", "a:b"), None),
        ("C.27:", None, None),
        ("C.27", None, None),
        ("C.0:/a", None, None),
        ("C.27x:/a", None, None),
        ("s3:/a", None, None),
        ("xC.27:/a", None, None),
        (":/a", None, None),
    ],
)
def test_a_place_is_read_as_the_vendor_writes_it(
    text: str, found: Place | None, vendor_id: str | None
) -> None:
    """And nothing else is taken for one."""
    if found is None:
        with pytest.raises(InputInvalid):
            place(text, "source", target=False)
        return
    assert place(text, "source", target=False) == found
    assert vendor_id is None or found.vendor_id == vendor_id


@pytest.mark.parametrize(
    ("source", "destination", "more", "fine"),
    [
        ("local:a", "C.1:/workspace/a", {}, True),
        ("C.1:/workspace/a", "local:a", {}, True),
        ("C.1:/workspace/a", "C.2:/workspace/a", {}, True),
        ("C.1:/workspace/a", "V.2:/data/a", {}, True),
        ("local:a", "local:b", {}, False),
        ("local:a", "V.2:/data/a", {}, False),
        ("V.2:/data/a", "local:a", {}, False),
        ("C.1:workspace/a", "C.2:/workspace/a", {}, False),
        ("C.1:/workspace/a", "C.2:workspace/a", {}, False),
        ("C.1:/workspace/a", "C.2:/workspace/a", {"include": ("*.py",)}, False),
        ("C.1:/workspace/a", "C.2:/workspace/a", {"exclude": ("*.py",)}, False),
        ("local:a", "C.1:/workspace/a", {"include": ("*.py",)}, True),
        ("C.1:/workspace/a", "C.2:/root/.ssh/authorized_keys", {}, False),
    ],
)
def test_only_places_that_a_copy_can_join_are_taken(
    source: str, destination: str, more: dict[str, Any], *, fine: bool
) -> None:
    """A volume and this computer have no way between them; between machines paths are whole."""
    act = CopyFiles(source, destination, **more)
    if fine:
        assert len(act._ends()) == 2
    else:
        with pytest.raises((InputInvalid, PathRefused)):
            act._ends()


def test_a_copy_is_known_by_all_its_arguments() -> None:
    """The same call again waits on; another selection is another copy."""
    acts = [
        CopyFiles("local:a", "C.1:/b"),
        CopyFiles("local:a", "C.1:/c"),
        CopyFiles("local:a", "C.1:/b", include=("x",)),
        CopyFiles("local:a", "C.1:/b", exclude=("x",)),
    ]
    assert len({act.key for act in acts}) == len(acts)
    assert CopyFiles("local:a", "C.1:/b").key == acts[0].key


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_999, "1000.0 kB"),
        (1_000_000, "1.0 MB"),
        (1_000_000_000, "1.0 GB"),
        (2_500_000_000, "2.5 GB"),
    ],
)
def test_a_size_is_told_in_its_unit(count: int, words: str) -> None:
    """As people say it."""
    assert size_words(count) == words


@pytest.mark.parametrize(
    ("files", "unchanged", "words"),
    [
        (1, 0, "1 file copied (4.1 kB moved)"),
        (2, 0, "2 files copied (4.1 kB moved)"),
        (0, 1, "0 files copied (4.1 kB moved), 1 was already there"),
        (2, 3, "2 files copied (4.1 kB moved), 3 were already there"),
    ],
)
def test_what_was_copied_is_counted_in_words(files: int, unchanged: int, words: str) -> None:
    """What was there already is no copy."""
    report = CopyReport(files, unchanged, 4_100, 0, 1.0, 1.0, {}, (), "sha256")
    assert count_words(report) == words


@pytest.mark.parametrize(
    ("ports", "has", "fits"),
    [((), 0, True), (("8000",), 1, True), (("8000",), 0, False), (("1", "2", "3"), 2, False)],
)
def test_a_host_with_fewer_open_ports_than_asked_for_is_refused(
    ports: tuple[str, ...], has: int, *, fits: bool
) -> None:
    """Nobody could reach the rest: said with how many it has, and the search that finds others."""
    one = offer(direct_ports=has)
    if fits:
        check_room(one, ports, None)
        return
    with pytest.raises(PolicyDenied) as refused:
        check_room(one, ports, None)
    said = str(refused.value)
    assert f"search_offers(ports={len(ports)})" in said
    assert ("no open port" if has == 0 else f"{has} open ports") in said


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ((), ""),
        (("8000",), "Port 8000 is open to the whole internet"),
        (("1", "2"), "Ports 1, 2 are open to the whole internet"),
        (tuple("123456789"), "Ports 1, 2, 3, 4, 5, 6, 7, 8, … are open"),
        (tuple("12345678"), "Ports 1, 2, 3, 4, 5, 6, 7, 8 are open"),
    ],
)
def test_open_ports_are_named_with_who_can_knock(ports: tuple[str, ...], words: str) -> None:
    """Eight at most; a port named twice is one."""
    said = notes(offer(), ports, None, jupyter=False)
    assert bool(said) is bool(words)
    assert words in "".join(said)
    assert opened((*ports, *ports), None) == ports


@pytest.mark.parametrize(
    ("jupyter", "has", "told"), [(True, 0, True), (True, 1, False), (False, 0, False)]
)
def test_jupyter_without_an_open_port_is_reached_through_this_computer(
    has: int, *, jupyter: bool, told: bool
) -> None:
    """And that is said before it is rented."""
    said = notes(offer(direct_ports=has), (), None, jupyter=jupyter)
    assert ("forward_port" in "".join(said)) is told


@pytest.mark.parametrize("letter", ["a", "é", '"', "\n"])
def test_what_a_command_printed_is_shown_from_both_ends_within_its_room(letter: str) -> None:
    """As JSON it takes no more; the count of what is left out is true."""
    assert fitting("short") == "short"
    exact = "a" * (SHOWN_BYTES - 2)
    assert fitting(exact) == exact
    assert fitting(exact + "a") != exact + "a"
    text = f"BEGIN{letter * 20_000}END"
    shown = fitting(text)
    assert shown.startswith("BEGIN")
    assert shown.endswith("END")
    assert len(json.dumps(shown, ensure_ascii=False).encode()) <= SHOWN_BYTES
    head, _, rest = shown.partition("\n… [")
    left_out, _, tail = rest.partition(" characters left out] …\n")
    assert len(head) + len(tail) + int(left_out) == len(text)


def test_what_was_never_kept_of_a_long_output_counts_as_left_out_too() -> None:
    """A megabyte of which both ends were kept is not told as a hundred kilobytes."""
    kept = "a" * 130_000
    shown = fitting(kept, beyond=870_000)
    left_out = int(shown.partition("… [")[2].partition(" ")[0])
    assert left_out + shown.count("a") - "characters".count("a") == 1_000_000


async def test_a_local_root_is_named_by_the_place_itself(tmp_path: Path) -> None:
    """A path that climbs is refused where it stands."""
    with pytest.raises(PathRefused):
        place("C.1:/workspace/../etc/passwd", "source", target=False)
    with pytest.raises(PathRefused):
        place(f"local:{tmp_path}\x00", "source", target=False)


@pytest.mark.parametrize("length", [8_000, 9_001, 50_000])
def test_a_shortened_text_may_fill_its_room_to_the_byte(length: int) -> None:
    """What just fits is not shortened once more."""
    shown = fitting("a" * length)
    size = len(json.dumps(shown, ensure_ascii=False).encode())
    assert fitting("a" * length, size) == shown


@pytest.mark.parametrize(
    ("source", "destination", "field", "said"),
    [
        ("local:a", "local:b", "destination", "both places are on this computer"),
        ("local:a", "V.2:/data/a", "destination", "a volume cannot be copied to or from this"),
        ("V.2:/data/a", "local:a", "source", "a volume cannot be copied to or from this"),
    ],
)
def test_a_place_that_cannot_be_joined_is_named_by_its_argument(
    source: str, destination: str, field: str, said: str
) -> None:
    """The argument that is to be changed."""
    with pytest.raises(InputInvalid, match=said) as refused:
        CopyFiles(source, destination)._ends()
    assert refused.value.message.startswith(field)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (6, "6006/tcp, 6007/tcp. The rest would be unreachable"),
        (7, "6007/tcp, …. The rest would be unreachable"),
    ],
)
def test_six_ports_that_a_host_lacks_are_named(count: int, shown: str) -> None:
    """And that there are more."""
    ports = [f"{6002 + number}/tcp" for number in range(count)]
    with pytest.raises(PolicyDenied) as refused:
        check_room(offer(direct_ports=1), ports, None)
    assert shown in refused.value.message
    assert f"has 1 open port; {count} needed for" in refused.value.message
