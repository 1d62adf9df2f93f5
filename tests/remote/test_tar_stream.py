"""Our own tar against Python's: every tar reads what we write, nothing slips in by what we read."""

import io
import tarfile
from collections.abc import Callable

import pytest

from vast_mcp.remote.errors import CopyDamaged
from vast_mcp.remote.tar_stream import (
    BLOCK,
    FileBegins,
    FileEnds,
    TarReader,
    end,
    header,
    padding,
)

MOST = 0o77777777777
GROWTH = 64 * 1024 * 1024


def theirs(name: str, size: int = 3, mtime: int = 7, **facts: object) -> bytes:
    """The header as Python writes it in GNU's form."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime = size, mtime
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("length", [1, 99, 100, 101, 511, 512, 513, 1200])
def test_a_header_is_the_one_that_pythons_tar_writes(length: int) -> None:
    """To the byte, with names of every length: GNU's form, which every tar unpacks."""
    name = ("dir/" + "n" * length)[-length:]
    for size, mtime, mode in ((0, 0, 0o644), (1, 1, 0o600), (MOST, MOST, 0o755)):
        ours = header(name, size, mtime, mode)
        assert ours == theirs(name, size, mtime, mode=mode)


@pytest.mark.parametrize(("given", "kept"), [(-1, 0), (-(10**12), 0), (MOST + 1, MOST)])
def test_a_time_that_tar_cannot_hold_is_the_nearest_it_can(given: int, kept: int) -> None:
    """A file of before 1970 is copied like any other."""
    assert header("a", 0, given, 0) == theirs("a", 0, kept, mode=0)


@pytest.mark.parametrize("size", [-1, MOST + 1])
def test_a_size_that_tar_cannot_hold_is_refused(size: int) -> None:
    """Written wrong, it would make garbage of all that follows."""
    with pytest.raises(ValueError, match="too long"):
        header("a", size, 0, 0)


def test_content_fills_whole_blocks_and_two_empty_ones_are_the_end() -> None:
    """The form of every tar."""
    assert [len(padding(size)) for size in (0, 1, 511, 512, 513)] == [0, 511, 1, 0, 511]
    assert end() == b"\0" * 1024
    assert not any(padding(100))


