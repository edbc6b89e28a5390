"""Which facts of a case can matter for it to end otherwise: what no rule in question asks about cannot. Pure.

Whatever changes lead to an action, one of them is among the levers as long as the action is another. So whoever pulls
one lever after the other meets every change that leads there, and few of those that do not.
"""

from collections.abc import Iterator, Mapping

from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy, Rule

_GATES = {"domain": "domain", "user": f"metadata.{REQUESTED_BY}"}


class RelevantFacts:
    """The facts that can matter, as bit masks of the places that they have in `places`."""

    def __init__(self, policy: Policy, places: Mapping[str, int]) -> None:
        self._layers = [_Layer(name, layer, places) for name, layer in policy.parts]

    def can_say(self, action: Action) -> bool:
        """Whether some case ends so by a rule, or by the fallback."""
        return any(layer.can_say(action) for layer in self._layers)

    def of(self, decision: RoutingDecision, action: Action) -> int:
        """Return the facts of which one must change for a case that was decided so to end in another action."""
        said = {one.layer: (one.rule_id, one.action) for one in decision.layers}
        said = said or {ORGANIZATION: (decision.rule_id, decision.action)}
        if action.strictness > decision.action.strictness:
            return self._to_a_stricter(said, action)
        # Each layer that says more must say less, or be asked no longer. It is enough to begin with one of them.
        fitting = frozenset(one for one in Action if one.strictness <= action.strictness)
        saying_more = (
            layer
            for layer in self._layers
            if layer.name in said and (answer := said[layer.name][1]) is not None and answer not in fitting
        )
        layer = next(saying_more)
        return layer.gate | layer.levers(said[layer.name][0], fitting)

    def _to_a_stricter(self, said: Mapping[str, tuple[str | None, Action | None]], action: Action) -> int:
        """Return the levers of each layer that can say it: those of its rules, or what makes it asked at all."""
        mask = 0
        for layer in self._layers:
            if layer.can_say(action):
                mask |= layer.levers(said[layer.name][0], frozenset((action,))) if layer.name in said else layer.gate
        return mask


class _Layer:
    def __init__(self, name: str, layer: Policy, places: Mapping[str, int]) -> None:
        self.name = name
        gate = _GATES.get(name.partition(" ")[0])
        self.gate = 0 if gate is None else 1 << places[gate]
        self._rules = layer.by_priority
        self._place = {rule.rule_id: place for place, rule in enumerate(self._rules)}
        self._asked = [_mask(rule, places) for rule in self._rules]
        self._before: dict[frozenset[Action], list[int]] = {}

    def can_say(self, action: Action) -> bool:
        falls_back = action is Action.HUMAN_REVIEW and self.name == ORGANIZATION
        return falls_back or any(rule.action is action for rule in self._rules)

    def levers(self, rule_id: str | None, fitting: frozenset[Action]) -> int:
        """Return what the rule that decides asks about, and what those before it do that would say what fits."""
        if fitting not in self._before:
            self._before[fitting] = list(self._sums(fitting))
        place = self._place.get(str(rule_id), len(self._rules))
        return self._before[fitting][place] | (self._asked[place] if place < len(self._rules) else 0)

    def _sums(self, fitting: frozenset[Action]) -> Iterator[int]:
        mask = 0
        for rule, asked in zip(self._rules, self._asked, strict=True):
            yield mask
            mask |= asked if rule.action in fitting else 0
        yield mask


def _mask(rule: Rule, places: Mapping[str, int]) -> int:
    mask = 0
    for name in _asked_by(rule):
        mask |= 1 << places[name]
    return mask


def _asked_by(rule: Rule) -> Iterator[str]:
    """Yield the names of the axes that a rule asks about (see `cells`)."""
    if rule.action is Action.AUTO_APPROVE:
        yield "confidence"
    for _, said in rule.conditions.walk():
        yield from (name for name in ("risk_level", "domain", "task_type") if getattr(said, name))
        if said.min_confidence is not None or said.max_confidence is not None:
            yield "confidence"
        if not said.signals.says_nothing:
            yield "signals"
        if said.time is not None:
            yield "time"
        yield from (f"metadata.{field}" for field in said.metadata)
