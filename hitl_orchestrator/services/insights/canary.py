"""The report of a canary, from the ledger: its time, its cases, and the rest of that time."""

from typing import TYPE_CHECKING

from hitl_orchestrator.backtest.in_force import Term
from hitl_orchestrator.backtest.open_cases import open_cases, row_of
from hitl_orchestrator.backtest.stored import stored_frame
from hitl_orchestrator.errors import NoPreviousPolicy
from hitl_orchestrator.insights.canary import CanaryReport, canary_report
from hitl_orchestrator.insights.frame import from_rows, polars, prepared
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.services.insights.compliance import policy_terms

if TYPE_CHECKING:
    import polars as pl

__all__ = ["canary_in"]

_COLUMNS = (
    "case_id",
    "task_type",
    "policy_hash",
    "routing_decision",
    "review_probability",
    "drawn",
    "final_decision",
    "decision_source",
    "human_decision",
    "quality_check",
    "quality_check_of",
    "replayed",
    "received_at",
    "latency_seconds",
    "timestamp",
)


def canary_in(ledger: Ledger, version: str | None = None) -> CanaryReport | None:
    """Return the report of the latest canary, running or ended, or of the latest one whose hash starts with `version`.

    None if there was no canary.

    Raises:
        NoPreviousPolicy: no canary has such a hash.
        InvalidInput: polars, which comes with the extra `lab`, is not installed.
    """
    polars("a canary report")
    terms = policy_terms(ledger.governance_events())
    canaries = [(name, term, term.share) for name, each in terms.items() for term in each if term.share is not None]
    wanted = [each for each in canaries if each[0].startswith(version or "")]
    if not wanted:
        if version is None or not canaries:
            return None
        raise NoPreviousPolicy(f"{version!r}: there was no canary of such a version")
    name, term, share = max(wanted, key=_began)
    return canary_report(_cases(ledger), name, share, term.since_at, term.until_at)


def _began(canary: tuple[str, Term, float]) -> int:
    return canary[1].since


def _cases(ledger: Ledger) -> "pl.DataFrame":
    """Return all finished and open cases."""
    pl = polars()
    waiting = from_rows([row_of(case, _COLUMNS) for case in open_cases(ledger) if case.reviews], _COLUMNS)
    finished = stored_frame(ledger, _COLUMNS).select(_COLUMNS)
    # A case may finish between both reads.
    waiting = waiting.join(finished, on="case_id", how="anti")
    return prepared(pl.concat([finished, waiting]))  # type: ignore[no-any-return]
