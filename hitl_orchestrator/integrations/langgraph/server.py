"""The graph for a LangGraph server: it takes a task with an output, waits for the decision, and returns it.

Name it in `langgraph.json`: `{"graphs": {"oversight": "hitl_orchestrator.integrations.langgraph.server:graph"}}`. The
`HITL_...` variables are those of the command line; the store is opened with the first task. A request may do what its
authenticated user may do; without authentication in `langgraph.json` the server takes no decisions, unless
`HITL_REVIEWER` names the reviewer who alone uses it.
"""

import atexit
from pathlib import Path
from threading import Lock
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, Field

from hitl_orchestrator import AgentOutput, Go, InvalidInput, No, Orchestrator, Principal, Task
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.principal import PrincipalKind
from hitl_orchestrator.integrations.langgraph.nodes import oversight_node
from hitl_orchestrator.integrations.langgraph.oversight import CHANNEL
from hitl_orchestrator.integrations.langgraph.place import UnfitRun, authenticated_user
from hitl_orchestrator.settings import read_settings

__all__ = ["Result", "Submitted", "graph"]

NAME = "oversight"
"""The node, and the name under which a deciding process registers its resumer."""


class Submitted(BaseModel):
    """The input: a task of an agent, and its output."""

    task: Task
    output: AgentOutput | None = None


class Result(BaseModel):
    """The output: the decision, and for an approved case what is approved."""

    case_id: str
    approved: bool
    final_decision: str | None = None
    output: dict[str, Any] | None = None
    reason: str = ""
    reviewer: str | None = None


class Finished(BaseModel):
    """The last state of a run."""

    result: Result | None = None


class State(BaseModel):
    """The channels: plain JSON."""

    task: dict[str, Any]
    output: dict[str, Any] | None = None
    result: dict[str, Any] | None = Field(default=None)


class _Store:
    """The orchestrator of this process, opened by the settings when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._opened: Orchestrator | None = None

    def __call__(self) -> Orchestrator:
        """Return the orchestrator."""
        with self._lock:
            if self._opened is None:
                self._opened = _open()
            return self._opened


def _open() -> Orchestrator:
    settings = read_settings()
    file = settings.head_key_file
    opened = Orchestrator.open(
        settings.store,
        policy=settings.policy,
        reviewers=settings.reviewers,
        schemas=settings.schemas,
        seal_key=settings.seal_key,
        checkpoint_key=settings.checkpoint_key,
        head_file=settings.head_file,
        head_key=settings.head_key or (None if file is None else Path(file)),
        tracing=settings.tracing,
    )
    # A server has no hook for its end in a graph.
    atexit.register(opened.close)
    return opened.acting_as(channel=CHANNEL)


def _reviewer_of(config: RunnableConfig) -> str | Principal | None:
    """Return the authenticated user, or without authentication the reviewer of the settings."""
    user, reviewer = authenticated_user(config), read_settings().reviewer
    if user is not None or reviewer is None:
        return user
    return Principal.local(reviewer, PrincipalKind.HUMAN).model_copy(update={"person": reviewer})


def _begin(state: State) -> dict[str, Any]:
    """Drop the result of the last task of the thread, which must not stand beside one that waits."""
    return {"result": None}


def _task_of(state: State) -> tuple[Task, AgentOutput | None]:
    try:
        task = parse(Task, state.task, "the input: task")
        return task, None if state.output is None else parse(AgentOutput, state.output, "the input: output")
    except InvalidInput as exc:
        raise UnfitRun(exc.problems) from exc


def _result_of(state: State, answer: Go | No) -> dict[str, Any]:
    record = answer.case.record
    fields: dict[str, Any] = {"case_id": answer.case_id, "approved": isinstance(answer, Go)}
    if isinstance(answer, Go):
        fields["output"] = answer.output.model_dump(mode="json")
    else:
        fields["reason"] = answer.reason
    if record is not None:
        fields |= {"final_decision": record.final_decision.value, "reviewer": record.reviewer_id}
    return {"result": Result.model_validate(fields).model_dump(mode="json")}


def _built() -> Any:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(State, input_schema=Submitted, output_schema=Finished)
    node = oversight_node(_Store(), task_of=_task_of, result_of=_result_of, graph=NAME, reviewer_of=_reviewer_of)
    builder.add_node("begin", _begin)
    builder.add_node(NAME, node)
    builder.add_edge(START, "begin")
    builder.add_edge("begin", NAME)
    builder.add_edge(NAME, END)
    # A server brings its own checkpointer.
    return builder.compile(name=NAME)


graph = _built()
