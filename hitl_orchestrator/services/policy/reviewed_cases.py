"""What reviewers let through so far, as the snapshot with which new outputs are compared."""

import logging
from threading import Lock
from typing import Any

from hitl_orchestrator.domain.enums import GOVERNED_CHANGES
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.engine.signals.reviewed import Example, Reviewed, fit_reviewed
from hitl_orchestrator.policies.engine.signals.rules import UnusualRules

__all__ = ["ReviewedCases"]

_log = logging.getLogger(__name__)


class ReviewedCases:
    """Fits the snapshot when it is first needed, and keeps it until it is asked to fit another one."""

    def __init__(self, ledger: Ledger, rules: UnusualRules | None, embeddings: Any = None) -> None:
        """Without rules there is no snapshot."""
        self._ledger, self._rules, self._embeddings = ledger, rules, embeddings
        self._fitted: Reviewed | None = None
        self._fitting = Lock()

    def current(self) -> Reviewed | None:
        """Return the snapshot, None without rules. The first call reads the reviewed cases of the store."""
        with self._fitting:
            if self._fitted is None and self._rules is not None:
                self._fitted = self._fit(self._rules)
            return self._fitted

    def fit(self) -> str | None:
        """Fit a new snapshot to the cases that were reviewed meanwhile, and return its name; None without rules."""
        if self._rules is None:
            return None
        fitted = self._fit(self._rules)
        with self._fitting:
            self._fitted = fitted
        return fitted.name

    def _fit(self, rules: UnusualRules) -> Reviewed:
        upheld = reversed(self._ledger.latest_upheld(rules.latest))
        fitted = fit_reviewed(
            [_example(row) for row in upheld if row.task.task_type not in GOVERNED_CHANGES], rules, self._embeddings
        )
        count = sum(each.count for each in fitted.types.values())
        event = {"case_id": None, "event": "reviewed_fitted"}
        _log.info("outputs are compared with %d reviewed cases: %s", count, fitted.name[:12], extra=event)
        return fitted


def _example(row: StoredReview) -> Example:
    """Return the task of a review, with the output that its decision let through."""
    edited = None if row.verdict is None else row.verdict.review.modified_output
    return Example(row.task, edited or row.proposal)
