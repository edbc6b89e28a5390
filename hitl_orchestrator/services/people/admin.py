"""Administer the people of a store: propose changes, and carry out approved ones."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import PEOPLE_CHANGE, CaseStage
from hitl_orchestrator.errors import InvalidInput, PolicyUnreadable, TamperedPolicy
from hitl_orchestrator.ledger.events import people_builders as events
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.governance.changes import (
    ENOUGH,
    PeopleDifference,
    differences,
    governing_persons,
    wider,
)
from hitl_orchestrator.review.governance.history import PeopleHistory, PeopleProposal
from hitl_orchestrator.review.governance.request import change_output, change_task
from hitl_orchestrator.review.people import People, read_people
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import Clock
from hitl_orchestrator.services.config_files import check_they_fit, load_people
from hitl_orchestrator.services.governance.authority import ChangeAuthority, reason_of
from hitl_orchestrator.services.governance.change_cases import ChangeCases, Question
from hitl_orchestrator.services.policy_sync import PolicySync

__all__ = ["PeopleAdmin", "PeopleChange", "PeopleSource"]

PeopleSource = str | Path | Mapping[str, Any] | Sequence[Any] | People
_log = logging.getLogger(__name__)
_CHANGE, _WHY = "change the people", "why the people change"


class PeopleChange(NamedTuple):
    """The result of a proposed change of people: they are in force, or wait for a second person in a case.

    `wider` has a sentence for each right that the change widens. `alone` states that a single operator widened rights,
    in a store in which only one person may change the people.
    """

    people_hash: str
    in_force: bool
    case: Case | None = None
    wider: tuple[str, ...] = ()
    alone: bool = False


class PeopleAdmin:
    """Changes the people of a store. A change that widens any right waits for a second person in a case."""

    def __init__(
        self,
        ledger: Ledger,
        people: People,
        registry: PolicyRegistry,
        policies: PolicySync,
        cases: ChangeCases,
        *,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._ledger, self._people, self._registry, self._policies = ledger, people, registry, policies
        self._cases, self._authority = cases, ChangeAuthority(people)
        self._clock, self._new_id = clock, new_id

    def propose(self, source: PeopleSource, *, reason: str, acting: Acting) -> PeopleChange:
        """Put people in force at once, or propose them if that widens any right."""
        reviewer_id, reason = acting.reviewer_id, reason_of(reason, _WHY)
        author = self._authority.authorized(reviewer_id, _CHANGE)
        actor, case_id = self._authority.actor(author, acting), self._new_id()
        # Parsed from what is stored: a value that was made by other code is checked too.
        people = read_people(load_people(source).document, "people")
        while True:
            seen, now = self._policies.policies.seen, self._people.snapshot()
            self._authority.authorized(reviewer_id, _CHANGE)
            if now.hash == people.hash:
                return PeopleChange(people.hash, in_force=True)
            self._check_teams(people)
            widens = wider(now, people, self._asked())
            alone = bool(widens) and len(governing_persons(now)) < ENOUGH
            waits = bool(widens) and not alone
            # A pending proposal of this call was written before the connection was lost.
            pending = self._policies.people.pending.get(case_id) or (self._same_pending(people, now) if waits else None)
            if pending is not None:
                return PeopleChange(people.hash, False, self._open(pending, actor.channel), widens)
            body = {"people_hash": people.hash, "people": people.document, "reason": reason, "wider": list(widens)}
            if waits:
                draft = events.proposed(case_id, body | {"base": now.hash}, actor, self._clock())
            else:
                draft = events.activated(body | {"before": now.hash, "alone": alone}, actor, self._clock())
            proposed = self._cases.preview([draft], seen)[1].pending.get(case_id)
            if proposed is not None:
                self._question(proposed)
            if self._cases.write([draft], seen):
                self._cases.apply()
                self._report(people, in_force=not waits)
                case = None if proposed is None else self._open(proposed, actor.channel)
                return PeopleChange(people.hash, not waits, case, widens, alone)

    def status(self) -> PeopleHistory:
        """Return the people in force, the versions and the proposals."""
        return self._policies.people

    def active(self) -> People:
        """Return the people in force."""
        return self._people.snapshot()

    def version(self, prefix: str) -> People:
        """Return the people of the version whose hash starts with `prefix`. Raises `InvalidInput`."""
        matches = [name for name in self.status().versions if prefix and name.startswith(prefix)]
        if len(matches) != 1:
            many = f"{len(matches)} versions have this prefix; give more of the hash" if matches else "no such version"
            raise InvalidInput([f"people {prefix!r}: {many}; 'hitl people history' lists the versions"])
        return self._policies.version(matches[0])

    def differences(self, source: PeopleSource) -> list[PeopleDifference]:
        """Return the differences of people from those in force, the wider ones first."""
        return differences(self.active(), load_people(source), self._asked())

    def history(self) -> list[Event]:
        """Return all entries about people, in order."""
        return [event for event in self._ledger.governance_events() if event.kind in events.KINDS]

    def settle(self, before: Case, after: Case) -> None:
        """Carry out a change of people whose case is finished, once. Other cases change nothing."""
        if after.submission.task.task_type == PEOPLE_CHANGE:
            pending = self._policies.people
            self._cases.conclude(
                lambda: self._policies.people.pending.get(after.case_id), lambda each: self._outcome(each, after)
            )
            if self._policies.people.current != pending.current:
                self._cases.apply()
                self._report(self._people, in_force=True)

    def settle_all(self) -> None:
        """Apply decided changes, and open cases for undecided ones, after a crash prevented it."""
        self._policies.refresh()
        for proposal in self._policies.people.pending.values():
            case = self._cases.case_of(proposal)
            if case is None:
                self._open(proposal, "library")
            elif case.stage is CaseStage.FINISHED:
                self.settle(case, case)

    def _same_pending(self, people: People, now: People) -> PeopleProposal | None:
        """Return the undecided proposal of the same people, if any."""
        for proposal in self._policies.people.pending.values():
            same = (proposal.people_hash, proposal.base) == (people.hash, now.hash)
            if same and self._cases.is_undecided(proposal):
                return proposal
        return None

    def _open(self, proposal: PeopleProposal, channel: str) -> Case:
        """Return the case of proposed people; submit it where a crash has prevented that."""
        return self._cases.open(proposal, lambda: self._question(proposal), channel)

    def _question(self, proposal: PeopleProposal) -> Question:
        task = change_task(proposal)
        return self._cases.checked((task, change_output(task, proposal)))

    def _outcome(self, proposal: PeopleProposal, case: Case) -> Draft:
        """Return the outcome of a proposal: the approved people, or a decline."""
        why, current = self._cases.refused(proposal, case, proposal.base), self._people.hash
        if why is None and current != proposal.base:
            why = f"other people came into force since they were proposed ({current[:12]}); propose them again"
        if why is None:
            why = self._missing_team(self._policies.version(proposal.people_hash))
        if why is not None:
            return events.declined(case.case_id, why, SYSTEM, self._clock())
        body = {"people_hash": proposal.people_hash, "before": current, "reason": proposal.reason}
        agreed = self._cases.actor_of_outcome(proposal, case)
        return events.activated(body | agreed | {"wider": list(proposal.wider)}, SYSTEM, self._clock())

    def _in_force(self) -> list[str]:
        """Return the hashes of the active policy and of the canary."""
        canary = self._registry.history.canary
        return [self._registry.active.hash, *([] if canary is None else [canary.policy_hash])]

    def _asked(self) -> frozenset[str]:
        """Return the teams that policies ask: those in force and, while cases are open, those that once were."""
        earlier = self._registry.history.numbered if self._ledger.stages(CaseStage.RECEIVED, CaseStage.WAITING) else ()
        try:
            return frozenset().union(*(self._teams_of(each) for each in {*self._in_force(), *earlier}))
        except (PolicyUnreadable, TamperedPolicy):
            # It may ask any team.
            return frozenset(team.team_id for team in self.active().teams)

    def _teams_of(self, policy_hash: str) -> set[str]:
        parts = self._registry.policy(policy_hash).policy.parts
        return {name for _, part in parts for rule in part.rules for name in rule.requirements.teams}

    def _missing_team(self, people: People) -> str | None:
        """Return why these people may not come into force: they lack a team of now that a policy in force asks."""
        removed = {team.team_id for team in self.active().teams} - {team.team_id for team in people.teams}
        for each in self._in_force():
            for name in sorted(self._teams_of(each) & removed):
                policy = self._registry.history.name(each)
                return f"the policy in force {policy} asks the team {name!r}; keep it, or change the policy first"
        return None

    def _check_teams(self, people: People) -> None:
        """Raise `InvalidInput` for people that lack a team which a policy in force asks."""
        why = self._missing_team(people)
        if why is not None:
            raise InvalidInput([f"people.teams: {why}"])

    def _report(self, people: People, *, in_force: bool) -> None:
        """Log a change, and where the active policy requires more than these people can meet."""
        event = {"case_id": None, "event": "people_change"}
        _log.info("people %s: %s", people.hash[:12], "in force" if in_force else "proposed", extra=event)
        try:
            check_they_fit(self._registry.active.policy, people)
        except InvalidInput as exc:
            for problem in exc.problems:
                _log.warning("people %s: %s", people.hash[:12], problem, extra=event)
