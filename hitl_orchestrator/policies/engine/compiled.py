"""Evaluation of a policy: the first rule whose conditions all hold decides, and a person where none does.

The conditions of a policy cut all possible facts into finitely many cells (see `partition`). Facts in one cell have one
decision, with its reason and its trace, so each cell is evaluated once and its decision is cached.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf, nextafter
from typing import Any

from hitl_orchestrator.domain.counting.counters import Counter
from hitl_orchestrator.domain.counting.field_path import value_at
from hitl_orchestrator.domain.decision import FALLBACK, Facts, LayerAnswer, RoutingDecision, RuleTrial
from hitl_orchestrator.domain.enums import OWN_QUESTIONS, Action, RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import requesters
from hitl_orchestrator.errors import InvalidInput, shortened
from hitl_orchestrator.policies.engine.axes.base import Condition
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.engine.calculated import Calculation
from hitl_orchestrator.policies.engine.partition import Cell, FactSpace
from hitl_orchestrator.policies.engine.predicates import (
    NO_CONDITIONS,
    blocks,
    conditions_of,
    foreign_question,
    guards_of,
)
from hitl_orchestrator.policies.engine.strictness import strictest
from hitl_orchestrator.policies.language.model import NO_RULE, ORGANIZATION, Policy, PolicyStack, policy_hash
from hitl_orchestrator.policies.language.rule import Rule, default_role

_NOUNS = {"domain": "domain", "task_type": "task type"}
_MOST_CELLS = 100_000
_QUESTIONS = frozenset(OWN_QUESTIONS)
_REVIEW_FIELDS = ("respond_within", "on_timeout", "requirements", "message")


class RiskTable:
    """The cached decisions of a policy that reads risk and confidence alone: a row per risk, an entry per interval.

    The last entry of a row is for a missing confidence. The first and the one before the last stay empty: confidences
    below 0, above 1 and NaN end up there.
    """

    def __init__(self, bounds: Iterable[float]) -> None:
        self._bounds = [*bounds, nextafter(1.0, inf)]
        self._rows: dict[RiskLevel, list[RoutingDecision | None]] = {
            level: [None] * (len(self._bounds) + 2) for level in RiskLevel
        }

    def get(self, facts: Facts) -> RoutingDecision | None:
        """Return the cached decision; None where there is none yet, or where the facts are not of the plain types."""
        risk, confidence = facts.risk_level, facts.confidence
        if type(risk) is RiskLevel and facts.has_proposal is True:
            if type(confidence) is float:
                return self._rows[risk][bisect_right(self._bounds, confidence)]
            if confidence is None:
                return self._rows[risk][-1]
        return None

    def put(self, facts: Facts, decision: RoutingDecision) -> None:
        """Cache the decision of normalized facts, unless they have no proposal."""
        if facts.has_proposal:
            entry = -1 if facts.confidence is None else bisect_right(self._bounds, facts.confidence)
            self._rows[facts.risk_level][entry] = decision


class CompiledPolicy:
    """A policy prepared for repeated evaluation: rules sorted, hash computed, decisions cached by cell.

    Threads may share it: two that evaluate a new cell at once compute equal decisions, and either may be cached.
    """

    def __init__(self, policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> None:
        self.policy, self.roles, self.hash = policy, roles, policy_hash(policy)
        shared: dict[str, Condition] = {}
        self._rules = tuple(
            (rule, _shared(conditions_of(rule, policy), shared), _shared(guards_of(rule, policy), shared))
            for rule in policy.by_priority
        )
        self._space = FactSpace([policy])
        self._reads = frozenset(axis.source for axis in self._space.axes)
        self._sources = tuple(source for name, source in SOURCES.items() if name in self._reads)
        self._cells: dict[tuple[Cell, str | None], RoutingDecision] = {}
        self._is_closed = policy.vocabulary is not None
        self._calculation = Calculation(policy)
        self.counters = counters_of(policy)
        """What the policy counts, in all of its layers, in the order of the keys."""
        self._table = RiskTable(self._space.bounds) if len(self._space.axes) == 2 else None  # noqa: PLR2004

    def unfit_counters(self, metadata: Mapping[str, Any]) -> frozenset[str]:
        """Return the keys of counters whose field `same` is not as the policy declares it, and which are unknown."""
        return frozenset(
            each.counter.key
            for _, layer in self.policy.parts
            for each in layer.history.values()
            if each.same is not None and not layer.metadata[each.same].fits(value_at(metadata, each.same))
        )

    def decide(self, facts: Facts) -> RoutingDecision:
        """Return the decision for these facts: the action, the rule that matched, and every rule that was tried.

        Raises:
            InvalidInput: a fact that the policy reads is invalid (an unknown risk, NaN).
        """
        if facts.task_type in _QUESTIONS:
            return self._by_cell(facts, facts.task_type)
        decision = None if self._table is None else self._table.get(facts)
        decision = self._by_cell(facts) if decision is None else decision
        return self._with_unknown_words(decision, facts) if self._is_closed else decision

    def _with_unknown_words(self, decision: RoutingDecision, facts: Facts) -> RoutingDecision:
        """Name the words that do not exist in the reason: the decision of their cell cannot."""
        unknown = (
            [] if self.policy.vocabulary is None else self.policy.vocabulary.unknown(facts.domain, facts.task_type)
        )
        named = [
            f"the {_NOUNS[field]} {shortened(repr(word))} is not in the vocabulary{meant}"
            for field, word, meant in unknown
        ]
        return decision.model_copy(update={"reason": "; ".join((decision.reason, *named))}) if named else decision

    def _by_cell(self, facts: Facts, question: str | None = None) -> RoutingDecision:
        """Return the decision of a cell. A question of the system has its own, since most rules are not for it."""
        facts = self.normalized(facts)
        cell = self._space.locate(facts), question
        decision = self._cells.get(cell)
        if decision is None:
            decision = self._evaluate(facts)
            if len(self._cells) < _MOST_CELLS:
                self._cells[cell] = decision
        if self._table is not None and question is None:
            self._table.put(facts, decision)
        return decision

    def normalized(self, facts: Facts) -> Facts:
        """Return the facts that the policy reads, in plain types. Facts that it does not read are left out.

        Raises:
            InvalidInput: with every invalid fact.
        """
        facts = self._calculation.of(facts)
        problems = [problem for axis in self._space.axes if (problem := axis.problem(facts)) is not None]
        fields = {source.name: source.values(facts) for source in self._sources}
        problems += [
            f"facts: {name}: {values!r} is not an object"
            for name, values in fields.items()
            if not isinstance(values, Mapping)
        ]
        if problems:
            raise InvalidInput(problems)
        proposed, confidence = facts.has_proposal is True, facts.confidence
        return Facts(
            risk_level=facts.risk_level,
            domain=str(facts.domain),
            task_type=str(facts.task_type),
            # Without a proposal there is no confidence.
            confidence=float(confidence) if proposed and confidence is not None else None,
            signals=facts.signals if "signals" in self._reads else frozenset(),
            has_proposal=proposed,
            moment=facts.moment if "moment" in self._reads else None,
            received=facts.received if "received" in self._reads else None,
            **{name: dict(values) for name, values in fields.items()},
        )

    def _evaluate(self, facts: Facts) -> RoutingDecision:
        trace: list[RuleTrial] = []
        for rule, trial in self._trials(facts):
            trace.append(trial)
            if trial.held:
                decision = self._decision(rule.action, rule.rule_id, rule.assigned_human_role, trial.why, trace)
                return decision.model_copy(update=decision_fields(rule))
        role = default_role(Action.HUMAN_REVIEW, self.roles)
        return self._decision(Action.HUMAN_REVIEW, FALLBACK, role, NO_RULE, trace)

    def _trials(self, facts: Facts) -> Iterator[tuple[Rule, RuleTrial]]:
        """Try rule after rule. A condition that several rules share is evaluated and described once."""
        verdicts: dict[int, bool | None] = {}
        descriptions: dict[int, str] = {}
        for rule, conditions, guards in self._rules:
            foreign = foreign_question(rule, facts.task_type)
            if foreign is not None:
                yield rule, RuleTrial(rule.rule_id, False, foreign)
                continue
            for condition in (*conditions, *guards):
                key = id(condition)
                if key not in verdicts:
                    verdicts[key] = condition.holds(facts)
                if blocks(rule, verdicts[key]):
                    if key not in descriptions:
                        descriptions[key] = condition.describe(facts)
                    yield rule, RuleTrial(rule.rule_id, False, descriptions[key])
                    break
            else:
                why = " and ".join(condition.describe(facts) for condition in conditions) or NO_CONDITIONS
                yield rule, RuleTrial(rule.rule_id, True, why)

    def _decision(
        self, action: Action, rule_id: str, role: str | None, why: str, trace: list[RuleTrial]
    ) -> RoutingDecision:
        # The policy was validated when it was loaded; validating the trace takes longer than building it.
        return RoutingDecision.model_construct(
            action=action,
            rule_id=rule_id,
            assigned_human_role=role,
            reason=why if rule_id == FALLBACK else f"{rule_id} matches: {why}",
            policy_id=self.policy.policy_id,
            policy_hash=self.hash,
            trace=tuple(trace),
        )


class CompiledStack(CompiledPolicy):
    """A policy in layers, prepared for evaluation: each layer answers separately, and the strictest wins."""

    def __init__(self, policy: PolicyStack, roles: RoleChain = DEFAULT_CHAIN) -> None:
        super().__init__(policy, roles)
        self._domain_layers = {name: CompiledPolicy(layer, roles) for name, layer in policy.domains.items()}
        self._user_layers = {name: CompiledPolicy(layer, roles) for name, layer in policy.users.items()}

    def decide(self, facts: Facts) -> RoutingDecision:
        """Return the strictest answer of all layers, and the answer of each layer.

        Raises:
            InvalidInput: as each layer does.
        """
        decision = super().decide(facts)
        answers = [LayerAnswer(layer=ORGANIZATION, rule_id=decision.rule_id, action=decision.action)]
        for name, layer in self.layers_for(facts):
            answer = layer.decide(facts)
            if answer.rule_id == FALLBACK:
                answers.append(LayerAnswer(layer=name, rule_id=None, action=None))
                continue
            answers.append(LayerAnswer(layer=name, rule_id=answer.rule_id, action=answer.action))
            changes = {
                "policy_id": self.policy.policy_id,
                "policy_hash": self.hash,
                "reason": f"{name}: {answer.reason}",
            }
            decision = strictest(decision, answer.model_copy(update=changes), self.roles)
        return decision.model_copy(update={"layers": tuple(answers)})

    def normalized(self, facts: Facts) -> Facts:
        """Return the facts that the organization reads, and the metadata, which name the users whose layers apply."""
        return replace(super().normalized(facts), metadata=facts.metadata)

    def layers_for(self, facts: Facts) -> Iterator[tuple[str, CompiledPolicy]]:
        """Yield the layers that apply to these facts besides that of the organization, each with its name."""
        if facts.domain in self._domain_layers:
            yield f"domain {facts.domain}", self._domain_layers[facts.domain]
        named = requesters(facts.metadata)
        # Sorted, so that the order in which users are named changes nothing.
        for user in sorted(self._user_layers if named is None else named):
            if user in self._user_layers:
                yield f"user {user}", self._user_layers[user]


def counters_of(policy: Policy) -> tuple[Counter, ...]:
    """Return what a policy counts in all of its layers, each counter once, in the order of their keys."""
    declared = (each.counter for _, layer in policy.parts for each in layer.history.values())
    found = {counter.key: counter for counter in declared}
    return tuple(found[key] for key in sorted(found))


def _shared(conditions: Iterable[Condition], shared: dict[str, Condition]) -> tuple[Condition, ...]:
    """Return the conditions, each as the equal one that is already shared, if there is one."""
    return tuple(shared.setdefault(repr(condition), condition) for condition in conditions)


def decision_fields(rule: Rule) -> dict[str, Any]:
    """Return the requirements that a rule sets, without action and role, as fields of a decision."""
    names = ("spot_check", "hold") if rule.action is Action.AUTO_APPROVE else _REVIEW_FIELDS
    return {name: getattr(rule, name) for name in names}


def compile_policy(policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> CompiledPolicy:
    """Compile a policy for repeated evaluation. `roles` supplies the fallback reviewer role."""
    return CompiledStack(policy, roles) if isinstance(policy, PolicyStack) else CompiledPolicy(policy, roles)


def decide(policy: Policy, facts: Facts, roles: RoleChain = DEFAULT_CHAIN) -> RoutingDecision:
    """Decide one case. To decide many cases, compile the policy first."""
    return compile_policy(policy, roles).decide(facts)