def archive(*files: tuple[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """An archive of regular files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def read(reader: TarReader, data: bytes, step: int = 10**9) -> dict[str, bytes]:
    """The files that came whole, when the bytes come in pieces of this size."""
    files: dict[str, bytes] = {}
    name, content = "", b""
    for at in range(0, len(data), step):
        for event in reader.feed(data[at : at + step]):
            match event:
                case FileBegins():
                    name, content = event.name, b""
                case bytes():
                    assert event
                    content += event
                case FileEnds():
                    assert event.name == name
                    files[name] = content
    return files


FILES = (
    ("a", b""),
    ("b/c", b"x" * 511),
    ("d", b"y" * 512),
    ("e" * 100, b"z" * 513),
    ("f/" + "g" * 110, b"long"),
    ("h", b"\0" * 1024),
)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("step", [1, 100, 511, 512, 513, 4096, 10**6])
def test_files_come_out_as_they_went_in_however_the_bytes_are_cut(step: int, form: int) -> None:
    """A network cuts where it likes; nothing is lost, added or held back."""
    files = FILES if form == tarfile.GNU_FORMAT else (*FILES[:4], ("p" * 90 + "/q" * 30, b"u"))
    reader = TarReader({name: len(content) for name, content in files})
    assert read(reader, archive(*files, form=form), step) == dict(files)
    assert reader.finished
    assert not reader.missing
    assert not reader.changed


def test_a_name_may_begin_with_a_dot_and_slash() -> None:
    """As `tar` writes what it was told to pack from the directory itself."""
    assert read(TarReader({"a": 1}), archive(("./a", b"1"))) == {"a": b"1"}


def test_what_did_not_come_is_named_and_what_comes_after_the_end_is_not_read() -> None:
    """A file that vanished meanwhile, and bytes behind the archive."""
    reader = TarReader({"a": 1, "b": 1, "c": 1})
    assert not reader.finished
    assert list(reader.missing) == ["a", "b", "c"]
    assert read(reader, archive(("b", b"1")) + archive(("c", b"2"))) == {"b": b"1"}
    assert list(reader.missing) == ["a", "c"]
    assert read(reader, archive(("a", b"1"))) == {}


@pytest.mark.parametrize("came", [b"", b"12", b"1234", b"1" * 600], ids=len)
def test_a_file_of_another_length_is_passed_over_and_the_next_one_is_whole(came: bytes) -> None:
    """It was being written meanwhile: it is told as changed, and nothing of it is kept."""
    reader = TarReader({"a": 3, "b": 1})
    assert read(reader, archive(("a", came), ("b", b"1")), 100) == {"b": b"1"}
    assert reader.changed == ["a"]
    assert not reader.missing


@pytest.mark.parametrize(("grown", "fits"), [(GROWTH, True), (GROWTH + 1, False)])
def test_what_grew_by_more_than_64_mib_ends_the_copy(grown: int, fits: bool) -> None:
    """No machine decides how much is sent."""
    reader = TarReader({"a": 1})
    if fits:
        assert read(reader, header("a", 1 + grown, 0, 0)) == {}
        assert reader.changed == ["a"]
        return
    with pytest.raises(CopyDamaged, match="grew"):
        read(reader, header("a", 1 + grown, 0, 0))


def patched(at: int, value: bytes) -> bytes:
    """A header of `a` with other bytes at a place, its sum put right unless that is changed."""
    block = bytearray(theirs("a", 3))
    block[at : at + len(value)] = value
    if not 148 <= at < 156:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("kind", [ord(kind) for kind in "1234567KxgSVD"])
def test_nothing_but_regular_files_is_taken(kind: int) -> None:
    """Links, devices, directories, sparse files and extensions that could name another place."""
    with pytest.raises(CopyDamaged, match="not a regular file"):
        read(TarReader({"a": 3}), patched(156, bytes([kind])) + b"123" + padding(3))


@pytest.mark.parametrize("kind", [b"0", b"\0"], ids=["zero", "nothing"])
def test_regular_files_have_two_signs(kind: bytes) -> None:
    """The oldest form writes a zero byte."""
    assert read(TarReader({"a": 3}), patched(156, kind) + b"123" + padding(3)) == {"a": b"123"}


@pytest.mark.parametrize(
    "data",
    [
        patched(148, b"%06o\0 " % (sum(theirs("a", 3)[:148]) + sum(theirs("a", 3)[156:]) + 255)),
        patched(148, b"%06o\0 " % (sum(theirs("a", 3)[:148]) + sum(theirs("a", 3)[156:]) + 257)),
        patched(148, b"notoctal"),
        patched(124, b"9999999999 \0"),
        patched(124, b"\x80" + b"\0" * 10 + b"\x01"),
    ],
    ids=["sum too small", "sum too large", "no sum", "no octal size", "a size in binary"],
)
def test_a_header_whose_sum_or_size_is_wrong_ends_the_copy(data: bytes) -> None:
    """One flipped bit, and numbers in a form that we did not ask for."""
    with pytest.raises(CopyDamaged, match="damaged"):
        read(TarReader({"a": 3}), data)


def test_an_empty_number_is_nought() -> None:
    """Some tars leave the size of an empty file blank."""
    assert read(TarReader({"a": 0}), patched(124, b" " * 11 + b"\0")) == {"a": b""}


@pytest.mark.parametrize(
    "make",
    [
        lambda: archive(("b", b"1")),
        lambda: archive(("a", b"1"), ("a", b"1")),
        lambda: archive(("../a", b"1")),
        lambda: archive(("/a", b"1")),
        lambda: archive(("a/", b"1")),
        lambda: archive(("././a", b"1")),
    ],
    ids=["another", "twice", "above", "absolute", "a directory", "two dots"],
)
def test_a_file_that_nobody_asked_for_or_that_comes_twice_ends_the_copy(
    make: Callable[[], bytes],
) -> None:
    """Nothing is written because an archive says so."""
    with pytest.raises(CopyDamaged, match=r"not requested|not a regular file"):
        read(TarReader({"a": 1}), make())


@pytest.mark.parametrize(("size", "fits"), [(8192, True), (8193, False)])
def test_a_name_of_more_than_8192_bytes_ends_the_copy(size: int, fits: bool) -> None:
    """No path is that long: an archive cannot fill the memory with names."""
    name = b"n" * (size - 1)
    block = bytearray(theirs("././@LongLink", size, 0, mode=0, type=b"L"))
    data = bytes(block) + name + b"\0" + padding(size) + theirs("n", 0, 0)
    reader = TarReader({name.decode(): 0})
    if fits:
        assert list(read(reader, data, 1000)) == [name.decode()]
        return
    with pytest.raises(CopyDamaged, match="too long"):
        read(reader, bytes(block))


def test_a_long_name_is_of_the_next_file_only() -> None:
    """The one after it has its own."""
    files = (("l" * 200, b"1"), ("s", b"2"))
    assert read(TarReader({"l" * 200: 1, "s": 1}), archive(*files), BLOCK) == dict(files)


def test_only_the_form_that_has_a_prefix_is_read_with_one() -> None:
    """GNU's form keeps other things where the newer one keeps the front of a path."""
    other = bytearray(theirs("a", 0))
    other[345:351] = b"123456"
    other[148:156] = b" " * 8
    other[148:156] = b"%06o\0 " % sum(other)
    assert read(TarReader({"a": 0}), bytes(other)) == {"a": b""}
