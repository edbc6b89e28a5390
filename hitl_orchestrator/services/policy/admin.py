"""Administer the policy: activate, roll back, canary, shadow, and carry out approved changes."""

import logging
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
    HitlError,
    InvalidInput,
    LedgerDamaged,
    NoPreviousPolicy,
    TamperedPolicy,
)
from hitl_orchestrator.ledger.events import policy_builders as events
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.ports.ledger import Ledger
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
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import Clock
from hitl_orchestrator.services.config_files import check_they_fit, load_policy
from hitl_orchestrator.services.policy.approval import PolicyApproval
from hitl_orchestrator.services.policy_sync import PolicySync

if TYPE_CHECKING:
    from hitl_orchestrator.backtest import Backtest
    from hitl_orchestrator.insights.queue_forecast import Capacity

__all__ = ["Governed", "PolicyAdmin", "PolicySource"]

PolicySource = str | Path | Mapping[str, Any] | Policy
_log = logging.getLogger(__name__)


class Governed(NamedTuple):
    """The result of a policy change: it is in force, or it waits for a second person in a case.

    `looser` lists where the policy is looser than the active one, a sentence each with an example.
    """

    change: PolicyChange
    policy_hash: str
    in_force: bool
    case: Case | None = None
    looser: tuple[str, ...] = ()


