"""The warning for a value that went in plain text names the command that is better."""

import pytest

from vast_mcp.account.secrets import in_plain_text


@pytest.mark.parametrize(
    ("found", "command"),
    [
        (["HF_TOKEN"], "vast-mcp secrets set HF_TOKEN`"),
        (["HF_TOKEN", "WANDB_API_KEY"], "vast-mcp secrets set HF_TOKEN`"),
        (["a private key"], "vast-mcp secrets set NAME`"),
    ],
)
def test_the_command_can_be_typed_as_it_stands(found: list[str], command: str) -> None:
    """A variable is named; where there is no name, a place for it stands there."""
    assert command in in_plain_text(found)
