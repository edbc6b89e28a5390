"""The certificate for a group of cases: the lowest bound on confidence that the evidence supports."""

from hitl_orchestrator.learning.bounds import USUAL, Promise, certified
from hitl_orchestrator.learning.certificates import Certificate
from hitl_orchestrator.learning.evidence import Evidence


def certify(evidence: Evidence, promise: Promise = USUAL) -> Certificate:
    """Return the certificate for a group: the lowest bound that the evidence supports, or why there is none."""
    labels = evidence.labels.uniform(evidence.draws)
    result = certified(labels, evidence.past, promise)
    bound, why_not = (None, _unseen(evidence)) if evidence.unseen else (result.bound, result.why_not)
    return Certificate(
        group=evidence.group.text,
        alpha=promise.alpha,
        delta=promise.delta,
        bound=None if bound is None else bound.confidence,
        coverage=None if bound is None else bound.coverage,
        labels=len(labels),
        labels_above=None if bound is None else bound.labels,
        errors_above=None if bound is None else bound.errors,
        upper=None if bound is None else bound.upper,
        cases=len(evidence.past),
        unanswered=evidence.unanswered,
        first=evidence.first,
        last=evidence.last,
        evidence_hash=evidence.hash,
        why_not=why_not,
    )


def _unseen(evidence: Evidence) -> str:
    return (
        f"{evidence.unseen:,} of {len(evidence.past):,} cases went ahead with no chance to be looked at, so nothing is "
        "known about them; give every rule that approves a spot_check, and certify the cases since then"
    )
