"""Secrets by name: which may be used, where their values come from, and who learns of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from vast_mcp.account.encryption import Seal
from vast_mcp.account.secret_store import LONGEST, SecretStore
from vast_mcp.account.secrets import MachineSecrets, in_plain_text, split, system_list
from vast_mcp.errors import ConfigInvalid, InputInvalid, PolicyDenied
from vast_mcp.policy import Limits
from vast_mcp.store import Cipher
from vast_mcp.text import Redactor

VALUE = "hf_a-value-of-some-length"
OTHER = "hf_another-value-of-it"

SEAL = Seal(b"k" * 32)


def store(tmp_path: Path, key: bytes = b"k" * 32) -> SecretStore:
    """What `vast-mcp secrets` keeps; there is no keyring in tests."""
    return SecretStore(tmp_path / "state", Cipher(key))


class Opened:
    """A vault with what it writes to and reads from."""

    def __init__(self, tmp_path: Path, environment: Mapping[str, str] | None = None) -> None:
        self.store = store(tmp_path)
        self.redactor = Redactor()
        self.system = tmp_path / "system.toml"
        self.environment = environment or {}

    def open(self) -> MachineSecrets:
        """One server's."""
        return MachineSecrets(
            self.environment, self.store, self.redactor, SEAL, system_policy=self.system
        )

    @property
    def systems(self) -> Limits:
        """The system's policy lists the secrets."""
        origins = {"secrets.allow": f"{self.system} (system)"}
        return replace(Limits(), secrets=("LISTED",), origins=origins)


LISTED = replace(Limits(), secrets=("LISTED",))


def test_a_listed_name_is_looked_up_in_the_store_first_and_then_in_the_environment(
    tmp_path: Path,
) -> None:
    """What the person typed for machines goes before what happens to be exported."""
    books = Opened(tmp_path, {"LISTED": OTHER})
    vault = books.open()
    assert vault.values(["LISTED"], LISTED, "rent") == (("LISTED", OTHER),)
    books.store.put("LISTED", VALUE)
    assert vault.values(["LISTED"], LISTED, "rent") == (("LISTED", VALUE),)
    assert books.redactor.scrub(f"{VALUE} {OTHER}") == "[secret] [secret]"


def test_setting_a_name_allows_it_and_an_exported_variable_alone_does_not(tmp_path: Path) -> None:
    """The server's own environment holds much that no machine may have."""
    books = Opened(tmp_path, {"EXPORTED": OTHER})
    vault = books.open()
    for name in ("EXPORTED", "UNKNOWN"):
        with pytest.raises(PolicyDenied, match="was not set for machines") as refused:
            vault.check([name], Limits())
        assert f"vast-mcp secrets set {name}" in refused.value.hint
        assert refused.value.rules == ("secrets.allow",)
    books.store.put("SET", VALUE)
    vault.check(["SET"], Limits())


def test_a_list_of_the_system_holds_for_what_was_set_too(tmp_path: Path) -> None:
    """Who manages the computer says which names there are; the file is named."""
    books = Opened(tmp_path, {"LISTED": OTHER})
    books.store.put("SET", VALUE)
    vault = books.open()
    vault.check(["LISTED"], books.systems)
    with pytest.raises(PolicyDenied, match=r"system\.toml lists the secrets"):
        vault.check(["SET"], books.systems)
    assert system_list(books.systems, books.system) == str(books.system)
    assert system_list(books.systems, None) == ""
    assert system_list(Limits(), books.system) == ""


def test_a_name_without_a_value_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """A machine with an empty token would be paid for and fail."""
    vault = Opened(tmp_path).open()
    with pytest.raises(InputInvalid, match="no value of LISTED is known"):
        vault.check(["LISTED"], LISTED)


def test_a_generated_value_is_fresh_kept_for_the_person_and_masked(tmp_path: Path) -> None:
    """It needs no permission: nobody's secret is used. All of one rent stand together."""
    books = Opened(tmp_path)
    found = dict(books.open().values(["A=generate", "B=generate"], Limits(), "rent1"))
    assert [len(value) for value in found.values()] == [32, 32]
    assert found["A"] != found["B"]
    assert books.store.generated("rent1") == f"A={found['A']}\nB={found['B']}\n"
    assert books.redactor.scrub(found["A"] + " " + found["B"]) == "[secret] [secret]"
    again = Redactor()
    MachineSecrets({}, books.store, again, SEAL)
    assert again.scrub(found["B"]) == "[secret]"


def test_nothing_is_kept_where_nothing_was_generated(tmp_path: Path) -> None:
    """No file without a value in it."""
    books = Opened(tmp_path, {"LISTED": OTHER})
    books.open().values(["LISTED"], LISTED, "rent1")
    assert books.store.generated("rent1") == ""


def test_every_value_that_a_machine_may_have_is_masked_from_the_first_look_on(
    tmp_path: Path,
) -> None:
    """Listed by the policy or set by the person; a variable nobody gave away is none."""
    books = Opened(tmp_path, {"LISTED": OTHER, "EXPORTED": "an-exported-value"})
    books.store.put("SET", VALUE)
    vault = books.open()
    assert books.redactor.scrub(VALUE) == VALUE
    vault.learn(LISTED)
    assert books.redactor.scrub(f"{VALUE} {OTHER} an-exported-value") == (
        "[secret] [secret] an-exported-value"
    )
    with pytest.raises(InputInvalid, match=r"^label: "):
        vault.check_text("label", f"train {VALUE}", LISTED)
    vault.check_text("label", "train", LISTED)


