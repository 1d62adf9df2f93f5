"""One machine as the vendor shows it together with what our books know of it."""

from dataclasses import dataclass

from vast_mcp.account.lease_label import Mark, user_part
from vast_mcp.clock import SECOND_US
from vast_mcp.leases.halting import NO_CREDIT, OUTBID, contract_over, halted_by_others, why_halted
from vast_mcp.leases.remembered import ending, is_young
from vast_mcp.models import (
    Billing,
    Instance,
    InstanceState,
    StartFailure,
    billing_told,
    failure_of,
    halted,
    rate_of,
    state_of,
)
from vast_mcp.store import Rental, RentalState
from vast_mcp.text import LABEL_LIMIT, clean_line
from vast_mcp.units import Usd, UsdPerHour

LEASE_WARNING_US = 30 * 60 * SECOND_US
CONTRACT_WARNING_US = 24 * 3600 * SECOND_US
NOT_UP_US = 15 * 60 * SECOND_US
"""A rent that never ran by then: most images are there in five minutes."""
DISK_WARNING = 0.85
_PORTS_WAITED_US = 5 * 60 * SECOND_US
"""After this a machine without a direct port is taken for one that has none to give."""
_UP = {
    InstanceState.READY,
    InstanceState.RUNNING_NO_SSH,
    InstanceState.OUTBID,
    InstanceState.ENDED,
}
"""It runs or ran, or what keeps it from it is told by another word."""
_RESTING = {InstanceState.STOPPED, InstanceState.STOPPING, InstanceState.OUTBID}
_BEING = {"stop": "stopped", "destroy": "destroyed"}


