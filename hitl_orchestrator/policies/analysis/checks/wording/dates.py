"""Findings about the dates of a policy: rules that are no longer valid, and holidays that have run out."""

from collections.abc import Iterator
from datetime import UTC, datetime

from hitl_orchestrator.domain.working_hours import zone_of
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.validity import last_holiday, no_longer_valid


def date_findings(policy: Policy, now: datetime | None = None) -> Iterator[Finding]:
    """Yield the findings about the dates of a layer as of a time, by default now."""
    today = (now or datetime.now(UTC)).astimezone(zone_of(policy.timezone)).date()
    for rule in no_longer_valid(policy.rules, today):
        sentence = f"its last day was {rule.valid_until}, and it matches no case any more; remove it, or extend it"
        yield Finding(severity=Severity.WARNING, kind=FindingKind.OUT_OF_DATE, rule_id=rule.rule_id, sentence=sentence)
    for rule in policy.rules:
        ended = [
            part.date.last
            for part in (rule.conditions, *rule.conditions.all)
            if part.date is not None and part.date.last is not None and part.date.last < today
        ]
        if ended:
            sentence = (
                f"the dates that it names ended on {min(ended)}, and it matches no later case; remove or extend it"
            )
            yield Finding(
                severity=Severity.WARNING, kind=FindingKind.OUT_OF_DATE, rule_id=rule.rule_id, sentence=sentence
            )
    last = last_holiday(policy.rules, policy.holidays)
    if last is not None and last.year < today.year:
        sentence = f"holidays: the last one is {last}; since that year no date is known to be a holiday or none"
        yield Finding(severity=Severity.WARNING, kind=FindingKind.OUT_OF_DATE, rule_id=None, sentence=sentence)
