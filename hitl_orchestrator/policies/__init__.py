"""Routing policies: reading, evaluation, explanation, analysis and tests. Everything here works without a store.

Names are imported on first use.
"""

from typing import TYPE_CHECKING

from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.domain.decision import FALLBACK
    from hitl_orchestrator.policies.analysis.automatic_from import AutomaticFrom, automatic_from
    from hitl_orchestrator.policies.analysis.changes.edits import edits
    from hitl_orchestrator.policies.analysis.check import CheckReport, Finding, Severity, check, examine
    from hitl_orchestrator.policies.analysis.describe import describe_facts
    from hitl_orchestrator.policies.analysis.diff import Difference, Direction, PolicyComparison, compare
    from hitl_orchestrator.policies.analysis.findings import with_lines
    from hitl_orchestrator.policies.analysis.maps import words as map_words
    from hitl_orchestrator.policies.analysis.maps.model import Field, FlatContext, Panel
    from hitl_orchestrator.policies.analysis.maps.panels import policy_map
    from hitl_orchestrator.policies.analysis.maps.picture import PHONE, WIDE, PolicyMap, png, svg
    from hitl_orchestrator.policies.analysis.repairs import repairs, with_repairs
    from hitl_orchestrator.policies.document.content import SIGNATURE, SIGNERS, Document, policy_document
    from hitl_orchestrator.policies.document.html import to_html
    from hitl_orchestrator.policies.document.markdown import to_markdown
    from hitl_orchestrator.policies.drafting.answers import Amount as PolicyAmount
    from hitl_orchestrator.policies.drafting.answers import Answers as PolicyAnswers
    from hitl_orchestrator.policies.drafting.examples import test_table as draft_tests
    from hitl_orchestrator.policies.drafting.observed import ObservedCases, PastCase, observe
    from hitl_orchestrator.policies.drafting.template import template as draft_policy
    from hitl_orchestrator.policies.engine.compiled import CompiledPolicy, compile_policy, decide
    from hitl_orchestrator.policies.engine.confidence import (
        FirstOf,
        Judge,
        Lowest,
        Reported,
        SelfConsistency,
        TokenLogprobs,
        Verbalised,
        Weighted,
    )
    from hitl_orchestrator.policies.engine.risk import RiskRule, risk_of
    from hitl_orchestrator.policies.engine.scoring import ScoreRules, score_of
    from hitl_orchestrator.policies.engine.signals.rules import RiskyRule, UnusualRules, signal_rules_json_schema
    from hitl_orchestrator.policies.engine.strictness import strictest
    from hitl_orchestrator.policies.explanation.counterfactuals import Counterfactual, nearest_changes
    from hitl_orchestrator.policies.explanation.explain import Explanation, RuleResult, explain
    from hitl_orchestrator.policies.language.conditions import Conditions
    from hitl_orchestrator.policies.language.json_schema import policy_json_schema
    from hitl_orchestrator.policies.language.loader import read_policy
    from hitl_orchestrator.policies.language.model import Policy, PolicyStack, policy_hash
    from hitl_orchestrator.policies.language.phrases import format_value
    from hitl_orchestrator.policies.language.rule import Rule
    from hitl_orchestrator.policies.testing.boundaries import boundary_cases
    from hitl_orchestrator.policies.testing.coverage import Coverage, coverage
    from hitl_orchestrator.policies.testing.test_tables import (
        TEST_FILE_ENDINGS,
        Mismatch,
        PolicyTest,
        PolicyTestTable,
        answer_fields,
        format_answer,
        read_tests,
    )

