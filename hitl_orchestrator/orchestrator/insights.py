"""`hitl.insights`: the finished cases as a frame, and their metrics."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from hitl_orchestrator.insights.metrics import measure
from hitl_orchestrator.insights.metrics.model import Metrics, StakeField
from hitl_orchestrator.orchestrator.arguments import checked_arguments
from hitl_orchestrator.orchestrator.gate import Gate
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb

if TYPE_CHECKING:
    import polars as pl

    from hitl_orchestrator.wiring.build import Services

__all__ = ["Insights"]


def _nothing(number: int) -> None:
    """Report no progress."""


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
        amount, for the column `stake`. `on_cases` is called with numbers of cases as they are read.

        Raises:
            InvalidInput: a time has no zone.
            LedgerDamaged: the outcomes cannot be read.
        """
        from hitl_orchestrator.services.insights.frames import between, cases_in  # noqa: PLC0415 - polars is an extra

        services, acting = self._gate.to(Verb.READ_INSIGHTS)
        mine = services.authorization.filter_of(Verb.READ_INSIGHTS, acting)
        return between(cases_in(services.ledger, mine=mine, stake=stake, on_cases=on_cases), since, until)

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

        Raises:
            InvalidInput: an argument is invalid.
            LedgerDamaged: the outcomes cannot be read.
        """
        from hitl_orchestrator.services.insights.frames import cases_in, looks_in  # noqa: PLC0415 - polars is an extra

        services, acting = self._gate.to(Verb.READ_INSIGHTS)
        mine = services.authorization.filter_of(Verb.READ_INSIGHTS, acting)
        cases = cases_in(services.ledger, mine=mine, stake=stake, on_cases=on_cases)
        return measure(
            cases,
            looks_in(services.ledger, cases, mine),
            since=since,
            until=until,
            active_rules={rule.rule_id: rule.action for rule in services.registry.active.policy.rules},
            tolerated=tolerated,
            sure=sure,
            stake=stake,
            every=every,
        )
