"""What would have let a case go through: the smallest single changes of its facts, each verified by asking. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.words import RiskLevel
from hitl_orchestrator.policies.schema import Policy

Decide = Callable[[Facts], RoutingDecision]


def would_go_through(decide: Decide, policy: Policy, facts: Facts) -> tuple[str, ...]:
    """Return each single fact that would have to be otherwise, and how, for the case to go ahead by itself.

    `decide` is asked for every change. Where no single change suffices, lower risk and higher confidence are tried
    together; an empty tuple says that no such change lets it through.
    """
    if not decide(facts).needs_human:
        return ()
    single = [*_confidence(decide, policy, facts), *_risk(decide, facts), *_signals(decide, facts)]
    return tuple(single) or tuple(_risk_and_confidence(decide, policy, facts))[:1]


def _confidence(decide: Decide, policy: Policy, facts: Facts) -> Iterator[str]:
    for bound in _bounds(policy, facts):
        if not decide(replace(facts, confidence=bound)).needs_human:
            yield f"at confidence {bound:.2f}"
            return


def _risk(decide: Decide, facts: Facts) -> Iterator[str]:
    for risk in _lower(facts):
        if not decide(replace(facts, risk_level=risk)).needs_human:
            yield f"if the risk were {risk}"
            return


def _signals(decide: Decide, facts: Facts) -> Iterator[str]:
    if facts.signals and not decide(replace(facts, signals=frozenset())).needs_human:
        yield f"without the signals {', '.join(sorted(facts.signals))}"


def _risk_and_confidence(decide: Decide, policy: Policy, facts: Facts) -> Iterator[str]:
    for risk in _lower(facts):
        for told in _confidence(decide, policy, replace(facts, risk_level=risk)):
            yield f"if the risk were {risk}, {told}"


def _lower(facts: Facts) -> list[RiskLevel]:
    """Return the lower risks, the nearest first."""
    levels = list(RiskLevel)
    return levels[: levels.index(facts.risk_level)][::-1]


def _bounds(policy: Policy, facts: Facts) -> list[float]:
    """Return the confidences from which on some rule may say otherwise, above the one there is, the nearest first."""
    asked = [said for rule in policy.rules for _, said in rule.conditions.walk()]
    said = {bound for one in asked for bound in (one.min_confidence, one.max_confidence)}
    have = -1.0 if facts.confidence is None else facts.confidence
    return sorted(bound for bound in said if bound is not None and bound > have)
