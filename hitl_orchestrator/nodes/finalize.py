"""Write the outcome, once, or refuse."""

from hitl_orchestrator.nodes.ports import Records
from hitl_orchestrator.nodes.state import Reviewed, Update, routing_of


def finalize(state: Reviewed, *, records: Records) -> Update:
    """Close the case. Whether a person was needed, and what they said, is read from the tables, not from the state."""
    return {"outcome": records.close(state.submission, routing_of(state), own=state.own)}
