"""Weakenings around whose a machine is: what a copied label, or a wiped one, would then do."""

from tests.negative.weakening import Weakening

COPIED = "tests/promises/test_copied_labels.py"
BELONGING = "vast_mcp/account/belonging.py"

OF_MARKS: tuple[Weakening, ...] = (
    Weakening(
        "whatever bears a verified mark is ours",
        BELONGING,
        "        return Belonging(None, None, why, mark.until_us) if why else",
        "        return Belonging(None, mark, why, mark.until_us) if why else",
        (COPIED, "-k", "bearer_of_a_mark"),
    ),
    Weakening(
        "the environment is not looked at",
        BELONGING,
        "    if one.shows_environment:\n        return one.intent_mark == intent_id\n",
        "    if one.intent_mark == intent_id:\n        return True\n",
        (COPIED, "-k", "older_machine"),
    ),
    Weakening(
        "of full copies any is ours",
        BELONGING,
        '        return "" if first.instance_id == one.instance_id else _SECOND\n\n    def _rivals',
        '        return "" if first else _SECOND\n\n    def _rivals',
        (COPIED, "-k", "original_alone"),
    ),
    Weakening(
        "the older of two is ours although a label says nothing of its age",
        BELONGING,
        "        if not one.shows_environment or None in began:\n",
        "        if None in began:\n",
        (COPIED, "-k", "nothing_tells"),
    ),
    Weakening(
        "a wiped label makes our machine a stranger's",
        BELONGING,
        "            if rental is not None:\n                own",
        "            if rental is not None and mark is not None:\n                own",
        (COPIED, "-k", "whatever_its_label_says"),
    ),
    Weakening(
        "a copy fills our caps",
        BELONGING,
        "            if mark is None or not self.whose(instance, tx).ours:\n",
        "            if mark is None:\n",
        (COPIED, "-k", "fills_no_cap"),
    ),
    Weakening(
        "a machine of any time is what an old rent became",
        BELONGING,
        "abs(one.started_at_us - sent_us) <= within_us",
        "abs(one.started_at_us - sent_us) >= 0",
        (COPIED, "-k", "hours_after"),
    ),
    Weakening(
        "an extension on another computer is not followed",
        "vast_mcp/leases/observing.py",
        "    if rental.running and not rental.touched and mark.until_us > rental.lease_ends_us:\n",
        "    if rental.running and rental.touched and mark.until_us > rental.lease_ends_us:\n",
        (COPIED, "-k", "one_key"),
    ),
    Weakening(
        "a second machine of one request is told to nobody",
        "vast_mcp/notices/due.py",
        "        *copied(seen.held),\n",
        "",
        ("tests/notices/test_due.py", "-k", "copied"),
    ),
    Weakening(
        "the mark of a copy goes into what is relabelled",
        "vast_mcp/actions/declared_values.py",
        "    return text if seen.whose.copied else account",
        "    return account",
        (COPIED, "-k", "relabelled"),
    ),
)
