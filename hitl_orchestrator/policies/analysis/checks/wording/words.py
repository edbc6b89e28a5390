"""Words and windows that are probably slips: a word spelled almost like another, a night that is a day."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from hitl_orchestrator.domain.shown.letters import spelling
from hitl_orchestrator.policies.analysis.checks.layer_analysis import finding_about
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.language.conditions import Window
from hitl_orchestrator.policies.language.lists import Listed
from hitl_orchestrator.policies.language.model import Policy, PolicyStack
from hitl_orchestrator.policies.language.rule import Rule

_MOST_WORDS = 500
"""Every word is compared with every other one; among more words, many are spelled alike on purpose."""

_SHORTEST = 4
"""Shorter words, such as codes of countries, differ in one letter on purpose."""

_NIGHT = re.compile(r"(^|_|\b)(night|nights|overnight|nightly)(_|\b|$)")
_WEEKEND = re.compile(r"(^|_|\b)weekends?(_|\b|$)")
_NOON, _MIDNIGHT, _DAY = 12 * 60, 0, 24 * 60
_SATURDAY, _SUNDAY = 5, 6
_Use = tuple[str | None, str, str | None]
"""The layer, the word, and the rule that names it."""


def look_alikes(policy: Policy) -> Iterator[Finding]:
    """Yield words of domains, task types and text fields that differ from one named more often in a slip of the pen.

    Words that differ in digits are distinct on purpose, and so are the declared values of a field.
    """
    for what, uses in _uses(policy).items():
        counts = Counter(word for _, word, _ in uses)
        if len(counts) > _MOST_WORDS:
            continue
        for rare, layer, rule_id in _first_uses(uses):
            near = [word for word in counts if word != rare and counts[word] >= counts[rare] and _is_slip(rare, word)]
            if not near or (counts[near[0]] == counts[rare] and _order(uses, near[0]) > _order(uses, rare)):
                continue
            sentence = f"{what} {rare!r} is spelled almost like {near[0]!r}, which is named elsewhere"
            path = () if rule_id is not None else ("rules",)
            yield Finding(
                severity=Severity.WARNING,
                rule_id=rule_id,
                kind=FindingKind.LOOK_ALIKE,
                sentence=sentence,
                layer=layer,
                path=path,
            )


def _order(uses: list[_Use], word: str) -> int:
    return next(place for place, (_, used, _) in enumerate(uses) if used == word)


def _first_uses(uses: list[_Use]) -> Iterator[tuple[str, str | None, str | None]]:
    seen: set[str] = set()
    for layer, word, rule_id in uses:
        if word not in seen:
            seen.add(word)
            yield word, layer, rule_id


def _uses(policy: Policy) -> dict[str, list[_Use]]:
    uses: dict[str, list[_Use]] = defaultdict(list)
    several = len(policy.parts) > 1
    if isinstance(policy, PolicyStack):
        # The names of layers come first: of two words that are named once, the later one is the slip.
        uses["the domain"] += [(f"domain {name}", name, None) for name in policy.domains]
    for name, part in policy.parts:
        layer = name if several else None
        for rule in part.rules:
            for _, conditions in rule.conditions.walk():
                for what, words in (("the domain", conditions.domain), ("the task type", conditions.task_type)):
                    uses[what] += [(layer, word, rule.rule_id) for word in words if not isinstance(words, Listed)]
                for source, field, comparison in conditions.comparisons():
                    if isinstance(comparison.in_, Listed) or part.declared(source)[field].values:
                        continue
                    texts = [value for _, value in comparison.operands if isinstance(value, str)]
                    uses[f"the value of {field}"] += [(layer, text, rule.rule_id) for text in texts]
    return uses


def _is_slip(word: str, other: str) -> bool:
    """Return whether one letter is missing, added, changed or swapped, or only case, blanks and signs differ."""
    if spelling(word) == spelling(other):
        return True
    if min(len(word), len(other)) < _SHORTEST or re.sub(r"\d", "", word) == re.sub(r"\d", "", other):
        return False
    return word[:1] == other[:1] and _one_edit(word, other)


def _one_edit(word: str, other: str) -> bool:
    if abs(len(word) - len(other)) > 1:
        return False
    same = next((place for place, pair in enumerate(zip(word, other, strict=False)) if pair[0] != pair[1]), None)
    if same is None:
        return True
    left, right = word[same:], other[same:]
    swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]


def misnamed_windows(rule: Rule) -> Iterator[Finding]:
    """Yield a time window that contradicts the name of its rule: a night that contains noon, a weekend on weekdays."""
    words = f"{rule.rule_id} {rule.message or ''}".lower()
    for _, conditions in rule.conditions.walk():
        if conditions.time is None:
            continue
        window = conditions.time
        if _NIGHT.search(words) and _contains(window, _NOON):
            sentence = (
                f"its name states a night, and its window, {window.begins} to {window.ends}, contains noon; "
                "swap begins and ends"
            )
            yield finding_about(Severity.WARNING, FindingKind.MISNAMED, sentence, rule)
        elif _WEEKEND.search(words) and window.days and not _is_weekend(window):
            sentence = "its name states a weekend, and its window has no day of it"
            yield finding_about(Severity.WARNING, FindingKind.MISNAMED, sentence, rule)


def _contains(window: Window, minute: int) -> bool:
    return any(begins <= day * _DAY + minute < ends for begins, ends in window.minutes for day in range(7))


def _is_weekend(window: Window) -> bool:
    first = _SATURDAY * _DAY
    return any(begins < (_SUNDAY + 1) * _DAY and ends > first for begins, ends in window.minutes)
