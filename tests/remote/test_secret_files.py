"""Promise: no file that holds a secret goes to a stranger's machine unless a person named it."""

import os
from pathlib import Path

import pytest

from vast_mcp.remote.errors import PathRefused
from vast_mcp.remote.paths import LocalRoots, remote_path
from vast_mcp.remote.plan import plan_upload
from vast_mcp.remote.secret_names import looks_secret

SECRET_NAMES = (
    "kubeconfig", "kubeconfig.yaml", "token.txt", "token", "token.json", "hf_token", "my_token.txt",
    "client_secret.json", "client_secret_123.apps.googleusercontent.com.json", "terraform.tfstate",
    "terraform.tfstate.backup", "prod.tfvars", "cookies.sqlite", "cookies.txt", "Cookies", ".netrc",
    "_netrc", ".pgpass", ".git-credentials", "id_rsa", "id_ed25519", "server.pem", "a.p12", "a.pfx",
    "vault.kdbx", ".aws/credentials", "service-account.json", "my-service-account-key.json",
    "application_default_credentials.json", ".env", ".env.production", ".docker/config.json",
    "x-firebase-adminsdk-1.json", "secrets.yaml", "secrets.toml", "secret.txt", "passwords.txt",
    "logins.json", "key4.db", "wallet.dat", "AuthKey_1.p8", "a.keytab", "login.keychain-db",
    ".vault_pass", "api_key.txt", "apikey", "openai-api-key.txt", "accessKeys.csv", "rootkey.csv",
    ".htpasswd", "shadow", ".my.cnf", "rclone.conf", ".databrickscfg", "sftp-config.json",
    ".vast_api_key", "vast_tfa_key", "a.ovpn", "secring.gpg", ".bash_history", "hosts.agekey",
)  # fmt: skip
PLAIN_NAMES = (
    "train.py", "tokenizer.json", "tokenizer_config.json", "tokens.txt", "special_tokens_map.json",
    "added_tokens.json", "vocab.txt", "model.safetensors", "keys.py", "secrets.py", "token.py",
    "password_reset.py", "README.md", "config.json", "requirements.txt", "environment.yml",
    "data/keyboard.csv", "monkey.txt", "checkpoint.pt", "idx_train.npy", "cookie_cutter.py",
)  # fmt: skip
TOKENS = {
    "a Hugging Face token": "hf_" + "aB3dE6gH9j" * 4,
    "a GitHub token": "ghp_" + "aB3dE6gH9j" * 4,
    "a GitHub token ": "github_pat_" + "aB3dE6gH9j" * 4,
    "an OpenAI or Anthropic key": "sk-ant-api03-" + "aB3dE6gH9j" * 4,
    "an AWS key": "AKIA" + "ABCDEFGH23456789",
    "a Slack token": "xoxb-" + "1234567890-abcdef",
    "a GitLab token": "glpat-" + "aB3dE6gH9j" * 2,
    "a Google key": "AIza" + "aB3dE6gH9j" * 4,
    "a wandb key": "WANDB_API_KEY: " + "0123456789abcdef" * 2 + "01234567",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
    "a private key ": "-----BEGIN ENCRYPTED PRIVATE KEY-----",
    "a private key  ": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "a login for a machine": "machine api.example.com login me password hunter22",
    "a kubeconfig's key": "    client-key-data: LS0tLS1CRUdJTiBSU0E=",
    "a registry's login": '{"auths": {"r.example": {"auth": "bWU6aHVudGVyMjI="}}}',
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """`~/vast-mcp` with a project in it."""
    folder = tmp_path / "vast-mcp" / "proj"
    folder.mkdir(parents=True)
    return folder


def _sent(home: Path) -> tuple[list[str], dict[str, str]]:
    plan = plan_upload(LocalRoots(home.parents[1]).place("proj"), "/workspace/x")
    return [file.name for file in plan.files], {skip.name: skip.why for skip in plan.skipped}


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_that_usually_holds_secrets_is_skipped_and_told(name: str, home: Path) -> None:
    """In a tree, whatever its case; the exact path is a matter for a question."""
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("nothing known")
    files, skipped = _sent(home)
    assert files == []
    assert "looks like a secret" in next(iter(skipped.values()))
    assert looks_secret(name.upper().split("/"))


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_plain_name_is_sent(name: str, home: Path) -> None:
    """Code and models have names that only resemble those of secrets."""
    (home / name).parent.mkdir(exist_ok=True)
    (home / name).write_text("nothing known")
    assert _sent(home)[0] == [name]


@pytest.mark.parametrize("where", ["start", "end of a large file", "end of a medium one"])
@pytest.mark.parametrize("kind", TOKENS)
def test_a_secret_inside_is_skipped_and_its_kind_told(kind: str, where: str, home: Path) -> None:
    """Whatever it is called: the first and the last 64 KB are looked at."""
    before = {"start": 0, "end of a large file": 3_000_000, "end of a medium one": 70_000}[where]
    (home / "notes.txt").write_text("x " * (before // 2) + f"\n{TOKENS[kind]}\n")
    files, skipped = _sent(home)
    assert files == []
    assert skipped == {"notes.txt": f"looks like a secret: holds {kind.strip()}"}


@pytest.mark.parametrize(
    "text",
    ["import os\nos.environ['HF_TOKEN']\n", ".sk-fading-circle .sk-circle-before { }",
     "-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----", "hf_hub_download(repo)",
     "commit 0123456789abcdef0123456789abcdef01234567", "password: str = getpass()"],
)  # fmt: skip
def test_text_that_only_speaks_of_secrets_is_sent(text: str, home: Path) -> None:
    """Nothing is skipped that a project needs."""
    (home / "notes.txt").write_text(text)
    assert _sent(home) == (["notes.txt"], {})


def test_a_hard_link_to_a_private_key_is_no_way_round(home: Path) -> None:
    """A second name of the same bytes: the bytes decide."""
    key = home.parents[1] / "id_ed25519"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n")
    store = home.parents[1] / "git-credentials"
    store.write_text("https://me:hunter22@github.com\n")
    os.link(key, home / "data.bin")
    os.link(store, home / "urls.txt")
    (home / "link").symlink_to(key)
    files, skipped = _sent(home)
    assert files == []
    assert sorted(skipped) == ["data.bin", "link", "urls.txt"]


def test_the_exact_path_is_planned_with_the_doubt_that_the_question_names(home: Path) -> None:
    """By name and by content; a directory of secrets is never sent."""
    (home / "token.txt").write_text("abc")
    (home / "data.bin").write_text(TOKENS["a private key"])
    (home / ".aws").mkdir()
    roots = LocalRoots(home.parents[1])
    named = plan_upload(roots.place("proj/token.txt", allow_secrets=True), "/workspace/x")
    inside = plan_upload(roots.place("proj/data.bin"), "/workspace/x")
    assert (named.doubt, inside.doubt) == ("has a secret's name", "holds a private key")
    with pytest.raises(PathRefused, match="looks like a secret"):
        plan_upload(roots.place("proj/.aws", allow_secrets=True), "/workspace/x")


@pytest.mark.parametrize(
    "path",
    ["/proc/1/root/workspace", "/proc/self/cwd/x", "/dev/fd/3", "/sys/x", "//proc/1/root/x",
     "/./proc/1/root", "/root/.ssh/x", "~/.ssh/authorized_keys", ".ssh/x", "/root/.vmcp/x",
     "/root/./.ssh", "~/.vmcp"],
)  # fmt: skip
def test_a_second_path_to_the_same_place_is_no_target(path: str) -> None:
    """The kernel's own directories name every file again; keys and the guard's notes are ours."""
    with pytest.raises(PathRefused):
        remote_path(path, target=True)


def test_a_root_below_the_kernels_directories_is_refused(tmp_path: Path) -> None:
    """`--files /proc/self/root/…` would open the whole disk under another name."""
    for given in (Path("/proc/self/root/tmp"), Path("/dev/fd"), Path("/sys")):
        if given.resolve().is_dir() and given.resolve().parts[1:2] in {
            ("proc",),
            ("dev",),
            ("sys",),
        }:
            with pytest.raises(PathRefused):
                LocalRoots(tmp_path, [given])
