"""Which key takes another's place, and which never does."""

from collections.abc import Sequence

from vast_mcp.api.keyring import KeyRing
from vast_mcp.config import ApiKey, KeyKind

GIVEN = ApiKey("given-key-1", "VAST_API_KEY")
SESSION = ApiKey("session-key-1", "tfa", KeyKind.SESSION, 1)
NEWER = ApiKey("session-key-2", "tfa", KeyKind.SESSION, 2)
PLAIN = ApiKey("plain-key-1", "file", KeyKind.FILE)
LOGIN = ApiKey("login-key-1", "the keyring", KeyKind.LOGIN)


async def replaced(
    sent: ApiKey, found: Sequence[ApiKey], *, sessions_only: bool = False, same: bool | None = True
) -> ApiKey | None:
    """The key in use after `sent` was refused, while these lie in their files."""

    async def answer(_: ApiKey) -> bool | None:
        return same

    ring = KeyRing(sent, lambda: found)
    changed = await ring.replace(sent, 0, answer, sessions_only=sessions_only)
    assert changed is (ring.current != sent)
    assert len(ring.changes) == changed
    return ring.current


async def test_an_ended_session_gives_way_to_a_newer_one_and_else_to_the_plain_key() -> None:
    """In the order in which the official client looks for them."""
    assert await replaced(SESSION, [SESSION, PLAIN]) == PLAIN
    assert await replaced(SESSION, [NEWER, PLAIN]) == NEWER
    assert await replaced(SESSION, [SESSION]) == SESSION


async def test_a_key_that_a_person_named_never_gives_way() -> None:
    """Whatever lies in files: it may be another account's."""
    assert await replaced(GIVEN, [SESSION, PLAIN]) == GIVEN
    assert await replaced(GIVEN, [SESSION, PLAIN], sessions_only=True) == GIVEN


async def test_a_login_gives_way_to_a_newer_login_or_a_session_never_to_a_key_file() -> None:
    """Who logs in chose a key; the official client's file is another choice."""
    newer = ApiKey("login-key-2", "the keyring", KeyKind.LOGIN)
    assert await replaced(LOGIN, [LOGIN, PLAIN]) == LOGIN
    assert await replaced(LOGIN, [newer, PLAIN]) == newer
    assert await replaced(LOGIN, [LOGIN, SESSION, PLAIN], sessions_only=True) == SESSION
    assert await replaced(SESSION, [LOGIN, SESSION, PLAIN]) == LOGIN
    assert await replaced(PLAIN, [LOGIN, PLAIN]) == LOGIN


async def test_a_key_without_the_second_factor_gives_way_to_a_session_alone() -> None:
    """Another plain key lacks it as well; the plain key stays good for all else."""
    other = ApiKey("plain-key-2", "file", KeyKind.FILE)
    assert await replaced(PLAIN, [other], sessions_only=True) == PLAIN
    assert await replaced(PLAIN, [SESSION, PLAIN], sessions_only=True) == SESSION


async def test_a_key_of_another_account_or_of_nobody_knows_whose_is_not_taken() -> None:
    """One that cannot be told now may be tried again later."""
    assert await replaced(SESSION, [SESSION, PLAIN], same=False) == SESSION
    assert await replaced(SESSION, [SESSION, PLAIN], same=None) == SESSION


async def test_two_calls_with_the_same_ended_session_change_the_key_once() -> None:
    """The second finds it changed, and only sends again."""

    async def yes(_: ApiKey) -> bool:
        return True

    ring = KeyRing(SESSION, lambda: [SESSION, PLAIN])
    assert await ring.replace(SESSION, 0, yes, sessions_only=False)
    assert await ring.replace(SESSION, 0, yes, sessions_only=False)
    assert len(ring.changes) == 1
    assert ring.redactor.scrub("plain-key-1 session-key-1") == "[secret] [secret]"
