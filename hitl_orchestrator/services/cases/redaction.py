"""Redact finished cases: erase the texts of agents and reviewers, and keep the ledger verifiable."""

from pydantic import ValidationError

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.ledger.events.redaction import Redaction, check_finished
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.cases.runner import CaseRunner
from hitl_orchestrator.services.reviews.rejected_attempts import actor_of

__all__ = ["CaseRedaction"]


class CaseRedaction:
    """Erases the content of finished cases."""

    def __init__(
        self,
        ledger: Ledger,
        people: People,
        reader: CaseReader,
        runner: CaseRunner,
        *,
        clock: Clock,
    ) -> None:
        self._ledger, self._people, self._reader = ledger, people, reader
        self._runner, self._clock = runner, clock

    def redact(self, key: CaseKey, *, reason: str, acting: Acting) -> Redaction:
        """Erase the texts, metadata and proposals of a case, with the key of their digests.

        The cases that repeat it for a quality check are redacted with it.
        """
        reviewer, now = self._people.named(acting.reviewer_id), self._clock()
        actor = actor_of(reviewer, acting)
        try:
            Redaction(case_id=key.text, reason=reason, actor=actor, at=now)
        except ValidationError as exc:
            problem = exc.errors()[0]
            raise InvalidInput([f"redact {key.text!r}: {problem['loc'][0]}: {problem['msg']}"]) from exc
        case = self._reader.get(key)
        copies = [(case.case_id, case.stage), *self._ledger.copies(case.case_id)]
        for case_id, stage in copies:
            check_finished(case_id, stage)
        for case_id, _ in copies:
            # A crash after the outcome may have left a checkpoint, which holds the same texts.
            self._runner.forget(case_id)
        receipt, *_ = [self._ledger.redact(case_id, reason, actor, now) for case_id, _ in copies]
        return receipt.model_copy(update={"scrub_due": bool(self._ledger.scrub())})