def test_a_credential_in_plain_text_is_masked_as_well(tmp_path: Path) -> None:
    """It was given to the host; it need not stand in every answer as well."""
    books = Opened(tmp_path)
    books.open().notice({"HF_TOKEN": VALUE, "EPOCHS": "three-hundred"})
    assert books.redactor.scrub(f"{VALUE} three-hundred") == "[secret] three-hundred"


@pytest.mark.parametrize(
    ("given", "found"),
    [("A", ("A", False)), ("A=generate", ("A", True)), ("", ("", False))],
)
def test_a_name_or_a_name_to_be_made(given: str, found: tuple[str, bool]) -> None:
    """Two forms, no third."""
    assert split(given) == found


@pytest.mark.parametrize("given", ["A=", "A=hunter2", "A=Generate", "A=generate=1"])
def test_a_value_is_never_taken(given: str) -> None:
    """It would stand in the chat, and is not repeated."""
    with pytest.raises(InputInvalid) as refused:
        split(given)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(("found", "named"), [(["HF_TOKEN"], "HF_TOKEN"), (["a key"], "NAME")])
def test_the_warning_names_the_command_with_a_name_that_can_be_set(
    found: list[str], named: str
) -> None:
    """A description is no variable's name."""
    assert f"`vast-mcp secrets set {named}`" in in_plain_text(found)


# -- the store ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "fits"),
    [("x", True), ("x" * LONGEST, True), ("", False), ("x" * (LONGEST + 1), False), ("\0", False)],
)
def test_a_value_is_what_a_variable_can_hold(tmp_path: Path, value: str, fits: bool) -> None:
    """From one character to 16,384, no zero among them."""
    kept = store(tmp_path)
    if fits:
        assert kept.put("NAME", value) == "private file"
        assert kept.find("NAME") == value
        return
    with pytest.raises(InputInvalid, match=r"^value: "):
        kept.put("NAME", value)
    assert kept.names() == {}


@pytest.mark.parametrize(
    ("name", "fits"), [("A" * 128, True), ("A" * 129, False), ("_1", True), ("A\n", False)]
)
def test_names_have_128_characters_at_most(tmp_path: Path, name: str, fits: bool) -> None:
    """As in every shell."""
    if fits:
        assert store(tmp_path).put(name, VALUE)
        return
    with pytest.raises(InputInvalid, match=r"^name: "):
        store(tmp_path).put(name, VALUE)


def test_setting_again_replaces_and_removing_forgets_one_alone(tmp_path: Path) -> None:
    """The others stay."""
    kept = store(tmp_path)
    kept.put("A", "first-value")
    kept.put("B", VALUE)
    kept.put("A", OTHER)
    assert (kept.find("A"), kept.find("B"), kept.find("C")) == (OTHER, VALUE, "")
    assert kept.remove("A")
    assert not kept.remove("A")
    assert dict(kept.names()) == {"B": "private file"}
    assert store(tmp_path).find("B") == VALUE


def test_what_lies_there_is_private_sealed_and_whole(tmp_path: Path) -> None:
    """Nobody else's to read; with another key it reads as nothing; no halves are left behind."""
    kept = store(tmp_path)
    kept.put("A", VALUE)
    kept.keep_generated("rent1", f"B={OTHER}\n")
    assert kept.folder.stat().st_mode & 0o7777 == 0o700
    files = sorted(kept.folder.iterdir())
    assert [file.name for file in files] == ["rent1.sealed", "set.sealed"]
    assert {file.stat().st_mode & 0o7777 for file in files} == {0o600}
    assert not any(text.encode() in file.read_bytes() for file in files for text in (VALUE, OTHER))
    stranger = store(tmp_path, b"x" * 32)
    assert (stranger.names(), stranger.find("A"), stranger.generated("rent1")) == ({}, "", "")


def test_what_was_made_is_known_without_what_was_set(tmp_path: Path) -> None:
    """Values, whatever signs stand in them; the list of names is no rent."""
    kept = store(tmp_path)
    kept.put("A", "x=1\ny=2")
    kept.keep_generated("b", "B=1=2\nC=3\n")
    kept.keep_generated("a", "D=4\n")
    assert kept.all_generated() == ["4", "1=2", "3"]


@pytest.mark.parametrize(
    ("rent", "shown"),
    [
        ("a" * 40, True),
        ("A1", True),
        ("a" * 41, False),
        ("", False),
        ("../set", False),
        ("a.b", False),
    ],
)
def test_only_a_rents_id_is_looked_up(tmp_path: Path, rent: str, shown: bool) -> None:
    """It becomes a file's name."""
    kept = store(tmp_path)
    kept.keep_generated("x", "A=1\n")
    (kept.folder / "x.sealed").rename(kept.folder / f"{rent.replace('/', '_')}.sealed")
    assert kept.generated(rent) == ("A=1\n" if shown else "")


@pytest.mark.parametrize("text", ["", "[]]", "[1]", '{"A": "no entry", "B": {"value": 1}}', "{"])
def test_a_damaged_file_holds_what_can_be_read_of_it(tmp_path: Path, text: str) -> None:
    """The person sets it once more; nothing else breaks."""
    kept = store(tmp_path)
    kept.folder.mkdir(parents=True)
    (kept.folder / "set.sealed").write_text(text)
    assert set(kept.names()) <= {"B"}
    kept.put("C", VALUE)
    assert kept.find("C") == VALUE


def test_a_state_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A value that is not kept is not used."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigInvalid, match="cannot be kept"):
        store(tmp_path).put("A", VALUE)
    assert store(tmp_path).all_generated() == []
