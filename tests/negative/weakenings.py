"""Deliberate weakenings: what a careless change could take away, and the test that must notice.

Each replaces one text of one file, which must stand there exactly once. A weakening that no test
notices is a missing test.
"""

from tests.negative.of_answers import OF_ANSWERS
from tests.negative.of_jobs import OF_JOBS
from tests.negative.of_keys import OF_KEYS
from tests.negative.of_leases import OF_LEASES
from tests.negative.of_market import OF_MARKET
from tests.negative.of_marks import OF_MARKS
from tests.negative.weakening import Weakening

LOST = "tests/promises/test_lost_answers.py"
UNPROVEN = "tests/promises/test_unproven_answers.py"
LEASES = "tests/promises/test_leases.py"
PRICES = "tests/promises/test_prices.py"
ONCE = "tests/promises/test_answers_hold_once.py"
CANCELS = "tests/suites/test_cancels.py"
DESTROYS = "tests/suites/test_faulted_destroys.py"
CHAOS = "tests/suites/test_chaos_leases.py"
MARKS = "tests/promises/test_prices.py::test_a_price_is_in_the_request_if_and_only_if_it_is_a_bid"

WEAKENINGS: tuple[Weakening, ...] = (
    Weakening(
        "a create whose answer was lost is sent again",
        "vast_mcp/actions/rent_sending.py",
        "        reply = await errand.send(call, timeout_s=SEND_TIMEOUT_S)\n",
        "        try:\n"
        "            reply = await errand.send(call, timeout_s=SEND_TIMEOUT_S)\n"
        "        except OutcomeUnknown:\n"
        "            reply = await errand.send(call, timeout_s=SEND_TIMEOUT_S)\n",
        (f"{LOST}::test_a_rent_whose_answer_is_lost_exists_once_and_is_known",),
        (("VAST_MCP_TEST_LOST_RUNS", "4"),),
    ),
    Weakening(
        "a plain BEGIN for reservations",
        "vast_mcp/store/ledger.py",
        'self._transact("BEGIN IMMEDIATE", work)',
        'self._transact("BEGIN", work)',
        ("tests/promises/test_limits_across_processes.py", "-k", "running"),
    ),
    Weakening(
        "a 404 of any kind means gone",
        "vast_mcp/api/instance_reads.py",
        "        except NotFound as absent:\n            if says_gone(absent):\n",
        "        except Exception as absent:\n"
        '            if getattr(absent, "status", None) == 404:\n',
        (DESTROYS, "tests/api/test_reads.py"),
    ),
    Weakening(
        "no horizon before an absence is believed",
        "vast_mcp/leases/reconcile.py",
        "\nHORIZON_US = 15 * MINUTE_US",
        "\nHORIZON_US = 0",
        (LOST,),
        (("VAST_MCP_TEST_LOST_RUNS", "1"),),
    ),
    Weakening(
        "no second decision inside the reserving transaction",
        "vast_mcp/guard/redeem.py",
        "        decision = self.judge(tx, sight, caller, limits, facts)\n        if isinstance",
        "        decision: Decision = Allow()\n        if isinstance",
        ("tests/promises/test_limits_across_processes.py", "-k", "running or hour"),
    ),
    Weakening(
        "a plan can be claimed twice",
        "vast_mcp/guard/redeem.py",
        "        if fresh.state is not PlanState.OPEN:\n            return fresh\n        if",
        "        if fresh.state is PlanState.DECLINED:\n            return fresh\n        if",
        (ONCE,),
    ),
    Weakening(
        "a repeated call is a new one",
        "vast_mcp/guard/redeem.py",
        "        if repeat is not None:\n            return repeat\n",
        "",
        (f"{LOST}::test_identical_rents_at_once_make_one_machine",),
    ),
    Weakening(
        "no look at the price after the create",
        "vast_mcp/actions/rent_sending.py",
        "    instance, instance_id = found.instance, found.instance.instance_id\n"
        "    why = breach_of(instance, terms.machine)\n",
        "    instance, instance_id = found.instance, found.instance.instance_id\n"
        "    why: str | None = None\n",
        (PRICES,),
    ),
    Weakening(
        "no look at the ceiling before the create",
        "vast_mcp/actions/price_ceiling.py",
        "    if price.rate > round_up(ceiling):",
        "    if price.rate > round_up(ceiling) and not account:",
        (PRICES,),
    ),
    Weakening(
        "a refusal that names a contract is only a refusal",
        "vast_mcp/actions/rent_sending.py",
        "    if answer.failed and answer.named is not None:\n",
        "    if answer.failed and answer.named is None and not answer.said:\n",
        (f"{LOST}::test_an_error_that_names_a_contract_is_undone",),
    ),
    Weakening(
        "an error that nobody knows is a refusal",
        "vast_mcp/api/classify.py",
        "    if not operation.reads and not _settles(row, said):\n",
        "    if not operation.reads and row is not None and not _settles(row, said):\n",
        (f"{UNPROVEN}::test_an_answer_that_nobody_knows_leaves_the_rent_unknown",),
    ),
    Weakening(
        "an id in an answer is a proof",
        "vast_mcp/leases/reconcile.py",
        "    return first_of(account.marker, rental, new)\n",
        "    return new[0] if len(new) == 1 else first_of(account.marker, rental, new)\n",
        (f"{UNPROVEN}::test_another_machine_that_an_answer_names_is_never_touched",),
    ),
    Weakening(
        "an answered rent is released at once",
        "vast_mcp/leases/reconcile.py",
        "ANSWERED_HORIZON_US = 5 * MINUTE_US",
        "ANSWERED_HORIZON_US = 0",
        (f"{UNPROVEN}::test_an_answered_unknown_is_released_after_five_minutes_and_three_reads",),
    ),
    Weakening(
        "a bid that never wins is kept",
        "vast_mcp/keeper/tick.py",
        "    if parked_us is None or rental.ever_ran or instance is None:\n",
        "    if parked_us is None or not rental.ever_ran or instance is None:\n",
        (f"{UNPROVEN}::test_a_bid_that_never_wins_is_destroyed_after_ten_minutes_and_told",),
    ),
    Weakening(
        "any four digits will do",
        "vast_mcp/tools/_ask.py",
        'return " ".join(digits.split()) == plan.digits',
        "return len(digits.strip()) == 4",
        ("tests/promises/test_confirmations.py::test_wrong_digits_keep_the_machine",),
    ),
    Weakening(
        "a yes outlives a change of the policy",
        "vast_mcp/guard/redeem.py",
        "        if fresh.policy_digest != limits.digest:\n",
        "        if not fresh.policy_digest:\n",
        (f"{ONCE}::test_a_policy_changed_since_the_question_voids_the_yes",),
    ),
    Weakening(
        "a yes outlives a change of its target",
        "vast_mcp/guard/redeem.py",
        "        if not act.holds(fresh.snapshot, sight):\n",
        "        if not fresh.snapshot:\n",
        (f"{ONCE}::test_a_target_that_changed_while_asking_is_not_touched",),
    ),
    Weakening(
        "a declined plan can be redeemed",
        "vast_mcp/guard/answers.py",
        "fresh, state=PlanState.DECLINED, changed_us",
        "fresh, state=PlanState.OPEN, changed_us",
        (ONCE, "tests/promises/test_confirmations.py"),
    ),
    Weakening(
        "an offer that cannot start is rented all the same",
        "vast_mcp/operations/instances.py",
        '"cancel_unavail": True,',
        '"cancel_unavail": False,',
        (MARKS,),
    ),
    Weakening(
        "the ceiling is sent as a price",
        "vast_mcp/actions/rent.py",
        "            bid_usd_per_hour=self.bid_usd_per_hour,\n            env=",
        "            bid_usd_per_hour=self.bid_usd_per_hour or self.max_price_usd_per_hour,\n"
        "            env=",
        (MARKS,),
    ),
    Weakening(
        "no mark in the label",
        "vast_mcp/actions/rent.py",
        "label=account.marker.label(self.label, booking.intent_id, ends_us),",
        "label=self.label,",
        (MARKS,),
    ),
    Weakening(
        "no mark in the environment",
        "vast_mcp/actions/rent.py",
        "env=(*self.env, *hidden, (ENV_NAME, booking.intent_id)),",
        "env=(*self.env, *hidden),",
        (MARKS,),
    ),
    Weakening(
        "a write belongs to the request that asked for it",
        "vast_mcp/guard/tasks.py",
        "return await asyncio.shield(task)",
        "return await task",
        ("tests/promises/test_audit_and_cancel.py", CANCELS),
    ),
    Weakening(
        "a transaction may begin inside a cancelled one",
        "vast_mcp/store/ledger.py",
        "        with self._pen:\n            return self._run(begin, work)\n",
        "        return self._run(begin, work)\n",
        (f"{CANCELS}::test_a_task_that_is_cut_off_in_a_transaction_leaves_the_books_usable",),
    ),
    Weakening(
        "a write that a shutdown cut off leaves no outcome",
        "vast_mcp/guard/journal.py",
        '                await self._quiet(ledger, row("outcome", "cut off"))\n',
        "",
        (CANCELS,),
        (("CANCELS", "150"),),
    ),
    Weakening(
        "a write is sent before it is written down",
        "vast_mcp/guard/journal.py",
        '            await self._note(ledger, row("write", "sending"))\n',
        "",
        ("tests/promises/test_audit_and_cancel.py", CANCELS),
    ),
    Weakening(
        "a rent is not marked as sent before it is",
        "vast_mcp/actions/rent_sending.py",
        "tx.update_rental(rental, state=RentalState.SENDING, sent_us=sent_us)",
        "tx.update_rental(rental, sent_us=sent_us)",
        ("tests/suites/test_crashes.py", "-k", "carried_out_after"),
    ),
    Weakening(
        "a rent is found by its mark only when its process is surely dead",
        "vast_mcp/leases/observing.py",
        "    if one is not None:  # at once",
        "    if one is not None and now_us - rental.created_us >= _STALE_US:  # at once",
        ("tests/suites/test_crashes.py", "-k", "create"),
        (("CRASHES_STRIDE", "1"),),
    ),
    Weakening(
        "a truncated list passes for whole",
        "vast_mcp/api/pages.py",
        "    if totals != {len(found)}:",
        "    if len(found) > max(totals):",
        ("tests/api/test_reads.py",),
    ),
    Weakening(
        "an unreadable list is an empty one",
        "vast_mcp/account/cache.py",
        "        found = tuple(await self._reads.list_instances(urgent=urgent, between=between))\n",
        "        try:\n"
        "            found = tuple(\n"
        "                await self._reads.list_instances(urgent=urgent, between=between)\n"
        "            )\n"
        "        except Exception:\n"
        "            found = ()\n",
        (f"{LOST}::test_reads_that_fail_prove_no_absence",),
    ),
    Weakening(
        "an unknown outcome releases its money",
        "vast_mcp/actions/rent_sending.py",
        "        return tx.update_rental(rental, state=RentalState.UNKNOWN, facts=facts)\n",
        "        return books.close(tx, rental, RentalState.ABSENT, account.now_us())\n",
        (LOST,),
        (("VAST_MCP_TEST_LOST_RUNS", "1"),),
    ),
    Weakening(
        "an outbid machine rests",
        "vast_mcp/leases/books.py",
        "    for_good = not instance.is_bid or rental.facts.stop_sent\n",
        "    for_good = True\n",
        (f"{LEASES}::test_an_outbid_machine_is_stopped_at_its_end_too", CHAOS),
    ),
    Weakening(
        "a mark is ours without its seal",
        "vast_mcp/account/lease_label.py",
        "if owner != self.owner or not hmac.compare_digest(mac, self._mac(stem)):",
        "if owner != self.owner:",
        (CHAOS, "tests/account/test_lease_label.py"),
    ),
    Weakening(
        "a wiped label ends no lease",
        "vast_mcp/keeper/tick.py",
        "        unseen = instance is None and whole\n",
        '        if instance is not None and "vm1." not in instance.raw_label:\n'
        "            instance = None\n"
        "        unseen = instance is None and whole\n",
        (CHAOS,),
    ),
    Weakening(
        "destroyed is said when the destroy was accepted",
        "vast_mcp/actions/base.py",
        "            self.accepted, self.doubt, self.limited = True, None, None\n",
        "            self.accepted = self.gone = True\n",
        (DESTROYS,),
    ),
    Weakening(
        "the wall asks for no permit",
        "vast_mcp/api/transport.py",
        "        permit.redeem(digest_of(method, operation.host, path, query, body))\n",
        "",
        ("tests/api/test_wall.py",),
    ),
    Weakening(
        "spending goes on with books that cannot be read",
        "vast_mcp/guard/fallback_ledger.py",
        "        if tool not in ALWAYS_OPEN:\n"
        "            await self._ledger.read(lambda _: None)\n"
        "            return self._ledger\n",
        "",
        ("tests/promises/test_broken_ledger.py", "-k", "spending"),
    ),
    Weakening(
        "an ending whose books fail half-way is not begun anew",
        "vast_mcp/guard/fallback_ledger.py",
        "        if tool not in ALWAYS_OPEN or failed is self._spare:\n",
        "        if tool:\n",
        ("tests/suites/test_full_disk.py",),
        (("FULL_DISKS", "16"),),
    ),
    Weakening(
        "a broken policy passes for the built-in one",
        "vast_mcp/policy/source.py",
        "return self._finished(built_in(), broken=str(clean_line(fault, _FAULT_LIMIT)))",
        "return self._finished(built_in())",
        ("tests/policy/test_broken.py",),
    ),
    Weakening(
        "on_end destroy needs nobody's yes",
        "vast_mcp/store/rows.py",
        "agreed = self.asked and not self.facts.adopted",
        "agreed = not self.facts.adopted",
        (f"{LEASES}::test_on_end_destroy_is_covered_only_by_a_persons_yes",),
    ),
    Weakening(
        "a machine nobody could look at is taken as right",
        "vast_mcp/leases/books.py",
        """    if not rental.facts.checked:
        rental = _compare(tx, rental, instance)
""",
        "",
        (f"{PRICES}::test_a_machine_that_no_first_look_showed_is_checked_by_the_keeper",),
    ),
    Weakening(
        "a start that does not come up is left to start at night",
        "vast_mcp/keeper/tick.py",
        'START_GIVEN_UP_US and instance.actual_status != "running"\n',
        'START_GIVEN_UP_US and instance.actual_status == "migrating"\n',
        (f"{LEASES}::test_a_start_that_does_not_come_up_is_given_up",),
    ),
    Weakening(
        "known secrets are not taken out",
        "vast_mcp/text.py",
        "        return self._needles.scrubbed(text)\n",
        "        return text\n",
        ("tests/server/test_secrets.py",),
    ),
    *OF_LEASES,
    *OF_JOBS,
    *OF_KEYS,
    *OF_MARKET,
    *OF_MARKS,
    *OF_ANSWERS,
)