__all__ = [
    "FALLBACK",
    "PHONE",
    "SIGNATURE",
    "SIGNERS",
    "TEST_FILE_ENDINGS",
    "WIDE",
    "AutomaticFrom",
    "CheckReport",
    "CompiledPolicy",
    "Conditions",
    "Counterfactual",
    "Coverage",
    "Difference",
    "Direction",
    "Document",
    "Explanation",
    "Field",
    "Finding",
    "FirstOf",
    "FlatContext",
    "Judge",
    "Lowest",
    "Mismatch",
    "ObservedCases",
    "Panel",
    "PastCase",
    "Policy",
    "PolicyAmount",
    "PolicyAnswers",
    "PolicyComparison",
    "PolicyMap",
    "PolicyStack",
    "PolicyTest",
    "PolicyTestTable",
    "Reported",
    "RiskRule",
    "RiskyRule",
    "Rule",
    "RuleResult",
    "ScoreRules",
    "SelfConsistency",
    "Severity",
    "TokenLogprobs",
    "UnusualRules",
    "Verbalised",
    "Weighted",
    "answer_fields",
    "automatic_from",
    "boundary_cases",
    "check",
    "compare",
    "compile_policy",
    "coverage",
    "decide",
    "describe_facts",
    "draft_policy",
    "draft_tests",
    "edits",
    "examine",
    "explain",
    "format_answer",
    "format_value",
    "map_words",
    "nearest_changes",
    "observe",
    "png",
    "policy_document",
    "policy_hash",
    "policy_json_schema",
    "policy_map",
    "read_policy",
    "read_tests",
    "repairs",
    "risk_of",
    "score_of",
    "signal_rules_json_schema",
    "strictest",
    "svg",
    "to_html",
    "to_markdown",
    "with_lines",
    "with_repairs",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Finding": "analysis.check",
        "Severity": "analysis.check",
        "check": "analysis.check",
        "CheckReport": "analysis.check",
        "examine": "analysis.check",
        "with_lines": "analysis.findings",
        "CompiledPolicy": "engine.compiled",
        "compile_policy": "engine.compiled",
        "decide": "engine.compiled",
        "PolicyAmount": "drafting.answers:Amount",
        "PolicyAnswers": "drafting.answers:Answers",
        "draft_tests": "drafting.examples:test_table",
        "ObservedCases": "drafting.observed",
        "PastCase": "drafting.observed",
        "observe": "drafting.observed",
        "draft_policy": "drafting.template:template",
        "RiskRule": "engine.risk",
        "ScoreRules": "engine.scoring",
        "strictest": "engine.strictness",
        "Explanation": "explanation.explain",
        "explain": "explanation.explain",
        "Conditions": "language.conditions",
        "read_policy": "language.loader",
        "Policy": "language.model",
        "PolicyStack": "language.model",
        "Rule": "language.rule",
        "policy_hash": "language.model",
        "AutomaticFrom": "analysis.automatic_from",
        "automatic_from": "analysis.automatic_from",
        "Field": "analysis.maps.model",
        "Panel": "analysis.maps.model",
        "map_words": "analysis.maps:words",
        "FlatContext": "analysis.maps.model",
        "PHONE": "analysis.maps.picture",
        "WIDE": "analysis.maps.picture",
        "PolicyMap": "analysis.maps.picture",
        "png": "analysis.maps.picture",
        "policy_map": "analysis.maps.panels",
        "svg": "analysis.maps.picture",
        "describe_facts": "analysis.describe",
        "SIGNATURE": "document.content",
        "SIGNERS": "document.content",
        "Document": "document.content",
        "policy_document": "document.content",
        "to_html": "document.html",
        "to_markdown": "document.markdown",
        "edits": "analysis.changes.edits",
        "Difference": "analysis.diff",
        "Direction": "analysis.diff",
        "PolicyComparison": "analysis.diff",
        "compare": "analysis.diff",
        "repairs": "analysis.repairs",
        "with_repairs": "analysis.repairs",
        "FirstOf": "engine.confidence",
        "Judge": "engine.confidence",
        "Lowest": "engine.confidence",
        "Reported": "engine.confidence",
        "SelfConsistency": "engine.confidence",
        "TokenLogprobs": "engine.confidence",
        "Verbalised": "engine.confidence",
        "Weighted": "engine.confidence",
        "risk_of": "engine.risk",
        "score_of": "engine.scoring",
        "RiskyRule": "engine.signals.rules",
        "UnusualRules": "engine.signals.rules",
        "signal_rules_json_schema": "engine.signals.rules",
        "Counterfactual": "explanation.counterfactuals",
        "nearest_changes": "explanation.counterfactuals",
        "RuleResult": "explanation.explain",
        "policy_json_schema": "language.json_schema",
        "FALLBACK": "language.rule",
        "format_value": "language.phrases",
        "Coverage": "testing.coverage",
        "boundary_cases": "testing.boundaries",
        "coverage": "testing.coverage",
        "TEST_FILE_ENDINGS": "testing.test_tables",
        "Mismatch": "testing.test_tables",
        "PolicyTest": "testing.test_tables",
        "PolicyTestTable": "testing.test_tables",
        "answer_fields": "testing.test_tables",
        "format_answer": "testing.test_tables",
        "read_tests": "testing.test_tables",
    },
)
