"""Record rejected decisions in the ledger, once for all attempts that are alike."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hitl_orchestrator.domain.audit import Actor, RefusedAttempt
from hitl_orchestrator.domain.enums import ActorKind, Authentication
from hitl_orchestrator.domain.review import Review, Reviewer
from hitl_orchestrator.domain.value import digest
from hitl_orchestrator.errors import HitlError, RequestRejected
from hitl_orchestrator.ledger.events.builders import answer_digest
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import Clock

__all__ = ["REPLAY", "RejectedAttempts", "actor_of", "answer_actor", "record_actor", "refused_attempt"]

REPLAY = "replay"
_log = logging.getLogger(__name__)


class RejectedAttempts:
    """Records answers that were rejected."""

    def __init__(self, ledger: Ledger, people: People, clock: Clock) -> None:
        self._ledger, self._people, self._clock = ledger, people, clock

    @contextmanager
    def recorded(self, case_id: str, review_id: str | None, answer: Review, acting: Acting) -> Iterator[None]:
        """Record an answer that is rejected within this context, and re-raise the rejection.

        Unreadable input (`InvalidInput`) is not recorded. A failed write does not replace the rejection.
        """
        try:
            yield
        except RequestRejected as rejection:
            reviewer = next((each for each in self._people if each.reviewer_id == answer.reviewer_id), None)
            attempt = refused_attempt((case_id, review_id), answer, rejection, reviewer, acting.channel)
            event = {"case_id": case_id, "event": "rejected"}
            _log.info("decision on case %s rejected: %s", case_id, attempt.cause, extra=event)
            with suppress(HitlError):
                self._ledger.refuse(attempt, answer_actor(answer, reviewer, acting), self._clock())
            raise


def refused_attempt(
    at: tuple[str, str | None], answer: Review, rejection: RequestRejected, reviewer: Reviewer | None, channel: str
) -> RefusedAttempt:
    """Return the rejected attempt at a case and a review, with its cause.

    Attempts are alike if review, reviewer, decision, cause and channel are the same. All unknown reviewers count as
    one, to bound the number of ledger entries that an attacker can create.
    """
    case_id, review_id = at
    cause = type(rejection).__name__
    same = {
        "review": review_id,
        "who": reviewer and reviewer.reviewer_id,
        "decision": answer.human_decision.value,
        "cause": cause,
        "channel": channel,
    }
    return RefusedAttempt(
        case_id=case_id,
        review_id=review_id,
        human_decision=answer.human_decision,
        cause=cause,
        why=str(rejection),
        answer=answer_digest(answer),
        key=digest(same),
    )


def actor_of(reviewer: Reviewer, acting: Acting) -> Actor:
    """Return a reviewer of the reviewers file as an actor, identified as the face has established."""
    return Actor(
        kind=ActorKind.HUMAN,
        id=reviewer.reviewer_id,
        authenticated=acting.authenticated,
        roles=reviewer.roles,
        channel=acting.channel,
        os_user=acting.os_user,
    )


def record_actor(recorded: Review, role: str) -> Actor:
    """Return the actor of a record of the past, who was in this role."""
    how = Authentication.RECORDED
    return Actor(kind=ActorKind.RECORD, id=recorded.reviewer_id, authenticated=how, roles=(role,), channel=REPLAY)


def answer_actor(answer: Review, reviewer: Reviewer | None, acting: Acting) -> Actor:
    """Return the actor of an answer. An unknown name is recorded as not authenticated."""
    if reviewer is not None and acting.channel != REPLAY:
        return actor_of(reviewer, acting)
    kind = ActorKind.RECORD if acting.channel == REPLAY else ActorKind.HUMAN
    how = Authentication.NONE if reviewer is None else Authentication.RECORDED
    roles = () if reviewer is None else reviewer.roles
    channel, os_user = acting.channel, acting.os_user
    return Actor(kind=kind, id=answer.reviewer_id, authenticated=how, roles=roles, channel=channel, os_user=os_user)
