"""When several persons decide together: whose answers count, and whether they agree. Pure.

What so many distinct persons agree on, as a rule asks for, is the outcome, whatever it is: to reject together is as
much an agreement as to approve. Answers agree where the same would be carried out. Of a person the latest counts.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import Agreement, DecisionSource, FinalDecision, HumanDecision
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.value import digest


class Ballot(NamedTuple):
    """One answer that counts: whose, in which role, for which outcome, and how often the case was passed up before."""

    person: str
    role: str
    outcome: str
    word: str
    escalations: int


class Step(StrEnum):
    """What an answer leads to."""

    SETTLES = "settles"
    ANOTHER = "another"
    """Another person of the same role is asked."""
    UP = "up"
    """The persons asked disagree: the role above is asked."""


def ballots(rows: Iterable[StoredReview]) -> list[Ballot]:
    """Return the answers of persons in the reviews of a case, in order."""
    return [
        ballot(row.shown, row.verdict)
        for row in rows
        if row.verdict is not None and row.verdict.source is DecisionSource.HUMAN and _counts(row.verdict.review)
    ]


def ballot(shown: ReviewSnapshot, verdict: RecordedDecision) -> Ballot:
    """Return an answer as it counts."""
    word = verdict.review.human_decision
    person = verdict.person or verdict.review.reviewer_id or verdict.role
    return Ballot(person, verdict.role, _outcome(shown, verdict.review), word.value, shown.escalations)


def latest(given: Iterable[Ballot]) -> list[Ballot]:
    """Return the answers that stand: of each person the last."""
    return list({one.person: one for one in given}.values())


def next_step(given: Sequence[Ballot], requirements: ReviewRequirements, *, others: bool, others_above: bool) -> Step:
    """Return what follows from the answers so far, the newest last.

    `others` says whether somebody is left who may answer as this one was asked, `others_above` whether somebody is in
    the roles above. Where nobody is left, to reject is final: nothing may go ahead that too few persons wanted, and
    nothing may wait for persons who are not there. Anything else stays open, so that somebody may change their mind.
    """
    newest = given[-1]
    if agreed(given, newest.outcome, requirements):
        return Step.SETTLES
    if not others:
        return Step.SETTLES if newest.word == HumanDecision.REJECT else Step.ANOTHER
    return Step.UP if others_above and _disagree(given, requirements) else Step.ANOTHER


def agreed(given: Iterable[Ballot], outcome: str, requirements: ReviewRequirements) -> bool:
    """Whether as many distinct persons as the rule asks for want this outcome, in distinct roles where it says so."""
    same = [one for one in latest(given) if one.outcome == outcome]
    counted = {one.role for one in same} if requirements.distinct_roles else {one.person for one in same}
    return len(counted) >= requirements.approvals


def told(given: Iterable[Ballot]) -> str:
    """Return why a case is passed up: who said what."""
    said = "; ".join(f"{one.role} said {one.word}" for one in latest(given))
    return f"the reviewers disagree: {said}"


def _disagree(given: Sequence[Ballot], requirements: ReviewRequirements) -> bool:
    """Whether those who were asked together since the case was last passed up do not come to one answer."""
    together = [one for one in latest(given) if one.escalations == given[-1].escalations]
    if requirements.agreement is Agreement.MAJORITY:
        return len(together) >= 2 * requirements.approvals - 1
    return len({one.outcome for one in together}) > 1


def _counts(answer: Review) -> bool:
    return answer.human_decision is not HumanDecision.ESCALATE


def _outcome(shown: ReviewSnapshot, answer: Review) -> str:
    final = answer.human_decision.final
    output = shown.routing.output.agent_output if shown.routing.output else None
    if final is not FinalDecision.APPROVED:
        output = answer.modified_output
    return digest([final, None if output is None else output.model_dump(mode="json")])
