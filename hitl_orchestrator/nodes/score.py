"""Score a proposal: its confidence, the source of it, and signals."""

from collections.abc import Callable

from hitl_orchestrator.domain.enums import GOVERNED_CHANGES
from hitl_orchestrator.nodes.state import Classified, Update
from hitl_orchestrator.policies.engine.scoring import ScoreRules, score_of
from hitl_orchestrator.policies.engine.signals.reviewed import Reviewed


def score(
    state: Classified, *, score_rules: ScoreRules, reviewed: Callable[[], Reviewed | None] = lambda: None
) -> Update:
    """Score the proposal. A missing confidence stays None. A governed change is compared with nothing."""
    given, submission = state.classification, state.submission
    snapshot = None if submission.task.task_type in GOVERNED_CHANGES else reviewed()
    task, received = submission.task, submission.judged_at
    return {"score": score_of(given.output, given.risk_level, score_rules, task, snapshot, received=received)}
