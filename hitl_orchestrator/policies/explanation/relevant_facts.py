"""The facts that can change the outcome of a case: facts that no relevant rule reads are excluded.

Every set of changes that leads to an action contains one of these facts, as long as the action is another one. A search
that moves one of them after the other therefore meets every such set, and few others.
"""

from collections.abc import Iterator, Mapping, Sequence

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies.analysis.layer_scope import USER_AXIS
from hitl_orchestrator.policies.engine.axes.base import Axis, mask_of
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.language.rule import Rule

_SCOPE_AXES = {"domain": "domain", "user": USER_AXIS}


class RelevantFacts:
    """The relevant facts, as bit masks of the indices of their axes."""

    def __init__(self, policy: Policy, axes: Sequence[Axis]) -> None:
        self._layers = [_Layer(name, layer, axes) for name, layer in policy.parts]

    def can_answer(self, action: Action) -> bool:
        """Return whether a rule, or the fallback, has this action."""
        return any(layer.can_answer(action) for layer in self._layers)

    def of(self, decision: RoutingDecision, action: Action) -> int:
        """Return the facts; at least one must change before a case with this decision gets another action."""
        answers = {answer.layer: (answer.rule_id, answer.action) for answer in decision.layers}
        answers = answers or {ORGANIZATION: (decision.rule_id, decision.action)}
        if action.strictness > decision.action.strictness:
            return self._to_a_stricter(answers, action)
        # Each stricter layer must become more lenient or stop applying. It is enough to begin with one of them.
        lenient = frozenset(other for other in Action if other.strictness <= action.strictness)
        layer = next(
            layer
            for layer in self._layers
            if layer.name in answers and (answer := answers[layer.name][1]) is not None and answer not in lenient
        )
        return layer.scope | layer.relevant(answers[layer.name][0], lenient)

    def _to_a_stricter(self, answers: Mapping[str, tuple[str | None, Action | None]], action: Action) -> int:
        """Return the facts of each layer that can give the action: those its rules read, or those of its scope."""
        mask = 0
        for layer in self._layers:
            if layer.can_answer(action):
                applies = layer.name in answers
                mask |= layer.relevant(answers[layer.name][0], frozenset((action,))) if applies else layer.scope
        return mask


class _Layer:
    def __init__(self, name: str, layer: Policy, axes: Sequence[Axis]) -> None:
        self.name = name
        scope_axis = _SCOPE_AXES.get(name.partition(" ")[0])
        self.scope = mask_of(index for index, axis in enumerate(axes) if axis.name == scope_axis)
        self._rules = layer.by_priority
        self._index = {rule.rule_id: index for index, rule in enumerate(self._rules)}
        self._read = [_read_by(rule, axes) for rule in self._rules]
        self._before: dict[frozenset[Action], list[int]] = {}

    def can_answer(self, action: Action) -> bool:
        falls_back = action is Action.HUMAN_REVIEW and self.name == ORGANIZATION
        return falls_back or any(rule.action is action for rule in self._rules)

    def relevant(self, rule_id: str | None, actions: frozenset[Action]) -> int:
        """Return the facts read by the deciding rule, and by earlier rules with one of these actions."""
        if actions not in self._before:
            self._before[actions] = list(self._read_before(actions))
        index = self._index.get(str(rule_id), len(self._rules))
        return self._before[actions][index] | (self._read[index] if index < len(self._rules) else 0)

    def _read_before(self, actions: frozenset[Action]) -> Iterator[int]:
        mask = 0
        for rule, read in zip(self._rules, self._read, strict=True):
            yield mask
            mask |= read if rule.action in actions else 0
        yield mask


def _read_by(rule: Rule, axes: Sequence[Axis]) -> int:
    """Return the axes that a rule reads; one that approves always reads the confidence."""
    conditions = [part for _, part in rule.when.walk()]
    approves = rule.action is Action.AUTO_APPROVE
    return mask_of(
        index
        for index, axis in enumerate(axes)
        if (approves and axis.name == "confidence") or any(map(axis.reads, conditions))
    )
