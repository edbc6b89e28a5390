"""The kinds of findings about a policy, their severity, and the cases that show them."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.policies.language.model import ORGANIZATION
from hitl_orchestrator.policies.language.positions import FileLines, file_lines


class Severity(StrEnum):
    """How much a finding matters: an error, a likely mistake, or information."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class FindingKind(StrEnum):
    """The kind of a finding."""

    UNKNOWN_ROLE = "unknown_role"
    """A rule assigns a role that is not in the role chain."""
    TOO_FEW_ROLES = "too_few_roles"
    """A rule requires more reviewers of distinct roles than there are roles."""
    CONTRADICTION = "contradiction"
    """The conditions of a rule can never hold together, or only where a fact is unknown."""
    UNREACHABLE = "unreachable"
    """Earlier rules decide every case that a rule matches."""
    CONFLICT = "conflict"
    """Rules of equal priority disagree, and their order in the file decides."""
    APPROVES_TOO_MUCH = "approves_too_much"
    """A rule approves automatically at a confidence of 0, or at high risk."""
    MONOTONICITY = "monotonicity"
    """A riskier task, or one with a lower confidence, is treated more leniently."""
    MISSING_CONFIDENCE = "missing_confidence"
    """A task without a confidence is treated more leniently than one with a confidence of 0."""
    OVERTAKES = "overtakes"
    """A rule approves cases that a later, stricter rule names."""
    NUMBER_ORDER = "number_order"
    """A rule asks for more at some number than the policy does below and above it."""
    UNREACHED_BOUND = "unreached_bound"
    """A rule never decides at a bound that it states, since another rule decides there."""
    OUTSIDE_DECLARED = "outside_declared"
    """A rule compares a field with a value outside its declared range or values."""
    BELOW_ZERO = "below_zero"
    """A rule approves numbers below 0, which the other approvals exclude."""
    LOOK_ALIKE = "look_alike"
    """A word is spelled almost like another one."""
    MISNAMED = "misnamed"
    """A time window contradicts the name of its rule."""
    NO_EFFECT = "no_effect"
    """A rule of a layer changes no result."""
    UNUSED = "unused"
    """A declared field or list is read by no rule."""
    DEADLINE = "deadline"
    """A riskier task, or one with a lower confidence, has no deadline or a later one."""
    LENIENT_UNKNOWN = "lenient_unknown"
    """A missing fact is treated more leniently than some value of it."""
    MISSING_FACT = "missing_fact"
    """A rule for reviewers also decides cases in which a fact is missing or of another type."""
    UNUSED_LIST = "unused_list"
    """No rule reads a named list."""
    LIST_VALUES = "list_values"
    """A named list has a value twice, or values that look alike."""
    WHO_DECIDES = "who_decides"
    """A rule asks a team that does not exist or is too small, or excludes a reviewer who does not exist."""
    OUT_OF_DATE = "out_of_date"
    """A rule is no longer valid, or the listed holidays have run out."""
    GAP = "gap"
    """No rule matches, and the fallback decides."""
    UNCHECKED = "unchecked"
    """The policy is too complex for a part of the analysis."""


class Finding(Value):
    """One finding about a policy. `rule_id` is None where it is about the policy as a whole.

    `rules` are the other rules involved. `examples` are cases that show the finding; of two that are compared, the more
    leniently treated one comes first. `repairs` are the smallest changes that would resolve it (see `repairs`).
    `layer` names the layer of a policy that has several. `line` is the line of the rule in the policy file, or that of
    the declaration at `path`, which leads to a part of the layer (see `with_lines`).
    """

    severity: Severity
    rule_id: str | None
    sentence: str
    kind: FindingKind
    rules: tuple[str, ...] = ()
    examples: tuple[Mapping[str, Any], ...] = ()
    repairs: tuple[str, ...] = ()
    layer: str | None = None
    path: tuple[str | int, ...] = ()
    line: int | None = None

    @property
    def about(self) -> str:
        """Return the rule and its line, and its layer unless that is the organization's, such as `large (line 12)`."""
        where = [self.rule_id or ".".join(map(str, self.path))]
        where += [] if self.layer in {None, ORGANIZATION} else [f"of {self.layer}"]
        where += [] if self.line is None else [f"(line {self.line})"]
        return " ".join(part for part in where if part)

    def fails(self, *, strict: bool) -> bool:
        """Return whether a check with this finding fails: with an error, or if `strict` unless it is a mere note."""
        severe = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
        return self.severity in severe or (strict and self.kind is FindingKind.UNCHECKED)


def with_lines(findings: Iterable[Finding], text: str, where: str) -> list[Finding]:
    """Return the findings with the lines of their rules and declarations in a policy file."""
    lines = file_lines(text, where)
    return [finding.model_copy(update={"line": _line(finding, lines)}) for finding in findings]


def _line(finding: Finding, lines: FileLines) -> int | None:
    if finding.rule_id is not None:
        return lines.of_rule(finding.rule_id)
    kind, _, name = (finding.layer or ORGANIZATION).partition(" ")
    return lines.of_part((*([f"{kind}s", name] if name else []), *finding.path)) if finding.path else None