@dataclass(frozen=True, slots=True)
class Held:
    """One instance, our rental of it if any, and what it cost so far."""

    instance: Instance
    now_us: int
    rental: Rental | None = None
    mark: Mark | None = None
    """The mark that it rightly bears; a copied one is none."""
    spent: Usd | None = None
    copied: str = ""
    """Why the mark that it bears is not its own; empty where it bears none, or its own."""
    no_credit: bool = False
    """The account's credit is known to be used up: then Vast.ai stops every machine."""

    @property
    def ours(self) -> bool:
        """Rented by this server: the books know it or its mark verifies."""
        return self.rental is not None or self.mark is not None

    @property
    def label(self) -> str:
        """The user's part of the label, cleaned."""
        return str(clean_line(user_part(self.instance.raw_label), LABEL_LIMIT))

    @property
    def bills(self) -> Billing:
        """What it bills now, as it is told: what is counted may be more."""
        return billing_told(self.instance)

    @property
    def usd_per_hour_now(self) -> UsdPerHour:
        """What that costs."""
        return rate_of(self.instance, self.bills)

    @property
    def stop_sent(self) -> bool:
        """Whether it was we who stopped it."""
        return self.rental is not None and self.rental.facts.stop_sent

    @property
    def created_us(self) -> int | None:
        """When it was rented."""
        return self.rental.created_us if self.rental else self.instance.started_at_us

    @property
    def began_us(self) -> int | None:
        """When it was last asked to run: rented, or started again."""
        started_us = self.rental.facts.start_us if self.rental else None
        return self.created_us if started_us is None else started_us

    @property
    def lease_ends_us(self) -> int | None:
        """When it is stopped; None when it rests already or nobody set an end."""
        if self.rental is not None:
            return self.rental.lease_ends_us if self.rental.running else None
        return self.mark.until_us if self.mark and not halted(self.instance) else None

    @property
    def state(self) -> InstanceState:
        """The model's word, made finer by what the books know."""
        word = state_of(self.instance)
        match word:
            case InstanceState.READY if self._awaits_port():
                return InstanceState.RUNNING_NO_SSH
            case InstanceState.OUTBID if self._rests_as_told():
                return InstanceState.STOPPED
            case InstanceState.FAILED:
                return self._failed_word()
            case InstanceState.WAITING_FOR_GPU if self._never_up() and self._exited():
                return InstanceState.STOPPED  # `exited`: where a start begins, but a rent ends
            case InstanceState.ENDED if self._restarting():
                queued = self.instance.cur_state == "stopped"
                return InstanceState.WAITING_FOR_GPU if queued else InstanceState.STARTING
            case InstanceState.STOPPED if self._command_over():
                return InstanceState.ENDED
        return word

    @property
    def failure(self) -> StartFailure | None:
        """Why it does not come up, or did not come up again; None where nothing says so."""
        return None if self.instance.actual_status == "running" else failure_of(self.instance)

    @property
    def why(self) -> str:
        """Why it stands still, as a clause; empty where it does not, or nobody can tell."""
        if self.state is InstanceState.OUTBID and not self.no_credit:
            return OUTBID
        if self.stop_may_be_credit and self.no_credit:
            return NO_CREDIT
        return why_halted(self.instance, self.rental, self.now_us) if self.rests else ""

    @property
    def rests(self) -> bool:
        """It stands still, whatever it was that stopped it."""
        return self.state in _RESTING

    @property
    def stop_may_be_credit(self) -> bool:
        """Stopped, and nothing but the account's credit could still tell why."""
        return self.state is InstanceState.OUTBID or self.halted_by_others

    def _rests_as_told(self) -> bool:
        """A stopped bid machine is outbid unless we stopped it or its contract is over."""
        rental = self.rental
        return self.contract_over or (rental is not None and (self.stop_sent or not rental.running))

    def _failed_word(self) -> InstanceState:
        """A failure text alone is no failed machine: one that ran before has data on its disk."""
        stands = halted(self.instance) or self._exited()
        if self.stop_sent and stands:
            return InstanceState.STOPPED
        if self.rental is None or self._never_up():
            return InstanceState.FAILED
        if stands:
            over = self.rental.ever_ran and self.instance.words.runs_command
            return InstanceState.ENDED if over else InstanceState.STOPPED
        return InstanceState.STARTING

    def _restarting(self) -> bool:
        """Our start has not come up yet: what it shows is where it begins."""
        facts = self.rental.facts if self.rental is not None else None
        return facts is not None and facts.start_us is not None and facts.came_up is False

    def _command_over(self) -> bool:
        """In `args` mode a machine that halts without our stop has done its work."""
        if self.rental is None or self.stop_sent or self.contract_over:
            return False
        return self.instance.words.runs_command and self.instance.actual_status is not None

    def _exited(self) -> bool:
        return self.instance.actual_status in {"exited", "stopped"}

    def _never_up(self) -> bool:
        return self.rental is not None and not (self.rental.ever_ran or self.rental.touched)

    @property
    def not_up_min(self) -> int | None:
        """Minutes since a rent that has not come up in fifteen; None for all others."""
        rental = self.rental
        if rental is None or not self._never_up() or not rental.state.holds_money:
            return None
        if not rental.running and self.state is not InstanceState.FAILED:
            return None
        if self.state in _UP or rental.state is RentalState.DESTROYING:
            return None
        waited_us = self.now_us - rental.created_us
        return None if waited_us < NOT_UP_US else waited_us // (60 * SECOND_US)

    def _awaits_port(self) -> bool:
        """No way in yet: a direct port takes some seconds, and `args` has no ssh at all.

        A machine that reports its load and still maps no port has none to give: there the proxy is
        the way in.
        """
        one = self.instance
        if "args" in one.runtype.split():
            return True
        if "direc" not in one.runtype or any(port.inside == 22 for port in one.ports):
            return False
        if one.gpu_utilisation_percent is not None and one.ssh_port is not None:
            return False
        return self.began_us is None or self.now_us - self.began_us < _PORTS_WAITED_US

    @property
    def bid(self) -> UsdPerHour | None:
        """What an interruptible machine bids now: its price without the disk."""
        one = self.instance
        if not one.is_bid or not one.listed:
            return None
        return max(UsdPerHour(), one.usd_per_hour - one.disk_usd_per_hour)

    @property
    def needed_bid(self) -> UsdPerHour | None:
        """For an outbid machine: the least bid that runs it now."""
        return self.instance.min_bid if self.state is InstanceState.OUTBID else None

    @property
    def warnings(self) -> list[str]:
        """What a person would want to be told without asking."""
        texts = (
            self._unlisted_warning(),
            self._not_up_warning(),
            self._lease_warning(),
            self._disk_warning(),
            self._contract_warning(),
            self._destroy_warning(),
            self._cause_warning(),
        )
        return [text for text in texts if text]

    def _lease_warning(self) -> str:
        if not self.ours:
            return self._foreign_warning()
        ends_us = self.lease_ends_us
        if ends_us is None or ends_us - self.now_us > LEASE_WARNING_US:
            return ""
        left_min = (ends_us - self.now_us) // (60 * SECOND_US)
        then = self.rental.end_act if self.rental else "stop"
        if left_min < 0:
            return f"the lease has ended; it is being {_BEING[then]}"
        return f"lease ends in {left_min} min, then {then}; extend_lease gives more time"

    def _foreign_warning(self) -> str:
        if self.copied:
            return (
                f"its lease mark is a copy ({self.copied}): not ours, and nothing here ends it;"
                f" `vast-mcp extend {self.instance.instance_id} HOURS` adopts it"
            )
        bills = self.bills is not Billing.NOTHING
        return "rented elsewhere, no lease: billed until someone ends it" if bills else ""

    def _unlisted_warning(self) -> str:
        if self.instance.listed:
            return ""
        if self.rental is not None and is_young(self.rental, self.now_us):
            return "rented, but not listed by Vast.ai yet; counted as billed"
        return (
            "Vast.ai does not show it now; not proven gone, counted as billed (facts from our"
            " ledger)"
        )

    def _cause_warning(self) -> str:
        """Why it stands still, where it was not we who stopped it."""
        if self.state is InstanceState.OUTBID:
            return "may resume by itself and be billed until stopped"
        if self.failure is not None and not self.stop_sent:
            step = self.failure.next_for(self.instance.instance_id)
            if self.state is InstanceState.FAILED:
                return f"{self.failure.said} {step}"
            return "" if self.rests else self.failure.said
        return ""

    @property
    def halted_by_others(self) -> bool:
        """One of our machines stands still within its lease, and it was not we who stopped it."""
        if self.state is not InstanceState.STOPPED:
            return False
        return halted_by_others(self.instance, self.rental, self.now_us)

    def _not_up_warning(self) -> str:
        if self.not_up_min is None:
            return ""
        return (
            f"not up after {self.not_up_min} min and billed for {self.bills.value}: destroy it"
            " and rent another offer"
        )

    def _disk_warning(self) -> str:
        one = self.instance
        if (
            not one.disk_used_gb
            or one.disk_gb <= 0
            or one.disk_used_gb < DISK_WARNING * one.disk_gb
        ):
            return ""
        return f"disk {one.disk_used_gb / one.disk_gb:.0%} full; it cannot grow"

    @property
    def contract_over(self) -> bool:
        """Past its end a machine cannot be started any more."""
        return contract_over(self.instance, self.now_us)

    def _contract_warning(self) -> str:
        ends_us = self.instance.contract_ends_us
        if ends_us is None or ends_us - self.now_us > CONTRACT_WARNING_US:
            return ""
        if self.contract_over:
            return (
                "the host's contract has ended: it cannot be started, and its data may be"
                " deleted any time"
            )
        return "the host's contract ends soon; data may be deleted 48 h later"

    def _destroy_warning(self) -> str:
        if self.rental is None or not ending(self.rental):
            return ""
        return (
            f"being destroyed; {'still listed' if self.instance.listed else 'not proven gone yet'}"
        )
