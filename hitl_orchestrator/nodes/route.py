"""Route a case by the policy."""

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.nodes.ports import History, Rules
from hitl_orchestrator.nodes.state import CaseRun, Scored, Update, facts_of


def route(state: Scored, *, run: CaseRun, rules: Rules, history: History) -> Update:
    """Evaluate the policy. Its action chooses the next node."""
    run.history = history.before(state.submission)
    decision = rules.route(state.submission, facts_of(state, run.history))
    return {"decision": with_error(decision, state.classification.error)}


def with_error(decision: RoutingDecision, error: str | None) -> RoutingDecision:
    """Return a decision that names the error of the classifier, if there is one, as its first reason."""
    if error is None:
        return decision
    reason = f'the agent\'s classifier failed: "{error}"; {decision.reason}'
    return decision.model_copy(update={"reason": reason})
