"""Write the outcome, once, or refuse."""

from hitl_orchestrator.nodes.ports import Records
from hitl_orchestrator.nodes.state import CaseRun, Submitted, Update


def finalize(state: Submitted, *, run: CaseRun, records: Records) -> Update:
    """Close the case. The human decision is read from the tables, never from the state."""
    return {"outcome": records.close(state.submission, run.routing)}
