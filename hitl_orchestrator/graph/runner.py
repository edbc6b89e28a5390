"""Run the graph of a case: start it, resume it from the tables, and keep its checkpoints for clients of LangGraph.

The tables hold all that a later run needs, so that our own runs store no checkpoints. A client that looks at the
thread of a waiting case finds its checkpoint all the same: it is made when it is first read.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from threading import Lock
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Durability

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Classification
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.errors import (
    CheckpointUnreadable,
    IncompatibleRecord,
    IncompleteOutcome,
    LedgerDamaged,
    UnknownCase,
)
from hitl_orchestrator.graph.adapter import Adapter
from hitl_orchestrator.graph.build import Graph, build_graph
from hitl_orchestrator.graph.checkpoints import CaseCheckpointSaver
from hitl_orchestrator.graph.chunk import Chunk, Member, build_chunk_graph
from hitl_orchestrator.graph.isolation import isolated, traced
from hitl_orchestrator.graph.topology import CLASSIFY, HUMAN_REVIEW, OUTCOME, ROUTE
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.dependencies import NodeDependencies
from hitl_orchestrator.nodes.state import CaseRun
from hitl_orchestrator.telemetry import NO_SPANS, Spans

# One checkpoint per run of a client.
DURABILITY: Durability = "exit"
# Escalation chains are short; a case with more steps is at fault.
MOST_STEPS = 100

_LIMIT: RunnableConfig = {"recursion_limit": MOST_STEPS}


class Runner:
    """The graph of a case, with and without checkpoints."""

    def __init__(
        self,
        services: NodeDependencies,
        checkpoints: CaseCheckpointSaver,
        ledger: Ledger,
        *,
        spans: Spans = NO_SPANS,
        traced: bool = False,
    ) -> None:
        """With `traced`, the callbacks and tracers of the calling application see the run."""
        self._services, self._checkpoints, self._ledger, self._spans = services, checkpoints, ledger, spans
        self._adapter, self._traced, self._making = Adapter(services.payloads, spans), traced, Lock()
        checkpoints.missing, checkpoints.on_unreadable = self._make_checkpoint, self._alarm

    @cached_property
    def graph(self) -> Graph:
        """The graph for clients of LangGraph, which stores the checkpoints of its runs."""
        return build_graph(self._services, self._adapter, self._checkpoints)

    @cached_property
    def _starting(self) -> Callable[..., Any]:
        return self._without_checkpoints(CLASSIFY)

    @cached_property
    def _resuming(self) -> Callable[..., Any]:
        return self._without_checkpoints(HUMAN_REVIEW)

    @cached_property
    def _starting_all(self) -> Callable[..., Any]:
        return self._invoking(build_chunk_graph(self._services, Adapter(None, self._spans)))

    def _without_checkpoints(self, first: str) -> Callable[..., Any]:
        return self._invoking(build_graph(self._services, Adapter(None, self._spans), first=first))

    def _invoking(self, graph: Graph) -> Callable[..., Any]:
        return traced(graph.invoke) if self._traced else isolated(graph.invoke)

    def thread(self, case_id: str) -> RunnableConfig:
        """Return the LangGraph config of a case's thread."""
        return {"configurable": {"thread_id": case_id}, "recursion_limit": MOST_STEPS}

    def input(self, submission: Submission) -> dict[str, Any]:
        """Return the input of the graph for clients."""
        return {"submission": self._adapter.plain(submission, submission.case_id)}

    def start(self, submission: Submission) -> AuditRecord | None:
        """Run a case from its first node until it finishes or waits. Returns the audit record if it finished."""
        return self._run(self._starting, submission)

    def start_all(self, members: Sequence[Member]) -> None:
        """Run new cases from their first node until they finish or wait, all in one run of the graph."""
        self._starting_all({"taken": len(members)}, _LIMIT, context=Chunk(members), stream_mode=[])

    def resume(self, submission: Submission) -> AuditRecord | None:
        """Run a decided case from its review on. Returns the audit record."""
        return self._run(self._resuming, submission)

    def go_on(self, case: Case) -> AuditRecord | None:
        """Resume a case from the stage that the tables have. Returns the audit record if it finished."""
        self.forget(case.case_id)
        if case.stage is CaseStage.RECEIVED:
            return self.start(case.submission)
        return self.resume(case.submission) if case.stage is CaseStage.DECIDED else None

    def forget(self, case_id: str) -> None:
        """Delete the checkpoint of a case, if it has one: the case has moved on."""
        if self._checkpoints.holds(case_id):
            self._checkpoints.delete_thread(case_id)

    def forget_finished(self) -> None:
        """Delete the checkpoints of finished cases, which a crash may have left."""
        threads = self._checkpoints.threads()
        # Read after the threads, so that a case submitted meanwhile is not among them.
        unfinished = set(self._ledger.stages(*(stage for stage in CaseStage if stage is not CaseStage.FINISHED)))
        for case_id in threads - unfinished:
            # Leave threads of other applications alone, and those of unreadable cases.
            with suppress(UnknownCase, IncompatibleRecord, IncompleteOutcome, LedgerDamaged):
                if self._ledger.case(case_id).stage is CaseStage.FINISHED:
                    self._checkpoints.delete_thread(case_id)

    def close(self) -> None:
        """Close the connection of the checkpoints, if they have one."""
        connection = getattr(self._checkpoints, "conn", None)
        if connection is not None:
            connection.close()

    def _run(self, invoke: Callable[..., Any], submission: Submission) -> AuditRecord | None:
        """Run the graph on values in memory. What it computes is in its context, so that it emits no states."""
        run = CaseRun(submission=submission, in_memory=True)
        invoke({"submission": submission}, _LIMIT, context=run, stream_mode=[])
        record = run.computed.get(OUTCOME)
        return record if isinstance(record, AuditRecord) else None

    def _make_checkpoint(self, case_id: str) -> bool:
        """Make the checkpoint of a waiting case at its review, from the tables; return whether there is one now."""
        with self._making:
            waiting = self._waiting(case_id)
            while waiting is not None:
                if not self._checkpoints.holds(case_id):
                    isolated(self._pause)(waiting)
                asked, waiting = waiting, self._waiting(case_id)
                if waiting == asked:
                    return True
                # The case has moved on meanwhile, perhaps before it had a checkpoint to delete.
                self.forget(case_id)
        return False

    def _alarm(self, error: CheckpointUnreadable) -> None:
        """Record once that a checkpoint of a case was found which this ledger did not write."""
        with suppress(UnknownCase):
            self._ledger.case(error.case_id)
            self._services.alarms.alarm(error.case_id, str(error))

    def _waiting(self, case_id: str) -> Case | None:
        """Return a case if it waits."""
        with suppress(UnknownCase):
            case = self._ledger.case(case_id)
            return case if case.stage is CaseStage.WAITING else None
        return None

    def _pause(self, case: Case) -> None:
        """Run a case in memory from right after its routing to its pause, and store that checkpoint as a whole."""
        routing, thread = case.reviews[-1].shown.routing, self.thread(case.case_id)
        parts: dict[str, Value] = {
            "submission": case.submission,
            "classification": Classification(risk_level=routing.risk_level, output=routing.output, error=routing.error),
            "score": routing.score,
            "decision": routing.decision,
        }
        state = {key: self._adapter.plain(value, case.case_id) for key, value in parts.items()}
        saved = InMemorySaver(serde=self._checkpoints.serde)
        graph = build_graph(self._services, self._adapter, saved)
        graph.update_state(thread, state, as_node=ROUTE)
        graph.invoke(None, thread, context=CaseRun(), durability=DURABILITY)
        paused = saved.get_tuple(thread)
        if paused is not None:
            self._store(paused)

    def _store(self, paused: CheckpointTuple) -> None:
        """Store a checkpoint after its writes, so that a client never finds it without its interrupt."""
        by_task: dict[str, list[tuple[str, Any]]] = {}
        for task_id, channel, value in paused.pending_writes or ():
            by_task.setdefault(task_id, []).append((channel, value))
        for task_id, writes in by_task.items():
            self._checkpoints.put_writes(paused.config, writes, task_id)
        place: RunnableConfig = {
            "configurable": {"thread_id": paused.config["configurable"]["thread_id"], "checkpoint_ns": ""}
        }
        self._checkpoints.put(place, paused.checkpoint, paused.metadata, paused.checkpoint["channel_versions"])
