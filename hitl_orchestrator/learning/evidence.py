"""What the finished cases of one group say about their agent: the labels by people, and the confidences of all."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hitl_orchestrator.learning.labels import Floats, Labels

if TYPE_CHECKING:
    import polars as pl

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Group(NamedTuple):
    """The cases that share a bound: of one task type, risk and domain; None stands for any."""

    task_type: str | None = None
    risk_level: str | None = None
    domain: str | None = None

    @property
    def text(self) -> str:
        """The group in words, such as `refund, low risk`."""
        words = [self.task_type, f"{self.risk_level} risk" if self.risk_level else None]
        return ", ".join(filter(None, [*words, f"in {self.domain}" if self.domain else None])) or "every case"


class Evidence(NamedTuple):
    """The labels of a group, and what they stand for.

    `draws` has a number in [0, 1) for each label, to thin them. `past` are the confidences of all its decided cases.
    `unseen` of them went ahead with no chance to be looked at; `unanswered` were due to be looked at and were not, and
    count as wrong. `hash` is the SHA-256 of ids and verdicts.
    """

    group: Group
    labels: Labels
    draws: Floats
    past: Floats
    unseen: int
    unanswered: int
    first: datetime | None
    last: datetime | None
    hash: str


def evidence_in(cases: "pl.DataFrame", group: Group) -> Evidence:
    """Return the evidence about a group in prepared cases (see `insights.frame.prepared`).

    A label is right where a person approved the proposal as it was, and wrong otherwise. Cases without a confidence,
    withdrawn ones, quality checks of reviewers and changes of policies are left out.
    """
    import polars as pl  # noqa: PLC0415 - an extra

    wanted = (pl.col("kind") == "case") & pl.col("is_decided") & pl.col("confidence_score").is_between(0, 1)
    for name, value in group._asdict().items():
        wanted &= pl.lit(value=True) if value is None else pl.col(name).cast(pl.String) == value
    automatic = ~pl.col("by_person") & (pl.col("decision_source") == "agent")
    # Cases that a rule would have approved have that of its hold and spot checks, whether a person decided them or not.
    chance = pl.col("review_probability").fill_null(pl.when(automatic).then(0.0).otherwise(1.0))
    due = ~automatic | pl.col("is_drawn").fill_null(value=False)
    verdict = pl.when("by_person").then(pl.col("overturned")).otherwise(pl.col("check_overturned"))
    rows = cases.filter(wanted).select(
        "case_id", "confidence_score", "timestamp", chance=chance, due=due, verdict=verdict
    )
    can_be_seen = pl.col("chance").is_between(0, 1, closed="right")
    looked = rows.filter(can_be_seen & pl.col("due")).sort("case_id")
    confidence, chances = looked["confidence_score"].to_list(), looked["chance"].to_list()
    labels = Labels.of(confidence, looked["verdict"].fill_null(value=True).to_list(), chances)
    return Evidence(
        group,
        labels,
        _draws(looked["case_id"]),
        rows["confidence_score"].to_numpy(),
        rows.filter(~can_be_seen).height,
        looked["verdict"].null_count(),
        *_ends(rows["timestamp"].dt.epoch("us").to_list()),
        _hash_of(looked),
    )


def _ends(times: list[int]) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last of times in microseconds. polars would look up the zone, which may be missing."""
    if not times:
        return None, None
    return _EPOCH + timedelta(microseconds=min(times)), _EPOCH + timedelta(microseconds=max(times))


def _hash_of(looked: "pl.DataFrame") -> str:
    lines = (f"{case} {verdict}\n" for case, verdict in looked.select("case_id", "verdict").iter_rows())
    return sha256("".join(lines).encode()).hexdigest()


def _draws(cases: Iterable[str]) -> Floats:
    """Return a number in [0, 1) for each case, always the same, so that a certificate can be computed again."""
    digests = (sha256(f"certificate\n{case}".encode()).digest()[:6] for case in cases)
    return np.array([int.from_bytes(each) for each in digests]) / float(1 << 48)
