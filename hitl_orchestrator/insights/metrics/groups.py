"""Rates of automation, review and escalation, and the verdicts of people: of all cases, and by group."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice, starmap
from typing import Any, NamedTuple

import polars as pl

from hitl_orchestrator.insights.escaped_errors import EscapedErrors, escaped_errors
from hitl_orchestrator.insights.frame import BANDS
from hitl_orchestrator.insights.metrics.cells import SUMS, VERDICT_SUMS, summed
from hitl_orchestrator.insights.metrics.model import DIMENSIONS, Group, HeatCell, Verdicts
from hitl_orchestrator.insights.metrics.population import DIGITS, STAKE, relied_on
from hitl_orchestrator.insights.shares import Share, share_among
from hitl_orchestrator.insights.strata import Stratum, merge

NO_SIGNAL = "none"

MOST_GROUPS = 200
"""The number of groups of a dimension that are measured, the largest ones."""


class Tally(NamedTuple):
    """The sums over the cases of a group, and the strata of its automatic cases."""

    sums: Counter[str]
    strata: list[Stratum]

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the sums of the cases of one stratum."""
        self.sums.update({name: row[name] for name in SUMS})
        if row["automatic"]:
            counts = (row[name] for name in ("automatic", "due", "looks", "wrong"))
            self.strata.append(Stratum(row["stratum"], *counts))

    @property
    def errors(self) -> EscapedErrors:
        """The errors of the automatic cases."""
        return escaped_errors(self.strata, of="automatic cases")

    @property
    def verdicts(self) -> Verdicts:
        """The decisions of people, and endings without one."""
        return Verdicts(**{name: self.sums[name] for name in VERDICT_SUMS})

    @property
    def overturn(self) -> Share:
        """The share of overturned cases among those that a person decided."""
        verdicts = self.verdicts
        return relied_on(share_among(verdicts.people - verdicts.approve, verdicts.people))

    @property
    def automation(self) -> Share:
        """The share of automatic cases."""
        return share_among(self.sums["automatic"], self.sums["cases"])

    def rates(self) -> dict[str, Any]:
        """Return the fields that all cases and a group have. Automation, review and escalation add up to all cases."""
        cases, automatic, escalated = (self.sums[name] for name in SUMS[:3])
        return {
            "automation": self.automation,
            "review": share_among(cases - automatic - escalated, cases),
            "escalation": share_among(escalated, cases),
            "verdicts": self.verdicts,
            "overturn": self.overturn,
        }


def tallies(cells: pl.DataFrame, *keys: str) -> dict[tuple[Any, ...], Tally]:
    """Return the tally of each group of cases, the largest first."""
    groups: dict[tuple[Any, ...], Tally] = {}
    for row in summed(cells, *keys, "stratum").iter_rows(named=True):
        groups.setdefault(tuple(row[key] for key in keys), Tally(Counter(), [])).add(row)
    return dict(sorted(groups.items(), key=lambda item: -item[1].sums["cases"]))


def all_cases(cells: pl.DataFrame) -> Tally:
    """Return the tally of all cases."""
    return tallies(cells).get((), Tally(Counter(), []))


def by_dimension(cells: pl.DataFrame, dimensions: Iterable[str] = DIMENSIONS) -> dict[str, dict[str | None, Tally]]:
    """Return the tallies of each dimension: the confidence bands in order, the others by their number of cases."""
    return {name: _of_dimension(cells, name) for name in dimensions}


def groups(by: Mapping[str, Mapping[str | None, Tally]]) -> dict[str, tuple[Group, ...]]:
    """Return the largest groups of each dimension."""
    return {name: tuple(starmap(_group, islice(tallied.items(), MOST_GROUPS))) for name, tallied in by.items()}


def left_out(by: Mapping[str, Mapping[str | None, Tally]]) -> dict[str, int]:
    """Return how many groups of each dimension are not among the largest ones, where any is not."""
    return {name: len(tallied) - MOST_GROUPS for name, tallied in by.items() if len(tallied) > MOST_GROUPS}


def _of_dimension(cells: pl.DataFrame, name: str) -> dict[str | None, Tally]:
    if name == "signal":
        return _by_signal(tallies(cells, "signals"))
    tallied = {key: tally for (key,), tally in tallies(cells, name).items()}
    return {band: tallied[band] for band in BANDS if band in tallied} if name == "confidence_band" else tallied


def _by_signal(groups: Mapping[tuple[Any, ...], Tally]) -> dict[str | None, Tally]:
    """Return the group of each signal: a case is in that of each of its signals, or in that of none."""
    signals: dict[str | None, Tally] = {}
    for (names,), tally in groups.items():
        for name in (names or NO_SIGNAL).split():
            held = signals.setdefault(name, Tally(Counter(), []))
            held.sums.update(tally.sums)
            held.strata.extend(tally.strata)
    merged = {name: Tally(tally.sums, merge(tally.strata)) for name, tally in signals.items()}
    return dict(sorted(merged.items(), key=lambda item: (-item[1].sums["cases"], item[0])))


def _group(key: str | None, tally: Tally) -> Group:
    sums = tally.sums
    return Group(
        key=key,
        cases=sums["cases"],
        **tally.rates(),
        automatic_errors=tally.errors if sums["automatic"] else None,
        mean_confidence=min(1.0, round(sums["confidence"] / sums["known"], DIGITS)) if sums["known"] else None,
        stake=sums[STAKE] if sums["stated"] else None,
    )


def overturn_map(cells: pl.DataFrame, task_types: Iterable[str | None]) -> tuple[HeatCell, ...]:
    """Return the overturned share of these task types in each confidence band that has cases."""
    largest = set(islice(task_types, MOST_GROUPS))
    tallied = {key: each for key, each in tallies(cells, "task_type", "confidence_band").items() if key[0] in largest}
    ordered = sorted(tallied, key=lambda key: (key[0] is None, key[0] or "", BANDS.index(key[1])))
    return tuple(
        HeatCell(
            task_type=task_type,
            confidence_band=band,
            cases=tallied[task_type, band].sums["cases"],
            overturn=tallied[task_type, band].overturn,
        )
        for task_type, band in ordered
    )
