"""What can be odd about a policy: kinds of findings, how much each matters, and cases that show it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel, Signal
from hitl_orchestrator.domain.value import Value


class Severity(StrEnum):
    """How much a finding matters: a fault, a likely mistake, or something to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class FindingKind(StrEnum):
    """What is odd."""

    STRANGER = "stranger"
    """A rule asks a role that nobody can have."""
    TOO_FEW_ROLES = "too_few_roles"
    """A rule asks for more people of distinct roles than there are roles."""
    CONTRADICTION = "contradiction"
    """The conditions of a rule can never hold together, or only where a fact is unknown."""
    UNREACHABLE = "unreachable"
    """Earlier rules take every case of a rule."""
    CONFLICT = "conflict"
    """Rules of equal priority disagree, and the order in the file decides."""
    APPROVES_TOO_MUCH = "approves_too_much"
    """A rule lets a case go ahead at a confidence of 0, or at high risk."""
    MONOTONICITY = "monotonicity"
    """A riskier task, or one with a lower confidence, is treated more leniently."""
    MISSING_CONFIDENCE = "missing_confidence"
    """A task without a confidence is treated more leniently than one with a confidence of 0."""
    GAP = "gap"
    """No rule holds, and the fallback decides."""
    UNCHECKED = "unchecked"
    """The policy is too large or too entangled, and something was not looked for."""


class Finding(Value):
    """One odd thing about a policy. `rule_id` is None where it is about the policy as a whole.

    `rules` are the other rules it is about: those that hide it, or those it disagrees with. `examples` are cases in
    which it is so; of two that are compared, the one that is treated more leniently stands first. `mends` are the
    smallest changes that would mend it (see `mend`). `layer` is named where the policy has several.
    """

    severity: Severity
    rule_id: str | None
    sentence: str
    kind: FindingKind
    rules: tuple[str, ...] = ()
    examples: tuple[Mapping[str, Any], ...] = ()
    repairs: tuple[str, ...] = ()
    layer: str | None = None


def plain(facts: Facts) -> dict[str, Any]:
    """Return facts as plain JSON, in the words of `hitl policy explain`."""
    return {
        "risk_level": facts.risk_level.value,
        "domain": facts.domain,
        "task_type": facts.task_type,
        "confidence_score": facts.confidence,
        "signals": sorted(facts.signals),
        "has_proposal": facts.has_proposal,
        "metadata": dict(facts.metadata),
        "timestamp": None if facts.moment is None else facts.moment.isoformat(),
    }


def facts_of(given: Mapping[str, Any]) -> Facts:
    """Return the facts that `plain` told."""
    moment = given["timestamp"]
    return Facts(
        risk_level=RiskLevel(given["risk_level"]),
        domain=given["domain"],
        task_type=given["task_type"],
        confidence=given["confidence_score"],
        signals=frozenset(map(Signal, given["signals"])),
        has_proposal=given["has_proposal"],
        metadata=given["metadata"],
        moment=None if moment is None else datetime.fromisoformat(moment),
    )
