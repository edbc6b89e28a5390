"""Redact: erase what agents and people wrote in a finished case, and keep the proof that it went as the ledger says."""

from pydantic import ValidationError

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import ActorKind, Authentication, CaseStage
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.services.reviews.claims import TeamOrchestrator


class RedactingOrchestrator(TeamOrchestrator):
    """An orchestrator that can erase as well."""

    def redact(
        self, given_id: str, *, reason: str, reviewer_id: str | None = None, channel: str = "library"
    ) -> Redaction:
        """Erase what was said in a case: texts, metadata and proposals, with the key of their digests.

        What stays says who decided what and when, and by which rule; it verifies as before. The ledger keeps the reason
        and who gave it, so the reason must not repeat what is erased. Doing it again is the same receipt.

        Raises:
            UnknownCase: there is none.
            CaseUnfinished: the case is not finished.
            NotAuthorized: nobody knows this reviewer.
            InvalidInput: the reason is empty, longer than 2,000 characters, or no text that can be stored.
            StoreUnavailable: it is erased, and the database may still hold a trace of it; doing it again goes on.
        """
        actor, now = self._who_redacts(reviewer_id, channel), self._clock()
        try:
            Redaction(case_id=given_id, reason=reason, actor=actor, at=now)
        except ValidationError as exc:
            raise InvalidInput([f"redact {given_id!r}: {exc.errors()[0]['loc'][0]}: {exc.errors()[0]['msg']}"]) from exc
        case = self.show(given_id)
        if case.stage is CaseStage.FINISHED:
            # A crash behind the outcome may have left the place of the case, which holds what was said as well.
            self.runner.forget(case.case_id)
        return self.ledger.redact(case.case_id, reason, actor, now)

    def _who_redacts(self, reviewer_id: str | None, channel: str) -> Actor:
        if reviewer_id is None:
            return Actor(kind=ActorKind.HUMAN, channel=channel)
        known = self.people.named(reviewer_id)
        how = Authentication.STATED
        return Actor(kind=ActorKind.HUMAN, id=known.reviewer_id, authenticated=how, roles=known.roles, channel=channel)
