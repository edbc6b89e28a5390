"""Route a case by the policy."""

from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.nodes.state import Scored, Update, facts_of


def route(state: Scored, *, rules: Rules) -> Update:
    """Evaluate the policy. Its action chooses the next node."""
    return {"decision": rules.route(state.submission, facts_of(state))}
