"""Rights to one review: role and domain, separation of duties, and earlier votes.

Deny by default. All accounts of one person count as that person.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import SINGLE_REVIEW, ReviewRequirements
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.errors import NotAuthorized
from hitl_orchestrator.review.decision_checks import role_to_decide_in
from hitl_orchestrator.review.names import requesters_in
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.quorum import Ballot
from hitl_orchestrator.review.working_time import is_away

_MAX_NAMED = 5
_ANSWERED = "they have answered this case already"
_UNREADABLE = "the requester of the task cannot be read ({}), and may be any reviewer"
_NAMED_BY_RULE = "the rule states that they may not decide this case"


def barred_by_duty(submission: Submission, people: People) -> dict[str, str]:
    """Return the people who may not decide a case in any role, each with the reason.

    Who is barred from one attempt at a task is barred from all later ones. A requester who cannot be read may be any
    reviewer, so that only the top of the chain may decide.
    """
    barred: dict[str, str] = {}
    for attempt in submission.as_earlier():
        requesters, unreadable = requesters_in(attempt.requested_by)
        if attempt.unknown:
            unreadable.append("those of an attempt were erased, or are too many")
        if unreadable:
            barred = dict.fromkeys(_below_the_top(people), _UNREADABLE.format(unreadable[0])) | barred
        # The reason that an ordinary case would give: the submitter is barred from the spot check of their case.
        barred = dict.fromkeys(attempt.not_by, _ANSWERED) | barred
        for name in requesters:
            barred |= dict.fromkeys(people.names.persons(name), "the task was requested by them")
        if attempt.submitted_by is not None:
            barred |= dict.fromkeys(persons_named(attempt.submitted_by, people), "they submitted this case")
    return barred


def barred_by_rule(requirements: ReviewRequirements, people: People) -> dict[str, str]:
    """Return the people whom the rule of a review excludes, each with the reason."""
    return {people.human(reviewer_id): _NAMED_BY_RULE for reviewer_id in requirements.not_by}


def strange_asked(requirements: ReviewRequirements, people: People) -> Iterator[str]:
    """Yield each team and each reviewer that a rule names and the people lack, after its field of `ask`."""
    teams = [team.team_id for team in people.teams]
    for name in requirements.teams:
        if name not in teams:
            there = f"the teams are {', '.join(teams)}" if teams else "the people have no teams"
            yield f"team: there is no team {name!r}; {there}{did_you_mean(name, teams)}"
    for name in requirements.not_by:
        if not people.is_known(name):
            yield f"not: there is no reviewer {name!r}{did_you_mean(name, (each.reviewer_id for each in people))}"


def persons_named(name: str, people: People) -> set[str]:
    """Return the people whom the name of a submitter may mean; an unknown name counts as a person."""
    return {people.human(name), *people.names.persons(name)}


def _below_the_top(people: People) -> set[str]:
    """Return the people who do not hold the top role of the chain."""
    top = people.chain.roles[-1]
    return {each.human for each in people} - {each.human for each in people if top in each.roles}


def whom_to_ask(able: Iterable[Reviewer]) -> str:
    """Return the remedy of a refusal: the first of the reviewers who may do it, and the number of the others."""
    ids = [each.reviewer_id for each in able]
    if not ids:
        return "no reviewer may, so add one with 'hitl people propose'"
    more = [f"{len(ids) - _MAX_NAMED} more"] if len(ids) > _MAX_NAMED else []
    *others, last = ids[:_MAX_NAMED] + more
    return f"ask {', '.join(others)} or {last}" if others else f"ask {last}"


def check_may_redact(reviewer: Reviewer, domain: str, people: People) -> None:
    """Raise `NotAuthorized` unless a reviewer holds the top role of the chain and decides in this domain."""
    top = people.chain.roles[-1]
    if top not in reviewer.roles:
        mine = ", ".join(reviewer.roles)
        why = f"it needs {top!r}, the top of the escalation chain, they hold {mine}"
        why = f"{why}; {whom_to_ask(each for each in people if top in each.roles)}"
        raise NotAuthorized(reviewer.reviewer_id, why, "redact this case")
    if "*" not in reviewer.domains and domain not in reviewer.domains:
        why = f"the case is in {domain!r}, their domains are {', '.join(reviewer.domains)}; ask another {top}"
        raise NotAuthorized(reviewer.reviewer_id, why, "redact this case")


@dataclass(frozen=True, kw_only=True)
class Rights:
    """The current rights to one open review.

    `needed` is the role that must decide, `barred` has the people who may not with the reason, `votes` are the votes so
    far. A second review must stay indistinguishable from others, so its refusal reads like any other.
    """

    people: People
    row: StoredReview
    needed: str
    requirements: ReviewRequirements = SINGLE_REVIEW
    barred: Mapping[str, str] = field(default_factory=dict)
    votes: Sequence[Ballot] = ()

    def role_for(self, reviewer: Reviewer, named: str | None = None) -> str:
        """Return the role in which this reviewer may decide: the lowest sufficient role that they hold.

        Raises:
            NotAuthorized: they may not; the message has the reason and a remedy.
        """
        why = self.barred.get(reviewer.human)
        if why == _NAMED_BY_RULE:
            raise NotAuthorized(reviewer.reviewer_id, f"{why}; {whom_to_ask(self._others())}")
        if why is not None:
            is_unreadable = why.startswith(_UNREADABLE.partition("{")[0])
            role = self.people.chain.roles[-1] if is_unreadable else self.needed
            raise NotAuthorized(reviewer.reviewer_id, f"{why}; another person with the role {role!r} must decide")
        asked = self._role_asked_of(reviewer)
        if asked is None:
            raise self._outside(reviewer)
        role = role_to_decide_in(reviewer, asked, self.row.domain, self.people.chain, named)
        if self.requirements.approvals == 1:
            return role
        if reviewer.human in self.voted and self.left():
            why = f"{_ANSWERED}, and another person must decide; "
            raise NotAuthorized(reviewer.reviewer_id, why + f"ask {', '.join(self._ids(self.left()))}")
        return self._free_role(reviewer, named) if self.requirements.distinct_roles else role

    def may(self, reviewer: Reviewer) -> bool:
        """Return whether this reviewer may decide."""
        try:
            self.role_for(reviewer)
        except NotAuthorized:
            return False
        return True

    def void_claim(self, at: datetime) -> str | None:
        """Return why the claim on this review binds no reviewer; None if it does, or there is none.

        A claim ends with the right to decide: its holder is no reviewer any more, lost the role or the domain, or
        is away.
        """
        row = self.row
        if row.claimed_by is None or row.holder(at) is None:
            return None
        holder = self.people.get(row.claimed_by)
        if holder is None:
            return f"there is no reviewer {row.claimed_by!r} any more"
        if is_away(holder, at):
            return f"reviewer {row.claimed_by!r} is away"
        try:
            self.role_for(holder)
        except NotAuthorized as exc:
            return str(exc)
        return None

    def may_take_over(self, reviewer: Reviewer) -> bool:
        """Return whether this reviewer may end the claim of another one: they hold a role above all of the holder's."""
        holder, chain = self.people.get(self.row.claimed_by), self.people.chain
        theirs = () if holder is None else holder.roles
        return any(all(mine != role and chain.reaches(mine, role) for role in theirs) for mine in reviewer.roles)

    def able(self) -> list[Reviewer]:
        """Return the reviewers who may decide, the lowest role first."""
        chain = self.people.chain
        ranks = [(chain.roles.index(self.role_for(person)), person) for person in self.people if self.may(person)]
        return [reviewer for _, reviewer in sorted(ranks, key=lambda rank: rank[0])]

    def seem_able(self) -> list[Reviewer]:
        """Return the reviewers who may decide as far as others may know, the lowest role first.

        Among them are those who answered the case of which this one is a second review: their absence would tell.
        """
        known = {person: why for person, why in self.barred.items() if why != _ANSWERED}
        return replace(self, barred=known).able()

    def _others(self) -> list[Reviewer]:
        """Return the reviewers whom an excluded one may ask, among them those whose absence would tell: `seem_able`."""
        barred = {person for person, why in self.barred.items() if why != _ANSWERED}
        asked = ((each, self._role_asked_of(each)) for each in self.people if each.human not in barred)
        return [each for each, role in asked if role is not None and self._free(each, role, set())]

    def left(self, *, role: str | None = None, but: str | None = None, taken: Iterable[str] = ()) -> set[str]:
        """Return the people who may vote and have not: in the needed role, or in `role`.

        Leaves out `but` and, if roles must be distinct, people who hold no other role than the `taken` ones.
        """
        closed = {*self._taken, *taken} if self.requirements.distinct_roles else set()
        return {
            person.human
            for person in self.people
            if person.human not in {*self.voted, *self.barred, but}
            and (asked := role or self._role_asked_of(person)) is not None
            and self._free(person, asked, closed)
        }

    def left_above(self, role: str, but: str | None) -> set[str]:
        """Return the people above a role who may vote and have not."""
        above = self.people.chain.above(self.people.chain.higher(self.needed, role))
        return set() if above is None else self.left(role=above, but=but)

    @cached_property
    def members(self) -> frozenset[str] | None:
        """The people who are in all teams that the rule asks; None where it asks no team, or the case was escalated.

        A team that the people lack has no members.
        """
        if not self.requirements.teams or self.row.shown.escalations:
            return None
        teams = {team.team_id: team.members for team in self.people.teams}
        listed = [{self.people.human(each) for each in teams.get(name, ())} for name in self.requirements.teams]
        return frozenset(set.intersection(*listed))

    @cached_property
    def _is_short(self) -> bool:
        """Whether fewer members than the rule requires may decide, so that the top of the chain may do so too."""
        members = self.members
        if members is None:
            return False
        able = {
            each.human
            for each in self.people
            if each.human in members and each.human not in self.barred and self._free(each, self.needed, set())
        }
        return len(able) < self.requirements.approvals

    def _role_asked_of(self, reviewer: Reviewer) -> str | None:
        """Return the role that this reviewer needs: the top where the members are too few; None outside the teams."""
        if self.members is None or reviewer.human in self.members:
            return self.needed
        return self.people.chain.top if self._is_short else None

    def _outside(self, reviewer: Reviewer) -> NotAuthorized:
        names = " and ".join(repr(name) for name in self.requirements.teams)
        remedy = whom_to_ask(each for each in self.people if each.human in (self.members or ()))
        return NotAuthorized(reviewer.reviewer_id, f"the rule asks the team {names}, and they are not in it; {remedy}")

    @property
    def voted(self) -> set[str]:
        """The people who have voted."""
        return {vote.person for vote in self.votes}

    @property
    def _taken(self) -> set[str]:
        return {vote.role for vote in self.votes if not vote.decision.spec.escalates}

    def _free(self, reviewer: Reviewer, needed: str, closed: set[str]) -> bool:
        chain, domains = self.people.chain, reviewer.domains
        if "*" not in domains and self.row.domain not in domains:
            return False
        return any(chain.reaches(role, needed) for role in reviewer.roles if role not in closed)

    def _free_role(self, reviewer: Reviewer, named: str | None) -> str:
        """Return a role of theirs without a vote yet, or any sufficient one if no other reviewer is left."""
        chain = self.people.chain
        held = [role for role in chain.roles if role in reviewer.roles and chain.reaches(role, self.needed)]
        free = [role for role in held if role not in self._taken] or ([] if self.left() else held)
        if named in free or (named is None and free):
            return named or free[0]
        taken = ", ".join(sorted(self._taken))
        why = f"another reviewer has voted as {taken} already, and the rule requires distinct roles"
        raise NotAuthorized(reviewer.reviewer_id, f"{why}; ask a reviewer with another role from {self.needed!r} up")

    def _ids(self, persons: set[str]) -> list[str]:
        return [person.reviewer_id for person in self.people if person.human in persons]
