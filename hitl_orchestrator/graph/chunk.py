"""The graph of many new cases: the same five nodes, each of which takes one case of the chunk after the other.

One run of LangGraph costs more than all that the nodes of a case do, so that a chunk shares it.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from langgraph.errors import GraphInterrupt
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.graph.adapter import Adapter, PlainState, Step
from hitl_orchestrator.graph.build import Graph, after_route, typed_steps
from hitl_orchestrator.graph.topology import CLASSIFY, FINALIZE, GIVEN, HUMAN_REVIEW, from_
from hitl_orchestrator.nodes.dependencies import NodeDependencies
from hitl_orchestrator.nodes.state import CaseRun


@dataclass
class Member:
    """A new case of a chunk. Its nodes run within the context that `within` makes; `is_left` marks one that failed."""

    submission: Submission
    within: Callable[[], AbstractContextManager[object]]
    state: PlainState = field(default_factory=dict)
    run: CaseRun = field(default_factory=CaseRun)
    is_left: bool = False

    def __post_init__(self) -> None:
        """Begin with the submission."""
        self.state[GIVEN] = self.submission
        self.run = CaseRun(submission=self.submission, in_memory=True)


@dataclass
class Chunk:
    """The cases of one run of the graph."""

    members: Sequence[Member]


class ChunkState(TypedDict, total=False):
    """The state of a run: the number of the cases that the last node took."""

    taken: int


def build_chunk_graph(services: NodeDependencies, adapter: Adapter) -> Graph:
    """Return the compiled graph. A case that needs a reviewer pauses in `human_review`; none goes on from there."""
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(ChunkState, context_schema=Chunk)
    steps, before = typed_steps(services, adapter), START
    for name in from_(CLASSIFY):
        node: Any = partial(_each, step=steps[name], takes=_TAKES.get(name, _takes_all), adapter=adapter)
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph.compile(checkpointer=False)


def _each(
    state: ChunkState, runtime: Runtime[Chunk], *, step: Step, takes: Callable[..., bool], adapter: Adapter
) -> ChunkState:
    """Run a step for each case that takes it. One that fails is left to its caller, who runs it alone."""
    members = [each for each in runtime.context.members if not each.is_left and takes(each, adapter)]
    for each in members:
        try:
            with each.within(), suppress(GraphInterrupt):
                each.state |= step(each.state, None, Runtime(context=each.run))
        except HitlError:
            each.is_left = True
    return {"taken": len(members)}


def _takes_all(member: Member, adapter: Adapter) -> bool:
    return True


def _goes_to(member: Member, adapter: Adapter, *, name: str) -> bool:
    return after_route(member.state, adapter=adapter) == name


_TAKES: dict[str, Callable[[Member, Adapter], bool]] = {
    name: partial(_goes_to, name=name) for name in (HUMAN_REVIEW, FINALIZE)
}
