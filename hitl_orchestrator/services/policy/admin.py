"""Govern the policy: activate it, take it back, try it on a share of the cases, or only watch it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import POLICY_CHANGE, CaseStage, FinalDecision, PolicyChange
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.errors import (
    InvalidInput,
    LedgerDamaged,
    NoPreviousPolicy,
    TamperedPolicy,
)
from hitl_orchestrator.ledger.events import policy_builders as telling
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.policies.analysis.check import check
from hitl_orchestrator.policies.language.model import Policy, policy_hash
from hitl_orchestrator.policies.lifecycle.change_request import (
    PolicyChangeRequest,
    reason_of,
    share_of,
    unsound,
    version_of,
)
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory, Proposal, Version
from hitl_orchestrator.policies.lifecycle.in_force import recorded_policy
from hitl_orchestrator.policies.lifecycle.shadow import ShadowReport, shadow_report
from hitl_orchestrator.services.cases.runner import Notice
from hitl_orchestrator.services.config_files import check_they_fit, load_policy
from hitl_orchestrator.services.policy.approval import ProposingOrchestrator

if TYPE_CHECKING:
    from hitl_orchestrator.backtest import Backtest
    from hitl_orchestrator.insights.wait_times import Capacity

GivenPolicy = str | Path | Mapping[str, Any] | Policy


class Governed(NamedTuple):
    """What became of a change of the policy: it is in force, or it waits for a second person in a case.

    `looser` tells where the policy asks for less than the one that rules, a sentence each with an example.
    """

    change: PolicyChange
    policy_hash: str
    in_force: bool
    case: Case | None = None
    looser: tuple[str, ...] = ()


class GoverningOrchestrator(ProposingOrchestrator):
    """An orchestrator whose policy is governed as well."""

    def activate_policy(
        self, policy: GivenPolicy, *, reviewer_id: str, reason: str, channel: str = "library"
    ) -> Governed:
        """Let a policy rule this store from now on. One that is looser anywhere waits for a second person instead.

        Who has that is in the inbox as a case of the type `policy_change`: once somebody else approves it, it rules.
        The active one again changes nothing.

        Raises:
            NotAuthorized: nobody knows this reviewer, their role does not reach so far, or there is no second person.
            InvalidInput: the policy cannot be used, its check reports an error, or no reason is given.
        """
        who, why = self._who_governs(reviewer_id), reason_of(reason)
        return self._governed(self._wanted(PolicyChange.ACTIVATE, self._read_policy(policy), (who, why, channel)))

    def rollback_policy(
        self, version: str | None = None, *, reviewer_id: str, reason: str, channel: str = "library"
    ) -> Governed:
        """Let the version before rule again, or the one whose hash begins so. Through the same gates as an activation.

        Raises:
            NoPreviousPolicy: no version came before, or there is none of this name.
            NotAuthorized, InvalidInput: as `activate_policy`.
        """
        who, why = self._who_governs(reviewer_id), reason_of(reason)
        policy = check_they_fit(recorded_policy(self._version_named(version), self.ledger.policy), self.people)
        return self._governed(self._wanted(PolicyChange.ROLLBACK, policy, (who, why, channel)))

    def canary_policy(
        self, policy: GivenPolicy, share: float, *, reviewer_id: str, reason: str, channel: str = "library"
    ) -> Governed:
        """Let a policy decide this share of the new cases, drawn by a stable hash of the task id. Raises as activating.

        It takes the place of another canary, and ends with the next activation.

        Raises:
            InvalidInput: the share is not a number in (0, 1], or no policy is active to compare with.
        """
        who, why = self._who_governs(reviewer_id), reason_of(reason)
        share = share_of(share)
        if self._notice().active is None:
            raise InvalidInput(["canary: no policy was activated here yet; do that first, with 'hitl policy activate'"])
        wanted = self._wanted(PolicyChange.CANARY, self._read_policy(policy), (who, why, channel))
        return self._governed(wanted._replace(share=share))

    def end_canary(self, *, reviewer_id: str, reason: str, channel: str = "library") -> bool:
        """Let the active policy decide all new cases again; False where there was no canary. Raises as activating.

        What came in under the canary keeps it: the stricter of it and the active one decides.
        """
        actor, why = self._acting(self._who_governs(reviewer_id), channel), reason_of(reason)
        said = {"policy_hash": None, "share": None, "reason": why}
        return self._ended(lambda life: life.canary is not None, lambda at: telling.canary(said, actor, at))

    def shadow_policy(self, policy: GivenPolicy, *, reviewer_id: str, reason: str, channel: str = "library") -> str:
        """Evaluate a policy beside the active one on each new case: what it says is recorded, and changes nothing.

        Raises:
            NotAuthorized, InvalidInput: as activating. What its check finds is kept, and is no reason to refuse it.
        """
        who, why = self._who_governs(reviewer_id), reason_of(reason)
        wanted = self._wanted(PolicyChange.ACTIVATE, self._read_policy(policy), (who, why, channel))
        named = wanted.hash
        while True:
            life = self._notice()
            same = life.shadow is not None and life.shadow.policy_hash == named
            drafts = [*self._version(life, wanted), telling.shadow(named, why, wanted.actor, self._clock())]
            if same or self._write(drafts, life):
                self._notice()
                return named

    def end_shadow(self, *, reviewer_id: str, reason: str, channel: str = "library") -> bool:
        """Watch no policy any more; False where none was. Raises as activating."""
        actor, why = self._acting(self._who_governs(reviewer_id), channel), reason_of(reason)
        return self._ended(lambda life: life.shadow is not None, lambda at: telling.shadow(None, why, actor, at))

    def policy_life(self) -> PolicyHistory:
        """Return what rules now, with every change that waits for somebody, and every version that the store keeps."""
        life = self._notice()
        with self.ledger.books() as books:
            rows = sorted(books.policies(), key=lambda row: row.recorded_seq)
        used = {row.policy_hash: Version(policy_hash=row.policy_hash, policy_id=row.policy_id) for row in rows}
        return replace(life, versions={**used, **life.versions})

    def policy_history(self) -> list[Event]:
        """Return everything that happened to policies, in order."""
        return list(self.ledger.policy_events())

    def shadow_report(self) -> ShadowReport | None:
        """Return how often the watched policy would have said something else so far; None where none is watched."""
        shadow = self._notice().shadow
        return None if shadow is None else shadow_report(shadow.policy_hash, self.ledger.watched(shadow.since))

    def backtest_policy(self, policy: GivenPolicy, *, capacity: "Mapping[str, Capacity] | None" = None) -> "Backtest":
        """Return what a policy would have done with every finished case of this store. Nothing is recorded.

        Raises:
            InvalidInput: the policy cannot be used, there are no cases, or the extra `lab` is not installed.
        """
        from hitl_orchestrator.backtest import run_store_backtest  # noqa: PLC0415 - an extra, and rarely asked for

        return run_store_backtest(self._read_policy(policy), self.ledger, capacity=capacity, roles=self.people.chain)

    def recover(self, on_case: Callable[[Case], None] = lambda case: None) -> list[Case]:
        """Drive on every unfinished case, and carry out what was decided of the policy. Raises as it did."""
        self._notice()
        try:
            return super().recover(on_case)
        finally:
            self._settle_all()

    def sweep(
        self,
        on_case: Callable[[Case], None] = lambda case: None,
        on_notice: Callable[[Notice], None] = lambda notice: None,
    ) -> list[Case]:
        """Carry on with what is overdue, and carry out what was decided of the policy. Raises as it did."""
        self._notice()
        try:
            return super().sweep(on_case, on_notice)
        finally:
            self._settle_all()

    def _drive(self, case: Case, *, new: bool = False) -> Case:
        """Run a case on; where it was about the policy and is finished, carry out what was decided."""
        moved = super()._drive(case, new=new)
        if moved.stage is CaseStage.FINISHED and moved.submission.task.task_type == POLICY_CHANGE:
            self._settle(moved)
        return moved

    def _wanted(self, change: PolicyChange, policy: Policy, by: tuple[Reviewer, str, str]) -> PolicyChangeRequest:
        who, why, channel = by
        return PolicyChangeRequest(
            change, policy, who, self._acting(who, channel), why, check(policy, self.people.chain)
        )

    def _governed(self, wanted: PolicyChangeRequest) -> Governed:
        """Carry a change out at once, or propose it: held against what rules at that very moment, in a race too."""
        found = unsound(wanted.policy, wanted.findings)
        if found:
            raise InvalidInput(found)
        case_id = self._new_id()
        while True:
            life = self._notice()
            if wanted.is_in_force(life):
                return Governed(wanted.change, wanted.hash, in_force=True)
            base = self._ruling(life)
            looser = self._looser(base, wanted.policy)
            # One of ours that stands there already was written before the connection was lost.
            known = life.pending.get(case_id) or (self._proposed_before(wanted, life, base) if looser else None)
            if known is not None:
                case = self._open_change(known, wanted.actor.channel)
                return Governed(wanted.change, wanted.hash, in_force=False, case=case, looser=looser)
            if looser:
                self._check_somebody_else(wanted.reviewer)
                self._keep(base)
            drafts = [*self._version(life, wanted), self._told(wanted, base, case_id if looser else None)]
            proposed = self._ahead(drafts, life).pending.get(case_id)
            asked = None if proposed is None else self._asked_about(proposed, (base, wanted.policy), looser)
            if self._write(drafts, life):
                self._notice()
                waits = None if proposed is None else self._open_change(proposed, wanted.actor.channel, asked)
                return Governed(wanted.change, wanted.hash, in_force=not looser, case=waits, looser=looser)

    def _told(self, wanted: PolicyChangeRequest, base: Policy, case_id: str | None) -> Draft:
        """Return what the ledger is told: of a change that is carried out, or that waits in a case."""
        said: dict[str, Any] = {"policy_hash": wanted.hash, "share": wanted.share, "reason": wanted.reason}
        if case_id is None:
            return telling.enacted(wanted.change, said | self._before(base), wanted.actor, self._clock())
        said |= {"change": wanted.change.value, "base": policy_hash(base)}
        return telling.proposed(case_id, said, wanted.actor, self._clock())

    def _proposed_before(self, wanted: PolicyChangeRequest, life: PolicyHistory, base: Policy) -> Proposal | None:
        """Return this very change where it waits already, be it for its case, which a crash came before."""
        asked = (wanted.change, wanted.hash, wanted.share, policy_hash(base))
        for one in life.pending.values():
            same = (one.change, one.policy_hash, one.share, one.base) == asked
            case = self._case_of(one) if same else None
            if same and (case is None or case.stage is not CaseStage.FINISHED):
                return one
        return None

    def _settle_all(self) -> None:
        """Carry out what was decided of the policy, and open what is to be decided, wherever a crash came between."""
        for proposal in self._notice().pending.values():
            case = self._case_of(proposal)
            if case is None:
                self._open_lost(proposal)
            elif case.stage is CaseStage.FINISHED:
                self._settle(case)

    def _open_lost(self, proposal: Proposal) -> None:
        """Open the case of a change that a crash came before; a change of which none can be made is declined."""
        ruling = self._ruling(self._notice())
        if policy_hash(ruling) == proposal.base:
            self._keep(ruling)
        why = "it has no case, and the policy that it was held against is not kept; propose it again"
        if proposal.base in self._names():
            try:
                self._open_change(proposal)
            except InvalidInput as exc:
                why = f"its case cannot be opened: {exc}; propose it again"
            else:
                return
        declined = telling.declined(proposal.case_id, why, SYSTEM, self._clock())
        self._conclude(proposal.case_id, lambda proposal, life: declined)

    def _settle(self, case: Case) -> None:
        """Carry out what was decided in a case about the policy, once; one that we did not propose changes nothing."""
        self._conclude(case.case_id, lambda proposal, life: self._outcome(proposal, case, life))

    def _conclude(self, case_id: str, outcome: Callable[[Proposal, PolicyHistory], Draft]) -> None:
        """Write what becomes of a proposal, if it still waits."""
        while True:
            life = self._notice()
            proposal = life.pending.get(case_id)
            if proposal is None or self._write([outcome(proposal, life)], life):
                self._notice()
                return

    def _outcome(self, proposal: Proposal, case: Case, life: PolicyHistory) -> Draft:
        """Return what becomes of a proposal: what was seen is what is done, or else nothing."""
        record, now = case.record, self._clock()
        if record is None or record.final_decision is not FinalDecision.APPROVED or not record.human_involved:
            how = "it is not finished" if record is None else f"it ended as {record.final_decision}"
            why = f"{how}; only an approval by another person carries it out"
            return telling.declined(case.case_id, why, SYSTEM, now)
        if proposal.change is not PolicyChange.CANARY and life.active == proposal.policy_hash:
            return telling.declined(case.case_id, "it is in force already", SYSTEM, now)
        base, policy = self._ruling(life), recorded_policy(proposal.policy_hash, self.ledger.policy)
        if policy_hash(base) != proposal.base and self._looser(base, policy):
            why = f"another policy was activated since it was proposed ({policy_hash(base)[:12]}); propose it again"
            return telling.declined(case.case_id, why, SYSTEM, now)
        said = {"policy_hash": proposal.policy_hash, "share": proposal.share, "reason": proposal.reason}
        agreed = {"case_id": case.case_id, "by": proposal.by, "approved_by": record.reviewer_id}
        return telling.enacted(proposal.change, said | agreed | self._before(base), SYSTEM, now)

    def _ended(self, there_is_one: Callable[[PolicyHistory], bool], told: Callable[[datetime], Draft]) -> bool:
        while True:
            life = self._notice()
            if not there_is_one(life):
                return False
            if self._write([told(self._clock())], life):
                self._notice()
                return True

    def _write(self, drafts: Sequence[Draft], life: PolicyHistory) -> bool:
        """Write entries, if none came in between."""
        self._ahead(drafts, life)
        return self.ledger.change_policy(drafts, life.seen)

    def _ahead(self, drafts: Sequence[Draft], life: PolicyHistory) -> PolicyHistory:
        """Return what would rule after these. What nobody could read again is refused: it would stand for ever."""
        try:
            return life.after(telling.as_read(drafts, life.seen))
        except (TamperedPolicy, LedgerDamaged) as exc:
            told = "what the ledger would be told of this change could not be read again; nothing was written"
            raise InvalidInput([f"the policy stays as it is: {told}"]) from exc

    def _version(self, life: PolicyHistory, wanted: PolicyChangeRequest) -> list[Draft]:
        """Return the entry that brings a version in, where no command has brought it before."""
        known = life.versions.get(wanted.hash)
        if known is not None and known.author is not None:
            return []
        said = version_of(wanted.policy, wanted.reason, wanted.findings)
        return [telling.version(said, wanted.actor, self._clock())]

    def _before(self, base: Policy) -> dict[str, str | None]:
        """Return which version is left for another: None where it was never kept, in a store that is new."""
        named = policy_hash(base)
        return {"before": named if named in self._names() else None}

    def _read_policy(self, given: GivenPolicy) -> Policy:
        return check_they_fit(load_policy(given, self.people.chain), self.people)

    def _version_named(self, begins: str | None) -> str:
        """Return the hash of the version before, or of the one whose hash begins so."""
        life = self._notice()
        if begins is None:
            if not life.track:
                raise NoPreviousPolicy("no version was in force before the active one")
            return life.track[-1]
        found = [name for name in self._names() if begins and name.startswith(begins)]
        if len(found) != 1:
            many = f"{len(found)} versions begin so; give more of the hash"
            raise NoPreviousPolicy(f"{begins!r}: {many if found else 'there is no such version'}")
        return found[0]
