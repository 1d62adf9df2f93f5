"""Weakenings of what keeps keys apart and a try of them harmless."""

from tests.negative.weakening import Weakening

SESSIONS = "tests/promises/test_sessions.py"

OF_KEYS: tuple[Weakening, ...] = (
    Weakening(
        "the drift report lets writes through",
        "vast_mcp/cli/_tap.py",
        "        if self._reads_only and not is_file and",
        "        if not self._reads_only and not is_file and",
        ("tests/cli/test_drift.py::test_drift_lets_no_write_through",),
    ),
    Weakening(
        "the right to end is tried where such a machine may exist",
        "vast_mcp/actions/prove_rights.py",
        "any(instance.instance_id >= NOWHERE for instance in listed)",
        "any(instance.instance_id < 0 for instance in listed)",
        ("tests/cli/test_doctor_keys.py", "-k", "such_a_machine"),
    ),
    Weakening(
        "a key of another account takes the place of a session that ended",
        "vast_mcp/api/keyring.py",
        "            same = await same_account(key)\n",
        "            same = True\n",
        (f"{SESSIONS}::test_a_key_of_another_account_takes_no_place",),
    ),
    Weakening(
        "a key file takes the place of the key that a person named",
        "vast_mcp/api/keyring.py",
        "        if sent.kind is KeyKind.GIVEN:\n            return False\n",
        "",
        ("tests/api/test_keyring.py",),
    ),
    Weakening(
        "a write whose session ended is not sent again",
        "vast_mcp/guard/journal.py",
        "            if not error.key_replaced:\n                raise\n",
        "            raise\n",
        (f"{SESSIONS}::test_a_session_that_ends_under_a_write_does_not_lose_it",),
    ),
)
