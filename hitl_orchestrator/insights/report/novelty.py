"""What is new: labels, task types, domains and versions that no earlier case had, and domains without staff."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from hitl_orchestrator.insights.metrics.model import Mark
from hitl_orchestrator.insights.report.model import Novelty
from hitl_orchestrator.insights.report.periods import WEEK
from hitl_orchestrator.insights.report.rows import CASE, NEW_KINDS, ends_of, first_seen

if TYPE_CHECKING:
    import polars as pl

POLICY = "policy"
_MOST = 50


def novelty_in(
    frame: "pl.DataFrame",
    since: datetime | None,
    until: datetime | None,
    *,
    marks: tuple[Mark, ...] = (),
    is_staffed: Callable[[str], bool] | None = None,
    forecasts: tuple[str, ...] = (),
) -> Novelty:
    """Return what first appears since a time, by default since a week before the last decision.

    Nothing is called new where no case is older. `is_staffed` tells whether a person may decide in a domain; None:
    unknown. `frame` holds the cases of all times.
    """
    cases = frame.filter(frame["kind"] == CASE)
    if until is not None:
        cases = cases.filter(cases["timestamp"] < until)
    ends = ends_of(cases)
    if ends is None:
        return Novelty(since=since, new={}, unstaffed_domains=(), forecasts=forecasts)
    first, last = ends
    begin = last - WEEK if since is None else since
    new: dict[str, tuple[str, ...]] = {}
    if first < begin:
        for kind, column in NEW_KINDS.items():
            found = tuple(value for value, at in first_seen(cases, column).items() if at >= begin)
            new |= {kind: found[:_MOST]} if found else {}
        policies = tuple(mark.label for mark in marks if mark.kind == POLICY and mark.at >= begin)
        new |= {"policies in force": policies} if policies else {}
    recent = cases.filter(cases["timestamp"] >= begin)
    domains = sorted(recent["domain"].drop_nulls().unique())
    unstaffed = tuple(domain for domain in domains if is_staffed is not None and not is_staffed(domain))
    return Novelty(since=begin, new=new, unstaffed_domains=unstaffed[:_MOST], forecasts=forecasts)
