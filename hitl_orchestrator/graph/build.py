"""The graph of a case: five nodes, and the edges that `topology` names."""

from collections.abc import Callable
from functools import partial
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.review import RecordedDecision
from hitl_orchestrator.graph.adapter import Adapter, PlainState, Step
from hitl_orchestrator.graph.topology import (
    CLASSIFY,
    FINALIZE,
    HUMAN_REVIEW,
    NEXT,
    OWNS,
    READS,
    ROUTE,
    SCORE,
    CaseState,
    from_,
)
from hitl_orchestrator.nodes.classify import classify
from hitl_orchestrator.nodes.dependencies import NodeDependencies
from hitl_orchestrator.nodes.finalize import finalize
from hitl_orchestrator.nodes.human_review import human_review
from hitl_orchestrator.nodes.route import route
from hitl_orchestrator.nodes.score import score
from hitl_orchestrator.nodes.state import CaseRun

Graph = CompiledStateGraph[Any, Any, Any, Any]


def build_graph(
    services: NodeDependencies,
    adapter: Adapter,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    *,
    first: str = CLASSIFY,
) -> Graph:
    """Return the compiled graph from the node `first` on.

    Without a checkpointer a run cannot be resumed: what it pauses for is in the tables, where a later run begins.
    """
    choices = {
        ROUTE: partial(after_route, adapter=adapter),
        HUMAN_REVIEW: partial(after_review, adapter=adapter),
    }
    steps = typed_steps(services, adapter)
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(CaseState, context_schema=CaseRun)
    for name in from_(first):
        step: Any = steps[name]
        graph.add_node(name, step)
    graph.add_edge(START, first)
    for name in from_(first):
        if name in choices:
            graph.add_conditional_edges(name, choices[name], list(NEXT[name]))
        else:
            graph.add_edge(name, NEXT[name][0] if NEXT[name] else END)
    # A graph that calls ours may have a checkpointer, which it would inherit.
    return graph.compile(checkpointer=checkpointer or False)


def typed_steps(services: NodeDependencies, adapter: Adapter) -> dict[str, Step]:
    """Return the five nodes as LangGraph calls them."""
    nodes: dict[str, Callable[..., Any]] = {
        CLASSIFY: partial(classify, classifier=services.classifier, risk_rules=services.risk_rules),
        SCORE: partial(score, score_rules=services.score_rules, reviewed=services.reviewed),
        ROUTE: partial(route, rules=services.rules, history=services.history),
        HUMAN_REVIEW: partial(human_review, inbox=services.inbox),
        FINALIZE: partial(finalize, records=services.records),
    }
    needs_run = ROUTE, HUMAN_REVIEW, FINALIZE
    return {
        name: adapter.step(name, node, READS[name], OWNS[name], needs_run=name in needs_run)
        for name, node in nodes.items()
    }


def after_route(state: PlainState, *, adapter: Adapter) -> str:
    """Choose the edge of the routing: only auto_approve skips the review."""
    decision = adapter.typed(RoutingDecision, state["decision"])
    return FINALIZE if decision.action is Action.AUTO_APPROVE else HUMAN_REVIEW


def after_review(state: PlainState, *, adapter: Adapter) -> str:
    """Finalize a final decision; otherwise open or await the next review."""
    answer = state.get("review")
    final = answer is not None and adapter.typed(RecordedDecision, answer).final
    return FINALIZE if final else HUMAN_REVIEW
