"""Weakenings around leases and calls at once, unasked sums, urgent looks, the audit log's end."""

from tests.negative.weakening import Weakening

EXTENDING = "tests/actions/test_extend.py"
UNASKED = "tests/guard/test_unasked.py"
URGENT = "tests/guard/test_urgent.py"
HEAD = "tests/store/test_head.py"
TEXTS = "tests/guard/test_secret_texts.py"
TWINS = "tests/guard/test_twins.py"
ODD = "tests/leases/onstart_guard/test_odd_address.py"

OF_LEASES: tuple[Weakening, ...] = (
    Weakening(
        "of two extensions at once the last one overwrites the other",
        "vast_mcp/guard/redeem.py",
        "        if why := act.moved(tx, sight):\n",
        "        if (why := act.moved(tx, sight)) and not act:\n",
        (EXTENDING, "-k", "at_once"),
    ),
    Weakening(
        "a label is written without another look into the books",
        "vast_mcp/actions/lease_base.py",
        "        if booked is None or booked.lease_ends_us == ends_us:\n"
        "            return effect.seen\n",
        "        if booked is None or effect.seen:\n            return effect.seen\n",
        (EXTENDING, "-k", "relabelling"),
    ),
    Weakening(
        "an unasked start of an older rental counts nowhere",
        "vast_mcp/actions/start.py",
        "                unasked(rental, booking, booking.now_us),\n",
        "                rental.facts,\n",
        (UNASKED,),
    ),
    Weakening(
        "an unasked extension of an older rental counts nowhere",
        "vast_mcp/actions/extend.py",
        "        facts = unasked(rental, booking, rental.lease_ends_us)\n",
        "        facts = rental.facts\n",
        (UNASKED,),
    ),
    Weakening(
        "an outbid machine is extended as if it ran",
        "vast_mcp/actions/extend.py",
        "    if _outbid(seen):\n",
        "    if not seen:\n",
        (EXTENDING, "-k", "outbid"),
    ),
    Weakening(
        "a machine that was stopped elsewhere is extended",
        "vast_mcp/actions/extend.py",
        "    if resting or (state_of(seen.instance) in _RESTS and not _outbid(seen)):\n",
        "    if resting:\n",
        (EXTENDING, "-k", "stopped"),
    ),
    Weakening(
        "a rent that never comes up is told to nobody",
        "vast_mcp/instances/state.py",
        "        return None if waited_us < NOT_UP_US else",
        "        return None if waited_us else",
        ("tests/keeper/test_never_up.py",),
    ),
    Weakening(
        "one that loads for ever is waited for without end",
        "vast_mcp/instances/readiness.py",
        "    if waited_s >= max(RENT_DEAD_S, 2 * expected_s):\n",
        "    if waited_s < 0:\n",
        ("tests/keeper/test_never_up.py",),
    ),
    Weakening(
        "any address stands in a start script",
        "vast_mcp/leases/onstart_guard/snippet.py",
        "    if not fits_a_script(api_base):",
        "    if not api_base:",
        (ODD,),
    ),
    Weakening(
        "a script is refused by its length before it is packed",
        "vast_mcp/leases/onstart_guard/onstart.py",
        "            text = first + snippet + _unpacked(rest)\n",
        "            text = first + snippet + rest\n",
        ("tests/leases/onstart_guard/test_wiring.py", "-k", "packs_well"),
    ),
    Weakening(
        "a label may hold the key",
        "vast_mcp/actions/declared_values.py",
        "        account.secrets.check_text(name, value, account.limits())\n",
        "",
        (TEXTS,),
    ),
    Weakening(
        "only the key is looked for in texts, no secret of the policy",
        "vast_mcp/account/secrets.py",
        '            self._redactor.learn(self._environment.get(name, ""))\n',
        "            continue\n",
        (TEXTS,),
    ),
    Weakening(
        "the SSH library logs command lines",
        "vast_mcp/cli/logs.py",
        ', "asyncssh")',
        ")",
        ("tests/server/test_secrets.py", "-k", "environment"),
    ),
    Weakening(
        "the looks of an ending stand in the queue",
        "vast_mcp/actions/base.py",
        "            look = await account.reads.look(instance_id, urgent=urgent)\n",
        "            look = await account.reads.look(instance_id)\n",
        (URGENT, "-k", "looks_of_an_ending"),
    ),
    Weakening(
        "the keeper's list stands in the queue",
        "vast_mcp/account/cache.py",
        "self.read_all(urgent=True, between=page)",
        "self.read_all(between=page)",
        (URGENT, "-k", "keepers"),
    ),
    Weakening(
        "an ending waits for the breaker",
        "vast_mcp/api/retry.py",
        "    if not deadline.fresh:\n        breaker.check",
        "    if deadline:\n        breaker.check",
        (URGENT, "-k", "breaker"),
    ),
    Weakening(
        "a cut-off audit log is whole again after the next row",
        "vast_mcp/store/head.py",
        "if newest is not None and (kept is None or holds(connection, kept)):",
        "if newest is not None:",
        (HEAD,),
    ),
    Weakening(
        "the end of the audit log is not looked at",
        "vast_mcp/store/audit.py",
        "        if holds(self._connection, kept):\n",
        "        if kept:\n",
        (HEAD,),
    ),
    Weakening(
        "a broken head file keeps a machine from being stopped",
        "vast_mcp/store/head.py",
        "        except (sqlite3.Error, OSError, ValueError):\n",
        "        except sqlite3.Error:\n",
        (HEAD,),
    ),
    Weakening(
        "freeze --stop-all leaves endpoints serving",
        "vast_mcp/cli/freeze.py",
        "        running = [held for held in seen.held if held.ours and held.runs]\n",
        "        running = [held for held in seen.held if held.ours and held.kind == 'instance']\n",
        ("tests/cli/test_freeze.py", "-k", "endpoint"),
    ),
    Weakening(
        "a repeat whose offer its twin took is told that it is gone",
        "vast_mcp/guard/door.py",
        "            if repeat is None:\n                raise\n",
        "            if repeat is None or repeat:\n                raise\n",
        (TWINS, "-k", "faster"),
    ),
    Weakening(
        "a repeat is refused by the cap that its twin has filled",
        "vast_mcp/guard/door.py",
        "                self._twin(tx, act, caller) or self._claims.judge(",
        "                self._claims.judge(",
        (TWINS, "-k", "faster"),
    ),
    Weakening(
        "a plan that is carried out is made void by its repeat",
        "vast_mcp/guard/redeem.py",
        "            return fresh\n        return tx.update_plan(",
        "            pass\n        return tx.update_plan(",
        (TWINS, "-k", "plan"),
    ),
)
