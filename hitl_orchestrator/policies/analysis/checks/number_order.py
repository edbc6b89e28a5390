"""Numbers along which a policy is strict in the middle and more lenient on both sides, and bounds never reached."""

from collections.abc import Iterator

from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis, finding_about
from hitl_orchestrator.policies.analysis.checks.profiles import Profile
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.analysis.monotonicity import Demand
from hitl_orchestrator.policies.analysis.regions import restrict
from hitl_orchestrator.policies.engine.partition import Region
from hitl_orchestrator.policies.language.phrases import join


def peaks(
    axis: int, listed: dict[Profile, Region], layer: LayerAnalysis, demands: dict[int, Demand]
) -> Iterator[Finding]:
    """Yield rules that read a number and ask for more at some value than the policy does below and above it.

    A policy may ask for more at both ends of a scale, so only a stricter middle is a mistake. It shows the intent
    itself: from below it becomes stricter as the number grows.
    """
    numbers = ordered_steps(axis, layer)
    reading = {index for index in range(len(layer.rules)) if _reads(index, axis, layer)}
    if layer.silent:
        demands = {index: demand for index, demand in demands.items() if index != FALLBACK_INDEX}
    found: dict[tuple[int, int], tuple[int, int, int, Region]] = {}
    for profile, region in listed.items():
        along = [(step, demands.get(profile[step])) for step in numbers]
        for place, (middle, asked) in enumerate(along):
            if asked is None or profile[middle] not in reading:
                continue
            low = next((step for step, other in reversed(along[:place]) if other is not None and other < asked), None)
            high = next((step for step, other in along[place + 1 :] if other is not None and other < asked), None)
            if low is not None and high is not None:
                found.setdefault((profile[middle], profile[high]), (low, middle, high, region))
    for (strict, lenient), (low, middle, high, region) in found.items():
        yield _peak(axis, (strict, lenient), (low, middle, high), region, layer)


def _peak(
    axis: int, pair: tuple[int, int], steps: tuple[int, int, int], region: Region, layer: LayerAnalysis
) -> Finding:
    fact, (strict, lenient), (low, middle, high) = layer.space.axes[axis], pair, steps
    rule = layer.rules[strict]
    other = "the fallback" if lenient == FALLBACK_INDEX else layer.rules[lenient].rule_id
    sentence = (
        f"it asks for more where {fact.describe(1 << middle)} than {other} where {fact.describe(1 << high)}, "
        f"and than the policy where {fact.describe(1 << low)}"
    )
    examples = [layer.sample(restrict(region, axis, 1 << step)) for step in (high, middle)]
    others = () if lenient == FALLBACK_INDEX else (other,)
    return finding_about(Severity.WARNING, FindingKind.NUMBER_ORDER, sentence, rule, *examples, rules=others)


def ordered_steps(axis: int, layer: LayerAnalysis) -> list[int]:
    """Return the steps of a field that are numbers, from low to high."""
    fact = layer.space.axes[axis]
    last = fact.ordered(fact.size - 1)
    return list(last) if len(last) > 1 and last.start != fact.other else []


def _reads(rule: int, axis: int, layer: LayerAnalysis) -> bool:
    fact = layer.space.axes[axis]
    return any(fact.reads(part) for _, part in layer.rules[rule].when.walk())


def unreached(axis: int, listed: dict[Profile, Region], layer: LayerAnalysis) -> Iterator[Finding]:
    """Yield rules whose bound of a number, or of the confidence, is never reached, since another rule decides there.

    A bound at which the other rule takes over is no mistake, but states where the rule ends.
    """
    fact, numbers = layer.space.axes[axis], ordered_steps(axis, layer)
    for index, rule in enumerate(layer.rules):
        deciding = {step for profile in listed for step in numbers if profile[step] == index}
        holds = _bounded(index, axis, layer)
        if not deciding or not holds:
            continue
        edges = [(max(holds), max(deciding), numbers[-1], 1), (min(holds), min(deciding), numbers[0], -1)]
        for bound, last, open_end, sign in edges:
            if bound != open_end and abs(bound - last) > 1:
                taking = _taking(index, last, bound, listed, sign)
                others = [layer.rules[other].rule_id for other in taking if other != FALLBACK_INDEX]
                where = fact.describe(1 << bound)
                sentence = f"it never decides {_case_where(where)}, although its conditions hold there"
                sentence += f": {join(others, 'and')} decide{'s' * (len(others) == 1)} first" if others else ""
                yield finding_about(Severity.WARNING, FindingKind.UNREACHED_BOUND, sentence, rule, rules=others)


def _case_where(phrase: str) -> str:
    return f"a case {phrase if phrase.startswith('with') else f'where {phrase}'}"


def _bounded(index: int, axis: int, layer: LayerAnalysis) -> set[int]:
    """Return the ordered steps on which the comparisons of a rule hold that are not nested; empty without any."""
    rule, fact = layer.rules[index], layer.space.axes[axis]
    if not fact.reads(rule.conditions):
        return set()
    holds = fact.steps((rule.conditions, layer.policy)).holds
    return {step for step in ordered_steps(axis, layer) if holds >> step & 1}


def _taking(index: int, last: int, bound: int, listed: dict[Profile, Region], sign: int) -> list[int]:
    """Return the rules that decide from a bound to the last step on which the rule itself decides."""
    here = [profile for profile in listed if profile[last] == index]
    return sorted({profile[step] for profile in here for step in range(bound, last, -sign)})
