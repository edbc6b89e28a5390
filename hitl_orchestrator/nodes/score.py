"""Score a proposal: its confidence, the source of it, and signals."""

from hitl_orchestrator.nodes.state import Classified, Update
from hitl_orchestrator.policies.engine.scoring import ScoreRules, score_of


def score(state: Classified, *, score_rules: ScoreRules) -> Update:
    """Score the proposal. A missing confidence stays None."""
    classification = state.classification
    return {"score": score_of(classification.output, classification.risk_level, score_rules)}
