"""Who decided what: the decisions of each person, replayed ones included."""

from datetime import datetime
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.enums import FINAL
from hitl_orchestrator.domain.value import Identifier, UtcDatetime, Value
from hitl_orchestrator.insights.frame import rows_of
from hitl_orchestrator.insights.reviewer_quality import final_answers

if TYPE_CHECKING:
    import polars as pl

WORDS = tuple(decision.value for decision in FINAL)


class Decider(Value):
    """The decisions of one person, each vote included; None where the records name no person.

    `replayed` of them were taken from records. `last` is the time of the latest decided case.
    """

    person: Identifier | None
    cases: int
    approve: int = 0
    modify: int = 0
    override: int = 0
    reject: int = 0
    replayed: int = 0
    last: UtcDatetime | None = None


def measure_deciders(
    frame: "pl.DataFrame", *, since: datetime | None = None, until: datetime | None = None
) -> tuple[Decider, ...]:
    """Return what each person decided in the cases that ended from `since`, included, to `until`, most cases first.

    `frame` is a prepared frame of all outcomes. Quality checks and changes of policy or people are left out.
    """
    import polars as pl  # noqa: PLC0415

    cases = frame.filter(pl.col("kind") == "case")
    if since is not None:
        cases = cases.filter(pl.col("timestamp") >= since)
    if until is not None:
        cases = cases.filter(pl.col("timestamp") < until)
    tallies = (
        final_answers(pl, cases)
        .group_by("person")
        .agg(
            cases=pl.len(),
            replayed=pl.col("replayed").fill_null(value=False).sum(),
            last=pl.col("timestamp").max(),
            **{word: (pl.col("decision") == word).sum() for word in WORDS},
        )
    )
    return tuple(
        Decider.model_validate(row)
        for row in rows_of(tallies.sort("cases", "person", descending=[True, False], nulls_last=True))
    )
