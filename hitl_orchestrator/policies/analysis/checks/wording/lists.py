"""Findings about the named lists of a policy: lists that no rule reads, and values that a reader takes for one."""

from collections.abc import Iterator

from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.language.lists import Listed, NamedList, alike_in
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.phrases import join_some

_MOST_PAIRS = 5


def list_findings(policy: Policy) -> Iterator[Finding]:
    """Yield the findings about the lists of a layer."""
    used = _used(policy)
    for name, listed in policy.lists.items():
        if name not in used:
            yield _finding(
                name, FindingKind.UNUSED_LIST, "no rule reads this list; remove it, or refer to it by its name"
            )
        double = _doubles(listed)
        if double:
            yield _finding(name, FindingKind.LIST_VALUES, f"{join_some(double, 'and')} are listed more than once")
        alike = [f"{one!r} and {other!r}" for one, other in alike_in(listed.distinct)]
        if alike:
            pairs = "; ".join(alike[:_MOST_PAIRS]) + (" and more" if len(alike) > _MOST_PAIRS else "")
            sentence = f"{pairs}: each pair differs in case, signs or look-alike letters alone, and a case has only one"
            yield _finding(name, FindingKind.LIST_VALUES, sentence)


def _used(policy: Policy) -> set[str]:
    parts = [part for rule in policy.rules for _, part in rule.conditions.walk()]
    words = [words for part in parts for words in (part.domain, part.task_type)]
    compared = [comparison.in_ for part in parts for _, _, comparison in part.comparisons()]
    return {values.name for values in (*words, *compared) if isinstance(values, Listed)}


def _doubles(listed: NamedList) -> list[str]:
    seen, double = set(), {}
    for value in listed.values:
        key = (isinstance(value, bool), value)
        if key in seen:
            double[key] = str(value)
        seen.add(key)
    return list(double.values())


def _finding(name: str, kind: FindingKind, sentence: str) -> Finding:
    return Finding(severity=Severity.WARNING, rule_id=None, kind=kind, sentence=sentence, path=("lists", name))
