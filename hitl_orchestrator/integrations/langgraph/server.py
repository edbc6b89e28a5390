"""The graph for a LangGraph server: it takes a task with an output, waits for the decision, and returns it.

Name it in `langgraph.json`: `{"graphs": {"oversight": "hitl_orchestrator.integrations.langgraph.server:graph"}}`. The
`HITL_...` variables are those of the command line; the store is opened with the first task. A request may do what its
authenticated user may do; without authentication in `langgraph.json` the server takes no decisions, unless
`HITL_REVIEWER` names the reviewer who alone uses it. `HITL_IDENTITIES` names a file that maps the identities of users,
such as mail addresses, to the ids of reviewers and agents; then the server knows no other identity.
"""

import atexit
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langgraph.channels import EphemeralValue
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, Field

from hitl_orchestrator import AgentOutput, Case, InvalidInput, Orchestrator, Principal, Proposal, Task, Waiting
from hitl_orchestrator.domain.input.parsing import parse, read_json
from hitl_orchestrator.domain.input.record_size import read_bounded
from hitl_orchestrator.domain.principal import PrincipalKind
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Value
from hitl_orchestrator.errors import shortened
from hitl_orchestrator.execution.answers import why_not
from hitl_orchestrator.integrations.langgraph.calls import Asked, Question
from hitl_orchestrator.integrations.langgraph.nodes import OversightNode
from hitl_orchestrator.integrations.langgraph.oversight import CHANNEL, Oversight
from hitl_orchestrator.integrations.langgraph.place import UnfitRun, authenticated_user
from hitl_orchestrator.settings import read_settings

__all__ = ["Result", "Submitted", "graph"]

_NO_TASK = (
    "missing, or no object; the input is {'task': {'task_id': ..., 'task_type': ..., 'task_description': ..., "
    "'domain': ...}, 'output': {'agent_output': {'predicted_label': ...}, 'confidence_score': ...}}"
)

NAME = "oversight"
"""The node, and the name under which a deciding process registers its resumer."""


class Proposed(BaseModel):
    """The output of an agent; it need not repeat the id of the task."""

    task_id: Identifier | None = None
    agent_output: Proposal
    confidence_score: Confidence | None = None


class Submitted(BaseModel):
    """The input: a task of an agent, and its output; without one the classifier of the store makes it."""

    task: Task
    output: Proposed | None = None


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
    """The channels: plain JSON. Those of the input are empty after the first step, so that no task gets an old output.

    They are checked there, not by their types: the errors of those are no sentences.
    """

    task: Annotated[Any, EphemeralValue(Any)] = None
    output: Annotated[Any, EphemeralValue(Any)] = None
    submitted: dict[str, Any] = Field(default_factory=dict)
    result: dict[str, Any] | None = Field(default=None)


class _Identities(Value):
    """The id of a reviewer or an agent for each identity of a user."""

    identities: dict[Label, Identifier]


