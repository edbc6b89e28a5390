"""LangGraph: oversight as a node of any graph, and the way back from the decision to the graph that waits.

`oversight_node` pauses the parent until a call is decided; `gate` also makes the approved call, exactly once. A
`LangGraphResumer` or `LangGraphServerResumer` is registered with the orchestrator that decides.
"""

from hitl_orchestrator.integrations.langgraph.nodes import Executed, Failed, gate, oversight_node
from hitl_orchestrator.integrations.langgraph.payload import ReviewPause
from hitl_orchestrator.integrations.langgraph.place import UnfitRun, authenticated_user
from hitl_orchestrator.integrations.langgraph.resumers import LangGraphResumer, LangGraphServerResumer, check_parent

__all__ = [
    "Executed",
    "Failed",
    "LangGraphResumer",
    "LangGraphServerResumer",
    "ReviewPause",
    "UnfitRun",
    "authenticated_user",
    "check_parent",
    "gate",
    "oversight_node",
]
