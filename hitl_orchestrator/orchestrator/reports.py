"""Reports on a store, on an exported file, and on a store that is too damaged to be opened."""

from collections.abc import Callable, Sequence
from typing import Any

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import HitlError, InvalidInput
from hitl_orchestrator.insights.metrics.model import StakeField
from hitl_orchestrator.insights.report.periods import span_of
from hitl_orchestrator.ledger.database.address import shown
from hitl_orchestrator.services.insights.documents import rendered
from hitl_orchestrator.services.insights.evidence import evidence_in_file, no_evidence
from hitl_orchestrator.services.insights.report import Asked, FullReport, full_report
from hitl_orchestrator.settings import DEFAULT_STORE
from hitl_orchestrator.wiring.clocks import current_time

__all__ = ["FRAMEWORKS", "FullReport", "asked_for", "rendered", "report_on_damaged", "report_on_file"]

FRAMEWORKS = ("aisvs", "eu-ai-act", "nist-rmf")
"""The frameworks of which a report may show the controls."""


def asked_for(
    store: str | None = None,
    *,
    since: str | None = None,
    until: str | None = None,
    verify: bool = True,
    controls: Sequence[str] = (),
    stake: str | None = None,
) -> Asked:
    """Return what the words ask for: times as `moment_of` reads them, and an amount as `FIELD` or `FIELD:UNIT`.

    Raises:
        InvalidInput: a word cannot be read, or names no framework.
    """
    problems = [
        f"--controls: {name!r} is not one of {', '.join(FRAMEWORKS)}{did_you_mean(name, FRAMEWORKS)}"
        for name in controls
        if name not in FRAMEWORKS
    ]
    if problems:
        raise InvalidInput(problems)
    named = store is not None and store != DEFAULT_STORE
    return Asked(
        span=span_of(since, until, current_time()),
        verify=verify,
        controls=tuple(dict.fromkeys(controls)),
        stake=None if stake is None else _stake(stake),
        store_option=("--store", shown(store)) if named and store is not None else (),
    )


def report_on_file(path: str, **words: Any) -> FullReport:
    """Return the report on a file of exported records. `words` are those of `asked_for`. Raises `InvalidInput`."""
    return full_report(evidence_in_file(path, current_time()), asked_for(**words))


def report_on_damaged(store: str, problem: HitlError, **words: Any) -> FullReport:
    """Return the report on a store that cannot be opened, for it was altered or is damaged: it says so."""
    evidence = no_evidence(shown(store), current_time(), " ".join(str(problem).split()))
    return full_report(evidence, asked_for(store, **words))


def _stake(text: str) -> StakeField:
    field, _, unit = text.partition(":")
    if not field.strip():
        raise InvalidInput([f"--stake {text!r}: name a field of the tasks' metadata, such as amount or amount:EUR"])
    return StakeField(field=field.strip(), unit=unit.strip() or None)


OnProgress = Callable[[int], None]
