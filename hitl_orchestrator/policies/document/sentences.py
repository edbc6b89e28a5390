"""One sentence for each rule of a policy: which cases, who decides, by when."""

import re
from collections.abc import Iterator
from typing import Any

from hitl_orchestrator.domain.enums import Action, Agreement, OnTimeout
from hitl_orchestrator.domain.shown.durations import exact_duration
from hitl_orchestrator.policies.analysis.changes.edits import value_in_words
from hitl_orchestrator.policies.analysis.describe import EVERY_CASE, describe
from hitl_orchestrator.policies.analysis.regions import merged, regions
from hitl_orchestrator.policies.engine.axes.base import Axis
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.language.asking import REMARKS
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.phrases import format_value, join
from hitl_orchestrator.policies.language.rule import Rule

_WORDED = {
    *("rule_id", "priority", "conditions", "action", "assigned_human_role", "respond_within", "on_timeout"),
    *("approvals", "agreement", "distinct_roles", "remind_before", "business_hours", "blind", "spot_check"),
    *("hold", "valid_from", "valid_until", "message", "ask", *REMARKS),
}
"""The fields of a rule for which a sentence has words of its own. Every other field is named with its value."""
_LONGEST = 1e15
"""Longer numbers are unreadable with separators too."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_AFTERWARDS = {
    OnTimeout.ESCALATE: "after that it moves to the next higher role, if there is one",
    OnTimeout.REJECT: "after that it is rejected",
    OnTimeout.WAIT: "after that it keeps waiting",
}


def cases_of(rule: Rule, policy: Policy) -> str:
    """Return the cases that a rule matches by itself, such as `cases of low risk where amount is at most 2,000`."""
    alone = policy.model_copy(update={"rules": (rule,)})
    space = FactSpace([alone])
    found = merged(regions(rule, alone, space))
    if not found:
        return "no case, since its conditions contradict each other"
    return "; or ".join(_as_cases(describe(region, space, _with_separators)) for region in found)


def decision_of(rule: Rule) -> str:
    """Return what a rule does with its cases, in a sentence or several."""
    if rule.action is Action.AUTO_APPROVE:
        sentences = [_ahead(rule)]
    else:
        who = _people(rule)
        sentences = [f"Escalated: {who}." if rule.action is Action.ESCALATE else f"{who[:1].upper()}{who[1:]}."]
        if rule.blind:
            sentences.append("They decide before they see what the agent proposes.")
        if rule.message:
            sentences.append(f"Reviewers read: \u201c{' '.join(rule.message.split())}\u201d")
    return " ".join((*sentences, *_further(rule)))


def role_in_words(role: str | None) -> str:
    """Return a role without underscores."""
    return (role or "").replace("_", " ")


def number_in_words(value: Any) -> str:
    """Return a number with separators of thousands."""
    separable = isinstance(value, int | float) and abs(value) < _LONGEST
    return f"{value:,}".removesuffix(".0") if separable else format_value(value)


def _with_separators(axis: Axis, mask: int) -> str:
    """Describe the steps of an axis, with separators of thousands in its numbers."""
    samples: tuple[Any, ...] = getattr(axis, "samples", ())
    phrase = axis.describe(mask)
    numbers = (value for value in samples if isinstance(value, int | float) and not isinstance(value, bool))
    written = {format_value(number): number_in_words(number) for number in numbers}
    if not written:
        return phrase
    pattern = rf"(?<![\w.,-])({'|'.join(map(re.escape, sorted(written, key=len, reverse=True)))})(?![\w]|[.,]\d)"
    return re.sub(pattern, lambda found: written[found[1]], phrase)


def _as_cases(phrase: str) -> str:
    if phrase == EVERY_CASE:
        return phrase
    if phrase.startswith(f"{EVERY_CASE} "):
        return f"cases {phrase.removeprefix(f'{EVERY_CASE} ')}"
    return f"cases of {phrase}"


def _ahead(rule: Rule) -> str:
    text = "They go ahead without a person"
    if rule.hold:
        text += f", except {value_in_words('hold', rule.hold)} of them, drawn by chance, which a person decides first"
    if rule.spot_check:
        others = "the others" if rule.hold else "them"
        text += f"; a person checks {value_in_words('spot_check', rule.spot_check)} of {others} afterwards"
    return f"{text}."


def _people(rule: Rule) -> str:
    role = f"the role {role_in_words(rule.assigned_human_role)} or a higher one"
    alone = rule.approvals == 1
    text = f"a person with {role}" if alone else f"{_NUMBERS[rule.approvals]} people with {role}"
    asides = [f"of the team {rule.ask.team}"] if rule.ask is not None and rule.ask.team else []
    asides += [f"but not {join(rule.ask.not_, 'or')}"] if rule.ask is not None and rule.ask.not_ else []
    asides += ["each in another role"] if rule.distinct_roles else []
    text += f", {', '.join(asides)}," if asides else ""
    text += f" {'decides' if alone else 'decide'} {_deadline(rule)}"
    if not alone:
        text += "; all of them must agree" if rule.agreement is Agreement.UNANIMITY else "; their majority counts"
    return f"{text}; {_AFTERWARDS[rule.on_timeout]}" if rule.respond_within else text


def _deadline(rule: Rule) -> str:
    if rule.respond_within is None:
        return "without a time limit"
    remind = f", with a reminder {exact_duration(rule.remind_before)} before" if rule.remind_before else ""
    return f"within {exact_duration(rule.respond_within)}{' of working time' if rule.business_hours else ''}{remind}"


def _further(rule: Rule) -> Iterator[str]:
    """Yield a sentence for each field that has no words of its own."""
    for name, value in rule.model_dump(exclude=_WORDED, exclude_defaults=True).items():
        yield f"{name.replace('_', ' ').capitalize()}: {value_in_words(name, value)}."
