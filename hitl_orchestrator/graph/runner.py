"""Run one case through the graph, from the stage that the tables have."""

from collections.abc import Callable
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
    IncompatibleRecord,
    IncompleteOutcome,
    InvalidState,
    LedgerDamaged,
    ThreadLost,
    UnknownCase,
)
from hitl_orchestrator.graph.adapter import Adapter
from hitl_orchestrator.graph.build import Graph
from hitl_orchestrator.graph.checkpoints import CheckpointIndex
from hitl_orchestrator.graph.isolation import isolated
from hitl_orchestrator.graph.topology import OUTCOME, ROUTE
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.human_review import Answer
from hitl_orchestrator.nodes.ports import Alarms
from hitl_orchestrator.nodes.state import CaseRun

# One checkpoint per run. After a crash `recover` runs the case again from the tables, which hold all durable data.
DURABILITY: Durability = "exit"
# Escalation chains are short; a case with more steps is at fault.
MOST_STEPS = 100


class Runner:
    """The graph with its checkpoints."""

    def __init__(
        self, graph: Graph, checkpoints: CheckpointIndex, adapter: Adapter, alarms: Alarms, *, traced: bool = False
    ) -> None:
        """With `traced`, the callbacks and tracers of the calling application see the run."""
        self.graph, self._checkpoints, self._adapter, self._alarms = graph, checkpoints, adapter, alarms
        self._invoke: Callable[..., Any] = graph.invoke if traced else isolated(graph.invoke)
        self._update: Callable[..., Any] = graph.update_state if traced else isolated(graph.update_state)

    def thread(self, case_id: str) -> RunnableConfig:
        """Return the LangGraph config of a case's thread."""
        return {"configurable": {"thread_id": case_id}, "recursion_limit": MOST_STEPS}

    def input(self, submission: Submission) -> dict[str, Any]:
        """Return the input of the graph."""
        return {"submission": self._adapter.plain(submission, submission.case_id)}

    def start(self, submission: Submission) -> AuditRecord | None:
        """Run a new case until it finishes or waits. Returns the audit record if it finished."""
        return self._run(self.input(submission), submission.case_id)

    def go_on(self, case: Case) -> AuditRecord | None:
        """Resume a case from the stage that the tables have. Returns the audit record if it finished."""
        if case.stage is CaseStage.RECEIVED:
            self._checkpoints.delete_thread(case.case_id)
            return self.start(case.submission)
        if not self._checkpoints.holds(case.case_id):
            return self._run_rebuilt(case)
        try:
            return self._resume(case)
        except (CheckpointUnreadable, InvalidState, ForgedState) as exc:
            # The tables are the truth: rebuild an unusable checkpoint from them.
            self._alarms.alarm(case.case_id, str(exc))
            self._checkpoints.delete_thread(case.case_id)
            return self._run_rebuilt(case)

    def forget(self, case_id: str) -> None:
        """Delete the checkpoint of a case that another process finished."""
        self._checkpoints.delete_thread(case_id)

    def forget_finished(self, ledger: Ledger) -> None:
        """Delete the checkpoints of finished cases: a crash right after an outcome leaves one."""
        threads = self._checkpoints.threads()
        # Read after the threads, so that a case submitted meanwhile is not among them.
        unfinished = set(ledger.stages(*(stage for stage in CaseStage if stage is not CaseStage.FINISHED)))
        for case_id in threads - unfinished:
            # Leave threads of other applications alone, and those of unreadable cases.
            with suppress(UnknownCase, IncompatibleRecord, IncompleteOutcome, LedgerDamaged):
                if ledger.case(case_id).stage is CaseStage.FINISHED:
                    self.forget(case_id)

    def close(self) -> None:
        """Close the connection of the checkpoints, if they have one."""
        connection = getattr(self._checkpoints, "conn", None)
        if connection is not None:
            connection.close()

    def _resume(self, case: Case) -> AuditRecord | None:
        """Resume a case from its checkpoint. LangGraph ends silently if the checkpoint names unknown nodes."""
        record = self._run(Command(resume=Answer().model_dump(mode="json")), case.case_id)
        if record is None and case.stage is CaseStage.DECIDED:
            raise ForgedState(case.case_id, "it was decided, and resuming it led to no outcome")
        return record

    def _run_rebuilt(self, case: Case) -> AuditRecord | None:
        """Resume a case from a checkpoint that is rebuilt from the tables."""
        self._rebuild_thread(case)
        return self._run(None, case.case_id)

    def _rebuild_thread(self, case: Case) -> None:
        """Rebuild the thread of a case from its review, right after the routing."""
        routing = case.reviews[-1].shown.routing
        parts: dict[str, Value] = {
            "submission": case.submission,
            "classification": Classification(risk_level=routing.risk_level, output=routing.output, error=routing.error),
            "score": routing.score,
            "decision": routing.decision,
        }
        state = {key: self._adapter.plain(value, case.case_id) for key, value in parts.items()}
        self._update(self.thread(case.case_id), state, as_node=ROUTE)

    def _run(self, start: Any, case_id: str) -> AuditRecord | None:
        try:
            state = self._invoke(start, self.thread(case_id), context=CaseRun(), durability=DURABILITY)
        except (EmptyInputError, ThreadLost) as exc:
            # Another process finished the case and deleted its thread after we found it.
            self._checkpoints.delete_thread(case_id)
            raise CaseChanged(case_id, CaseStage.FINISHED.value) from exc
        outcome = state.get(OUTCOME)
        return None if outcome is None else self._adapter.typed(AuditRecord, outcome)
