"""The answer of a policy: the first rule whose conditions all hold, and a person where none does.

The conditions of a policy cut all possible facts into finitely many cells: risk, named domains and task types, named
signals, the intervals between the named confidences, and so on for metadata and time (see `cells`). Inside a cell
nothing changes, so each cell is decided once, with its reason and its trace, and remembered.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from math import inf, nextafter
from typing import Any

from hitl_orchestrator.domain.decision import Facts, LayerAnswer, RoutingDecision, RuleTrial
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.domain.words import Action, RiskLevel, Signal
from hitl_orchestrator.errors import UnfitInput
from hitl_orchestrator.policies.cells import MetadataAxis, Space, TimeAxis
from hitl_orchestrator.policies.conditions import conditions_of, guards_of, stands_in_the_way
from hitl_orchestrator.policies.schema import (
    FALLBACK,
    ORGANISATION,
    Policy,
    PolicyStack,
    Rule,
    default_role,
    policy_hash,
)
from hitl_orchestrator.policies.strictest import strictest

_SIGNALS = frozenset(Signal)
_MOST_CELLS = 100_000
_OF_PEOPLE = ("respond_within", "on_timeout", "asking", "message")


class CompiledPolicy:
    """A policy made ready to decide: sorted once, hashed once, and with a memory of its cells.

    Threads may share it: two that meet a new cell at once work out the same decision, and either may stay.
    """

    def __init__(self, policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> None:
        self.policy, self.roles, self.hash = policy, roles, policy_hash(policy)
        self._rules = tuple((rule, conditions_of(rule, policy), guards_of(rule)) for rule in policy.by_priority)
        said = [inner for rule in policy.rules for _, inner in rule.conditions.walk()]
        named = {bound for one in said for bound in (one.min_confidence, one.max_confidence) if bound is not None}
        # Beyond the outer bounds lies what is no confidence; bisect puts NaN beyond the last one.
        self._bounds = sorted({0.0, nextafter(1.0, inf)} | named)
        self._domains = frozenset(word for one in said for word in one.domain)
        self._task_types = frozenset(word for one in said for word in one.task_type)
        self._signals = frozenset(word for one in said for word in one.signals.named)
        axes = Space([policy]).axes
        self._others = tuple(axis for axis in axes if isinstance(axis, MetadataAxis | TimeAxis))
        self._times = any(isinstance(axis, TimeAxis) for axis in self._others)
        self._asks_more = bool(self._domains or self._task_types or self._signals or self._others)
        self._cells: dict[tuple[object, ...], RoutingDecision] = {}

    def decide(self, facts: Facts) -> RoutingDecision:
        """Return where these facts go, which rule says so, and every rule that was tried on the way.

        Raises:
            UnfitInput: if facts that the policy asks about are unsound (an unknown risk, NaN): no rule may judge them.
        """
        risk, confidence = facts.risk_level, facts.confidence
        if risk.__class__ is not RiskLevel or (confidence.__class__ is not float and confidence is not None):
            facts = self.sound(facts)
            confidence = facts.confidence
        cell = (
            risk,
            None if confidence is None else bisect_right(self._bounds, confidence),
            facts.has_proposal is True,
            self._asks_more and self._words(facts),
        )
        try:
            return self._cells[cell]
        except KeyError:
            decision = self._work_out(self.sound(facts))
        if len(self._cells) < _MOST_CELLS:
            self._cells[cell] = decision
        return decision

    def _words(self, facts: Facts) -> tuple[object, ...]:
        """Return what the policy can tell apart besides risk and confidence."""
        domain, task_type, signals = facts.domain, facts.task_type, facts.signals
        if (
            domain.__class__ is not str
            or task_type.__class__ is not str
            or signals.__class__ is not frozenset
            or not signals <= _SIGNALS
            or self._others
        ):
            facts = self.sound(facts)
            domain, task_type, signals = facts.domain, facts.task_type, facts.signals
        return (
            domain if domain in self._domains else None,
            task_type if task_type in self._task_types else None,
            signals & self._signals,
            *(axis.locate(facts) for axis in self._others),
        )

    def sound(self, facts: Facts) -> Facts:
        """Return what the policy asks about in plain types, or refuse it: what is not understood must not be judged.

        Raises:
            UnfitInput: with every unsound fact.
        """
        confidence, signals = facts.confidence, facts.signals
        metadata, moment = (facts.metadata, facts.moment) if self._others else ({}, None)
        number = isinstance(confidence, (int, float)) and not isinstance(confidence, bool)
        found = [
            f"facts: {name}: {given!r} is not {wanted}"
            for name, given, fits, wanted in (
                ("risk_level", facts.risk_level, isinstance(facts.risk_level, RiskLevel), "a risk level"),
                ("domain", facts.domain, not self._domains or isinstance(facts.domain, str), "text"),
                ("task_type", facts.task_type, not self._task_types or isinstance(facts.task_type, str), "text"),
                (
                    "confidence",
                    confidence,
                    confidence is None or (number and 0 <= confidence <= 1),
                    "a number in [0, 1]",
                ),
                ("signals", signals, not self._signals or _known(signals), "a frozenset of known signals"),
                ("metadata", metadata, isinstance(metadata, Mapping), "an object"),
                ("moment", moment, not self._times or _is_time(moment), "a time with its zone"),
            )
            if not fits
        ]
        if found:
            raise UnfitInput(found)
        return Facts(
            risk_level=facts.risk_level,
            domain=str(facts.domain),
            task_type=str(facts.task_type),
            confidence=None if confidence is None else float(confidence),
            signals=signals if self._signals else frozenset(),
            has_proposal=facts.has_proposal is True,
            metadata=metadata,
            moment=moment if self._times else None,
        )

    def _work_out(self, facts: Facts) -> RoutingDecision:
        trace: list[RuleTrial] = []
        for rule, trial in self._trials(facts):
            trace.append(trial)
            if trial.held:
                said = self._decision(rule.action, rule.rule_id, rule.assigned_human_role, trial.why, trace)
                return said.model_copy(update=carried_by(rule))
        role = default_role(Action.HUMAN_REVIEW, self.roles)
        return self._decision(Action.HUMAN_REVIEW, FALLBACK, role, "no rule holds, so a person decides", trace)

    def _trials(self, facts: Facts) -> Iterator[tuple[Rule, RuleTrial]]:
        for rule, conditions, guards in self._rules:
            asked = (*conditions, *guards)
            failed = next((one for one in asked if stands_in_the_way(rule, one.holds(facts))), None)
            if failed is not None:
                yield rule, RuleTrial(rule.rule_id, False, failed.finding(facts))
            else:
                found = " and ".join(one.finding(facts) for one in conditions) or "it asks for nothing"
                yield rule, RuleTrial(rule.rule_id, True, found)

    def _decision(
        self, action: Action, rule_id: str, role: str | None, why: str, trace: list[RuleTrial]
    ) -> RoutingDecision:
        return RoutingDecision(
            action=action,
            rule_id=rule_id,
            assigned_human_role=role,
            reason=why if rule_id == FALLBACK else f"{rule_id} holds: {why}",
            policy_id=self.policy.policy_id,
            policy_hash=self.hash,
            trace=tuple(trace),
        )


class CompiledStack(CompiledPolicy):
    """A policy in layers made ready to decide: each layer answers by itself, and the strictest answer wins."""

    def __init__(self, policy: PolicyStack, roles: RoleChain = DEFAULT_CHAIN) -> None:
        super().__init__(policy, roles)
        self._of_domain = {name: CompiledPolicy(layer, roles) for name, layer in policy.domains.items()}
        self._of_user = {name: CompiledPolicy(layer, roles) for name, layer in policy.users.items()}

    def decide(self, facts: Facts) -> RoutingDecision:
        """Return the strictest answer of all layers, which names the answer of each.

        Raises:
            UnfitInput: as each layer does.
        """
        decision = super().decide(facts)
        answers = [LayerAnswer(layer=ORGANISATION, rule_id=decision.rule_id, action=decision.action)]
        for name, layer in self.layers_for(facts):
            said = layer.decide(facts)
            if said.rule_id == FALLBACK:
                answers.append(LayerAnswer(layer=name, rule_id=None, action=None))
                continue
            answers.append(LayerAnswer(layer=name, rule_id=said.rule_id, action=said.action))
            whose = {"policy_id": self.policy.policy_id, "policy_hash": self.hash, "reason": f"{name}: {said.reason}"}
            decision = strictest(decision, said.model_copy(update=whose), self.roles)
        return decision.model_copy(update={"layers": tuple(answers)})

    def sound(self, facts: Facts) -> Facts:
        """Return what the organisation asks about in plain types, with what says whom else it concerns."""
        return replace(super().sound(facts), metadata=facts.metadata)

    def layers_for(self, facts: Facts) -> Iterator[tuple[str, CompiledPolicy]]:
        """Yield the layers besides the organisation's that these facts concern, each with its name."""
        if facts.domain in self._of_domain:
            yield f"domain {facts.domain}", self._of_domain[facts.domain]
        asked_by = facts.metadata.get(REQUESTED_BY)
        for user in dict.fromkeys(asked_by if isinstance(asked_by, list | tuple) else [asked_by]):
            if user in self._of_user:
                yield f"user {user}", self._of_user[user]


def carried_by(rule: Rule) -> dict[str, Any]:
    """Return what a rule says besides its action and role, as fields of a decision."""
    names = ("spot_check",) if rule.action is Action.AUTO_APPROVE else _OF_PEOPLE
    return {name: getattr(rule, name) for name in names}


def compile_policy(policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> CompiledPolicy:
    """Make a policy ready to decide many cases. `roles` says who takes on what no rule decides."""
    return CompiledStack(policy, roles) if isinstance(policy, PolicyStack) else CompiledPolicy(policy, roles)


def decide(policy: Policy, facts: Facts, roles: RoleChain = DEFAULT_CHAIN) -> RoutingDecision:
    """Decide one case. Whoever decides many compiles the policy first."""
    return compile_policy(policy, roles).decide(facts)


def stricter(one: RoutingDecision, other: RoutingDecision) -> RoutingDecision:
    """Return whichever asks for more oversight; `one` where both ask for as much."""
    return other if other.action.strictness > one.action.strictness else one


def _known(signals: object) -> bool:
    return isinstance(signals, frozenset) and signals <= _SIGNALS


def _is_time(moment: object) -> bool:
    return moment is None or (isinstance(moment, datetime) and moment.utcoffset() is not None)
