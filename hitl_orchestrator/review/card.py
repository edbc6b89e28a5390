"""A case as a card for a notebook."""

from hitl_orchestrator.review.view import CaseView


def card(view: CaseView) -> str:
    """Return the view as HTML; everything in it that was written elsewhere is escaped."""
    raise NotImplementedError
