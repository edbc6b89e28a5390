"""Redaction: the texts that it erases from the rows of a case, and the entry that records it."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.domain.enums import CaseStage, EventKind
from hitl_orchestrator.domain.value import Identifier, Text, UtcDatetime, Value, canonical_json, digest, read_canonical
from hitl_orchestrator.errors import CaseUnfinished
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.events.contents import SHOWN, VERDICT, Path, erased


class Redaction(Value):
    """The receipt of a redaction. `destroyed` is the number of erased values.

    `scrub_due`: the database may still hold copies in pages that it no longer uses; `recover` erases them.
    """

    case_id: Identifier
    reason: Annotated[Text, Field(min_length=1, max_length=2000, pattern=r"\S")]
    actor: Actor
    at: UtcDatetime
    destroyed: int = 0
    scrub_due: bool = False


class ReviewTexts(NamedTuple):
    """The snapshot and the verdict of a review, as they are stored."""

    shown: str
    verdict: str | None

    @property
    def digest(self) -> str:
        """The digest that the ledger records of the erased texts, which protects them from then on."""
        return digest([self.shown, self.verdict])


def check_finished(case_id: str, stage: str, what: str = "redacted") -> None:
    """Raise `CaseUnfinished` unless the case is finished, so that it can be redacted, or `what` else it says."""
    if stage != CaseStage.FINISHED:
        raise CaseUnfinished(case_id, stage, what)


def erased_texts(texts: ReviewTexts) -> ReviewTexts:
    """Return the snapshot and verdict of a review without the texts of agents and people."""
    return ReviewTexts(_erased_text(texts.shown, SHOWN), texts.verdict and _erased_text(texts.verdict, VERDICT))


def _erased_text(text: str, paths: Iterable[Path]) -> str:
    """Return a JSON text without the values at these paths; an empty object for a text that was altered."""
    try:
        return canonical_json(erased(read_canonical(text), paths))
    except (AttributeError, TypeError, ValueError):
        return "{}"


def redacted(redaction: Redaction, reviews: Mapping[str, ReviewTexts]) -> Draft:
    """Record that the contents of a case were erased, and the digests of its reviews after erasure."""
    body: dict[str, Any] = {"reason": redaction.reason, "destroyed": redaction.destroyed}
    body["reviews"] = {review_id: texts.digest for review_id, texts in reviews.items()}
    return Draft(redaction.case_id, EventKind.REDACTED, redaction.at, redaction.actor, body)


def receipt_of(event: Event) -> Redaction:
    """Return the receipt that an entry records."""
    body = event.body
    return Redaction(
        case_id=event.case_id or "",
        reason=body["reason"],
        actor=event.actor,
        at=event.at,
        destroyed=body["destroyed"],
    )
