"""Routing policies: reading, evaluation, explanation, analysis and tests. Everything here works without a store.

Names that are not needed to route cases are loaded on first use.
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
    from hitl_orchestrator.policies.analysis.decision_map import Field, Panel, PolicyMap, policy_map
    from hitl_orchestrator.policies.analysis.describe import say_facts as describe_facts
    from hitl_orchestrator.policies.analysis.describe import shown as format_value
    from hitl_orchestrator.policies.analysis.diff import Comparison, Difference, Direction, compare, differences
    from hitl_orchestrator.policies.analysis.drawing import png, svg
    from hitl_orchestrator.policies.analysis.findings import facts_of as facts_from_json
    from hitl_orchestrator.policies.analysis.findings import plain as facts_to_json
    from hitl_orchestrator.policies.analysis.repairs import mends
    from hitl_orchestrator.policies.analysis.repairs import with_mends as with_repairs
    from hitl_orchestrator.policies.engine.risk import risk_of
    from hitl_orchestrator.policies.engine.scoring import score_of
    from hitl_orchestrator.policies.explanation.counterfactuals import Change, nearest_changes
    from hitl_orchestrator.policies.explanation.explain import Standing
    from hitl_orchestrator.policies.language.json_schema import policy_json_schema
    from hitl_orchestrator.policies.language.model import FALLBACK
    from hitl_orchestrator.policies.testing.coverage import Coverage, boundary_cases, coverage
    from hitl_orchestrator.policies.testing.test_tables import ENDINGS as TEST_FILE_ENDINGS
    from hitl_orchestrator.policies.testing.test_tables import Difference as FailedExpectation
    from hitl_orchestrator.policies.testing.test_tables import PolicyTest, TableOfTests, read_tests
    from hitl_orchestrator.policies.testing.test_tables import answered as answer_fields
    from hitl_orchestrator.policies.testing.test_tables import shown as format_expected

__all__ = [
    "FALLBACK",
    "TEST_FILE_ENDINGS",
    "Change",
    "Comparison",
    "CompiledPolicy",
    "Conditions",
    "Coverage",
    "Difference",
    "Direction",
    "Explanation",
    "FailedExpectation",
    "Field",
    "Finding",
    "Panel",
    "Policy",
    "PolicyMap",
    "PolicyStack",
    "PolicyTest",
    "RiskRule",
    "Rule",
    "ScoreRules",
    "Severity",
    "Standing",
    "TableOfTests",
    "answer_fields",
    "boundary_cases",
    "check",
    "compare",
    "compile_policy",
    "coverage",
    "decide",
    "describe_facts",
    "differences",
    "explain",
    "facts_from_json",
    "facts_to_json",
    "format_expected",
    "format_value",
    "mends",
    "nearest_changes",
    "png",
    "policy_hash",
    "policy_json_schema",
    "policy_map",
    "read_policy",
    "read_tests",
    "risk_of",
    "score_of",
    "strictest",
    "svg",
    "with_repairs",
]

_HOME = {
    "FALLBACK": "language.model:FALLBACK",
    "TEST_FILE_ENDINGS": "testing.test_tables:ENDINGS",
    "Change": "explanation.counterfactuals:Change",
    "Comparison": "analysis.diff:Comparison",
    "Coverage": "testing.coverage:Coverage",
    "Difference": "analysis.diff:Difference",
    "Direction": "analysis.diff:Direction",
    "FailedExpectation": "testing.test_tables:Difference",
    "Field": "analysis.decision_map:Field",
    "Panel": "analysis.decision_map:Panel",
    "PolicyMap": "analysis.decision_map:PolicyMap",
    "PolicyTest": "testing.test_tables:PolicyTest",
    "Standing": "explanation.explain:Standing",
    "TableOfTests": "testing.test_tables:TableOfTests",
    "answer_fields": "testing.test_tables:answered",
    "boundary_cases": "testing.coverage:boundary_cases",
    "compare": "analysis.diff:compare",
    "coverage": "testing.coverage:coverage",
    "describe_facts": "analysis.describe:say_facts",
    "differences": "analysis.diff:differences",
    "facts_from_json": "analysis.findings:facts_of",
    "facts_to_json": "analysis.findings:plain",
    "format_expected": "testing.test_tables:shown",
    "format_value": "analysis.describe:shown",
    "mends": "analysis.repairs:mends",
    "nearest_changes": "explanation.counterfactuals:nearest_changes",
    "png": "analysis.drawing:png",
    "policy_json_schema": "language.json_schema:policy_json_schema",
    "policy_map": "analysis.decision_map:policy_map",
    "read_tests": "testing.test_tables:read_tests",
    "risk_of": "engine.risk:risk_of",
    "score_of": "engine.scoring:score_of",
    "svg": "analysis.drawing:svg",
    "with_repairs": "analysis.repairs:with_mends",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOME[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)
