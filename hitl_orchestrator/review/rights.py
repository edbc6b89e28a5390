"""Who may do what to one review: role and domain, separation of duties, and who has answered already. Pure.

Deny by default. Accounts of one person count as that person, whatever they are called.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import SINGLE_REVIEW, ReviewRequirements
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.errors import NotAuthorized
from hitl_orchestrator.review.authority import role_to_decide_in
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.quorum import Ballot


def barred_by_duty(submission: Submission, people: People) -> dict[str, str]:
    """Return the persons who may not decide a case, whatever their role, each with why."""
    barred = dict.fromkeys(_not_again(submission), "they decided this case before, under another id")
    barred |= {people.human(name): "the task was requested by them" for name in _requesters(submission)}
    if submission.submitted_by is not None:
        barred[people.human(submission.submitted_by)] = "they submitted this case"
    return barred


def _requesters(submission: Submission) -> tuple[str, ...]:
    """Return whom the task names as having wanted it."""
    named = submission.task.metadata.get(REQUESTED_BY)
    names = named if isinstance(named, (list, tuple)) else (named,)
    return tuple(str(name) for name in names if isinstance(name, str))


def _not_again(submission: Submission) -> tuple[str, ...]:
    return () if submission.quality_check is None else submission.quality_check.not_by


@dataclass(frozen=True, kw_only=True)
class Rights:
    """The rights to one open review, as they stand now.

    `needed` is the role that must decide, `requirements` say how persons are asked, `barred` who may not and why,
    `given` are the
    answers there are. A second look must not tell that it is one, so that it is refused like any lack of a right.
    """

    people: People
    row: StoredReview
    needed: str
    requirements: ReviewRequirements = SINGLE_REVIEW
    barred: Mapping[str, str] = field(default_factory=dict)
    given: Sequence[Ballot] = ()

    def role_for(self, reviewer: Reviewer, named: str | None = None) -> str:
        """Return the role in which this reviewer may answer: the lowest held one that is high enough.

        Raises:
            NotAuthorized: they may not; it says why, and what would help.
        """
        why = self.barred.get(reviewer.human)
        if why is not None:
            raise NotAuthorized(reviewer.reviewer_id, f"{why}; another person with the role {self.needed!r} has to")
        role = role_to_decide_in(reviewer, self.needed, self.row.domain, self.people.chain, named)
        if self.requirements.approvals == 1:
            return role
        if reviewer.human in self.voted and self.left():
            why = "they have answered this case already, and it takes another person; "
            raise NotAuthorized(reviewer.reviewer_id, why + f"ask {', '.join(self._ids(self.left()))}")
        return self._free_role(reviewer, named) if self.requirements.distinct_roles else role

    def may(self, reviewer: Reviewer) -> bool:
        """Whether this reviewer may answer."""
        try:
            self.role_for(reviewer)
        except NotAuthorized:
            return False
        return True

    def able(self) -> list[Reviewer]:
        """Return who may answer, those who stand lowest first."""
        chain = self.people.chain
        found = [(chain.roles.index(self.role_for(one)), one) for one in self.people if self.may(one)]
        return [reviewer for _, reviewer in sorted(found, key=lambda able: able[0])]

    def left(self, *, role: str | None = None, but: str | None = None, taken: Iterable[str] = ()) -> set[str]:
        """Return the persons who may answer and have not: for the role needed, or for another one.

        `but` is left out, and where roles must be distinct also whoever holds no other than these `taken` ones.
        """
        needed = role or self.needed
        closed = {*self._taken, *taken} if self.requirements.distinct_roles else set()
        return {
            one.human
            for one in self.people
            if one.human not in {*self.voted, *self.barred, but} and self._free(one, needed, closed)
        }

    def left_above(self, role: str, but: str) -> set[str]:
        """Return the persons above a role who may answer and have not."""
        above = self.people.chain.above(self.people.chain.higher(self.needed, role))
        return set() if above is None else self.left(role=above, but=but)

    @property
    def voted(self) -> set[str]:
        """The persons who have answered already."""
        return {one.person for one in self.given}

    @property
    def _taken(self) -> set[str]:
        return {one.role for one in self.given if one.word != HumanDecision.ESCALATE}

    def _free(self, reviewer: Reviewer, needed: str, closed: set[str]) -> bool:
        chain, domains = self.people.chain, reviewer.domains
        if "*" not in domains and self.row.domain not in domains:
            return False
        return any(chain.reaches(role, needed) for role in reviewer.roles if role not in closed)

    def _free_role(self, reviewer: Reviewer, named: str | None) -> str:
        """Return a role of theirs in which nobody has answered yet, or any where nobody else is left."""
        chain = self.people.chain
        held = [role for role in chain.roles if role in reviewer.roles and chain.reaches(role, self.needed)]
        free = [role for role in held if role not in self._taken] or ([] if self.left() else held)
        if named in free or (named is None and free):
            return named or free[0]
        why = f"somebody has answered as {', '.join(sorted(self._taken))} already, and the rule asks distinct roles"
        raise NotAuthorized(reviewer.reviewer_id, f"{why}; ask somebody with another role from {self.needed!r} up")

    def _ids(self, persons: set[str]) -> list[str]:
        return [one.reviewer_id for one in self.people if one.human in persons]
