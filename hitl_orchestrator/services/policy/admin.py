"""Administer the policy: activate, roll back, canary, shadow, and carry out approved changes."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import POLICY_CHANGE, CaseStage, PolicyChange
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.errors import InvalidInput, NoPreviousPolicy
from hitl_orchestrator.ledger.events import policy_builders as events
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.events.policy_builders import UNDO_WITHIN
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.language.model import Policy, policy_hash
from hitl_orchestrator.policies.lifecycle.change_request import (
    PolicyChangeRequest,
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
from hitl_orchestrator.services.governance.authority import ChangeAuthority, reason_of
from hitl_orchestrator.services.governance.change_cases import ChangeCases
from hitl_orchestrator.services.policy.approval import PolicyApproval
from hitl_orchestrator.services.policy.essentials import essentials
from hitl_orchestrator.services.policy.undo import own_change
from hitl_orchestrator.services.policy_sync import PolicySync

if TYPE_CHECKING:
    from hitl_orchestrator.backtest import Backtest
    from hitl_orchestrator.insights.queue_forecast import Capacity

__all__ = ["Governed", "PolicyAdmin", "PolicySource"]

PolicySource = str | Path | Mapping[str, Any] | Policy
_log = logging.getLogger(__name__)
_CHANGE, _WHY = "change the policy", "why the policy changes"


class Governed(NamedTuple):
    """The result of a policy change: it is in force, or it waits for a second person in a case.

    `looser` lists where the policy is looser than the active one, a sentence each with an example. `changed` is False
    if it was in force already.
    """

    change: PolicyChange
    policy_hash: str
    in_force: bool
    case: Case | None = None
    looser: tuple[str, ...] = ()
    changed: bool = True


class PolicyAdmin:
    """Changes the policy of a store. A change that is looser anywhere waits for a second person in a case."""

    def __init__(
        self,
        ledger: Ledger,
        people: People,
        policies: PolicySync,
        approval: PolicyApproval,
        cases: ChangeCases,
        *,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._ledger, self._people, self._policies = ledger, people, policies
        self._approval, self._cases, self._authority = approval, cases, ChangeAuthority(people)
        self._clock, self._new_id = clock, new_id

    def activate(self, policy: PolicySource, *, reason: str, acting: Acting) -> Governed:
        """Activate a policy for new cases. A looser one becomes a `policy_change` case for a second person instead."""
        author, reason = self._authorized(acting), reason_of(reason, _WHY)
        return self._change(self._request(PolicyChange.ACTIVATE, self._read(policy), author, reason, acting))

    def rollback(self, version: str | None = None, *, reason: str, acting: Acting) -> Governed:
        """Activate the previous version, or the one with a number or a begin of the hash, as `activate` does."""
        author, reason = self._authorized(acting), reason_of(reason, _WHY)
        policy = check_they_fit(recorded_policy(self._version_named(version), self._ledger.policy), self._people)
        return self._change(self._request(PolicyChange.ROLLBACK, policy, author, reason, acting))

    def start_canary(self, policy: PolicySource, share: float, *, reason: str, acting: Acting) -> Governed:
        """Route a share of new cases, in (0, 1], with another policy, drawn by their task ids."""
        author, reason = self._authorized(acting), reason_of(reason, _WHY)
        share = share_of(share)
        request = self._request(PolicyChange.CANARY, self._read(policy), author, reason, acting)
        if self._policies.policies.active == request.hash:
            raise InvalidInput([f"canary: {request.policy.policy_id!r} is the active policy; name another one"])
        return self._change(request._replace(share=share))

    def undo(self, *, reason: str, acting: Acting) -> Governed:
        """Restore what was in force before the latest change, which the same account made alone within the hour."""
        author, reason, tried = self._authorized(acting), reason_of(reason, _WHY), None
        while True:
            author, history = self._authorized(acting), self._policies.policies
            if tried is not None and history.undone == tried:  # written before the connection was lost
                return Governed(PolicyChange.UNDO, str(history.active), in_force=True)
            now = self._ledger.now()
            own = own_change(history, author.reviewer_id, self._people.hash, now)
            tried, restored = own.seq, str(own.before.active)
            body = {"undoes": own.seq, "policy_hash": restored, "before": history.active, "reason": reason}
            actor = self._authority.actor(author, acting)
            draft = events.undone({**body, "clock": now.isoformat()}, actor, self._clock())
            if self._cases.write([draft], history.seen, until=own.at + UNDO_WITHIN):
                self._cases.apply()
                _log.info("policy change: undo", extra={"case_id": None, "event": "policy_change"})
                return Governed(PolicyChange.UNDO, restored, in_force=True)

    def stop_canary(self, *, reason: str, acting: Acting) -> bool:
        """End the canary; False if none is running. Cases routed by it keep the stricter of both policies."""
        actor, reason = self._authority.actor(self._authorized(acting), acting), reason_of(reason, _WHY)
        body = {"policy_hash": None, "share": None, "reason": reason}
        return self._end(lambda history: history.canary is not None, lambda at: events.canary(body, actor, at), acting)

    def start_shadow(self, policy: PolicySource, *, reason: str, acting: Acting) -> str:
        """Evaluate a shadow policy on each new case, record its answer, and return its hash."""
        author, reason = self._authorized(acting), reason_of(reason, _WHY)
        request = self._request(PolicyChange.ACTIVATE, self._read(policy), author, reason, acting)
        while True:
            history = self._policies.policies
            self._authorized(acting)
            if history.shadow is not None and history.shadow.policy_hash == request.hash:
                return request.hash
            shadow = events.shadow(request.hash, reason, request.actor, self._clock())
            if self._cases.write([*self._version(history, request), shadow], history.seen):
                return request.hash

    def stop_shadow(self, *, reason: str, acting: Acting) -> bool:
        """End the shadow evaluation; False if none is running."""
        actor, reason = self._authority.actor(self._authorized(acting), acting), reason_of(reason, _WHY)
        ended = partial(events.shadow, None, reason, actor)
        return self._end(lambda history: history.shadow is not None, ended, acting)

    def version(self, name: str) -> Policy:
        """Return a policy of the store by its number, or by the begin of its hash."""
        return recorded_policy(self._version_named(name), self._ledger.policy)

    def status(self) -> PolicyHistory:
        """Return the active policy, canary, shadow, pending changes, and every version that the store keeps."""
        history = self._policies.policies
        with self._ledger.snapshot() as snapshot:
            rows = sorted(snapshot.policies(), key=lambda row: row.recorded_seq)
        used = {row.policy_hash: Version(policy_hash=row.policy_hash, policy_id=row.policy_id) for row in rows}
        return replace(history, versions={**used, **history.versions})

    def history(self) -> list[Event]:
        """Return all policy events, in order."""
        return [event for event in self._ledger.governance_events() if event.kind in events.KINDS]

    def shadow_report(self) -> ShadowReport | None:
        """Return how often the shadow policy differed so far; None if there is none."""
        shadow = self._policies.policies.shadow
        return None if shadow is None else shadow_report(shadow.policy_hash, self._ledger.routings(shadow.since))

    def backtest(self, policy: PolicySource, *, capacity: "Mapping[str, Capacity] | None" = None) -> "Backtest":
        """Return the result of applying a policy to every finished case of this store. Nothing is recorded."""
        from hitl_orchestrator.backtest import run_store_backtest  # noqa: PLC0415 - an extra, and rarely needed

        return run_store_backtest(self._read(policy), self._ledger, capacity=capacity, roles=self._people.chain)

    def settle(self, before: Case, after: Case) -> None:
        """Carry out a policy change whose case is finished, once. Other cases change nothing."""
        if after.submission.task.task_type == POLICY_CHANGE:
            self._conclude(after.case_id, lambda proposal: self._outcome(proposal, after))

    def settle_all(self) -> None:
        """Apply decided changes, and open cases for undecided ones, after a crash prevented it."""
        for proposal in self._policies.refresh().pending.values():
            case = self._cases.case_of(proposal)
            if case is None:
                self._submit_lost(proposal)
            elif case.stage is CaseStage.FINISHED:
                self.settle(case, case)

    def _authorized(self, acting: Acting) -> Reviewer:
        """Return the acting reviewer, who may change the policy now. Raises `NotAuthorized`."""
        return self._authority.authorized(acting.reviewer_id, _CHANGE)

    def _request(
        self, change: PolicyChange, policy: Policy, author: Reviewer, reason: str, acting: Acting
    ) -> PolicyChangeRequest:
        from hitl_orchestrator.policies.analysis.check import check  # noqa: PLC0415 - slow to import

        actor = self._authority.actor(author, acting)
        return PolicyChangeRequest(change, policy, author, actor, reason, check(policy, self._people.chain))

    def _change(self, request: PolicyChangeRequest) -> Governed:
        """Carry a change out at once, or propose it, compared with the policy that is active then."""
        problems = unsound(request.policy, request.findings)
        if problems:
            raise InvalidInput(problems)
        case_id, author = self._new_id(), request.reviewer
        while True:
            history = self._policies.policies
            self._authority.authorized(author.reviewer_id, _CHANGE)
            if request.is_in_force(history):
                return Governed(request.change, request.hash, in_force=True, changed=False)
            base = self._approval.current(history)
            looser = self._approval.where_looser(base, request.policy, history)
            # A pending proposal of this call was written before the connection was lost.
            pending = history.pending.get(case_id) or (self._same_pending(request, history) if looser else None)
            if pending is not None:
                case = self._approval.open(pending, request.actor.channel)
                return Governed(request.change, request.hash, in_force=False, case=case, looser=looser)
            review = essentials(request.policy, request.findings, self._ledger, self._people.chain) if looser else ()
            draft = self._draft(request, base, case_id if looser else None, review)
            drafts = [*self._version(history, request), draft]
            proposed = self._cases.preview(drafts, history.seen)[0].pending.get(case_id)
            between = (base, request.policy)
            question = None if proposed is None else self._approval.question(proposed, between, looser)
            if question is not None:
                routed = self._approval.decision(question, history)
                self._authority.check_second_person(author, _CHANGE, routed)
            if self._cases.write(drafts, history.seen):
                self._cases.apply()
                waiting = None if proposed is None else self._approval.open(proposed, request.actor.channel, question)
                _log.info("policy change: %s", request.change.value, extra={"case_id": None, "event": "policy_change"})
                return Governed(request.change, request.hash, in_force=not looser, case=waiting, looser=looser)

    def _draft(self, request: PolicyChangeRequest, base: Policy, case_id: str | None, review: tuple[str, ...]) -> Draft:
        """Return the entry for a change that is carried out at once, or that waits in a case, which shows a review."""
        body: dict[str, Any] = {"policy_hash": request.hash, "share": request.share, "reason": request.reason}
        if case_id is None:
            body |= {"before": policy_hash(base), "clock": self._ledger.now().isoformat()}
            return events.enacted(request.change, body, request.actor, self._clock())
        body |= {"change": request.change.value, "base": policy_hash(base), "review": list(review)}
        return events.proposed(case_id, body, request.actor, self._clock())

    def _same_pending(self, request: PolicyChangeRequest, history: PolicyHistory) -> Proposal | None:
        """Return the undecided proposal of the same change, if any."""
        wanted = (request.change, request.hash, request.share, history.active)
        for proposal in history.pending.values():
            same = (proposal.change, proposal.policy_hash, proposal.share, proposal.base) == wanted
            if same and self._cases.is_undecided(proposal):
                return proposal
        return None

    def _submit_lost(self, proposal: Proposal) -> None:
        """Submit the case of a proposal that a crash has prevented; decline the change if that is impossible."""
        why = "it has no case, and the policy that it was compared with is not recorded; propose it again"
        if proposal.base in self._approval.versions():
            try:
                self._approval.open(proposal)
            except InvalidInput as exc:
                why = f"its case cannot be opened: {exc}; propose it again"
            else:
                return
        declined = events.declined(proposal.case_id, why, SYSTEM, self._clock())
        self._conclude(proposal.case_id, lambda proposal: declined)

    def _conclude(self, case_id: str, outcome: Callable[[Proposal], Draft]) -> None:
        """Record the outcome of a proposal, if it is still pending."""
        self._cases.conclude(lambda: self._policies.policies.pending.get(case_id), outcome)
        self._cases.apply()

    def _outcome(self, proposal: Proposal, case: Case) -> Draft:
        """Return the outcome of a proposal: the approved change, or a decline."""
        history, now = self._policies.policies, self._clock()
        refused = self._cases.refused(proposal, case, proposal.people_hash)
        if refused is not None:
            return events.declined(case.case_id, refused, SYSTEM, now)
        if proposal.change is not PolicyChange.CANARY and history.active == proposal.policy_hash:
            return events.declined(case.case_id, "it is in force already", SYSTEM, now)
        base, policy = self._approval.current(history), recorded_policy(proposal.policy_hash, self._ledger.policy)
        if policy_hash(base) != proposal.base and self._approval.where_looser(base, policy, history):
            why = f"another policy was activated since it was proposed ({policy_hash(base)[:12]}); propose it again"
            return events.declined(case.case_id, why, SYSTEM, now)
        body = {"policy_hash": proposal.policy_hash, "share": proposal.share, "reason": proposal.reason}
        agreed = self._cases.actor_of_outcome(proposal, case) | {"before": policy_hash(base)}
        return events.enacted(proposal.change, body | agreed, SYSTEM, now)

    def _end(
        self, is_running: Callable[[PolicyHistory], bool], draft: Callable[[datetime], Draft], acting: Acting
    ) -> bool:
        while True:
            history = self._policies.policies
            self._authorized(acting)
            if not is_running(history):
                return False
            if self._cases.write([draft(self._clock())], history.seen):
                self._cases.apply()
                return True

    def _version(self, history: PolicyHistory, request: PolicyChangeRequest) -> list[Draft]:
        """Return the entry that introduces a version, unless a change has introduced it before."""
        version = history.versions.get(request.hash)
        if version is not None and version.author is not None:
            return []
        body = version_of(request.policy, request.reason, request.findings)
        return [events.version(body, request.actor, self._clock())]

    def _read(self, source: PolicySource) -> Policy:
        return check_they_fit(load_policy(source, self._people.chain), self._people)

    def _version_named(self, prefix: str | None) -> str:
        """Return the hash of the previous version, or of the one with this number or begin of the hash."""
        history = self._policies.policies
        if prefix is None:
            if not history.track:
                raise NoPreviousPolicy("no version was in force before the active one")
            return history.track[-1]
        numbered = history.with_number(prefix)
        if numbered is not None:
            return numbered
        matches = [name for name in self._approval.versions() if prefix and name.startswith(prefix)]
        if len(matches) != 1:
            many = f"{len(matches)} versions have this prefix; give more of the hash"
            raise NoPreviousPolicy(f"{prefix!r}: {many if matches else 'there is no such version'}")
        return matches[0]
