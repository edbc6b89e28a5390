"""The law of the system: what a policy may say, how it is read, and what it answers. Pure.

What only looks at policies, and decides nothing, is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.policies.analysis.check import Finding, Severity, check
from hitl_orchestrator.policies.engine.compiled import CompiledPolicy, compile_policy, decide
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.engine.strictness import strictest
from hitl_orchestrator.policies.explanation.explain import Explanation, explain
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.loader import read_policy
from hitl_orchestrator.policies.language.model import Policy, PolicyStack, Rule, policy_hash

if TYPE_CHECKING:
    from hitl_orchestrator.policies.analysis.decision_map import policy_map
    from hitl_orchestrator.policies.analysis.diff import differences
    from hitl_orchestrator.policies.analysis.repairs import mends
    from hitl_orchestrator.policies.language.json_schema import policy_json_schema
    from hitl_orchestrator.policies.testing.test_tables import read_tests

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
    "differences": "analysis.diff",
    "mends": "analysis.repairs",
    "policy_json_schema": "language.json_schema",
    "policy_map": "analysis.decision_map",
    "read_tests": "testing.test_tables",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
