"""The topology agrees with the code of the nodes."""

import ast
import inspect

from hitl_orchestrator.graph.topology import NEXT, PAUSES
from hitl_orchestrator.nodes import classify, finalize, human_review, route, score

MODULES = {"classify": classify, "score": score, "route": route, "human_review": human_review, "finalize": finalize}


def calls_of_interrupt(module):
    """Return the number of calls of `interrupt` in a module."""
    calls = [node.func for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    names = [call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls]
    return names.count("interrupt")


def test_pauses_counts_the_interrupts_of_each_node():
    """A changed number of interrupts changes how a waiting case resumes, so it has to change the graph's version."""
    assert {name: calls_of_interrupt(module) for name, module in MODULES.items()} == {
        name: PAUSES.get(name, 0) for name in NEXT
    }


def test_nodes_import_interrupt_under_its_own_name():
    imports = [node for module in MODULES.values() for node in ast.walk(ast.parse(inspect.getsource(module)))]
    langgraph = [
        alias
        for node in imports
        if isinstance(node, ast.ImportFrom) and node.module == "langgraph.types"
        for alias in node.names
    ]

    assert [(alias.name, alias.asname) for alias in langgraph] == [("interrupt", None)]
