"""Quorum: which votes count, and whether they agree.

The required number of distinct people must agree on one outcome, be it an approval or a rejection. Votes agree if the
same output would be carried out. Only the latest vote of a person counts.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import Agreement, DecisionSource, HumanDecision
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.value import digest


class Ballot(NamedTuple):
    """One vote: the person, their role, the outcome they want, and how often the case was escalated before."""

    person: str
    role: str
    outcome: str
    decision: HumanDecision
    escalations: int


class Step(StrEnum):
    """The consequence of a vote."""

    SETTLES = "settles"
    ANOTHER = "another"
    """Another reviewer of the same role has to vote."""
    UP = "up"
    """The reviewers disagree: the case is escalated."""


def ballots(rows: Iterable[StoredReview]) -> list[Ballot]:
    """Return the human votes in the reviews of a case, in order. Escalations are not votes."""
    return [
        ballot(row.shown, row.verdict)
        for row in rows
        if row.verdict is not None
        and row.verdict.source is DecisionSource.HUMAN
        and not row.verdict.review.human_decision.spec.escalates
    ]


def ballot(shown: ReviewSnapshot, verdict: RecordedDecision) -> Ballot:
    """Return the vote of a recorded decision."""
    # Records of the past that name no reviewer count as different people; the decision states that it is unknown.
    person = verdict.person or verdict.review.reviewer_id or f"{verdict.role} of {shown.review_id}"
    outcome = _outcome(shown, verdict.review)
    return Ballot(person, verdict.role, outcome, verdict.review.human_decision, shown.escalations)


def latest(votes: Iterable[Ballot]) -> list[Ballot]:
    """Return the last vote of each person."""
    return list({vote.person: vote for vote in votes}.values())


def next_step(votes: Sequence[Ballot], requirements: ReviewRequirements, *, others: bool, others_above: bool) -> Step:
    """Return the consequence of the votes so far, the newest last.

    `others` states whether another reviewer may still vote in this round, `others_above` whether a reviewer in a higher
    role may. Without other reviewers a rejection is final: no output may be carried out with too few votes, and no case
    may wait for reviewers who do not exist. Any other vote leaves the case open, so that a reviewer can change theirs.
    """
    newest = votes[-1]
    if agreed(votes, newest.outcome, requirements):
        return Step.SETTLES
    if not others:
        return Step.SETTLES if newest.decision.spec.rejects else Step.ANOTHER
    return Step.UP if others_above and _disagree(votes, requirements) else Step.ANOTHER


def agreed(votes: Iterable[Ballot], outcome: str, requirements: ReviewRequirements) -> bool:
    """Return whether enough distinct people (or roles, if the rule requires distinct roles) want this outcome."""
    same = [vote for vote in latest(votes) if vote.outcome == outcome]
    counted = {vote.role for vote in same} if requirements.distinct_roles else {vote.person for vote in same}
    return len(counted) >= requirements.approvals


def disagreement(votes: Iterable[Ballot]) -> str:
    """Return the reason of an escalation by disagreement: the decision of each role."""
    return "the reviewers disagree: " + "; ".join(f"{vote.role} voted {vote.decision}" for vote in latest(votes))


def _disagree(votes: Sequence[Ballot], requirements: ReviewRequirements) -> bool:
    """Return whether the votes since the last escalation cannot lead to agreement any more."""
    together = [vote for vote in latest(votes) if vote.escalations == votes[-1].escalations]
    if requirements.agreement is Agreement.MAJORITY:
        return len(together) >= 2 * requirements.approvals - 1
    return len({vote.outcome for vote in together}) > 1


def _outcome(shown: ReviewSnapshot, answer: Review) -> str:
    output = answer.modified_output
    if answer.human_decision.spec.approves_proposal:
        output = shown.routing.output.agent_output if shown.routing.output else None
    return digest([answer.human_decision.final, None if output is None else output.model_dump(mode="json")])
