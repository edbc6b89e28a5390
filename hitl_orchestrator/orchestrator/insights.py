"""`hitl.insights`: the finished cases as a frame, their metrics, certificates on their agents, and the report."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.enums import RiskLevel, RiskName
from hitl_orchestrator.domain.input.parsing import member_of
from hitl_orchestrator.insights.metrics import measure
from hitl_orchestrator.insights.metrics.model import Metrics, StakeField
from hitl_orchestrator.insights.report.model import Report
from hitl_orchestrator.learning.certificates import Certificate
from hitl_orchestrator.orchestrator.arguments import checked_arguments
from hitl_orchestrator.orchestrator.gate import Gate
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb, holds
from hitl_orchestrator.services.masking import sees_all

if TYPE_CHECKING:
    import polars as pl

    from hitl_orchestrator.wiring.build import Services

__all__ = ["Insights"]


def _nothing(number: int) -> None:
    """Report no progress."""


def _readable(metrics: Metrics, services: "Services", acting: Acting) -> Metrics:
    """Return the metrics without what a principal may not read of the policy and of people."""
    hidden: dict[str, tuple[object, ...]] = {}
    if not services.authorization.allows(Verb.READ_POLICY, acting):
        hidden |= {"rules": (), "never_fired": ()}
    people, reviewer = services.people, services.people.get(acting.subject.person)
    if not services.authorization.allows(Verb.READ_PEOPLE, acting):
        hidden["reviewers"] = ()
    elif reviewer is not None and not holds(reviewer, people.chain.second, people):
        own = (each for each in metrics.reviewers if people.human(each.reviewer) == reviewer.human)
        hidden["reviewers"] = tuple(own)
    return metrics.model_copy(update=hidden)


@checked_arguments
class Insights:
    """What the finished cases say about agents, reviewers and the policy. A principal gets what it may read.

    They need polars, which comes with the extra `lab`; without it each raises `InvalidInput`.
    """

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._gate = Gate(services, acting)

    def frame(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        stake: StakeField | None = None,
        on_cases: Callable[[int], None] = _nothing,
    ) -> "pl.DataFrame":
        """Return the cases decided from `since` to before `until` as a polars frame, one row per case.

        Its columns are documented in `insights.frame`. `stake` names a field of the tasks' metadata that states an
        amount, for the column `stake`. `on_cases` is called with numbers of cases as they are read. Altered rows whose
        values no version writes are left out, with a warning in the log.
        For a principal that may decide cases, those whose spot check is open look as if they had not been drawn.

        Raises:
            InvalidInput: a time has no zone, or no case states the amount.
            LedgerDamaged: the outcomes cannot be read.
        """
        from hitl_orchestrator.services.insights import frames  # noqa: PLC0415 - polars is an extra

        services, acting = self._gate.to(Verb.READ_INSIGHTS)
        mine = services.authorization.filter_of(Verb.READ_INSIGHTS, acting)
        cases = frames.checked_cases_in(services.ledger, mine=mine, stake=stake, on_cases=on_cases)
        if not sees_all(acting.principal, acting.reviewer):
            cases = frames.checks_hidden(cases)
        return frames.between(cases, since, until)

    def metrics(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        tolerated: float = 0.05,
        sure: float = 0.8,
        stake: StakeField | None = None,
        every: str | None = None,
        on_cases: Callable[[int], None] = _nothing,
    ) -> Metrics:
        """Return the metrics of the cases decided from `since` to before `until`, with what is open now.

        `tolerated` is the share of errors that a case without a person may have, `sure` the confidence from which an
        agent counts as sure, `every` the interval of the trend (`1h`, `1d`, `1w`, `1mo`). Others as for `frame`.

        A principal that may not read the policy gets no rules, and one that may not read the people no reviewers. A
        reviewer below the second role of the chain gets their own quality only.

        Raises:
            InvalidInput: an argument is invalid.
            LedgerDamaged: the outcomes cannot be read.
        """
        from hitl_orchestrator.services.insights import frames  # noqa: PLC0415 - polars is an extra

        services, acting = self._gate.to(Verb.READ_INSIGHTS)
        mine = services.authorization.filter_of(Verb.READ_INSIGHTS, acting)
        ledger, out = services.ledger, list[Any]()
        cases = frames.checked_cases_in(ledger, mine=mine, stake=stake, on_cases=on_cases, on_left_out=out.append)
        if not sees_all(acting.principal, acting.reviewer):
            cases = frames.checks_hidden(cases)
        measured = measure(
            cases,
            frames.looks_in(services.ledger, cases, mine, out),
            since=since,
            until=until,
            active_rules=frames.rules_of(services.registry.active.policy),
            tolerated=tolerated,
            sure=sure,
            stake=stake,
            every=every,
        )
        return _readable(measured, services, acting)

    def certify(
        self,
        *,
        task_type: str | None = None,
        risk_level: RiskLevel | RiskName | None = None,
        domain: str | None = None,
        alpha: float = 0.05,
        delta: float = 0.05,
        since: datetime | None = None,
        until: datetime | None = None,
        on_cases: Callable[[int], None] = _nothing,
    ) -> Certificate:
        """Return the lowest confidence above which the agent of a group of cases is wrong at most as often as promised.

        The promise: a share of at most `alpha` of the cases at or above the bound is wrong. It is false with a
        probability of at most `delta` over the draw of the labels. The labels are the verdicts of people on decided
        cases, and answered spot checks; cases that went ahead with no chance of a check allow no certificate. Without
        a bound, `why_not` of the certificate says what is missing. The method is described in `learning.bounds`.

        Raises:
            InvalidInput: a share is not within 0 and 1, a time has no zone, or numpy, scipy or polars is missing.
            LedgerDamaged: the outcomes cannot be read.
        """
        from hitl_orchestrator.services.insights.certification import certificate_in  # noqa: PLC0415 - needs extras
        from hitl_orchestrator.services.insights.frames import between, checked_cases_in  # noqa: PLC0415

        services, acting = self._gate.to(Verb.READ_INSIGHTS)
        mine = services.authorization.filter_of(Verb.READ_INSIGHTS, acting)
        cases = between(checked_cases_in(services.ledger, mine=mine, on_cases=on_cases), since, until)
        risk = None if risk_level is None else member_of(RiskLevel, risk_level, "risk_level").value
        return certificate_in(cases, (task_type, risk, domain), alpha, delta)

    def report(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        verify: bool = True,
        controls: Sequence[str] = (),
        stake: StakeField | None = None,
        tolerated: float = 0.05,
        sure: float = 0.8,
        on_progress: Callable[[int], None] = _nothing,
    ) -> Report:
        """Return the report on the cases decided from `since` to before `until`, as `hitl report --format json` does.

        It compares the period with the equally long one before it, and without `since` the seven days up to the last
        decision with the seven before them. `verify` verifies the ledger, which takes longest. `controls` adds tables
        of `aisvs`, `eu-ai-act` or `nist-rmf`. `tolerated`, `sure` and `stake` are those of `metrics`.
        `on_progress` is called with numbers of processed entries and cases. What is damaged or missing is in the
        report, and stops nothing else.

        Raises:
            InvalidInput: an argument is invalid.
        """
        from hitl_orchestrator.services.insights.evidence import report_on_store  # noqa: PLC0415 - polars is an extra
        from hitl_orchestrator.services.insights.report import Asked  # noqa: PLC0415
        from hitl_orchestrator.services.insights.words import check_controls, span_between  # noqa: PLC0415

        services, _ = self._gate.to(Verb.EXPORT)
        check_controls(controls)
        asked = Asked(
            span=span_between(since, until),
            verify=verify,
            controls=tuple(dict.fromkeys(controls)),
            stake=stake,
            tolerated=tolerated,
            sure=sure,
        )
        return report_on_store(
            services.store,
            services.signer,
            services.ledger,
            asked,
            services.ledger.now(),
            people=lambda state: services.people,
            on_progress=on_progress,
        ).report
