"""Promise: what looks like a credential is named before a stranger's host can read it."""

import pytest

from vast_mcp.credentials import exposed, names_a_credential, said

LONG = "aB3dE6gH9j" * 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_TOKEN", "anything-goes"), ("OPENAI_API_KEY", "x" * 20), ("DB_PASSWORD", "hunter22"),
        ("AWS_SECRET_ACCESS_KEY", LONG), ("GITHUB_PAT", LONG), ("PLAIN", "hf_" + LONG),
        ("PLAIN", "sk-" + LONG), ("PLAIN", "ghp_" + LONG), ("PLAIN", "github_pat_" + LONG),
        ("PLAIN", "AKIA" + "ABCDEFGH23456789"), ("PLAIN", "xoxb-1234567890-abc"),
        ("WANDB_SETTING", "0123456789" * 4), ("PLAIN", "glpat-" + LONG), ("PLAIN", "AIza" + LONG),
        ("PLAIN", "-----BEGIN OPENSSH PRIVATE KEY-----\nx"), ("DATABASE",
        "postgres://me:hunter22@h/d"),
        ("DATABASE_DSN", "host=a password=b"), ("SESSION_COOKIE", "abcdefgh"), ("jupyterToken",
        "abcdefg"),
    ],
)  # fmt: skip
def test_a_variable_is_named_by_its_name_or_its_value(name: str, value: str) -> None:
    """By the name that such variables have, or the beginning that the provider published."""
    assert exposed({name: value}, ()) == (name,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_TOKENS", "4096"), ("TOKENIZERS_PARALLELISM", "false"), ("HF_HOME", "/workspace/hf"),
        ("MODEL", "meta-llama/Llama-3-8B"), ("EOS_TOKEN", "</s>"), ("USE_AUTH", "true"),
        ("KEYBOARD", "german-layout"), ("SSH_KEY", "/root/.ssh/id"), ("COMMIT", "0123456789" * 4),
        ("MONKEY", "banana-banana"), ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True"),
    ],
)  # fmt: skip
def test_an_ordinary_variable_is_not(name: str, value: str) -> None:
    """A warning that is often wrong is soon not read."""
    assert exposed({name: value}, ()) == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("export HF_TOKEN=hf_" + LONG, "HF_TOKEN"), ("DB_PASSWORD='hunter22' ./run", "DB_PASSWORD"),
        ("curl -H 'Authorization: Bearer " + "ghp_" + LONG + "'", "a GitHub token"),
        ("huggingface-cli login --token hf_" + LONG, "token"), ("mysql --password=hunter22",
        "password"),
        ("wandb login " + "0123456789" * 4, "a wandb key"), ("git clone https://me:hunter22@h/r",
        "a password"),
        ("echo '-----BEGIN RSA PRIVATE KEY-----' > k", "a private key"),
    ],
)  # fmt: skip
def test_a_credential_in_a_command_or_script_is_named(text: str, what: str) -> None:
    """In onstart, args and commands."""
    assert exposed({}, (("onstart", text),)) == (f"{what} in onstart",)


@pytest.mark.parametrize(
    "text",
    ["python train.py --max-tokens 4096", "export HF_TOKEN=$HF_TOKEN", 'echo "$API_KEY" | wc -c',
     "the key words are many", "pip install torch==2.5.1",
     "git checkout 0123456789012345678901234567890123456789",
     "export KEY_FILE=/root/k", "--token ${TOKEN}", "cat token.txt", "ssh-keygen -t ed25519"],
)  # fmt: skip
def test_a_command_without_one_is_left_alone(text: str) -> None:
    """A reference by name, a path, a number, prose."""
    assert exposed({}, (("onstart", text),)) == ()


def test_a_sentence_names_a_few_of_many() -> None:
    """A question has 350 characters."""
    assert said(["A", "B", "A", "C", "D", "E"]) == "A, B, C and 2 more"
    assert said([]) == ""
    assert names_a_credential("GITLAB_TOKEN")


@pytest.mark.parametrize(
    ("value", "names_it"),
    [("abc12", False), ("abc123", True), ("123456789", False), ("1234567890", True),
     ("<token>", False), ("******", False), ("./token", False), ("/a/b/c", False)],
)  # fmt: skip
def test_a_value_of_six_letters_is_one_and_a_placeholder_is_none(
    value: str, names_it: bool
) -> None:
    """Numbers, paths and stars stand in every example."""
    assert bool(exposed({"API_TOKEN": value}, ())) is names_it


@pytest.mark.parametrize(
    ("names", "sentence"),
    [("", ""), ("a", "a"), ("ab", "a, b"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"),
     ("abab", "a, b"), ("abcdef", "a, b, c and 3 more")],
)  # fmt: skip
def test_three_names_are_told_and_the_rest_is_counted(names: str, sentence: str) -> None:
    """Each once."""
    assert said(names) == sentence
