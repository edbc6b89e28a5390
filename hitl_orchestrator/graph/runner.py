"""Drive one case through the graph, from wherever the tables say it stands."""

from contextlib import suppress
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import EmptyInputError
from langgraph.types import Command, Durability

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Classification
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.errors import (
    CaseChanged,
    CheckpointUnreadable,
    ForgedState,
    InvalidState,
    ThreadLost,
    UnknownCase,
)
from hitl_orchestrator.graph.adapter import Adapter
from hitl_orchestrator.graph.build import Graph
from hitl_orchestrator.graph.checkpoints import CheckpointIndex
from hitl_orchestrator.graph.topology import OUTCOME, ROUTE
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.human_review import Answer
from hitl_orchestrator.nodes.ports import Alarms
from hitl_orchestrator.nodes.state import CaseRun

# One commit a run. What a crash loses of a run, `recover` does again: the tables hold what must not be lost.
DURABILITY: Durability = "exit"
# A chain of escalation is short; a case that goes round longer than this is at fault.
MOST_STEPS = 100


class Runner:
    """The graph with its checkpoints, as the orchestrator uses it."""

    def __init__(self, graph: Graph, checkpoints: CheckpointIndex, adapter: Adapter, alarms: Alarms) -> None:
        self.graph, self._checkpoints, self._adapter, self._alarms = graph, checkpoints, adapter, alarms

    def thread(self, case_id: str) -> RunnableConfig:
        """Return the LangGraph config of a case's thread."""
        return {"configurable": {"thread_id": case_id}, "recursion_limit": MOST_STEPS}

    def input(self, submission: Submission) -> dict[str, Any]:
        """Return what the graph starts from."""
        return {"submission": self._adapter.plain(submission, submission.case_id)}

    def start(self, submission: Submission) -> AuditRecord | None:
        """Run a new case until it finishes or waits; the record if it finished."""
        return self._run(self.input(submission), submission.case_id)

    def go_on(self, case: Case) -> AuditRecord | None:
        """Run a case on from where the tables say it stands; the record if it finished."""
        if case.stage is CaseStage.RECEIVED:
            self._checkpoints.delete_thread(case.case_id)
            return self.start(case.submission)
        if not self._checkpoints.holds(case.case_id):
            return self._run_anew(case)
        try:
            return self._woken(case)
        except (CheckpointUnreadable, InvalidState, ForgedState) as exc:
            # The place is no more than an aid: whatever became of it, the tables say how the case stands.
            self._alarms.alarm(case.case_id, str(exc))
            self._checkpoints.delete_thread(case.case_id)
            return self._run_anew(case)

    def forget(self, case_id: str) -> None:
        """Let go of what a run has left of a case that somebody else finished."""
        self._checkpoints.delete_thread(case_id)

    def forget_finished(self, ledger: Ledger) -> None:
        """Let go of the places of cases that are finished: whoever dies right behind an outcome leaves one."""
        places = self._checkpoints.threads()
        # Asked for after the places: a case that came in meanwhile has none among them.
        unfinished = set(ledger.stages(*(stage for stage in CaseStage if stage is not CaseStage.FINISHED)))
        for case_id in places - unfinished:
            # A thread of somebody else's is left alone.
            with suppress(UnknownCase):
                if ledger.case(case_id).stage is CaseStage.FINISHED:
                    self.forget(case_id)

    def close(self) -> None:
        """Let go of the checkpoints' file, where they have one."""
        connection = getattr(self._checkpoints, "conn", None)
        if connection is not None:
            connection.close()

    def _woken(self, case: Case) -> AuditRecord | None:
        """Run a case on from its place. From a place that names steps which are not there it would end silently."""
        record = self._run(Command(resume=Answer().model_dump(mode="json")), case.case_id)
        if record is None and case.stage is CaseStage.DECIDED:
            raise ForgedState(case.case_id, "it was decided, and running on from it led to no outcome")
        return record

    def _run_anew(self, case: Case) -> AuditRecord | None:
        """Run a case on from a place that is made again."""
        self._make_thread(case)
        return self._run(None, case.case_id)

    def _make_thread(self, case: Case) -> None:
        """Make the thread of a case again, from what its review shows, just behind the routing."""
        routing = case.reviews[-1].shown.routing
        parts: dict[str, Value] = {
            "submission": case.submission,
            "classification": Classification(risk_level=routing.risk_level, output=routing.output),
            "score": routing.score,
            "decision": routing.decision,
        }
        state = {key: self._adapter.plain(value, case.case_id) for key, value in parts.items()}
        self.graph.update_state(self.thread(case.case_id), state, as_node=ROUTE)

    def _run(self, start: Any, case_id: str) -> AuditRecord | None:
        try:
            state = self.graph.invoke(start, self.thread(case_id), context=CaseRun(), durability=DURABILITY)
        except (EmptyInputError, ThreadLost) as exc:
            # The place was there a moment ago: somebody else finished the case, and let it go. So do we now.
            self._checkpoints.delete_thread(case_id)
            raise CaseChanged(case_id, CaseStage.FINISHED.value) from exc
        outcome = state.get(OUTCOME)
        return None if outcome is None else self._adapter.typed(AuditRecord, outcome)
