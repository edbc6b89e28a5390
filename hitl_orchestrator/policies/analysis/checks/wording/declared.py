"""Comparisons outside what a policy declares, and declarations that no rule reads."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.analysis.checks.layer_analysis import finding_about
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.language.conditions import Comparison
from hitl_orchestrator.policies.language.declarations import Declaration, FieldType
from hitl_orchestrator.policies.language.lists import Listed
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.phrases import format_value, join_some
from hitl_orchestrator.policies.language.rule import Rule
from hitl_orchestrator.policies.language.vocabulary import meant_by

_DECLARING = ("metadata", "proposal")
_BOUNDING = {"lt", "le", "gt", "ge"}


def outside_declared(rule: Rule, policy: Policy) -> Iterator[Finding]:
    """Yield comparisons of a rule with a number outside the declared range, or with a value that is not declared."""
    for _, part in rule.conditions.walk():
        for source, name, comparison in part.comparisons():
            declared = policy.declared(source)[name]
            if not declared.is_bounded or isinstance(comparison.in_, Listed):
                continue
            for operator, value in comparison.operands:
                sentence = _outside(operator, value, declared)
                if sentence is not None:
                    about = f"it compares {name} with {format_value(value)}, {sentence}"
                    yield finding_about(Severity.WARNING, FindingKind.OUTSIDE_DECLARED, about, rule)


def _outside(operator: str, value: Any, declared: Declaration) -> str | None:
    """Return why no value that is as declared is on one side of this comparison; None where some are."""
    if declared.values:
        if declared.fits(value) or operator in _BOUNDING:
            return None
        named = join_some(map(format_value, declared.values), "or")
        return f"which is not among the declared values {named}{meant_by(str(value), map(str, declared.values))}"
    unit = f" {declared.unit}" if declared.unit else ""
    for end, word, beyond, never in (
        (declared.min, "begins", value < declared.min if declared.min is not None else False, {"lt"}),
        (declared.max, "ends", value > declared.max if declared.max is not None else False, {"gt"}),
    ):
        if beyond or (value == end and operator in never):
            return f"and its declared range {word} at {format_value(end)}{unit}: the comparison always has one result"
    return None


def below_zero(rule: Rule, policy: Policy) -> Iterator[Finding]:
    """Yield fields of which an approval bounds only the top, where other approvals bound them at 0 from below.

    A field with a declared `min` needs no such bound: a value below it is unknown, and is not approved.
    """
    if rule.action is not Action.AUTO_APPROVE:
        return
    for name, comparison in rule.conditions.metadata.items():
        declared = policy.declared("metadata")[name]
        if declared.type is not FieldType.NUMBER or declared.min is not None:
            continue
        top_only = _bounds(comparison) and _bounds(comparison) <= {"lt", "le"} and not comparison.in_
        if top_only and any(_starts_at_zero(other, name) for other in policy.rules if other is not rule):
            sentence = (
                f"it approves any {name} below 0 too, which other approvals exclude; add gt: 0, or declare min: 0"
            )
            yield finding_about(Severity.WARNING, FindingKind.BELOW_ZERO, sentence, rule)


def _bounds(comparison: Comparison) -> set[str]:
    return {operator for operator, _ in comparison.operands}


def _starts_at_zero(rule: Rule, name: str) -> bool:
    comparison = rule.conditions.metadata.get(name)
    return rule.action is Action.AUTO_APPROVE and comparison is not None and 0 in {comparison.gt, comparison.ge}


def unused(policy: Policy) -> Iterator[Finding]:
    """Yield declared fields that no rule reads, nor anything else that the policy declares."""
    read = {
        (source, name)
        for rule in policy.rules
        for _, part in rule.conditions.walk()
        for source, name, _ in part.comparisons()
    }
    elsewhere = _words_of(policy)
    for source in _DECLARING:
        declarations: Mapping[str, Declaration] = getattr(policy, source)
        for name in declarations:
            if (source, name) not in read and name not in elsewhere and name != REQUESTED_BY:
                sentence = "no rule reads this field"
                finding = finding_about(Severity.NOTE, FindingKind.UNUSED, sentence)
                yield finding.model_copy(update={"path": (source, name)})


def _words_of(policy: Policy) -> set[str]:
    """Return the words of what is calculated: fields of history and derived facts name the fields that they read."""
    raw = policy.model_dump(mode="json", include={"history", "derived"})
    return set(re.findall(r"[\w.]+", json.dumps(raw)))
