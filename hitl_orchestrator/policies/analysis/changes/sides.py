"""The two policies of a comparison: which rules decide in their layers, and the strictest answer."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from hitl_orchestrator.domain.decision import FALLBACK, RoutingDecision
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX
from hitl_orchestrator.policies.analysis.layer_scope import regions_in_scope, scope_policies
from hitl_orchestrator.policies.engine.compiled import decision_fields
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.engine.strictness import strictest
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.rule import Rule, default_role


class Labeled(NamedTuple):
    """A decision as a label of cells: equality ignores the reason."""

    decision: RoutingDecision

    def __hash__(self) -> int:
        """Return a hash of the main fields, which is fast."""
        return hash((self.decision.rule_id, self.decision.action, self.decision.assigned_human_role))


Change = tuple[Labeled, Labeled]


class Pair(NamedTuple):
    """The rules that decide in a layer, before and after: their places in the order of evaluation, and their ids."""

    layer: str
    old: int
    new: int
    old_id: str
    new_id: str

    def is_earlier(self, other: "Pair") -> bool:
        """Whether earlier rules decide than in another pair, and no rule of that pair in both policies."""
        unchanged = self.old_id == self.new_id and self.old_id in (other.old_id, other.new_id)
        here, there = ((_order(pair.old), _order(pair.new)) for pair in (self, other))
        return not unchanged and here != there and here[0] <= there[0] and here[1] <= there[1]


def _order(place: int) -> float:
    return inf if place == FALLBACK_INDEX else place


class Side:
    """One of the two policies, with its layers. They are read as if in `timezone`, unless it is None."""

    def __init__(self, policy: Policy, roles: RoleChain, timezone: str | None = None) -> None:
        self._roles = roles
        self.layers = [
            layer if timezone is None else layer.model_copy(update={"timezone": timezone}) for _, layer in policy.parts
        ]
        self.names = [name for name, _ in policy.parts]
        self._answers = [[_answer_of(rule) for rule in layer.by_priority] for layer in self.layers]
        self._cache: dict[tuple[int, ...], Labeled] = {}

    @property
    def policies(self) -> list[Policy]:
        """The layers, and policies that name their scopes, so that a space distinguishes these."""
        return [*self.layers, *(scope for name in self.names for scope in scope_policies(name))]

    def tables(self, space: FactSpace) -> list[list[list[Region]]]:
        """Return the regions of each layer's rules, within the scope of the layer."""
        return [regions_in_scope(name, layer, space) for name, layer in zip(self.names, self.layers, strict=True)]

    def rule_id(self, layer: str, place: int) -> str:
        """Return the id of a rule of a layer; that of the fallback where none decides."""
        return FALLBACK if place == FALLBACK_INDEX else self.layers[self.names.index(layer)].by_priority[place].rule_id

    def answer(self, rules: tuple[int, ...]) -> Labeled:
        """Return the strictest answer of the rules that decide in each layer."""
        if rules not in self._cache:
            self._cache[rules] = Labeled(self._strictest(rules))
        return self._cache[rules]

    def _strictest(self, rules: Sequence[int]) -> RoutingDecision:
        first, *others = rules
        role = default_role(Action.HUMAN_REVIEW, self._roles)
        fallback = _decision(FALLBACK, Action.HUMAN_REVIEW, role)
        answer = fallback if first == FALLBACK_INDEX else self._answers[0][first]
        for answers, index in zip(self._answers[1:], others, strict=True):
            if index != FALLBACK_INDEX:
                answer = strictest(answer, answers[index], self._roles)
        return answer


def _answer_of(rule: Rule) -> RoutingDecision:
    return _decision(rule.rule_id, rule.action, rule.assigned_human_role).model_copy(update=decision_fields(rule))


def _decision(rule_id: str, action: Action, role: str | None) -> RoutingDecision:
    return RoutingDecision(
        action=action, rule_id=rule_id, assigned_human_role=role, reason="", policy_id="-", policy_hash="-"
    )
