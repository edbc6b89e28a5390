"""Determine the proposal and the risk level."""

from collections.abc import Sequence

from hitl_orchestrator.domain.decision import Classification
from hitl_orchestrator.nodes.ports import Answer, Classify
from hitl_orchestrator.nodes.state import Submitted, Update
from hitl_orchestrator.policies.engine.risk import RiskRule, risk_of


def classify(state: Submitted, *, classifier: Classify | None, risk_rules: Sequence[RiskRule]) -> Update:
    """Use the submitted output, or call the classifier. A case that measures reviewers has no other output."""
    task, output = state.submission.task, state.submission.output
    given = output is not None or state.submission.quality_check is not None
    answer = Answer(output) if given or classifier is None else classifier.answer(task)
    risk = risk_of(task, risk_rules)
    return {"classification": Classification(risk_level=risk, output=answer.output, error=answer.error)}
