"""A machine as our own ledger holds it, for the time in which the vendor does not show it.

Once the vendor answered "no such machine" for one that ran and billed. What we rented and nobody
has proven ended is therefore shown, counted and ended from what the ledger knows.
"""

from vast_mcp.clock import MINUTE_US
from vast_mcp.models import Instance
from vast_mcp.store import Gpus, Rental, RentalState
from vast_mcp.text import LABEL_LIMIT, Untrusted, clean_line

YOUNG_US = MINUTE_US
"""So long after a rent the vendor may not list it yet."""


def remembered(rental: Rental, now_us: int) -> Instance:
    """What the ledger knows of it. Its state is `unknown`, or `starting` just after the rent."""
    gpus = rental.facts.gpus or Gpus(1, "GPU")
    wish = "running" if rental.running else "stopped"
    return Instance(
        instance_id=rental.target_id or 0,
        machine_id=rental.machine_id or 0,
        label=clean_line(rental.label, LABEL_LIMIT),
        raw_label=rental.label,
        actual_status=None if is_young(rental, now_us) else "unknown",
        intended_status=wish,
        cur_state=wish,
        next_state=wish,
        status_message=Untrusted(""),
        is_bid=rental.facts.is_bid,
        gpu_name=gpus.name,
        num_gpus=gpus.count,
        gpu_ram_gb=0.0,
        usd_per_hour=rental.usd_per_hour,
        disk_usd_per_hour=rental.disk_usd_per_hour,
        min_bid=None,
        download_usd_per_gb=0.0,
        upload_usd_per_gb=0.0,
        disk_gb=rental.facts.disk_gb,
        disk_used_gb=None,
        gpu_utilisation_percent=None,
        image=Untrusted(""),
        runtype="",
        template_hash=None,
        country="",
        public_ip=None,
        ssh_host=None,
        ssh_port=None,
        ports=(),
        started_at_us=rental.created_us,
        contract_ends_us=None,
        listed=False,
    )


def is_young(rental: Rental, now_us: int) -> bool:
    """Rented so lately, and never seen, that the vendor's lists may lag behind it."""
    return not (rental.ever_ran or rental.touched) and now_us - rental.created_us < YOUNG_US


def holds(rental: Rental | None) -> bool:
    """Whether the ledger has it as a machine that was made and not proven ended."""
    made = rental is not None and rental.target_id is not None
    return made and rental is not None and rental.state.holds_money


def ending(rental: Rental) -> bool:
    """Whether a destroy of it was sent."""
    return rental.state is RentalState.DESTROYING
