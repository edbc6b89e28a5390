"""Routing policies: schema, loading, evaluation and analysis. Analysis is imported when it is first used."""

from typing import TYPE_CHECKING

from hitl_orchestrator.domain.lazy import lazy_names
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
    from hitl_orchestrator.policies.analysis.diff import PolicyComparison, compare
    from hitl_orchestrator.policies.analysis.repairs import repairs
    from hitl_orchestrator.policies.language.json_schema import policy_json_schema
    from hitl_orchestrator.policies.testing.test_tables import read_tests

__all__ = [
    "CompiledPolicy",
    "Conditions",
    "Explanation",
    "Finding",
    "Policy",
    "PolicyComparison",
    "PolicyStack",
    "RiskRule",
    "Rule",
    "ScoreRules",
    "Severity",
    "check",
    "compare",
    "compile_policy",
    "decide",
    "explain",
    "policy_hash",
    "policy_json_schema",
    "policy_map",
    "read_policy",
    "read_tests",
    "repairs",
    "strictest",
]

__getattr__ = lazy_names(
    __name__,
    {
        "PolicyComparison": "analysis.diff",
        "compare": "analysis.diff",
        "policy_json_schema": "language.json_schema",
        "policy_map": "analysis.decision_map",
        "read_tests": "testing.test_tables",
        "repairs": "analysis.repairs",
    },
)
