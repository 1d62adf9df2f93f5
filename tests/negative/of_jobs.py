"""Weakenings around what a yes to a job covers, and around state as it is stored."""

from tests.negative.weakening import Weakening

APPROVAL = "tests/guard/test_job_approval.py"
FACTS = "tests/store/test_lease_facts.py"

OF_JOBS: tuple[Weakening, ...] = (
    Weakening(
        "a job rents above the ceiling that was agreed to",
        "vast_mcp/guard/job_approval.py",
        "    return spend.usd_per_hour <= job.spec.agreed.ceiling\n",
        "    return True\n",
        (APPROVAL,),
    ),
    Weakening(
        "a job rents a machine beside the one it has",
        "vast_mcp/guard/job_approval.py",
        "    if job.spec.agreed is None or any(rental.job_id == job.job_id for rental in"
        " tx.live_rentals()):\n",
        "    if job.spec.agreed is None:\n",
        (APPROVAL,),
    ),
    Weakening(
        "a job's machine is destroyed with its outputs still on it",
        "vast_mcp/guard/job_approval.py",
        '    return job.spec.on_end == "destroy" and job.facts.verified\n',
        '    return job.spec.on_end == "destroy"\n',
        (APPROVAL,),
    ),
    Weakening(
        "a yes to a rent holds at a higher price",
        "vast_mcp/actions/rent.py",
        "rate=now.rate) == now and now.rate <= then.rate\n",
        "rate=now.rate) == now\n",
        ("tests/actions/test_rent.py", "-k", "holds_for_the_same_offer"),
    ),
    Weakening(
        "what a newer release noted of a lease is lost with the next change",
        "vast_mcp/store/_facts_codec.py",
        "        written: JsonObject = dict(getattr(facts, _CARRIED)) if self._keeps else {}\n",
        "        written: JsonObject = {}\n",
        (FACTS,),
    ),
    Weakening(
        "a flag is read as a number",
        "vast_mcp/store/_facts_codec.py",
        "    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):\n",
        "    if not isinstance(value, kind):\n",
        (FACTS,),
    ),
)
