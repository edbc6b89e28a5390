"""The quality of each reviewer's decisions, from the audit records.

A signal is a reason for a closer look, not a proof: a reviewer who always agrees with a reliable agent is right too.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import permutations
from statistics import median

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import APPROVING, HumanDecision, QualityCheckKind
from hitl_orchestrator.domain.value import Identifier, Value, canonical_json
from hitl_orchestrator.insights.shares import Share, share_of

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
    the case; both cover the decisions that closed a case, since only those are timed. `gold_errors_approved` is the
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


def proposal_length(record: AuditRecord) -> int:
    """Return the length of the proposal as JSON, the only part of the case that a record keeps; 0 where there is none.

    The reviewer saw the task as well, so a pace computed from this length is never too fast.
    """
    return 0 if record.proposed_output is None else len(canonical_json(record.proposed_output.model_dump(mode="json")))


def measure_reviewers(
    records: Iterable[AuditRecord], length: Callable[[AuditRecord], int] = proposal_length
) -> list[ReviewerQuality]:
    """Return the quality of each reviewer, by name. The records must be complete, quality checks included.

    Replayed cases are left out: their decisions and times come from records, not from work in this system.

    `length` returns the number of characters that a case showed; by default that of the proposal.
    """
    by_case = {record.case_id: record for record in records if not record.replayed}
    tallies: dict[str, _Tally] = {}
    for record in by_case.values():
        in_order = list(_answers(record))
        answers = dict(in_order)
        for reviewer, decision in answers.items():
            tallies.setdefault(reviewer, _Tally()).add(record, decision)
        if record.human_decision is not None and answers:
            closed_by, _ = in_order[-1]
            tallies[closed_by].time(record, length(record))
        for (reviewer, decision), (_, other) in _compared(record, answers, by_case):
            tallies.setdefault(reviewer, _Tally()).peers.append(decision is other)
    return [tally.quality(reviewer) for reviewer, tally in sorted(tallies.items())]


@dataclass
class _Tally:
    """The counts of one reviewer."""

    cases: int = 0
    seconds: list[float] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)
    gold: list[bool] = field(default_factory=list)
    agent: list[bool] = field(default_factory=list)
    peers: list[bool] = field(default_factory=list)

    def add(self, record: AuditRecord, decision: HumanDecision) -> None:
        self.cases += 1
        approved = decision.spec.approves_proposal
        if record.quality_check is None and record.proposed_output is not None:
            self.agent.append(approved)
        if record.quality_check is QualityCheckKind.KNOWN_ANSWER and record.quality_check_expected not in (
            None,
            *APPROVING,
        ):
            self.gold.append(approved)

    def time(self, record: AuditRecord, characters: int) -> None:
        if record.seconds_looked_at is not None:
            self.seconds.append(record.seconds_looked_at)
            if characters > 0:
                self.paces.append(record.seconds_looked_at * 1000 / characters)

    def quality(self, reviewer: str) -> ReviewerQuality:
        pace = median(self.paces) if self.paces else None
        gold, agent, peers = share_of(self.gold), share_of(self.agent), share_of(self.peers)
        judged = (
            (QualitySignal.FAST, len(self.paces) >= ENOUGH_TIMED, (pace or 0.0) < FAST_SECONDS),
            (
                QualitySignal.APPROVES_GOLD_ERRORS,
                gold.of >= ENOUGH_GOLD,
                (gold.lowest or 0.0) > GOLD_ERRORS_APPROVED,
            ),
            (QualitySignal.ALWAYS_AGREES, agent.of >= ENOUGH_DECIDED, (agent.lowest or 0.0) > ALWAYS),
            (QualitySignal.APART_FROM_PEERS, peers.of >= ENOUGH_COMPARED, (peers.highest or 0.0) < WITH_PEERS),
        )
        return ReviewerQuality(
            reviewer=reviewer,
            cases=self.cases,
            timed=len(self.seconds),
            median_seconds=median(self.seconds) if self.seconds else None,
            median_seconds_per_1000=pace,
            gold_errors_approved=gold,
            with_agent=agent,
            with_peers=peers,
            signals=tuple(signal for signal, enough, shown in judged if enough and shown),
            not_enough_data=tuple(signal for signal, enough, _ in judged if not enough),
        )


_Answer = tuple[str, HumanDecision]


def _answers(record: AuditRecord) -> Iterator[_Answer]:
    """Yield each final answer with its reviewer, in order. An escalation is not final."""
    votes = [(vote.person or vote.reviewer_id, vote.human_decision) for vote in record.votes]
    if not votes and record.human_decision is not None:
        votes = [(record.reviewer_id, record.human_decision)]
    yield from ((person, decision) for person, decision in votes if person is not None and decision.final is not None)


def _compared(
    record: AuditRecord, answers: dict[str, HumanDecision], by_case: dict[str, AuditRecord]
) -> Iterator[tuple[_Answer, _Answer]]:
    """Yield each pair of answers of different reviewers to the same case, in both orders."""
    yield from permutations(answers.items(), 2)
    first = (
        by_case.get(record.quality_check_of or "") if record.quality_check is QualityCheckKind.SECOND_REVIEW else None
    )
    for answer in answers.items():
        for other in dict(_answers(first)).items() if first else ():
            if answer[0] != other[0]:
                yield from ((answer, other), (other, answer))
