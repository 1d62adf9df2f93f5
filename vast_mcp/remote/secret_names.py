"""Names that look like secrets: never sent to a stranger's machine by default, never overwritten.

The host of a rented machine can read its disk, so an upload of `~/.ssh` is a publication. The list
errs on the side of refusing; `allow_secrets` of a plan is a person's word.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

_PATTERNS = (
    ".ssh",
    ".aws",
    ".azure",
    ".config",
    ".docker",
    ".gcloud",
    ".gnupg",
    ".kube",
    ".env*",
    "*.env",
    ".envrc",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.ppk",
    "*.jks",
    "*.kdbx",
    "*.keystore",
    "*.agekey",
    "id_*",
    "credentials*",
    ".credentials*",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".gitconfig",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".s3cfg",
    ".boto",
    ".rclone.conf",
    "rclone.conf",
    ".vault-token",
    ".vast_api_key",
    "vast_api_key",
    "vast_tfa_key",
    "kaggle.json",
    "service-account*.json",
    "service_account*.json",
    "authorized_keys*",
    "known_hosts*",
    "ssh_ed25519*",
    "ssh_host_*",
    ".bash_history",
    ".zsh_history",
    ".python_history",
)


def looks_secret(parts: Iterable[str]) -> bool:
    """Whether any component is a name under which secrets are usually kept.

    Case does not count: half of the file systems this runs on ignore it.
    """
    return any(
        fnmatchcase(part.strip().casefold(), pattern) for part in parts for pattern in _PATTERNS
    )