class _Store:
    """The orchestrator of this process and its users, read from the settings when they are first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._opened: Orchestrator | None = None
        self._identities: Mapping[str, str] | None = None

    def __call__(self) -> Orchestrator:
        """Return the orchestrator."""
        with self._lock:
            if self._opened is None:
                self._identities = _identities_in(read_settings().identities)
                self._opened = _open()
            return self._opened

    def name_of(self, config: RunnableConfig) -> str | None:
        """Return the reviewer or the agent who is the authenticated user of a run.

        Raises:
            UnfitRun: the settings map identities, and not this one.
        """
        user = authenticated_user(config)
        if user is None or self._identities is None:
            return user
        if user not in self._identities:
            raise UnfitRun([f"the user {shortened(repr(user))} of this run is not in the file of HITL_IDENTITIES"])
        return self._identities[user]

    def reviewer_of(self, config: RunnableConfig) -> Principal | None:
        """Return the authenticated user, or without authentication the reviewer of the settings."""
        user, name, reviewer = authenticated_user(config), self.name_of(config), read_settings().reviewer
        if user is not None:
            fields = {"subject": user, "kind": PrincipalKind.HUMAN, "person": name, "authenticated_by": CHANNEL}
            return parse(Principal, fields, f"the user {user!r} of this run, who is no reviewer")
        if reviewer is None:
            return None
        return Principal.local(reviewer, PrincipalKind.HUMAN).model_copy(update={"person": reviewer})


def _identities_in(path: str | None) -> Mapping[str, str] | None:
    """Return the names of a file. Raises `InvalidInput` if it cannot be used."""
    if path is None:
        return None
    where = f"HITL_IDENTITIES: {path}"
    try:
        with Path(path).open("rb") as file:
            text = read_bounded(file.read, where).decode("utf-8-sig")
    except (OSError, ValueError) as exc:
        raise InvalidInput([f"{where}: cannot be read: {getattr(exc, 'strerror', None) or exc}"]) from exc
    return parse(_Identities, {"identities": read_json(text, where)}, where).identities


def _open() -> Orchestrator:
    settings = read_settings()
    opened = Orchestrator.open(
        settings.store,
        policy=settings.policy,
        reviewers=settings.reviewers,
        **settings.opening,
    )
    # A server has no hook for its end in a graph.
    atexit.register(opened.close)
    return opened.acting_as(channel=CHANNEL)


def _begin(state: State) -> dict[str, Any]:
    """Check the input, and drop the result of the last task of the thread, which must not stand beside one that waits.

    Raises:
        UnfitRun: the input is no task with an output.
    """
    if not isinstance(state.task, Mapping):
        raise UnfitRun([f"the input: task: {_NO_TASK}"])
    try:
        task, given = parse(Task, state.task, "the input: task"), state.output
        if isinstance(given, Mapping):
            given = {"task_id": task.task_id, **{name: each for name, each in given.items() if each is not None}}
        output = None if given is None else parse(AgentOutput, given, "the input: output")
    except InvalidInput as exc:
        raise UnfitRun(exc.problems) from exc
    proposed = None if output is None else output.model_dump(mode="json")
    return {"submitted": {"task": task.model_dump(mode="json"), "output": proposed}, "result": None}


def _task_of(state: State) -> tuple[dict[str, Any], dict[str, Any] | None]:
    return state.submitted["task"], state.submitted["output"]


def _submit(hitl: Orchestrator, asked: Asked, *, audience: str, **named: Any) -> Case | Waiting:
    """Submit a task under the id of its call. The graph returns the decision and carries nothing out: it is no call."""
    names = {"task_id": asked.key.task_id}
    output = None if asked.output is None else asked.output.model_copy(update=names)
    case = hitl.submit(asked.task.model_copy(update=names), output, **named)
    return Waiting(case) if case.record is None else case


def _result_of(state: State, case: Case) -> dict[str, Any]:
    record, approved = case.record, case.final_output
    fields: dict[str, Any] = {"case_id": case.case_id, "approved": approved is not None}
    if approved is not None:
        fields["output"] = approved.model_dump(mode="json")
    else:
        fields["reason"] = why_not(case) or ""
    if record is not None:
        fields |= {"final_decision": record.final_decision.value, "reviewer": record.reviewer_id}
    return {"result": Result.model_validate(fields).model_dump(mode="json")}


def _built() -> Any:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(State, input_schema=Submitted, output_schema=Finished)
    store = _Store()
    oversight = Oversight(store, NAME, "", store.reviewer_of, store.name_of, ask=_submit)
    node = OversightNode(oversight, Question(_task_of), _result_of)
    builder.add_node("begin", _begin)
    builder.add_node(NAME, node)
    builder.add_edge(START, "begin")
    builder.add_edge("begin", NAME)
    builder.add_edge(NAME, END)
    # A server brings its own checkpointer.
    return builder.compile(name=NAME)


graph = _built()
