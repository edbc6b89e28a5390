"""Ask the policy where a case goes."""

from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.nodes.state import Scored, Update, facts_of


def route(state: Scored, *, rules: Rules) -> Update:
    """Evaluate the policy, purely. Its answer picks the edge."""
    return {"decision": rules.route(state.submission, facts_of(state))}
