"""The law of the system: what a policy may say, how it is read, and what it answers. Pure."""

from hitl_orchestrator.policies.check import Finding, Severity, check
from hitl_orchestrator.policies.engine import CompiledPolicy, compile_policy, decide, stricter
from hitl_orchestrator.policies.explain import Explanation, explain
from hitl_orchestrator.policies.language import Conditions
from hitl_orchestrator.policies.loader import read_policy
from hitl_orchestrator.policies.risk import RiskRule
from hitl_orchestrator.policies.schema import Policy, PolicyStack, Rule, policy_hash
from hitl_orchestrator.policies.scoring import ScoreRules

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
    "explain",
    "policy_hash",
    "read_policy",
    "stricter",
]
