"""Route a case by the policy."""

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.nodes.state import Scored, Update, facts_of


def route(state: Scored, *, rules: Rules) -> Update:
    """Evaluate the policy. Its action chooses the next node."""
    decision, error = rules.route(state.submission, facts_of(state)), state.classification.error
    return {"decision": decision if error is None else _with_error(decision, error)}


def _with_error(decision: RoutingDecision, error: str) -> RoutingDecision:
    """Return a decision that names the error of the classifier as its first reason."""
    reason = f'the agent\'s classifier failed: "{error}"; {decision.reason}'
    return decision.model_copy(update={"reason": reason})
