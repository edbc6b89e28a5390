"""What redacting a case means: what is taken from its rows, and what the ledger says of it. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage, EventKind
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.value import Identifier, Text, UtcDatetime, Value, canonical_json, digest
from hitl_orchestrator.errors import CaseUnfinished
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.events.contents import ERASABLE, SHOWN, VERDICT, erased


class Redaction(Value):
    """The receipt of a redaction: whose contents were erased, when, by whom and why, and how many values they were."""

    case_id: Identifier
    reason: Annotated[Text, Field(min_length=1, max_length=2000, pattern=r"\S")]
    actor: Actor
    at: UtcDatetime
    destroyed: int = 0


class ReviewTexts(NamedTuple):
    """What a row of `reviews` shows and decides, as it is stored."""

    shown: str
    verdict: str | None

    @property
    def digest(self) -> str:
        """What the ledger keeps of them once they are erased, so that they stay what they are then."""
        return digest([self.shown, self.verdict])


def check_finished(case_id: str, stage: str) -> None:
    """Pass a case that needs its contents no more. Raises `CaseUnfinished`."""
    if stage != CaseStage.FINISHED:
        raise CaseUnfinished(case_id, stage)


def texts_of(row: StoredReview) -> ReviewTexts:
    """Return what a review shows and decides, as texts."""
    return ReviewTexts(row.shown.model_dump_json(), None if row.verdict is None else row.verdict.model_dump_json())


def erased_texts(texts: ReviewTexts) -> ReviewTexts:
    """Return the texts of a review with all erased that agents and people wrote."""
    verdict = None if texts.verdict is None else canonical_json(erased(json.loads(texts.verdict), VERDICT))
    return ReviewTexts(canonical_json(erased(json.loads(texts.shown), SHOWN)), verdict)


def without_contents(case: Case) -> Case:
    """Return a finished case with all erased that agents and people wrote, in every part of it."""
    plain = case.model_dump(mode="json")
    plain["submission"] = erased(plain["submission"], ERASABLE[EventKind.SUBMITTED])
    plain["record"] = plain["record"] and erased(plain["record"], ERASABLE[EventKind.FINISHED])
    for row in plain["reviews"]:
        row["shown"] = erased(row["shown"], SHOWN)
        row["verdict"] = row["verdict"] and erased(row["verdict"], VERDICT)
    return Case.model_validate({**plain, "redacted": True})


def redacted(redaction: Redaction, reviews: Mapping[str, ReviewTexts]) -> Draft:
    """Write down that the contents of a case were erased, and what its reviews say from then on."""
    body: dict[str, Any] = {"reason": redaction.reason, "destroyed": redaction.destroyed}
    body["reviews"] = {review_id: texts.digest for review_id, texts in reviews.items()}
    return Draft(redaction.case_id, EventKind.REDACTED, redaction.at, redaction.actor, body)


def receipt_of(event: Event) -> Redaction:
    """Return the receipt that an entry is."""
    said = event.body
    return Redaction(
        case_id=event.case_id or "",
        reason=said["reason"],
        actor=event.actor,
        at=event.at,
        destroyed=said["destroyed"],
    )


def a_redaction(case_id: str, reason: str, actor: Actor, at: datetime) -> Redaction:
    """Return a redaction that is about to be done."""
    return Redaction(case_id=case_id, reason=reason, actor=actor, at=at)
