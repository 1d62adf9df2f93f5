"""Whether a door asks for a token is decided by the door alone."""

from vast_mcp.transports import HttpDoor, auth_options

TOKEN = "a-token-long-enough-for-any-door-0123456789"


def test_a_door_with_a_token_asks_for_it_and_one_without_does_not() -> None:
    """No token, no verifier: such a door stands on loopback only, which the door itself checks."""
    assert auth_options(None) == {}
    assert auth_options(HttpDoor()) == {}
    assert set(auth_options(HttpDoor(token=TOKEN))) == {"auth", "token_verifier"}


async def test_only_the_whole_token_opens_and_names_its_subject() -> None:
    """A prefix, an empty text and a longer one are nobody's."""
    verifier = auth_options(HttpDoor(token=TOKEN, subject="ada"))["token_verifier"]
    found = await verifier.verify_token(TOKEN)
    assert found is not None
    assert found.subject == "ada"
    for wrong in ("", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper()):
        assert await verifier.verify_token(wrong) is None
