"""The rooms that decide about money, data or secrets: where mutants are drawn."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Room:
    """A name and the files that belong to it, as patterns under `vast_mcp/`."""

    name: str
    patterns: tuple[str, ...]
    function_by_function: bool = False
    """Every function gets its turn before any gets a second: the caps."""

    def files(self, root: Path) -> list[str]:
        """Its files, relative to the tree, in a fixed order."""
        found = {path for pattern in self.patterns for path in (root / "vast_mcp").glob(pattern)}
        return sorted(str(path.relative_to(root)) for path in found)


ROOMS: tuple[Room, ...] = (
    Room("caps", ("policy/caps.py", "policy/standing.py", "policy/budget.py"), True),
    Room(
        "policy",
        (
            "policy/actions.py",
            "policy/engine.py",
            "policy/facts.py",
            "policy/fitting.py",
            "policy/keys.py",
            "policy/layers.py",
            "policy/limits.py",
            "policy/questions.py",
            "policy/source.py",
            "policy/table.py",
            "policy/toml.py",
            "policy/variables.py",
        ),
    ),
    Room("guard", ("guard/*.py", "account/*.py")),
    Room("acts", ("actions/*.py",)),
    Room("store", ("store/*.py",)),
    Room(
        "leases",
        (
            "keeper/*.py",
            "vendor_clock.py",
            "account/lease_label.py",
            "leases/observing.py",
            "keeper/tick.py",
            "guard/startup_gate.py",
            "actions/lease_base.py",
            "actions/end_endpoint.py",
            "actions/start.py",
            "actions/extend.py",
            "leases/onstart_guard/*.py",
        ),
    ),
    Room("remote", ("remote/*.py",)),
    Room("jobs", ("jobs/*.py", "views/jobs.py", "views/jobs_asked.py", "store/jobs.py")),
    Room(
        "transports",
        ("transports.py", "http_limits.py", "api/transport.py", "api/permit.py", "api/retry.py"),
    ),
    Room(
        "principals",
        (
            "server.py",
            "runtime.py",
            "config.py",
            "views/rules.py",
            "session.py",
            "keeper/rights.py",
            "leases/approved.py",
            "guard/answers.py",
            "guard/plans.py",
            "store/jobs.py",
            "views/jobs.py",
            "tools/_ask.py",
        ),
    ),
    Room(
        "secrets",
        (
            "masking.py",
            "credentials.py",
            "text.py",
            "account/secrets.py",
            "account/secret_store.py",
            "store/sealing.py",
            "store/audit_key.py",
            "account/encryption.py",
            "remote/secret_names.py",
            "cli/secrets.py",
        ),
    ),
    Room(
        "money",
        (
            "units.py",
            "leases/books.py",
            "account/ledger.py",
            "account/reserved_names.py",
            "store/exposure.py",
            "views/charges.py",
            "views/spending.py",
            "instances/cost_estimate.py",
            "market/terms.py",
            "actions/rent_price.py",
        ),
    ),
    Room(
        "vendor",
        (
            "api/classify.py",
            "api/refusals.py",
            "api/instance_reads.py",
            "api/pages.py",
            "api/results.py",
            "api/wire.py",
            "api/flight.py",
            "rate_limit/*.py",
        ),
    ),
)
