"""The law of the system: what a policy may say, how it is read, and what it answers. Pure.

What only looks at policies, and decides nothing, is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.policies.check import Finding, Severity, check
from hitl_orchestrator.policies.engine import CompiledPolicy, compile_policy, decide
from hitl_orchestrator.policies.explain import Explanation, explain
from hitl_orchestrator.policies.language import Conditions
from hitl_orchestrator.policies.loader import read_policy
from hitl_orchestrator.policies.risk import RiskRule
from hitl_orchestrator.policies.schema import Policy, PolicyStack, Rule, policy_hash
from hitl_orchestrator.policies.scoring import ScoreRules
from hitl_orchestrator.policies.strictest import strictest

if TYPE_CHECKING:
    from hitl_orchestrator.policies.diff import differences
    from hitl_orchestrator.policies.map import policy_map
    from hitl_orchestrator.policies.mend import mends
    from hitl_orchestrator.policies.published import policy_json_schema
    from hitl_orchestrator.policies.tables import read_tests

__all__ = [
    "CompiledPolicy",
    "Conditions",
    "Explanation",
    "Finding",
    "Policy",
    "PolicyStack",
    "RiskRule",
    "Rule",
    "ScoreRules",
    "Severity",
    "check",
    "compile_policy",
    "decide",
    "differences",
    "explain",
    "mends",
    "policy_hash",
    "policy_json_schema",
    "policy_map",
    "read_policy",
    "read_tests",
    "strictest",
]

_HOME = {
    "differences": "diff",
    "mends": "mend",
    "policy_json_schema": "published",
    "policy_map": "map",
    "read_tests": "tables",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