class PolicyAdmin:
    """Changes the policy of a store. A change that is looser anywhere waits for a second person in a case."""

    def __init__(
        self,
        ledger: Ledger,
        people: People,
        policies: PolicySync,
        approval: PolicyApproval,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        settle_roles: Callable[[], None],
    ) -> None:
        """`settle_roles` derives the roles that open reviews need under the policies in force."""
        self._ledger, self._people, self._policies = ledger, people, policies
        self._approval, self._clock, self._new_id, self._settle_roles = approval, clock, new_id, settle_roles

    def activate(self, policy: PolicySource, *, reason: str, acting: Acting) -> Governed:
        """Activate a policy for new cases. A looser one becomes a `policy_change` case for a second person instead."""
        author, reason = self._approval.authorized(acting.reviewer_id), reason_of(reason)
        return self._change(self._request(PolicyChange.ACTIVATE, self._read(policy), author, reason, acting))

    def rollback(self, version: str | None = None, *, reason: str, acting: Acting) -> Governed:
        """Activate the previous version, or the one whose hash starts with `version`, under the rules of `activate`."""
        author, reason = self._approval.authorized(acting.reviewer_id), reason_of(reason)
        policy = check_they_fit(recorded_policy(self._version_named(version), self._ledger.policy), self._people)
        return self._change(self._request(PolicyChange.ROLLBACK, policy, author, reason, acting))

    def start_canary(self, policy: PolicySource, share: float, *, reason: str, acting: Acting) -> Governed:
        """Route a share of new cases, in (0, 1], with another policy, drawn by a hash of the case id."""
        author, reason = self._approval.authorized(acting.reviewer_id), reason_of(reason)
        share = share_of(share)
        if self._policies.refresh().active is None:
            raise InvalidInput(["canary: no policy is active here yet; activate one first ('hitl policy activate')"])
        request = self._request(PolicyChange.CANARY, self._read(policy), author, reason, acting)
        return self._change(request._replace(share=share))

    def stop_canary(self, *, reason: str, acting: Acting) -> bool:
        """End the canary; False if none is running. Cases routed by it keep the stricter of both policies."""
        author = self._approval.authorized(acting.reviewer_id)
        actor, reason = self._approval.actor(author, acting), reason_of(reason)
        body = {"policy_hash": None, "share": None, "reason": reason}
        return self._end(lambda history: history.canary is not None, lambda at: events.canary(body, actor, at))

    def start_shadow(self, policy: PolicySource, *, reason: str, acting: Acting) -> str:
        """Evaluate a shadow policy on each new case, record its answer, and return its hash."""
        author, reason = self._approval.authorized(acting.reviewer_id), reason_of(reason)
        request = self._request(PolicyChange.ACTIVATE, self._read(policy), author, reason, acting)
        while True:
            history = self._policies.refresh()
            if history.shadow is not None and history.shadow.policy_hash == request.hash:
                return request.hash
            shadow = events.shadow(request.hash, reason, request.actor, self._clock())
            if self._write([*self._version(history, request), shadow], history):
                self._policies.refresh()
                return request.hash

    def stop_shadow(self, *, reason: str, acting: Acting) -> bool:
        """End the shadow evaluation; False if none is running."""
        author = self._approval.authorized(acting.reviewer_id)
        actor, reason = self._approval.actor(author, acting), reason_of(reason)
        return self._end(lambda history: history.shadow is not None, lambda at: events.shadow(None, reason, actor, at))

    def status(self) -> PolicyHistory:
        """Return the active policy, canary, shadow, pending changes, and every version that the store keeps."""
        history = self._policies.refresh()
        with self._ledger.snapshot() as snapshot:
            rows = sorted(snapshot.policies(), key=lambda row: row.recorded_seq)
        used = {row.policy_hash: Version(policy_hash=row.policy_hash, policy_id=row.policy_id) for row in rows}
        return replace(history, versions={**used, **history.versions})

    def history(self) -> list[Event]:
        """Return all policy events, in order."""
        return list(self._ledger.policy_events())

    def shadow_report(self) -> ShadowReport | None:
        """Return how often the shadow policy differed so far; None if there is none."""
        shadow = self._policies.refresh().shadow
        return None if shadow is None else shadow_report(shadow.policy_hash, self._ledger.routings(shadow.since))

    def backtest(self, policy: PolicySource, *, capacity: "Mapping[str, Capacity] | None" = None) -> "Backtest":
        """Return the result of applying a policy to every finished case of this store. Nothing is recorded."""
        from hitl_orchestrator.backtest import run_store_backtest  # noqa: PLC0415 - an extra, and rarely needed

        return run_store_backtest(self._read(policy), self._ledger, capacity=capacity, roles=self._people.chain)

    def settle(self, before: Case, after: Case) -> None:
        """Carry out a policy change whose case is finished, once. Other cases change nothing."""
        if after.submission.task.task_type == POLICY_CHANGE:
            self._conclude(after.case_id, lambda proposal, history: self._outcome(proposal, after, history))

    def settle_all(self) -> None:
        """Apply decided changes, and open cases for undecided ones, after a crash prevented it."""
        for proposal in self._policies.refresh().pending.values():
            case = self._approval.case_of(proposal)
            if case is None:
                self._submit_lost(proposal)
            elif case.stage is CaseStage.FINISHED:
                self.settle(case, case)

    def _request(
        self, change: PolicyChange, policy: Policy, author: Reviewer, reason: str, acting: Acting
    ) -> PolicyChangeRequest:
        actor = self._approval.actor(author, acting)
        return PolicyChangeRequest(change, policy, author, actor, reason, check(policy, self._people.chain))

    def _change(self, request: PolicyChangeRequest) -> Governed:
        """Carry a change out at once, or propose it, compared with the policy that is active then."""
        problems = unsound(request.policy, request.findings)
        if problems:
            raise InvalidInput(problems)
        case_id = self._new_id()
        while True:
            history = self._policies.refresh()
            if request.is_in_force(history):
                return Governed(request.change, request.hash, in_force=True)
            base = self._approval.current(history)
            looser = self._approval.where_looser(base, request.policy)
            # A pending proposal of this call was written before the connection was lost.
            pending = history.pending.get(case_id) or (self._same_pending(request, history, base) if looser else None)
            if pending is not None:
                case = self._approval.open(pending, request.actor.channel)
                return Governed(request.change, request.hash, in_force=False, case=case, looser=looser)
            if looser:
                self._approval.check_second_person(request.reviewer)
                self._approval.record_base(base)
            drafts = [*self._version(history, request), self._draft(request, base, case_id if looser else None)]
            proposed = self._preview(drafts, history).pending.get(case_id)
            between = (base, request.policy)
            question = None if proposed is None else self._approval.question(proposed, between, looser)
            if self._write(drafts, history):
                self._apply()
                waiting = None if proposed is None else self._approval.open(proposed, request.actor.channel, question)
                _log.info("policy change: %s", request.change.value, extra={"case_id": None, "event": "policy_change"})
                return Governed(request.change, request.hash, in_force=not looser, case=waiting, looser=looser)

    def _draft(self, request: PolicyChangeRequest, base: Policy, case_id: str | None) -> Draft:
        """Return the entry for a change that is carried out at once, or that waits in a case."""
        body: dict[str, Any] = {"policy_hash": request.hash, "share": request.share, "reason": request.reason}
        if case_id is None:
            return events.enacted(request.change, body | self._before(base), request.actor, self._clock())
        body |= {"change": request.change.value, "base": policy_hash(base)}
        return events.proposed(case_id, body, request.actor, self._clock())

    def _same_pending(self, request: PolicyChangeRequest, history: PolicyHistory, base: Policy) -> Proposal | None:
        """Return the pending proposal of the same change, even if a crash has prevented its case."""
        wanted = (request.change, request.hash, request.share, policy_hash(base))
        for proposal in history.pending.values():
            if (proposal.change, proposal.policy_hash, proposal.share, proposal.base) == wanted:
                case = self._approval.case_of(proposal)
                if case is None or case.stage is not CaseStage.FINISHED:
                    return proposal
        return None

    def _submit_lost(self, proposal: Proposal) -> None:
        """Submit the case of a proposal that a crash has prevented; decline the change if that is impossible."""
        current = self._approval.current(self._policies.refresh())
        if policy_hash(current) == proposal.base:
            self._approval.record_base(current)
        why = "it has no case, and the policy that it was compared with is not recorded; propose it again"
        if proposal.base in self._approval.versions():
            try:
                self._approval.open(proposal)
            except InvalidInput as exc:
                why = f"its case cannot be opened: {exc}; propose it again"
            else:
                return
        declined = events.declined(proposal.case_id, why, SYSTEM, self._clock())
        self._conclude(proposal.case_id, lambda proposal, history: declined)

    def _conclude(self, case_id: str, outcome: Callable[[Proposal, PolicyHistory], Draft]) -> None:
        """Record the outcome of a proposal, if it is still pending."""
        while True:
            history = self._policies.refresh()
            proposal = history.pending.get(case_id)
            if proposal is None or self._write([outcome(proposal, history)], history):
                break
        self._apply()

    def _outcome(self, proposal: Proposal, case: Case, history: PolicyHistory) -> Draft:
        """Return the outcome of a proposal: the approved change, or a decline."""
        record, now = case.record, self._clock()
        if record is None or record.final_decision is not FinalDecision.APPROVED or not record.human_involved:
            how = "it is not finished" if record is None else f"it ended as {record.final_decision}"
            why = f"{how}; only an approval by another person carries it out"
            return events.declined(case.case_id, why, SYSTEM, now)
        if proposal.change is not PolicyChange.CANARY and history.active == proposal.policy_hash:
            return events.declined(case.case_id, "it is in force already", SYSTEM, now)
        base, policy = self._approval.current(history), recorded_policy(proposal.policy_hash, self._ledger.policy)
        if policy_hash(base) != proposal.base and self._approval.where_looser(base, policy):
            why = f"another policy was activated since it was proposed ({policy_hash(base)[:12]}); propose it again"
            return events.declined(case.case_id, why, SYSTEM, now)
        body = {"policy_hash": proposal.policy_hash, "share": proposal.share, "reason": proposal.reason}
        agreed = {"case_id": case.case_id, "by": proposal.by, "approved_by": record.reviewer_id}
        return events.enacted(proposal.change, body | agreed | self._before(base), SYSTEM, now)

    def _end(self, is_running: Callable[[PolicyHistory], bool], draft: Callable[[datetime], Draft]) -> bool:
        while True:
            history = self._policies.refresh()
            if not is_running(history):
                return False
            if self._write([draft(self._clock())], history):
                self._apply()
                return True

    def _apply(self) -> None:
        """Apply a change that was just written. What fails after it is left to maintenance: the change is in force."""
        self._policies.refresh()
        try:
            self._settle_roles()
        except HitlError as exc:
            _log.warning(
                "roles of open reviews: %s; 'hitl sweep' derives them", exc, extra={"case_id": None, "event": "failed"}
            )

    def _write(self, drafts: Sequence[Draft], history: PolicyHistory) -> bool:
        """Write entries, if no other policy event was written meanwhile."""
        self._preview(drafts, history)
        return self._ledger.change_policy(drafts, history.seen)

    def _preview(self, drafts: Sequence[Draft], history: PolicyHistory) -> PolicyHistory:
        """Return the history after these entries. Unreadable entries would block the store for good."""
        try:
            return history.after(events.as_read(drafts, history.seen))
        except (TamperedPolicy, LedgerDamaged) as exc:
            why = "the ledger entry of this change could not be read again; nothing was written"
            raise InvalidInput([f"the policy stays unchanged: {why}"]) from exc

    def _version(self, history: PolicyHistory, request: PolicyChangeRequest) -> list[Draft]:
        """Return the entry that introduces a version, unless a change has introduced it before."""
        version = history.versions.get(request.hash)
        if version is not None and version.author is not None:
            return []
        body = version_of(request.policy, request.reason, request.findings)
        return [events.version(body, request.actor, self._clock())]

    def _before(self, base: Policy) -> dict[str, str | None]:
        """Return the version that a change replaces: None where it was never recorded, in a new store."""
        name = policy_hash(base)
        return {"before": name if name in self._approval.versions() else None}

    def _read(self, source: PolicySource) -> Policy:
        return check_they_fit(load_policy(source, self._people.chain), self._people)

    def _version_named(self, prefix: str | None) -> str:
        """Return the hash of the previous version, or of the one whose hash starts with `prefix`."""
        history = self._policies.refresh()
        if prefix is None:
            if not history.track:
                raise NoPreviousPolicy("no version was in force before the active one")
            return history.track[-1]
        matches = [name for name in self._approval.versions() if prefix and name.startswith(prefix)]
        if len(matches) != 1:
            many = f"{len(matches)} versions have this prefix; give more of the hash"
            raise NoPreviousPolicy(f"{prefix!r}: {many if matches else 'there is no such version'}")
        return matches[0]
