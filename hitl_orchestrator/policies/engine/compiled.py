"""The answer of a policy: the first rule whose conditions all hold, and a person where none does.

The conditions of a policy cut all possible facts into finitely many cells: risk, named domains and task types, named
signals, the intervals between the named confidences, and so on for metadata and time (see `cells`). Inside a cell
nothing changes, so each cell is decided once, with its reason and its trace, and remembered.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from math import inf, nextafter
from typing import Any

from hitl_orchestrator.domain.decision import Facts, LayerAnswer, RoutingDecision, RuleTrial
from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import requesters
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.cell_index import NOWHERE, placing, quickly
from hitl_orchestrator.policies.engine.partition import (
    ConfidenceAxis,
    FactSpace,
    MetadataAxis,
    SignalsAxis,
    TimeAxis,
    WordAxis,
)
from hitl_orchestrator.policies.engine.predicates import Condition, conditions_of, guards_of, stands_in_the_way
from hitl_orchestrator.policies.engine.strictness import strictest
from hitl_orchestrator.policies.language.model import (
    FALLBACK,
    ORGANIZATION,
    Policy,
    PolicyStack,
    Rule,
    default_role,
    policy_hash,
)

_SIGNALS = frozenset(Signal)
_MOST_CELLS = 100_000
_OF_PEOPLE = ("respond_within", "on_timeout", "requirements", "message")


class CompiledPolicy:
    """A policy made ready to decide: sorted once, hashed once, and with a memory of its cells.

    Threads may share it: two that meet a new cell at once work out the same decision, and either may stay.
    """

    def __init__(self, policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> None:
        self.policy, self.roles, self.hash = policy, roles, policy_hash(policy)
        same: dict[str, Condition] = {}
        self._rules = tuple(
            (rule, _shared(conditions_of(rule, policy), same), _shared(guards_of(rule), same))
            for rule in policy.by_priority
        )
        axes = FactSpace([policy]).axes
        # Beyond the outer bounds lies what is no confidence; bisect puts NaN beyond the last one.
        within = (bound for axis in axes if isinstance(axis, ConfidenceAxis) for bound in axis.bounds)
        bounds = [*within, nextafter(1.0, inf)]
        words = {axis.name: axis.words for axis in axes if isinstance(axis, WordAxis)}
        self._domains, self._task_types = words.get("domain", ()), words.get("task_type", ())
        self._signals = next((axis.signals for axis in axes if isinstance(axis, SignalsAxis)), ())
        self._others = tuple(axis for axis in axes if isinstance(axis, MetadataAxis | TimeAxis))
        self._times = any(isinstance(axis, TimeAxis) for axis in self._others)
        asked = {"domain": self._domains, "task_type": self._task_types}
        self._place = placing(bounds, asked, self._signals, self._others)
        self._cells: dict[int, RoutingDecision] = {}
        self._quick, self._table = quickly(bounds, self._in_cell)
        self._lines = len(bounds) + 2
        if self._domains or self._task_types or self._signals or self._others:
            self._quick = self._in_cell
        if type(self) is CompiledPolicy:
            # The method would cost a call that nobody needs.
            self.decide = self._quick  # type: ignore[method-assign, assignment]

    def decide(self, facts: Facts) -> RoutingDecision:
        """Return where these facts go, which rule says so, and every rule that was tried on the way.

        Raises:
            InvalidInput: a fact that the policy reads is invalid (an unknown risk, NaN).
        """
        return self._quick(facts)

    def _in_cell(self, facts: Facts) -> RoutingDecision:
        cell = self._place(facts)
        try:
            return self._cells[cell]
        except KeyError:
            facts = self.sound(facts)
        if cell == NOWHERE:
            cell = self._place(facts)
            if cell in self._cells:
                return self._cells[cell]
        decision = self._work_out(facts)
        if cell != NOWHERE and len(self._cells) < _MOST_CELLS:
            self._cells[cell] = decision
            step = cell % (2 * self._lines)
            if step < self._lines:
                self._table[facts.risk_level][step] = decision
        return decision

    def sound(self, facts: Facts) -> Facts:
        """Return what the policy asks about in plain types, or refuse it: what is not understood must not be judged.

        Raises:
            InvalidInput: with every unsound fact.
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
            raise InvalidInput(found)
        proposed = facts.has_proposal is True
        return Facts(
            risk_level=facts.risk_level,
            domain=str(facts.domain),
            task_type=str(facts.task_type),
            # Whoever proposes nothing is sure of nothing.
            confidence=float(confidence) if proposed and confidence is not None else None,
            signals=signals if self._signals else frozenset(),
            has_proposal=proposed,
            metadata=dict(metadata),
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
        """Try rule after rule. What several rules ask is asked once, and said once."""
        known: dict[int, bool | None] = {}
        said: dict[int, str] = {}
        for rule, conditions, guards in self._rules:
            for one in (*conditions, *guards):
                key = id(one)
                if key not in known:
                    known[key] = one.holds(facts)
                if stands_in_the_way(rule, known[key]):
                    if key not in said:
                        said[key] = one.finding(facts)
                    yield rule, RuleTrial(rule.rule_id, False, said[key])
                    break
            else:
                found = " and ".join(one.finding(facts) for one in conditions) or "it asks for nothing"
                yield rule, RuleTrial(rule.rule_id, True, found)

    def _decision(
        self, action: Action, rule_id: str, role: str | None, why: str, trace: list[RuleTrial]
    ) -> RoutingDecision:
        # All of it was checked with the policy: to check each line of the trace anew would take longer than to make it.
        return RoutingDecision.model_construct(
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
            InvalidInput: as each layer does.
        """
        decision = super().decide(facts)
        answers = [LayerAnswer(layer=ORGANIZATION, rule_id=decision.rule_id, action=decision.action)]
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
        """Return what the organization asks about in plain types, with what says whom else it concerns."""
        return replace(super().sound(facts), metadata=facts.metadata)

    def layers_for(self, facts: Facts) -> Iterator[tuple[str, CompiledPolicy]]:
        """Yield the layers besides the organization's that these facts concern, each with its name."""
        if facts.domain in self._of_domain:
            yield f"domain {facts.domain}", self._of_domain[facts.domain]
        named = requesters(facts.metadata)
        # Always in one order: who is named first must change nothing.
        for user in sorted(self._of_user if named is None else named):
            if user in self._of_user:
                yield f"user {user}", self._of_user[user]


def _shared(conditions: Iterable[Condition], same: dict[str, Condition]) -> tuple[Condition, ...]:
    """Return these conditions, as the ones that are known already where they say the same in the same words."""
    return tuple(same.setdefault(repr(one), one) for one in conditions)


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


def _known(signals: object) -> bool:
    return isinstance(signals, frozenset) and signals <= _SIGNALS


def _is_time(moment: object) -> bool:
    return moment is None or (isinstance(moment, datetime) and moment.utcoffset() is not None)
