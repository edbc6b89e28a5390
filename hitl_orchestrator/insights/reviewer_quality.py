"""The quality of each reviewer's decisions, from the frame of finished cases.

A signal is a reason for a closer look, not a proof: a reviewer who always agrees with a reliable agent is right too.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.enums import APPROVING, FINAL, QualityCheckKind
from hitl_orchestrator.domain.value import Identifier, Value
from hitl_orchestrator.insights.shares import Share, share_among

if TYPE_CHECKING:
    import polars as pl

READING_SECONDS = 42.0
"""The seconds in which adults read 1000 characters: 238 words a minute, of six characters with the blank between them.

Brysbaert, M. (2019): How many words do we read per minute? Journal of Memory and Language 109, 104047.
"""

FAST_SECONDS = READING_SECONDS / 4
"""A reviewer who takes less time for 1000 characters has not read them."""

GOLD_ERRORS_APPROVED = 0.1
"""The share of known wrong proposals that a careful reviewer may approve."""

ALWAYS = 0.95
"""A reviewer whose approval rate is certainly higher may no longer read the cases."""

WITH_PEERS = 0.5
"""A reviewer who certainly agrees with others less often decides by other criteria than they do."""

ENOUGH_TIMED, ENOUGH_GOLD, ENOUGH_DECIDED, ENOUGH_COMPARED = 20, 5, 50, 10
"""The numbers of cases that are needed for each signal."""


class QualitySignal(StrEnum):
    """A reason for a closer look at a reviewer."""

    FAST = "fast"
    APPROVES_GOLD_ERRORS = "approves_gold_errors"
    ALWAYS_AGREES = "always_agrees"
    APART_FROM_PEERS = "apart_from_peers"


NEEDED = {
    QualitySignal.FAST: ENOUGH_TIMED,
    QualitySignal.APPROVES_GOLD_ERRORS: ENOUGH_GOLD,
    QualitySignal.ALWAYS_AGREES: ENOUGH_DECIDED,
    QualitySignal.APART_FROM_PEERS: ENOUGH_COMPARED,
}
"""The number of cases that each signal needs."""


class ReviewerQuality(Value):
    """The quality of one reviewer. For the signals in `not_enough_data` there are too few cases.

    `median_seconds` runs from the first view to the decision, `median_seconds_per_1000` is relative to the length of
    the proposal, the only part of a case that its outcome keeps, so a pace is never too fast; both cover the decisions
    that closed a case, since only those are timed. `gold_errors_approved` is the
    share of approvals among gold tasks that should not be approved, `with_agent` that of ordinary cases, `with_peers`
    the share of decisions equal to those of other reviewers of the same case.
    """

    reviewer: Identifier
    cases: int
    timed: int
    median_seconds: float | None
    median_seconds_per_1000: float | None
    gold_errors_approved: Share
    with_agent: Share
    with_peers: Share
    signals: tuple[QualitySignal, ...] = ()
    not_enough_data: tuple[QualitySignal, ...] = ()


def measure_reviewers(
    frame: "pl.DataFrame", *, since: datetime | None = None, until: datetime | None = None
) -> tuple[ReviewerQuality, ...]:
    """Return the quality of each reviewer, by name, in the cases that ended from `since`, included, to `until`.

    `frame` is a prepared frame of all outcomes, quality checks included: a second review in the period is compared with
    the first one, whenever that was. Replayed cases are left out: their decisions and times come from records, not from
    work in this system. So are changes of policy and people, which no agent proposes.
    """
    import polars as pl  # noqa: PLC0415

    live = frame.select(*_OF_CASE, *_OF_ANSWER).filter(
        ~pl.col("replayed").fill_null(value=False) & (pl.col("kind") != "change")
    )
    answers = final_answers(pl, live).filter(pl.col("person").is_not_null())
    in_period = pl.lit(value=True) if since is None else pl.col("timestamp") >= since
    if until is not None:
        in_period &= pl.col("timestamp") < until
    counted = answers.filter(in_period)
    tallies: dict[str, dict[str, Any]] = {}
    for sums in (_decided(pl, counted), _timed(pl, counted), _compared(pl, answers, counted)):
        for row in sums.iter_rows(named=True):
            tallies.setdefault(row["person"], {}).update(row)
    return tuple(_quality(tally) for _, tally in sorted(tallies.items()))


_OF_CASE = (
    "case_id",
    "timestamp",
    "kind",
    "replayed",
    "has_proposal",
    "quality_check",
    "quality_check_expected",
    "quality_check_of",
    "seconds_looked_at",
    "shown_length",
)
_OF_ANSWER = ("votes", "reviewer_id", "human_decision")


def final_answers(pl: Any, live: "pl.DataFrame") -> "pl.DataFrame":
    """Return the last final answer of each person in each case, and whether it is the one that closed the case.

    Answers whose record names no person have a null `person`.
    """
    closed = pl.col("human_decision").is_not_null()
    single = live.filter(pl.col("votes").is_null()).select(
        *_OF_CASE, closed=closed, place=pl.lit(0, pl.UInt32), person="reviewer_id", decision="human_decision"
    )
    readable = pl.col("votes").map_elements(_readable, return_dtype=pl.String)  # a damaged store may hold anything
    votes = readable.str.json_decode(pl.List(pl.List(pl.String)))
    several = (
        live.filter(pl.col("votes").is_not_null())
        .select(*_OF_CASE, closed=closed, vote=votes)
        .with_columns(place=pl.int_ranges(pl.col("vote").list.len(), dtype=pl.UInt32))
        .explode("vote", "place")
        .with_columns(person=pl.col("vote").list.get(0), decision=pl.col("vote").list.get(1))
        .select(single.columns)
    )
    final = pl.col("decision").is_in([decision.value for decision in FINAL])
    # Only a case with several votes may have two answers of one person.
    last = several.filter(final).unique(("case_id", "person"), keep="last", maintain_order=True)
    last = last.with_columns(is_last=pl.col("place") == pl.col("place").max().over("case_id"))
    return pl.concat([single.filter(final).with_columns(is_last=pl.lit(value=True)), last]).with_columns(  # type: ignore[no-any-return]
        approved=pl.col("decision").is_in([decision.value for decision in APPROVING])
    )


def _readable(votes: str) -> str | None:
    """Return votes as the ledger's table holds them; None for other texts."""
    try:
        found = json.loads(votes)
    except (ValueError, RecursionError):
        return None
    lists = isinstance(found, list) and all(isinstance(vote, list) for vote in found)
    return votes if lists and all(isinstance(text, str | None) for vote in found for text in vote) else None


