"""What the ledger is told of an answer that was refused. Pure."""

from hitl_orchestrator.domain.audit import Actor, RefusedAttempt
from hitl_orchestrator.domain.enums import ActorKind, Authentication
from hitl_orchestrator.domain.review import Review, Reviewer
from hitl_orchestrator.domain.value import digest
from hitl_orchestrator.errors import RequestRejected
from hitl_orchestrator.ledger.events.builders import answer_digest

REPLAY = "replay"


def refused_attempt(
    at: tuple[str, str | None], answer: Review, refusal: RequestRejected, known: Reviewer | None, channel: str
) -> RefusedAttempt:
    """Return what was tried at a case and a review, and why not.

    Attempts are one where the review, the person, the decision, the cause and the channel are the same. All names that
    nobody knows count as one person, so that a flood of them leaves a handful of entries.
    """
    case_id, review_id = at
    cause = type(refusal).__name__
    same = {
        "review": review_id,
        "who": known and known.reviewer_id,
        "decision": answer.human_decision.value,
        "cause": cause,
        "channel": channel,
    }
    return RefusedAttempt(
        case_id=case_id,
        review_id=review_id,
        human_decision=answer.human_decision,
        cause=cause,
        why=str(refusal),
        answer=answer_digest(answer),
        key=digest(same),
    )


def who_acts(known: Reviewer, channel: str) -> Actor:
    """Return a person whom we know by the name that they gave."""
    how = Authentication.STATED
    return Actor(kind=ActorKind.HUMAN, id=known.reviewer_id, authenticated=how, roles=known.roles, channel=channel)


def who_answers(answer: Review, known: Reviewer | None, channel: str) -> Actor:
    """Return who gave an answer, as far as that is known. The name of a stranger is kept, and vouched for by nobody."""
    kind = ActorKind.RECORD if channel == REPLAY else ActorKind.HUMAN
    if known is None:
        return Actor(kind=kind, id=answer.reviewer_id, channel=channel)
    how = Authentication.RECORDED if channel == REPLAY else Authentication.STATED
    return Actor(kind=kind, id=known.reviewer_id, authenticated=how, roles=known.roles, channel=channel)
