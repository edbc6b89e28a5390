"""Cases in which a policy treats a riskier or less confident case more leniently than a safer one. Exact."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, Leaf, Node
from hitl_orchestrator.policies.analysis.describe import describe
from hitl_orchestrator.policies.analysis.regions import restrict
from hitl_orchestrator.policies.engine.axes.confidence import FIRST_CONFIDENCE
from hitl_orchestrator.policies.engine.axes.fields.axis import MISSING_FIELD
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.rule import Rule

Ranked = tuple[float, ...]
"""What a rule asks of people, in an order; a larger rank asks for more."""

_Key = tuple["Against", int, int]
_NOT_COMPARED = FALLBACK_INDEX - 1
_Pairs = dict[_Key, tuple[int, int, int, int]]
"""For the kind and the two rules: the steps of risk and confidence of the worse cases, then of the better ones."""


class Against(StrEnum):
    """The fact that makes the leniently treated case less safe."""

    RISK = "risk"
    CONFIDENCE = "confidence"
    MISSING = "missing"


class Violation(NamedTuple):
    """Two rules, as indices: the first treats a less safe case more leniently than the second treats a safer one.

    `worse` and `better` are regions that differ on one axis alone; each case of the first has a counterpart in the
    second. `elsewhere` is the number of other contexts with the same violation.
    """

    against: Against
    lenient: int
    strict: int
    worse: Region
    better: Region
    elsewhere: int = 0

    def examples(self, space: FactSpace) -> tuple[Facts, Facts]:
        """Return two cases that differ only in safety, the more leniently treated one first."""
        if self.against is Against.RISK:
            return space.sample(self.worse), space.sample(self.better)
        nearest = 1 << self.worse[space.confidence].bit_length() - 1
        return space.sample(restrict(self.worse, space.confidence, nearest)), space.sample(self.better)


Demand = tuple[int, int, int]
"""The strictness of the action, the rank of the role, and the number of approvals, as in `engine.strictness`."""


def demands_of(policy: Policy, roles: RoleChain) -> dict[int, Demand]:
    """Return what each rule, as an index, and the fallback ask of people."""
    demands: dict[int, Demand] = {FALLBACK_INDEX: (Action.HUMAN_REVIEW.strictness, 0, 1)}
    return demands | {index: demand_of(rule, roles) for index, rule in enumerate(policy.by_priority)}


def demand_of(rule: Rule, roles: RoleChain) -> Demand:
    """Return what a rule asks of people. A role outside the chain ranks with the top, which decides in its place."""
    role = rule.assigned_human_role
    rank = -1 if role is None else roles.roles.index(roles.filled(role))
    return rule.action.strictness, rank, rule.approvals


def violations(diagram: Diagram[int], strict: Mapping[int, Ranked], *, silent: bool = False) -> list[Violation]:
    """Return one violation for each pair of a lenient and a strict rule, and each kind.

    `strict` ranks the rules, as indices, by what they ask; rules without a rank are not compared. A layer that is
    `silent` where no rule matches is not compared there.
    """
    strict = dict(strict)
    if silent:
        strict.pop(FALLBACK_INDEX, None)
    by_key: dict[_Key, Violation] = {}
    for context, part in diagram.below(diagram.space.risk):
        for violation in _in_grid(decision_grid(part, diagram.space), context, diagram.space, strict):
            key = violation.against, violation.lenient, violation.strict
            before = by_key.get(key)
            by_key[key] = violation if before is None else before._replace(elsewhere=before.elsewhere + 1)
    return list(by_key.values())


def decision_grid(part: "Node[int] | Leaf[int]", space: FactSpace) -> list[list[int]]:
    """Return the deciding rule for each risk, from low to high, and each step of the confidence."""
    diagram, context = Diagram(space, part), (0,) * space.risk
    steps = range(space.axes[space.confidence].size)
    return [[diagram.at((*context, risk, step)) for step in steps] for risk in range(len(RiskLevel))]


def _in_grid(
    rows: list[list[int]], context: Region, space: FactSpace, strict: Mapping[int, Ranked]
) -> Iterator[Violation]:
    """Yield each pair of rules once, with the steps of its first two rows, or of its first row."""
    pairs: _Pairs = {}
    if not all(context[axis] & MISSING_FIELD for axis in space.of_output):
        # These cells stand for the one in which the fields are missing, which is in another context.
        rows = [[_NOT_COMPARED, *row[1:]] for row in rows]
    for worse in range(1, len(rows)):
        for better in reversed(range(worse)):
            _by_risk(rows, worse, better, strict, pairs)
    # Where the fields of a proposal count, a case without one is not a less confident version of one with them.
    lacking = range(1 if space.of_output else 0, FIRST_CONFIDENCE)
    for risk, row in enumerate(rows):
        _by_confidence(row, risk, strict, pairs, lacking)
    for (against, lenient, severe), masks in pairs.items():
        worse_region, better_region = ((*context[: space.risk], *masks[start : start + 2]) for start in (0, 2))
        yield Violation(against, lenient, severe, worse_region, better_region)


def _by_risk(rows: list[list[int]], worse: int, better: int, strict: Mapping[int, Ranked], pairs: _Pairs) -> None:
    masks: dict[tuple[int, int], int] = {}
    for step, pair in enumerate(zip(rows[worse], rows[better], strict=True)):
        if _is_more_lenient(*pair, strict):
            masks[pair] = masks.get(pair, 0) | 1 << step
    for (lenient, severe), mask in masks.items():
        pairs.setdefault((Against.RISK, lenient, severe), (1 << worse, mask, 1 << better, mask))


def _by_confidence(row: Sequence[int], risk: int, strict: Mapping[int, Ranked], pairs: _Pairs, lacking: range) -> None:
    risk_mask = 1 << risk
    for missing in lacking:
        pair = row[missing], row[FIRST_CONFIDENCE]
        if _is_more_lenient(*pair, strict):
            _add((Against.MISSING, *pair), risk_mask, 1 << missing, 1 << FIRST_CONFIDENCE, pairs)
    below: dict[int, int] = {}
    for step, rule in enumerate(row[FIRST_CONFIDENCE:], start=FIRST_CONFIDENCE):
        for lenient, mask in below.items():
            if _is_more_lenient(lenient, rule, strict):
                above = sum(1 << later for later in range(step, len(row)) if row[later] == rule)
                _add((Against.CONFIDENCE, lenient, rule), risk_mask, mask, above, pairs)
        below[rule] = below.get(rule, 0) | 1 << step


def _add(key: _Key, risk: int, worse: int, better: int, pairs: _Pairs) -> None:
    """Keep the first steps of a pair, with all risks at which the same confidences show it."""
    risks, *confidences = pairs.get(key, (0, worse, 0, better))
    if (confidences[0], confidences[2]) == (worse, better):
        pairs[key] = (risks | risk, worse, risks | risk, better)


def _is_more_lenient(lenient: int, severe: int, strict: Mapping[int, Ranked]) -> bool:
    return lenient in strict and severe in strict and strict[lenient] < strict[severe]


_OUTCOMES = {
    Action.AUTO_APPROVE: "is approved automatically by {}",
    Action.HUMAN_REVIEW: "goes to a person by {}",
    Action.ESCALATE: "is escalated by {}",
}


def describe_violation(
    violation: Violation, space: FactSpace, policy: Policy, details: Callable[[Rule], str] | None = None
) -> str:
    """Return such as `medium risk is approved automatically by a, while the same at low risk goes to a person by b`.

    `details` describes what the two rules ask in addition to their actions; by default, the approvals and the role of
    two rules with the same action.
    """
    axis = space.risk if violation.against is Against.RISK else space.confidence
    better = space.axes[axis].describe(violation.better[axis]).removeprefix("with ")
    others = violation.elsewhere
    also = f"; the same holds in {others} other context{'s' if others > 1 else ''}" if others else ""
    pair = (violation.lenient, violation.strict)
    rules = [policy.by_priority[index] for index in pair if index != FALLBACK_INDEX]
    if details is None and len(rules) == len(pair) and len({rule.action for rule in rules}) == 1:
        details = _approvals
    worse, safer = (_outcome(index, policy, details) for index in pair)
    return f"{describe(violation.worse, space)} {worse}, while the same at {better} {safer}{also}"


def _outcome(index: int, policy: Policy, details: Callable[[Rule], str] | None) -> str:
    if index == FALLBACK_INDEX:
        return "goes to a person, as no rule matches"
    rule = policy.by_priority[index]
    return _OUTCOMES[rule.action].format(rule.rule_id) + ("" if details is None else f" {details(rule)}")


def _approvals(rule: Rule) -> str:
    return f"with {rule.approvals} approval{'s' * (rule.approvals > 1)} of the role {rule.assigned_human_role}"