def _decided(pl: Any, answers: "pl.DataFrame") -> "pl.DataFrame":
    """Return the answers of each person: all of them, those to an agent's proposal, and those to gold errors."""
    agent = (pl.col("kind") == "case") & pl.col("has_proposal").fill_null(value=False)
    expected = pl.col("quality_check_expected")
    gold = (
        (pl.col("quality_check") == QualityCheckKind.KNOWN_ANSWER.value)
        & expected.is_not_null()
        & ~expected.is_in([decision.value for decision in APPROVING])
    ).fill_null(value=False)
    approved = pl.col("approved")
    return answers.group_by("person").agg(
        cases=pl.len(),
        agent=agent.sum(),
        agent_approved=(agent & approved).sum(),
        gold=gold.sum(),
        gold_approved=(gold & approved).sum(),
    )


def _timed(pl: Any, answers: "pl.DataFrame") -> "pl.DataFrame":
    """Return the times of the answers that closed a case."""
    seconds, length = pl.col("seconds_looked_at"), pl.col("shown_length")
    closing = answers.filter(pl.col("is_last") & pl.col("closed") & seconds.is_not_null())
    pace = (seconds * 1000 / length).filter(length > 0)
    return closing.group_by("person").agg(
        timed=pl.len(), seconds=seconds.median(), paces=pace.count(), pace=pace.median()
    )


def _compared(pl: Any, answers: "pl.DataFrame", counted: "pl.DataFrame") -> "pl.DataFrame":
    """Return how many pairs of answers of different persons to the same case agree, for each of the two."""
    read = ("case_id", "person", "decision")
    shared = counted.filter(pl.len().over("case_id") > 1).select(read)
    within = shared.join(shared, on="case_id").filter(pl.col("person") != pl.col("person_right"))
    second = counted.filter(pl.col("quality_check") == QualityCheckKind.SECOND_REVIEW.value)
    again = second.select("quality_check_of", "person", "decision").join(
        answers.select(read), left_on="quality_check_of", right_on="case_id"
    )
    across = again.filter(pl.col("person") != pl.col("person_right"))
    pair = ["person", "decision", "decision_right"]
    turned = across.select(person="person_right", decision="decision_right", decision_right="decision")
    pairs = pl.concat([within.select(pair), across.select(pair), turned])
    same = pl.col("decision") == pl.col("decision_right")
    return pairs.group_by("person").agg(peers=pl.len(), peers_same=same.sum())  # type: ignore[no-any-return]


def _quality(tally: Mapping[str, Any]) -> ReviewerQuality:
    gold = share_among(tally.get("gold_approved", 0), tally.get("gold", 0))
    agent = share_among(tally.get("agent_approved", 0), tally.get("agent", 0))
    peers = share_among(tally.get("peers_same", 0), tally.get("peers", 0))
    pace = tally.get("pace")
    judged = (
        (QualitySignal.FAST, tally.get("paces", 0) >= ENOUGH_TIMED, (pace or 0.0) < FAST_SECONDS),
        (QualitySignal.APPROVES_GOLD_ERRORS, gold.of >= ENOUGH_GOLD, (gold.lowest or 0.0) > GOLD_ERRORS_APPROVED),
        (QualitySignal.ALWAYS_AGREES, agent.of >= ENOUGH_DECIDED, (agent.lowest or 0.0) > ALWAYS),
        (QualitySignal.APART_FROM_PEERS, peers.of >= ENOUGH_COMPARED, (peers.highest or 0.0) < WITH_PEERS),
    )
    return ReviewerQuality(
        reviewer=tally["person"],
        cases=tally.get("cases", 0),
        timed=tally.get("timed", 0),
        median_seconds=tally.get("seconds"),
        median_seconds_per_1000=pace,
        gold_errors_approved=gold,
        with_agent=agent,
        with_peers=peers,
        signals=tuple(signal for signal, enough, shown in judged if enough and shown),
        not_enough_data=tuple(signal for signal, enough, _ in judged if not enough),
    )
