"""The results of a run of a case, before they are recorded."""

from datetime import datetime
from typing import NamedTuple

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.decision import Routing, ShadowAnswer
from hitl_orchestrator.domain.review import ReviewSnapshot


class Opening(NamedTuple):
    """The review that a run opens, before it is recorded: what it shows, and the answer of a shadow policy.

    `text` is the canonical JSON of what it shows.
    """

    shown: ReviewSnapshot
    text: str
    at: datetime
    shadow: ShadowAnswer | None = None


class Ending(NamedTuple):
    """The outcome of a case, before it is recorded, and its routing."""

    record: AuditRecord
    routing: Routing
    at: datetime
