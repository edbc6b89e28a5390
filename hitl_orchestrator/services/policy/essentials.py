"""What the person who decides a proposed policy should know of it, as of the moment when it was proposed."""

from collections import Counter
from collections.abc import Iterator, Sequence

from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.analysis.findings import Finding, Severity
from hitl_orchestrator.policies.language.model import Policy, policy_hash
from hitl_orchestrator.policies.lifecycle.history import SHORT

__all__ = ["essentials"]

_MOST_CASES, _MOST_WARNINGS = 200_000, 5


def essentials(policy: Policy, findings: Sequence[Finding], ledger: Ledger, roles: RoleChain) -> tuple[str, ...]:
    """Return sentences about the check of a policy and about the past cases of the store.

    The entry of the proposal keeps them: its case shows the same whenever it is opened.
    """
    name = policy_hash(policy)[:SHORT]
    whole = f"'hitl policy review {name}' shows all of it as one document."
    return (*_check(findings), _past(policy, ledger, roles), whole)


def _check(findings: Sequence[Finding]) -> Iterator[str]:
    numbers = Counter(finding.severity for finding in findings)
    found = [f"{numbers[each]} {each}{'s' * (numbers[each] != 1)}" for each in Severity if numbers[each]]
    yield f"Its check reports {' and '.join(found) or 'no problems'}."
    warnings = [finding for finding in findings if finding.severity is Severity.WARNING]
    for finding in warnings[:_MOST_WARNINGS]:
        yield f"- {f'{finding.about}: ' if finding.about else ''}{finding.sentence}"
    if len(warnings) > _MOST_WARNINGS:
        yield f"- and {len(warnings) - _MOST_WARNINGS} more warnings"


def _past(policy: Policy, ledger: Ledger, roles: RoleChain) -> str:
    """Return what the policy would have decided on the past cases, or why that was not tried."""
    from hitl_orchestrator.backtest import run_store_backtest  # noqa: PLC0415 - an extra, and slow to import

    rows = ledger.outcome_span().rows
    if rows > _MOST_CASES:
        return f"It was not tried on the {rows:,} past cases; 'hitl policy backtest' does that."
    try:
        past = run_store_backtest(policy, ledger, capacity=None, roles=roles)
    except HitlError as exc:
        return f"It was not tried on past cases: {exc}."
    return (
        f"Of {past.cases:,} past cases {past.flipped:,} would be routed differently, {past.looser:,} of them looser: "
        f"{percent(past.automated_before, 1)} went ahead without a person, {percent(past.automated_after, 1)} would."
    )
